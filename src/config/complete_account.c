/* SPDX-License-Identifier: ISC */
#include "config/complete.h"

#include <string.h>

#include "base/xalloc.h"
#include "config/account.h"
#include "config/presets.h"
#include "config/value.h"

#define RELAY_SUFFIX	".mail.protection.outlook.com"
#define PORT_IMPLICIT	465	/* submissions, RFC 8314 7.3 */

/* One account while it is completed. */
struct subject {
	const struct reading *reading;
	const struct scan_block *block;
	struct account	*account;
	const struct preset *preset;
	struct status	*st;
};

static bool
given(const struct subject *s, const char *key)
{
	return scan_line(s->block, key) != 0;
}

static bool
needs_password(const struct account *a)
{
	return a->auth == AUTH_PLAIN || a->auth == AUTH_LOGIN;
}

/* What a preset stands for, where no key says otherwise. */
static void
apply_preset(const struct subject *s)
{
	const struct preset *p = s->preset;
	struct account *a = s->account;

	if (!given(s, "tls"))
		a->tls = TLS_STARTTLS;
	if (!given(s, "port"))
		a->port = a->tls == TLS_IMPLICIT ? PORT_IMPLICIT : p->port;
	if (!given(s, "tls-minimum"))
		a->tls_minimum = 12;
	if (!given(s, "auth"))
		a->auth = p->auth;
	if (!given(s, "max-connections"))
		a->max_connections = p->max_connections;
	if (!given(s, "messages-per-minute"))
		a->messages_per_minute = p->messages_per_minute;
	if (!given(s, "max-recipients"))
		a->max_recipients = p->max_recipients;
	if (!given(s, "token-margin"))
		a->token_margin = p->token_margin;
}

/* Sets the error and a hint. */
static int
refuse(const struct subject *s, const char *key, const char *problem,
    const char *hint)
{
	int line = key == NULL ? 0 : scan_line(s->block, key);

	scan_error(s->st, s->reading->path, line != 0 ? line : s->block->line,
	    "account \"%s\": %s", s->account->name, problem);
	return status_hint(s->st, "%s", hint);
}

/* The names of all apps, for a hint. */
static int
refuse_app(const struct subject *s)
{
	const struct config *c = s->reading->config;
	struct buf names;
	size_t i;

	buf_init(&names, sizeof s->st->hint);
	for (i = 0; i < c->app_count; i++)
		buf_addf(&names, "%s\"%s\"", i == 0 ? "" : ", ",
		    c->apps[i].name);
	scan_error(s->st, s->reading->path, scan_line(s->block, "app"),
	    "account \"%s\": there is no app \"%s\"", s->account->name,
	    s->account->app_name);
	if (i == 0)
		status_hint(s->st, "add a block: app \"%s\" { ... }",
		    s->account->app_name);
	else
		status_hint(s->st, "the apps are %s", names.data);
	buf_release(&names);
	return -1;
}

static int
complete_reference(const struct subject *s)
{
	struct account *a = s->account;

	if (a->app_name != NULL) {
		a->app = config_app(s->reading->config, a->app_name);
		if (a->app == NULL)
			return refuse_app(s);
	}
	if (account_wants_token(a) && a->app == NULL)
		return refuse(s, "auth", "it names no app to get its tokens "
		    "from", "add app = \"NAME\", and a block: app \"NAME\" "
		    "{ ... }");
	if (!account_wants_token(a) && a->app != NULL)
		return refuse(s, "app", "it names an app, but its auth needs "
		    "no token", "remove app, or add auth = xoauth2");
	return 0;
}

static int
complete_authentication(const struct subject *s)
{
	struct account *a = s->account;

	if (needs_password(a) && a->password_file == NULL)
		return refuse(s, "auth", "it has no password-file, which auth "
		    "= plain and login need", "add password-file = "
		    "\"/PATH\", a file that holds nothing but the password");
	if (!needs_password(a) && a->password_file != NULL)
		return refuse(s, "password-file", "it has a password-file, but "
		    "its auth needs no password", "remove password-file, or "
		    "add auth = plain");
	if (a->auth == AUTH_NONE && a->auth_user != NULL)
		return refuse(s, "auth-user", "it has an auth-user, but no "
		    "authentication", "remove auth-user, or add auth");
	if (a->auth != AUTH_NONE && a->auth_user == NULL)
		a->auth_user = xstrdup(a->mailbox);
	return 0;
}

