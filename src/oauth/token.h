/* SPDX-License-Identifier: ISC
 *
 * An access token for an app: from the cache, or through the helper program
 * mailbearer-token, with one request per credential and expiry however many
 * processes want it (design 7).  Knows nothing of SMTP.
 */
#ifndef OAUTH_TOKEN_H
#define OAUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "config/config.h"

struct token {
	struct buf	access;		/* the bearer string; wiped on release */
	int64_t		obtained, expires;	/* wall clock */
	bool		cached;		/* it was not made for this call */
};

#define TOKEN_INIT { .access = { .data = (char []){ 0 } } }
#define TOKEN_MAX	(16 * 1024)

/* Gives a token for the account's app (and mailbox, where delegated) that has
 * at least token-margin left, asking the endpoint at most once; a still valid
 * one when the endpoint or the lock is slow.  Waits at most until `deadline`
 * (clock_ms).  On failure *st says what the endpoint said and what to do. */
int	token_get(struct token *t, const struct config *c,
	    const struct account *a, int64_t deadline, struct status *st);

/* The server refused this token: forget it, unless another process has put a
 * newer one in its place already.  Returns whether it is worth asking for a new
 * one (not for a token made just now, not for managed identity, and not more
 * than once in five minutes per app). */
bool	token_reject(const struct token *t, const struct config *c,
	    const struct account *a);

void	token_release(struct token *t);

#endif
