/* SPDX-License-Identifier: ISC */
#include "oauth/result.h"

#include <string.h>

#include "base/record.h"
#include "base/text.h"
#include "oauth/cache.h"
#include "oauth/claims.h"

/* For a token that says nowhere how long it lives. */
#define ASSUMED_LIFE 300

void
result_init(struct result *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->access, TOKEN_MAX);
	r->retry_after = -1;
}

void
result_release(struct result *r)
{
	buf_wipe(&r->access);
}

static void
copy_text(char *to, size_t size, const struct record *r, const char *name)
{
	status_printable(to, size, record_text(r, name));
}

static bool
is_token(const char *text, size_t len)
{
	return len != 0 && len <= TOKEN_MAX && text_is_visible(text, len);
}

static int
unusable(struct status *st, const char *who)
{
	status_set(st, EX_SOFTWARE, "%s printed no token", who);
	st->scope = SCOPE_ACCOUNT;
	return -1;
}

static int
read_token(struct result *r, const struct record *j, int64_t now,
    const char *who, struct status *st)
{
	const char *access = record_text(j, "access_token");

	if (!is_token(access, strlen(access)))
		return unusable(st, who);
	buf_addstr(&r->access, access);
	r->expires_in = record_number(j, "expires_in", 0);
	r->refresh_in = record_number(j, "refresh_in", 0);
	r->obtained = record_number(j, "obtained", now);
	r->credential_expires = record_number(j, "credential_expires", 0);
	copy_text(r->request_id, sizeof r->request_id, j, "request_id");
	copy_text(r->warning, sizeof r->warning, j, "warning");
	return 0;
}

static int
read_error(struct result *r, const struct record *j, struct status *st)
{
	const struct record *e = record_object(j, "error");

	if (e == NULL)
		return unusable(st, "the helper");
	copy_text(r->request_id, sizeof r->request_id, j, "request_id");
	r->answered = record_flag(e, "answered");
	r->retry_after = record_number(e, "retry_after", -1);
	r->aadsts = (long)record_number(e, "aadsts", 0);
	copy_text(r->oauth_error, sizeof r->oauth_error, e, "oauth_error");
	copy_text(r->correlation_id, sizeof r->correlation_id, e,
	    "correlation_id");
	copy_text(r->trace_id, sizeof r->trace_id, e, "trace_id");
	status_from_record(st, e);
	return -1;
}

int
result_parse_helper(struct result *r, const char *text, size_t len,
    int64_t now, struct status *st)
{
	struct record *j = record_parse(text, len);
	int rc;

	if (j == NULL)
		return unusable(st, "the helper");
	if (record_text(j, "access_token")[0] != '\0')
		rc = read_token(r, j, now, "the helper", st);
	else
		rc = read_error(r, j, st);
	record_free(j);
	return rc;
}

/* How long a token lives that came without a life: what it says itself, for
 * want of anything better. */
static int64_t
life_of(const char *access, int64_t now)
{
	struct claims c;

	if (claims_read(&c, access) && c.exp > now)
		return c.exp - now;
	return ASSUMED_LIFE;
}

int
result_parse_command(struct result *r, const char *text, size_t len,
    int64_t now, struct status *st)
{
	struct record *j = record_parse(text, len);
	int rc = 0;

	while (len != 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (j != NULL)
		rc = read_token(r, j, now, "token-command", st);
	else if (is_token(text, len) && memchr(text, '{', len) == NULL)
		buf_add(&r->access, text, len);
	else
		rc = unusable(st, "token-command");
	record_free(j);
	r->obtained = now;
	if (rc == 0 && r->expires_in <= 0)
		r->expires_in = life_of(r->access.data, now);
	return rc;
}
