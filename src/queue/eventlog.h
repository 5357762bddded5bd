/* SPDX-License-Identifier: ISC
 *
 * What the log says of an attempt: one line per group of recipients that fared
 * alike (design 4.10, issue "Logging"): sent, deferred, failed; and spooled.
 */
#ifndef QUEUE_EVENTLOG_H
#define QUEUE_EVENTLOG_H

#include "queue/delivery.h"

/* One line for each group of those that the attempt was for.  `spool_id` is "" for a message that was never
 * spooled.  Mendable failures that an administrator has to mend are LOG_ERR. */
void	eventlog_attempt(const struct submission *s,
	    const struct delivery_report *r, const char *spool_id);
/* "spooled": kept under this id, and why. */
void	eventlog_spooled(const struct submission *s,
	    const struct delivery_report *r, const char *spool_id,
	    const struct status *why);

#endif
