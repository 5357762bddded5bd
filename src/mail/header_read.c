/* SPDX-License-Identifier: ISC
 *
 * The header section on its way out.  Pulled and not written in one piece: as
 * large as it may be, it is in memory once.
 */
#include <string.h>

#include "base/text.h"
#include "mail/header.h"

#define LINE_MAX_SENT	(HEADER_LINE_SENT - 2)	/* RFC 5322 2.1.1 */

/* Octets up to the fold or the end of the body, or one more than a line may
 * have.  A body has no CR but those of its folds. */
static size_t
line_length(const char *p)
{
	size_t len = strnlen(p, LINE_MAX_SENT + 1);
	const char *cr = memchr(p, '\r', len);

	return cr != NULL ? (size_t)(cr - p) : len;
}

/* How much of a line that is too long goes on the first one: up to white space,
 * or to where no UTF-8 character is cut in two. */
static size_t
break_point(const char *p, size_t room)
{
	const char *q;
	size_t i;

	for (q = p + room; q > p + 1; q--)
		if (text_is_blank(*q) && !text_is_blank(q[-1]))
			return (size_t)(q - p);
	for (i = 0; i < 3; i++)
		if (((unsigned char)p[room - i] & 0xc0) != 0x80)
			return room - i;
	return room;
}

/* What stands before the text on this line: the name, or the blank behind our
 * own line break. */
static char *
put_start(struct header_reader *r, char *to)
{
	const struct header_field *f = &r->header->fields[r->field];

	if (r->is_broken)
		*to++ = ' ';
	if (r->at != NULL)
		return to;
	r->at = f->body;
	to = mempcpy(to, f->name, strlen(f->name));
	*to++ = ':';
	return to;
}

/* Text for `room` octets.  White space where a line is broken is squeezed: no line
 * of nothing else comes of it. */
static char *
put_text(struct header_reader *r, char *to, size_t room)
{
	size_t len = line_length(r->at);

	if (len > room) {
		while (text_is_blank(r->at[0]) && text_is_blank(r->at[1]))
			r->at++;
		len = line_length(r->at);
	}
	r->is_broken = len > room;
	if (r->is_broken)
		len = break_point(r->at, room);
	to = mempcpy(to, r->at, len);
	r->at += len;
	if (r->is_broken) {
		while (text_is_blank(*r->at))
			r->at++;
		r->is_broken = *r->at != '\r' && *r->at != '\0';
	}
	return to;
}

/* The next line starts behind the fold, or with the next field. */
static void
go_on(struct header_reader *r)
{
	if (r->is_broken)
		return;
	if (*r->at == '\r')
		r->at += 2;
	else {
		r->at = NULL;
		r->field++;
	}
}

static char *
put_line(struct header_reader *r, char *to)
{
	char *start = to;

	if (r->field < r->header->count) {
		to = put_start(r, to);
		to = put_text(r, to, LINE_MAX_SENT - (size_t)(to - start));
		go_on(r);
	} else
		r->is_over = true;
	return mempcpy(to, "\r\n", 2);
}

void
header_reader_init(struct header_reader *r, const struct header *h)
{
	*r = (struct header_reader){ .header = h };
}

size_t
header_read(struct header_reader *r, char *to, size_t size)
{
	char *at = to;

	while (!r->is_over && size - (size_t)(at - to) >= HEADER_LINE_SENT)
		at = put_line(r, at);
	return (size_t)(at - to);
}

int64_t
header_size(const struct header *h)
{
	char piece[4 * HEADER_LINE_SENT];
	struct header_reader r;
	int64_t size = 0;
	size_t n;

	header_reader_init(&r, h);
	while ((n = header_read(&r, piece, sizeof piece)) != 0)
		size += (int64_t)n;
	return size;
}
