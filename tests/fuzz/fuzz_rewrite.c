/* SPDX-License-Identifier: ISC
 *
 * A header section is made fit for a mailbox: whatever it was, there is exactly
 * one From, its address is one that may be used, no Bcc is left, every line is
 * CRLF-ended and no longer than 998, and doing it again changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "mail/rewrite.h"
#include "../header_text.h"

#define MAILBOX "alerts@contoso.com"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
may_send_as(const void *context, const char *address)
{
	const char *at = strchr(address, '@');

	(void)context;
	return strcasecmp(address, MAILBOX) == 0 ||
	    (at != NULL && strcasecmp(at, "@contoso.com") == 0);
}

static bool
is_host_name(const void *context, const char *domain)
{
	(void)context;
	return strcmp(domain, "localhost") == 0;
}

static void
check_lines(const struct buf *b)
{
	size_t i, line = 0;

	for (i = 0; i < b->len; i++) {
		if (b->data[i] == '\0' || b->data[i] == '\n')
			abort();
		if (b->data[i] == '\r') {
			if (b->data[++i] != '\n')
				abort();
			line = 0;
		} else if (++line > 998)
			abort();
	}
}

static void
check_from(const struct header *h)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	char *from = header_value(h, "From");
	size_t i;

	if (from == NULL || header_find(h, "From",
	    (size_t)header_find(h, "From", 0) + 1) != -1)
		abort();
	address_parse_list(&list, from, strlen(from), &st);
	if (list.count == 0 || list.bad != 0)
		abort();
	for (i = 0; i < list.count; i++)
		if (list.items[i].domain == NULL ||
		    strcmp(list.items[i].domain, "contoso.com") != 0)
			abort();
	address_list_release(&list);
	free(from);
}

/* Parses, rewrites, checks; the section afterwards, or -1 if it is none. */
static int
rewrite(const char *text, size_t len, const struct envelope *e,
    struct buf *out)
{
	static const struct rewrite_rules rules = { .mailbox = MAILBOX,
	    .host = "web1", .user = "u", .gecos = "", .domain = "contoso.com",
	    .date = "Sat, 21 Nov 2026 10:00:00 +0000", .message_id = "m",
	    .may_send_as = may_send_as, .is_host_name = is_host_name };
	struct rewrite_result result;
	struct status st = STATUS_INIT;
	struct header h = HEADER_INIT;
	int rc = -1;

	if (header_parse(&h, text, len, &st) == -1)
		goto out;
	if (rewrite_header(&h, e, &rules, &result, &st) == -1)
		goto out;
	if (!may_send_as(NULL, result.mail_from))
		abort();
	rewrite_result_release(&result);
	if (header_find(&h, "Bcc", 0) != -1 ||
	    header_find(&h, "Resent-Bcc", 0) != -1)
		abort();
	check_from(&h);
	header_text(&h, out);
	check_lines(out);
	rc = 0;
out:
	header_release(&h);
	return rc;
}

/* As message.h hands a header on: no NUL, every line end CRLF. */
static void
normalize(struct buf *out, const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (data[i] == '\n')
			buf_addch(out, '\r');
		if (data[i] != '\0' && data[i] != '\r')
			buf_addch(out, (char)data[i]);
	}
	buf_addstr(out, "\r\n");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope e = ENVELOPE_INIT;
	struct buf in, once, twice;
	size_t cut = size > 2 && data[0] == '!' ? data[1] % (size - 1) : 0;

	/* "!": the beginning is -f and -F, not the header. */
	if (cut != 0) {
		e.sender = xmemdup(data + 2, cut - 1);
		e.full_name = xmemdup(data + 2, cut - 1);
		data += cut + 1;
		size -= cut + 1;
	}
	buf_init(&in, 2 * size + 2);
	normalize(&in, data, size);
	buf_init(&once, 256 * HEADER_MAX);
	buf_init(&twice, 256 * HEADER_MAX);
	if (rewrite(in.data, in.len, &e, &once) == 0 &&
	    once.len < HEADER_MAX) {
		if (rewrite(once.data, once.len, &e, &twice) == -1 ||
		    strcmp(once.data, twice.data) != 0)
			abort();
	}
	buf_release(&in);
	buf_release(&once);
	buf_release(&twice);
	envelope_release(&e);
	return 0;
}
