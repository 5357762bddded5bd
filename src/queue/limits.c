/* SPDX-License-Identifier: ISC
 *
 * Connection slots.  The pause is in limits_pause.c, the windows of messages
 * per minute and hour are in limits_window.c.
 */
#include "queue/limits.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "queue/limits_pause.h"
#include "queue/state_file.h"

/* The longest flight: all of the data, then ten minutes for the answer,
 * RFC 5321 4.5.3.2.6. */
#define ANSWER_MS	(11 * 60 * 1000)
#define EXTEND_MS	1000
#define POLL_MS		40	/* between looks, and as much again at random */

/* Whoever may not write or open our small files cannot keep count, and a file
 * that he leaves half written counts for nobody. */
static const struct {
	int	resource;
	rlim_t	least;
} floors[] = {
	{ RLIMIT_FSIZE, 128 << 10 },
	{ RLIMIT_NOFILE, 16 },
};

int
limits_check_caller(struct status *st)
{
	struct rlimit limit;
	size_t i;

	for (i = 0; i < sizeof floors / sizeof *floors; i++)
		if (getrlimit(floors[i].resource, &limit) == 0 &&
		    limit.rlim_cur < floors[i].least) {
			status_set(st, EX_TEMPFAIL, "nothing is sent under "
			    "limits on file size and open files as low as these");
			return status_hint(st, "raise ulimit -f or ulimit -n of "
			    "what called");
		}
	return 0;
}

static int
take(struct slot *s, int directory, const char *key, int number,
    struct status *st)
{
	char name[STATE_NAME_SIZE];
	int rc;

	snprintf(name, sizeof name, "slot-%s.%d", key, number);
	rc = lock_take(&s->lock, directory, name, 0, s->hold_ms, st);
	if (rc == 0)
		s->number = number;
	return rc;
}

/* The runner's own slot first, then from the last down: callers start at the
 * other end.  Returns as lock_take(). */
static int
take_any(struct slot *s, int directory, const char *key, int count,
    enum slot_kind kind, struct status *st)
{
	int rc, i;

	if (kind == SLOT_CALLER) {
		for (i = count > 1 ? 1 : 0; i < count; i++)
			if ((rc = take(s, directory, key, i, st)) != 1)
				return rc;
		return 1;
	}
	if ((rc = take(s, directory, key, 0, st)) != 1)
		return rc;
	for (i = count - 1; i > 0; i--)
		if ((rc = take(s, directory, key, i, st)) != 1)
			return rc;
	return 1;
}

static void
sleep_until_next_look(int64_t deadline)
{
	int64_t ms = POLL_MS + random_below(POLL_MS);
	struct timespec t;

	if (ms > clock_left(deadline))
		ms = clock_left(deadline);
	t = (struct timespec){ .tv_nsec = (long)ms * 1000000 };
	nanosleep(&t, NULL);
}

static int
say_paused(const struct account *a, int64_t until, const struct status *why,
    struct status *st)
{
	char date[40];

	clock_rfc5322(until, date);
	status_set(st, EX_TEMPFAIL, "account %s pauses until %s: %s", a->name,
	    date, why->text);
	st->scope = SCOPE_ACCOUNT;
	/* Its words explain, but it did not say them to us: no code. */
	status_remote(st, 0, "", why->remote);
	status_hint(st, "%s", why->hint);
	return 1;
}

static int
say_full(const struct account *a, int count, struct status *st)
{
	status_set(st, EX_TEMPFAIL, "account %s: all %d connections that "
	    "this host may have are in use", a->name, count);
	st->scope = SCOPE_ACCOUNT;
	status_hint(st, "it passes when one is free; max-connections is this "
	    "host's share of what the mailbox may have");
	return 1;
}

int
limits_take_slot(struct slot *s, const struct config *c,
    const struct account *a, enum slot_kind kind, int64_t wait_deadline,
    struct status *st)
{
	struct status why = STATUS_INIT;
	char key[STATE_KEY_SIZE];
	int directory, count, rc;
	int64_t until;
	bool single;

	*s = (struct slot)SLOT_INIT;
	if (limits_check_caller(st) == -1)
		return 1;
	s->hold_ms = c->send_timeout * 1000 + ANSWER_MS;
	state_file_key(key, a);
	if ((directory = state_file_directory(c, st)) == -1)
		return -1;
	for (;;) {
		if ((until = limits_look(c, a, &single, &why)) != 0) {
			rc = say_paused(a, until, &why, st);
			break;
		}
		count = a->max_connections;
		if (count < 1 || single)
			count = 1;
		rc = take_any(s, directory, key, count, kind, st);
		if (rc == 1 && clock_left(wait_deadline) > 0) {
			sleep_until_next_look(wait_deadline);
			continue;
		}
		if (rc == 1)
			say_full(a, count, st);
		break;
	}
	close(directory);
	return rc;
}

int
limits_extend(struct slot *s)
{
	/* Once a second will do. */
	if (s->lock.until - clock_ms() > s->hold_ms - EXTEND_MS)
		return 0;
	return lock_extend(&s->lock, s->hold_ms);
}

void
limits_release_slot(struct slot *s)
{
	lock_release(&s->lock);
	s->number = -1;
}
