/* SPDX-License-Identifier: ISC */
#include "cli/check_cause.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GUID_LENGTH	36
#define ADD_PERMISSION(kind, name) \
	"in the Entra admin center, App registrations, app %s, API permissions: " \
	"add \"Office 365 Exchange Online\" (under \"APIs my organization " \
	"uses\"), " kind ", " name ", and press \"Grant admin consent\""
#define RENEW "\nthen: mailbearer token %s --renew"

/* Returns true, for the tests below. */
static bool __attribute__((format(printf, 2, 3)))
set_what(struct cause *c, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->what, sizeof c->what, format, ap);
	va_end(ap);
	return true;
}

static void __attribute__((format(printf, 2, 3)))
add_fix(struct cause *c, const char *format, ...)
{
	size_t len = strlen(c->fix);
	va_list ap;

	va_start(ap, format);
	vsnprintf(c->fix + len, sizeof c->fix - len, format, ap);
	va_end(ap);
}

static const char *
client_id(const struct cause_facts *f)
{
	return f->account->app->client_id != NULL ?
	    f->account->app->client_id : f->claims != NULL ?
	    f->claims->appid : "<client-id>";
}

static const char *
object_id(const struct cause_facts *f)
{
	/* In a person's token it is the person's. */
	return f->claims != NULL && f->claims->oid[0] != '\0' &&
	    f->claims->upn[0] == '\0' ? f->claims->oid :
	    "<object id of the Enterprise Application>";
}

static bool
is_hve(const struct account *a)
{
	return strcmp(a->preset, "high-volume-email") == 0;
}

static bool
is_delegated(const struct claims *c)
{
	return c->upn[0] != '\0' || c->scp[0] != '\0';
}

/* Whether one of the blank-separated words is `word`. */
static bool
has_word(const char *words, const char *word)
{
	size_t len = strlen(word), n;

	for (; *words != '\0'; words += n + strspn(words + n, " ")) {
		n = strcspn(words, " ");
		if (n == len && strncasecmp(words, word, len) == 0)
			return true;
	}
	return false;
}

/* 1. Time.  The token was made just now or lies in the cache as a fresh one, so
 * that it is the clocks that differ. */
static bool
is_out_of_time(struct cause *c, const struct cause_facts *f)
{
	const struct claims *t = f->claims;
	bool is_over = t->exp != 0 && t->exp <= f->now;

	if (!is_over && (t->nbf == 0 || t->nbf <= f->now))
		return false;
	set_what(c, is_over ? "the token expired %" PRId64 " minutes ago, by this "
	    "host's clock" : "the token is valid in %" PRId64 " minutes only, by "
	    "this host's clock", is_over ? (f->now - t->exp) / 60 :
	    (t->nbf - f->now) / 60 + 1);
	add_fix(c, "set this host's clock (timedatectl shows it; chrony or "
	    "systemd-timesyncd keep it right)" RENEW, f->account->name);
	return true;
}

/* 2. Audience.  Typical is a token for Graph. */
static bool
is_for_another_service(struct cause *c, const struct cause_facts *f)
{
	static const char *const exchange[] = {
		"https://outlook.office365.com", "https://outlook.office.com",
		"https://outlook.office365.us", "https://partner.outlook.cn",
		"https://outlook-dod.office365.us",
		"00000002-0000-0ff1-ce00-000000000000"
	};
	const char *aud = f->claims->aud;
	size_t i, len;

	for (i = 0; i < sizeof exchange / sizeof *exchange; i++) {
		len = strlen(exchange[i]);
		if (strncasecmp(aud, exchange[i], len) == 0 &&
		    (aud[len] == '\0' || strcmp(aud + len, "/") == 0))
			return false;
	}
	set_what(c, "the token is for %s and not for Exchange Online", aud);
	add_fix(c, f->account->app->credential == CREDENTIAL_COMMAND ?
	    "have token-command ask for the scope "
	    "https://outlook.office365.com/.default" :
	    "remove scope from app \"%s\" in mailbearer.conf, or set it to "
	    "https://outlook.office365.com/.default", f->account->app->name);
	add_fix(c, RENEW, f->account->name);
	return true;
}

