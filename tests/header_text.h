/* SPDX-License-Identifier: ISC
 *
 * A header section as it is sent, less the empty line, in one piece; and as it
 * comes.
 */
#ifndef HEADER_TEXT_H
#define HEADER_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "mail/header.h"

/* Adds it to `out`, in pieces as small as they may be, and larger ones. */
static inline void
header_text(const struct header *h, struct buf *out)
{
	char piece[3 * HEADER_LINE_SENT];
	size_t room = HEADER_LINE_SENT, before = out->len, n;
	struct header_reader r;

	header_reader_init(&r, h);
	while ((n = header_read(&r, piece, room)) != 0) {
		if (n > room)
			abort();
		buf_add(out, piece, n);
		room = room == sizeof piece ? HEADER_LINE_SENT : sizeof piece;
	}
	if (header_size(h) != (int64_t)(out->len - before))
		abort();
	buf_truncate(out, out->len - 2);
}

/* Text with LF, as a test has it, with CRLF, as a header has; to be freed. */
static inline char *
with_crlf(const char *text)
{
	char *out = malloc(2 * strlen(text) + 1), *p = out;

	for (; *text != '\0'; text++) {
		if (*text == '\n')
			*p++ = '\r';
		*p++ = *text;
	}
	*p = '\0';
	return out;
}

#endif
