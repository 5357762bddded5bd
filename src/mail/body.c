/* SPDX-License-Identifier: ISC
 *
 * Deciding how the body goes out, and making the header agree.
 */
#include "mail/body.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "mail/charset.h"
#include "mail/content_type.h"
#include "mail/utf8.h"

#define PIECE		16384
#define UTF8_MAX	4	/* octets of a character */

static void
set_field(struct header *h, const char *name, const char *body)
{
	ptrdiff_t i = header_find(h, name, 0);

	if (i == -1)
		header_append(h, name, body);
	else
		header_set(h, (size_t)i, body);
}

/* Whether the Content-Transfer-Encoding is one of these; "" is for none. */
static bool
is_encoded(const struct header *h, const char *const names[], size_t count)
{
	char *encoding = header_value(h, "Content-Transfer-Encoding");
	const char *text = encoding != NULL ? encoding : "";
	size_t i, len = strcspn(text, " \t;(");
	bool found = false;

	for (i = 0; i < count && !found; i++)
		found = strlen(names[i]) == len &&
		    strncasecmp(text, names[i], len) == 0;
	free(encoding);
	return found;
}

/* Whether the Content-Type, where there is one, is so. */
static bool
is_of_type(const struct header *h, bool (*is_so)(const char *value))
{
	char *type = header_value(h, "Content-Type");
	bool result = type == NULL || is_so(type);

	free(type);
	return result;
}

/* A body that means the same when it is encoded anew: one part, text by its
 * label or for want of one, not encoded yet. */
static bool
is_plain_text(const struct header *h)
{
	static const char *const plain[] = { "", "7bit", "8bit" };

	return is_encoded(h, plain, sizeof plain / sizeof *plain) &&
	    is_of_type(h, content_type_is_text);
}

/* RFC 2045 6.4: a multipart or a message is in no such encoding, whatever its
 * label says, and most readers know that. */
static bool
is_quoted_printable(const struct header *h)
{
	static const char *const names[] = { "quoted-printable" };

	return is_encoded(h, names, 1) && is_of_type(h, content_type_is_single);
}

/* Whether the whole body is UTF-8: 1, 0, or -1 when it cannot be read. */
static int
body_is_utf8(const struct message *m, struct status *st)
{
	char piece[UTF8_MAX + PIECE];
	int64_t offset = m->body_offset;
	size_t have = 0, at, len;
	ssize_t n;

	for (;;) {
		n = message_pread(m, piece + have, PIECE, offset, st);
		if (n < 0)
			return -1;
		offset += n;
		if (have == 0 && !utf8_has_8bit(piece, (size_t)n) && n != 0)
			continue;
		have += (size_t)n;
		for (at = 0; at < have; at += len)
			if ((len = utf8_sequence(piece + at, have - at)) == 0)
				break;
		/* A character may be cut off by the end of the piece. */
		if (at < have && (n == 0 || have - at >= UTF8_MAX))
			return 0;
		if (n == 0)
			return 1;
		have -= at;
		memmove(piece, piece + at, have);
	}
}

/* Names the charset of 8-bit text where nobody did, or where the name cannot be
 * true: cron without a locale says US-ASCII of whatever a job prints. */
static int
label_charset(struct header *h, const struct message *m, const char *charset,
    struct status *st)
{
	char *type = header_value(h, "Content-Type"), *given, *text;
	int utf8;

	given = type != NULL ? content_type_charset(type) : NULL;
	if (given != NULL && !charset_is_ascii(given, strlen(given))) {
		free(given);
		free(type);
		return 0;
	}
	free(given);
	utf8 = body_is_utf8(m, st);
	if (utf8 != -1) {
		text = content_type_with_charset(
		    type != NULL ? type : "text/plain",
		    utf8 ? "UTF-8" : charset_fallback(charset));
		set_field(h, "Content-Type", text);
		free(text);
	}
	free(type);
	return utf8 == -1 ? -1 : 0;
}

static void
label_encoding(struct header *h, const char *encoding)
{
	/* RFC 2045 4: without it, the other fields mean nothing. */
	if (header_find(h, "MIME-Version", 0) == -1)
		header_append(h, "MIME-Version", "1.0");
	if (header_find(h, "Content-Type", 0) == -1)
		header_append(h, "Content-Type",
		    "text/plain; charset=us-ascii");
	set_field(h, "Content-Transfer-Encoding", encoding);
}

int
body_plan(struct body_plan *plan, struct header *h, const struct message *m,
    bool server_8bit, const char *charset, struct status *st)
{
	bool text = is_plain_text(h);
	bool too_long = m->longest_body_line > BODY_LINE_MAX;
	bool encode = text && (too_long || (m->body_8bit && !server_8bit));

	if (text && m->body_8bit && label_charset(h, m, charset, st) == -1)
		return -1;
	if (encode)
		label_encoding(h, "quoted-printable");
	else if (text && m->body_8bit)
		label_encoding(h, "8bit");
	plan->encoding = encode ? BODY_QUOTED_PRINTABLE :
	    !too_long ? BODY_AS_IS :
	    is_quoted_printable(h) ? BODY_SOFT_BREAKS : BODY_BREAK_LINES;
	plan->is_8bit = m->body_8bit && !encode;
	return 0;
}
