/* SPDX-License-Identifier: ISC
 *
 * What was read as a mailbearer.conf.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/import.h"
#include "config/value.h"

#define ACCOUNT_MAX (16 * 1024)

/* Microsoft's endpoints, where OAuth takes the place of the password. */
static const struct endpoint {
	const char	*suffix;	/* of the host's name */
	const char	*preset;	/* NULL: the default one */
	bool		 needs_app;
	bool		 needs_host;
} endpoints[] = {
	{ "smtp.office365.com", NULL, true, false },
	{ "outlook.office365.com", NULL, true, false },
	{ "smtp-mail.outlook.com", NULL, true, false },
	{ "smtp-legacy.office365.com", NULL, true, false },
	{ "smtp-hve.office365.com", "high-volume-email", true, false },
	{ "smtp.hve.mx.microsoft", "high-volume-email", true, false },
	{ "smtp.azurecomm.net", "azure-communication-services", true, false },
	{ ".mail.protection.outlook.com", "relay", false, true },
};
/* Any other server. */
static const struct endpoint other = { "", "smtp", false, true };

static const struct endpoint *
endpoint_of(const struct import_account *a)
{
	size_t i, len, host_len;

	if (a->host == NULL)
		return &other;
	host_len = strlen(a->host);
	for (i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
		len = strlen(endpoints[i].suffix);
		if (host_len >= len && strcasecmp(a->host + host_len - len,
		    endpoints[i].suffix) == 0)
			return &endpoints[i];
	}
	return &other;
}

static void
add_quoted(struct buf *out, const char *value)
{
	buf_addch(out, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			buf_addch(out, '\\');
		buf_addch(out, *value);
	}
	buf_addch(out, '"');
}

static void
add_value(struct buf *out, const char *indent, const char *key,
    const char *value)
{
	if (value == NULL)
		return;
	buf_addf(out, "%s%s = ", indent, key);
	add_quoted(out, value);
	buf_addch(out, '\n');
}

static bool
is_host(const char *text)
{
	char *domain = text != NULL ? value_domain(text) : NULL;
	bool is_one = domain != NULL || (text != NULL && text_is_ip(text));

	free(domain);
	return is_one;
}

/* Stands where an address is to be filled in. */
static void
make_up_mailbox(char to[100], const struct import_account *a)
{
	snprintf(to, 100, "%s@contoso.com", a->name);
}

/* Whether an address may be the mailbox of this account: of no other one. */
static bool
is_free(const struct import *im, const struct import_account *a,
    const char *address)
{
	const struct import_account *b;
	char made_up[100];

	for (b = im->accounts; b < im->accounts + im->count; b++) {
		make_up_mailbox(made_up, b);
		if (b != a && strcasecmp(address, import_mailbox(b) != NULL ?
		    import_mailbox(b) : made_up) == 0)
			return false;
	}
	return true;
}

static void
add_mailbox(struct buf *out, const struct import *im,
    const struct import_account *a)
{
	char made_up[100];

	if (import_mailbox(a) != NULL) {
		add_value(out, "    ", "mailbox", import_mailbox(a));
		return;
	}
	make_up_mailbox(made_up, a);
	if (!import_is_address(made_up) || !is_free(im, a, made_up))
		snprintf(made_up, sizeof made_up, "sender%td@contoso.com",
		    a - im->accounts + 1);
	buf_addf(out, "    mailbox = \"%s\"   # FILL IN: the address that "
	    "sends\n", made_up);
}

/* A password cannot be carried over by printing it. */
static void
add_password(struct buf *out, const struct import_account *a)
{
	buf_addf(out, "    password-file = \"/etc/mailbearer/%s.password\"\n",
	    a->name);
	buf_addf(out, "    # Put the password there%s%s%s:\n"
	    "    #   install -m 640 -g mailbearer /dev/stdin "
	    "/etc/mailbearer/%s.password\n",
	    a->password_at != NULL ? " (see " : "",
	    a->password_at != NULL ? a->password_at : "",
	    a->password_at != NULL ? ")" : "", a->name);
}

