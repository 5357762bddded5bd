/* SPDX-License-Identifier: ISC
 *
 * Pulling the body in its final form.  Each encoding is a machine over bytes
 * whose state lies in the reader, so that the same bytes come out however the
 * caller cuts his reads; body_size() rests on that.
 */
#include "mail/body.h"

#include <string.h>

#define QP_LINE_MAX	75	/* RFC 2045 6.7 (5): 76 with the "=" */
#define PIECE		4096	/* of the message, at a time */

/* Where output goes; there is always room, see room_for(). */
struct sink {
	char	*at;
};

static void
put(struct sink *out, const char *bytes, size_t len)
{
	memcpy(out->at, bytes, len);
	out->at += len;
}

void
body_reader_init(struct body_reader *r, const struct message *m,
    const struct body_plan *plan)
{
	*r = (struct body_reader){ .message = m, .encoding = plan->encoding,
	    .offset = m->body_offset };
}

/* How many bytes can be read so that what becomes of them fits in `size`: each
 * may become three, with a soft line break of three for every 24 of them, and
 * one blank may be carried from before.  Breaking lines needs less.  For soft
 * breaks what does not fit is read once more. */
static size_t
room_for(enum body_encoding encoding, size_t size)
{
	size_t room;

	if (encoding == BODY_AS_IS)
		return size;
	if (encoding == BODY_SOFT_BREAKS)
		return PIECE;
	room = encoding == BODY_BREAK_LINES ? size - size / 64 - 8 :
	    (size - 12) / 4;
	return room < PIECE ? room : PIECE;
}

/* Octets that should stay together from this one on: a UTF-8 character broken
 * in two is lost to the reader. */
static size_t
character_length(unsigned char c)
{
	return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
}

/* One line, or a part of one, without its CRLF.  RFC 5321 4.5.3.1.6 allows no
 * more than 998 octets; CRLF SPACE is what Postfix puts in, too, so that a long
 * header line inside the body stays one. */
static void
break_line(struct body_reader *r, struct sink *out, const char *p, size_t len)
{
	size_t n;

	while (len != 0) {
		n = 1;
		if (r->column + 4 <= BODY_LINE_MAX) {
			/* No character that begins here can pass the end. */
			n = BODY_LINE_MAX - r->column - 3;
			if (n > len)
				n = len;
		} else if (r->column + character_length((unsigned char)*p) >
		    BODY_LINE_MAX) {
			put(out, "\r\n ", 3);
			r->column = 1;
			continue;
		}
		put(out, p, n);
		r->column += n;
		p += n;
		len -= n;
	}
}

/* The message has no CR that is not part of a line end (message.h). */
static void
break_lines(struct body_reader *r, struct sink *out, const char *p, size_t len)
{
	const char *cr;
	size_t n;

	while (len != 0) {
		if (*p == '\r' || *p == '\n') {
			put(out, p, 1);
			r->column = 0;
			p++;
			len--;
			continue;
		}
		cr = memchr(p, '\r', len);
		n = cr != NULL ? (size_t)(cr - p) : len;
		break_line(r, out, p, n);
		p += n;
		len -= n;
	}
}

/* Where a line of quoted-printable that is too long gets its soft break: not
 * inside "=XX", and in front of no blank, for it may be one of those at the end
 * of the line, which mean nothing there but do in front of a "=" (RFC 2045 6.7
 * (3)).  In nothing but blanks there is no better place than any. */
static size_t
find_soft_break(const char *line)
{
	size_t at;

	for (at = BODY_LINE_MAX - 1; at > 2; at--)
		if (line[at] != ' ' && line[at] != '\t' &&
		    line[at - 1] != '=' && line[at - 2] != '=')
			return at;
	return BODY_LINE_MAX - 1;
}

/* Decides how far the output line goes that begins at `p`.  False: more of the
 * message must be seen for that. */
static bool
begin_line(struct body_reader *r, const char *p, size_t len)
{
	size_t seen = len < BODY_LINE_MAX + 1 ? len : BODY_LINE_MAX + 1;
	const char *cr = memchr(p, '\r', seen);

	r->soft_break = cr == NULL && seen > BODY_LINE_MAX;
	if (r->soft_break)
		r->left = find_soft_break(p);
	else if (cr != NULL)
		r->left = (size_t)(cr - p) + 2;
	else if (r->offset + (int64_t)len == r->message->size)
		r->left = len;
	return r->left != 0;
}

