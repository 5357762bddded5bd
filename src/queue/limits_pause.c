/* SPDX-License-Identifier: ISC */
#include "queue/limits_pause.h"

#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "queue/state_file.h"

#define THROTTLED_LEAST	30	/* seconds; promise 5 */
#define THROTTLED_MOST	120
#define SINGLE_FOR	600
#define REFUSED_FIRST	60	/* doubled each time ... */
#define REFUSED_MOST	1800	/* ... up to this, longer than any other */
#define STREAK_MOST	10

/* Both clocks: the one since boot cannot be set, the wall's survives a reboot.
 * A pause that ends further away than it is long is not true: the clock was
 * set, or the file was forged. */
struct pause {
	int64_t	until, until_ms;
	int64_t	length;		/* seconds */
	char	boot[CLOCK_BOOT_SIZE];
	int	streak;		/* refusals one after the other */
	bool	single;		/* then one connection for SINGLE_FOR */
};

#define AT(member) offsetof(struct pause, member)
static const struct field pause_fields[] = {
	FIELD_PLAIN("until", FIELD_NUMBER, AT(until), FIELD_TIME_LAST),
	FIELD_PLAIN("until-ms", FIELD_NUMBER, AT(until_ms), FIELD_TIME_LAST),
	FIELD_PLAIN("length", FIELD_NUMBER, AT(length), REFUSED_MOST),
	FIELD_CHECKED("boot", FIELD_CHARS, AT(boot), 39, sealed_is_name),
	FIELD_PLAIN("streak", FIELD_INT, AT(streak), STREAK_MOST),
	FIELD_PLAIN("single", FIELD_FLAG, AT(single), 1),
	FIELD_LAST
};
#undef AT

/* Milliseconds until the pause is over, negative since it is. */
static int64_t
left(const struct pause *p)
{
	char boot[CLOCK_BOOT_SIZE];

	clock_boot(boot);
	if (strcmp(boot, p->boot) == 0)
		return p->until_ms - clock_ms();
	return (p->until - clock_wall()) * 1000;
}

static bool
is_running(const struct pause *p)
{
	int64_t ms = left(p);

	return ms > 0 && ms <= p->length * 1000;
}

static bool
is_single(const struct pause *p)
{
	int64_t ms = left(p);

	return p->single && ms <= p->length * 1000 && ms > -SINGLE_FOR * 1000;
}

/* The pause on file; -1 if there is none. */
static int
load(struct state_file *f, struct pause *p, struct status *why)
{
	memset(p, 0, sizeof *p);
	status_clear(why);
	return state_file_read(f, pause_fields, p, sealed_status_fields, why);
}

/* Reads without the lock; -1 if there is none. */
static int
look(const struct config *c, const struct account *a, struct pause *p,
    struct status *why)
{
	char key[STATE_KEY_SIZE];
	struct state_file f;
	int rc;

	state_file_key(key, a);
	if (state_file_open(&f, c, "pause", key, false) == -1)
		return -1;
	rc = load(&f, p, why);
	state_file_close(&f);
	return rc;
}

int64_t
limits_look(const struct config *c, const struct account *a, bool *single,
    struct status *why)
{
	struct status reason;
	struct pause p;

	*single = false;
	if (look(c, a, &p, &reason) == -1)
		return 0;
	*single = is_single(&p);
	if (!is_running(&p))
		return 0;
	if (why != NULL)
		*why = reason;
	return clock_wall() + (left(&p) + 999) / 1000;
}

int64_t
limits_paused_until(const struct config *c, const struct account *a,
    struct status *why)
{
	bool ignored;

	return limits_look(c, a, &ignored, why);
}

/* How long, and what follows.  `old`: the last pause. */
static struct pause
decide(const struct pause *old, const struct status *why)
{
	/* A 432 tells nothing of the refusals: their number stands. */
	struct pause p = { .streak = old->streak,
	    .single = why->reply == 432 };
	int streak = old->streak;

	/* Fifty processes that are refused at once are one refusal. */
	if (streak > 0 && is_running(old))
		streak--;
	if (why->scope == SCOPE_ACCOUNT && why->reply != 432) {
		p.length = (int64_t)REFUSED_FIRST << streak;
		if (p.length > REFUSED_MOST)
			p.length = REFUSED_MOST;
		p.streak = streak < STREAK_MOST ? streak + 1 : STREAK_MOST;
	} else
		p.length = THROTTLED_LEAST +
		    random_below(THROTTLED_MOST - THROTTLED_LEAST + 1);
	p.until = clock_wall() + p.length;
	p.until_ms = clock_ms() + p.length * 1000;
	clock_boot(p.boot);
	return p;
}

/* A longer pause stands, and why there is one; so does the rule of one
 * connection, whoever made it. */
static void
join(struct pause *p, const struct pause *old, struct status *why,
    const struct status *reason)
{
	bool single = p->single || is_single(old);

	if (is_running(old) && left(old) >= p->length * 1000) {
		*p = *old;
		*why = *reason;
	}
	p->single = single;
}

void
limits_pause(const struct config *c, const struct account *a,
    const struct status *st)
{
	char key[STATE_KEY_SIZE];
	struct state_file f;
	struct pause old, p;
	struct status why = *st, reason;

	state_file_key(key, a);
	if (state_file_open(&f, c, "pause", key, true) == -1)
		return;
	if (load(&f, &old, &reason) == -1)
		memset(&old, 0, sizeof old);
	p = decide(&old, st);
	join(&p, &old, &why, &reason);
	(void)state_file_write(&f, pause_fields, &p, sealed_status_fields,
	    &why);
	state_file_close(&f);
}

void
limits_clear(const struct config *c, const struct account *a)
{
	char key[STATE_KEY_SIZE];
	struct state_file f;
	struct status reason;
	struct pause p;

	/* Mostly there is nothing to forget. */
	if (look(c, a, &p, &reason) == -1 || is_single(&p))
		return;
	state_file_key(key, a);
	if (state_file_open(&f, c, "pause", key, true) == -1)
		return;
	if (load(&f, &p, &reason) == 0 && !is_single(&p))
		state_file_remove(&f);
	state_file_close(&f);
}
