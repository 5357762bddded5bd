/* SPDX-License-Identifier: ISC
 *
 * Writing a display name: the phrase before <addr>, RFC 5322 3.2.5 and RFC 2047
 * section 5 (3).
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/utf8.h"

#define ENCODED_WORD_MAX 75	/* RFC 2047 section 2 */

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

/* What RFC 2047 5 (3) allows unencoded in a phrase, less '=' and '_', which
 * mean something. */
static bool
is_q_safe(char c)
{
	return is_ascii_alnum(c) || (c != '\0' && strchr("!*+-/", c) != NULL);
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

/* "=?charset?encoding?text?=", well enough formed to be left alone: it would
 * not be decoded inside quotes.  Dots stand in many, against the rules. */
static bool
is_encoded_word(const char *word, size_t len)
{
	size_t i, marks = 0;

	if (len < 8 || memcmp(word, "=?", 2) != 0 ||
	    memcmp(word + len - 2, "?=", 2) != 0)
		return false;
	for (i = 0; i < len; i++) {
		if (!is_atext(word[i]) && word[i] != '.')
			return false;
		marks += word[i] == '?';
	}
	return marks == 4;
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

static size_t
q_length(const char *text, size_t len)
{
	size_t i, total = 0;

	for (i = 0; i < len; i++)
		total += is_q_safe(text[i]) || text[i] == ' ' ? 1 : 3;
	return total;
}

static size_t
b_length(size_t len)
{
	return (len + 2) / 3 * 4;
}

static void
add_q(struct buf *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] == ' ')
			buf_addch(out, '_');
		else if (is_q_safe(text[i]))
			buf_addch(out, text[i]);
		else
			buf_addf(out, "=%02X", (unsigned char)text[i]);
}

/* How much of the text fits in one encoded-word: whole characters, RFC 2047
 * section 5 ("each encoded-word MUST represent an integral number"). */
static size_t
chunk_length(const char *text, size_t len, size_t room, bool use_q)
{
	size_t at = 0, n;

	while (at < len) {
		n = utf8_sequence(text + at, len - at);
		if (n == 0)
			n = 1;		/* it goes as ISO-8859-1 */
		if ((use_q ? q_length(text, at + n) : b_length(at + n)) > room)
			break;
		at += n;
	}
	return at;
}

/* Encoded-words in UTF-8 (ISO-8859-1 for what is not UTF-8), in Q, which people
 * can half read, unless B is much shorter. */
static void
add_encoded(struct buf *out, const char *name)
{
	size_t len = strlen(name), n;
	const char *charset = utf8_valid(name, len) ? "UTF-8" : "ISO-8859-1";
	bool use_q = 2 * q_length(name, len) <= 3 * b_length(len);
	size_t room = ENCODED_WORD_MAX - strlen("=?" "?Q?" "?=") -
	    strlen(charset);

	for (; len > 0; name += n, len -= n) {
		n = chunk_length(name, len, room, use_q);
		if (out->len > 0)
			buf_addch(out, ' ');
		buf_addf(out, "=?%s?%c?", charset, use_q ? 'Q' : 'B');
		if (use_q)
			add_q(out, name, n);
		else
			base64_encode(out, name, n);
		buf_addstr(out, "?=");
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
		add_encoded(&out, clean);
	else if (words_are(clean, is_encoded_word, false))
		add_words(&out, clean);
	else if (words_are(clean, is_atom, true))
		buf_add(&out, clean, len);
	else
		add_quoted(&out, clean, len);
	free(clean);
	return buf_detach(&out);
}
