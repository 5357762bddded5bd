/* SPDX-License-Identifier: ISC */
#include "queue/runner.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "queue/backoff.h"
#include "queue/run.h"
#include "queue/spool.h"
#include "queue/state_file.h"

#define ROUND_SIZE	10	/* messages of each user */
#define DETACHED_MOST	2	/* detached runners at once */
#define LOOK_LEAST_MS	500	/* between two scans */
#define LOOK_MOST_MS	5000	/* somebody may count on us */
#define PLACE_MS	(3 * 60 * 1000)	/* promised for one message */
#define ABANDONED_AFTER	86400	/* seconds: nobody writes a token so long */

/* A message that is due. */
struct candidate {
	char	id[SPOOL_ID_SIZE];
	const struct account *account;	/* of its last attempt, or NULL */
	bool	is_readable;		/* if not, run_message() sets it aside */
	size_t	order;			/* by age */
	uid_t	uid;			/* whose it is */
	size_t	round;			/* see deal_rounds() */
};

struct candidates {
	struct candidate *items;
	size_t		  count, cap;
};

static bool
contains(const char *text, const char *wanted)
{
	return wanted == NULL || (text != NULL && strcasestr(text, wanted));
}

static bool
has_recipient(const struct envelope *e, const char *wanted)
{
	size_t i;

	if (wanted == NULL)
		return true;
	for (i = 0; i < e->count; i++)
		if (contains(e->recipients[i].address, wanted))
			return true;
	return false;
}

static bool
is_wanted(struct run *r, const struct spool_entry *e)
{
	const struct runner_options *o = r->options;
	int64_t until;

	if (!contains(e->submission.envelope.sender, o->sender) ||
	    !has_recipient(&e->submission.envelope, o->recipient))
		return false;
	if ((until = run_unwritten_until(r, e->id)) != 0) {
		run_wake_at(r, until);
		return false;
	}
	if (r->ignore_times || backoff_is_due(e->next_attempt, clock_wall()))
		return true;
	run_wake_at(r, clock_ms() +
	    (e->next_attempt - clock_wall()) * 1000);
	return false;
}

static struct candidate *
add(struct candidates *list, const char *id)
{
	struct candidate *c;
	struct spool_id parts = { 0 };

	if (list->count == list->cap) {
		list->cap = list->cap == 0 ? 64 : list->cap * 2;
		list->items = xreallocarray(list->items, list->cap,
		    sizeof *list->items);
	}
	c = &list->items[list->count];
	memset(c, 0, sizeof *c);
	memcpy(c->id, id, strlen(id) + 1);
	if (spool_id_parse(&parts, id))
		c->uid = parts.uid;
	c->order = list->count++;
	return c;
}

static void
add_readable(struct run *r, struct candidates *list, const struct spool_entry *e)
{
	struct candidate *c = add(list, e->id);

	c->is_readable = true;
	if (e->last_account != NULL)
		c->account = config_account(r->config, e->last_account);
}

/* Looks without locking: most messages, most of the time, are not due. */
static void
consider(struct run *r, struct candidates *list, const char *id)
{
	struct status st = STATUS_INIT;
	struct spool_entry e;

	if (!contains(id, r->options->id))
		return;
	switch (spool_peek(&r->spool, id, false, &e, &st)) {
	case 0:
		if (is_wanted(r, &e))
			add_readable(r, list, &e);
		spool_entry_release(&e);
		break;
	case -1:
		add(list, id);
		break;
	}
}

static int
by_user_and_age(const void *a, const void *b)
{
	const struct candidate *c = a, *d = b;

	if (c->uid != d->uid)
		return c->uid < d->uid ? -1 : 1;
	return c->order < d->order ? -1 : 1;
}

/* A mailbox sends 30 messages a minute: if the oldest simply came first, one user
 * with ten thousand would keep everybody's mail for hours.  So some of each
 * user's go first, then some more of each. */
static void
deal_rounds(struct candidates *list)
{
	struct candidate *c = list->items;
	size_t i, nth = 0;

	qsort(c, list->count, sizeof *c, by_user_and_age);
	for (i = 0; i < list->count; i++) {
		nth = i != 0 && c[i].uid == c[i - 1].uid ? nth + 1 : 0;
		c[i].round = nth / ROUND_SIZE;
	}
}

/* Within a round account by account, so that each needs one connection; the
 * oldest first. */
static int
by_round_account_and_age(const void *a, const void *b)
{
	const struct candidate *c = a, *d = b;

	if (c->round != d->round)
		return c->round < d->round ? -1 : 1;
	if (c->account != d->account)
		return c->account < d->account ? -1 : 1;
	return c->order < d->order ? -1 : 1;
}

void
run_hold(struct run *r)
{
	(void)lock_extend(&r->place, PLACE_MS);
	(void)manifest_hold(&r->manifest, &r->spool);
}

