/* SPDX-License-Identifier: ISC */
#include "mail/message_line.h"

#include <string.h>

#include "mail/lines.h"

/* How much of `len` bytes that begin a line are text: its LF and the CRs before
 * that are the line end.  A last line without LF is treated alike, since a
 * CR before the end of the input is half of a CRLF. */
static size_t
text_length(const char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\n')
		len--;
	while (len > 0 && line[len - 1] == '\r')
		len--;
	return len;
}

/* A piece of a line that is longer than the reader's buffer must not end in a
 * CR: whether that belongs to the line end shows in the next piece. */
size_t
message_line_piece(const char *piece, size_t len)
{
	size_t without;

	if (len < LINES_BUFFER || piece[len - 1] == '\n')
		return len;
	without = text_length(piece, len);
	return without > 0 ? without : len;
}

bool
message_line_is_whole(const char *line, size_t len)
{
	return line[len - 1] == '\n' || len < LINES_BUFFER;
}

/* The text of a line, or of a piece of one. */
size_t
message_line_content(const char *line, size_t len)
{
	return message_line_is_whole(line, len) ? text_length(line, len) :
	    message_line_piece(line, len);
}

/* A client that ends its commands in CRLF has stuffed the dots that stand behind
 * one.  A dot behind a bare LF is a stranger's text that it passed on, and what
 * follows must not become commands (SMTP smuggling, RFC 5321 2.3.8, 4.1.1.4). */
static bool
is_smuggled(const struct message_line *l)
{
	return l->strict && !l->after_crlf;
}

/* How a line that was taken has ended. */
void
message_line_note_end(struct message_line *l, const char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\n')
		l->after_crlf = len > 1 && line[len - 2] == '\r';
}

/* A lone dot counts at the very end of the input, too, without a line end; but
 * in -bs that is a connection that broke. */
bool
message_line_is_lone_dot(const struct message_line *l, const char *line,
    size_t len)
{
	if (is_smuggled(l) ||
	    (l->strict && (len != 3 || memcmp(line, ".\r\n", 3) != 0)))
		return false;
	return l->dots && !l->in_line && line[0] == '.' &&
	    text_length(line, len) == 1 && message_line_is_whole(line, len) &&
	    (line[len - 1] == '\n' || !l->smtp);
}

/* Whether a leading dot is not the text's.  In SMTP every one is (RFC 5321
 * 4.5.2).  Of piped text sendmail un-stuffs ".." and leaves ".x" alone, which is
 * right for callers that stuff (Symfony) and for the many that do not. */
bool
message_line_is_stuffed(const struct message_line *l, const char *line,
    size_t len)
{
	return l->dots && !l->in_line && line[0] == '.' && !is_smuggled(l) &&
	    (l->smtp || (len > 1 && line[1] == '.'));
}
