/* SPDX-License-Identifier: ISC
 *
 * Postfix with a relayhost: what main.cf and the tables that it names are here.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "cli/import.h"
#include "cli/import_lines.h"

#define COUNT(array)	(sizeof (array) / sizeof *(array))
#define PASSWORDS	"Postfix's sasl_passwd"

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
	{ "smtp_tls_capath", IMPORT_NEEDLESS, NULL },
	{ "sender_dependent_relayhost_maps", IMPORT_NEEDLESS, NULL },
	{ "smtp_generic_maps", IMPORT_NEEDLESS, NULL },
	{ "sender_canonical_maps", IMPORT_LOST, "From is rewritten to the "
	  "mailbox; serves and send-as say for whom" },
	{ "header_checks", IMPORT_LOST, "headers are not filtered" },
	{ "smtp_header_checks", IMPORT_LOST, "headers are not filtered" },
	{ "message_size_limit", IMPORT_LOST, "max-message-size (150M)" },
	{ "maximal_queue_lifetime", IMPORT_LOST, "retry-for (5d)" },
};

#define DIRECTORY	"/etc/postfix"		/* where main.cf is */

/* What other values speak of. */
struct names {
	char	host[256], domain[256];
	char	path[1024];		/* the last one that was expanded */
};

/* What stands behind "$config_directory" or "${config_directory}"; NULL if that
 * is not what a path begins with. */
static const char *
behind_directory(const char *path)
{
	static const char *const spellings[] = {
		"$config_directory/", "${config_directory}/"
	};
	size_t i, len;

	for (i = 0; i < COUNT(spellings); i++) {
		len = strlen(spellings[i]);
		if (strncmp(path, spellings[i], len) == 0)
			return path + len;
	}
	return NULL;
}

char *
import_postfix_path(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	const char *name = behind_directory(path);
	int len = slash != NULL ? (int)(slash - file) : 0;

	if (*path == '/' || (slash == NULL && name == NULL))
		return xstrdup(path);
	return xasprintf("%.*s%s%s", len, file, slash != NULL ? "/" : "",
	    name != NULL ? name : path);
}

/* "$mydomain", "$myhostname", and a path below "$config_directory", of all that
 * may stand in a value; NULL for any other parameter. */
static const char *
expand(struct names *names, const char *value)
{
	const char *name = behind_directory(value);
	static const char *const spellings[] = {
		"$mydomain", "${mydomain}", "$myhostname", "${myhostname}"
	};
	size_t i;

	if (strchr(value, '$') == NULL)
		return value;
	if (name != NULL && strchr(name, '$') == NULL) {
		snprintf(names->path, sizeof names->path, DIRECTORY "/%s", name);
		return names->path;
	}
	for (i = 0; i < COUNT(spellings); i++)
		if (strcmp(value, spellings[i]) == 0)
			return i < 2 ? names->domain : names->host;
	return NULL;
}

static void
learn_names(struct names *names, const char *key, const char *value)
{
	const char *dot = strchr(value, '.');

	if (strcmp(key, "mydomain") == 0)
		snprintf(names->domain, sizeof names->domain, "%s", value);
	if (strcmp(key, "myhostname") != 0)
		return;
	snprintf(names->host, sizeof names->host, "%s", value);
	if (names->domain[0] == '\0' && dot != NULL)
		snprintf(names->domain, sizeof names->domain, "%s", dot + 1);
}

static const struct import_key *
find_key(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(postfix_keys); i++)
		if (strcasecmp(postfix_keys[i].name, name) == 0)
			return &postfix_keys[i];
	return NULL;
}

/* main.cf says much that is no business of a relay: unknown settings are not
 * remarked upon. */
static void
postfix_setting(struct import *im, struct names *names, char *line, int n)
{
	struct import_account *a = import_account(im, "default");
	char *value = import_cut(line, '=');
	const struct import_key *key = find_key(line);
	const char *whole = expand(names, value);

	learn_names(names, line, value);
	if (strcmp(line, "smtp_tls_security_level") == 0)
		a->starttls = *value != '\0' && strcmp(value, "none") != 0;
	if (key == NULL || *value == '\0' ||
	    (*value == '/' && key->field == IMPORT_DOMAIN))
		return;
	if (key->field == IMPORT_LOST || key->field == IMPORT_NEEDLESS)
		whole = value;
	if (whole == NULL)
		import_remark(im, n, "%s speaks of another parameter",
		    key->name);
	if (whole == NULL || *whole == '\0')
		return;
	import_set(im, a, postfix_keys, COUNT(postfix_keys), line, whole, n);
}

void
import_postfix(struct import *im, const char *text, size_t len)
{
	struct import_source source = { .text = text, .end = text + len };
	char buffer[IMPORT_LINE_MAX], *line;
	struct names names = { .host = "" };

	(void)import_account(im, "default");
	while ((line = import_joined_line(&source, buffer)) != NULL)
		postfix_setting(im, &names, line, source.line);
}

char *
import_postfix_value(const char *text, size_t len, const char *key)
{
	struct import_source source = { .text = text, .end = text + len };
	char buffer[IMPORT_LINE_MAX], *line, *value, *found = NULL;

	while ((line = import_joined_line(&source, buffer)) != NULL) {
		value = import_cut(line, '=');
		if (strcmp(line, key) != 0)
			continue;
		free(found);
		found = xstrdup(value);
	}
	return found;
}

