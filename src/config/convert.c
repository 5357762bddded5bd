/* SPDX-License-Identifier: ISC */
#include "config/convert.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "config/credential.h"
#include "config/pattern.h"
#include "config/value.h"

/* What a wrong value is told. */
static const struct {
	const char *noun;	/* "retry-for: "5" is no ..." */
	const char *hint;
} expected[] = {
	[KEY_TEXT] = { "printable text", "it cannot be empty" },
	[KEY_ID] = { "id", "an id is made of letters, digits, dots and "
	    "dashes" },
	[KEY_NAME] = { "name of a block", "names are up to 64 letters, digits, "
	    "dots, dashes and underscores" },
	[KEY_FLAG] = { "boolean", "write true or false" },
	[KEY_NUMBER] = { "number", "write it in digits" },
	[KEY_DURATION] = { "duration",
	    "write it like 30s, 5m, 12h, 5d or 2w" },
	[KEY_SIZE] = { "size", "write it like 500K, 150M or 1G" },
	[KEY_DATE] = { "date", "write it like 2027-01-31" },
	[KEY_WORD] = { "known word", "" },
	[KEY_CHOICE] = { "known word", "" },
	[KEY_DOMAIN] = { "domain name", "write it like mail.contoso.com" },
	[KEY_HOST] = { "host name or IP address",
	    "write it like smtp.office365.com or 192.0.2.1" },
	[KEY_LITERAL] = { "IP address",
	    "write it like 192.0.2.1 or 2001:db8::1" },
	[KEY_ADDRESS] = { "complete mail address",
	    "write one without \"*\", like alerts@contoso.com" },
	[KEY_PATH] = { "absolute path", "a path begins with /" },
	[KEY_PATH_OR_NONE] = { "absolute path",
	    "a path begins with /; \"\" stands for none" },
	[KEY_FILE] = { "absolute path", "a file is named by a path that "
	    "begins with /, or by credential:NAME" },
	[KEY_FILE_OR_URI] = { "absolute path", "write a path that begins with "
	    "/, credential:NAME, or a URI such as pkcs11:token=mail" },
	[KEY_LOG] = { "log", "write syslog, stderr, or a path that begins "
	    "with /" },
	[KEY_URL] = { "https URL", "it begins with https://HOST (http:// only "
	    "to 127.0.0.1, localhost or 169.254.0.0/16) and names no user" },
	[KEY_PROXY] = { "proxy", "write it like http://proxy.contoso.com:3128; "
	    "a user and password cannot be given" },
	[KEY_FILES] = { "absolute path", "a file is named by a path that "
	    "begins with /, or by credential:NAME" },
	[KEY_PATTERNS] = { "pattern", "" },
	[KEY_USERS] = { "user", "write login names, numeric user ids or "
	    "@GROUP" },
	[KEY_COMMAND] = { "command", "the first word is the absolute path of a "
	    "program" },
};

/* Where people write a secret by mistake: it must not reach a caller's stderr,
 * nor the log. */
static bool
may_be_secret(enum key_type type)
{
	return type == KEY_FILE || type == KEY_FILES ||
	    type == KEY_FILE_OR_URI || type == KEY_PROXY ||
	    type == KEY_COMMAND;
}

static int
refuse(const struct setting *s, const char *text)
{
	if (may_be_secret(s->key->type))
		scan_error(s->st, s->reading->path, s->line,
		    "%s: its value is no %s", s->key->name,
		    expected[s->key->type].noun);
	else
		scan_error(s->st, s->reading->path, s->line,
		    "%s: \"%.100s\" is no %s", s->key->name, text,
		    expected[s->key->type].noun);
	if (*expected[s->key->type].hint != '\0')
		status_hint(s->st, "%s", expected[s->key->type].hint);
	return -1;
}

/* Names all the words that are allowed. */
static int
refuse_word(const struct setting *s, const char *text)
{
	struct buf words;
	int i;

	buf_init(&words, sizeof s->st->hint);
	for (i = 0; s->key->words[i] != NULL; i++)
		buf_addf(&words, "%s%s", i == 0 ? "" :
		    s->key->words[i + 1] == NULL ? " or " : ", ",
		    s->key->words[i]);
	scan_error(s->st, s->reading->path, s->line,
	    "%s: \"%.100s\" is not one of its values", s->key->name, text);
	status_hint(s->st, "%s is %s", s->key->name, words.data);
	buf_release(&words);
	return -1;
}

static int
check_range(const struct setting *s, const char *text, int64_t n)
{
	char min[VALUE_SIZE], max[VALUE_SIZE];
	char unit = s->key->type == KEY_DURATION ? 's' :
	    s->key->type == KEY_SIZE ? 'B' : '\0';

	if (n >= s->key->min && n <= s->key->max)
		return 0;
	value_format(min, s->key->min, unit);
	value_format(max, s->key->max, unit);
	scan_error(s->st, s->reading->path, s->line, "%s: %.100s is too %s",
	    s->key->name, text, n < s->key->min ? "small" : "large");
	return status_hint(s->st, "%s is from %s to %s", s->key->name, min,
	    max);
}

