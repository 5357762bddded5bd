/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "check_main.h"
#include "oauth/cache.h"
#include "oauth/result.h"

#define NOW	INT64_C(1795300000)

static void
round_trip(struct cache *to, const struct cache *from)
{
	struct buf text;

	buf_init(&text, CACHE_FILE_MAX);
	cache_format(from, &text);
	cache_init(to);
	ck_assert_int_eq(cache_parse(to, text.data, text.len, NOW), 0);
	buf_release(&text);
}

START_TEST(what_is_written_is_read)
{
	struct cache c, d;
	struct status st;

	cache_init(&c);
	strcpy(c.key, "0123456789abcdef");
	cache_put_token(&c, "a.b.c", NOW, 3599, 0);
	c.rejected = NOW - 5;
	c.credential_expires = NOW + 100;
	c.expiry_said = NOW - 7;
	status_set(&st, EX_NOPERM, "getting a token");
	st.class = CLASS_POLICY;
	status_remote(&st, 401, "", "AADSTS1: \"no\"\nreally");
	status_hint(&st, "try this");
	cache_put_failure(&c, &st, NOW, -1);
	round_trip(&d, &c);
	ck_assert_str_eq(d.key, c.key);
	ck_assert_str_eq(d.access.data, "a.b.c");
	ck_assert_int_eq(d.obtained, NOW);
	ck_assert_int_eq(d.expires, NOW + 3599);
	ck_assert_int_eq(d.refresh_after, c.refresh_after);
	ck_assert_int_eq(d.rejected, NOW - 5);
	ck_assert_int_eq(d.credential_expires, NOW + 100);
	ck_assert_int_eq(d.expiry_said, NOW - 7);
	ck_assert_int_eq(d.failure.at, NOW);
	ck_assert_int_eq(d.failure.not_before, NOW + 60);
	ck_assert_int_eq(d.failure.count, 1);
	ck_assert_int_eq(d.failure.status.sysexit, EX_NOPERM);
	ck_assert_int_eq(d.failure.status.class, CLASS_POLICY);
	ck_assert_int_eq(d.failure.status.scope, SCOPE_ACCOUNT);
	ck_assert_int_eq(d.failure.status.reply, 401);
	ck_assert_str_eq(d.failure.status.text, "getting a token");
	ck_assert_str_eq(d.failure.status.remote, "AADSTS1: \"no\"?really");
	ck_assert_str_eq(d.failure.status.hint, "try this");
	cache_release(&c);
	cache_release(&d);
}
END_TEST

#define HEAD "{\"version\":1,\"key\":\"0123456789abcdef\","

static const struct {
	const char	*text;
	int		 rc;
} files[] = {
	{ HEAD "\"access_token\":\"a\",\"obtained\":1795299990,"
	    "\"expires\":1795303000}", 0 },
	{ HEAD "\"access_token\":\"\"}", 0 },
	{ HEAD "\"access_token\":\"a\",\"obtained\":1795300004,"
	    "\"expires\":1795303000}", 0 },	/* the clock was set back a bit */
	{ HEAD "\"access_token\":\"a\",\"obtained\":1795300100,"
	    "\"expires\":1795303000}", -1 },	/* obtained in the future */
	{ HEAD "\"access_token\":\"a\",\"obtained\":1795299000,"
	    "\"expires\":1795399801}", -1 },	/* 28 hours and a second */
	{ HEAD "\"access_token\":\"a\",\"obtained\":1795299000,"
	    "\"expires\":1795298999}", -1 },
	{ HEAD "\"access_token\":\"a\",\"obtained\":-5,\"expires\":5}", -1 },
	{ HEAD "\"access_token\":\"a b\"}", -1 },
	{ HEAD "\"access_token\":\"a\\r\\nMAIL\"}", -1 },
	{ HEAD "\"access_token\":\"\\u00e9\"}", -1 },
	{ HEAD "\"rejected\":1795309990}", -1 },
	{ HEAD "\"failure\":{\"at\":1795309990,\"not_before\":1795309991}}",
	    -1 },
	{ HEAD "\"failure\":{\"at\":1795299990,\"not_before\":1795303591}}",
	    -1 },				/* more than an hour */
	{ HEAD "\"failure\":{\"at\":1795299990,\"not_before\":1795299980}}",
	    -1 },
	{ HEAD "\"failure\":{\"at\":1795299990,\"not_before\":1795299999,"
	    "\"count\":-1}}", -1 },
	{ HEAD "\"failure\":{\"at\":1795299990,\"not_before\":1795299999,"
	    "\"count\":99999999999}}", -1 },
	{ HEAD "\"failure\":7}", 0 },
	{ "{\"version\":2,\"key\":\"0123456789abcdef\"}", -1 },
	{ "{\"version\":1,\"key\":\"0123456789abcde\"}", -1 },
	{ "{\"version\":1,\"key\":\"0123456789abcdef0\"}", -1 },
	{ "{\"key\":\"0123456789abcdef\"}", -1 },
	{ HEAD "\"version\":1}", -1 },		/* a name twice */
	{ "[]", -1 }, { "{}", -1 }, { "", -1 }, { "null", -1 }, { "{", -1 },
};