/* The tables: "key value" lines. */

/* The next line that is one; false past the last.  Regular expressions are said
 * once and left out. */
static bool
next_entry(struct import *im, const char *what, struct import_source *source,
    char buffer[IMPORT_LINE_MAX], char **key, char **value)
{
	char *line = import_joined_line(source, buffer);

	if (line == NULL)
		return false;
	if (*line == '/') {
		import_remark(im, 0, "%s: line %d and others are regular "
		    "expressions; serves has patterns such as "
		    "*@example.com", what, source->line);
		return false;
	}
	*key = line;
	*value = import_cut(line, ' ');
	return true;
}

static bool
is_address(const char *key)
{
	return key[0] != '@' && strchr(key, '@') != NULL &&
	    import_is_address(key);
}

/* An account like the default one, for another sender. */
static struct import_account *
account_like_default(struct import *im, const char *name)
{
	struct import_account *base = import_account(im, "default"), *a;

	a = import_account(im, name);
	if (a->host == NULL) {
		a->host = xstrdup(base->host);
		a->port = base->port;
		a->tls = base->tls;
		a->starttls = base->starttls;
	}
	if (im->default_account == NULL)
		im->default_account = xstrdup("default");
	return a;
}

/* "[host]:port" without what does not matter for a comparison. */
static bool
is_relay_of(const struct import_account *a, const char *relay)
{
	const char *host = a->host;
	size_t len;

	if (host == NULL)
		return false;
	len = strlen(host);
	if (relay[0] == '[' && host[0] != '[')
		relay++;
	return strncasecmp(relay, host, len) == 0 &&
	    strchr("]:", relay[len]) != NULL;
}

/* "[host]:port user:password", or with a sender's address in front. */
static void
take_password(struct import *im, const char *key, char *value, int n)
{
	struct import_account *a;
	char *colon = strchr(value, ':');
	size_t i;

	if (colon == NULL)
		return;
	*colon = '\0';
	if (is_address(key)) {
		a = account_like_default(im, key);
		if (a->from == NULL)
			a->from = xstrdup(key);
		import_login(im, a, value, PASSWORDS, n);
		return;
	}
	for (i = 0; i < im->count; i++)
		if (is_relay_of(&im->accounts[i], key) &&
		    im->accounts[i].user == NULL)
			import_login(im, &im->accounts[i], value, PASSWORDS,
			    n);
}

void
import_postfix_passwords(struct import *im, const char *text, size_t len)
{
	struct import_source source = { .text = text, .end = text + len };
	char buffer[IMPORT_LINE_MAX], *key, *value;

	while (next_entry(im, PASSWORDS, &source, buffer, &key, &value))
		take_password(im, key, value, source.line);
}

/* "sender [host]:port", where the sender may be "@domain". */
static void
take_relay(struct import *im, const char *key, const char *value, int n)
{
	struct import_account *a = import_account(im, "default");

	if (strncmp(value, "smtp:", 5) == 0)
		value += 5;
	if (*value == '\0' || strcasecmp(value, "DUNNO") == 0)
		return;
	if (key[0] == '@' && is_relay_of(a, value)) {
		import_serves(im, a, key, n);
		return;
	}
	if (key[0] != '@' && !is_address(key)) {
		import_remark(im, 0, "sender_dependent_relayhost_maps: line %d is "
		    "not understood", n);
		return;
	}
	a = account_like_default(im, key[0] == '@' ? key + 1 : key);
	free(a->host);
	a->host = NULL;
	a->port = 0;
	import_host(im, a, value, n);
	if (a->port == 465) {	/* RFC 8314: TLS from the first octet */
		a->tls = 1;
		a->starttls = 0;
	}
	if (key[0] == '@')
		import_serves(im, a, key, n);
	else if (a->from == NULL)
		a->from = xstrdup(key);
}

void
import_postfix_relays(struct import *im, const char *text, size_t len)
{
	struct import_source source = { .text = text, .end = text + len };
	char buffer[IMPORT_LINE_MAX], *key, *value;

	while (next_entry(im, "sender_dependent_relayhost_maps", &source,
	    buffer, &key, &value))
		take_relay(im, key, value, source.line);
}

static struct import_account *
find_mailbox(struct import *im, const char *mailbox)
{
	size_t i;

	for (i = 0; i < im->count; i++)
		if (import_mailbox(&im->accounts[i]) != NULL &&
		    strcasecmp(import_mailbox(&im->accounts[i]), mailbox) == 0)
			return &im->accounts[i];
	return NULL;
}

/* "local-sender mailbox": what is rewritten to a mailbox is served by it. */
void
import_postfix_generic(struct import *im, const char *text, size_t len)
{
	struct import_source source = { .text = text, .end = text + len };
	char buffer[IMPORT_LINE_MAX], *key, *value;
	struct import_account *a;

	while (next_entry(im, "smtp_generic_maps", &source, buffer, &key,
	    &value)) {
		if (!is_address(value)) {
			import_remark(im, 0, "smtp_generic_maps: line %d does "
			    "not name one mailbox", source.line);
			continue;
		}
		if ((a = find_mailbox(im, value)) == NULL) {
			a = account_like_default(im, value);
			if (a->from == NULL)
				a->from = xstrdup(value);
		}
		import_serves(im, a, key, source.line);
	}
}
