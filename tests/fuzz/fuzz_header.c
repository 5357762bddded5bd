/* SPDX-License-Identifier: ISC
 *
 * Any bytes as a header section and as the body of one field: what is sent is
 * well-formed, keeps its number of fields, and is stable.
 */
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "mail/header.h"
#include "fuzz.h"
#include "../header_text.h"

/* RFC 5322 2.1.1 and 2.2: lines of at most 998 octets that end in CRLF, each a
 * field or the continuation of one with something in it. */
static void
check_lines(const char *p, const char *end)
{
	const char *eol;

	while (p < end) {
		eol = memchr(p, '\r', (size_t)(end - p));
		FUZZ_PROMISE(eol != NULL && eol[1] == '\n');
		FUZZ_PROMISE(eol - p <= 998);
		FUZZ_PROMISE(memchr(p, '\n', (size_t)(eol - p)) == NULL);
		FUZZ_PROMISE(memchr(p, '\0', (size_t)(eol - p)) == NULL);
		if (*p == ' ' || *p == '\t')
			FUZZ_PROMISE(p + strspn(p, " \t") < eol);
		else
			FUZZ_PROMISE(header_name_length(p, (size_t)(eol - p)) > 0);
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
	header_text(h, &out);
	check_lines(out.data, out.data + out.len);
	if (out.len <= HEADER_MAX) {
		FUZZ_PROMISE(header_parse(&again, out.data, out.len, &st) == 0);
		FUZZ_PROMISE(again.count == h->count);
		header_text(&again, &out_again);
		FUZZ_PROMISE(strcmp(out.data, out_again.data) == 0);
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
	header_append(&one, "X", body);
	header_set(&one, 1, body);
	check_header(&one);
	free(header_value(&one, "subject"));
	FUZZ_PROMISE(header_remove(&one, "SUBJECT") == 1 && one.count == 1);
	header_release(&one);
	header_release(&h);
	free(body);
	return 0;
}
