/* SPDX-License-Identifier: ISC
 *
 * Where an app's token cache lies (design 7): one file and one lock per app, or
 * per app and mailbox where tokens are delegated.
 */
#ifndef OAUTH_STORE_H
#define OAUTH_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/status.h"
#include "config/config.h"
#include "oauth/cache.h"

struct store {
	int		directory;	/* -1: there is none that we may use */
	char		file[128], lock_file[128];
	char		key[CACHE_KEY_SIZE];
	struct lock	lock;
};

/* Opens the state directory, making it if it is missing.  Where that fails the
 * store is empty and forgets what is put in: -1 with *st, for the log; every
 * other function may be called all the same. */
int	store_open(struct store *s, const struct config *c,
	    const struct account *a, struct status *st);
void	store_close(struct store *s);
/* Whether a refresh token, which the helper keeps beside the cache, is there: the
 * app is delegated.  True where there is no store. */
bool	store_has_login(const struct store *s);

/* Reads into `cache` (initialised).  What is missing, broken, or belongs to
 * another config or credential reads as nothing. */
void	store_read(const struct store *s, struct cache *cache);
int	store_write(const struct store *s, struct cache *cache,
	    struct status *st);

/* As lock_take() on the store's lock; 0 at once where there is no store. */
int	store_lock(struct store *s, int64_t wait_deadline, int64_t hold_ms,
	    struct status *st);
void	store_unlock(struct store *s);

#endif
