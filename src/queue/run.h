/* SPDX-License-Identifier: ISC
 *
 * What the parts of the runner share: runner.c chooses messages, run_message.c
 * tries one, run_settle.c sees to what came of it.
 */
#ifndef QUEUE_RUN_H
#define QUEUE_RUN_H

#include "base/lock.h"
#include "queue/delivery.h"
#include "queue/manifest.h"
#include "queue/runner.h"
#include "queue/spool.h"

/* A message whose attempts cannot be written down: the spool says that it is due
 * still, and it would be the first in each scan. */
struct unwritten {
	char	id[SPOOL_ID_SIZE];
	int64_t	until;		/* clock_ms: not before */
};
#define UNWRITTEN_MAX	8	/* of more than so many the disk is to blame */

struct run {
	const struct config	*config;
	const struct runner_options *options;
	struct spool		 spool;
	struct delivery_connection connection;
	struct try		*ready;		/* to be begun, in this order */
	size_t			 ready_count;
	int64_t			 ready_octets;
	struct try		*in_flight;	/* the oldest first */
	struct manifest		 manifest;	/* of both */
	int64_t			*blocked;	/* clock_ms, by index of account:
						 * until then it is left alone */
	struct unwritten	 unwritten[UNWRITTEN_MAX];
	struct runner_counts	 counts;
	struct lock		 place;		/* of a detached runner */
	int64_t			 wake;		/* clock_ms: when there is more */
	bool			 ignore_times;	/* in this scan */
};

/* clock_ms until which an account is left alone; 0: it is not. */
int64_t	run_blocked_until(const struct run *r, const struct account *account);
/* The same for a message of which it is not known whose it will be: the first that
 * may be sent for again; 0 if one may now. */
int64_t	run_all_blocked_until(const struct run *r);
/* clock_ms until which a message is left alone, whatever the spool says of it. */
int64_t	run_unwritten_until(const struct run *r, const char *id);
/* There is something to do at `when` (clock_ms). */
void	run_wake_at(struct run *r, int64_t when);
/* Locks one message and, when there are some more or it is a large one, tries them.
 * What came of it is written down when the answer is there: if it can follow on the
 * connection, a later call does that. */
void	run_message(struct run *r, const char *id);
/* Tries those that are still waiting for more. */
void	run_begin(struct run *r);
/* Extends what a run holds of its own.  A place that was lost, since something
 * took long, has another runner by now, which does no harm. */
void	run_hold(struct run *r);
/* Waits for the answers that are still to come. */
void	run_finish(struct run *r);

#endif
