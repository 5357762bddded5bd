/* SPDX-License-Identifier: ISC
 *
 * Any bytes as the file in which a queue run lists what it is about to send: as
 * they are, and with every line sealed by a good checksum.  Each message that is
 * read has a name that may be opened.
 */
#include <string.h>

#include "fuzz.h"
#include "queue/manifest.h"
#include "queue/sealed.h"

#define NAME	"manifest.1.2"

static void
check(const char *bytes, size_t len)
{
	struct manifest_list list;
	struct spool_id id;
	int half, i;

	for (half = 0; half < MANIFEST_HALVES; half++) {
		if (!manifest_read(&list, NAME, half, bytes, len)) {
			FUZZ_PROMISE(list.count == 0);
			continue;
		}
		FUZZ_PROMISE(sealed_is_name(list.boot));
		FUZZ_PROMISE(list.count >= 0 && list.count <= MANIFEST_MAX);
		for (i = 0; i < list.count; i++) {
			FUZZ_PROMISE(spool_id_parse(&id, list.messages[i].id));
			FUZZ_PROMISE(list.messages[i].end >= 0);
		}
	}
}

/* Each line of the input as a record of the half that begins at `position`. */
static void
check_sealed(const char *text, size_t len, int64_t position)
{
	static const char empty[MANIFEST_HALF];
	char *copy = strndup(text, len), *at = copy, *word;
	struct buf out, line;

	FUZZ_PROMISE(copy != NULL);
	buf_init(&out, 4 * MANIFEST_HALF);
	buf_add(&out, empty, (size_t)position);
	while ((word = strsep(&at, "\n")) != NULL) {
		sealed_begin(&line, word);
		sealed_end(&line, NAME, (int64_t)out.len);
		buf_add(&out, line.data, line.len);
		buf_release(&line);
	}
	check(out.data, out.len);
	buf_release(&out);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	if (size > MANIFEST_HALF)
		return 0;
	check(text, size);
	check_sealed(text, size, 0);
	check_sealed(text, size, MANIFEST_HALF);
	return 0;
}
