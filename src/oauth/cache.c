/* SPDX-License-Identifier: ISC */
#include "oauth/cache.h"

#include <string.h>

#include "base/text.h"

#define FORMAT_VERSION 1
/* The clock may be set back by so much without costing a token request. */
#define CLOCK_SLACK 5

void
cache_init(struct cache *c)
{
	memset(c, 0, sizeof *c);
	buf_init(&c->access, TOKEN_MAX);
}

void
cache_release(struct cache *c)
{
	buf_wipe(&c->access);
	cache_init(c);
}

static void
read_failure(struct cache *c, const struct record *r)
{
	c->failure.at = record_number(r, "at", 0);
	c->failure.not_before = record_number(r, "not_before", 0);
	c->failure.count = record_number(r, "count", 0);
	status_from_record(&c->failure.status, r);
}

static bool
is_possible(const struct cache *c, int64_t now)
{
	int64_t latest = now + CLOCK_SLACK;

	if (c->obtained > latest || c->rejected > latest ||
	    c->failure.at > latest)
		return false;
	if (c->obtained < 0 || c->expires < c->obtained ||
	    c->expires - c->obtained > TOKEN_LIFE_MAX)
		return false;
	return c->failure.at >= 0 && c->failure.count >= 0 &&
	    c->failure.count < 1000 &&
	    c->failure.not_before >= c->failure.at &&
	    c->failure.not_before - c->failure.at <= RETRY_AFTER_MAX;
}

static int
read_members(struct cache *c, const struct record *r, int64_t now)
{
	const char *key = record_text(r, "key");
	const char *access = record_text(r, "access_token");

	if (record_number(r, "version", 0) != FORMAT_VERSION ||
	    strlen(key) != sizeof c->key - 1 || strlen(access) > TOKEN_MAX ||
	    !text_is_visible(access, strlen(access)))
		return -1;
	memcpy(c->key, key, sizeof c->key);
	buf_addstr(&c->access, access);
	c->obtained = record_number(r, "obtained", 0);
	c->expires = record_number(r, "expires", 0);
	c->refresh_after = record_number(r, "refresh_after", 0);
	c->rejected = record_number(r, "rejected", 0);
	c->credential_expires = record_number(r, "credential_expires", 0);
	c->expiry_said = record_number(r, "expiry_said", 0);
	if (record_object(r, "failure") != NULL)
		read_failure(c, record_object(r, "failure"));
	return is_possible(c, now) ? 0 : -1;
}

int
cache_parse(struct cache *c, const char *text, size_t len, int64_t now)
{
	struct record *r = record_parse(text, len);
	int rc = -1;

	if (r != NULL)
		rc = read_members(c, r, now);
	if (rc == -1)
		cache_release(c);
	record_free(r);
	return rc;
}

static void
status_to_record(const struct status *st, struct record *r)
{
	record_put_number(r, "exit", st->sysexit);
	record_put_number(r, "class", st->class);
	record_put_number(r, "reply", st->reply);
	record_put_text(r, "text", st->text);
	record_put_text(r, "remote", st->remote);
	record_put_text(r, "hint", st->hint);
}

static struct record *
failure_record(const struct cache *c)
{
	struct record *r = record_new();

	record_put_number(r, "at", c->failure.at);
	record_put_number(r, "not_before", c->failure.not_before);
	record_put_number(r, "count", c->failure.count);
	status_to_record(&c->failure.status, r);
	return r;
}

void
cache_format(const struct cache *c, struct buf *out)
{
	struct record *r = record_new();

	record_put_number(r, "version", FORMAT_VERSION);
	record_put_text(r, "key", c->key);
	record_put_text(r, "access_token", c->access.data);
	record_put_number(r, "obtained", c->obtained);
	record_put_number(r, "expires", c->expires);
	record_put_number(r, "refresh_after", c->refresh_after);
	record_put_number(r, "rejected", c->rejected);
	record_put_number(r, "credential_expires", c->credential_expires);
	record_put_number(r, "expiry_said", c->expiry_said);
	if (c->failure.at != 0)
		record_put_object(r, "failure", failure_record(c));
	record_format(r, out);
	record_free(r);
}

