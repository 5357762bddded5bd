/* SPDX-License-Identifier: ISC
 *
 * An HTTP answer of a token endpoint: header lines, an empty line, the body.
 */
#include <string.h>

#include "fuzz.h"
#include "token/answer.h"

#define NOW INT64_C(1795300000)

static char app_name[] = "contoso";
static const struct app app = { .name = app_name };
static const char secret[] = "s3cret";
static const char *const secrets[] = { secret, NULL };

/* Takes the header off, returns where the body begins. */
static const char *
read_header(struct http_response *r, const char *p, const char *end)
{
	const char *line_end;

	while (p < end) {
		line_end = memchr(p, '\n', (size_t)(end - p));
		if (line_end == NULL)
			line_end = end - 1;
		if (*p == '\n')
			return p + 1;
		http_header(r, p, (size_t)(line_end + 1 - p));
		p = line_end + 1;
	}
	return end;
}

static void
check_token(const struct answer *a)
{
	size_t i;

	FUZZ_PROMISE(a->access.len != 0 && a->expires_in > 0);
	for (i = 0; i < a->access.len; i++)
		FUZZ_PROMISE(a->access.data[i] > ' ' &&
		    a->access.data[i] <= '~');
}

static void
check_failure(const struct answer *a)
{
	struct status st = STATUS_INIT;

	FUZZ_PROMISE(a->access.len == 0);
	FUZZ_PROMISE(answer_judge(a, &app, NULL, &st) == -1);
	FUZZ_PROMISE(status_is_mendable(&st) && st.scope == SCOPE_ACCOUNT);
	FUZZ_PROMISE(st.text[0] != '\0' && st.hint[0] != '\0');
	FUZZ_PROMISE(strstr(st.remote, secret) == NULL);
	FUZZ_PROMISE(strpbrk(st.remote, "\r\n\033") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 400, 401, 429, 503 };
	const char *p = (const char *)data, *end = p + size;
	struct http_response r;
	struct answer a;

	http_init(&r);
	r.status = statuses[size % (sizeof statuses / sizeof *statuses)];
	p = read_header(&r, p, end);
	buf_add(&r.body, p, (size_t)(end - p));
	answer_init(&a);
	if (answer_read(&a, &r, secrets, NOW) == 0)
		check_token(&a);
	else
		check_failure(&a);
	FUZZ_PROMISE(a.retry_after >= -1);
	answer_release(&a);
	http_release(&r);
	return 0;
}
