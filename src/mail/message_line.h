/* SPDX-License-Identifier: ISC
 *
 * The lines of a message on its way in: where one ends, and whose a dot at its
 * start is.  A line longer than the reader's buffer comes in pieces.  Pure
 * functions; inside mail/ only.
 */
#ifndef MESSAGE_LINE_H
#define MESSAGE_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct message_line {
	bool	dots;		/* dots at the start of a line mean something */
	bool	smtp;		/* read by -bs */
	bool	strict;		/* only CRLF.CRLF ends the message */
	bool	after_crlf;	/* the line before ended so */
	bool	in_line;	/* what comes next continues a line */
};

/* All take what the reader saw from the start of a line, or of a piece of one,
 * on: `len` bytes, at least one. */

/* Whether that is all of the line. */
bool	message_line_is_whole(const char *line, size_t len);
/* How much of it to take now. */
size_t	message_line_piece(const char *line, size_t len);
/* How much of that is text, without line end. */
size_t	message_line_content(const char *line, size_t len);
/* Whether it ends the message. */
bool	message_line_is_lone_dot(const struct message_line *l, const char *line,
	    size_t len);
/* Whether its first byte is a dot that is not the text's. */
bool	message_line_is_stuffed(const struct message_line *l, const char *line,
	    size_t len);
/* It was taken: how has it ended? */
void	message_line_note_end(struct message_line *l, const char *line,
	    size_t len);

#endif
