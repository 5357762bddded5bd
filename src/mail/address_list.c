/* SPDX-License-Identifier: ISC
 *
 * Reading an address list.  The text is cut into entries at commas and
 * semicolons that stand outside quotes, comments and angle brackets, an entry is
 * cut into tokens, and the tokens of one entry are judged together: that is what
 * lets a bad entry cost nobody else his mail.  One pass, no recursion.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/idna.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/utf8.h"

/* RFC 5321 4.5.3.1.1 has 64 for a local part, but asks for more where possible,
 * and bounce and reply addresses made by programs are longer: the server
 * decides.  With a domain of 253 octets this stays below ADDRESS_MAX. */
#define LOCAL_MAX		256
#define DOMAIN_MAX		500	/* before it is made A-labels */
#define DISPLAY_NAME_MAX	4096	/* a longer one is left out */
#define TOKENS_MAX		512	/* an entry with more is no address */
/* Quotes and comments that do not end are found by looking to the end of the
 * text; past this many no more are looked for, which keeps the work linear. */
#define UNBALANCED_MAX		16

enum token_kind {
	TOKEN_WORD,		/* atoms and dots, as in "john.doe" or "." */
	TOKEN_QUOTED,		/* what stands between the quotes, escapes and all */
	TOKEN_LITERAL,		/* [192.0.2.1] */
	TOKEN_SPECIAL		/* one character: < > @ : , [ ] or backslash */
};

struct token {
	enum token_kind	 kind;
	const char	*text;
	size_t		 len;
	bool		 spaced;	/* white space or a comment before it */
};

struct parser {
	struct address_list *list;
	const char	*at, *end;
	bool		 in_group;
	int		 unbalanced;
	/* The entry being read. */
	const char	*start;
	struct token	 tokens[TOKENS_MAX];
	size_t		 count;
	struct token	 comment;	/* the last one, without its parentheses */
	const struct token *angle;	/* its '<', or NULL */
	bool		 bad, spaced;
};

static bool
is_blank_or_control(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

/* RFC 5322 3.2.3 atext, dots, and what RFC 6532 adds. */
static bool
is_word_char(char c)
{
	return !is_blank_or_control(c) && strchr("()<>[]:;@\\,\"", c) == NULL;
}

static bool
is_special(const struct token *t, char c)
{
	return t->kind == TOKEN_SPECIAL && t->text[0] == c;
}

/* A control character other than a tab or the CRLF (or LF) of a fold. */
static bool
has_control(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '\r' && end - p > 1 && p[1] == '\n')
			p++;
		if (*p == '\n' && end - p > 1 && (p[1] == ' ' || p[1] == '\t'))
			continue;
		if (is_blank_or_control(*p) && *p != ' ' && *p != '\t')
			return true;
	}
	return false;
}

