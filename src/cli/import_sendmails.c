/* SPDX-License-Identifier: ISC
 *
 * msmtp, ssmtp and dma: what each of their settings is here.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "cli/import.h"
#include "cli/import_lines.h"

#define COUNT(array)	(sizeof(array) / sizeof *(array))

static const struct import_key msmtp_keys[] = {
	{ "host", IMPORT_HOST, NULL },
	{ "port", IMPORT_PORT, NULL },
	{ "user", IMPORT_USER, NULL },
	{ "password", IMPORT_PASSWORD, NULL },
	{ "passwordeval", IMPORT_PASSWORD_COMMAND, NULL },
	{ "from_full_name", IMPORT_LOST, "the name in From is the caller's: "
	  "sendmail -F, or his GECOS field" },
	{ "from", IMPORT_FROM, NULL },
	{ "auth", IMPORT_AUTH, NULL },
	{ "tls", IMPORT_TLS, NULL },
	{ "tls_starttls", IMPORT_STARTTLS, NULL },
	{ "tls_trust_file", IMPORT_CA_FILE, NULL },
	{ "tls_cert_file", IMPORT_CERTIFICATE, NULL },
	{ "tls_key_file", IMPORT_KEY, NULL },
	{ "source_ip", IMPORT_SOURCE, NULL },
	{ "domain", IMPORT_HOSTNAME, NULL },
	{ "maildomain", IMPORT_DOMAIN, NULL },
	{ "aliases", IMPORT_ALIASES, NULL },
	{ "logfile", IMPORT_LOG, NULL },
	{ "syslog", IMPORT_NEEDLESS, NULL },
	{ "auto_from", IMPORT_NEEDLESS, NULL },
	{ "allow_from_override", IMPORT_NEEDLESS, NULL },
	{ "set_from_header", IMPORT_NEEDLESS, NULL },
	{ "set_date_header", IMPORT_NEEDLESS, NULL },
	{ "set_msgid_header", IMPORT_NEEDLESS, NULL },
	{ "remove_bcc_headers", IMPORT_NEEDLESS, NULL },
	{ "undisclosed_recipients", IMPORT_NEEDLESS, NULL },
	{ "tls_min_dh_prime_bits", IMPORT_NEEDLESS, NULL },
	{ "protocol", IMPORT_NEEDLESS, NULL },
	{ "timeout", IMPORT_LOST, "send-timeout is for the whole transfer, and "
	  "20s is a good value" },
	{ "tls_certcheck", IMPORT_LOST, "certificates are always verified; "
	  "ca-file names other trust anchors" },
	{ "tls_fingerprint", IMPORT_LOST, "certificates are verified by trust "
	  "anchors: ca-file" },
	{ "tls_crl_file", IMPORT_LOST, "revocation lists belong into ca-file, or "
	  "into ca-directory" },
	{ "tls_host_override", IMPORT_LOST, "host must be the certificate's" },
	{ "proxy_host", IMPORT_LOST, "mail goes out directly" },
	{ "proxy_port", IMPORT_LOST, "mail goes out directly" },
	{ "dsn_notify", IMPORT_LOST, "callers ask for it with sendmail -N" },
	{ "dsn_return", IMPORT_LOST, "callers ask for it with sendmail -R" },
};

static const struct import_key ssmtp_keys[] = {
	{ "mailhub", IMPORT_HOST, NULL },
	{ "root", IMPORT_LOCAL_TO, NULL },
	{ "authuser", IMPORT_USER, NULL },
	{ "authpass", IMPORT_PASSWORD, NULL },
	{ "authmethod", IMPORT_AUTH, NULL },
	{ "usetls", IMPORT_TLS, NULL },
	{ "usestarttls", IMPORT_STARTTLS, NULL },
	{ "tlscert", IMPORT_CERTIFICATE, NULL },
	{ "tlskey", IMPORT_KEY, NULL },
	{ "tls_ca_file", IMPORT_CA_FILE, NULL },
	{ "hostname", IMPORT_HOSTNAME, NULL },
	{ "rewritedomain", IMPORT_DOMAIN, NULL },
	{ "fromlineoverride", IMPORT_NEEDLESS, NULL },
	{ "debug", IMPORT_NEEDLESS, NULL },
};

static const struct import_key dma_keys[] = {
	{ "smarthost", IMPORT_HOST, NULL },
	{ "port", IMPORT_PORT, NULL },
	{ "aliases", IMPORT_ALIASES, NULL },
	{ "securetransfer", IMPORT_TLS, NULL },
	{ "starttls", IMPORT_STARTTLS, NULL },
	{ "certfile", IMPORT_CERTIFICATE, NULL },
	{ "mailname", IMPORT_HOSTNAME, NULL },
	{ "masquerade", IMPORT_FROM, NULL },
	{ "spooldir", IMPORT_NEEDLESS, NULL },
	{ "authpath", IMPORT_NEEDLESS, NULL },
	{ "defer", IMPORT_LOST, "the timer runs the queue" },
	{ "fullbounce", IMPORT_LOST, "there are no bounces: failed/ keeps it" },
	{ "opportunistic_tls", IMPORT_LOST, "tls is always demanded" },
	{ "nullclient", IMPORT_NEEDLESS, NULL },
	{ "fingerprint", IMPORT_LOST, "certificates are verified by trust "
	  "anchors: ca-file" },
};

static void
fill(char **field, const char *from)
{
	if (*field == NULL)
		*field = xstrdup(from);
}

/* msmtp: "account NAME : PARENT" starts from what the parent has, and every
 * account from the defaults. */
