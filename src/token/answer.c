/* SPDX-License-Identifier: ISC */
#include "token/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/conceal.h"
#include "base/encode.h"
#include "base/record.h"
#include "base/text.h"
#include "diagnose/diagnose.h"

/* For a token that comes without a usable life. */
#define ASSUMED_LIFE	300
/* From here on a wrong clock is worth a word: Entra forgives five minutes. */
#define SKEW_MAX	300
/* So much of an answer that is no JSON is shown. */
#define EXCERPT_MAX	120

void
answer_init(struct answer *a)
{
	memset(a, 0, sizeof *a);
	buf_init(&a->access, ANSWER_TOKEN_MAX);
	buf_init(&a->refresh, ANSWER_TOKEN_MAX);
	a->retry_after = -1;
}

void
answer_release(struct answer *a)
{
	buf_wipe(&a->access);
	buf_wipe(&a->refresh);
	answer_init(a);
}

static bool
is_token(const char *text)
{
	size_t len = strlen(text);

	return len != 0 && len <= ANSWER_TOKEN_MAX &&
	    text_is_visible(text, len);
}

static int64_t
life_of(const struct record *j, int64_t now)
{
	int64_t life = record_number(j, "expires_in", 0);
	int64_t end = record_number(j, "expires_on", 0);

	/* The identity endpoints give a time, and not always a span. */
	if (life <= 0 && end > now)
		life = end - now;
	return life > 0 ? life : ASSUMED_LIFE;
}

static int
read_token(struct answer *a, const struct record *j, int64_t now)
{
	const char *access = record_text(j, "access_token");
	const char *refresh = record_text(j, "refresh_token");
	const char *type = record_text(j, "token_type");

	if (!is_token(access) ||
	    (type[0] != '\0' && strcasecmp(type, "Bearer") != 0))
		return -1;
	buf_addstr(&a->access, access);
	if (is_token(refresh))
		buf_addstr(&a->refresh, refresh);
	a->expires_in = life_of(j, now);
	a->refresh_in = record_number(j, "refresh_in", 0);
	return 0;
}

/* Copies words as one line: Entra parts its sentences with CR LF. */
static void
copy_line(char *to, size_t size, const char *from)
{
	char line[600], *p;

	snprintf(line, sizeof line, "%s", from);
	for (p = line; *p != '\0'; p++)
		if (strchr("\r\n\t", *p) != NULL)
			*p = ' ';
	status_printable(to, size, line);
}

/* RFC 6749 5.2; others have an object `error` with `code` and `message`. */
static const char *
error_of(const struct record *j)
{
	const char *error = record_text(j, "error");

	return error[0] != '\0' ? error :
	    record_text(record_object(j, "error"), "code");
}

/* App Service, Azure Arc and gateways say `message`. */
static const char *
description_of(const struct record *j)
{
	const char *const words[] = {
		record_text(j, "error_description"), record_text(j, "message"),
		record_text(record_object(j, "error"), "message"),
	};
	size_t i;

	for (i = 0; i < sizeof words / sizeof *words - 1; i++)
		if (words[i][0] != '\0')
			break;
	return words[i];
}

static void
read_error(struct answer *a, const struct record *j)
{
	const char *description = description_of(j);
	const char *number = strstr(description, "AADSTS");

	status_printable(a->error, sizeof a->error, error_of(j));
	copy_line(a->description, sizeof a->description, description);
	status_printable(a->correlation_id, sizeof a->correlation_id,
	    record_text(j, "correlation_id"));
	status_printable(a->trace_id, sizeof a->trace_id,
	    record_text(j, "trace_id"));
	status_printable(a->timestamp, sizeof a->timestamp,
	    record_text(j, "timestamp"));
	a->aadsts = (long)record_first_number(j, "error_codes", 0);
	if (a->aadsts == 0 && number != NULL)
		a->aadsts = strtol(number + strlen("AADSTS"), NULL, 10);
}

/* Whether a token may be in it: by the name of its member, or as a JWT, which
 * begins with {" in base64. */
static bool
may_hold_token(const struct buf *body)
{
	return memmem(body->data, body->len, "_token", 6) != NULL ||
	    memmem(body->data, body->len, "eyJ", 3) != NULL;
}

/* What is shown in place of an answer's beginning, or NULL. */
static const char *
instead(const struct http_response *r, const char *beginning)
{
	if (r->cut)
		return "(an answer of more than 256 KiB)";
	if (r->body.len == 0)
		return "(an empty answer)";
	if (may_hold_token(&r->body))
		return "(an answer with a token in it that cannot be read)";
	/* It may spell the secret in a way of its own. */
	if (strchr(beginning, '\\') != NULL)
		return "(an answer without words)";
	return NULL;
}

/* The beginning of an answer without words of its own, for people to recognise: a
 * proxy's page, mostly.  But it may be a good answer with something behind it. */
