/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/encode.h"
#include "fuzz.h"

/* What decodes, decodes again to the same bytes after encoding. */
static void
round_trip(const struct buf *bytes,
    void (*encode)(struct buf *, const void *, size_t))
{
	struct buf text, again;

	buf_init(&text, 2 * bytes->len + 4);
	buf_init(&again, bytes->len + 3);
	encode(&text, bytes->data, bytes->len);
	FUZZ_PROMISE(!text.overflow);
	FUZZ_PROMISE(base64_decode(&again, text.data, text.len) == 0);
	FUZZ_PROMISE(again.len == bytes->len &&
	    memcmp(again.data, bytes->data, bytes->len) == 0);
	buf_release(&text);
	buf_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes, little;

	if (size == 0)
		return 0;
	buf_init(&bytes, size + 3);
	if (base64_decode(&bytes, (const char *)data, size) == 0) {
		/* Without padding, digits left over are refused. */
		FUZZ_PROMISE(memchr(data, '=', size) != NULL ||
		    (size % 4 != 1 && bytes.len == size * 3 / 4));
		round_trip(&bytes, base64_encode);
		round_trip(&bytes, base64url_encode);
	} else
		FUZZ_PROMISE(bytes.len == 0);
	buf_release(&bytes);

	buf_init(&little, 8);
	if (base64_decode(&little, (const char *)data, size) == -1)
		FUZZ_PROMISE(little.len == 0);
	FUZZ_PROMISE(little.len <= 8);
	buf_release(&little);
	return 0;
}