bool
cache_has_token(const struct cache *c, int64_t now, int64_t seconds)
{
	return c->access.len != 0 && c->expires - now >= seconds;
}

bool
cache_is_paused(const struct cache *c, int64_t now)
{
	return c->failure.at != 0 && now < c->failure.not_before;
}

int64_t
cache_margin(const struct cache *c, int64_t margin)
{
	int64_t half = (c->expires - c->obtained) / 2;

	return margin < half ? margin : half;
}

void
cache_put_token(struct cache *c, const char *access, int64_t now,
    int64_t expires_in, int64_t refresh_in)
{
	if (expires_in > TOKEN_LIFE_MAX)
		expires_in = TOKEN_LIFE_MAX;
	/* Where the endpoint does not say: half of a long life, as MSAL does;
	 * else the last quarter, so that one request per expiry stays one. */
	if (refresh_in <= 0 || refresh_in > expires_in)
		refresh_in = expires_in > 7200 ? expires_in / 2 :
		    expires_in / 4 * 3;
	buf_wipe(&c->access);
	buf_addstr(&c->access, access);
	c->obtained = now;
	c->expires = now + expires_in;
	c->refresh_after = now + refresh_in;
	cache_forgive(c);
}

void
cache_drop_token(struct cache *c)
{
	buf_wipe(&c->access);
	c->obtained = c->expires = c->refresh_after = 0;
}

/* A fault of the service may be over at once; 408 and 410 tell of one, too.  Any
 * other 4yz is about us: 429, or the 400 of AADSTS50196 and 90055, which say that
 * somebody asks too often. */
static bool
may_be_over(const struct status *st)
{
	return st->class == CLASS_RETRY && (st->reply / 100 != 4 ||
	    st->reply == 408 || st->reply == 410);
}

/* Seconds before the endpoint is asked again after the `count`th failure. */
static int64_t
pause_after(const struct status *st, int64_t count)
{
	/* Throttled or mendable by people only: MSAL's 60 s, up to 15 minutes. */
	bool passes = may_be_over(st);
	int64_t pause = passes ? 5 : 60, most = passes ? 300 : 900;

	while (--count > 0 && pause < most)
		pause *= 2;
	return pause < most ? pause : most;
}

void
cache_put_failure(struct cache *c, const struct status *st, int64_t now,
    int64_t retry_after)
{
	int64_t pause;

	c->failure.count++;
	pause = retry_after >= 0 ? retry_after :
	    pause_after(st, c->failure.count);
	if (pause > RETRY_AFTER_MAX)
		pause = RETRY_AFTER_MAX;
	/* "Retry-After: 0", and a hundred processes take it at its word. */
	if (pause < 1)
		pause = 1;
	c->failure.at = now;
	c->failure.not_before = now + pause;
	c->failure.status = *st;
}

void
cache_forgive(struct cache *c)
{
	memset(&c->failure, 0, sizeof c->failure);
}

void
status_from_record(struct status *st, const struct record *r)
{
	int64_t code = record_number(r, "exit", EX_TEMPFAIL);
	int64_t class = record_number(r, "class", CLASS_RETRY);
	int64_t reply = record_number(r, "reply", 0);

	if (code < EX__BASE || code > EX__MAX)
		code = EX_TEMPFAIL;
	status_set(st, (int)code, "%s", record_text(r, "text"));
	/* A token is never one message's fault. */
	st->scope = SCOPE_ACCOUNT;
	if (class >= CLASS_RETRY && class <= CLASS_POLICY)
		st->class = (enum status_class)class;
	else
		st->class = CLASS_RETRY;
	status_remote(st, reply >= 100 && reply < 600 ? (int)reply : 0, "",
	    record_text(r, "remote"));
	status_hint(st, "%s", record_text(r, "hint"));
}
