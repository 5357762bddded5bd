/* SPDX-License-Identifier: ISC
 *
 *	fresh in the cache?  ------------------------------> use it
 *	else take the lock, look again  -------------------> use it
 *	nobody may ask yet (Retry-After, a failure)?  -----> old token, or fail
 *	run the helper, store, release  -------------------> use it
 *	no lock in time, no answer, a failure  ------------> old token, or fail
 */
#include "oauth/token.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "oauth/cache.h"
#include "oauth/helper.h"
#include "oauth/store.h"

/* How long the lock is ours: the helper's own limit and time to write. */
#define HELPER_MS	35000
#define HOLD_MS		40000
/* Where the old token would still do, nobody waits longer for a new one. */
#define OLD_TOKEN_LOCK_MS	2000
#define OLD_TOKEN_HELPER_MS	10000
/* Left at least, for the dialogue up to AUTH. */
#define OLD_TOKEN_SECONDS	30
#define REJECT_LOCK_MS		2000
#define DAY			(24 * 3600)

/* What all steps work on. */
struct attempt {
	const struct config	*config;
	const struct account	*account;
	int64_t			 deadline;
	struct store		 store;
	struct cache		 cache;
};

static void
attempt_init(struct attempt *at, const struct config *c,
    const struct account *a, int64_t deadline)
{
	struct status st = STATUS_INIT;

	*at = (struct attempt){ .config = c, .account = a,
	    .deadline = deadline };
	cache_init(&at->cache);
	if (store_open(&at->store, c, a, &st) == -1)
		log_line(LOG_WARNING, "no token cache: %s", st.text);
	store_read(&at->store, &at->cache);
}

static void
attempt_release(struct attempt *at)
{
	store_close(&at->store);
	cache_release(&at->cache);
}

/* The account's margin and up to a fifth more, the same for all of a process's
 * life: not all processes shall find the token stale in the same second. */
static int64_t
margin(const struct attempt *at)
{
	int64_t most = at->account->token_margin;
	pid_t pid = getpid();

	most += (int64_t)(hash_add(HASH_INIT, &pid, sizeof pid) %
	    (uint64_t)(most / 5 + 1));
	return cache_margin(&at->cache, most);
}

static bool
is_fresh(const struct attempt *at)
{
	return cache_has_token(&at->cache, clock_wall(), margin(at));
}

static bool
old_token_will_do(const struct attempt *at)
{
	return cache_has_token(&at->cache, clock_wall(), OLD_TOKEN_SECONDS);
}

static int
use_cached(struct token *t, const struct attempt *at)
{
	const struct cache *c = &at->cache;
	int64_t now = clock_wall();

	buf_wipe(&t->access);
	buf_add(&t->access, c->access.data, c->access.len);
	t->obtained = c->obtained;
	t->expires = c->expires;
	t->cached = true;
	t->credential_expires = c->credential_expires;
	t->wants_renewal = now >= c->refresh_after && !cache_is_paused(c, now) &&
	    at->store.directory != -1;
	return 0;
}

/* "The credential ends soon", at most once a day, louder as it gets nearer. */
static void
warn_of_expiry(struct attempt *at)
{
	static const struct {
		int days, priority;
	} steps[] = {
		{ 1, LOG_ERR }, { 7, LOG_WARNING }, { 14, LOG_WARNING },
		{ 30, LOG_NOTICE },
	};
	struct cache *c = &at->cache;
	int64_t now = clock_wall(), left = c->credential_expires - now;
	char date[40];
	size_t i;

	if (c->credential_expires == 0 || (now >= c->expiry_said &&
	    now - c->expiry_said < DAY))
		return;
	for (i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (left >= (int64_t)steps[i].days * DAY)
			continue;
		clock_rfc5322(c->credential_expires, date);
		log_line(steps[i].priority, "the credential of app %s %s %s: "
		    "put a new one in its place", at->account->app->name,
		    left > 0 ? "expires on" : "expired on", date);
		c->expiry_said = now;
		return;
	}
}

static void
log_success(const struct attempt *at, const struct result *r)
{
	struct log_event e;

	log_event_begin(&e, "token");
	log_event_add(&e, "app", "%s", at->account->app->name);
	log_event_add(&e, "expires_in", "%lld", (long long)r->expires_in);
	log_event_add(&e, "request", "%s", r->request_id);
	log_event_end(&e, LOG_INFO);
	if (r->warning[0] != '\0')
		log_line(LOG_WARNING, "app %s: %s", at->account->app->name,
		    r->warning);
}

/* Everything that Microsoft's support asks for, and the next step. */
static void
log_failure(const struct attempt *at, const struct result *r,
    const struct status *st)
{
	struct log_event e;

	log_event_begin(&e, "token-failed");
	log_event_add(&e, "app", "%s", at->account->app->name);
	if (r->oauth_error[0] != '\0')
		log_event_add(&e, "oauth_error", "%s", r->oauth_error);
	if (r->aadsts != 0)
		log_event_add(&e, "aadsts", "%ld", r->aadsts);
	if (r->request_id[0] != '\0')
		log_event_add(&e, "request", "%s", r->request_id);
	if (r->correlation_id[0] != '\0')
		log_event_add(&e, "correlation", "%s", r->correlation_id);
	if (r->trace_id[0] != '\0')
		log_event_add(&e, "trace", "%s", r->trace_id);
	log_event_add_status(&e, st);
	log_event_end(&e, LOG_WARNING);
}

/* Stores what is in the cache, if the lock is still ours: a holder that was
 * frozen past its time must not undo what its successor did. */
