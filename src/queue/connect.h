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
	bool			 is_runner, is_record;	/* delivery.h */
	const char		*from;		/* for hints, or NULL */
	bool			 without_bdat;	/* whatever is known */
	bool			 two_step;	/* of AUTH; likewise */
	void			(*trace)(void *context, char direction,
				    const char *line);
	void			*trace_context;
};

/* Whether the session there is can take another message of this account; its slot
 * is extended. */
bool	connect_is_good(struct delivery_connection *dc,
	    const struct account *a);
/* Leaves *dc with a session of this account that a transaction can start on:
 * the one there is, which must be good, or a new one in a slot of the account.  When
 * the server refuses a cached token it is dropped and, once, a new one is tried
 * on a new connection.  Fills report->token_cached and wants_renewal.
 * -1: *dc is closed. */
int	connect_account(struct delivery_connection *dc,
	    const struct connect_request *r, struct delivery_report *report,
	    struct status *st);
/* Ends the session, if there is one, and keeps in mind what it taught. */
void	connect_end(struct delivery_connection *dc);

#endif