static void
excerpt(struct answer *a, const struct http_response *r)
{
	char text[EXCERPT_MAX + 1];
	size_t len = r->body.len < EXCERPT_MAX ? r->body.len : EXCERPT_MAX;
	const char *words;

	memcpy(text, r->body.data, len);
	text[len] = '\0';
	words = instead(r, text);
	copy_line(a->description, sizeof a->description,
	    words != NULL ? words : text);
}

/* The body as it came, and as text of JSON: a slash may be written "\/". */
static bool
repeats_one(const struct http_response *r, const struct record *j,
    const char *secret)
{
	struct buf encoded;
	bool found;

	buf_init(&encoded, 3 * strlen(secret) + 2);
	form_add(&encoded, "", secret);
	found = memmem(r->body.data, r->body.len, secret,
	    strlen(secret)) != NULL || memmem(r->body.data, r->body.len,
	    encoded.data + 1, encoded.len - 1) != NULL;
	if (j != NULL)
		found = found || strstr(description_of(j), secret) != NULL ||
		    strstr(error_of(j), secret) != NULL;
	buf_wipe(&encoded);
	return found;
}

static bool
repeats(const struct http_response *r, const struct record *j,
    const char *const *secrets)
{
	for (; *secrets != NULL; secrets++)
		if (**secrets != '\0' && repeats_one(r, j, *secrets))
			return true;
	return false;
}

static void
hide_in(const struct conceal *c, char *text, size_t size)
{
	struct buf words;

	buf_init(&words, size);
	buf_addstr(&words, text);
	conceal_in(c, &words);
	memcpy(text, words.data, words.len + 1);
	buf_release(&words);
}

/* What is left of it, cut or folded, where the whole is not to be found. */
static void
hide_pieces(struct answer *a, const char *secret)
{
	struct conceal c;
	struct buf encoded;

	buf_init(&encoded, 3 * strlen(secret) + 2);
	form_add(&encoded, "", secret);
	conceal_init(&c);
	conceal_keep(&c, secret, encoded.data + 1);
	hide_in(&c, a->error, sizeof a->error);
	hide_in(&c, a->description, sizeof a->description);
	hide_in(&c, a->correlation_id, sizeof a->correlation_id);
	hide_in(&c, a->trace_id, sizeof a->trace_id);
	hide_in(&c, a->timestamp, sizeof a->timestamp);
	conceal_release(&c);
	buf_wipe(&encoded);
}

/* A date is judged by the server's own clock if it told: ours may be wrong. */
static int64_t
retry_after(const struct http_response *r, int64_t now)
{
	int64_t seconds;

	if (r->retry_after >= 0 || r->retry_at == 0)
		return r->retry_after;
	seconds = r->retry_at - (r->date != 0 ? r->date : now);
	return seconds > 0 ? seconds : 0;
}

int
answer_read(struct answer *a, const struct http_response *r,
    const char *const *secrets, int64_t now)
{
	struct record *j;
	int rc = -1;

	answer_release(a);
	a->http = r->status;
	a->retry_after = retry_after(r, now);
	a->skew = r->date != 0 ? r->date - now : 0;
	j = r->cut ? NULL : record_parse(r->body.data, r->body.len);
	if (j != NULL && r->status == 200 && read_token(a, j, now) == 0)
		rc = 0;
	else if (repeats(r, j, secrets))
		copy_line(a->description, sizeof a->description,
		    "(words that repeat the secret)");
	else if (j != NULL)
		read_error(a, j);
	if (rc == -1 && a->error[0] == '\0' && a->description[0] == '\0')
		excerpt(a, r);
	record_free(j);
	for (; rc == -1 && *secrets != NULL; secrets++)
		hide_pieces(a, *secrets);
	return rc;
}

bool
answer_is_error(const struct answer *a, const char *error)
{
	return strcmp(a->error, error) == 0;
}

/* The end of a text: what a wrong clock has to do with it. */
static void
add_skew(struct status *st, int64_t skew)
{
	size_t len = strlen(st->text);

	if (skew >= -SKEW_MAX && skew <= SKEW_MAX)
		return;
	snprintf(st->text + len, sizeof st->text - len,
	    " (the clock of this host is %lld minutes %s that server's)",
	    (long long)(skew < 0 ? -skew : skew) / 60,
	    skew < 0 ? "ahead of" : "behind");
}

int
answer_judge(const struct answer *a, const struct app *app,
    const char *mailbox, struct status *st)
{
	const struct diagnose_values values = { .mailbox = mailbox,
	    .client_id = app->client_id };
	const char *words = a->description[0] != '\0' ? a->description :
	    a->error;

	diagnose_status(st, diagnose_token(a->http, a->error, a->aadsts, words),
	    &values, a->http, "", words, "getting a token for app %s",
	    app->name);
	add_skew(st, a->skew);
	return -1;
}
