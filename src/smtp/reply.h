/* SPDX-License-Identifier: ISC
 *
 * One reply of a server (RFC 5321 4.2), put together line by line and judged.
 * No I/O.
 *
 * What a reply may not be is refused by name: a line too short, a code that is
 * none, a code that changes inside the reply, too many lines, too many octets.
 * Control bytes are let through as '?': a reply after the data that is thrown
 * away for a stray byte makes a duplicate, and nothing here interprets them.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define REPLY_LINES_MAX	100
#define REPLY_MAX	(64 * 1024)	/* octets of text in all */

struct reply {
	int		 code;		/* 200 to 599; 0: nothing yet */
	char		 enhanced[12];	/* RFC 3463, "" if none */
	int		 lines;
	struct buf	 text;		/* the lines' text, '\n' between them */
};

void	reply_init(struct reply *r);
/* Forgets the reply, for the next one; keeps the allocation. */
void	reply_reset(struct reply *r);
void	reply_release(struct reply *r);

/* Adds one line (without its line end).  Returns 1 when the reply is complete,
 * 0 when more must follow, -1 when it is refused: *why says what is wrong with
 * it, as the end of the sentence "the reply ...". */
int	reply_add_line(struct reply *r, const char *line, size_t len,
	    const char **why);
/* Whether `text`, which may be the beginning of more, has all of a reply, or more
 * than one may have: then nothing needs to be waited for. */
bool	reply_is_there(const char *text, size_t len);
/* The server's words as one line: enhanced status codes removed, lines joined
 * by a blank, cut at `size`. */
void	reply_words(const struct reply *r, char *to, size_t size);

#endif
