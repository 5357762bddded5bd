/* SPDX-License-Identifier: ISC
 *
 * One attempt of a queue run: run_message.c begins it, run_settle.c sees to what
 * came of it.
 */
#ifndef QUEUE_RUN_TRY_H
#define QUEUE_RUN_TRY_H

#include "queue/run.h"

/* All that it needs. */
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

/* Recipients that are still to be tried. */
size_t	try_waiting(const struct try *t);
/* Into the log, once: an attempt before this one may have delivered it. */
void	try_log_possible_duplicate(struct try *t);
/* Waits for the answers and writes them down, in the journal and in the log; a
 * message that is done leaves the queue.  clock_ms until which to leave the
 * account of the report alone, or 0. */
int64_t	try_conclude(struct try *t);
/* The message after an attempt, or after a crash between an attempt's record and
 * what should have followed.  -1 if the disk takes nothing: a message that is too
 * old leaves new/ all the same. */
int	try_settle(struct try *t, bool has_attempt);

#endif
