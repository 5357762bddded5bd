/* SPDX-License-Identifier: ISC
 *
 * The dialogue: one connection, looked at piece by piece.
 */
#include "cli/check_step.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/check_cause.h"
#include "config/account.h"
#include "queue/account_session.h"
#include "smtp/tls.h"

#define SESSION_MS	60000
#define SLOT_MS		3000
#define CERTIFICATE_DAYS 7

static void
note(void *context, char direction, const char *line)
{
	struct check_trace *t = context;

	if (direction == '>')
		snprintf(t->said, sizeof t->said, "%.60s", line);
	else
		snprintf(t->heard, sizeof t->heard, "%.500s", line);
}

static void
set_params(struct check *k)
{
	struct session_params *p = &k->params;

	account_session_params(p, &k->config, k->account, k->from);
	p->deadline = clock_deadline(SESSION_MS);
	p->answer_ms = SESSION_MS;
	p->trace = note;
	p->trace_context = &k->trace;
	k->trace = (struct check_trace){ .said = "" };
}

static bool
heard_success(const struct check *k)
{
	return k->trace.heard[0] == '2';
}

/* Whether a session that failed got as far as TLS. */
static bool
failed_at_tls(const struct check *k)
{
	if (k->account->tls == TLS_IMPLICIT)
		return k->trace.heard[0] == '\0' &&
		    k->session_status.sysexit == EX_PROTOCOL;
	if (k->account->tls == TLS_NONE || !heard_success(k))
		return false;
	return k->session_status.reply == 0 &&
	    (strcmp(k->trace.said, "STARTTLS") == 0 ||
	    k->session_status.sysexit == EX_PROTOCOL);
}

void
check_smtp(struct check *k, struct check_result *r)
{
	struct status ignored;

	set_params(k);
	/* The limits of the mailbox hold for us too; but a pause is no reason
	 * not to look. */
	limits_take_slot(&k->slot, &k->config, k->account, SLOT_CALLER,
	    clock_deadline(SLOT_MS), &ignored);
	k->session = session_open(&k->params, &k->session_status);
	if (k->session == NULL && !failed_at_tls(k)) {
		check_fail_status(r, k, &k->session_status);
		return;
	}
	check_ok(r, "%s answers and knows EHLO", k->account->host);
}

void
check_tls(struct check *k, struct check_result *r)
{
	char date[40], span[40];
	struct tls_peer peer;

	if (k->session == NULL) {
		check_fail_status(r, k, &k->session_status);
		return;
	}
	if (!session_peer(k->session, &peer)) {
		check_ok(r, "none: tls = none");
		return;
	}
	check_date(date, peer.not_after);
	clock_span(span, clock_wall(), peer.not_after);
	check_ok(r, "%s, certificate of %s by %s, ends %s (%s)", peer.version,
	    peer.name, peer.issuer, date, span);
	if (peer.not_after != 0 &&
	    peer.not_after - clock_wall() < CERTIFICATE_DAYS * 24 * 3600)
		check_doubt(r, "the server's certificate ends soon",
		    "tell whoever runs the server; Microsoft renews its own");
}

void
check_extensions(struct check *k, struct check_result *r)
{
	const struct session_extensions *x = session_extensions(k->session);
	char size[40] = "";

	if (x->max_size != 0)
		snprintf(size, sizeof size, " %" PRId64 " MB",
		    x->max_size >> 20);
	check_ok(r, "%s%s%s%s%s%s%sAUTH %s", x->size ? "SIZE" : "", size,
	    x->size ? ", " : "", x->pipelining ? "PIPELINING, " : "",
	    x->eightbitmime ? "8BITMIME, " : "",
	    x->smtputf8 ? "SMTPUTF8, " : "", x->dsn ? "DSN, " : "",
	    x->auth_offered[0] != '\0' ? x->auth_offered : "(none)");
	if (k->account->auth == AUTH_XOAUTH2 && !x->auth_xoauth2)
		check_fail(r, EX_NOPERM, "the server does not offer XOAUTH2",
		    "see whether `host` is a submission server of Exchange "
		    "Online (smtp.office365.com port 587), and whether "
		    "something on the way changes what it says");
}

/* AUTH. */

/* Whether the same token gets another mailbox of the app in: then the app is
 * known and the mailbox is at fault.  NULL if none does. */
static const char *
find_working_mailbox(const struct check *k)
{
	const struct config *c = &k->config;
	struct status ignored = STATUS_INIT;
	struct session *s;
	size_t i;
	int rc;

	if (k->account->app->credential == CREDENTIAL_DELEGATED)
		return NULL;
	for (i = 0; i < c->account_count; i++) {
		if (&c->accounts[i] == k->account ||
		    c->accounts[i].app != k->account->app ||
		    strcmp(c->accounts[i].host, k->account->host) != 0)
			continue;
		if ((s = session_open(&k->params, &ignored)) == NULL)
			return NULL;
		rc = account_session_authenticate(s, &c->accounts[i], k->token.access.data,
		    &ignored);
		session_close(s);
		if (rc == 0)
			return c->accounts[i].mailbox;
	}
	return NULL;
}

