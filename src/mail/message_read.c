/* SPDX-License-Identifier: ISC
 *
 * Reading a message, once, in the order it comes.  The header is gathered line
 * by line; the body goes block by block straight to where it is kept, so that a
 * long one costs one pass of memchr(3) and one copy.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/text.h"
#include "mail/lines.h"
#include "mail/message.h"
#include "mail/message_line.h"
#include "mail/utf8.h"

/* What a block may grow to when each LF becomes a CRLF, and a last line gets
 * one. */
#define GROWN(len)	(2 * (len) + 2)
#define MEMORY_ROOM	(MESSAGE_MEMORY_MAX + GROWN(LINES_BUFFER))
#define MBOX_LINES_MAX	2	/* UUCP left ">From " beside "From " */
#define HEAD_ROOM	(HEADER_MAX + LINES_BUFFER + 4)

struct reader {
	struct message	*m;
	struct line_source *source;
	const struct message_options *options;
	struct message_line line;	/* where we are */
	bool	 ended;		/* the lone dot was seen */
	size_t	 column;	/* octets of the body line so far */
	int64_t	 flushed;	/* bytes in the file already */
	struct buf head;	/* the header section so far */
	size_t	 mbox;		/* length of the mbox lines at its start */
	size_t	 mbox_lines, mbox_longest;
	size_t	 fields;
};

/* Copies text without line end: no NUL, and no CR, which is a blank then. */
static char *
copy_repaired(struct message *m, char *to, const char *text, size_t len)
{
	const char *end = text + len;

	for (; text < end; text++) {
		if (*text == '\0') {
			m->had_nul = true;
			continue;
		}
		m->had_bare_cr |= *text == '\r';
		*to++ = *text == '\r' ? ' ' : *text;
	}
	return to;
}

/* An unfinished message has no name and no owner that anybody could see, and
 * may stay unfinished for ever. */
static int
check_room(const struct message_options *o, struct status *st)
{
	struct statvfs fs;

	if (o->reserve <= 0 || o->directory == -1 ||
	    fstatvfs(o->directory, &fs) == -1 || fs.f_blocks == 0 ||
	    (int64_t)(fs.f_bavail * fs.f_frsize) >= o->reserve)
		return 0;
	status_set(st, EX_CANTCREAT, "no room on disk for a message of more than "
	    "%d bytes", MESSAGE_MEMORY_MAX);
	return status_hint(st, "free space where the spool is: %" PRId64 " bytes "
	    "must stay free, twice spool-reserve, while a message comes in",
	    o->reserve);
}

/* Past its limit what is in memory goes to the file. */
static int
settle(struct reader *r, struct status *st)
{
	struct message *m = r->m;
	int64_t max = r->options->max_size;
	size_t kept = m->memory.len;

	m->size = r->flushed + (int64_t)kept;
	if (max > 0 && m->size > max) {
		status_set(st, EX_DATAERR,
		    "message larger than %lld bytes", (long long)max);
		return status_hint(st, "raise max-message-size if the server "
		    "takes more");
	}
	if (kept <= MESSAGE_MEMORY_MAX)
		return 0;
	if (check_room(r->options, st) == -1 ||
	    message_flush(m, r->options->directory, st) == -1)
		return -1;
	r->flushed += (int64_t)kept;
	return 0;
}

static int
keep(struct reader *r, const char *bytes, size_t len, struct status *st)
{
	size_t n;

	for (; len > 0; bytes += n, len -= n) {
		n = len < LINES_BUFFER ? len : LINES_BUFFER;
		buf_add(&r->m->memory, bytes, n);
		if (settle(r, st) == -1)
			return -1;
	}
	return 0;
}

enum line_kind { LINE_EMPTY, LINE_FIELD, LINE_CONTINUES, LINE_MBOX, LINE_BODY };

/* A line of white space continues the field before it, as in Postfix and by
 * RFC 5322 4.2: PHP scripts that join recipients with ",\r\n " leave one behind
 * in the middle of their header, and if it ended the header there, a Bcc after
 * it would be mailed to everybody. */
static enum line_kind
kind_of(const struct reader *r, const char *line, size_t len, bool whole)
{
	if (len == 0 && whole)
		return LINE_EMPTY;
	if (len > 0 && text_is_blank(line[0]) && r->fields > 0)
		return LINE_CONTINUES;
	if (header_name_length(line, len) > 0)
		return LINE_FIELD;
	if (line == r->head.data + r->mbox && whole &&
	    r->mbox_lines < MBOX_LINES_MAX && (
	    (len >= 5 && memcmp(line, "From ", 5) == 0) ||
	    (len >= 6 && memcmp(line, ">From ", 6) == 0)))
		return LINE_MBOX;
	return LINE_BODY;
}

