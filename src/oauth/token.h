/* SPDX-License-Identifier: ISC
 *
 * An access token for an app: from the cache, or through the helper program
 * mailbearer-token, with one request per credential and expiry however many
 * processes want it (design 7).  Knows nothing of SMTP.  A state directory that
 * cannot be used costs a line in the log and a request, never a message.
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
	bool		wants_renewal;	/* see token_renew() */
	/* When the certificate or, by client-secret-expires, the secret ends:
	 * wall clock, 0 if not known. */
	int64_t		credential_expires;
};

#define TOKEN_INIT { .access = { .data = (char []){ 0 } } }
#define TOKEN_MAX	(16 * 1024)

/* (request.h has this one in two halves.)
 * Gives a token for the account's app (and mailbox, where delegated) that has
 * at least token-margin left, asking the endpoint at most once; a still valid
 * one when the endpoint or the lock is slow.  Waits at most until `deadline`
 * (clock_ms).  On failure *st says what the endpoint said and what to do.
 * `t` is TOKEN_INIT or was released. */
int	token_get(struct token *t, const struct config *c,
	    const struct account *a, int64_t deadline, struct status *st);

/* Renews a token that is good still but wants_renewal, so that no send ever has
 * to wait for one: for a caller that has answered its own caller already.  Does
 * nothing if another process is at it.  What goes wrong is in the log, and the
 * old token stays. */
void	token_renew(const struct config *c, const struct account *a,
	    int64_t deadline);

/* Asks for a new token whatever the cache holds, and forgets that asking failed
 * before: for a person who has mended something.  If it fails the old token
 * stays. */
int	token_force(const struct config *c, const struct account *a,
	    int64_t deadline, struct status *st);

/* The server refused this token: forget it, unless another process has put a
 * newer one in its place already.  Returns whether it is worth asking for a new
 * one (not for a token made just now, not for managed identity, and not more
 * than once in five minutes per app). */
bool	token_reject(const struct token *t, const struct config *c,
	    const struct account *a);

/* Forgets that asking failed, so that the next who needs a token asks again; a
 * token stays.  -1 if the state directory does not let us. */
int	token_forgive(const struct config *c, const struct account *a,
	    struct status *st);

/* The same if it was a refusal, which somebody may have mended meanwhile; what
 * only asks for patience is kept.  Nothing depends on it. */
void	token_forgive_refusal(const struct config *c, const struct account *a);

/* Forgets token and failures alike, as after `mailbearer login`.  -1 if the
 * state directory does not let us. */
int	token_forget(const struct config *c, const struct account *a,
	    struct status *st);

void	token_release(struct token *t);

#endif
