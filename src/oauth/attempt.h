/* SPDX-License-Identifier: ISC
 *
 * What every way to a token works on: the app's cache as it was read, the store
 * that it came from, and what a run of the helper changes in both.  Inside oauth/
 * only.
 */
#ifndef OAUTH_ATTEMPT_H
#define OAUTH_ATTEMPT_H

#include "oauth/cache.h"
#include "oauth/result.h"
#include "oauth/store.h"

/* How long the lock is ours: the helper's own limit and time to write. */
#define ATTEMPT_HELPER_MS	35000
#define ATTEMPT_HOLD_MS		40000

struct attempt {
	const struct config	*config;
	const struct account	*account;
	int64_t			 deadline;
	struct store		 store;
	struct cache		 cache;
};

/* Reads the cache.  A store that cannot be used costs a line in the log. */
void	attempt_init(struct attempt *at, const struct config *c,
	    const struct account *a, int64_t deadline);
/* Gives up the lock too. */
void	attempt_release(struct attempt *at);

/* Whether the cache holds a token that needs no renewal; one that lives for the
 * rest of a dialogue at least. */
bool	attempt_is_fresh(const struct attempt *at);
bool	attempt_old_will_do(const struct attempt *at);
/* Takes it out. */
void	attempt_use(const struct attempt *at, struct token *t);
/* The token, or the failure in *st if `rc` is -1, that the helper came back with
 * goes to cache and log; to the store, if the lock is still ours. */
void	attempt_record(struct attempt *at, int rc, const struct result *r,
	    const struct status *st);

#endif