/* Adds a line, or a piece of one, to the header section, and says what it is. */
static enum line_kind
add_to_head(struct reader *r, const char *text, size_t len, bool whole)
{
	struct buf *head = &r->head;
	size_t start = head->len;
	enum line_kind kind = LINE_CONTINUES;

	buf_reserve(head, len + 2);	/* HEAD_ROOM has room for it */
	head->len = (size_t)(copy_repaired(r->m, head->data + start, text,
	    len) - head->data);
	head->data[head->len] = '\0';
	if (!r->line.in_line)
		kind = kind_of(r, head->data + start, head->len - start, whole);
	if (kind == LINE_EMPTY || kind == LINE_BODY)
		buf_truncate(head, start);
	else if (whole)
		buf_addstr(head, "\r\n");
	return kind;
}

/* What was added is a line of a mailbox file, or turns out to be the body's. */
static void
note_mbox_line(struct reader *r)
{
	size_t len = r->head.len - r->mbox - 2;

	if (len > r->mbox_longest)
		r->mbox_longest = len;
	r->mbox = r->head.len;
	r->mbox_lines++;
}

/* One line, or piece of one.  1: it belongs to the header; 0: the header ends
 * here; -1. */
static int
read_header_line(struct reader *r, const char *line, size_t len,
    struct status *st)
{
	bool whole = message_line_is_whole(line, len);
	size_t used = message_line_piece(line, len);
	size_t skip = message_line_is_stuffed(&r->line, line, len);
	enum line_kind kind;

	if (message_line_is_lone_dot(&r->line, line, len)) {
		r->ended = true;
		line_source_take(r->source, len);
		return 0;
	}
	kind = add_to_head(r, line + skip, message_line_content(line, len) - skip,
	    whole);
	if (r->head.len > HEADER_MAX)
		return status_set(st, EX_DATAERR,
		    "header section longer than %d bytes", HEADER_MAX);
	/* After what looked like an mbox line, but is not followed by a field,
	 * the empty line is part of the text. */
	if (kind == LINE_BODY ||
	    (kind == LINE_EMPTY && r->mbox > 0 && r->fields == 0))
		return 0;
	message_line_note_end(&r->line, line, used);
	line_source_take(r->source, used);
	r->line.in_line = !whole;
	if (kind == LINE_MBOX)
		note_mbox_line(r);
	r->fields += kind == LINE_FIELD;
	return kind != LINE_EMPTY;
}

/* Keeps the header section with the empty line after it. */
static int
finish_header(struct reader *r, struct status *st)
{
	struct message *m = r->m;
	struct buf *head = &r->head;

	if (r->fields > 0)
		buf_consume(head, r->mbox);
	else if (r->mbox > 0) {
		/* They were no mbox lines, but the first of the body. */
		m->body_offset = 2;
		m->body_8bit = utf8_has_8bit(head->data, head->len);
		m->longest_body_line = r->mbox_longest;
		return keep(r, "\r\n", 2, st) == -1 ? -1 :
		    keep(r, head->data, head->len, st);
	}
	m->header_8bit = utf8_has_8bit(head->data, head->len);
	m->body_offset = (int64_t)head->len + 2;
	if (header_parse(&m->header, head->data, head->len, st) == -1)
		return -1;
	return keep(r, head->data, head->len, st) == -1 ? -1 :
	    keep(r, "\r\n", 2, st);
}

static int
read_header(struct reader *r, struct status *st)
{
	const char *line;
	ssize_t n;
	int more = 1;

	while (more == 1) {
		n = line_source_peek_line(r->source, &line, st);
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		more = read_header_line(r, line, (size_t)n, st);
		if (more == -1)
			return -1;
	}
	if (r->line.in_line)		/* cut off after a piece of 64 KiB */
		buf_addstr(&r->head, "\r\n");
	r->line.in_line = false;
	return finish_header(r, st);
}

/* A line of the body is complete. */
static void
end_line(struct reader *r)
{
	if (r->column > r->m->longest_body_line)
		r->m->longest_body_line = r->column;
	r->column = 0;
	r->line.in_line = false;
}

/* Text without line end, in the common case copied as it is. */
static char *
copy_text(struct message *m, char *to, const char *text, size_t len,
    bool to_check)
{
	if (to_check && (memchr(text, '\r', len) != NULL ||
	    memchr(text, '\0', len) != NULL))
		return copy_repaired(m, to, text, len);
	memcpy(to, text, len);
	return to + len;
}

/* Copies one line, or a piece of one, less the dot if it is stuffed. */
static char *
copy_line(struct reader *r, char *to, const char *line, size_t len,
    bool to_check)
{
	size_t skip = message_line_is_stuffed(&r->line, line, len);
	char *end = copy_text(r->m, to, line + skip,
	    message_line_content(line, len) - skip, to_check);

	r->column += (size_t)(end - to);
	r->line.in_line = true;
	if (message_line_is_whole(line, len)) {
		end_line(r);
		*end++ = '\r';
		*end++ = '\n';
	}
	return end;
}