static bool
has_password_auth(const struct import_account *a)
{
	if (a->auth != NULL && strcasecmp(a->auth, "off") == 0)
		return false;
	return a->user != NULL || a->password_at != NULL;
}

static bool
is_loopback(const struct import_account *a)
{
	return a->host != NULL && value_is_loopback(a->host);
}

/* Their TLS by our names.  Where they say nothing, better some than none. */
static const char *
tls_of(const struct import_account *a)
{
	if (a->starttls == 1)
		return "starttls";
	if (a->tls == 0 || (a->tls == -1 && is_loopback(a)))
		return "none";
	return a->port == 465 || (a->tls == 1 && a->starttls == 0) ?
	    "implicit" : "starttls";
}

static void
add_server(struct buf *out, const struct import_account *a,
    const struct endpoint *e)
{
	const char *tls = tls_of(a);

	add_value(out, "    ", "preset", e->preset);
	if (is_host(a->host) && e->needs_host)
		add_value(out, "    ", "host", a->host);
	else if (e->needs_host)
		buf_addstr(out, "    host = \"localhost\""
		    "                   # FILL IN: the server\n");
	if (!e->needs_host)
		return;
	/* Not TLS before a password: only where it cannot be listened to. */
	if (strcmp(tls, "none") == 0 && has_password_auth(a) &&
	    !is_loopback(a)) {
		buf_addstr(out, "    # It sent the password in the clear; "
		    "mailbearer does not.\n");
		tls = "starttls";
	}
	buf_addf(out, "    tls = %s\n", tls);
	if (a->port != 0)
		buf_addf(out, "    port = %d\n", a->port);
	else if (e == &other && strcmp(tls, "implicit") != 0)
		buf_addstr(out, "    port = 25\n");
}

static void
add_authentication(struct buf *out, const struct import_account *a,
    const struct endpoint *e)
{
	if (e->needs_app) {
		add_value(out, "    ", "app", "microsoft");
		if (a->password_at != NULL)
			buf_addf(out, "    # No password is needed any more "
			    "(%s).\n", a->password_at);
		return;
	}
	if (!has_password_auth(a)) {
		if (e == &other)
			buf_addstr(out, "    auth = none\n");
		return;
	}
	buf_addf(out, "    auth = %s\n", a->auth != NULL &&
	    strcasecmp(a->auth, "login") == 0 ? "login" : "plain");
	add_value(out, "    ", "auth-user", a->user);
	add_password(out, a);
}

/* A mailbox needs no serves, its own account's least of all. */
static bool
is_mailbox(const struct import *im, const char *sender)
{
	const struct import_account *a;

	for (a = im->accounts; a < im->accounts + im->count; a++)
		if (import_mailbox(a) != NULL &&
		    strcasecmp(import_mailbox(a), sender) == 0)
			return true;
	return false;
}

static void
add_serves(struct buf *out, const struct import *im,
    const struct import_account *a)
{
	bool is_first = true;
	size_t i;

	for (i = 0; i < a->serves_count; i++) {
		if (is_mailbox(im, a->serves[i]))
			continue;
		buf_addstr(out, is_first ? "    serves = { " :
		    ",\n               ");
		add_quoted(out, a->serves[i]);
		is_first = false;
	}
	if (!is_first)
		buf_addstr(out, " }\n");
}

static void
add_account(struct buf *out, const struct import *im,
    const struct import_account *a)
{
	const struct endpoint *e = endpoint_of(a);

	buf_addf(out, "\naccount \"%s\" {\n", a->name);
	add_mailbox(out, im, a);
	add_serves(out, im, a);
	add_server(out, a, e);
	add_authentication(out, a, e);
	if (a->source != NULL && text_is_ip(a->source))
		add_value(out, "    ", "source-address", a->source);
	if (a->certificate != NULL && a->certificate[0] == '/') {
		add_value(out, "    ", "tls-certificate", a->certificate);
		if (a->key != NULL && a->key[0] == '/')
			add_value(out, "    ", "tls-private-key", a->key);
	}
	buf_addstr(out, "}\n");
}

