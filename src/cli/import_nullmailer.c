/* SPDX-License-Identifier: ISC
 *
 * nullmailer: what each of its settings is here.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cli/import.h"
#include "cli/import_lines.h"

#define COUNT(array)	(sizeof(array) / sizeof *(array))

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

static bool
is_smtp(const char *word)
{
	return strncmp(word, "smtp", 4) == 0 &&
	    (word[4] == '\0' || isspace((unsigned char)word[4]));
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
	if (*line != '\0' && strncmp(line, "--", 2) != 0 && !is_smtp(line)) {
		import_remark(im, n, "a remote that is not reached by SMTP; "
		    "nothing else is spoken here");
		return;
	}
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
