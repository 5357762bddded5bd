/* SPDX-License-Identifier: ISC
 *
 * What is done to the cached token besides using it.  token_get() is in
 * request.c.
 */
#include "oauth/token.h"

#include <string.h>

#include "base/clock.h"
#include "oauth/attempt.h"
#include "oauth/helper.h"

#define REJECT_LOCK_MS	2000

/* One run of the helper, with whatever comes of it in cache and log. */
static int
ask(struct attempt *at, struct status *st)
{
	int64_t latest = clock_deadline(ATTEMPT_HELPER_MS);
	struct result r;
	int rc;

	result_init(&r);
	rc = helper_run(&r, at->config, at->account,
	    at->deadline < latest ? at->deadline : latest, st);
	attempt_record(at, rc, &r, st);
	result_release(&r);
	return rc;
}

void
token_renew(const struct config *c, const struct account *a, int64_t deadline)
{
	struct status st = STATUS_INIT;
	struct attempt at;
	int64_t now;

	attempt_init(&at, c, a, deadline);
	if (at.store.directory != -1 &&
	    store_lock(&at.store, 0, ATTEMPT_HOLD_MS, &st) == 0) {
		store_read(&at.store, &at.cache);
		now = clock_wall();
		if (now >= at.cache.refresh_after &&
		    !cache_is_paused(&at.cache, now))
			ask(&at, &st);
	}
	attempt_release(&at);
}

int
token_force(const struct config *c, const struct account *a, int64_t deadline,
    struct status *st)
{
	struct attempt at;
	int held, rc = -1;

	attempt_init(&at, c, a, deadline);
	held = store_lock(&at.store, deadline, ATTEMPT_HOLD_MS, st);
	if (held == 1)
		status_set(st, EX_TEMPFAIL, "another process is asking for a "
		    "token for app %s just now", a->app->name);
	if (held == 0) {
		store_read(&at.store, &at.cache);
		rc = ask(&at, st);
	}
	attempt_release(&at);
	return rc;
}

/* With the lock held: whether the token is gone now, or was before. */
static bool
forget_rejected(struct attempt *at, const struct token *t)
{
	struct cache *c = &at->cache;
	struct status st = STATUS_INIT;
	int64_t now = clock_wall();

	store_read(&at->store, c);
	if (c->access.len != t->access.len ||
	    memcmp(c->access.data, t->access.data, c->access.len) != 0)
		return true;
	if (c->rejected != 0 && now - c->rejected < REJECT_PAUSE)
		return false;
	cache_drop_token(c);
	c->rejected = now;
	return store_write(&at->store, c, &st) == 0;
}

bool
token_reject(const struct token *t, const struct config *c,
    const struct account *a)
{
	struct status st = STATUS_INIT;
	struct attempt at;
	bool worth;

	/* Azure caches an identity's token for a day, whoever asks. */
	if (!t->cached || a->app->credential == CREDENTIAL_MANAGED_IDENTITY)
		return false;
	attempt_init(&at, c, a, clock_deadline(REJECT_LOCK_MS));
	worth = at.store.directory != -1 &&
	    store_lock(&at.store, at.deadline, ATTEMPT_HOLD_MS, &st) == 0 &&
	    forget_rejected(&at, t);
	attempt_release(&at);
	return worth;
}

int
token_forgive(const struct config *c, const struct account *a,
    struct status *st)
{
	struct attempt at;
	int rc = 0;

	attempt_init(&at, c, a, clock_deadline(REJECT_LOCK_MS));
	store_read(&at.store, &at.cache);
	if (at.store.directory != -1 && at.cache.failure.at != 0 &&
	    (rc = store_lock(&at.store, at.deadline, ATTEMPT_HOLD_MS, st)) == 0) {
		store_read(&at.store, &at.cache);
		cache_forgive(&at.cache);
		rc = store_write(&at.store, &at.cache, st);
	}
	attempt_release(&at);
	return rc == -1 ? -1 : 0;
}

void
token_forgive_refusal(const struct config *c, const struct account *a)
{
	struct status st = STATUS_INIT;
	struct attempt at;
	bool was_refused;

	attempt_init(&at, c, a, clock_deadline(0));
	was_refused = at.cache.failure.at != 0 &&
	    at.cache.failure.status.class != CLASS_RETRY;
	attempt_release(&at);
	if (was_refused)
		(void)token_forgive(c, a, &st);
}

int
token_forget(const struct config *c, const struct account *a,
    struct status *st)
{
	struct store s;
	struct cache nothing;
	int rc = -1;

	cache_init(&nothing);
	if (store_open(&s, c, a, st) == 0 &&
	    store_lock(&s, clock_deadline(REJECT_LOCK_MS), ATTEMPT_HOLD_MS, st) != -1)
		rc = store_write(&s, &nothing, st);
	store_close(&s);
	return rc;
}

void
token_release(struct token *t)
{
	buf_wipe(&t->access);
}
