/* SPDX-License-Identifier: ISC */
#include "cli/import.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/status.h"
#include "base/xalloc.h"
#include "config/account.h"
#include "config/value.h"

#define REMARKS_MAX	(256 * 1024)
#define NAME_SHOWN	40
#define COMMENT_WIDTH	78

void
import_init(struct import *im, const char *file)
{
	*im = (struct import){ .file = file };
	buf_init(&im->remarks, REMARKS_MAX);
}

static void
release_account(struct import_account *a)
{
	free(a->host);
	free(a->user);
	free(a->from);
	free(a->source);
	free(a->auth);
	free(a->certificate);
	free(a->key);
	free(a->password_at);
	while (a->serves_count != 0)
		free(a->serves[--a->serves_count]);
}

void
import_release(struct import *im)
{
	size_t i;

	for (i = 0; i < im->count; i++)
		release_account(&im->accounts[i]);
	free(im->accounts);
	free(im->default_account);
	free(im->hostname);
	free(im->domain);
	free(im->local_to);
	free(im->aliases);
	free(im->log);
	free(im->ca_file);
	buf_release(&im->remarks);
}

static void
clean_name(char to[65], const char *from)
{
	size_t i;

	for (i = 0; i < 64 && from[i] != '\0'; i++)
		to[i] = isalnum((unsigned char)from[i]) ||
		    strchr("._-", from[i]) != NULL ? from[i] : '-';
	to[i] = '\0';
	if (!value_is_name(to))
		snprintf(to, 65, "account");
}

struct import_account *
import_account(struct import *im, const char *name)
{
	struct import_account *a;
	char clean[65];
	size_t i;

	clean_name(clean, name);
	for (i = 0; i < im->count; i++)
		if (strcmp(im->accounts[i].name, clean) == 0)
			return &im->accounts[i];
	if (im->count == IMPORT_ACCOUNTS_MAX)
		return &im->accounts[im->count - 1];
	/* Room for all at once: pointers into it stay good. */
	if (im->accounts == NULL)
		im->accounts = xcalloc(IMPORT_ACCOUNTS_MAX,
		    sizeof *im->accounts);
	a = &im->accounts[im->count++];
	memcpy(a->name, clean, sizeof clean);
	a->tls = a->starttls = -1;
	return a;
}

/* Words in lines of comment. */
static void
add_comment(struct buf *out, const char *text)
{
	size_t column = 1, len;

	buf_addch(out, '#');
	while (*text != '\0') {
		len = strcspn(text, " ");
		if (column + 1 + len > COMMENT_WIDTH && column > 4) {
			buf_addstr(out, "\n#  ");
			column = 4;
		}
		buf_addch(out, ' ');
		buf_add(out, text, len);
		column += 1 + len;
		text += len;
		text += strspn(text, " ");
	}
	buf_addch(out, '\n');
}

void
import_remark(struct import *im, int line, const char *format, ...)
{
	char text[400], whole[440], clean[440], where[40] = "";
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (line != 0)
		snprintf(where, sizeof where, "Line %d: ", line);
	snprintf(whole, sizeof whole, "%s%s", where, text);
	status_printable(clean, sizeof clean, whole);
	add_comment(&im->remarks, clean);
}

/* Only what a value of ours may be made of: the rest is said, not carried. */
static void
keep(struct import *im, char **field, const char *key, const char *value,
    int line)
{
	if (!value_is_text(value, true) || strlen(value) > 1000) {
		import_remark(im, line, "%s has a value that is no text", key);
		return;
	}
	free(*field);
	*field = *value != '\0' ? xstrdup(value) : NULL;
}

static void
note_password(struct import_account *a, const char *file, int line)
{
	free(a->password_at);
	a->password_at = line != 0 ? xasprintf("line %d of %s", line, file) :
	    xstrdup(file);
}

void
import_login(struct import *im, struct import_account *a, const char *user,
    const char *file, int line)
{
	keep(im, &a->user, "the user's name", user, 0);
	note_password(a, file, line);
}

/* "host", "host:port", "[host]:port", "[::1]"; "[host]" means no MX lookup,
 * which we never do. */
