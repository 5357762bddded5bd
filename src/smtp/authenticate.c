/* SPDX-License-Identifier: ISC
 *
 * AUTH, RFC 4954.
 */
#include "smtp/session.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/encode.h"
#include "smtp/dialogue.h"
#include "smtp/sasl.h"

#define COMMAND_LINE_MAX 512	/* with CRLF, RFC 5321 4.5.3.1.4 */

/* By enum in session.h.  `message` is the client's first and only one; NULL for
 * LOGIN, which asks question by question.  `error_answer` is what a server wants
 * to hear after an error challenge, before it says the final no (RFC 7628
 * 3.2.3). */
static const struct mechanism {
	const char	*name;
	size_t		 offered;
	void		(*message)(struct buf *, const struct sasl_input *);
	const char	*error_answer;
} mechanisms[] = {
	[SESSION_XOAUTH2] = { "XOAUTH2",
	    offsetof(struct session_extensions, auth_xoauth2),
	    sasl_xoauth2, "" },
	[SESSION_OAUTHBEARER] = { "OAUTHBEARER",
	    offsetof(struct session_extensions, auth_oauthbearer),
	    sasl_oauthbearer, "AQ==" },
	[SESSION_AUTH_PLAIN] = { "PLAIN",
	    offsetof(struct session_extensions, auth_plain),
	    sasl_plain, "*" },
	[SESSION_AUTH_LOGIN] = { "LOGIN",
	    offsetof(struct session_extensions, auth_login), NULL, "*" },
};

/* Sends one line that nobody may see, and reads the reply. */
static int
exchange(struct session *s, const char *verb, const struct buf *secret,
    struct status *st)
{
	char shown[80];

	if (dialogue_begin(s, DIAGNOSE_AUTH, st) == -1)
		return -1;
	snprintf(shown, sizeof shown, "%s<%zu octets not shown>", verb,
	    secret->len);
	dialogue_trace(s, '>', shown);
	if (stream_put(s->stream, verb, strlen(verb), st) == -1 ||
	    stream_put(s->stream, secret->data, secret->len, st) == -1 ||
	    stream_put(s->stream, "\r\n", 2, st) == -1 ||
	    stream_flush_secret(s->stream, st) == -1)
		return dialogue_broken(s);
	return dialogue_read(s, DIAGNOSE_AUTH, st);
}

/* Sends a line of the exchange that is no secret, and reads the reply. */
static int
say(struct session *s, const char *line, struct status *st)
{
	if (dialogue_begin(s, DIAGNOSE_AUTH, st) == -1 ||
	    dialogue_put(s, st, "%s", line) == -1 ||
	    dialogue_flush(s, DIAGNOSE_AUTH, st) == -1)
		return -1;
	return dialogue_read(s, DIAGNOSE_AUTH, st);
}

/* Whether the server had no quarrel with us but with the length or form of the
 * line: RFC 4954 4 allows 12288 octets there, many servers stop at 512 or 2048
 * (Dovecot: "500 5.5.2 Line too long").  5.5.121 to 5.5.127 are Exchange's for
 * what is in it. */
static bool
line_was_refused(const struct session *s)
{
	const char *enhanced = s->reply.enhanced;

	if (dialogue_class(s) < 4 || strncmp(enhanced, "5.5.12", 6) == 0)
		return false;
	return s->reply.code == 500 || s->reply.code == 501 ||
	    strcmp(enhanced, "5.5.2") == 0 || strcmp(enhanced, "5.5.6") == 0 ||
	    strcasestr(s->reply.text.data, "too long") != NULL;
}

/* Name first, blob when asked for it. */
static int
send_in_two_steps(struct session *s, const struct mechanism *m,
    const struct buf *blob, struct status *st)
{
	char command[40];

	snprintf(command, sizeof command, "AUTH %s", m->name);
	if (say(s, command, st) == -1)
		return -1;
	return s->reply.code == 334 ? exchange(s, "", blob, st) : 0;
}

/* More than RFC 5321 4.5.3.1.4 allows. */
static bool
is_long(const struct mechanism *m, const struct buf *blob)
{
	return strlen("AUTH  \r\n") + strlen(m->name) + blob->len >
	    COMMAND_LINE_MAX;
}

/* With the initial response, RFC 4954 4. */
static int
send_at_once(struct session *s, const struct mechanism *m,
    const struct buf *blob, struct status *st)
{
	char verb[40];

	snprintf(verb, sizeof verb, "AUTH %s ", m->name);
	if (exchange(s, verb, blob, st) == -1) {
		/* Some hang up on a long line, without a word. */
		s->line_refused = is_long(m, blob) && s->reply.code == 0 &&
		    stream_is_closed(s->stream);
		return -1;
	}
	/* An empty challenge: it was not looked at. */
	if (s->reply.code == 334 && s->reply.text.data[0] == '\0')
		return exchange(s, "", blob, st);
	return 0;
}

/* A challenge instead of a verdict says what is wrong; answered, it is followed
 * by the verdict, and is kept behind the words of that. */
static int
answer_challenge(struct session *s, const struct mechanism *m,
    struct status *st)
{
	struct buf challenge;
	int rc;

	buf_init(&challenge, sizeof st->remote);
	sasl_decode_challenge(&challenge, s->reply.text.data);
	rc = say(s, m->error_answer, st);
	conceal_in(&s->conceal, &challenge);
	buf_addf(&s->reply.text, "\n%s", challenge.data);
	buf_release(&challenge);
	return rc;
}

/* The verdict, or whatever the server says instead, is in s->reply then. */
static int
await_verdict(struct session *s, const struct mechanism *m, struct status *st)
{
	return s->reply.code == 334 ? answer_challenge(s, m, st) : 0;
}

