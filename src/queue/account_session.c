/* SPDX-License-Identifier: ISC */
#include "queue/account_session.h"

void
account_session_params(struct session_params *p, const struct config *c,
    const struct account *a, const char *from)
{
	static const int modes[] = {
		[TLS_STARTTLS] = SESSION_STARTTLS,
		[TLS_IMPLICIT] = SESSION_IMPLICIT_TLS,
		[TLS_NONE] = SESSION_PLAIN,
	};

	*p = (struct session_params){
		.host = a->host, .port = a->port,
		.source_address = a->source_address,
		.ehlo_name = c->hostname, .tls_minimum = a->tls_minimum,
		.ca_file = c->ca_file, .ca_directory = c->ca_directory,
		.tls_certificate = a->tls_certificate,
		.tls_private_key = a->tls_private_key,
		.values = { .mailbox = a->mailbox, .from = from,
		    .client_id = a->app != NULL ? a->app->client_id : NULL },
	};
	p->tls = modes[a->tls];
}

int
account_session_authenticate(struct session *s, const struct account *a,
    const char *secret, struct status *st)
{
	static const int mechanisms[] = {
		[AUTH_XOAUTH2] = SESSION_XOAUTH2,
		[AUTH_OAUTHBEARER] = SESSION_OAUTHBEARER,
		[AUTH_PLAIN] = SESSION_AUTH_PLAIN,
		[AUTH_LOGIN] = SESSION_AUTH_LOGIN,
	};
	struct session_credential c = { .secret = secret };

	if (a->auth == AUTH_NONE)
		return 0;
	c.mechanism = mechanisms[a->auth];
	c.user = a->auth_user != NULL ? a->auth_user : a->mailbox;
	return session_authenticate(s, &c, st);
}
