/* SPDX-License-Identifier: ISC */
#include "mail/header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/xalloc.h"
#include "mail/utf8.h"

#define LINE_MAX_NICE	78

/* The CRLF, or LF, and the blank behind it. */
static size_t
fold_length(const char *p, const char *end)
{
	size_t eol = end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 :
	    end - p >= 1 && p[0] == '\n' ? 1 : 0;

	return eol > 0 && (size_t)(end - p) > eol && text_is_blank(p[eol]) ?
	    eol + 1 : 0;
}

/* What a character of a body becomes that is not part of a fold. */
static char
clean(char c)
{
	return c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

/* Copies the body of a field.  What could end the field, or the string, but is
 * no fold becomes a blank: this is where injection stops.  Lines of only white
 * space are left out. */
static void
add_clean(struct buf *out, const char *p, size_t len)
{
	const char *end = p + len, *line;
	size_t fold;

	while (p < end) {
		fold = fold_length(p, end);
		if (fold == 0) {
			buf_addch(out, clean(*p++));
			continue;
		}
		line = p += fold - 1;
		while (p < end && text_is_blank(clean(*p)) &&
		    !fold_length(p, end))
			p++;
		if (p == end || fold_length(p, end) > 0)
			continue;
		buf_addstr(out, "\r\n");
		while (line < p)
			buf_addch(out, clean(*line++));
	}
}

size_t
header_name_length(const char *line, size_t len)
{
	size_t name = 0, colon;

	while (name < len && line[name] > ' ' && line[name] < 0x7f &&
	    line[name] != ':')
		name++;
	for (colon = name; colon < len && text_is_blank(line[colon]); colon++)
		;
	if (name > HEADER_NAME_MAX || colon == len || line[colon] != ':')
		return 0;
	return name;
}

/* Room for one more field. */
static struct header_field *
add_room(struct header *h)
{
	if (h->count == h->cap) {
		h->cap = h->cap == 0 ? 16 : 2 * h->cap;
		h->fields = xreallocarray(h->fields, h->cap,
		    sizeof *h->fields);
	}
	return &h->fields[h->count++];
}

/* A field is one block: how many headers share it, its name, its body, which is
 * written where it stays.  It is replaced later, but not written to again. */
static void
begin_field(struct buf *block, const char *name, size_t name_len,
    size_t body_len, size_t body_max)
{
	static const size_t holders = 1;
	size_t before = sizeof holders + name_len + 1;

	buf_init(block, before + body_max);
	buf_reserve(block, before + body_len);
	buf_add(block, &holders, sizeof holders);
	buf_add(block, name, name_len);
	buf_addch(block, '\0');
}

static void
end_field(struct header_field *field, struct buf *block, size_t name_len)
{
	void *holders = buf_detach(block);
	char *name = (char *)holders + sizeof *field->holders;

	*field = (struct header_field){ .holders = holders, .name = name,
	    .body = name + name_len + 1 };
}

static void
release_field(struct header_field *field)
{
	if (--*field->holders == 0)
		free(field->holders);
}

static void
parse_field(struct header *h, const char *text, size_t len, size_t name_len)
{
	const char *colon = memchr(text + name_len, ':', len - name_len);
	size_t body_len = (size_t)(text + len - colon - 1);
	struct buf field;

	/* An LF may become CRLF. */
	begin_field(&field, text, name_len, body_len, 2 * body_len);
	add_clean(&field, colon + 1, body_len);
	end_field(add_room(h), &field, name_len);
}

/* The length of a field with its continuations, the last line end included. */
static size_t
field_length(const char *text, size_t len)
{
	const char *p = text, *end = text + len, *lf;

	do {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			return len;
		p = lf + 1;
	} while (p < end && text_is_blank(*p));
	return (size_t)(p - text);
}

static size_t
without_line_end(const char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\n')
		len--;
	while (len > 0 && text[len - 1] == '\r')
		len--;
	return len;
}

static bool
is_mbox_line(const char *text, size_t len)
{
	return (len >= 5 && memcmp(text, "From ", 5) == 0) ||
	    (len >= 6 && memcmp(text, ">From ", 6) == 0);
}

int
header_parse(struct header *h, const char *text, size_t len, struct status *st)
{
	size_t at = 0, n, name_len;

	if (len > HEADER_MAX)
		return status_set(st, EX_DATAERR,
		    "header section longer than %d bytes", HEADER_MAX);
	if (is_mbox_line(text, len) && header_name_length(text, len) == 0)
		at = field_length(text, len);
	for (; at < len; at += n) {
		n = field_length(text + at, len - at);
		name_len = header_name_length(text + at, n);
		if (name_len == 0)
			return status_set(st, EX_DATAERR,
			    "a header line is no field");
		if (h->count >= HEADER_FIELDS_MAX)
			return status_set(st, EX_DATAERR,
			    "more than %d header fields", HEADER_FIELDS_MAX);
		parse_field(h, text + at, without_line_end(text + at, n),
		    name_len);
	}
	return 0;
}

void
header_copy(struct header *to, const struct header *from)
{
	size_t i;

	*to = (struct header){ .count = from->count, .cap = from->count };
	to->fields = xcalloc(from->count, sizeof *to->fields);
	for (i = 0; i < from->count; i++) {
		to->fields[i] = from->fields[i];
		++*to->fields[i].holders;
	}
}

void
header_release(struct header *h)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		release_field(&h->fields[i]);
	free(h->fields);
	*h = (struct header)HEADER_INIT;
}

