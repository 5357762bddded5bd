/* SPDX-License-Identifier: ISC
 *
 * A whole message: whatever the labels say, the body goes out in lines of at
 * most 998 octets, CRLF and nothing else ends them, its size is the one that
 * was told, and what is announced as 7-bit is.
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

static void
check_body(const struct message *m, struct header *h, bool server_8bit,
    size_t step)
{
	struct status st = STATUS_INIT;
	struct body_plan plan;
	struct body_reader r;
	char piece[4096], last = '\0';
	int64_t size, total = 0;
	size_t line = 0;
	ssize_t n;

	if (body_plan(&plan, h, m, server_8bit, "iso-8859-15", &st) == -1 ||
	    body_size(m, &plan, &size, &st) == -1)
		abort();
	body_reader_init(&r, m, &plan);
	while ((n = body_read(&r, piece, step, &st)) > 0) {
		check_bytes(piece, (size_t)n, &line, &last, plan.is_8bit);
		total += n;
	}
	if (n < 0 || total != size || last == '\r')
		abort();
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