/* The tenant's own endpoint is named after a domain of it: contoso.com has
 * contoso-com.mail.protection.outlook.com.  A domain that has dashes itself
 * gets a name that nobody can guess. */
static char *
tenant_host(const char *mailbox)
{
	const char *domain = strchr(mailbox, '@') + 1;
	char *host, *p;

	if (strchr(domain, '-') != NULL)
		return NULL;
	host = xasprintf("%s" RELAY_SUFFIX, domain);
	for (p = host; p < host + strlen(domain); p++)
		if (*p == '.')
			*p = '-';
	return host;
}

static int
complete_host(const struct subject *s)
{
	struct account *a = s->account;
	const char *cloud = a->app != NULL ? a->app->cloud : "public";

	if (a->host != NULL)
		return 0;
	switch (s->preset->host_source) {
	case HOST_FIXED:
		a->host = xstrdup(s->preset->host);
		break;
	case HOST_OF_CLOUD:
		a->host = xstrdup(cloud_find(cloud)->host);
		break;
	case HOST_OF_TENANT:
		a->host = tenant_host(a->mailbox);
		break;
	case HOST_GIVEN:
		break;
	}
	if (a->host != NULL)
		return 0;
	if (s->preset->host_source == HOST_GIVEN)
		return refuse(s, "preset", "it has no host",
		    "preset = smtp needs a host");
	return refuse(s, "preset", "it has no host", "add host: the MX of the "
	    "mailbox's domain, such as contoso-com" RELAY_SUFFIX);
}

/* A token or password in the clear is anybody's (RFC 4954 4). */
static int
check_tls(const struct subject *s)
{
	const struct account *a = s->account;

	if (a->tls_private_key != NULL && a->tls_certificate == NULL)
		return refuse(s, "tls-private-key", "it has a tls-private-key "
		    "without a tls-certificate", "add tls-certificate");
	if (a->tls == TLS_NONE && a->tls_certificate != NULL)
		return refuse(s, "tls-certificate", "it has a tls-certificate, "
		    "but tls = none", "remove one of them");
	if (a->tls != TLS_NONE || a->auth == AUTH_NONE ||
	    value_is_loopback(a->host))
		return 0;
	return refuse(s, "tls", "tls = none would send its credential in the "
	    "clear", "use tls = starttls or implicit, or auth = none; "
	    "only to 127.0.0.1 or localhost may both be");
}

static int
complete_account(const struct subject *s)
{
	apply_preset(s);
	if (s->account->mailbox == NULL)
		return refuse(s, NULL, "it has no mailbox",
		    "add mailbox = \"NAME@DOMAIN\", the mailbox that sends");
	if (complete_reference(s) == -1 || complete_authentication(s) == -1 ||
	    complete_host(s) == -1 || check_tls(s) == -1)
		return -1;
	return 0;
}

static const char *
cloud_scope(const struct app *a)
{
	const struct cloud *cloud = cloud_find(a->cloud);

	return a->delegated ? cloud->delegated_scope : cloud->scope;
}

/* An app's scope follows from what its accounts send to. */
static int
complete_scope(const struct subject *s)
{
	const char *scope;
	struct app *a;

	if (s->account->app == NULL)
		return 0;
	a = &s->reading->config->apps[s->account->app -
	    s->reading->config->apps];
	scope = s->preset->scope != NULL ? s->preset->scope : cloud_scope(a);
	if (a->scope == NULL)
		a->scope = xstrdup(scope);
	else if (strcmp(a->scope, scope) != 0 && !a->scope_given)
		return refuse(s, "preset", "its app gets tokens for another "
		    "kind of server", "make a second app for this account");
	return 0;
}

/* The scope of apps that no account uses. */
static void
complete_unused_apps(struct config *c)
{
	size_t i;

	for (i = 0; i < c->app_count; i++)
		if (c->apps[i].scope == NULL)
			c->apps[i].scope = xstrdup(cloud_scope(&c->apps[i]));
}

int
complete_accounts(const struct reading *r, struct status *st)
{
	struct config *c = r->config;
	size_t i;

	for (i = 0; i < c->account_count; i++) {
		struct subject s = {
			.reading = r, .account = &c->accounts[i],
			.block = &r->scan.blocks[LEVEL_ACCOUNT][i],
			.preset = preset_find(c->accounts[i].preset), .st = st
		};

		if (complete_account(&s) == -1 || complete_scope(&s) == -1)
			return -1;
	}
	complete_unused_apps(c);
	return 0;
}