static void
inherit(struct import_account *a, const struct import_account *from)
{
	fill(&a->host, from->host);
	fill(&a->user, from->user);
	fill(&a->from, from->from);
	fill(&a->source, from->source);
	fill(&a->auth, from->auth);
	fill(&a->certificate, from->certificate);
	fill(&a->key, from->key);
	fill(&a->password_at, from->password_at);
	if (a->port == 0)
		a->port = from->port;
	if (a->tls == -1)
		a->tls = from->tls;
	if (a->starttls == -1)
		a->starttls = from->starttls;
}

/* The account that "account ..." begins.  `account default : NAME` is NAME by
 * another name. */
static struct import_account *
msmtp_account(struct import *im, char *value,
    const struct import_account *defaults)
{
	char *parent = strchr(value, ':');
	struct import_account *a;

	if (parent != NULL) {
		*parent++ = '\0';
		parent = import_skip_blanks(parent);
		parent[strcspn(parent, " \t,")] = '\0';
	}
	value[strcspn(value, " \t")] = '\0';
	if (strcmp(value, "default") == 0) {
		a = import_account(im, parent != NULL ? parent : value);
		free(im->default_account);
		im->default_account = xstrdup(a->name);
	} else {
		a = import_account(im, value);
		if (parent != NULL)
			inherit(a, import_account(im, parent));
	}
	inherit(a, defaults);
	return a;
}

void
import_msmtp(struct import *im, const char *text, size_t len)
{
	struct import defaults;
	struct import_account *a = NULL, *base;
	char buffer[IMPORT_LINE_MAX], *line, *value;
	const char *end = text + len;
	size_t i;
	int n = 0;

	/* What "defaults" says belongs to no account of the result. */
	import_init(&defaults, im->file);
	base = import_account(&defaults, "defaults");
	while ((line = import_line(&text, end, buffer)) != NULL) {
		n++;
		line = import_skip_blanks(line);
		if (import_is_comment(line))
			continue;
		value = import_unquote(import_cut(line, ' '));
		if (strcmp(line, "defaults") == 0)
			a = base;
		else if (strcmp(line, "account") == 0)
			a = msmtp_account(im, value, base);
		else
			import_set(im, a != NULL ? a :
			    import_account(im, "default"), msmtp_keys,
			    COUNT(msmtp_keys), line, value, n);
	}
	import_release(&defaults);
	/* tls_starttls says how, and only where tls is on. */
	for (i = 0; i < im->count; i++)
		if (im->accounts[i].tls == 0)
			im->accounts[i].starttls = 0;
}

/* "KEY SEPARATOR VALUE" lines about one account. */
static void
read_settings(struct import *im, const char *text, size_t len, char separator,
    const struct import_key *keys, size_t count)
{
	struct import_account *a = import_account(im, "default");
	char buffer[IMPORT_LINE_MAX], *line, *value;
	const char *end = text + len;
	int n = 0;

	while ((line = import_line(&text, end, buffer)) != NULL) {
		n++;
		line = import_skip_blanks(line);
		if (import_is_comment(line))
			continue;
		value = import_unquote(import_cut(line, separator));
		/* A bare word is a switch that is on. */
		import_set(im, a, keys, count, line,
		    *value == '\0' && separator == ' ' ? "on" : value, n);
	}
}

void
import_ssmtp(struct import *im, const char *text, size_t len)
{
	read_settings(im, text, len, '=', ssmtp_keys, COUNT(ssmtp_keys));
}

void
import_dma(struct import *im, const char *text, size_t len)
{
	struct import_account *a = import_account(im, "default");

	read_settings(im, text, len, ' ', dma_keys, COUNT(dma_keys));
	/* Its TLS is off unless it is asked for. */
	if (a->tls == -1)
		a->tls = a->starttls == 1;
	if (a->starttls == -1 && a->tls == 1)
		a->starttls = 0;
}

/* "user|host:password" */
void
import_dma_auth(struct import *im, const char *text, size_t len)
{
	struct import_account *a = import_account(im, "default");
	char buffer[IMPORT_LINE_MAX], *line, *bar, *colon;
	const char *end = text + len;
	int n = 0;

	while ((line = import_line(&text, end, buffer)) != NULL) {
		n++;
		line = import_skip_blanks(line);
		bar = strchr(line, '|');
		if (import_is_comment(line) || bar == NULL)
			continue;
		*bar++ = '\0';
		if ((colon = strchr(bar, ':')) == NULL)
			continue;
		*colon = '\0';
		if (a->host != NULL && strcasecmp(bar, a->host) != 0)
			continue;
		import_login(im, a, line, "dma's auth.conf", n);
	}
}
