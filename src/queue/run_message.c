/* SPDX-License-Identifier: ISC
 *
 * One message of a queue run.  While the answer to one is on its way the next
 * ones follow, on the same connection: all of them are locked.
 */
#include "queue/run_try.h"

#include <stdlib.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "queue/backoff.h"

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
run_all_blocked_until(const struct run *r)
{
	int64_t until, first = CLOCK_NEVER;
	size_t i;

	for (i = 0; i < r->config->account_count; i++) {
		until = run_blocked_until(r, &r->config->accounts[i]);
		if (until == 0)
			return 0;
		if (until < first)
			first = until;
	}
	return i == 0 ? 0 : first;
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
	try_log_possible_duplicate(t);
	if (spool_record_sent(&t->entry, st) == -1)
		return -1;
	(void)spool_sync(&t->run->spool, UNSYNCED_MAX, &ignored);
	return 0;
}

/* Its answer comes after those to others, or it takes long to leave: neither its
 * lock nor the slot may run out.  If one does, that cannot be helped where the
 * message has left, or is about to, and sent_all() notices it before. */
static void
waits(void *context)
{
	struct try *t = context;

	(void)spool_entry_hold(&t->entry);
	run_hold(t->run);
	if (t->run->connection.slot.number != -1)
		(void)limits_extend(&t->run->connection.slot);
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
	int64_t until = try_conclude(t);
	const struct account *account = t->report.account;

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
	if (spool_sync(&r->spool, 0, &st) == -1) {
		log_line(LOG_ERR, "%s", st.text);
		/* What comes back when the power fails has to stand in it. */
		manifest_leave(&r->manifest);
	}
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
		.is_record = !r->options->is_detached, .more = r->ready != NULL,
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
	delivery_push(&r->connection);
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
	if (try_waiting(t) != 0 && is_due) {
		get_ready(t);
		return;
	}
	if (try_waiting(t) == 0)
		(void)try_settle(t, false);
	end(t);
}