/* 3. Tenant, where the config has its id and not a domain of it. */
static bool
is_of_another_tenant(struct cause *c, const struct cause_facts *f)
{
	const char *tenant = f->account->app->tenant, *tid = f->claims->tid;

	if (tenant == NULL || strlen(tenant) != GUID_LENGTH || tid[0] == '\0' ||
	    strchr(tenant, '.') != NULL || strcasecmp(tenant, tid) == 0)
		return false;
	set_what(c, "the token is of tenant %s, but tenant is %s", tid, tenant);
	add_fix(c, "set tenant of app \"%s\" to the id of the tenant that has "
	    "the mailbox %s (Entra admin center, Overview), and see that "
	    "client-id is an app of that tenant" RENEW, f->account->app->name,
	    f->account->mailbox, f->account->name);
	return true;
}

static bool
is_of_another_app(struct cause *c, const struct cause_facts *f)
{
	const char *id = f->account->app->client_id;

	if (id == NULL || f->claims->appid[0] == '\0' ||
	    strcasecmp(id, f->claims->appid) == 0)
		return false;
	set_what(c, "the token is of app %s, but client-id is %s",
	    f->claims->appid, id);
	add_fix(c, "see where the token comes from (token-command?), and set "
	    "client-id to the app that is meant" RENEW, f->account->name);
	return true;
}

/* 4. A person's sign-in that does not cover sending. */
static bool
lacks_scope(struct cause *c, const struct cause_facts *f)
{
	if (!is_delegated(f->claims) || has_word(f->claims->scp, "SMTP.Send"))
		return false;
	set_what(c, "the sign-in of %s does not cover SMTP.Send (it covers: %s)",
	    f->claims->upn, f->claims->scp[0] != '\0' ? f->claims->scp :
	    "nothing");
	add_fix(c, ADD_PERMISSION("Delegated permissions", "SMTP.Send")
	    "\nthen: mailbearer login %s", client_id(f), f->account->name);
	return true;
}

/* From here on: only after a refusal, for each of these can be right. */

static bool
has_another_user(struct cause *c, const struct cause_facts *f)
{
	const struct account *a = f->account;

	if (a->auth_user == NULL || strcasecmp(a->auth_user, a->mailbox) == 0)
		return false;
	set_what(c, "the account signs in as auth-user %s and not as its mailbox "
	    "%s", a->auth_user, a->mailbox);
	add_fix(c, "remove auth-user from account \"%s\": Exchange Online wants "
	    "the mailbox itself", a->name);
	return true;
}

static bool
is_another_persons(struct cause *c, const struct cause_facts *f)
{
	const char *upn = f->claims->upn, *mailbox = f->account->mailbox;

	if (upn[0] == '\0' || strcasecmp(upn, mailbox) == 0)
		return false;
	set_what(c, "%s has signed in, and may not send as the mailbox %s", upn,
	    mailbox);
	add_fix(c, "sign in as the mailbox: mailbearer login %s\n"
	    "or, for a shared mailbox, give the user rights on it:\n"
	    "Add-MailboxPermission -Identity %s -User %s -AccessRights "
	    "FullAccess", f->account->name, mailbox, upn);
	return true;
}

static bool
lacks_role(struct cause *c, const struct cause_facts *f)
{
	const struct claims *t = f->claims;
	const char *role = is_hve(f->account) ? "Mail.Send" : "SMTP.SendAsApp";

	if (is_delegated(t) || has_word(t->roles, role))
		return false;
	if (t->roles[0] == '\0')
		set_what(c, "the token has no roles: the app was not given the "
		    "permission %s, or nobody consented to it", role);
	else
		set_what(c, "the token has the roles %s, and not %s of Office "
		    "365 Exchange Online", t->roles, role);
	if (is_hve(f->account))
		add_fix(c, ADD_PERMISSION("Application permissions",
		    "Mail.Send") RENEW, client_id(f), f->account->name);
	else
		add_fix(c, ADD_PERMISSION("Application permissions",
		    "SMTP.SendAsApp") RENEW, client_id(f), f->account->name);
	if (t->roles[0] == '\0' && !is_hve(f->account))
		add_fix(c, "\nIf you use RBAC for Applications instead, no roles "
		    "are right, and the role assignment must cover the mailbox; "
		    "this shows whether it does:\n"
		    "Test-ServicePrincipalAuthorization -Identity %s -Resource "
		    "%s", object_id(f), f->account->mailbox);
	return true;
}

