/* SPDX-License-Identifier: ISC
 *
 * When a message is tried again, and when it is given up.  Pure but for the
 * jitter.
 */
#ifndef QUEUE_BACKOFF_H
#define QUEUE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "queue/spool.h"

/* Wall clock of the attempt after the `attempts`th: a minute, doubled each
 * time up to an hour, give or take a quarter, so that what failed together does
 * not come back together.  Half an hour at most for what an administrator has
 * to mend: he is waiting for it. */
int64_t	backoff_next(int attempts, const struct status *why, int64_t now);
/* Whether a message may be tried at `now`.  A time further off than any backoff
 * is a clock that was set. */
bool	backoff_is_due(int64_t next_attempt, int64_t now);
/* Whether retry-for is over.  Not before a few attempts have been made: a host
 * that was switched off, or a clock that jumped, is no reason to give up. */
bool	backoff_is_over(const struct spool_entry *e, int64_t retry_for,
	    int64_t now);

#endif