/* Copies lines as they are, the long ones in several; moves the reader on by
 * what was used. */
static void
break_softly(struct body_reader *r, struct sink *out, size_t room,
    const char *p, size_t len)
{
	const char *full = out->at + room - 3;	/* a break fits behind it */
	size_t n;

	while (len != 0 && out->at < full &&
	    (r->left != 0 || begin_line(r, p, len))) {
		n = r->left < len ? r->left : len;
		if (n > (size_t)(full - out->at))
			n = (size_t)(full - out->at);
		put(out, p, n);
		p += n;
		len -= n;
		r->left -= n;
		r->offset += (int64_t)n;
		if (r->left == 0 && r->soft_break)
			put(out, "=\r\n", 3);
	}
}

/* One octet as itself or as "=XX", after a soft line break if need be. */
static void
put_qp(struct body_reader *r, struct sink *out, char c, bool literal)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char u = (unsigned char)c;
	char code[3] = { '=', digits[u >> 4], digits[u & 15] };
	size_t len = literal ? 1 : 3;

	if (r->column + len > QP_LINE_MAX) {
		put(out, "=\r\n", 3);
		r->column = 0;
	}
	put(out, literal ? &c : code, len);
	r->column += len;
}

/* A blank is held back until it is known whether a line end follows: there it
 * must be encoded, RFC 2045 6.7 (3). */
static void
flush_blank(struct body_reader *r, struct sink *out, bool literal)
{
	if (r->carried == 0)
		return;
	put_qp(r, out, (char)r->carry[0], literal);
	r->carried = 0;
}

static void
quote_printable(struct body_reader *r, struct sink *out, const char *p,
    size_t len)
{
	for (; len != 0; p++, len--) {
		flush_blank(r, out, *p != '\r' && *p != '\n');
		if (*p == ' ' || *p == '\t') {
			r->carry[0] = (unsigned char)*p;
			r->carried = 1;
		} else if (*p == '\r' || *p == '\n') {
			put(out, p, 1);
			r->column = 0;
		} else
			put_qp(r, out, *p, *p > ' ' && *p < 0x7f && *p != '=');
	}
}

/* Reads and encodes one piece; how many bytes that gave.  They may be none
 * although the body goes on: *at_end tells. */
static ssize_t
read_piece(struct body_reader *r, char *to, size_t size, bool *at_end,
    struct status *st)
{
	struct sink out = { to };
	char piece[PIECE];
	ssize_t n;

	n = message_pread(r->message, piece, room_for(r->encoding, size),
	    r->offset, st);
	*at_end = n == 0;
	if (n < 0)
		return -1;
	if (r->encoding == BODY_SOFT_BREAKS) {
		break_softly(r, &out, size, piece, (size_t)n);
		return out.at - to;
	}
	r->offset += n;
	if (n == 0)
		flush_blank(r, &out, false);
	else if (r->encoding == BODY_QUOTED_PRINTABLE)
		quote_printable(r, &out, piece, (size_t)n);
	else
		break_lines(r, &out, piece, (size_t)n);
	return out.at - to;
}

ssize_t
body_read(struct body_reader *r, char *to, size_t size, struct status *st)
{
	bool at_end = false;
	ssize_t n;

	if (r->encoding == BODY_AS_IS) {
		n = message_pread(r->message, to, size, r->offset, st);
		if (n > 0)
			r->offset += n;
	} else
		do
			n = read_piece(r, to, size, &at_end, st);
		while (n == 0 && !at_end);
	return n;
}

/* By itself: a body that goes as it is needs no buffer, which hardening would fill
 * with zeros. */
static int
read_size(struct body_reader *r, int64_t *size, struct status *st)
{
	char piece[4 * PIECE + 16];
	ssize_t n;

	*size = 0;
	while ((n = body_read(r, piece, sizeof piece, st)) > 0)
		*size += n;
	return n < 0 ? -1 : 0;
}

int
body_size(const struct message *m, const struct body_plan *plan,
    int64_t *size, struct status *st)
{
	struct body_reader r;

	if (plan->encoding == BODY_AS_IS) {
		*size = m->size - m->body_offset;
		return 0;
	}
	body_reader_init(&r, m, plan);
	return read_size(&r, size, st);
}
