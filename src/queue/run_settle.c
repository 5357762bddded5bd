/* SPDX-License-Identifier: ISC
 *
 * What came of one attempt of a queue run: for the message, and for the next ones
 * to the same account.
 */
#include "queue/run_try.h"

#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/backoff.h"
#include "queue/eventlog.h"

#define TROUBLE_MS	30000	/* for an account that could not be reached, or a
				 * disk that takes nothing */

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

static size_t
count(const struct try *t, enum recipient_state state)
{
	return envelope_count(&t->entry.submission.envelope, state);
}

size_t
try_waiting(const struct try *t)
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

void
try_log_possible_duplicate(struct try *t)
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

/* Of a message that was in a list it may be known there alone that it was sent. */
static void
stay_listed(struct try *t, const struct status *st)
{
	log_problem(t, "spool-error", st);
	manifest_leave(&t->run->manifest);
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
		stay_listed(t, &st);
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
	stay_listed(t, &st);
	if (st.scope == SCOPE_LOCAL)
		return -1;
	return leave_alone(t->run, t->entry.id,
	    clock_deadline((next - clock_wall()) * 1000)) ? 0 : -1;
}

int
try_settle(struct try *t, bool has_attempt)
{
	struct run *r = t->run;
	int64_t now = clock_wall(), next;
	int rc = 0;

	if (try_waiting(t) == 0 && !take_reason(t, RECIPIENT_REFUSED) &&
	    !take_reason(t, RECIPIENT_UNUSABLE)) {
		finish(t);
		return 0;
	}
	next = backoff_next(t->entry.attempts + 1, &t->reason, now);
	if (has_attempt)
		rc = record(t, next);
	if (try_waiting(t) == 0 ||
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

int64_t
try_conclude(struct try *t)
{
	struct run *r = t->run;
	int64_t until;

	if (delivery_finish(t->attempt, &t->reason) == 0)
		(void)take_reason(t, RECIPIENT_DEFERRED);
	until = learn(t);
	/* A message that was held had no attempt: nothing is logged, nothing
	 * is written, but where the journal says by now that it was sent. */
	if (t->was_held && (t->was_sent || !t->entry.answer_unknown))
		return until;
	r->counts.tried++;
	try_log_possible_duplicate(t);
	eventlog_attempt(&t->entry.submission, &t->report, t->entry.id,
	    EVENTLOG_DEFERRED);
	/* They would be said to the server again and again: they wait for a disk
	 * that takes something. */
	if (try_settle(t, true) == -1 && until == 0 &&
	    t->report.account != NULL)
		until = clock_deadline(TROUBLE_MS);
	return until;
}
