/* SPDX-License-Identifier: ISC */
#include "mail/encoded_word.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/idna.h"
#include "base/xalloc.h"
#include "mail/charset.h"
#include "mail/utf8.h"

#define WORD_MAX	75	/* RFC 2047 2 */
#define WORD_FRAME	7	/* what is neither charset nor text */
#define BLANK		" \t"

/* What may stand for itself in a Q word wherever it appears, RFC 2047 5 (3). */
static bool
is_safe(unsigned char c)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789!*+-/";

	return c != '\0' && strchr(safe, c) != NULL;
}

static size_t
q_cost(const char *text, size_t len)
{
	size_t i, cost = 0;

	for (i = 0; i < len; i++)
		cost += text[i] == ' ' || is_safe((unsigned char)text[i]) ?
		    1 : 3;
	return cost;
}

static void
add_q(struct buf *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == ' ')
			buf_addch(out, '_');
		else if (is_safe((unsigned char)text[i]))
			buf_addch(out, text[i]);
		else
			buf_addf(out, "=%02X", (unsigned char)text[i]);
	}
}

/* Bytes of the next character: an encoded word must not end inside one.  What
 * is not UTF-8 counts as one byte each, as nearly always. */
static size_t
character(const char *text, size_t len, bool utf8)
{
	return utf8 ? utf8_sequence(text, len) : 1;
}

/* As many whole characters as one word has room for. */
static size_t
word_fill(const char *text, size_t len, size_t room, bool utf8, bool q)
{
	size_t used = 0, n, cost;

	while (used < len) {
		n = character(text + used, len - used, utf8);
		cost = q ? q_cost(text, used + n) : (used + n + 2) / 3 * 4;
		if (cost > room && used != 0)
			break;
		used += n;
	}
	return used;
}

void
encoded_word_all(struct buf *out, const char *text, size_t len,
    const char *charset)
{
	bool utf8 = utf8_valid(text, len), q;
	const char *name = utf8 ? "UTF-8" : charset_fallback(charset);
	size_t room = WORD_MAX - WORD_FRAME - strlen(name), n;

	if (!utf8_has_8bit(text, len)) {
		buf_add(out, text, len);
		return;
	}
	/* Q, which people can half read, unless B is much shorter. */
	q = 2 * q_cost(text, len) <= 3 * ((len + 2) / 3 * 4);
	for (; len != 0; text += n, len -= n) {
		n = word_fill(text, len, room, utf8, q);
		buf_addf(out, "=?%s?%c?", name, q ? 'Q' : 'B');
		if (q)
			add_q(out, text, n);
		else
			base64_encode(out, text, n);
		buf_addstr(out, n < len ? "?= " : "?=");
	}
}

bool
encoded_word_is_one(const char *word, size_t len)
{
	size_t i, marks = 0;

	if (len <= WORD_FRAME || memcmp(word, "=?", 2) != 0 ||
	    memcmp(word + len - 2, "?=", 2) != 0)
		return false;
	for (i = 2; i < len - 2; i++) {
		if ((unsigned char)word[i] <= ' ' || strchr("()<>\"", word[i]))
			return false;
		marks += word[i] == '?';
	}
	return marks == 2;
}

/* The next run of words that need encoding, from the word at `p` on: words with
 * nothing but blanks between them are encoded together, since readers drop the
 * blanks between two encoded words.  For the same reason the blanks before an
 * encoded word that is there already belong to the run. */
static size_t
run_length(const char *p)
{
	size_t len = 0, gap = 0, word = strcspn(p, BLANK);

	while (word != 0 && utf8_has_8bit(p + len + gap, word)) {
		len += gap + word;
		gap = strspn(p + len, BLANK);
		word = strcspn(p + len + gap, BLANK);
	}
	if (word != 0 && encoded_word_is_one(p + len + gap, word))
		len += gap;
	return len;
}

void
encoded_word_text(struct buf *out, const char *text, const char *charset)
{
	bool after_encoded = false;
	size_t gap, word, run;

	for (; *text != '\0'; text += gap + run) {
		gap = strspn(text, BLANK);
		word = strcspn(text + gap, BLANK);
		buf_add(out, text, gap);
		run = word;
		if (!utf8_has_8bit(text + gap, word)) {
			buf_add(out, text + gap, word);
			after_encoded = encoded_word_is_one(text + gap, word);
			continue;
		}
		run = run_length(text + gap);
		/* Again: what readers drop is repeated inside the word. */
		encoded_word_all(out, after_encoded ? text : text + gap,
		    after_encoded ? gap + run : run, charset);
		if (strchr(BLANK, text[gap + run - 1]) != NULL)
			buf_addch(out, ' ');
		after_encoded = true;
	}
}

/* Behind the quoted string, comment, <address> or single character at `p`;
 * what is not closed reaches to the end. */
static const char *
token_end(const char *p)
{
	char open = *p, close = open == '(' ? ')' : open == '<' ? '>' : open;
	int depth = 1;

	if (open != '"' && open != '(' && open != '<')
		return p + 1;
	for (p++; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == close && --depth == 0)
			return p + 1;
		else if (*p == '(' && open == '(')
			depth++;
	}
	return p;
}

/* What a quoted string or comment says, or any other text as it is. */
static void
add_unquoted(struct buf *out, const char *p, const char *end)
{
	if (*p == '"' || *p == '(') {
		if (end > p + 1 && (end[-1] == '"' || end[-1] == ')'))
			end--;
		p++;
	}
	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		buf_addch(out, *p);
	}
}