static void
store(struct attempt *at)
{
	struct status st = STATUS_INIT;

	if (at->store.directory == -1 || !lock_is_mine(&at->store.lock))
		return;
	if (store_write(&at->store, &at->cache, &st) == -1)
		log_line(LOG_WARNING, "token not kept: %s", st.text);
}

/* One run of the helper, with whatever comes of it in cache and log. */
static int
ask(struct attempt *at, int64_t deadline, struct status *st)
{
	struct cache *c = &at->cache;
	int64_t latest = clock_deadline(HELPER_MS);
	struct result r;
	int rc;

	result_init(&r);
	rc = helper_run(&r, at->config, at->account,
	    deadline < latest ? deadline : latest, st);
	if (rc == 0) {
		cache_put_token(c, r.access.data, r.obtained, r.expires_in,
		    r.refresh_in);
		c->credential_expires = r.credential_expires;
		log_success(at, &r);
		warn_of_expiry(at);
		store(at);
	} else {
		log_failure(at, &r, st);
		/* What we met on our own is nothing to others. */
		if (r.answered) {
			cache_put_failure(c, st, clock_wall(), r.retry_after);
			store(at);
		}
	}
	result_release(&r);
	return rc;
}

/* No new token: the old one for as long as it lives, whatever the reason. */
static int
fall_back(struct token *t, const struct attempt *at)
{
	if (!old_token_will_do(at))
		return -1;
	log_line(LOG_WARNING, "app %s: going on with the token that is there",
	    at->account->app->name);
	return use_cached(t, at);
}

/* What failed then is what matters; that nobody asks again just yet explains why
 * mending it seems to change nothing. */
static int
still_paused(const struct attempt *at, struct status *st)
{
	char hint[sizeof st->hint], when[CLOCK_HOUR_SIZE];

	*st = at->cache.failure.status;
	clock_hour(at->cache.failure.not_before, when);
	snprintf(hint, sizeof hint, "%s%snot asked again until %s, or at once by "
	    "mailbearer token %s --renew", st->hint,
	    st->hint[0] != '\0' ? "; " : "", when, at->account->name);
	return status_hint(st, "%s", hint);
}

/* With the lock held: look again, for somebody may have been faster.  A helper
 * that rotates a refresh token is not cut short: the new one would be lost. */
static int
renew(struct token *t, struct attempt *at, struct status *st)
{
	int64_t patience;

	store_read(&at->store, &at->cache);
	if (is_fresh(at))
		return use_cached(t, at);
	if (cache_is_paused(&at->cache, clock_wall()))
		return old_token_will_do(at) ? use_cached(t, at) :
		    still_paused(at, st);
	patience = clock_deadline(OLD_TOKEN_HELPER_MS);
	if (!old_token_will_do(at) || patience > at->deadline ||
	    at->account->app->credential == CREDENTIAL_DELEGATED)
		patience = at->deadline;
	if (ask(at, patience, st) == -1)
		return fall_back(t, at);
	use_cached(t, at);
	t->cached = t->wants_renewal = false;
	return 0;
}

static int
lock_and_renew(struct token *t, struct attempt *at, struct status *st)
{
	int64_t patience = clock_deadline(OLD_TOKEN_LOCK_MS);
	struct status why = STATUS_INIT;
	int held;

	if (!old_token_will_do(at) || patience > at->deadline)
		patience = at->deadline;
	held = store_lock(&at->store, patience, HOLD_MS, &why);
	if (held == -1)
		log_line(LOG_WARNING, "no lock for the token of app %s: %s",
		    at->account->app->name, why.text);
	if (held != 1)
		return renew(t, at, st);
	store_read(&at->store, &at->cache);
	if (is_fresh(at) || old_token_will_do(at))
		return use_cached(t, at);
	if (cache_is_paused(&at->cache, clock_wall()))
		return still_paused(at, st);
	status_set(st, EX_TEMPFAIL, "getting a token for app %s: another "
	    "process is still asking for it", at->account->app->name);
	st->scope = SCOPE_ACCOUNT;
	return status_hint(st, "the token endpoint is slow; if it lasts, "
	    "see the log for the other process's failure");
}

int
token_get(struct token *t, const struct config *c, const struct account *a,
    int64_t deadline, struct status *st)
{
	struct attempt at;
	int rc;

	buf_init(&t->access, TOKEN_MAX);
	attempt_init(&at, c, a, deadline);
	if (is_fresh(&at))
		rc = use_cached(t, &at);
	else
		rc = lock_and_renew(t, &at, st);
	attempt_release(&at);
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
	    store_lock(&at.store, 0, HOLD_MS, &st) == 0) {
		store_read(&at.store, &at.cache);
		now = clock_wall();
		if (now >= at.cache.refresh_after &&
		    !cache_is_paused(&at.cache, now))
			ask(&at, deadline, &st);
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
	held = store_lock(&at.store, deadline, HOLD_MS, st);
	if (held == 1)
		status_set(st, EX_TEMPFAIL, "another process is asking for a "
		    "token for app %s just now", a->app->name);
	if (held == 0) {
		store_read(&at.store, &at.cache);
		rc = ask(&at, deadline, st);
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
	    store_lock(&at.store, at.deadline, HOLD_MS, &st) == 0 &&
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
	    (rc = store_lock(&at.store, at.deadline, HOLD_MS, st)) == 0) {
		store_read(&at.store, &at.cache);
		cache_forgive(&at.cache);
		rc = store_write(&at.store, &at.cache, st);
	}
	attempt_release(&at);
	return rc == -1 ? -1 : 0;
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
	    store_lock(&s, clock_deadline(REJECT_LOCK_MS), HOLD_MS, st) != -1)
		rc = store_write(&s, &nothing, st);
	store_close(&s);
	return rc;
}

void
token_release(struct token *t)
{
	buf_wipe(&t->access);
}
