/* SPDX-License-Identifier: ISC
 *
 * How the body goes out: as it is, or repaired where SMTP would not carry it.
 */
#ifndef BODY_H
#define BODY_H

#include "base/status.h"
#include "mail/header.h"
#include "mail/message.h"

#define BODY_LINE_MAX	998	/* RFC 5321 4.5.3.1.6, without CRLF */

enum body_encoding {
	BODY_AS_IS,
	BODY_QUOTED_PRINTABLE,	/* re-encoded, RFC 2045 6.7 */
	BODY_SOFT_BREAKS,	/* it is quoted-printable: "=" CRLF there */
	BODY_BREAK_LINES	/* CRLF SPACE before octet 999 of a line */
};

struct body_plan {
	enum body_encoding encoding;
	bool	 is_8bit;	/* what goes out has bytes over 127 */
};

/* Decides, and makes the header agree (Content-Transfer-Encoding, MIME-Version,
 * Content-Type with a charset for 8-bit text that has none: UTF-8 if all of the
 * body is valid UTF-8, else the `charset` given, else ISO-8859-1).  Lines over
 * 998: quoted-printable if the message is one text part without a
 * Content-Transfer-Encoding (or 7bit, 8bit), else broken: by soft breaks, which
 * change no text, if it is one part that is quoted-printable already.
 * `server_8bit`: whether 8BITMIME was offered; without it 8-bit single text parts
 * are re-encoded.
 * Multipart and signed bodies pass byte for byte unless a line is too long. */
int	body_plan(struct body_plan *plan, struct header *h,
	    const struct message *m, bool server_8bit, const char *charset,
	    struct status *st);

/* Pulls the body in its final form, piece by piece. */
struct body_reader {
	const struct message *message;
	enum body_encoding encoding;
	int64_t	 offset;
	size_t	 column;	/* octets on the current output line */
	/* private to body_reader.c */
	size_t	 left;		/* octets to copy to the end of that line */
	bool	 soft_break;	/* where the message goes on in it */
	unsigned char	carry[8];
	size_t	 carried;
};

void	body_reader_init(struct body_reader *r, const struct message *m,
	    const struct body_plan *plan);
/* Up to `size` (at least 64) bytes into `to`; 0 at the end, -1 on failure. */
ssize_t	body_read(struct body_reader *r, char *to, size_t size,
	    struct status *st);
/* Exact number of bytes that body_read() will give in all; reads the message
 * once unless it goes out as it is. */
int	body_size(const struct message *m, const struct body_plan *plan,
	    int64_t *size, struct status *st);

#endif
