/* SPDX-License-Identifier: ISC
 *
 * The pause of a mailbox (limits.h), and what follows a 432.
 */
#ifndef QUEUE_LIMITS_PAUSE_H
#define QUEUE_LIMITS_PAUSE_H

#include "queue/limits.h"

/* Whether the mailbox makes do with one connection: ten minutes after a pause
 * for too many of them. */
bool	limits_is_single(const struct config *c, const struct account *a);

#endif
