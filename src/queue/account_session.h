/* SPDX-License-Identifier: ISC
 *
 * What a session owes to its account, the same for sending and for `mailbearer
 * check`, or else what is checked is not what sends.
 */
#ifndef QUEUE_ACCOUNT_SESSION_H
#define QUEUE_ACCOUNT_SESSION_H

#include "config/config.h"
#include "smtp/session.h"

/* Fills *p from scratch: server, names, TLS and the values for hints; deadlines,
 * tracing and what was learned of the server are the caller's to add.  All
 * pointers are those of `c`, `a` and `from` (may be NULL). */
void	account_session_params(struct session_params *p,
	    const struct config *c, const struct account *a, const char *from);
/* AUTH by the account's mechanism with its token or password; nothing for
 * auth = none.  Errors: session_authenticate(). */
int	account_session_authenticate(struct session *s, const struct account *a,
	    const char *secret, struct status *st);

#endif