START_TEST(files_are_believed_or_not)
{
	struct cache c;

	cache_init(&c);
	ck_assert_int_eq(cache_parse(&c, files[_i].text,
	    strlen(files[_i].text), NOW), files[_i].rc);
	if (files[_i].rc == -1) {
		ck_assert_uint_eq(c.access.len, 0);
		ck_assert_str_eq(c.key, "");
		ck_assert_int_eq(c.failure.at, 0);
	}
	cache_release(&c);
}
END_TEST

START_TEST(a_token_too_long_is_none)
{
	struct cache c, d;
	struct buf text;
	char *longest = malloc(TOKEN_MAX + 2);

	memset(longest, 'x', TOKEN_MAX + 1);
	longest[TOKEN_MAX + 1] = '\0';
	buf_init(&text, CACHE_FILE_MAX);
	buf_addf(&text, HEAD "\"access_token\":\"%s\"}", longest);
	cache_init(&d);
	ck_assert_int_eq(cache_parse(&d, text.data, text.len, NOW), -1);
	longest[TOKEN_MAX] = '\0';
	cache_init(&c);
	strcpy(c.key, "0123456789abcdef");
	cache_put_token(&c, longest, NOW, 60, 0);
	round_trip(&d, &c);
	ck_assert_uint_eq(d.access.len, TOKEN_MAX);
	cache_release(&c);
	cache_release(&d);
	buf_release(&text);
	free(longest);
}
END_TEST

static const struct {
	int64_t expires_in, refresh_in, expires, refresh_after;
} lives[] = {
	{ 3600, 0, 3600, 2700 },
	{ 3600, 1800, 3600, 1800 },
	{ 3600, 7200, 3600, 2700 },	/* later than the end */
	{ 3600, -1, 3600, 2700 },
	{ 86400, 0, 86400, 43200 },
	{ 999999999, 0, TOKEN_LIFE_MAX, TOKEN_LIFE_MAX / 2 },
	{ 60, 0, 60, 45 },
};

START_TEST(a_token_has_an_end_and_an_early_renewal)
{
	struct cache c;

	cache_init(&c);
	cache_put_token(&c, "t", NOW, lives[_i].expires_in,
	    lives[_i].refresh_in);
	ck_assert_int_eq(c.expires - NOW, lives[_i].expires);
	ck_assert_int_eq(c.refresh_after - NOW, lives[_i].refresh_after);
	ck_assert(cache_has_token(&c, NOW, lives[_i].expires));
	ck_assert(!cache_has_token(&c, NOW + 1, lives[_i].expires));
	ck_assert(!cache_has_token(&c, c.expires, 1));
	cache_drop_token(&c);
	ck_assert(!cache_has_token(&c, NOW, 0));
	cache_release(&c);
}
END_TEST

START_TEST(the_margin_is_half_of_a_short_life_at_most)
{
	struct cache c;

	cache_init(&c);
	cache_put_token(&c, "t", NOW, 3600, 0);
	ck_assert_int_eq(cache_margin(&c, 300), 300);
	cache_put_token(&c, "t", NOW, 300, 0);
	ck_assert_int_eq(cache_margin(&c, 300), 150);
	cache_release(&c);
}
END_TEST

