/* SPDX-License-Identifier: ISC
 *
 * One message of a queue run.
 */
#include "queue/run.h"

#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/backoff.h"
#include "queue/eventlog.h"

/* One attempt and all that it needs. */
struct try {
	struct run		*run;
	struct spool_entry	 entry;
	struct delivery_report	 report;
	struct status		 reason;	/* why it has to come again */
	size_t			 delivered;	/* before this attempt */
	bool			 was_held;	/* never tried: it has to wait */
};

#define TROUBLE_MS	30000	/* for an account that could not be reached */

void
run_wake_at(struct run *r, int64_t when)
{
	if (when < r->wake)
		r->wake = when;
}

static int64_t *
blocked(const struct run *r, const struct account *account)
{
	return &r->blocked[account - r->config->accounts];
}

int64_t
run_blocked_until(const struct run *r, const struct account *account)
{
	int64_t until = *blocked(r, account);

	return until > clock_ms() ? until : 0;
}

static void
block(struct run *r, const struct account *account, int64_t until)
{
	int64_t pause = limits_paused_until(r->config, account, NULL);

	if (pause != 0)
		until = clock_deadline((pause - clock_wall()) * 1000);
	*blocked(r, account) = until;
	run_wake_at(r, until);
	/* Nobody waits while others could use the connection. */
	delivery_connection_close(&r->connection);
}

/* For delivery_attempt(): what a run knows of an account it asks once. */
static int
admit(void *context, const struct account *account, struct status *st)
{
	struct try *t = context;

	if (run_blocked_until(t->run, account) == 0)
		return 0;
	t->was_held = true;
	return status_set(st, EX_TEMPFAIL, "account %s is left alone for now",
	    account->name);
}

static size_t
count(const struct try *t, enum recipient_state state)
{
	return envelope_count(&t->entry.submission.envelope, state);
}

static size_t
waiting(const struct try *t)
{
	return count(t, RECIPIENT_PENDING) + count(t, RECIPIENT_DEFERRED);
}

/* The reason of the first recipient in that state. */
static void
take_reason(struct try *t, enum recipient_state state)
{
	const struct envelope *e = &t->entry.submission.envelope;
	size_t i;

	for (i = 0; i < e->count; i++)
		if (e->recipients[i].state == state) {
			t->reason = e->recipients[i].status;
			return;
		}
}

/* Before the last bytes of the data leave: both locks are ours still, and the
 * journal says that the answer is unknown. */
static int
sent_all(void *context, struct status *st)
{
	struct try *t = context;

	if (t->run->connection.slot.number != -1 &&
	    limits_extend(&t->run->connection.slot) == -1)
		return status_set(st, EX_TEMPFAIL,
		    "we were too slow, another process has our slot");
	return spool_record_sent(&t->entry, st);
}

static void
log_problem(const struct try *t, const char *event, const struct status *st)
{
	struct log_event log;

	log_event_begin(&log, event);
	log_event_add(&log, "id", "%s", t->entry.id);
	log_event_add_status(&log, st);
	log_event_end(&log, LOG_ERR);
}

static void
log_possible_duplicate(const struct try *t)
{
	struct log_event log;

	log_event_begin(&log, "possible-duplicate");
	log_event_add(&log, "id", "%s", t->entry.id);
	log_event_add(&log, "reason", "all data had been sent, and the answer "
	    "is not known");
	log_event_end(&log, LOG_WARNING);
}

/* Too old or refused: to failed/, with one line that says why. */
static void
fail(struct try *t)
{
	struct run *r = t->run;
	struct status st = STATUS_INIT;

	if (spool_fail(&r->spool, &t->entry, &st) == -1) {
		log_problem(t, "spool-error", &st);
		return;
	}
	r->counts.failed++;
	log_problem(t, "given-up", &t->reason);
}

