/* SPDX-License-Identifier: ISC
 *
 * Address lists, second half: what the tokens of an entry mean.  They are judged
 * together, so that a bad entry costs nobody else his mail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/idna.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/address_entry.h"
#include "mail/utf8.h"

/* RFC 5321 4.5.3.1.1 has 64 for a local part, but asks for more where possible,
 * and bounce and reply addresses made by programs are longer: the server
 * decides.  With a domain of 253 octets this stays below ADDRESS_MAX. */
#define LOCAL_MAX		256
#define DOMAIN_MAX		500	/* before it is made A-labels */
#define DISPLAY_NAME_MAX	4096	/* a longer one is left out */

/* What a quoted string or comment says: escapes resolved, unfolded. */
static void
add_unquoted(struct buf *b, const struct token *t)
{
	size_t i;

	for (i = 0; i < t->len; i++) {
		if (t->text[i] == '\\' && i + 1 < t->len)
			i++;
		if (t->text[i] != '\r' && t->text[i] != '\n')
			buf_addch(b, t->text[i] == '\t' ? ' ' : t->text[i]);
	}
}

/* Words with dots between them, white space allowed around these as in the
 * obsolete "john . doe"; anything else between words is an error, and so is
 * white space other than blanks inside quotes. */
static int
join_words(struct buf *b, const struct token *t, size_t count, bool quoted_too)
{
	size_t i;

	for (i = 0; i < count; i++) {
		bool dotted = t[i].kind == TOKEN_WORD && t[i].text[0] == '.';

		if (i > 0 && t[i - 1].kind == TOKEN_WORD)
			dotted |= t[i - 1].text[t[i - 1].len - 1] == '.';
		if (i > 0 && !dotted)
			return -1;
		if (t[i].kind == TOKEN_WORD)
			buf_add(b, t[i].text, t[i].len);
		else if (t[i].kind == TOKEN_QUOTED && quoted_too &&
		    memchr(t[i].text, '\t', t[i].len) == NULL &&
		    memchr(t[i].text, '\n', t[i].len) == NULL)
			add_unquoted(b, &t[i]);
		else
			return -1;
	}
	return b->overflow ? -1 : 0;
}

/* UTF-8 without the C1 controls. */
static bool
is_clean_utf8(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i++)
		if (text[i] == '\xc2' && (unsigned char)text[i + 1] < 0xa0)
			return false;
	return utf8_valid(text, len);
}

/* RFC 5321 4.1.2: needs no quotes. */
static bool
is_dot_atom(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!entry_is_word(s[i]))
			return false;
		if (s[i] == '.' && (i == 0 || i + 1 == len || s[i + 1] == '.'))
			return false;
	}
	return len > 0;
}

/* Makes "a b" of the local part <a b>; one such as "john..doe", which some
 * carriers handed out, becomes deliverable that way, too. */
static char *
quote_local(const char *local)
{
	struct buf b;

	buf_init(&b, 2 * LOCAL_MAX + 2);
	buf_addch(&b, '"');
	for (; *local != '\0'; local++) {
		if (*local == '"' || *local == '\\')
			buf_addch(&b, '\\');
		buf_addch(&b, *local);
	}
	buf_addch(&b, '"');
	return buf_detach(&b);
}

/* A bare name must do without quotes: a quoted phrase with no address behind
 * it is somebody's name, not his mailbox. */
static int
read_local(struct address *a, const struct token *t, size_t count, bool is_bare)
{
	struct buf b;
	int result = -1;

	buf_init(&b, LOCAL_MAX);
	if (join_words(&b, t, count, true) == -1 ||
	    !is_clean_utf8(b.data, b.len))
		goto out;
	a->utf8 = utf8_has_8bit(b.data, b.len);
	if (is_dot_atom(b.data, b.len))
		a->local = buf_detach(&b);
	else if (!is_bare && count > 0)
		a->local = quote_local(b.data);
	else
		goto out;
	result = 0;
out:
	buf_release(&b);
	return result;
}

static int
read_literal(struct address *a, const struct token *t)
{
	if (t->len >= IDNA_DOMAIN_SIZE || t->len < 3 ||
	    utf8_has_8bit(t->text, t->len))
		return -1;
	a->domain = xmemdup(t->text, t->len);
	return 0;
}

static int
read_domain(struct address *a, const struct token *t, size_t count)
{
	char ascii[IDNA_DOMAIN_SIZE];
	struct buf b;
	int result = -1;

	if (count == 1 && t->kind == TOKEN_LITERAL)
		return read_literal(a, t);
	buf_init(&b, DOMAIN_MAX);
	if (join_words(&b, t, count, false) == -1)
		goto out;
	/* The root's dot is DNS notation and not allowed in mail. */
	if (b.len > 1 && b.data[b.len - 1] == '.')
		buf_truncate(&b, b.len - 1);
	if (!utf8_valid(b.data, b.len) || idna_to_ascii(b.data, ascii) == -1)
		goto out;
	a->domain = xstrdup(ascii);
	result = 0;
out:
	buf_release(&b);
	return result;
}

/* local@domain, or a bare local. */
static int
read_addr_spec(struct address *a, const struct token *t, size_t count)
{
	size_t at = 0;

	while (at < count && !entry_token_is(&t[at], '@'))
		at++;
	if (read_local(a, t, at, at == count) == -1)
		return -1;
	if (at == count)
		return 0;
	return read_domain(a, t + at + 1, count - at - 1);
}

