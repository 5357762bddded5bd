/* SPDX-License-Identifier: ISC
 *
 * The spool, for commands that look at it or run it.
 */
#ifndef CLI_QUEUE_OPEN_H
#define CLI_QUEUE_OPEN_H

#include "config/config.h"
#include "queue/spool.h"

struct queue {
	struct config	config;
	struct status	config_status;	/* what is wrong with it, if so */
	struct spool	spool;
};

/* Reads the config and opens the spool.  As when a message is handed in, a
 * config that is wrong gives the compiled-in spool, where the mail lies that was
 * kept meanwhile.  What a spool holds that has been switched off still counts.
 * 1: there is no spool: switched off, or no config at all.  -1 with *st: there
 * should be one. */
int	queue_open(struct queue *q, const struct config_source *source,
	    struct status *st);
void	queue_close(struct queue *q);

#endif