static void
finish(struct try *t)
{
	struct run *r = t->run;
	struct status st = STATUS_INIT;

	if (spool_remove(&r->spool, &t->entry, &st) == 0) {
		r->counts.delivered++;
		return;
	}
	log_problem(t, "spool-error", &st);
	/* Then let the journal say that nobody is waiting any more. */
	if (spool_record_attempt(&t->entry, NULL, NULL, 0, &st) == -1)
		log_problem(t, "spool-error", &st);
}

/* Writes down how the recipients stand now. */
static int
record(struct try *t, int64_t next)
{
	const struct account *account = t->report.account;
	struct status st = STATUS_INIT;

	if (spool_record_attempt(&t->entry,
	    account != NULL ? account->name : NULL, &t->reason, next,
	    &st) == 0)
		return 0;
	log_problem(t, "spool-error", &st);
	return -1;
}

/* The message after an attempt, or after a crash between an attempt's record
 * and what should have followed. */
static void
settle(struct try *t, bool has_attempt)
{
	struct run *r = t->run;
	int64_t now = clock_wall(), next;

	if (waiting(t) == 0 && count(t, RECIPIENT_REFUSED) == 0) {
		finish(t);
		return;
	}
	if (waiting(t) == 0)
		take_reason(t, RECIPIENT_REFUSED);
	next = backoff_next(t->entry.attempts + 1, &t->reason, now);
	if (has_attempt && record(t, next) == -1)
		return;
	if (waiting(t) == 0 ||
	    backoff_is_over(&t->entry, r->config->retry_for, now)) {
		fail(t);
		return;
	}
	r->counts.deferred++;
	run_wake_at(r, clock_ms() + (t->entry.next_attempt - now) * 1000);
}

/* What this attempt tells of the next ones to the same account: it reaches as
 * far as the status says. */
static void
learn(struct try *t)
{
	const struct account *account = t->report.account;

	if (account == NULL || t->was_held)
		return;
	if (t->report.held_until != 0 &&
	    count(t, RECIPIENT_DELIVERED) == t->delivered) {
		t->was_held = true;
		block(t->run, account, t->report.held_until);
	} else if (t->reason.sysexit != EX_OK &&
	    (t->reason.scope == SCOPE_ACCOUNT ||
	    t->reason.scope == SCOPE_SESSION || t->reason.reply == 432))
		block(t->run, account, clock_deadline(TROUBLE_MS));
}

static void
attempt(struct try *t)
{
	struct run *r = t->run;
	struct delivery_options options = {
		.deadline = clock_deadline(r->config->send_timeout * 1000),
		.connection = &r->connection, .is_runner = true,
		.is_record = !r->options->is_detached,
		.admit = admit, .admit_context = t,
		.trace = r->options->trace,
		.trace_context = r->options->trace_context,
		.sent_all = sent_all, .sent_all_context = t
	};
	struct status st = STATUS_INIT;
	bool failed;

	if (t->entry.answer_unknown)
		log_possible_duplicate(t);
	t->delivered = count(t, RECIPIENT_DELIVERED);
	failed = delivery_attempt(r->config, &t->entry.submission, &options,
	    &t->report, &st) == -1;
	if (failed)
		t->reason = st;
	else
		take_reason(t, RECIPIENT_DEFERRED);
	learn(t);
	/* That was no attempt: nothing is logged, nothing is written. */
	if (t->was_held)
		return;
	r->counts.tried++;
	eventlog_attempt(&t->entry.submission, &t->report, t->entry.id);
	settle(t, true);
}

void
run_message(struct run *r, const char *id)
{
	struct try t = { .run = r };
	struct status st = STATUS_INIT;

	switch (spool_load(&r->spool, id, false, &t.entry, &st)) {
	case 0:
		break;
	case -1:
		/* What was set aside has its line in the log. */
		if (st.sysexit != EX_DATAERR)
			log_line(LOG_ERR, "%s", st.text);
		return;
	default:
		return;
	}
	if (waiting(&t) == 0)
		settle(&t, false);
	else if (r->ignore_times ||
	    backoff_is_due(t.entry.next_attempt, clock_wall()))
		attempt(&t);
	delivery_report_release(&t.report);
	spool_entry_release(&t.entry);
}
