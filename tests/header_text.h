/* SPDX-License-Identifier: ISC
 *
 * A header section as it is sent, less the empty line, in one piece.
 */
#ifndef HEADER_TEXT_H
#define HEADER_TEXT_H

#include <stdlib.h>

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

#endif
