/* SPDX-License-Identifier: ISC
 *
 * nullmailer, and Postfix with a relayhost: what each of their settings is here.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cli/import.h"
#include "cli/import_lines.h"

#define COUNT(array)	(sizeof array / sizeof *array)

static const struct import_key nullmailer_keys[] = {
	{ "--port", IMPORT_PORT, NULL },
	{ "--user", IMPORT_USER, NULL },
	{ "--pass", IMPORT_PASSWORD, NULL },
	{ "--starttls", IMPORT_STARTTLS, NULL },
	{ "--ssl", IMPORT_TLS, NULL },
	{ "--tls", IMPORT_TLS, NULL },
	{ "--auth-login", IMPORT_NEEDLESS, NULL },
	{ "--source", IMPORT_SOURCE, NULL },
	{ "--x509cafile", IMPORT_CA_FILE, NULL },
	{ "--x509certfile", IMPORT_CERTIFICATE, NULL },
	{ "--x509keyfile", IMPORT_KEY, NULL },
	{ "--insecure", IMPORT_LOST, "certificates are always verified" },
	{ "adminaddr", IMPORT_LOCAL_TO, NULL },
	{ "me", IMPORT_HOSTNAME, NULL },
	{ "helohost", IMPORT_HOSTNAME, NULL },
	{ "defaultdomain", IMPORT_DOMAIN, NULL },
	{ "defaulthost", IMPORT_DOMAIN, NULL },
	{ "allmailfrom", IMPORT_FROM, NULL },
	{ "pausetime", IMPORT_NEEDLESS, NULL },
	{ "queuelifetime", IMPORT_LOST, "retry-for says how long (5d)" },
	{ "sendtimeout", IMPORT_LOST, "send-timeout says how long (20s)" },
};

static const struct import_key postfix_keys[] = {
	{ "relayhost", IMPORT_HOST, NULL },
	{ "myhostname", IMPORT_HOSTNAME, NULL },
	{ "smtp_helo_name", IMPORT_HOSTNAME, NULL },
	{ "myorigin", IMPORT_DOMAIN, NULL },
	{ "smtp_tls_cafile", IMPORT_CA_FILE, NULL },
	{ "smtp_tls_cert_file", IMPORT_CERTIFICATE, NULL },
	{ "smtp_tls_key_file", IMPORT_KEY, NULL },
	{ "smtp_bind_address", IMPORT_SOURCE, NULL },
	{ "smtp_use_tls", IMPORT_STARTTLS, NULL },
	{ "smtp_tls_wrappermode", IMPORT_TLS, NULL },
	{ "smtp_sasl_auth_enable", IMPORT_NEEDLESS, NULL },
	{ "smtp_sasl_password_maps", IMPORT_NEEDLESS, NULL },
	{ "sender_dependent_relayhost_maps", IMPORT_LOST, "make an account for "
	  "each relay, with serves" },
	{ "smtp_generic_maps", IMPORT_LOST, "From is rewritten to the mailbox; "
	  "serves and send-as say for whom" },
	{ "sender_canonical_maps", IMPORT_LOST, "From is rewritten to the "
	  "mailbox; serves and send-as say for whom" },
	{ "header_checks", IMPORT_LOST, "headers are not filtered" },
	{ "message_size_limit", IMPORT_LOST, "max-message-size (150M)" },
	{ "maximal_queue_lifetime", IMPORT_LOST, "retry-for (5d)" },
};

/* The next word, in which quotes may hide blanks (and a part of a password is no
 * option); returns what follows. */
static char *
cut_word(char *line)
{
	char quote = '\0';

	for (; *line != '\0' && (quote != '\0' ||
	    !isspace((unsigned char)*line)); line++)
		if (quote == *line)
			quote = '\0';
		else if (quote == '\0' && (*line == '"' || *line == '\''))
			quote = *line;
	if (*line != '\0')
		*line++ = '\0';
	return import_skip_blanks(line);
}