ptrdiff_t
header_find(const struct header *h, const char *name, size_t from)
{
	size_t i;

	for (i = from; i < h->count; i++)
		if (strcasecmp(h->fields[i].name, name) == 0)
			return (ptrdiff_t)i;
	return -1;
}

char *
header_value(const struct header *h, const char *name)
{
	ptrdiff_t i = header_find(h, name, 0);
	const char *from;
	char *value, *to;

	if (i == -1)
		return NULL;
	from = h->fields[i].body;
	from += strspn(from, " \t\r\n");
	value = to = xstrdup(from);
	for (; *from != '\0'; from++)
		if (*from != '\r' && *from != '\n')
			*to++ = *from;
	while (to > value && text_is_blank(to[-1]))
		to--;
	*to = '\0';
	return value;
}

size_t
header_remove_if(struct header *h, bool (*unwanted)(const void *context,
    const struct header_field *field), const void *context)
{
	size_t i, kept = 0, removed;

	for (i = 0; i < h->count; i++)
		if (unwanted(context, &h->fields[i]))
			release_field(&h->fields[i]);
		else
			h->fields[kept++] = h->fields[i];
	removed = h->count - kept;
	h->count = kept;
	return removed;
}

static bool
has_name(const void *name, const struct header_field *field)
{
	return strcasecmp(field->name, name) == 0;
}

size_t
header_remove(struct header *h, const char *name)
{
	return header_remove_if(h, has_name, name);
}

void
header_delete(struct header *h, size_t i)
{
	release_field(&h->fields[i]);
	h->count--;
	memmove(h->fields + i, h->fields + i + 1,
	    (h->count - i) * sizeof *h->fields);
}

/* The end of the line of a body that starts at `p`; *next is where the line after
 * it starts.  A body has no CR but those of its folds. */
static const char *
line_end(const char *p, const char *body_end, const char **next)
{
	const char *end = memchr(p, '\r', (size_t)(body_end - p));

	*next = end != NULL ? end + 2 : body_end;
	return end != NULL ? end : body_end;
}

/* The white space in [p, end) before which to fold so that the first part has at
 * most `width` octets, or if there is none that short, the first; NULL if there
 * is none.  Neither part is only white space. */
static const char *
fold_point(const char *p, const char *end, size_t width)
{
	const char *best = NULL, *start = p;

	while (p < end && text_is_blank(*p))
		p++;
	while (p < end) {
		while (p < end && !text_is_blank(*p))
			p++;
		if (best != NULL && (size_t)(p - start) > width)
			return best;
		best = p;
		while (p < end && text_is_blank(*p))
			p++;
		if (p == end)
			return NULL;
		if ((size_t)(best - start) > width)
			return best;
	}
	return NULL;
}

/* A field as we write it: a blank, then the text, its long lines folded. */
static void
write_field(struct header_field *field, const char *name, const char *body)
{
	size_t name_len = strlen(name), used = name_len + 1;
	size_t len = strlen(body);
	const char *p, *next, *end, *fold, *body_end;
	struct buf clean, out;

	/* A fold adds a CR to an LF, or a CRLF to a blank. */
	buf_init(&clean, 2 * len + 1);
	if (*body != '\0' && !text_is_blank(*body))
		buf_addch(&clean, ' ');
	add_clean(&clean, body, len);
	/* What most texts grow by: to outgrow the block would double it. */
	begin_field(&out, name, name_len,
	    clean.len + clean.len / (LINE_MAX_NICE / 2), 6 * len + 3);
	body_end = clean.data + clean.len;
	for (p = clean.data; p < body_end; p = next) {
		end = line_end(p, body_end, &next);
		while ((size_t)(end - p) + used > LINE_MAX_NICE &&
		    (fold = fold_point(p, end, used < LINE_MAX_NICE ?
		    LINE_MAX_NICE - used : 0)) != NULL) {
			buf_add(&out, p, (size_t)(fold - p));
			buf_addstr(&out, "\r\n");
			p = fold;
			used = 0;
		}
		buf_add(&out, p, (size_t)(next - p));
		used = 0;
	}
	buf_release(&clean);
	end_field(field, &out, name_len);
}

void
header_append(struct header *h, const char *name, const char *body)
{
	write_field(add_room(h), name, body);
}

void
header_set(struct header *h, size_t i, const char *body)
{
	struct header_field old = h->fields[i];

	write_field(&h->fields[i], old.name, body);
	release_field(&old);
}

bool
header_is_8bit(const struct header *h)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		if (utf8_has_8bit(h->fields[i].body,
		    strlen(h->fields[i].body)))
			return true;
	return false;
}
