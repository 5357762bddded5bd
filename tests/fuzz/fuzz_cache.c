/* SPDX-License-Identifier: ISC
 *
 * The token cache file, and what the helper and a token-command print.
 */
#include <string.h>

#include "fuzz.h"
#include "oauth/cache.h"
#include "oauth/claims.h"
#include "oauth/result.h"

#define NOW INT64_C(1795300000)

/* What is believed is possible, and is written and read without change. */
static void
check_cache(const struct cache *c)
{
	struct buf text, again;
	struct cache d;

	FUZZ_PROMISE(strlen(c->key) == CACHE_KEY_SIZE - 1);
	FUZZ_PROMISE(c->expires - c->obtained <= TOKEN_LIFE_MAX);
	FUZZ_PROMISE(!cache_is_paused(c, NOW + 2 * RETRY_AFTER_MAX));
	buf_init(&text, 4 * CACHE_FILE_MAX);
	buf_init(&again, 4 * CACHE_FILE_MAX);
	cache_init(&d);
	cache_format(c, &text);
	FUZZ_PROMISE(!text.overflow);
	FUZZ_PROMISE(cache_parse(&d, text.data, text.len, NOW) == 0);
	cache_format(&d, &again);
	FUZZ_PROMISE(again.len == text.len &&
	    memcmp(again.data, text.data, text.len) == 0);
	cache_release(&d);
	buf_release(&text);
	buf_release(&again);
}

static void
check_result(int rc, const struct result *r, const struct status *st)
{
	struct claims claims;

	if (rc == 0) {
		FUZZ_PROMISE(r->access.len != 0);
		FUZZ_PROMISE(strlen(r->access.data) == r->access.len);
		claims_read(&claims, r->access.data);
	} else
		FUZZ_PROMISE(st->sysexit != EX_OK && status_is_mendable(st));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct status st = STATUS_INIT;
	struct result r;
	struct cache c;
	int rc;

	cache_init(&c);
	if (cache_parse(&c, text, size, NOW) == 0)
		check_cache(&c);
	else
		FUZZ_PROMISE(c.access.len == 0 && c.key[0] == '\0');
	cache_release(&c);

	result_init(&r);
	rc = result_parse_helper(&r, text, size, NOW, &st);
	check_result(rc, &r, &st);
	result_release(&r);

	result_init(&r);
	rc = result_parse_command(&r, text, size, NOW, &st);
	check_result(rc, &r, &st);
	FUZZ_PROMISE(rc == -1 || r.expires_in > 0);
	result_release(&r);
	return 0;
}
