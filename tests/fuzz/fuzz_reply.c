/* SPDX-License-Identifier: ISC
 *
 * Any bytes as what a server sends: each reply is refused by name, or bounded,
 * printable and with codes that are codes.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/reply.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
check_enhanced(const struct reply *r)
{
	const char *e = r->enhanced;

	if (*e == '\0')
		return;
	require(e[0] == '0' + r->code / 100 && strchr("245", e[0]) != NULL);
	require(strspn(e, "0123456789.") == strlen(e) && strlen(e) <= 9);
}

static void
check_reply(const struct reply *r)
{
	static const size_t sizes[] = { 1, 2, 20, 512 };
	char words[512];
	size_t i;

	require(r->code >= 200 && r->code <= 599);
	require(r->lines >= 1 && r->lines <= REPLY_LINES_MAX);
	require(r->text.len <= REPLY_MAX && strlen(r->text.data) == r->text.len);
	check_enhanced(r);
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		reply_words(r, words, sizes[i]);
		require(strlen(words) < sizes[i]);
	}
	for (i = 0; words[i] != '\0'; i++)
		require(words[i] == '\t' || !iscntrl((unsigned char)words[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size, *eol, *why = NULL;
	struct reply r;
	int done;

	reply_init(&r);
	for (; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (eol == NULL)
			break;
		done = reply_add_line(&r, p, (size_t)(eol - p), &why);
		require((done == -1) == (why != NULL));
		if (done == -1)
			break;
		if (done == 1) {
			check_reply(&r);
			reply_reset(&r);
		}
	}
	reply_release(&r);
	return 0;
}
