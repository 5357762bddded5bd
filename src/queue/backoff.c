/* SPDX-License-Identifier: ISC */
#include "queue/backoff.h"

#include "base/random.h"

#define FIRST		60	/* seconds */
#define DOUBLINGS	6
#define LONGEST		3600
#define LONGEST_MENDED	1800
#define ATTEMPTS_LEAST	8	/* before a message is given up */

int64_t
backoff_next(int attempts, const struct status *why, int64_t now)
{
	int64_t longest = LONGEST, wait;

	if (why->class == CLASS_CONFIG || why->class == CLASS_POLICY)
		longest = LONGEST_MENDED;
	wait = (int64_t)FIRST << (attempts < DOUBLINGS ? attempts : DOUBLINGS);
	if (wait > longest)
		wait = longest;
	return now + wait - wait / 4 + random_below(wait / 2 + 1);
}

bool
backoff_is_due(int64_t next_attempt, int64_t now)
{
	return next_attempt <= now || next_attempt > now + 2 * LONGEST;
}

bool
backoff_is_over(const struct spool_entry *e, int64_t retry_for, int64_t now)
{
	return now - e->since >= retry_for && e->attempts >= ATTEMPTS_LEAST;
}