/* Most lines: no dot in front, a bare LF behind, and nothing to repair. */
static char *
copy_plain_line(struct reader *r, char *to, const char *line, size_t len)
{
	memcpy(to, line, len);
	r->column += len;
	end_line(r);
	r->line.after_crlf = false;
	to[len] = '\r';
	to[len + 1] = '\n';
	return to + len + 2;
}

/* Copies lines to where there is room for them, grown.  Returns the end of what
 * was used: all but what stands behind a lone dot. */
static const char *
copy_lines(struct reader *r, char **to, const char *p, const char *end)
{
	bool to_check = memchr(p, '\0', (size_t)(end - p)) != NULL ||
	    memchr(p, '\r', (size_t)(end - p)) != NULL;
	const char *lf = p;
	size_t len;

	while (p < end && !r->ended && lf != NULL) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf != NULL && !to_check && *p != '.') {
			*to = copy_plain_line(r, *to, p, (size_t)(lf - p));
			p = lf + 1;
			continue;
		}
		len = (size_t)((lf != NULL ? lf + 1 : end) - p);
		if (message_line_is_lone_dot(&r->line, p, len))
			r->ended = true;
		else
			*to = copy_line(r, *to, p, len, to_check);
		message_line_note_end(&r->line, p, len);
		p += message_line_piece(p, len);
	}
	return p;
}

/* Adds a block of whole lines, or a piece of one; how much of it was used. */
static size_t
add_block(struct reader *r, const char *block, size_t len)
{
	struct buf *memory = &r->m->memory;
	size_t before = memory->len;
	const char *end;
	char *to;

	buf_reserve(memory, GROWN(len));	/* MEMORY_ROOM has room for it */
	to = memory->data + before;
	end = copy_lines(r, &to, block, block + len);
	memory->len = (size_t)(to - memory->data);
	memory->data[memory->len] = '\0';
	if (!r->m->body_8bit)
		r->m->body_8bit = utf8_has_8bit(memory->data + before,
		    memory->len - before);
	return (size_t)(end - block);
}

static int
read_body(struct reader *r, struct status *st)
{
	const char *block;
	ssize_t n;

	while (!r->ended) {
		n = line_source_peek(r->source, &block, st);
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		line_source_take(r->source, add_block(r, block, (size_t)n));
		if (settle(r, st) == -1)
			return -1;
	}
	if (r->options->smtp && !r->ended)
		return status_set(st, EX_IOERR,
		    "connection closed in the middle of DATA");
	if (!r->line.in_line)
		return 0;
	end_line(r);
	return keep(r, "\r\n", 2, st);
}

/* Whatever happened, the caller can go on writing: all of stdin is read, or in
 * -bs the rest of the message. */
static void
skip_rest(struct reader *r)
{
	struct status ignored = STATUS_INIT;
	const char *line;
	size_t used;
	ssize_t n;

	if (!r->options->smtp) {
		line_source_drain(r->source);
		return;
	}
	while (!r->ended &&
	    (n = line_source_peek_line(r->source, &line, &ignored)) > 0) {
		used = message_line_piece(line, (size_t)n);
		r->ended = message_line_is_lone_dot(&r->line, line,
		    (size_t)n);
		r->line.in_line = line[used - 1] != '\n';
		message_line_note_end(&r->line, line, used);
		line_source_take(r->source, used);
	}
}

int
message_read_from(struct message *m, struct line_source *source,
    const struct message_options *o, struct status *st)
{
	struct reader r = { .m = m, .source = source, .options = o,
	    .line = { .dots = o->dot_ends || o->smtp, .smtp = o->smtp,
	    .strict = o->smtp && source->crlf, .after_crlf = true } };
	const char *text;
	int result = -1;
	ssize_t n;

	buf_init(&m->memory, MEMORY_ROOM);
	buf_init(&r.head, HEAD_ROOM);
	if ((n = line_source_peek(source, &text, st)) == -1)
		goto out;
	m->is_empty = n == 0;
	if (read_header(&r, st) == -1 || read_body(&r, st) == -1)
		goto out;
	if (m->fd != -1 && message_flush(m, o->directory, st) == -1)
		goto out;
	if (m->fd != -1)
		buf_release(&m->memory);
	result = 0;
out:
	if (result == -1 || !o->smtp)
		skip_rest(&r);
	if (result == -1)
		message_release(m);
	buf_release(&r.head);
	return result;
}

int
message_read(struct message *m, int fd, const struct message_options *o,
    struct status *st)
{
	struct line_source source;
	int result;

	line_source_init(&source, fd);
	result = message_read_from(m, &source, o, st);
	line_source_release(&source);
	return result;
}
