/* SPDX-License-Identifier: ISC
 *
 * A queue run: each waiting message that is due is tried once, account by
 * account, over one connection each; what is due soon is waited for.
 *
 * Any number may run at once: each message and each connection slot has its own
 * lock.  A runner ends by itself.
 */
#ifndef QUEUE_RUNNER_H
#define QUEUE_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "config/config.h"

struct runner_options {
	bool		 is_detached;	/* started by a caller: two of them are
					 * enough, a third is none */
	bool		 ignore_times;	/* try what is not due (root only) */
	int64_t		 linger_ms;	/* how long to wait for what is due soon
					 * and for accounts that pause */
	/* Only messages whose id, one recipient, sender contain this; NULL: all. */
	const char	*id, *recipient, *sender;
	void		(*trace)(void *context, char direction,
			    const char *line);
	/* Messages of this scan: so many have had their turn. */
	void		(*progress)(void *context, int64_t done,
			    int64_t whole);
	void		*trace_context;		/* of both */
};

struct runner_counts {
	size_t	tried, delivered, deferred, failed;	/* messages */
};

/* Runs the queue.  -1 and *st when the spool cannot be used; what becomes of a
 * message is in the log, and counted (`counts` may be NULL). */
int	runner_run(const struct config *c, const struct runner_options *o,
	    struct runner_counts *counts, struct status *st);

/* Starts the program that we are, with these arguments, detached: a session of
 * its own, / as directory, no descriptors of the caller's, a fixed environment.
 * 1: the caller's limits are below what a runner needs, so none is started.
 * -1: it could not be started. */
int	runner_start_detached(char *const argv[], struct status *st);

#endif
