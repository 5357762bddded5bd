/* SPDX-License-Identifier: ISC
 *
 * Any text as the reply to EHLO: a limit that is none or positive, a list of
 * mechanisms that ends and agrees with what was noted.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "smtp/ehlo.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup(data, size);
	struct session_extensions x;
	size_t room = sizeof x.auth_offered;

	memset(&x, 0xff, sizeof x);
	ehlo_parse(&x, text);
	require(x.max_size >= 0 && (x.size || x.max_size == 0));
	require(memchr(x.auth_offered, '\0', room) != NULL);
	if (x.auth_xoauth2 && size < room)
		require(strcasestr(x.auth_offered, "XOAUTH2") != NULL);
	if (strchr(text, '\n') == NULL)
		require(!x.size && !x.starttls && !x.pipelining &&
		    x.auth_offered[0] == '\0');
	free(text);
	return 0;
}
