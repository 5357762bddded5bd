/* SPDX-License-Identifier: ISC
 *
 * A message as it was handed to us: all of stdin, read before anything else
 * happens, with its line ends made CRLF, in memory up to a limit and in an
 * unnamed file past it.  What is kept is "the message as read": header section,
 * empty line, body, wire-ready but for dot-stuffing.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/status.h"
#include "mail/header.h"

#ifndef MESSAGE_MEMORY_MAX	/* a fuzz target has it small */
#define MESSAGE_MEMORY_MAX	(128 * 1024)	/* past this it goes to the file */
#endif

struct message {
	/* The bytes: `memory` until `fd` is not -1, then all of them in the
	 * file, from its offset 0. */
	struct buf	memory;
	int		fd;
	bool		linkable;	/* the file can be given a name */
	int64_t		size;		/* bytes kept, header and body */
	int64_t		body_offset;	/* where the body begins */
	struct header	header;		/* parsed; changes are not written back */
	/* What was seen on the way. */
	bool		is_empty;	/* not one byte came */
	bool		header_8bit, body_8bit;
	size_t		longest_body_line;	/* octets without CRLF */
	bool		had_nul, had_bare_cr;	/* repaired, worth a log line */
};

#define MESSAGE_INIT { .fd = -1, .memory = { .data = (char []){ 0 } } }

struct message_options {
	bool	 dot_ends;	/* without -i: a lone dot ends the message and a
				 * leading dot is un-stuffed */
	bool	 smtp;		/* read by -bs: the dot must come; EOF before it
				 * is an error; where commands end in CRLF, it
				 * stands between CRLFs, and a bare LF is text */
	int64_t	 max_size;	/* past it EX_DATAERR, the rest is read away;
				 * 0: none */
	int	 directory;	/* where the file goes; -1: memory only, and
				 * past MESSAGE_MEMORY_MAX EX_CANTCREAT */
	int64_t	 reserve;	/* free space that the file leaves there, else
				 * EX_CANTCREAT; 0: none */
};

/* Reads a message from `fd` to its end (or lone dot, after which the rest is
 * read and thrown away unless `smtp`).  No time limit.  Line ends are decided
 * line by line: LF, CRLF and CR CRLF (any number of CRs before LF) become CRLF;
 * any other CR becomes a blank; NULs are left out; a last line without an end
 * gets one.  The header ends at the first empty line, or before the first line
 * that is neither field nor continuation; a message without one gets an empty
 * body.  An mbox line ("From ", ">From ") is dropped if a field follows; if not,
 * it is text that happens to begin so.  EX_IOERR when reading fails, EX_DATAERR
 * past the limits, EX_CANTCREAT when there is no room for the file, EX_IOERR when
 * it cannot be written; whatever fails, fd has been read to its end if that was
 * possible (callers die of SIGPIPE otherwise). */
int	message_read(struct message *m, int fd, const struct message_options *o,
	    struct status *st);
/* The same over a buffered reader that -bs shares with its command loop. */
struct line_source;
int	message_read_from(struct message *m, struct line_source *source,
	    const struct message_options *o, struct status *st);
/* Takes a message that lies in a file already (the spool): `size` bytes from
 * offset 0; the descriptor becomes the message's on success.  Reads all of it:
 * what is not in the form that message_read() keeps is EX_DATAERR, what cannot
 * be read EX_IOERR. */
int	message_open(struct message *m, int fd, int64_t size, int64_t body_offset,
	    struct status *st);
/* Private to the reader: adds what is in memory to the file, which is made when
 * it is first needed, and empties the memory. */
int	message_flush(struct message *m, int directory, struct status *st);
void	message_release(struct message *m);

/* Bytes `offset` to `offset + len` of the message as read, `len` shortened at
 * its end; -1 and EX_IOERR when the file cannot be read.  A truncated file is an
 * error, never silence. */
ssize_t	message_pread(const struct message *m, void *to, size_t len,
	    int64_t offset, struct status *st);

#endif
