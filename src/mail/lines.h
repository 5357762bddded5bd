/* SPDX-License-Identifier: ISC
 *
 * A buffered reader of lines: of stdin, which may be a pipe, a socket, a file, a
 * terminal or /dev/null.  The command loop of -bs and the reader of messages
 * share one, so that input which came in one write is not lost between them.
 *
 * Text is looked at first and taken then: what is not taken is there again.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

#ifndef LINES_BUFFER		/* a fuzz target has it small */
#define LINES_BUFFER	(64 * 1024)	/* the longest line seen in one piece */
#endif

struct line_source {
	int	 fd;
	char	*data;
	size_t	 at, end;	/* what has been read and not taken */
	bool	 eof;
	bool	 crlf;		/* the last command ended so, and not in LF */
};

/* Does not read yet; the descriptor stays the caller's. */
void	line_source_init(struct line_source *s, int fd);
void	line_source_release(struct line_source *s);

/* Waits for a whole line and gives all whole lines there are, each up to and
 * with its LF; a line longer than LINES_BUFFER comes in pieces of that size,
 * a last line without LF as it is.  How long that is, 0 at the end of the input,
 * -1 with EX_IOERR.  There is no time limit: cron holds the pipe open until its
 * job is done.  The text stays valid until the next call. */
ssize_t	line_source_peek(struct line_source *s, const char **text,
	    struct status *st);
/* The same for one line. */
ssize_t	line_source_peek_line(struct line_source *s, const char **line,
	    struct status *st);
/* Takes `len` bytes of what was seen. */
void	line_source_take(struct line_source *s, size_t len);

/* One command: takes a line and copies it to `line`, without its LF and the CRs
 * before that.  Its length is in *len, because a stranger may send NULs.  What
 * does not fit in `size` is taken too, and *too_long set.  1, 0 at the end of
 * the input, -1 with EX_IOERR. */
int	line_source_next(struct line_source *s, char *line, size_t size,
	    size_t *len, bool *too_long, struct status *st);

/* Reads to the end and throws away, because a caller that is still writing
 * would die of SIGPIPE; but does not wait for the end of a terminal. */
void	line_source_drain(struct line_source *s);

#endif