static bool
is_default(const struct import *im, const struct import_account *a)
{
	return im->default_account != NULL &&
	    strcmp(im->default_account, a->name) == 0;
}

/* An address leads to one account: the default one, else the first. */
static bool
is_second(const struct import *im, const struct import_account *a)
{
	const struct import_account *b;

	for (b = im->accounts; b < im->accounts + im->count; b++)
		if (b != a && import_mailbox(a) != NULL && import_mailbox(b) != NULL &&
		    strcasecmp(import_mailbox(a), import_mailbox(b)) == 0 &&
		    (is_default(im, b) || (b < a && !is_default(im, a))))
			return true;
	return false;
}

/* The account in comments. */
static void
add_second(struct buf *out, const struct import *im,
    const struct import_account *a)
{
	const char *line, *end;
	struct buf block;

	buf_init(&block, ACCOUNT_MAX);
	add_account(&block, im, a);
	buf_addstr(out, "\n# This mailbox has an account already, and can have "
	    "one only:");
	for (line = block.data; (end = strchr(line, '\n')) != NULL;
	    line = end + 1)
		buf_addf(out, "%s%.*s\n", end == line ? "" : "# ",
		    (int)(end - line), line);
	buf_release(&block);
}

static void
add_app(struct buf *out)
{
	buf_addstr(out, "\n# mailbearer setup prints how to make this app and "
	    "what it needs.\n"
	    "app \"microsoft\" {\n"
	    "    tenant = \"contoso.onmicrosoft.com\"           # FILL IN\n"
	    "    client-id = \"00000000-0000-0000-0000-000000000000\""
	    " # FILL IN\n"
	    "    client-secret-file = \"/etc/mailbearer/microsoft.secret\"\n"
	    "}\n");
}

static void
add_domain(struct buf *out, const char *key, const char *value)
{
	char *domain = value != NULL ? value_domain(value) : NULL;

	add_value(out, "", key, domain);
	free(domain);
}

static void
add_top(struct buf *out, const struct import *im)
{
	if (im->count > 1 && im->default_account != NULL)
		add_value(out, "", "default-account", im->default_account);
	add_domain(out, "domain", im->domain);
	add_domain(out, "hostname", im->hostname);
	if (import_is_address(im->local_to))
		add_value(out, "", "local-mail-to", im->local_to);
	if (im->aliases != NULL && im->aliases[0] == '/')
		add_value(out, "", "aliases", im->aliases);
	if (im->log != NULL && im->log[0] == '/')
		add_value(out, "", "log", im->log);
	if (im->ca_file != NULL && im->ca_file[0] == '/' &&
	    strstr(im->ca_file, "ca-certificates.crt") == NULL &&
	    strstr(im->ca_file, "ca-bundle") == NULL)
		add_value(out, "", "ca-file", im->ca_file);
}

void
import_format(const struct import *im, struct buf *out)
{
	bool needs_app = false;
	size_t i;

	buf_addf(out, "# What %s says, for mailbearer.\n", im->file);
	if (im->remarks.len != 0)
		buf_addf(out, "#\n# Not carried over:\n%s", im->remarks.data);
	buf_addstr(out, "\n");
	add_top(out, im);
	for (i = 0; i < im->count; i++)
		needs_app = needs_app || endpoint_of(&im->accounts[i])->needs_app;
	if (needs_app)
		add_app(out);
	for (i = 0; i < im->count; i++)
		if (is_second(im, &im->accounts[i]))
			add_second(out, im, &im->accounts[i]);
		else
			add_account(out, im, &im->accounts[i]);
}