static const struct {
	enum status_class class;
	int		  reply;
	int64_t		  retry_after;
	int		  count;	/* failures before this one */
	int64_t		  pause;
} pauses[] = {
	{ CLASS_CONFIG, 401, -1, 0, 60 },
	{ CLASS_CONFIG, 401, -1, 1, 120 },
	{ CLASS_CONFIG, 401, -1, 4, 900 },
	{ CLASS_CONFIG, 401, -1, 400, 900 },
	{ CLASS_POLICY, 400, -1, 0, 60 },
	{ CLASS_RETRY, 503, -1, 0, 5 },
	{ CLASS_RETRY, 503, -1, 3, 40 },
	{ CLASS_RETRY, 503, -1, 60, 300 },
	{ CLASS_RETRY, 429, -1, 0, 60 },
	{ CLASS_RETRY, 400, -1, 0, 60 },	/* AADSTS50196, 90055 */
	{ CLASS_RETRY, 400, -1, 2, 240 },
	{ CLASS_RETRY, 408, -1, 0, 5 },
	{ CLASS_RETRY, 410, -1, 0, 5 },
	{ CLASS_RETRY, 0, -1, 0, 5 },
	{ CLASS_RETRY, 429, 17, 0, 17 },
	{ CLASS_RETRY, 503, 0, 5, 1 },
	{ CLASS_CONFIG, 400, 30, 3, 30 },
	{ CLASS_RETRY, 429, 999999999, 0, RETRY_AFTER_MAX },
};

START_TEST(failures_make_a_pause)
{
	struct status st;
	struct cache c;

	cache_init(&c);
	status_set(&st, EX_TEMPFAIL, "x");
	st.class = pauses[_i].class;
	st.reply = pauses[_i].reply;
	ck_assert(!cache_is_paused(&c, NOW));
	c.failure.count = pauses[_i].count;
	cache_put_failure(&c, &st, NOW, pauses[_i].retry_after);
	ck_assert_int_eq(c.failure.not_before - NOW, pauses[_i].pause);
	ck_assert_int_eq(cache_is_paused(&c, NOW), pauses[_i].pause > 0);
	ck_assert(!cache_is_paused(&c, NOW + pauses[_i].pause));
	cache_put_token(&c, "t", NOW, 3600, 0);
	ck_assert(!cache_is_paused(&c, NOW));
	ck_assert_int_eq(c.failure.count, 0);
	cache_release(&c);
}
END_TEST

START_TEST(a_failure_keeps_the_token)
{
	struct status st;
	struct cache c;

	cache_init(&c);
	cache_put_token(&c, "t", NOW, 3600, 0);
	status_set(&st, EX_TEMPFAIL, "x");
	cache_put_failure(&c, &st, NOW, -1);
	ck_assert(cache_has_token(&c, NOW, 3600));
	cache_release(&c);
}
END_TEST

/* What the helper and a token-command print. */
static const struct {
	bool		 command;
	const char	*text;
	int		 rc;
	const char	*access;
	int64_t		 expires_in;
} outputs[] = {
	{ false, "{\"access_token\":\"a.b\",\"expires_in\":10}\n", 0, "a.b",
	    10 },
	{ false, "{\"access_token\":\"a\\u000ab\"}", -1, "", 0 },
	{ false, "{\"access_token\":\"\"}", -1, "", 0 },
	{ false, "{\"error\":{}}", -1, "", 0 },
	{ false, "{\"error\":7}", -1, "", 0 },
	{ false, "a.b\n", -1, "", 0 },
	{ false, "", -1, "", 0 },
	{ true, "{\"access_token\":\"a\",\"expires_in\":\"20\"}", 0, "a", 20 },
	{ true, "{\"access_token\":\"a\"}", 0, "a", 300 },
	{ true, "a.b\r\n", 0, "a.b", 300 },
	{ true, "a", 0, "a", 300 },
	{ true, "a b", -1, "", 0 },
	{ true, "a\nb\n", -1, "", 0 },
	{ true, "{\"access_token\":", -1, "", 0 },
	{ true, "\n", -1, "", 0 },
	{ true, "", -1, "", 0 },
	/* {"exp":1795300100} */
	{ true, "a.eyJleHAiOjE3OTUzMDAxMDB9.c", 0,
	    "a.eyJleHAiOjE3OTUzMDAxMDB9.c", 100 },
};

