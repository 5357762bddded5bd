/* SPDX-License-Identifier: ISC
 *
 * The pause of a mailbox (limits.h), and what follows a 432.
 */
#ifndef QUEUE_LIMITS_PAUSE_H
#define QUEUE_LIMITS_PAUSE_H

#include "queue/limits.h"

/* limits_paused_until(), and whether the mailbox makes do with one connection:
 * ten minutes after a pause for too many of them. */
int64_t	limits_look(const struct config *c, const struct account *a,
	    bool *is_single, struct status *why);

#endif
