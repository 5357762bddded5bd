/* SPDX-License-Identifier: ISC
 *
 * What the log says of an attempt: one line per group of recipients that fared
 * alike (design 4.10, issue "Logging"), and of what never came to one.
 *
 *	sent		the server has it
 *	failed		the server will not have it
 *	spooled		kept from now on
 *	deferred	kept still
 *	refused		neither sent nor kept: the caller was told
 */
#ifndef QUEUE_EVENTLOG_H
#define QUEUE_EVENTLOG_H

#include "queue/delivery.h"

enum eventlog_rest { EVENTLOG_SPOOLED, EVENTLOG_DEFERRED, EVENTLOG_REFUSED };

/* One line for each group, in a later attempt (EVENTLOG_DEFERRED) of those that
 * it was for.  `rest`: what became of those who are neither served nor refused by
 * the server.  `spool_id` is "" for a message that is in no spool.  Mendable
 * failures that an administrator has to mend are LOG_ERR. */
void	eventlog_attempt(const struct submission *s,
	    const struct delivery_report *r, const char *spool_id,
	    enum eventlog_rest rest);
/* "refused": nothing was tried.  `tag` may be NULL. */
void	eventlog_refused(uid_t uid, const char *tag, const struct status *st);

#endif
