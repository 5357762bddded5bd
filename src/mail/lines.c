/* SPDX-License-Identifier: ISC */
#include "mail/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"

void
line_source_init(struct line_source *s, int fd)
{
	*s = (struct line_source){ .fd = fd, .data = xmalloc(LINES_BUFFER) };
}

void
line_source_release(struct line_source *s)
{
	free(s->data);
	s->data = NULL;
}

/* read(2), seeing to signals and to a descriptor that its owner has made
 * non-blocking. */
static ssize_t
read_some(int fd, char *to, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (;;) {
		n = read(fd, to, size);
		if (n != -1 || (errno != EINTR && errno != EAGAIN))
			return n;
		if (errno == EAGAIN)
			poll(&p, 1, -1);
	}
}

/* Reads what is there behind what has not been taken, which moves to the front
 * to make room.  0 when nothing comes any more. */
static ssize_t
fill(struct line_source *s, struct status *st)
{
	ssize_t n;

	if (s->at > 0) {
		memmove(s->data, s->data + s->at, s->end - s->at);
		s->end -= s->at;
		s->at = 0;
	}
	if (s->eof)
		return 0;
	n = read_some(s->fd, s->data + s->end, LINES_BUFFER - s->end);
	if (n == -1)
		return status_set_errno(st, EX_IOERR, "reading the input");
	s->eof = n == 0;
	s->end += (size_t)n;
	return n;
}

/* Sees to it that a whole line is in the buffer, unless that is full or the
 * input at its end. */
static int
fill_line(struct line_source *s, struct status *st)
{
	size_t seen = 0, left;
	ssize_t n;

	for (;;) {
		left = s->end - s->at;
		if (memchr(s->data + s->at + seen, '\n', left - seen) != NULL ||
		    left == LINES_BUFFER)
			return 0;
		seen = left;
		n = fill(s, st);
		if (n <= 0)
			return (int)n;
	}
}

ssize_t
line_source_peek(struct line_source *s, const char **text, struct status *st)
{
	const char *start, *end;

	if (fill_line(s, st) == -1)
		return -1;
	*text = start = s->data + s->at;
	for (end = s->data + s->end; end > start && end[-1] != '\n'; end--)
		;
	if (end == start)
		end = s->data + s->end;
	return end - start;
}

ssize_t
line_source_peek_line(struct line_source *s, const char **line,
    struct status *st)
{
	const char *start, *lf;

	if (fill_line(s, st) == -1)
		return -1;
	*line = start = s->data + s->at;
	lf = memchr(start, '\n', s->end - s->at);
	return lf != NULL ? lf + 1 - start : (ssize_t)(s->end - s->at);
}

void
line_source_take(struct line_source *s, size_t len)
{
	s->at += len;
}

/* Adds to the line what there is room for. */
static void
copy_piece(char *line, size_t size, size_t *len, const char *piece, size_t n,
    bool *too_long)
{
	size_t room = size - 1 - *len;

	*too_long |= n > room;
	if (n > room)
		n = room;
	memcpy(line + *len, piece, n);
	*len += n;
}

int
line_source_next(struct line_source *s, char *line, size_t size, size_t *len,
    bool *too_long, struct status *st)
{
	const char *piece;
	bool ended = false;
	ssize_t n, text;

	*len = 0;
	*too_long = false;
	for (;;) {
		n = line_source_peek_line(s, &piece, st);
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		ended = piece[n - 1] == '\n';
		s->crlf = ended && n > 1 && piece[n - 2] == '\r';
		for (text = n - ended; ended && text > 0 &&
		    piece[text - 1] == '\r'; text--)
			;
		copy_piece(line, size, len, piece, (size_t)text, too_long);
		line_source_take(s, (size_t)n);
		if (ended)
			break;
	}
	line[*len] = '\0';
	return *len > 0 || ended;
}

void
line_source_drain(struct line_source *s)
{
	if (isatty(s->fd))
		return;
	s->at = s->end = 0;
	while (!s->eof && read_some(s->fd, s->data, LINES_BUFFER) > 0)
		;
	s->eof = true;
}
