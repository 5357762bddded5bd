/* SPDX-License-Identifier: ISC
 *
 * One message of a queue run.  While the answer to one is on its way the next
 * ones follow, on the same connection: all of them are locked.
 */
#include "queue/run.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "queue/backoff.h"
#include "queue/eventlog.h"

/* One attempt and all that it needs. */
struct try {
	struct run		*run;
	struct try		*next;		/* in flight, behind this one */
	struct attempt		*attempt;
	struct spool_entry	 entry;
	struct delivery_report	 report;
	struct status		 reason;	/* why it has to come again */
	bool			 was_held;	/* never tried: it has to wait */
	bool			 was_sent;	/* perhaps, before this attempt */
};

#define TROUBLE_MS	30000	/* for an account that could not be reached, or a
				 * disk that takes nothing */
#define UNSYNCED_MAX	8	/* messages removed, but perhaps not on the disk */
/* They are locked, and read, before the first of them is said: no more than what
 * one loss can double as it is (smtp/pipeline.c). */
#define READY_MAX	8
#define READY_OCTETS	(256 * 1024)

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

int64_t
run_unwritten_until(const struct run *r, const char *id)
{
	const struct unwritten *u = r->unwritten;

	for (; u < r->unwritten + UNWRITTEN_MAX; u++)
		if (strcmp(u->id, id) == 0 && clock_left(u->until) != 0)
			return u->until;
	return 0;
}

/* False if there are so many of them that it is the disk. */
static bool
leave_alone(struct run *r, const char id[SPOOL_ID_SIZE], int64_t until)
{
	struct unwritten *u = r->unwritten;

	for (; u < r->unwritten + UNWRITTEN_MAX; u++)
		if (u->id[0] == '\0' || clock_left(u->until) == 0) {
			memcpy(u->id, id, SPOOL_ID_SIZE);
			u->until = until;
			return true;
		}
	return false;
}

/* Nobody waits while others could use the connection. */
static void
block(struct run *r, const struct account *account, int64_t until)
{
	int64_t pause = limits_paused_until(r->config, account, NULL);

	if (pause != 0)
		until = clock_deadline((pause - clock_wall()) * 1000);
	*blocked(r, account) = until;
	run_wake_at(r, until);
	run_finish(r);
	delivery_connection_close(&r->connection);
}

/* For the attempt: what a run knows of an account it asks once. */
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

/* The reason of the first recipient in that state; false if there is none. */
static bool
take_reason(struct try *t, enum recipient_state state)
{
	const struct recipient *r =
	    envelope_first(&t->entry.submission.envelope, state);

	if (r != NULL)
		recipient_status(r, &t->reason);
	return r != NULL;
}

/* An attempt before this one may have delivered it. */
static void
log_possible_duplicate(struct try *t)
{
	struct log_event log;

	if (!t->was_sent)
		return;
	t->was_sent = false;
	log_event_begin(&log, "possible-duplicate");
	log_event_add(&log, "id", "%s", t->entry.id);
	log_event_add(&log, "reason", "its data had been sent, or was about "
	    "to be, and the answer is not known");
	log_event_end(&log, LOG_WARNING);
}

/* Before the last bytes of the data leave: both locks are ours still, and the
 * journal says that the answer is unknown. */
static int
sent_all(void *context, struct status *st)
{
	struct try *t = context;
	struct status ignored = STATUS_INIT;

	if (t->run->connection.slot.number != -1 &&
	    limits_extend(&t->run->connection.slot) == -1)
		return status_set(st, EX_TEMPFAIL,
		    "we were too slow, another process has our slot");
	if (!manifest_hold(&t->run->manifest, &t->run->spool))
		t->entry.listed = 0;
	log_possible_duplicate(t);
	if (spool_record_sent(&t->entry, st) == -1)
		return -1;
	(void)spool_sync(&t->run->spool, UNSYNCED_MAX, &ignored);
	return 0;
}

/* Its answer comes after those to others: neither its lock nor the slot may run
 * out.  If one does, that cannot be helped: the message has left. */
static void
waits(void *context)
{
	struct try *t = context;

	(void)spool_entry_hold(&t->entry);
	(void)manifest_hold(&t->run->manifest, &t->run->spool);
	if (t->run->connection.slot.number != -1)
		(void)limits_extend(&t->run->connection.slot);
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

	if (spool_forget(&r->spool, &t->entry, &st) == 0) {
		r->counts.delivered++;
		return;
	}
	log_problem(t, "spool-error", &st);
	/* Then let the journal say that nobody is waiting any more. */
	if (spool_record_attempt(&t->entry, NULL, NULL, 0, &st) == -1)
		log_problem(t, "spool-error", &st);
}

/* Writes down how the recipients stand now.  One file that takes nothing keeps
 * only its own message: -1 if the others cannot be written down either. */
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
	if (st.scope == SCOPE_LOCAL)
		return -1;
	return leave_alone(t->run, t->entry.id,
	    clock_deadline((next - clock_wall()) * 1000)) ? 0 : -1;
}

/* The message after an attempt, or after a crash between an attempt's record
 * and what should have followed.  -1 if the disk takes nothing: a message that is
 * too old leaves new/ all the same. */
static int
settle(struct try *t, bool has_attempt)
{
	struct run *r = t->run;
	int64_t now = clock_wall(), next;
	int rc = 0;

	if (waiting(t) == 0 && !take_reason(t, RECIPIENT_REFUSED) &&
	    !take_reason(t, RECIPIENT_UNUSABLE)) {
		finish(t);
		return 0;
	}
	next = backoff_next(t->entry.attempts + 1, &t->reason, now);
	if (has_attempt)
		rc = record(t, next);
	if (waiting(t) == 0 ||
	    backoff_is_over(&t->entry, r->config->retry_for, now)) {
		fail(t);
		return rc;
	}
	r->counts.deferred++;
	run_wake_at(r, clock_ms() + (next - now) * 1000);
	return rc;
}

