/* SPDX-License-Identifier: ISC
 *
 * The message on its way out, under DATA (dot-stuffed, RFC 5321 4.5.2) or under
 * BDAT (as it is, RFC 3030).  Private to transaction.c.
 */
#ifndef SMTP_DATA_H
#define SMTP_DATA_H

#include "smtp/dialogue.h"

/* Queues the whole message and its end: after 354 of DATA.  What is queued last
 * has not left when this returns; then `sent_all` has been called, and the next
 * flush hands the message over.  On failure the session is over: half a message
 * can only be taken back by closing. */
int	data_put_stuffed(struct session *s, const struct session_data *d,
	    struct status *st);
/* The same as one chunk: BDAT n LAST and the octets. */
int	data_put_chunk(struct session *s, const struct session_data *d,
	    struct status *st);

/* After writing failed: if it was for the time, *st says how many octets of the
 * message had been sent.  Returns -1. */
int	data_was_late(const struct session *s, int64_t octets,
	    const struct session_data *d, struct status *st);

#endif
