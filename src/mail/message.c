/* SPDX-License-Identifier: ISC
 *
 * Where a message lies.  Reading one from stdin is in message_read.c.
 */
#include "mail/message.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/safefile.h"
#include "base/xalloc.h"
#include "mail/utf8.h"

#define SCAN_BLOCK (64 * 1024)

void
message_release(struct message *m)
{
	header_release(&m->header);
	buf_release(&m->memory);
	if (m->fd != -1)
		close(m->fd);
	m->fd = -1;
	m->size = m->body_offset = 0;
}

int
message_flush(struct message *m, int directory, struct status *st)
{
	if (m->fd == -1 && directory == -1) {
		status_set(st, EX_CANTCREAT,
		    "no directory for a message of more than %d bytes",
		    MESSAGE_MEMORY_MAX);
		return status_hint(st,
		    "run mailbearer check: neither spool-directory nor "
		    "state-directory can be used");
	}
	if (m->fd == -1)
		m->fd = safefile_unnamed_at(directory, &m->linkable, st);
	if (m->fd == -1)
		return -1;
	if (safefile_write_all(m->fd, m->memory.data, m->memory.len) == -1)
		return status_set_errno(st, safefile_write_sysexit(),
		    "writing the message to disk");
	buf_reset(&m->memory);
	return 0;
}

ssize_t
message_pread(const struct message *m, void *to, size_t len, int64_t offset,
    struct status *st)
{
	size_t got = 0;
	ssize_t n;

	if (offset >= m->size)
		return 0;
	if ((int64_t)len > m->size - offset)
		len = (size_t)(m->size - offset);
	if (m->fd == -1) {
		memcpy(to, m->memory.data + offset, len);
		return (ssize_t)len;
	}
	while (got < len) {
		n = pread(m->fd, (char *)to + got, len - got,
		    (off_t)(offset + (int64_t)got));
		if (n == -1)
			return status_set_errno(st, EX_IOERR,
			    "reading the message from disk");
		if (n == 0)
			return status_set(st, EX_IOERR,
			    "the stored message is cut off at %lld of %lld "
			    "bytes", (long long)offset + (long long)got,
			    (long long)m->size);
		got += (size_t)n;
	}
	return (ssize_t)len;
}

static int
damaged(struct status *st)
{
	return status_set(st, EX_DATAERR,
	    "the stored message is not in the form it was stored in");
}

/* The header section and the empty line behind it. */
static int
open_header(struct message *m, struct status *st)
{
	size_t len = (size_t)m->body_offset;
	char *text = xmalloc(len + 1);
	int result = -1;

	if (message_pread(m, text, len, 0, st) == -1)
		goto out;
	if (memcmp(text + len - 2, "\r\n", 2) != 0 ||
	    (len > 2 && text[len - 3] != '\n')) {
		damaged(st);
		goto out;
	}
	m->header_8bit = utf8_has_8bit(text, len);
	result = header_parse(&m->header, text, len - 2, st);
out:
	free(text);
	return result;
}

struct scan {
	size_t	line;		/* octets of the line so far */
	bool	cr;		/* the last of them is a CR */
};

/* Measures the body and proves that each CR and LF stands in a CRLF: a bare one
 * would let the text speak SMTP for itself (smuggling). */
static int
scan_block(struct message *m, struct scan *scan, const char *p, size_t len)
{
	const char *end = p + len, *cr;

	m->body_8bit = m->body_8bit || utf8_has_8bit(p, len);
	if (memchr(p, '\0', len) != NULL)
		return -1;
	while (p < end) {
		if (scan->cr) {
			if (*p++ != '\n')
				return -1;
			scan->cr = false;
			if (scan->line > m->longest_body_line)
				m->longest_body_line = scan->line;
			scan->line = 0;
			continue;
		}
		cr = memchr(p, '\r', (size_t)(end - p));
		if (cr == NULL)
			cr = end;
		if (memchr(p, '\n', (size_t)(cr - p)) != NULL)
			return -1;
		scan->line += (size_t)(cr - p);
		scan->cr = cr < end;
		p = cr + scan->cr;
	}
	return 0;
}

static int
open_body(struct message *m, struct status *st)
{
	struct scan scan = { 0, false };
	char *block = xmalloc(SCAN_BLOCK);
	int64_t offset = m->body_offset;
	int result = -1;
	ssize_t n;

	while ((n = message_pread(m, block, SCAN_BLOCK, offset, st)) > 0) {
		if (scan_block(m, &scan, block, (size_t)n) == -1) {
			damaged(st);
			goto out;
		}
		offset += n;
	}
	if (n == 0 && (scan.cr || scan.line > 0))
		n = damaged(st);
	result = (int)n;
out:
	free(block);
	return result;
}

int
message_open(struct message *m, int fd, int64_t size, int64_t body_offset,
    struct status *st)
{
	*m = (struct message){ .fd = fd, .linkable = true, .size = size,
	    .body_offset = body_offset };
	buf_init(&m->memory, MESSAGE_MEMORY_MAX);
	if (body_offset < 2 || body_offset > size ||
	    body_offset > HEADER_MAX + 2)
		damaged(st);
	else if (open_header(m, st) == 0 && open_body(m, st) == 0)
		return 0;
	m->fd = -1;
	message_release(m);
	return -1;
}