/* "host [protocol] [--option[=value] ...]": a line is a remote, and the first is
 * tried first. */
static void
nullmailer_remote(struct import *im, char *line, int n)
{
	struct import_account *a;
	char *word, *value;

	word = line;
	line = cut_word(line);
	a = import_account(im, word);
	a->host = a->host != NULL ? a->host : xstrdup(word);
	a->tls = a->starttls = 0;
	while (*line != '\0') {
		word = line;
		line = cut_word(line);
		if (strncmp(word, "--", 2) != 0)
			continue;
		value = import_cut(word, '=');
		import_set(im, a, nullmailer_keys, COUNT(nullmailer_keys),
		    word, *value == '\0' ? "on" : value, n);
	}
}

void
import_nullmailer_remotes(struct import *im, const char *text, size_t len)
{
	char buffer[IMPORT_LINE_MAX], *line;
	const char *end = text + len;
	int n = 0;

	while ((line = import_line(&text, end, buffer)) != NULL) {
		n++;
		line = import_skip_blanks(line);
		if (!import_is_comment(line))
			nullmailer_remote(im, line, n);
	}
	if (im->count > 1) {
		im->default_account = xstrdup(im->accounts[0].name);
		import_remark(im, 0, "%zu remotes were tried one after the "
		    "other: mailbearer sends by one and keeps the mail until "
		    "that works", im->count);
	}
}

void
import_nullmailer_value(struct import *im, const char *name, const char *text,
    size_t len)
{
	char buffer[IMPORT_LINE_MAX], *line;
	const char *end = text + len;

	line = import_line(&text, end, buffer);
	if (line != NULL && *import_skip_blanks(line) != '\0')
		import_set(im, import_account(im, im->count > 0 ?
		    im->accounts[0].name : "default"), nullmailer_keys,
		    COUNT(nullmailer_keys), name, import_skip_blanks(line), 0);
}

/* main.cf says much that is no business of a relay: unknown settings are not
 * remarked upon.  Parameters within parameters are not followed. */
static void
postfix_setting(struct import *im, char *line, int n)
{
	struct import_account *a = import_account(im, "default");
	char *value = import_cut(line, '=');
	size_t i;

	if (strcmp(line, "smtp_tls_security_level") == 0)
		a->starttls = *value != '\0' && strcmp(value, "none") != 0;
	for (i = 0; i < COUNT(postfix_keys); i++) {
		if (strcmp(postfix_keys[i].name, line) != 0 || *value == '\0')
			continue;
		if (strchr(value, '$') == NULL && (*value != '/' ||
		    postfix_keys[i].field != IMPORT_DOMAIN))
			import_set(im, a, postfix_keys, COUNT(postfix_keys),
			    line, value, n);
	}
}

void
import_postfix(struct import *im, const char *text, size_t len)
{
	char buffer[IMPORT_LINE_MAX], *line;
	const char *end = text + len;
	int n = 0;

	(void)import_account(im, "default");
	while ((line = import_line(&text, end, buffer)) != NULL) {
		n++;
		/* A line that begins with a blank continues the last one, with
		 * more of a list: none of ours has lists. */
		if (!isspace((unsigned char)*line) && !import_is_comment(line))
			postfix_setting(im, line, n);
	}
}

/* "[host]:port user:password" */
void
import_postfix_passwords(struct import *im, const char *text, size_t len)
{
	struct import_account *a = import_account(im, "default");
	char buffer[IMPORT_LINE_MAX], *line, *value, *colon;
	const char *end = text + len;
	int n = 0;

	while ((line = import_line(&text, end, buffer)) != NULL) {
		n++;
		line = import_skip_blanks(line);
		value = import_cut(line, ' ');
		if (import_is_comment(line) || (colon = strchr(value, ':')) == NULL ||
		    a->host == NULL || strstr(line, a->host) == NULL)
			continue;
		*colon = '\0';
		import_login(im, a, value, "Postfix's sasl_passwd", n);
	}
}
