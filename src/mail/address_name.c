/* SPDX-License-Identifier: ISC
 *
 * Writing a display name: the phrase before <addr>, RFC 5322 3.2.5 and RFC 2047
 * section 5 (3).
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/encoded_word.h"
#include "mail/utf8.h"

static bool
is_ascii_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* RFC 5322 3.2.3: no dots here. */
static bool
is_atext(char c)
{
	return is_ascii_alnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
is_atom(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is_atext(word[i]))
			return false;
	return len > 0;
}

/* An encoded word that may stand in a phrase: it would not be decoded inside
 * quotes.  Dots stand in many, against the rules. */
static bool
is_encoded_word(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is_atext(word[i]) && word[i] != '.')
			return false;
	return encoded_word_is_one(word, len);
}

static void
add_quoted(struct buf *out, const char *text, size_t len)
{
	size_t i;

	buf_addch(out, '"');
	for (i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			buf_addch(out, '\\');
		buf_addch(out, text[i]);
	}
	buf_addch(out, '"');
}

typedef bool word_test(const char *, size_t);

/* Whether a word passes the test; `all`: whether all do, blanks single. */
static bool
words_are(const char *name, word_test *test, bool all)
{
	size_t len;

	for (;; name += len + 1) {
		len = strcspn(name, " ");
		if (test(name, len) != all)
			return !all;
		if (name[len] == '\0')
			return all;
	}
}

/* Beside encoded-words, each word is quoted by itself. */
static void
add_words(struct buf *out, const char *name)
{
	size_t len;

	for (;; name += len + 1) {
		len = strcspn(name, " ");
		if (is_encoded_word(name, len) || is_atom(name, len))
			buf_add(out, name, len);
		else if (len > 0)
			add_quoted(out, name, len);
		if (name[len] == '\0')
			return;
		if (len > 0)
			buf_addch(out, ' ');
	}
}

/* A full name comes from /etc/passwd or -F as well: no line end, no escape
 * sequence gets into a header. */
static char *
without_controls(const char *name)
{
	char *copy = xstrdup(name), *p;

	for (p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return copy;
}

char *
address_format_name(const char *name)
{
	struct buf out;
	char *clean;
	size_t len;

	if (name == NULL || *name == '\0')
		return xstrdup("");
	clean = without_controls(name);
	len = strlen(clean);
	buf_init(&out, 64 + 8 * len);
	if (utf8_has_8bit(clean, len))
		encoded_word_all(&out, clean, len, NULL);
	else if (words_are(clean, is_encoded_word, false))
		add_words(&out, clean);
	else if (words_are(clean, is_atom, true))
		buf_add(&out, clean, len);
	else
		add_quoted(&out, clean, len);
	free(clean);
	return buf_detach(&out);
}