static int
judge(struct session *s, const struct mechanism *m, struct status *st)
{
	if (dialogue_class(s) != 2)
		return dialogue_refused(s, DIAGNOSE_AUTH, st,
		    "AUTH %s refused", m->name);
	return 0;
}

static int
finish(struct session *s, const struct mechanism *m, struct status *st)
{
	return await_verdict(s, m, st) == -1 ? -1 : judge(s, m, st);
}

static int
present(struct session *s, const struct mechanism *m, const struct buf *blob,
    bool two_steps, struct status *st)
{
	if ((two_steps ? send_in_two_steps : send_at_once)(s, m, blob,
	    st) == -1)
		return -1;
	/* What comes after a challenge is about what was in it. */
	s->line_refused = line_was_refused(s);
	return await_verdict(s, m, st);
}

/* Postfix takes 2048 octets of a line, drops the others, and judges what it has:
 * to whom a long line was said may not have read it all.  Not Exchange, which has
 * words of its own for a token that it does not want. */
static bool
may_have_been_cut(const struct session *s, const struct mechanism *m,
    const struct buf *blob)
{
	return s->usable && s->reply.code == 535 &&
	    (s->reply.enhanced[0] == '\0' ||
	    strcmp(s->reply.enhanced, "5.7.8") == 0) && is_long(m, blob);
}

/* Once more, where nothing is cut.  Only a yes says that it was; all else leaves
 * the first no, *st, as it is. */
static int
present_whole(struct session *s, const struct mechanism *m,
    const struct buf *blob, struct status *st)
{
	struct status again = STATUS_INIT;

	if (present(s, m, blob, true, &again) == -1 || dialogue_class(s) != 2)
		return -1;
	s->two_step = true;
	status_clear(st);
	return 0;
}

static int
send_blob(struct session *s, const struct mechanism *m, const struct buf *blob,
    struct status *st)
{
	bool two_steps = s->p.auth_two_step;

	if (present(s, m, blob, two_steps, st) == -1)
		return -1;
	if (!two_steps && s->line_refused && s->usable) {
		two_steps = true;
		if (present(s, m, blob, true, st) == -1)
			return -1;
		s->two_step = dialogue_class(s) == 2;
	}
	if (judge(s, m, st) == 0)
		return 0;
	if (!two_steps && may_have_been_cut(s, m, blob))
		return present_whole(s, m, blob, st);
	return -1;
}

/* A buffer that a secret can be built in without being copied about. */
static void
init_secret(struct buf *b)
{
	buf_init(b, SASL_LINE_MAX);
	buf_reserve(b, SASL_LINE_MAX);
}

static int
authenticate_with_message(struct session *s, const struct mechanism *m,
    const struct sasl_input *in, struct status *st)
{
	struct buf raw, blob;
	int rc = -1;

	init_secret(&raw);
	init_secret(&blob);
	m->message(&raw, in);
	base64_encode(&blob, raw.data, raw.len);
	if (raw.overflow || blob.overflow ||
	    strlen("AUTH OAUTHBEARER \r\n") + blob.len > SASL_LINE_MAX) {
		status_set(st, EX_CONFIG, "the token or password of %s is "
		    "longer than SMTP can carry", in->user);
		goto out;
	}
	conceal_keep(&s->conceal, in->secret, blob.data);
	rc = send_blob(s, m, &blob, st);
out:
	buf_wipe(&raw);
	buf_wipe(&blob);
	return rc;
}

/* AUTH LOGIN (draft-murchison-sasl-login): the prompts' words do not matter. */
static int
authenticate_by_prompts(struct session *s, const struct mechanism *m,
    const struct sasl_input *in, struct status *st)
{
	const char *const answers[] = { in->user, in->secret };
	struct buf blob;
	size_t i;
	int rc;

	init_secret(&blob);
	base64_encode(&blob, in->secret, strlen(in->secret));
	conceal_keep(&s->conceal, in->secret, blob.data);
	rc = say(s, "AUTH LOGIN", st);
	for (i = 0; rc == 0 && i < 2 && s->reply.code == 334; i++) {
		buf_reset(&blob);
		base64_encode(&blob, answers[i], strlen(answers[i]));
		if (blob.overflow)
			rc = status_set(st, EX_CONFIG, "the user name or "
			    "password of %s is longer than SMTP can carry",
			    in->user);
		else
			rc = exchange(s, "", &blob, st);
	}
	buf_wipe(&blob);
	return rc == 0 ? finish(s, m, st) : -1;
}

static int
not_offered(const struct session *s, const struct mechanism *m,
    struct status *st)
{
	status_set(st, EX_CONFIG, "%s does not offer AUTH %s", s->p.host,
	    m->name);
	if (s->ext.auth_offered[0] == '\0')
		return status_hint(st, "it offers no authentication at all: "
		    "see `host`, `port`, `tls` and `auth` of the account");
	return status_hint(st, "it offers %s: see `auth` of the account",
	    s->ext.auth_offered);
}

int
session_authenticate(struct session *s, const struct session_credential *c,
    struct status *st)
{
	const struct mechanism *m = &mechanisms[c->mechanism];
	const struct sasl_input in = {
		.user = c->user,
		.secret = c->secret,
		.host = s->p.host,
		.port = s->p.port,
	};

	if (sasl_check(&in, st) == -1)
		return -1;
	if (!*(const bool *)((const char *)&s->ext + m->offered))
		return not_offered(s, m, st);
	if (m->message == NULL)
		return authenticate_by_prompts(s, m, &in, st);
	return authenticate_with_message(s, m, &in, st);
}
