/* SPDX-License-Identifier: ISC
 *
 * From an account to an authenticated session: token, TCP, TLS, AUTH.
 */
#ifndef QUEUE_CONNECT_H
#define QUEUE_CONNECT_H

#include "queue/delivery.h"

struct connect_request {
	const struct config	*config;
	const struct account	*account;
	int64_t			 deadline;	/* clock_ms */
	const char		*from;		/* for hints, or NULL */
	void			(*trace)(void *context, char direction,
				    const char *line);
	void			*trace_context;
};

/* Leaves *dc with a session of this account that a transaction can start on:
 * the one there is, if it fits, else a new one.  When the server refuses a
 * cached token it is dropped and, once, a new one is tried on a new connection.
 * *token_cached tells where the token came from (false where none was used).
 * -1: *dc is closed. */
int	connect_account(struct delivery_connection *dc,
	    const struct connect_request *r, bool *token_cached,
	    struct status *st);

#endif