static void
keep_host(struct import *im, struct import_account *a, const char *key,
    const char *value, int line)
{
	const char *colon = strrchr(value, ':'), *end = strchr(value, ']');
	size_t len = strlen(value);
	int64_t port;
	char *host;

	if (colon != NULL && (end == NULL || colon > end) &&
	    (end != NULL || strchr(value, ':') == colon)) {
		len = (size_t)(colon - value);
		if (value_number(colon + 1, &port) == 0 && port > 0 &&
		    port < 65536)
			a->port = (int)port;
		else if (colon[1] != '\0')
			a->port = strcmp(colon + 1, "submission") == 0 ? 587 :
			    strcmp(colon + 1, "submissions") == 0 ||
			    strcmp(colon + 1, "smtps") == 0 ? 465 : 25;
	}
	host = xmemdup(value, len);
	if (host[0] == '[' && len > 1 && host[len - 1] == ']' &&
	    strchr(host, ':') == NULL) {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
	keep(im, &a->host, key, host, line);
	free(host);
}

void
import_host(struct import *im, struct import_account *a, const char *value,
    int line)
{
	keep_host(im, a, "relay", value, line);
}

bool
import_is_address(const char *text)
{
	char *address = text != NULL && strchr(text, '*') == NULL ?
	    value_address(text) : NULL;
	bool is_one = address != NULL;

	free(address);
	return is_one;
}

const char *
import_mailbox(const struct import_account *a)
{
	return import_is_address(a->from) ? a->from : import_is_address(a->user) ? a->user :
	    NULL;
}

/* Each sender leads to one account. */
static bool
is_served(const struct import *im, const char *pattern)
{
	const struct import_account *a;
	size_t i;

	for (a = im->accounts; a < im->accounts + im->count; a++)
		for (i = 0; i < a->serves_count; i++)
			if (strcasecmp(a->serves[i], pattern) == 0)
				return true;
	return false;
}

void
import_serves(struct import *im, struct import_account *a, const char *sender,
    int line)
{
	char *pattern = sender[0] == '@' ? xasprintf("*%s", sender) :
	    xstrdup(sender);

	if (!value_is_text(pattern, false) || pattern_error(pattern) != NULL)
		import_remark(im, line, "the sender is none that serves could "
		    "name");
	else if (a->serves_count == IMPORT_SERVES_MAX)
		import_remark(im, line, "one sender too many for serves");
	else if (!is_served(im, pattern)) {
		a->serves[a->serves_count++] = pattern;
		return;
	}
	free(pattern);
}

/* msmtp takes wildcards there. */
static void
keep_from(struct import *im, struct import_account *a,
    const struct import_key *k, const char *value, int line)
{
	if (strchr(value, '*') != NULL)
		import_serves(im, a, value, line);
	else
		keep(im, &a->from, k->name, value, line);
}

static int
flag(const char *value)
{
	static const char *const off[] = { "off", "no", "none", "false", "0" };
	size_t i;

	for (i = 0; i < sizeof off / sizeof *off; i++)
		if (strcasecmp(value, off[i]) == 0)
			return 0;
	return 1;
}

static void
keep_port(struct import *im, struct import_account *a, const char *value,
    int line)
{
	int64_t port;

	if (value_number(value, &port) == 0 && port > 0 && port < 65536)
		a->port = (int)port;
	else
		import_remark(im, line, "the port is no number");
}

static void
take(struct import *im, struct import_account *a, const struct import_key *k,
    const char *value, int line)
{
	char **field[] = {
		[IMPORT_USER] = &a->user,
		[IMPORT_SOURCE] = &a->source, [IMPORT_AUTH] = &a->auth,
		[IMPORT_CERTIFICATE] = &a->certificate, [IMPORT_KEY] = &a->key,
		[IMPORT_CA_FILE] = &im->ca_file,
		[IMPORT_HOSTNAME] = &im->hostname,
		[IMPORT_DOMAIN] = &im->domain,
		[IMPORT_LOCAL_TO] = &im->local_to,
		[IMPORT_ALIASES] = &im->aliases, [IMPORT_LOG] = &im->log,
		[IMPORT_LOST] = NULL,
	};

	switch (k->field) {
	case IMPORT_HOST:
		keep_host(im, a, k->name, value, line);
		break;
	case IMPORT_PORT:
		keep_port(im, a, value, line);
		break;
	case IMPORT_PASSWORD:
		note_password(a, im->file, line);
		break;
	case IMPORT_PASSWORD_COMMAND:
		free(a->password_at);
		a->password_at = xasprintf("the command in line %d of %s",
		    line, im->file);
		break;
	case IMPORT_FROM:
		keep_from(im, a, k, value, line);
		break;
	case IMPORT_TLS:
		a->tls = flag(value);
		break;
	case IMPORT_STARTTLS:
		a->starttls = flag(value);
		break;
	case IMPORT_NEEDLESS:
		break;
	case IMPORT_LOST:
		import_remark(im, line, "%s: %s", k->name, k->remark);
		break;
	default:
		keep(im, field[k->field], k->name, value, line);
	}
}

/* The name of a setting we do not know is shown only if it looks like one: a
 * line that was understood wrongly may hold a password. */
static bool
may_be_shown(const char *key, const char *value)
{
	size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-");

	return *value != '\0' && key[len] == '\0' && len <= NAME_SHOWN &&
	    strcasestr(key, "pass") == NULL;
}

void
import_set(struct import *im, struct import_account *a,
    const struct import_key *keys, size_t count, const char *key,
    const char *value, int line)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcasecmp(keys[i].name, key) == 0) {
			take(im, a, &keys[i], value, line);
			return;
		}
	if (may_be_shown(key, value))
		import_remark(im, line, "%s: has no counterpart here", key);
	else
		import_remark(im, line, "not understood");
}