/* What this attempt tells of the next ones to the same account: it reaches as
 * far as the status says.  clock_ms until which to leave it alone, or 0. */
static int64_t
learn(struct try *t)
{
	if (t->report.account == NULL || t->was_held)
		return 0;
	if (t->report.held_until != 0) {
		t->was_held = !t->report.was_tried;
		return t->report.held_until;
	}
	if (t->reason.sysexit != EX_OK &&
	    (t->reason.scope == SCOPE_ACCOUNT ||
	    t->reason.scope == SCOPE_SESSION || t->reason.reply == 432))
		return clock_deadline(TROUBLE_MS);
	return 0;
}

static void
end(struct try *t)
{
	delivery_report_release(&t->report);
	spool_entry_release(&t->entry);
	free(t);
}

/* Waits for the answers and writes them down. */
static void
finish_attempt(struct try *t)
{
	struct run *r = t->run;
	const struct account *account;
	int64_t until;

	if (delivery_finish(t->attempt, &t->reason) == 0)
		(void)take_reason(t, RECIPIENT_DEFERRED);
	account = t->report.account;
	until = learn(t);
	/* A message that was held had no attempt: nothing is logged, nothing
	 * is written. */
	if (!t->was_held) {
		r->counts.tried++;
		log_possible_duplicate(t);
		eventlog_attempt(&t->entry.submission, &t->report, t->entry.id,
		    EVENTLOG_DEFERRED);
		/* They would be said to the server again and again: they wait for
		 * a disk that takes something. */
		if (settle(t, true) == -1 && until == 0 && account != NULL)
			until = clock_deadline(TROUBLE_MS);
	}
	end(t);
	if (until != 0)
		block(r, account, until);
}

/* Takes one out of those in flight. */
static void
finish_one(struct try **link)
{
	struct try *t = *link;

	*link = t->next;
	finish_attempt(t);
}

void
run_finish(struct run *r)
{
	struct status st = STATUS_INIT;

	while (r->in_flight != NULL)
		finish_one(&r->in_flight);
	if (spool_sync(&r->spool, 0, &st) == -1)
		log_line(LOG_ERR, "%s", st.text);
}

static bool
make_room(void *context)
{
	struct run *r = ((struct try *)context)->run;

	if (r->in_flight == NULL)
		return false;
	finish_one(&r->in_flight);
	return true;
}

/* Those whose answers are there; writing one down can finish others. */
static void
finish_answered(struct run *r)
{
	struct try **link = &r->in_flight;

	while (*link != NULL)
		if (delivery_is_answered((*link)->attempt)) {
			finish_one(link);
			link = &r->in_flight;
		} else
			link = &(*link)->next;
}

static void
start_attempt(struct try *t)
{
	struct run *r = t->run;
	struct try **link;
	struct delivery_options options = {
		.connection = &r->connection, .is_runner = true,
		.is_record = !r->options->is_detached,
		.trace = r->options->trace,
		.trace_context = r->options->trace_context,
		.hook_context = t, .admit = admit, .make_room = make_room,
		.sent_all = sent_all, .waits = waits
	};

	t->was_sent = t->entry.answer_unknown;
	t->attempt = delivery_start(r->config, &t->entry.submission, &options,
	    &t->report);
	for (link = &r->in_flight; *link != NULL; link = &(*link)->next)
		;
	*link = t;
	finish_answered(r);
}

/* One sync for all of them. */
static void
list_all(struct run *r)
{
	struct spool_entry *entries[MANIFEST_MAX];
	struct status ignored = STATUS_INIT;	/* then each is synced */
	struct try *t;
	size_t n = 0;

	for (t = r->in_flight; t != NULL && n < MANIFEST_MAX; t = t->next)
		entries[n++] = &t->entry;
	for (t = r->ready; t != NULL && n < MANIFEST_MAX; t = t->next)
		entries[n++] = &t->entry;
	(void)manifest_write(&r->manifest, &r->spool, entries, n, &ignored);
}

void
run_begin(struct run *r)
{
	struct try *t;

	if (r->ready_count > 1)
		list_all(r);
	while ((t = r->ready) != NULL) {
		r->ready = t->next;
		t->next = NULL;
		start_attempt(t);
		run_hold(r);
	}
	r->ready_count = 0;
	r->ready_octets = 0;
}

static void
get_ready(struct try *t)
{
	struct run *r = t->run;
	struct try **link;

	for (link = &r->ready; *link != NULL; link = &(*link)->next)
		;
	*link = t;
	r->ready_octets += t->entry.size;
	if (++r->ready_count == READY_MAX || r->ready_octets > READY_OCTETS)
		run_begin(r);
}

/* False if there is no such message, or somebody else has it. */
static bool
load(struct try *t, const char *id)
{
	struct status st = STATUS_INIT;
	int rc = spool_load(&t->run->spool, id, false, &t->entry, &st);

	/* What was set aside has its line in the log. */
	if (rc == -1 && st.sysexit != EX_DATAERR)
		log_line(LOG_ERR, "%s", st.text);
	return rc == 0;
}

void
run_message(struct run *r, const char *id)
{
	struct try *t = xcalloc(1, sizeof *t);
	bool is_due;

	t->run = r;
	if (!load(t, id)) {
		free(t);
		return;
	}
	is_due = r->ignore_times ||
	    backoff_is_due(t->entry.next_attempt, clock_wall());
	if (waiting(t) != 0 && is_due) {
		get_ready(t);
		return;
	}
	if (waiting(t) == 0)
		(void)settle(t, false);
	end(t);
}
