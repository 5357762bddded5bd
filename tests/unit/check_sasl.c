/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "smtp/sasl.h"
#include "check_main.h"

static const struct sasl_input input = {
	.user = "a=b,c@contoso.com",
	.secret = "tok.en",
	.host = "smtp.example.net",
	.port = 587,
};

#define MESSAGE(text) text, sizeof (text) - 1

static const struct {
	void		(*message)(struct buf *, const struct sasl_input *);
	const char	*text;
	size_t		 len;
} messages[] = {
	{ sasl_xoauth2, MESSAGE("user=a=b,c@contoso.com\001"
	    "auth=Bearer tok.en\001\001") },
	{ sasl_oauthbearer, MESSAGE("n,a=a=3Db=2Cc@contoso.com,\001"
	    "host=smtp.example.net\001port=587\001"
	    "auth=Bearer tok.en\001\001") },
	{ sasl_plain, MESSAGE("\0a=b,c@contoso.com\0tok.en") },
};

START_TEST(a_message_is_as_the_rfc_says)
{
	struct buf b;

	buf_init(&b, SASL_LINE_MAX);
	messages[_i].message(&b, &input);
	ck_assert_uint_eq(b.len, messages[_i].len);
	ck_assert_mem_eq(b.data, messages[_i].text, b.len);
	buf_wipe(&b);
}
END_TEST

START_TEST(a_message_too_long_overflows)
{
	static char token[SASL_LINE_MAX + 1];
	struct sasl_input in = input;
	struct buf b;

	memset(token, 't', sizeof token - 1);
	in.secret = token;
	buf_init(&b, SASL_LINE_MAX);
	messages[_i].message(&b, &in);
	ck_assert(b.overflow);
	buf_wipe(&b);
}
END_TEST

static const struct {
	const char	*user, *secret, *says;
} refused[] = {
	{ NULL, "x", "no user" },
	{ "", "x", "no user" },
	{ "u", NULL, "no token" },
	{ "u", "", "no token" },
	{ "u\001v", "x", "control characters in the user" },
	{ "u\r\nRSET", "x", "control characters in the user" },
	{ "u", "x\001y", "control characters in the token" },
	{ "u", "x\n", "control characters in the token" },
	{ "u\177", "x", "control characters in the user" },
};

START_TEST(what_would_end_a_field_is_refused)
{
	struct sasl_input in = { refused[_i].user, refused[_i].secret, "h", 1 };
	struct status st = STATUS_INIT;

	ck_assert_int_eq(sasl_check(&in, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_ptr_nonnull(strstr(st.text, refused[_i].says));
	/* A password of one letter is in every sentence; a real one in none. */
	if (in.secret != NULL && strlen(in.secret) > 1)
		ck_assert_ptr_null(strstr(st.text, in.secret));
}
END_TEST

START_TEST(a_challenge_is_decoded_if_it_is_text)
{
	struct buf b;

	buf_init(&b, 200);
	ck_assert(sasl_decode_challenge(&b, "eyJzdGF0dXMiOiI0MDEifQ=="));
	ck_assert_str_eq(b.data, "{\"status\":\"401\"}");
	buf_reset(&b);
	ck_assert(!sasl_decode_challenge(&b, ""));
	ck_assert(!sasl_decode_challenge(&b, "not base64!"));
	ck_assert(!sasl_decode_challenge(&b, "YQBi"));	/* a NUL b */
	ck_assert_uint_eq(b.len, 0);
	buf_release(&b);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("sasl");
	TCase *t = tcase_create("sasl");
	int count = sizeof messages / sizeof *messages;

	tcase_add_loop_test(t, a_message_is_as_the_rfc_says, 0, count);
	tcase_add_loop_test(t, a_message_too_long_overflows, 0, count);
	tcase_add_loop_test(t, what_would_end_a_field_is_refused, 0,
	    sizeof refused / sizeof *refused);
	tcase_add_test(t, a_challenge_is_decoded_if_it_is_text);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
