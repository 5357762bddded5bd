/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/encode.h"
#include "check_main.h"
#include "oauth/claims.h"

/* A token with this payload; the caller frees it. */
static char *
token_with(const char *payload)
{
	struct buf b;

	buf_init(&b, 64 * 1024);
	buf_addstr(&b, "eyJhbGciOiJSUzI1NiJ9.");
	base64url_encode(&b, payload, strlen(payload));
	buf_addstr(&b, ".c2lnbmF0dXJl");
	return buf_detach(&b);
}

START_TEST(an_app_token_says_who_and_what)
{
	char *token = token_with("{\"aud\":\"https://outlook.office365.com\","
	    "\"tid\":\"t1\",\"appid\":\"a1\",\"oid\":\"o1\",\"iat\":1,\"nbf\":2,"
	    "\"exp\":1732183900,\"roles\":[\"SMTP.SendAsApp\",\"Mail.Send\"]}");
	struct claims c;

	ck_assert(claims_read(&c, token));
	ck_assert_str_eq(c.aud, "https://outlook.office365.com");
	ck_assert_str_eq(c.tid, "t1");
	ck_assert_str_eq(c.appid, "a1");
	ck_assert_str_eq(c.oid, "o1");
	ck_assert_str_eq(c.roles, "SMTP.SendAsApp Mail.Send");
	ck_assert_str_eq(c.upn, "");
	ck_assert_int_eq(c.iat, 1);
	ck_assert_int_eq(c.nbf, 2);
	ck_assert_int_eq(c.exp, 1732183900);
	free(token);
}
END_TEST

START_TEST(a_delegated_token_says_who_and_what)
{
	char *token = token_with("{\"aud\":[\"x\",\"y\"],\"azp\":\"a2\","
	    "\"preferred_username\":\"u@b\",\"scp\":\"SMTP.Send\"}");
	struct claims c;

	ck_assert(claims_read(&c, token));
	ck_assert_str_eq(c.aud, "x y");
	ck_assert_str_eq(c.appid, "a2");
	ck_assert_str_eq(c.upn, "u@b");
	ck_assert_str_eq(c.scp, "SMTP.Send");
	ck_assert_int_eq(c.exp, 0);
	free(token);
}
END_TEST

START_TEST(too_long_is_left_out_and_never_over_the_end)
{
	char payload[2000], *token;
	struct claims c;

	memset(payload, 'x', sizeof payload);
	memcpy(payload, "{\"tid\":\"", 8);
	strcpy(payload + 1500, "\",\"roles\":[\"a\"]}");
	token = token_with(payload);
	ck_assert(claims_read(&c, token));
	ck_assert_str_eq(c.tid, "");
	ck_assert_str_eq(c.roles, "a");
	free(token);
}
END_TEST

static const char *const opaque[] = {
	"", "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA", ".", "..", "a.b.c",
	"a..c", "a.e30", "a.W10.c", "a.bnVsbA.c", "a.eyJ.c", "a.e30=\n.c",
	"eyJhbGciOiJSUzI1NiJ9.\xff\xfe.c",
};

START_TEST(opaque_tokens_say_nothing)
{
	struct claims c;

	memset(&c, 'x', sizeof c);
	ck_assert(!claims_read(&c, opaque[_i]));
	ck_assert_str_eq(c.aud, "");
	ck_assert_int_eq(c.exp, 0);
}
END_TEST

START_TEST(wrong_types_say_nothing)
{
	char *token = token_with("{\"aud\":7,\"tid\":[],\"appid\":{},"
	    "\"roles\":[1,null,\"x\"],\"scp\":true,\"exp\":\"12\","
	    "\"iat\":\"soon\"}");
	struct claims c;

	ck_assert(claims_read(&c, token));
	ck_assert_str_eq(c.aud, "");
	ck_assert_str_eq(c.tid, "");
	ck_assert_str_eq(c.roles, "x");
	ck_assert_int_eq(c.exp, 12);
	ck_assert_int_eq(c.iat, 0);
	free(token);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("claims");
	TCase *t = tcase_create("claims");

	tcase_add_test(t, an_app_token_says_who_and_what);
	tcase_add_test(t, a_delegated_token_says_who_and_what);
	tcase_add_test(t, too_long_is_left_out_and_never_over_the_end);
	tcase_add_loop_test(t, opaque_tokens_say_nothing, 0,
	    sizeof opaque / sizeof *opaque);
	tcase_add_test(t, wrong_types_say_nothing);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
