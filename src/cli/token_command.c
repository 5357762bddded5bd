/* SPDX-License-Identifier: ISC */
#include "cli/token_command.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/confine.h"
#include "cli/invocation.h"
#include "oauth/claims.h"
#include "oauth/store.h"
#include "oauth/token.h"

#define PATIENCE_MS 40000

struct request {
	struct invocation	 invocation;
	bool			 renew, forget, print;
	struct config		 config;
	const struct account	*account;
};

/* What a token says of itself (RFC 7519, Entra's claims), a line each. */
static void
token_report_claims(struct report *r, const char *access)
{
	struct claims c;

	if (!claims_read(&c, access)) {
		report_text(r, "claims", "not readable (an opaque token)");
		return;
	}
	report_text(r, "aud", c.aud);
	report_text(r, "tid", c.tid);
	report_text(r, "appid", c.appid);
	report_text(r, "oid", c.oid);
	report_text(r, "upn", c.upn);
	report_text(r, "roles", c.roles);
	report_text(r, "scp", c.scp);
	report_time(r, "nbf", c.nbf);
	report_time(r, "exp", c.exp);
	if (c.roles[0] == '\0' && c.scp[0] == '\0')
		report_text(r, "note", "no roles: as it should be with RBAC for "
		    "Applications; else SMTP.SendAsApp or its admin consent is "
		    "missing");
}

static void
report_cache(struct report *r, const struct request *q, const struct cache *c)
{
	int64_t now = clock_wall();

	if (c->access.len == 0)
		report_text(r, "token", "none in the cache");
	else
		report_text(r, "token", !cache_has_token(c, now, 1) ?
		    "expired" : cache_has_token(c, now, cache_margin(c,
		    q->account->token_margin)) ? "good" : "about to expire");
	report_time(r, "obtained", c->obtained);
	report_time(r, "renewed from", c->refresh_after);
	report_time(r, "expires", c->expires);
	report_time(r, "refused", c->rejected);
	report_time(r, "credential end", c->credential_expires);
	if (c->failure.at != 0) {
		report_time(r, "failed", c->failure.at);
		report_status(r, "failure", &c->failure.status);
		report_time(r, "next request", c->failure.not_before);
	}
	if (c->access.len != 0)
		token_report_claims(r, c->access.data);
}

/* The cache as it lies there: nobody is asked for anything. */
static int
show(const struct request *q, struct status *st)
{
	struct store s;
	struct cache c;
	struct report r;

	if (store_open(&s, &q->config, q->account, st) == -1)
		return -1;
	cache_init(&c);
	store_read(&s, &c);
	store_close(&s);
	report_begin(&r, q->invocation.json);
	report_title(&r, "Account %s, app %s", q->account->name,
	    q->account->app->name);
	if (r.json != NULL) {
		report_text(&r, "account", q->account->name);
		report_text(&r, "app", q->account->app->name);
	}
	report_text(&r, "mailbox", q->account->mailbox);
	report_cache(&r, q, &c);
	report_end(&r);
	cache_release(&c);
	return 0;
}

/* For curl and the like.  Whoever may not read the cache gets no token from it,
 * and whoever may not read the credential no new one. */
static int
print_token(const struct request *q, struct status *st)
{
	struct token t = TOKEN_INIT;
	int rc;

	rc = token_get(&t, &q->config, q->account, clock_deadline(PATIENCE_MS),
	    st);
	if (rc == 0)
		puts(t.access.data);
	/* stdio keeps a copy in its buffer until the process ends, which is
	 * now. */
	token_release(&t);
	return rc;
}

static int
act(struct request *q, struct status *st)
{
	const struct account *a = q->account;

	if (a->app == NULL) {
		status_set(st, EX_CONFIG, "account \"%s\" needs no token",
		    a->name);
		return status_hint(st, "its auth is neither xoauth2 nor "
		    "oauthbearer: mailbearer config shows it");
	}
	if (q->forget && token_forget(&q->config, a, st) == -1)
		return -1;
	if (q->renew && token_force(&q->config, a,
	    clock_deadline(PATIENCE_MS), st) == -1)
		return -1;
	return q->print ? print_token(q, st) : show(q, st);
}

int
token_command(struct identity *id, int argc, char **argv)
{
	static const struct invocation_form form = { 0, 1,
	    "token [ACCOUNT] [--renew] [--forget] [--print-access-token] "
	    "[-C FILE] [--json]" };
	struct request q = { .invocation.arguments = { argc, argv } };
	struct invocation *v = &q.invocation;
	struct status st = STATUS_INIT;
	int rc;

	q.renew = admin_flag(&v->arguments, "--renew");
	q.forget = admin_flag(&v->arguments, "--forget");
	q.print = admin_flag(&v->arguments, "--print-access-token");
	if (invocation_begin(v, id, &form, 0, &st) == -1 ||
	    invocation_load_account(v, v->arguments.items[1],
	    &q.config, &q.account, &st) == -1)
		return admin_fail(&v->caller, &st);
	confine_sender(&v->caller, &q.config);
	rc = act(&q, &st);
	confine_end();
	config_release(&q.config);
	return rc == 0 ? EX_OK : admin_fail(&v->caller, &st);
}