static void
add_comment(struct buf *out, const char *p, const char *end,
    const char *charset)
{
	struct buf text;

	if (!utf8_has_8bit(p, (size_t)(end - p))) {
		buf_add(out, p, (size_t)(end - p));
		return;
	}
	buf_init(&text, out->max);
	add_unquoted(&text, p, end);
	buf_addch(out, '(');
	encoded_word_all(out, text.data, text.len, charset);
	buf_addch(out, ')');
	buf_release(&text);
}

/* A phrase is encoded as a whole: its quoted strings may hold specials that
 * would be loose otherwise. */
static void
add_phrase(struct buf *out, const char *p, const char *end,
    const char *charset)
{
	struct buf text;
	const char *next;

	if (!utf8_has_8bit(p, (size_t)(end - p))) {
		buf_add(out, p, (size_t)(end - p));
		return;
	}
	buf_init(&text, out->max);
	for (; p < end && strchr(BLANK, *p) != NULL; p++)
		buf_addch(out, *p);
	for (; p < end; p = next) {
		next = token_end(p);
		add_unquoted(&text, p, next < end ? next : end);
	}
	while (text.len != 0 && strchr(BLANK, text.data[text.len - 1]) != NULL)
		buf_truncate(&text, text.len - 1);
	encoded_word_all(out, text.data, text.len, charset);
	if (strchr(BLANK, end[-1]) != NULL || *end == '<')
		buf_addch(out, ' ');
	buf_release(&text);
}

/* The domain of the address in `p` to `end` as A-labels: what is around it is
 * then *at and *rest.  False if it has none that IDNA takes. */
static bool
find_domain(const char *p, const char *end, char ascii[IDNA_DOMAIN_SIZE],
    const char **at, const char **rest)
{
	char *domain;
	bool found;

	for (*at = end; *at > p && (*at)[-1] != '@'; --*at)
		;
	for (*rest = *at; *rest < end && strchr(BLANK "<>,;:", **rest) == NULL;
	    ++*rest)
		;
	if (*at == p)
		return false;
	domain = xmemdup(*at, (size_t)(*rest - *at));
	found = idna_to_ascii(domain, ascii) == 0;
	free(domain);
	return found;
}

/* What is no address that can be sent as one, less its brackets: the name of a
 * group of nobody, as in RFC 6857, for a word alone would be a mailbox. */
static void
add_unreadable(struct buf *out, const char *p, const char *end,
    const char *charset)
{
	static const char around[] = BLANK "<>,;";
	const char *last = end;

	for (; p < end && strchr(around, *p) != NULL; p++)
		if (*p != '<')
			buf_addch(out, *p);
	while (last > p && strchr(around, last[-1]) != NULL)
		last--;
	encoded_word_all(out, p, (size_t)(last - p), charset);
	buf_addstr(out, ":;");
	for (; last < end; last++)
		if (*last != '>')
			buf_addch(out, *last);
}

/* An address and what delimits it, without phrase and comments. */
static void
add_address(struct buf *out, const char *p, const char *end,
    const char *charset, bool smtputf8)
{
	char ascii[IDNA_DOMAIN_SIZE];
	const char *at, *rest;

	if (!utf8_has_8bit(p, (size_t)(end - p))) {
		buf_add(out, p, (size_t)(end - p));
		return;
	}
	if (!find_domain(p, end, ascii, &at, &rest) ||
	    !utf8_valid(p, (size_t)(at - p)) ||
	    (!smtputf8 && utf8_has_8bit(p, (size_t)(at - p)))) {
		add_unreadable(out, p, end, charset);
		return;
	}
	buf_add(out, p, (size_t)(at - p));
	buf_addstr(out, ascii);
	buf_add(out, rest, (size_t)(end - rest));
}

/* Behind the list element at `p`; *phrase is where the display name or group
 * name before it ends, `p` itself if there is none. */
static const char *
element_end(const char *p, const char **phrase)
{
	const char *start = p;

	*phrase = p;
	for (; *p != '\0' && strchr(",;:", *p) == NULL; p = token_end(p))
		if (*p == '<' && *phrase == start)
			*phrase = p;
	if (*p == ':')
		*phrase = p;
	return *p == '\0' ? p : p + 1;
}

void
encoded_word_addresses(struct buf *out, const char *text,
    const char *charset, bool smtputf8)
{
	const char *p = text, *end, *phrase, *next;

	while (*p != '\0') {
		end = element_end(p, &phrase);
		add_phrase(out, p, phrase, charset);
		for (p = phrase; p < end; p = next) {
			next = p;
			while (next < end && *next != '(')
				next = token_end(next);
			add_address(out, p, next, charset, smtputf8);
			p = next;
			if (p == end)
				break;
			next = token_end(p);
			add_comment(out, p, next, charset);
		}
	}
}

/* A quoted string whose text is encoded stays one. */
static void
add_quoted(struct buf *out, const char *p, const char *end,
    const char *charset)
{
	struct buf text;

	buf_init(&text, out->max);
	add_unquoted(&text, p, end);
	buf_addch(out, '"');
	encoded_word_all(out, text.data, text.len, charset);
	buf_addch(out, '"');
	buf_release(&text);
}

void
encoded_word_tokens(struct buf *out, const char *text, const char *charset)
{
	const char *next;
	size_t word;

	for (; *text != '\0'; text = next) {
		word = strcspn(text, BLANK "\"();=,<>");
		next = word != 0 ? text + word : *text == '"' ?
		    token_end(text) : text + 1;
		if (*text == '"' && utf8_has_8bit(text, (size_t)(next - text)))
			add_quoted(out, text, next, charset);
		else
			encoded_word_all(out, text, (size_t)(next - text),
			    charset);
	}
}