START_TEST(programs_print_tokens_or_not)
{
	struct status st = STATUS_INIT;
	struct result r;
	size_t len = strlen(outputs[_i].text);

	result_init(&r);
	ck_assert_int_eq(outputs[_i].command ?
	    result_parse_command(&r, outputs[_i].text, len, NOW, &st) :
	    result_parse_helper(&r, outputs[_i].text, len, NOW, &st),
	    outputs[_i].rc);
	ck_assert_str_eq(r.access.data, outputs[_i].access);
	ck_assert_int_eq(r.expires_in, outputs[_i].expires_in);
	ck_assert_int_eq(st.sysexit != EX_OK, outputs[_i].rc == -1);
	if (outputs[_i].rc == -1)
		ck_assert(status_is_mendable(&st));
	result_release(&r);
}
END_TEST

START_TEST(a_failure_comes_through_the_helper)
{
	static const char text[] = "{\"error\":{\"exit\":77,\"class\":2,"
	    "\"reply\":401,\"text\":\"t\",\"remote\":\"r\",\"hint\":\"h\","
	    "\"answered\":true,\"oauth_error\":\"invalid_client\","
	    "\"aadsts\":7000215,\"correlation_id\":\"c\",\"trace_id\":\"d\","
	    "\"retry_after\":12},\"request_id\":\"i\"}";
	struct status st = STATUS_INIT;
	struct result r;

	result_init(&r);
	ck_assert_int_eq(result_parse_helper(&r, text, strlen(text), NOW, &st),
	    -1);
	ck_assert_int_eq(st.sysexit, EX_NOPERM);
	ck_assert_int_eq(st.class, CLASS_CONFIG);
	ck_assert_int_eq(st.reply, 401);
	ck_assert_str_eq(st.text, "t");
	ck_assert_str_eq(st.remote, "r");
	ck_assert_str_eq(st.hint, "h");
	ck_assert(r.answered);
	ck_assert_int_eq(r.retry_after, 12);
	ck_assert_int_eq(r.aadsts, 7000215);
	ck_assert_str_eq(r.oauth_error, "invalid_client");
	ck_assert_str_eq(r.correlation_id, "c");
	ck_assert_str_eq(r.trace_id, "d");
	ck_assert_str_eq(r.request_id, "i");
	result_release(&r);
}
END_TEST

/* Whatever the file says, mail is never lost over it. */
static const char *const statuses[] = {
	"{\"exit\":0}", "{\"exit\":-1}", "{\"exit\":1000000}",
	"{\"exit\":\"x\",\"class\":5}", "{\"class\":99}", "{\"class\":-1}",
	"{\"class\":0,\"reply\":99999}",
};

START_TEST(a_status_that_cannot_be_is_temporary)
{
	struct record *r = record_parse(statuses[_i], strlen(statuses[_i]));
	struct status st;

	ck_assert_ptr_nonnull(r);
	status_from_record(&st, r);
	ck_assert_int_eq(st.sysexit, EX_TEMPFAIL);
	ck_assert_int_eq(st.class, CLASS_RETRY);
	ck_assert_int_eq(st.reply, 0);
	record_free(r);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("cache");
	TCase *t = tcase_create("cache");

	tcase_add_test(t, what_is_written_is_read);
	tcase_add_loop_test(t, files_are_believed_or_not, 0,
	    sizeof files / sizeof *files);
	tcase_add_test(t, a_token_too_long_is_none);
	tcase_add_loop_test(t, a_token_has_an_end_and_an_early_renewal, 0,
	    sizeof lives / sizeof *lives);
	tcase_add_test(t, the_margin_is_half_of_a_short_life_at_most);
	tcase_add_loop_test(t, failures_make_a_pause, 0,
	    sizeof pauses / sizeof *pauses);
	tcase_add_test(t, a_failure_keeps_the_token);
	tcase_add_loop_test(t, programs_print_tokens_or_not, 0,
	    sizeof outputs / sizeof *outputs);
	tcase_add_test(t, a_failure_comes_through_the_helper);
	tcase_add_loop_test(t, a_status_that_cannot_be_is_temporary, 0,
	    sizeof statuses / sizeof *statuses);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