/* Asked before it is locked, read and listed: that costs a sync for eight. */
static int64_t
blocked_until(const struct run *r, const struct candidate *c)
{
	if (c->account != NULL)
		return run_blocked_until(r, c->account);
	return c->is_readable ? run_all_blocked_until(r) : 0;
}

static void
try_all(struct run *r, const struct candidates *list)
{
	const struct candidate *c;
	int64_t until;
	size_t i;

	for (i = 0; i < list->count; i++) {
		c = &list->items[i];
		if (r->options->progress != NULL)
			r->options->progress(r->options->trace_context,
			    (int64_t)i, (int64_t)list->count);
		/* Those of another account need not wait for this one's server. */
		if (i != 0 && c->account != list->items[i - 1].account)
			run_begin(r);
		until = blocked_until(r, c);
		if (until != 0)
			run_wake_at(r, until);
		else
			run_message(r, c->id);
		run_hold(r);
	}
	run_begin(r);
	run_finish(r);
	manifest_end(&r->manifest, &r->spool);
	/* Nobody waits while others could use the connection. */
	delivery_connection_close(&r->connection);
}

/* Tries what is due; r->wake is then the time when more will be. */
static int
scan(struct run *r, struct status *st)
{
	struct candidates list = { 0 };
	size_t count, i;
	char **ids;

	r->wake = CLOCK_NEVER;
	if (spool_list(&r->spool, false, &ids, &count, st) == -1)
		return -1;
	for (i = 0; i < count; i++)
		consider(r, &list, ids[i]);
	spool_ids_free(ids, count);
	if (list.count != 0) {
		deal_rounds(&list);
		qsort(list.items, list.count, sizeof *list.items,
		    by_round_account_and_age);
	}
	try_all(r, &list);
	r->ignore_times = false;	/* once is what was asked for */
	free(list.items);
	return 0;
}

/* False when nothing more comes due before `end`. */
static bool
wait_for_more(const struct run *r, int64_t end)
{
	struct timespec t;
	int64_t ms;

	if (r->wake >= end || clock_left(end) == 0)
		return false;
	ms = clock_left(r->wake);
	if (ms < LOOK_LEAST_MS)
		ms = LOOK_LEAST_MS;
	if (ms > LOOK_MOST_MS)
		ms = LOOK_MOST_MS;
	t = (struct timespec){
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000
	};
	nanosleep(&t, NULL);
	return true;
}

/* One of the few places for detached runners: 1 if all are taken. */
static int
take_place(struct lock *place, const struct config *c)
{
	static const char *const names[DETACHED_MOST] = {
		"runner.0", "runner.1"
	};
	struct status st = STATUS_INIT;
	int directory, i, rc = 1;

	if ((directory = state_file_directory(c, &st)) == -1)
		return 1;
	for (i = 0; i < DETACHED_MOST && rc != 0; i++)
		rc = lock_take(place, directory, names[i], 0, PLACE_MS, &st);
	close(directory);
	return rc == 0 ? 0 : 1;
}

/* What killed processes left behind, and what has failed for long enough. */
static void
tidy(struct run *r)
{
	struct status st = STATUS_INIT;
	int64_t now = clock_wall();
	int state = state_file_directory(r->config, &st);

	spool_sweep(&r->spool, now);
	spool_expire_failed(&r->spool, now);
	if (state == -1)
		return;
	safefile_sweep_at(state, now - ABANDONED_AFTER);
	close(state);
}

/* Until nothing more is due, and once more: whoever spooled a message while we
 * held a place counted on us, and we may just have looked before he did. */
static int
run(struct run *r, struct status *st)
{
	int64_t end = clock_deadline(r->options->linger_ms);

	if (spool_check_writable(&r->spool, st) == -1 ||
	    manifest_recover(&r->spool, st) == -1) {
		log_line(LOG_ERR, "%s", st->text);	/* nobody may be listening */
		return -1;
	}
	tidy(r);
	do {
		if (scan(r, st) == -1)
			return -1;
	} while (wait_for_more(r, end));
	lock_release(&r->place);
	return scan(r, st);
}

int
runner_run(const struct config *c, const struct runner_options *o,
    struct runner_counts *counts, struct status *st)
{
	struct run r = {
		.config = c, .options = o, .place = LOCK_INIT,
		.ignore_times = o->ignore_times,
		.connection = DELIVERY_CONNECTION_INIT,
		.manifest = MANIFEST_INIT, .wake = CLOCK_NEVER
	};
	int rc;

	if (o->is_detached && take_place(&r.place, c) == 1)
		return 0;
	if ((rc = spool_open(&r.spool, c, st)) == 0) {
		r.blocked = xcalloc(c->account_count, sizeof *r.blocked);
		rc = run(&r, st);
		free(r.blocked);
		spool_close(&r.spool);
	}
	lock_release(&r.place);
	if (counts != NULL)
		*counts = r.counts;
	return rc;
}