/* The same token got in elsewhere: Exchange knows the app. */
static bool
has_wrong_mailbox(struct cause *c, const struct cause_facts *f)
{
	if (f->other_mailbox == NULL)
		return false;
	set_what(c, "the app and its token are right, for %s works with them: "
	    "either %s is no primary address of a mailbox in the tenant, or, "
	    "under RBAC for Applications, the role assignment does not cover it",
	    f->other_mailbox, f->account->mailbox);
	add_fix(c, "this shows the primary address; set mailbox of account "
	    "\"%s\" to it:\n"
	    "Get-Mailbox -Identity %s | fl PrimarySmtpAddress\n"
	    "With RBAC for Applications this shows whether the mailbox is in "
	    "scope:\n"
	    "Test-ServicePrincipalAuthorization -Identity %s -Resource %s",
	    f->account->name, f->account->mailbox, object_id(f),
	    f->account->mailbox);
	return true;
}

/* What no claim tells: Exchange's own list of apps. */
static bool
is_not_registered(struct cause *c, const struct cause_facts *f)
{
	const char *id = client_id(f), *oid = object_id(f);

	set_what(c, f->claims != NULL ? "all that the token says is right, so "
	    "Exchange Online does not know the app: its service principal is "
	    "not registered there, or with another object id" :
	    "the token cannot be read here; mostly Exchange Online does not "
	    "know the app, or knows it under another object id");
	add_fix(c, "in Exchange Online PowerShell, see what is registered:\n"
	    "Get-ServicePrincipal | fl AppId,ObjectId\n"
	    "AppId %s is not shown: register it, with the object id of the "
	    "Enterprise Application%s.\n"
	    "New-ServicePrincipal -AppId %s -ObjectId %s\n"
	    "It is shown with another ObjectId (the App registration's, "
	    "mostly): remove it, then register it as above.\n"
	    "Remove-ServicePrincipal -Identity <the ObjectId shown>\n"
	    "It is shown with that ObjectId: see that the mailbox has this primary "
	    "address, and wait; a change takes up to an hour.\n"
	    "Get-Mailbox -Identity %s | fl PrimarySmtpAddress", id,
	    f->claims != NULL ? " (the token's oid)" : "", id, oid,
	    f->account->mailbox);
	return true;
}

typedef bool (*test)(struct cause *c, const struct cause_facts *f);

static const test certain[] = {
	is_out_of_time, is_for_another_service, is_of_another_tenant,
	is_of_another_app, lacks_scope
};

static const test suspected[] = {
	is_another_persons, lacks_role
};

bool
cause_in_claims(struct cause *c, const struct cause_facts *f)
{
	size_t i;

	*c = (struct cause){ .what = "" };
	for (i = 0; f->claims != NULL &&
	    i < sizeof certain / sizeof *certain; i++)
		if (certain[i](c, f))
			return true;
	return false;
}

void
cause_of_refusal(struct cause *c, const struct cause_facts *f)
{
	size_t i;

	if (cause_in_claims(c, f) || has_another_user(c, f))
		return;
	for (i = 0; f->claims != NULL &&
	    i < sizeof suspected / sizeof *suspected; i++)
		if (suspected[i](c, f))
			return;
	if (!has_wrong_mailbox(c, f))
		is_not_registered(c, f);
}

bool
cause_knows(const struct account *a)
{
	return a->app != NULL && (strcmp(a->preset, "exchange-online") == 0 ||
	    is_hve(a));
}
