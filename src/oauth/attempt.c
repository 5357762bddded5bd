/* SPDX-License-Identifier: ISC */
#include "oauth/attempt.h"

#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"

/* Left at least, for the dialogue up to AUTH. */
#define OLD_TOKEN_SECONDS	30
#define DAY			(24 * 3600)

void
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

void
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

bool
attempt_is_fresh(const struct attempt *at)
{
	return cache_has_token(&at->cache, clock_wall(), margin(at));
}

bool
attempt_old_will_do(const struct attempt *at)
{
	return cache_has_token(&at->cache, clock_wall(), OLD_TOKEN_SECONDS);
}

void
attempt_use(const struct attempt *at, struct token *t)
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

static void
record_token(struct attempt *at, const struct result *r)
{
	struct cache *c = &at->cache;

	cache_put_token(c, r->access.data, r->obtained, r->expires_in,
	    r->refresh_in);
	c->credential_expires = r->credential_expires;
	log_success(at, r);
	warn_of_expiry(at);
	store(at);
}

void
attempt_record(struct attempt *at, int rc, const struct result *r,
    const struct status *st)
{
	if (rc == 0) {
		record_token(at, r);
		return;
	}
	log_failure(at, r, st);
	/* What we met on our own is nothing to others. */
	if (r->answered) {
		cache_put_failure(&at->cache, st, clock_wall(), r->retry_after);
		store(at);
	}
}
