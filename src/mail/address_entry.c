/* SPDX-License-Identifier: ISC */
#include "mail/address_entry.h"

#include <string.h>

/* Quotes and comments that do not end are found by looking to the end of the
 * text; past this many no more are looked for, which keeps the work linear. */
#define UNBALANCED_MAX 16

bool
entry_is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

bool
entry_is_word(char c)
{
	return !entry_is_blank(c) && strchr("()<>[]:;@\\,\"", c) == NULL;
}

bool
entry_token_is(const struct token *t, char special)
{
	return t->kind == TOKEN_SPECIAL && t->text[0] == special;
}

bool
entry_has_control(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '\r' && end - p > 1 && p[1] == '\n')
			p++;
		if (*p == '\n' && end - p > 1 && (p[1] == ' ' || p[1] == '\t'))
			continue;
		if (entry_is_blank(*p) && *p != ' ' && *p != '\t')
			return true;
	}
	return false;
}

static void
add_token(struct entry *e, enum token_kind kind, const char *text, size_t len)
{
	if (e->count == ENTRY_TOKENS_MAX) {
		e->bad = true;
		return;
	}
	e->tokens[e->count++] = (struct token){ kind, text, len, e->spaced };
	e->spaced = false;
}

/* The end of the quoted string or comment that opens at `p`; comments nest
 * (RFC 5322 3.2.2).  NULL if there is none. */
static const char *
closing(const char *p, const char *end)
{
	bool is_comment = *p == '(';
	size_t depth = 1;

	while (++p < end) {
		if (*p == '\\')
			p++;
		else if (is_comment && *p == '(')
			depth++;
		else if (*p == (is_comment ? ')' : '"') && --depth == 0)
			return p;
	}
	return NULL;
}

/* Skips to the delimiter after `from`, or to the end. */
static void
skip_to_comma(struct entry *e, const char *from)
{
	const char *comma = memchr(from, ',', (size_t)(e->end - from));

	e->at = comma != NULL ? comma : e->end;
}

/* A quoted string or a comment.  One without an end makes its entry bad, and
 * reading goes on behind the first comma of the entry, since commas that seemed
 * to be quoted may not have been. */
static void
take_enclosed(struct entry *e)
{
	const char *open = e->at, *close = NULL;

	if (e->unbalanced < UNBALANCED_MAX)
		close = closing(open, e->end);
	if (close == NULL) {
		e->bad = true;
		skip_to_comma(e,
		    e->unbalanced < UNBALANCED_MAX ? e->start : open);
		e->unbalanced++;
		return;
	}
	e->at = close + 1;
	if (*open == '"') {
		add_token(e, TOKEN_QUOTED, open + 1, (size_t)(close - open - 1));
		return;
	}
	e->comment = (struct token){ TOKEN_QUOTED, open + 1,
	    (size_t)(close - open - 1), false };
	e->spaced = true;
}

/* [192.0.2.1], or just a bracket, as people write them in names. */
static void
take_literal(struct entry *e)
{
	const char *open = e->at++;
	const char *close = open + 1;

	while (close < e->end && (entry_is_word(*close) || *close == ':'))
		close++;
	if (close == e->end || *close != ']') {
		add_token(e, TOKEN_SPECIAL, open, 1);
		return;
	}
	e->at = close + 1;
	add_token(e, TOKEN_LITERAL, open, (size_t)(e->at - open));
}

static void
take_word(struct entry *e)
{
	const char *word = e->at;

	while (e->at < e->end && entry_is_word(*e->at))
		e->at++;
	add_token(e, TOKEN_WORD, word, (size_t)(e->at - word));
}

static void
take_special(struct entry *e)
{
	add_token(e, TOKEN_SPECIAL, e->at, 1);
	if (*e->at == '<' && e->angle == NULL && !e->bad)
		e->angle = &e->tokens[e->count - 1];
	e->at++;
}

/* A comma between the domains of an obsolete route, RFC 5322 4.4: "<@a,@b:". */
static bool
is_route_comma(const struct entry *e)
{
	const char *next = e->at + 1;

	if (e->angle == NULL || e->angle + 1 >= e->tokens + e->count ||
	    !entry_token_is(e->angle + 1, '@'))
		return false;
	while (next < e->end && entry_is_blank(*next))
		next++;
	return next < e->end && *next == '@';
}

static void
start_entry(struct entry *e)
{
	e->start = e->at;
	e->count = 0;
	e->comment.text = NULL;
	e->angle = NULL;
	e->bad = e->spaced = false;
}

char
entry_read(struct entry *e, bool more)
{
	if (!more)
		start_entry(e);
	while (e->at < e->end) {
		switch (*e->at) {
		case '"': case '(':
			take_enclosed(e);
			break;
		case '[':
			take_literal(e);
			break;
		case ',':
			if (!is_route_comma(e))
				return *e->at++;
			take_special(e);
			break;
		case ';':
			return *e->at++;
		case ':':
			if (e->angle == NULL)
				return *e->at++;
			take_special(e);
			break;
		case ')':
			e->bad = true;
			e->at++;
			break;
		case '<': case '>': case '@': case ']': case '\\':
			take_special(e);
			break;
		default:
			if (!entry_is_blank(*e->at)) {
				take_word(e);
				break;
			}
			e->spaced = true;
			e->at++;
		}
	}
	return '\0';
}