/* The reply for which the catalogue cannot know more. */
static void
explain_refusal(struct check *k, const struct status *st,
    struct check_result *r)
{
	struct cause_facts f = { .account = k->account, .now = clock_wall(),
	    .claims = k->has_claims ? &k->claims : NULL };
	struct cause c;

	check_fail_status(r, k, st);
	if (st->reply != 535 || strcmp(st->enhanced, "5.7.3") != 0 ||
	    !account_wants_token(k->account) || !cause_knows(k->account))
		return;
	if (k->claims_failed) {
		check_fail(r, st->sysexit, "what is wrong with the token: see "
		    "claims above", "mend that first");
		return;
	}
	f.other_mailbox = find_working_mailbox(k);
	cause_of_refusal(&c, &f);
	check_fail(r, st->sysexit, c.what, c.fix);
}

static int
reopen(struct check *k, struct status *st)
{
	session_close(k->session);
	k->session = session_open(&k->params, st);
	return k->session == NULL ? -1 : 0;
}

/* In two steps on a new connection where the long line of AUTH ended this one, as
 * the next send does it. */
static int
log_in(struct check *k, const char *secret, struct status *st)
{
	struct status why = STATUS_INIT;
	struct session_cost cost;

	if (account_session_authenticate(k->session, k->account, secret,
	    st) == 0)
		return 0;
	session_cost(k->session, &cost);
	if (!cost.wants_two_step)
		return -1;
	k->params.auth_two_step = true;
	if (reopen(k, &why) == -1) {
		*st = why;
		return -1;
	}
	status_clear(st);
	return account_session_authenticate(k->session, k->account, secret, st);
}

/* A token from before the administrator mended something stays useless: the
 * next send asks for a new one, and so do we. */
static int
try_new_token(struct check *k, struct status *st)
{
	struct token fresh = TOKEN_INIT;
	struct status why = STATUS_INIT;

	if (st->reply != 535 || !k->token.cached ||
	    !token_reject(&k->token, &k->config, k->account) ||
	    token_get(&fresh, &k->config, k->account,
	    clock_deadline(SESSION_MS), &why) == -1)
		return -1;
	token_release(&k->token);
	k->token = fresh;
	k->has_claims = claims_read(&k->claims, fresh.access.data);
	if (reopen(k, &why) == -1) {
		*st = why;
		return -1;
	}
	return log_in(k, fresh.access.data, st);
}

static int
authenticate(struct check *k, struct status *st)
{
	struct buf password;
	int rc;

	if (account_wants_token(k->account)) {
		rc = log_in(k, k->token.access.data, st);
		return rc == -1 ? try_new_token(k, st) : rc;
	}
	rc = config_read_password(&k->config, k->account, &password, st);
	if (rc == 0)
		rc = log_in(k, password.data, st);
	buf_wipe(&password);
	return rc;
}

void
check_auth(struct check *k, struct check_result *r)
{
	struct status st = STATUS_INIT;
	bool was_cached = k->token.cached;
	char reply[600];

	if (k->account->auth == AUTH_NONE) {
		check_ok(r, "none: auth = none");
		return;
	}
	if (authenticate(k, &st) == -1) {
		explain_refusal(k, &st, r);
		return;
	}
	limits_clear(&k->config, k->account);
	session_last_reply(k->session, reply, sizeof reply);
	check_ok(r, "%s%s", reply, was_cached && !k->token.cached ? " (with a "
	    "new token: the server refused the one in the cache)" : "");
}

/* The envelope, without a message. */

void
check_mail(struct check *k, struct check_result *r)
{
	const char *from = k->from != NULL ? k->from : k->account->mailbox;
	struct status st = STATUS_INIT;
	char reply[600];

	if (session_probe_sender(k->session, from, &st) == -1) {
		check_fail_status(r, k, &st);
		session_reset(k->session, &st);
		return;
	}
	session_last_reply(k->session, reply, sizeof reply);
	check_ok(r, "<%s>: %s", from, reply);
	if (k->to == NULL)
		session_reset(k->session, &st);
}

void
check_rcpt(struct check *k, struct check_result *r)
{
	struct status st = STATUS_INIT;
	char reply[600];

	if (session_probe_recipient(k->session, k->to, &st) == -1)
		check_fail_status(r, k, &st);
	else {
		session_last_reply(k->session, reply, sizeof reply);
		check_ok(r, "<%s>: %s; nothing was sent", k->to, reply);
	}
	session_reset(k->session, &st);
}

void
check_account_end(struct check *k)
{
	session_close(k->session);
	k->session = NULL;
	limits_release_slot(&k->slot);
	token_release(&k->token);
	k->has_token = k->has_claims = k->claims_failed = false;
	k->credential_failed = false;
}