/* Fields of type int64_t. */
static int
set_amount(const struct setting *s, const char *text)
{
	int64_t n;
	int rc;

	if (s->key->type == KEY_DATE)
		return value_date(text, s->field) == -1 ? refuse(s, text) : 0;
	rc = s->key->type == KEY_SIZE ? value_size(text, &n) :
	    value_duration(text, &n);
	if (rc == -1)
		return refuse(s, text);
	if (check_range(s, text, n) == -1)
		return -1;
	memcpy(s->field, &n, sizeof n);
	return 0;
}

static int
set_number(const struct setting *s, const char *text)
{
	int64_t n;
	int number;

	if (value_number(text, &n) == -1)
		return refuse(s, text);
	if (check_range(s, text, n) == -1)
		return -1;
	number = (int)n;
	memcpy(s->field, &number, sizeof number);
	return 0;
}

static int
set_choice(const struct setting *s, const char *text)
{
	int index;

	if (value_choice(text, s->key->words, &index) == -1)
		return refuse_word(s, text);
	index += (int)s->key->min;
	memcpy(s->field, &index, sizeof index);
	return 0;
}

/* An absolute path; under -C a relative one starts at FILE. */
static char *
absolute(const struct reading *r, const char *text)
{
	if (*text == '/')
		return xstrdup(text);
	if (*text == '\0' || r->directory == NULL)
		return NULL;
	return xasprintf("%s/%s", r->directory, text);
}

static char *
host_or_ip(const char *text)
{
	size_t len = strlen(text);
	char *inner;

	if (text_is_ip(text))
		return xstrdup(text);
	if (text[0] != '[' || text[len - 1] != ']')
		return value_domain(text);
	inner = xmemdup(text + 1, len - 2);
	if (text_is_ip(inner))
		return inner;
	free(inner);
	return NULL;
}

static char *
copy_if(bool good, const char *text)
{
	return good ? xstrdup(text) : NULL;
}

/* The string to keep for what was written, or NULL if it is not allowed. */
static char *
convert_string(const struct reading *r, enum key_type type, const char *text)
{
	switch (type) {
	case KEY_TEXT:
		return copy_if(value_is_text(text, true), text);
	case KEY_ID:
		return copy_if(value_is_id(text), text);
	case KEY_NAME:
		return copy_if(value_is_name(text), text);
	case KEY_DOMAIN:
		return value_domain(text);
	case KEY_HOST:
		return host_or_ip(text);
	case KEY_LITERAL:
		return copy_if(text_is_ip(text), text);
	case KEY_ADDRESS:
		return value_address(text);
	case KEY_PATH:
	case KEY_PATH_OR_NONE:
		return absolute(r, text);
	case KEY_FILE:
	case KEY_FILES:
		return credential_is_named(text) ?
		    copy_if(credential_name(text) != NULL, text) :
		    absolute(r, text);
	case KEY_FILE_OR_URI:
		return value_is_uri(text) ? xstrdup(text) :
		    convert_string(r, KEY_FILE, text);
	case KEY_LOG:
		return strcmp(text, "syslog") == 0 ||
		    strcmp(text, "stderr") == 0 ? xstrdup(text) :
		    absolute(r, text);
	case KEY_URL:
		return copy_if(value_is_safe_url(text), text);
	case KEY_PROXY:
		return copy_if(value_is_proxy(text), text);
	case KEY_USERS:
		return copy_if(value_is_text(text, false) &&
		    strcmp(text, "@") != 0, text);
	default:
		return NULL;
	}
}

static int
set_string(const struct setting *s, const char *text)
{
	char **field = s->field;
	int index;

	if (s->key->type == KEY_PATH_OR_NONE && *text == '\0')
		return 0;
	if (s->key->type == KEY_WORD) {
		if (value_choice(text, s->key->words, &index) == -1)
			return refuse_word(s, text);
		*field = xstrdup(text);
	} else
		*field = convert_string(s->reading, s->key->type, text);
	return *field == NULL ? refuse(s, text) : 0;
}

static int
refuse_pattern(const struct setting *s, const char *text)
{
	return scan_error(s->st, s->reading->path, s->line,
	    "%s: \"%.100s\": %s", s->key->name, text, pattern_error(text));
}

int
convert_item(const struct setting *s, const char *text, bool first,
    char **item)
{
	if (s->key->type == KEY_PATTERNS) {
		if (pattern_error(text) != NULL)
			return refuse_pattern(s, text);
		*item = pattern_canonical(text);
	} else if (s->key->type == KEY_COMMAND)
		*item = first ? absolute(s->reading, text) : xstrdup(text);
	else
		*item = convert_string(s->reading, s->key->type, text);
	return *item == NULL ? refuse(s, text) : 0;
}

int
convert_value(const struct setting *s, const char *text)
{
	switch (s->key->type) {
	case KEY_FLAG:
		return value_flag(text, s->field) == -1 ? refuse(s, text) : 0;
	case KEY_NUMBER:
		return set_number(s, text);
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_DATE:
		return set_amount(s, text);
	case KEY_CHOICE:
		return set_choice(s, text);
	default:
		return set_string(s, text);
	}
}
