/* SPDX-License-Identifier: ISC
 *
 * Any bytes as a header section and as the body of one field: what is sent is
 * well-formed, keeps its number of fields, and is stable.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "mail/header.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* RFC 5322 2.1.1 and 2.2: lines of at most 998 octets that end in CRLF, each a
 * field or the continuation of one with something in it. */
static void
check_lines(const char *p, const char *end)
{
	const char *eol;

	while (p < end) {
		eol = memchr(p, '\r', (size_t)(end - p));
		require(eol != NULL && eol[1] == '\n');
		require(eol - p <= 998);
		require(memchr(p, '\n', (size_t)(eol - p)) == NULL);
		require(memchr(p, '\0', (size_t)(eol - p)) == NULL);
		if (*p == ' ' || *p == '\t')
			require(p + strspn(p, " \t") < eol);
		else
			require(header_name_length(p, (size_t)(eol - p)) > 0);
		p = eol + 2;
	}
}

/* Formats, reads back, formats again. */
static void
check_header(const struct header *h)
{
	struct header again = HEADER_INIT;
	struct status st = STATUS_INIT;
	struct buf out, out_again;

	buf_init(&out, 16 * HEADER_MAX);
	buf_init(&out_again, 16 * HEADER_MAX);
	header_format(h, &out);
	check_lines(out.data, out.data + out.len);
	if (out.len <= HEADER_MAX) {
		require(header_parse(&again, out.data, out.len, &st) == 0);
		require(again.count == h->count);
		header_format(&again, &out_again);
		require(strcmp(out.data, out_again.data) == 0);
	}
	header_release(&again);
	buf_release(&out);
	buf_release(&out_again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header h = HEADER_INIT, one = HEADER_INIT;
	struct status st = STATUS_INIT;
	char *body = xmemdup(data, size);

	if (header_parse(&h, (const char *)data, size, &st) == 0)
		check_header(&h);
	header_append(&one, "Subject", body);
	header_prepend(&one, "X", body);
	header_set(&one, 1, body);
	check_header(&one);
	free(header_value(&one, "subject"));
	require(header_remove(&one, "SUBJECT") == 1 && one.count == 1);
	header_release(&one);
	header_release(&h);
	free(body);
	return 0;
}
