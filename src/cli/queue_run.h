/* SPDX-License-Identifier: ISC
 *
 * sendmail -q: a queue run, now.
 *
 *	sendmail -q		from the timer: the runner of record
 *	sendmail -odb -q	started by whoever has just spooled a message
 *
 * A run over everybody's mail must not depend on a caller, whose terminal,
 * limits and signals could cut it off between the data and its answer: for him
 * a detached one is started.
 */
#ifndef CLI_QUEUE_RUN_H
#define CLI_QUEUE_RUN_H

#include "cli/caller.h"

/* 0, or why there was no run.  What becomes of a message is in the log.  Only
 * root's run does not ask whether a message is due. */
int	queue_run_main(const struct caller *caller);

/* Starts a detached run of what has just been spooled; `config` names the file
 * that the caller gave, if he gave one.  1: his limits are too low for one, and
 * the timer runs the queue anyway.  -1 with *st. */
int	queue_run_start(const struct caller *caller,
	    const struct config *config, struct status *st);

#endif