/* The display name: the phrase as it reads, single blanks between words. */
static char *
phrase_text(const struct token *t, size_t count)
{
	struct buf b;
	size_t i;

	buf_init(&b, DISPLAY_NAME_MAX);
	for (i = 0; i < count; i++) {
		if (i > 0 && t[i].spaced)
			buf_addch(&b, ' ');
		if (t[i].kind == TOKEN_QUOTED)
			add_unquoted(&b, &t[i]);
		else
			buf_add(&b, t[i].text, t[i].len);
	}
	while (b.len > 0 && b.data[b.len - 1] == ' ')
		buf_truncate(&b, b.len - 1);
	while (b.len > 0 && b.data[0] == ' ')
		buf_consume(&b, 1);
	if (b.overflow || b.len == 0) {
		buf_release(&b);
		return NULL;
	}
	return buf_detach(&b);
}

static int
read_mailbox(struct address *a, const struct entry *e)
{
	const struct token *end = e->tokens + e->count, *t = e->tokens;

	if (e->angle != NULL) {
		a->name = phrase_text(e->tokens, (size_t)(e->angle - e->tokens));
		t = e->angle + 1;
		if (t == end || !entry_token_is(--end, '>'))
			return -1;
		/* RFC 5322 4.4: a route is read over. */
		if (t < end && entry_token_is(t, '@'))
			while (t < end && !entry_token_is(t++, ':'))
				;
	}
	if (read_addr_spec(a, t, (size_t)(end - t)) == -1)
		return -1;
	if (a->name == NULL && e->comment.text != NULL) {
		a->name = phrase_text(&e->comment, 1);
		a->is_comment_name = a->name != NULL;
	}
	return 0;
}

/* Room for one more in an array that doubles when it holds a power of two. */
static void *
grow(void *items, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return items;
	return xreallocarray(items, count == 0 ? 1 : 2 * count, size);
}

/* Whoever is left out is named: each entry is kept as text, within bounds. */
static void
note_bad(struct address_list *list, const char *start, const char *end)
{
	char text[ADDRESS_BAD_TEXT];
	size_t i, len;

	if (list->bad++ >= ADDRESS_BAD_MAX)
		return;
	while (start < end && entry_is_blank(*start))
		start++;
	len = (size_t)(end - start);
	if (len >= sizeof text)
		len = sizeof text - 1;
	for (i = 0; i < len; i++)
		text[i] = start[i] != '\0' ? start[i] : '?';
	text[len] = '\0';
	list->bad_texts = grow(list->bad_texts, list->bad - 1,
	    sizeof *list->bad_texts);
	status_printable(list->bad_texts[list->bad - 1], ADDRESS_BAD_TEXT,
	    text);
}

size_t
address_list_bad(const struct address_list *list, size_t from, char *text,
    size_t size)
{
	char rest[40];
	const char *next;
	size_t i, len = 0;

	text[0] = '\0';
	for (i = from; i < list->bad && i <= ADDRESS_BAD_MAX; i++) {
		snprintf(rest, sizeof rest, "and %zu more", list->bad - i);
		next = i < ADDRESS_BAD_MAX ? list->bad_texts[i] : rest;
		if (len != 0 && len + 2 + strlen(next) >= size)
			return i;
		len += (size_t)snprintf(text + len, size - len, "%s%s",
		    len == 0 ? "" : ", ", next);
	}
	return list->bad;
}

int
address_list_add(struct address_list *list, const struct address *a,
    struct status *st)
{
	if (list->count >= ADDRESS_LIST_MAX)
		return status_set(st, EX_DATAERR,
		    "more than %d addresses in one list", ADDRESS_LIST_MAX);
	list->items = grow(list->items, list->count, sizeof *list->items);
	list->items[list->count++] = *a;
	return 0;
}

/* Judges an entry that ends at `end`. */
static int
add_entry(struct address_list *list, const struct entry *e, const char *end,
    struct status *st)
{
	bool bad = e->bad || entry_has_control(e->start, end);
	struct address a = { 0 };

	if (e->count == 0 && !bad)
		return 0;
	if (bad || read_mailbox(&a, e) == -1) {
		address_release(&a);
		note_bad(list, e->start, end);
		return 0;
	}
	if (address_list_add(list, &a, st) == -1) {
		address_release(&a);
		return -1;
	}
	return 0;
}

int
address_parse_list(struct address_list *list, const char *text, size_t len,
    struct status *st)
{
	struct entry e = { .at = text, .end = text + len };
	bool in_group = false;
	char delimiter;

	while (e.at < e.end) {
		delimiter = entry_read(&e, false);
		/* The name of a group is of no use; its members are entries
		 * like any other.  A group in a group is not allowed. */
		if (delimiter == ':' && !in_group && !e.bad &&
		    !entry_has_control(e.start, e.at)) {
			in_group = list->had_group = true;
			continue;
		}
		while (delimiter == ':') {
			e.bad = true;
			delimiter = entry_read(&e, true);
		}
		if (delimiter == ';')
			in_group = false;
		if (add_entry(list, &e, delimiter == '\0' ? e.at : e.at - 1,
		    st) == -1)
			return -1;
	}
	return 0;
}
