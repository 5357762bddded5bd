/* SPDX-License-Identifier: ISC
 *
 * A whole message: whatever the labels say, the body goes out in lines of at
 * most 998 octets, CRLF and nothing else ends them, its size is the one that
 * was told, what is announced as 7-bit is, and a long line of quoted-printable
 * reads as before.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/body.h"
#include "mail/utf8.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As message.h does it: header, empty line, body; CRLF; no other CR, no NUL. */
static void
make_message(struct message *m, const uint8_t *data, size_t size)
{
	const char *empty;
	size_t i, line = 0;

	*m = (struct message)MESSAGE_INIT;
	buf_init(&m->memory, 2 * size + 4);
	for (i = 0; i < size; i++) {
		if (data[i] == '\n')
			buf_addch(&m->memory, '\r');
		if (data[i] != '\r' && data[i] != '\0')
			buf_addch(&m->memory, (char)data[i]);
	}
	buf_addstr(&m->memory, "\r\n");
	m->size = m->body_offset = (int64_t)m->memory.len;
	empty = strstr(m->memory.data, "\r\n\r\n");
	if (empty == NULL)
		return;
	m->body_offset = empty + 4 - m->memory.data;
	for (i = (size_t)m->body_offset; i < m->memory.len; i++) {
		line = m->memory.data[i] == '\r' ||
		    m->memory.data[i] == '\n' ? 0 : line + 1;
		if (line > m->longest_body_line)
			m->longest_body_line = line;
	}
	m->body_8bit = utf8_has_8bit(empty + 4, strlen(empty + 4));
}

static void
check_bytes(const char *p, size_t len, size_t *line, char *last, bool is_8bit)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((*last == '\r') != (p[i] == '\n'))
			abort();
		if ((unsigned char)p[i] > 127 && !is_8bit)
			abort();
		*last = p[i];
		*line = p[i] == '\r' || p[i] == '\n' ? 0 : *line + 1;
		if (*line > 998)
			abort();
	}
}

/* What a decoder of quoted-printable says, RFC 2045 6.7: one that drops blanks
 * at the end of a line, or one that does not know about them. */
static void
decode(struct buf *to, const char *p, size_t len, bool drops_blanks)
{
	const char *end = p + len, *after;
	size_t digits;

	for (; p < end; p = after) {
		after = p + strspn(p, " \t");
		if (drops_blanks && after > p && *after == '\r')
			continue;
		after = p + 1;
		digits = *p == '=' ? strspn(p + 1, "0123456789ABCDEFabcdef") : 0;
		if (*p == '=' && drops_blanks)
			after += strspn(after, " \t");
		if (digits >= 2) {
			buf_add(to, p, 3);
			after = p + 3;
		} else if (*p == '=' && after + 1 < end && *after == '\r')
			after += 2;
		else
			buf_add(to, p, (size_t)(after - p));
	}
}

/* Whether there is a place for a soft break in each 998 octets, and no "=" where
 * decoders differ. */
static bool
can_be_broken(const char *p)
{
	for (; *p != '\0'; p++)
		if (strspn(p, " \t") > 900 ||
		    (*p == '=' && strcspn(p + 1, "=") < 2))
			return false;
	return true;
}

static void
check_same_text(const struct message *m, const struct buf *out)
{
	const char *body = m->memory.data + m->body_offset;
	size_t len = (size_t)(m->size - m->body_offset);
	struct buf before, after;
	int drops;

	if (!can_be_broken(body))
		return;
	for (drops = 0; drops < 2; drops++) {
		buf_init(&before, len);
		buf_init(&after, len);
		decode(&before, body, len, drops == 1);
		decode(&after, out->data, out->len, drops == 1);
		if (before.len != after.len ||
		    memcmp(before.data, after.data, after.len) != 0)
			abort();
		buf_release(&before);
		buf_release(&after);
	}
}

static void
check_body(const struct message *m, struct header *h, bool server_8bit,
    size_t step)
{
	struct status st = STATUS_INIT;
	struct body_plan plan;
	struct body_reader r;
	char piece[4096], last = '\0';
	struct buf out;
	int64_t size;
	size_t line = 0;
	ssize_t n;

	if (body_plan(&plan, h, m, server_8bit, "iso-8859-15", &st) == -1 ||
	    body_size(m, &plan, &size, &st) == -1)
		abort();
	buf_init(&out, (size_t)size);
	body_reader_init(&r, m, &plan);
	while ((n = body_read(&r, piece, step, &st)) > 0) {
		check_bytes(piece, (size_t)n, &line, &last, plan.is_8bit);
		buf_add(&out, piece, (size_t)n);
	}
	if (n < 0 || (int64_t)out.len != size || out.overflow || last == '\r')
		abort();
	if (plan.encoding == BODY_SOFT_BREAKS)
		check_same_text(m, &out);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct status st = STATUS_INIT;
	struct header h = HEADER_INIT;
	struct message m;

	if (size < 2)
		return 0;
	make_message(&m, data + 1, size - 1);
	if (header_parse(&h, m.memory.data, (size_t)m.body_offset >= 2 ?
	    (size_t)m.body_offset - 2 : 0, &st) == 0)
		check_body(&m, &h, (data[0] & 1) != 0, 64u + data[0] * 15u);
	header_release(&h);
	message_release(&m);
	return 0;
}
