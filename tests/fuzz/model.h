/* SPDX-License-Identifier: ISC
 *
 * What message.h promises, once more and as simply as it can be said: with all
 * of the input in memory, line by line.  Slow, and no relation of the reader
 * that it is held against.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct model {
	/* How it is read. */
	bool		dots;		/* dots at the start of a line count */
	bool		smtp;		/* by -bs */
	bool		strict;		/* whose commands end in CRLF */
	/* What comes of it. */
	struct buf	stored;		/* header, empty line, body */
	size_t		body_offset;
	size_t		used;		/* of the input, with the lone dot */
	bool		ended;		/* there was a lone dot */
	bool		had_nul, had_bare_cr;
	/* Private. */
	struct buf	head, body;
	size_t		mbox, mbox_lines;	/* length and number of mbox lines */
	size_t		fields;
	bool		in_body;
	bool		after_crlf;	/* the line before ended so */
};

/* False for what the reader has its own mind about: a line of so many CRs that
 * they fill its buffer. */
bool	model_covers(const char *bytes, size_t len);
void	model_read(struct model *m, const char *bytes, size_t len);
void	model_release(struct model *m);

#endif