static void
add_token(struct parser *p, enum token_kind kind, const char *text, size_t len)
{
	if (p->count == TOKENS_MAX) {
		p->bad = true;
		return;
	}
	p->tokens[p->count++] = (struct token){ kind, text, len, p->spaced };
	p->spaced = false;
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
skip_to_comma(struct parser *p, const char *from)
{
	const char *comma = memchr(from, ',', (size_t)(p->end - from));

	p->at = comma != NULL ? comma : p->end;
}

/* A quoted string or a comment.  One that does not end makes its entry bad, and
 * reading goes on behind the first comma of the entry, since commas that seemed
 * to be quoted may not have been. */
static void
take_enclosed(struct parser *p)
{
	const char *open = p->at, *close = NULL;

	if (p->unbalanced < UNBALANCED_MAX)
		close = closing(open, p->end);
	if (close == NULL) {
		p->bad = true;
		skip_to_comma(p, p->unbalanced < UNBALANCED_MAX ? p->start : open);
		p->unbalanced++;
		return;
	}
	p->at = close + 1;
	if (*open == '"') {
		add_token(p, TOKEN_QUOTED, open + 1, (size_t)(close - open - 1));
		return;
	}
	p->comment = (struct token){ TOKEN_QUOTED, open + 1,
	    (size_t)(close - open - 1), false };
	p->spaced = true;
}

/* [192.0.2.1], or just a bracket, as people write them in names. */
static void
take_literal(struct parser *p)
{
	const char *open = p->at++;
	const char *close = open + 1;

	while (close < p->end && (is_word_char(*close) || *close == ':'))
		close++;
	if (close == p->end || *close != ']') {
		add_token(p, TOKEN_SPECIAL, open, 1);
		return;
	}
	p->at = close + 1;
	add_token(p, TOKEN_LITERAL, open, (size_t)(p->at - open));
}

static void
take_word(struct parser *p)
{
	const char *word = p->at;

	while (p->at < p->end && is_word_char(*p->at))
		p->at++;
	add_token(p, TOKEN_WORD, word, (size_t)(p->at - word));
}

static void
take_special(struct parser *p)
{
	add_token(p, TOKEN_SPECIAL, p->at, 1);
	if (*p->at == '<' && p->angle == NULL && !p->bad)
		p->angle = &p->tokens[p->count - 1];
	p->at++;
}

/* A comma between the domains of an obsolete route, RFC 5322 4.4: "<@a,@b:". */
static bool
is_route_comma(const struct parser *p)
{
	const char *next = p->at + 1;

	if (p->angle == NULL || p->angle + 1 >= p->tokens + p->count ||
	    !is_special(p->angle + 1, '@'))
		return false;
	while (next < p->end && is_blank_or_control(*next))
		next++;
	return next < p->end && *next == '@';
}

/* Reads the tokens of one entry.  Returns what ended it: ',' ';' or the ':' of
 * a group, all passed over, or 0 at the end of the text. */
static char
read_entry(struct parser *p)
{
	while (p->at < p->end) {
		switch (*p->at) {
		case '"': case '(':
			take_enclosed(p);
			break;
		case '[':
			take_literal(p);
			break;
		case ',':
			if (!is_route_comma(p))
				return *p->at++;
			take_special(p);
			break;
		case ';':
			return *p->at++;
		case ':':
			if (p->angle == NULL)
				return *p->at++;
			take_special(p);
			break;
		case ')':
			p->bad = true;
			p->at++;
			break;
		case '<': case '>': case '@': case ']': case '\\':
			take_special(p);
			break;
		default:
			if (!is_blank_or_control(*p->at)) {
				take_word(p);
				break;
			}
			p->spaced = true;
			p->at++;
		}
	}
	return '\0';
}

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
		if (!is_word_char(s[i]))
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

	while (at < count && !is_special(&t[at], '@'))
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
read_mailbox(struct address *a, const struct parser *p)
{
	const struct token *end = p->tokens + p->count, *t = p->tokens;

	if (p->angle != NULL) {
		a->name = phrase_text(p->tokens, (size_t)(p->angle - p->tokens));
		t = p->angle + 1;
		if (t == end || !is_special(--end, '>'))
			return -1;
		/* RFC 5322 4.4: a route is read over. */
		if (t < end && is_special(t, '@'))
			while (t < end && !is_special(t++, ':'))
				;
	}
	if (read_addr_spec(a, t, (size_t)(end - t)) == -1)
		return -1;
	if (a->name == NULL && p->comment.text != NULL) {
		a->name = phrase_text(&p->comment, 1);
		a->is_comment_name = a->name != NULL;
	}
	return 0;
}

static void
note_bad(struct parser *p, const char *end)
{
	struct address_list *list = p->list;
	char text[sizeof list->bad_text];
	size_t i, len;

	if (list->bad++ > 0)
		return;
	while (p->start < end && is_blank_or_control(*p->start))
		p->start++;
	len = (size_t)(end - p->start);
	if (len >= sizeof text)
		len = sizeof text - 1;
	memcpy(text, p->start, len);
	text[len] = '\0';
	for (i = 0; i < len; i++)
		if (text[i] == '\0')
			text[i] = '?';
	status_printable(list->bad_text, sizeof list->bad_text, text);
}

/* The array doubles whenever it holds a power of two. */
int
address_list_add(struct address_list *list, const struct address *a,
    struct status *st)
{
	if (list->count >= ADDRESS_LIST_MAX)
		return status_set(st, EX_DATAERR,
		    "more than %d addresses in one list", ADDRESS_LIST_MAX);
	if ((list->count & (list->count - 1)) == 0)
		list->items = xreallocarray(list->items,
		    list->count == 0 ? 1 : 2 * list->count,
		    sizeof *list->items);
	list->items[list->count++] = *a;
	return 0;
}

/* Judges the entry that has been read. */
static int
finish_entry(struct parser *p, const char *end, struct status *st)
{
	struct address a = { 0 };

	if (p->count == 0 && !p->bad && !has_control(p->start, end))
		return 0;
	if (p->bad || has_control(p->start, end) || read_mailbox(&a, p) == -1) {
		address_release(&a);
		note_bad(p, end);
		return 0;
	}
	if (address_list_add(p->list, &a, st) == -1) {
		address_release(&a);
		return -1;
	}
	return 0;
}

static void
start_entry(struct parser *p)
{
	p->start = p->at;
	p->count = 0;
	p->comment.text = NULL;
	p->angle = NULL;
	p->bad = p->spaced = false;
}

/* Whether the phrase before a colon can be the name of a group. */
static bool
is_group_name(const struct parser *p)
{
	return !p->in_group && !p->bad && !has_control(p->start, p->at);
}

int
address_parse_list(struct address_list *list, const char *text, size_t len,
    struct status *st)
{
	struct parser p = { .list = list, .at = text, .end = text + len };
	char delimiter;

	while (p.at < p.end) {
		start_entry(&p);
		delimiter = read_entry(&p);
		/* The name of a group is of no use; its members are entries
		 * like any other.  A group in a group is not allowed. */
		if (delimiter == ':' && is_group_name(&p)) {
			p.in_group = list->had_group = true;
			continue;
		}
		while (delimiter == ':') {
			p.bad = true;
			delimiter = read_entry(&p);
		}
		if (delimiter == ';')
			p.in_group = false;
		if (finish_entry(&p, delimiter == '\0' ? p.at : p.at - 1,
		    st) == -1)
			return -1;
	}
	return 0;
}
