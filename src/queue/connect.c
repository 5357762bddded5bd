/* SPDX-License-Identifier: ISC */
#include "queue/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oauth/token.h"

#define ANSWER_MS	(10 * 60 * 1000)	/* RFC 5321 4.5.3.2.6 */
#define PASSWORD_MAX	1024

static void
set_params(struct delivery_connection *dc, const struct connect_request *r)
{
	static const int modes[] = {
		[TLS_STARTTLS] = SESSION_STARTTLS,
		[TLS_IMPLICIT] = SESSION_IMPLICIT_TLS,
		[TLS_NONE] = SESSION_PLAIN,
	};
	const struct account *a = r->account;
	const struct config *c = r->config;

	dc->params = (struct session_params){
		.host = a->host, .port = a->port,
		.source_address = a->source_address,
		.ehlo_name = c->hostname, .tls_minimum = a->tls_minimum,
		.ca_file = c->ca_file, .ca_directory = c->ca_directory,
		.tls_certificate = a->tls_certificate,
		.tls_private_key = a->tls_private_key,
		.deadline = r->deadline, .answer_ms = ANSWER_MS,
		.values = { .mailbox = a->mailbox, .from = dc->from,
		    .client_id = a->app != NULL ? a->app->client_id : NULL },
		.trace = r->trace, .trace_context = r->trace_context,
	};
	dc->params.tls = modes[a->tls];
}

/* The password of `plain` and `login`: the one secret that a sender reads. */
static int
read_password(struct buf *password, const struct connect_request *r,
    struct status *st)
{
	char *path = NULL;
	int rc = -1;

	if (config_resolve_file(r->account->password_file, &path, st) == 0 &&
	    safefile_read(path, TRUST_SECRET, &r->config->trust, PASSWORD_MAX,
	    password, st) == 0) {
		if (password->len != 0 &&
		    password->data[password->len - 1] == '\n')
			buf_truncate(password, password->len - 1);
		rc = 0;
	}
	free(path);
	return rc;
}

static bool
wants_token(const struct account *a)
{
	return a->auth == AUTH_XOAUTH2 || a->auth == AUTH_OAUTHBEARER;
}

static int
authenticate(struct session *s, const struct connect_request *r,
    const char *secret, struct status *st)
{
	static const int mechanisms[] = {
		[AUTH_XOAUTH2] = SESSION_XOAUTH2,
		[AUTH_OAUTHBEARER] = SESSION_OAUTHBEARER,
		[AUTH_PLAIN] = SESSION_AUTH_PLAIN,
		[AUTH_LOGIN] = SESSION_AUTH_LOGIN,
	};
	const struct account *a = r->account;
	struct session_credential c = { .secret = secret };

	if (a->auth == AUTH_NONE)
		return 0;
	c.mechanism = mechanisms[a->auth];
	c.user = a->auth_user != NULL ? a->auth_user : a->mailbox;
	return session_authenticate(s, &c, st);
}

/* One connection, one try to authenticate. */
static int
open_session(struct delivery_connection *dc, const struct connect_request *r,
    const char *secret, struct status *st)
{
	set_params(dc, r);
	dc->account = r->account;
	if ((dc->session = session_open(&dc->params, st)) == NULL ||
	    authenticate(dc->session, r, secret, st) == -1) {
		delivery_connection_close(dc);
		return -1;
	}
	return 0;
}

static int
connect_with_token(struct delivery_connection *dc,
    const struct connect_request *r, bool *cached, struct status *st)
{
	struct token token = TOKEN_INIT;
	int rc;

	if (token_get(&token, r->config, r->account, r->deadline, st) == -1)
		return -1;
	*cached = token.cached;
	rc = open_session(dc, r, token.access.data, st);
	/* A token made before the administrator mended the permission stays
	 * useless until it expires: ask for a new one, once. */
	if (rc == -1 && st->reply == 535 && token.cached &&
	    token_reject(&token, r->config, r->account)) {
		token_release(&token);
		if (token_get(&token, r->config, r->account, r->deadline,
		    st) == 0) {
			*cached = token.cached;
			rc = open_session(dc, r, token.access.data, st);
		}
	}
	token_release(&token);
	return rc;
}

static int
connect_with_password(struct delivery_connection *dc,
    const struct connect_request *r, struct status *st)
{
	struct buf password;
	int rc = -1;

	buf_init(&password, PASSWORD_MAX);
	if (r->account->auth == AUTH_NONE || read_password(&password, r, st) == 0)
		rc = open_session(dc, r, password.data, st);
	buf_wipe(&password);
	return rc;
}

static void
set_from(struct delivery_connection *dc, const char *from)
{
	snprintf(dc->from, sizeof dc->from, "%s",
	    from != NULL ? from : "<from>");
}

int
connect_account(struct delivery_connection *dc,
    const struct connect_request *r, bool *token_cached, struct status *st)
{
	*token_cached = false;
	if (dc->session != NULL && dc->account == r->account &&
	    session_is_usable(dc->session)) {
		set_from(dc, r->from);
		session_set_deadline(dc->session, r->deadline);
		return 0;
	}
	delivery_connection_close(dc);
	set_from(dc, r->from);
	if (wants_token(r->account))
		return connect_with_token(dc, r, token_cached, st);
	return connect_with_password(dc, r, st);
}
