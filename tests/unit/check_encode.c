/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/encode.h"
#include "check_main.h"

/* RFC 4648 10. */
static const struct {
	const char *plain, *encoded;
} vectors[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xfe", "+//+" },
};

START_TEST(base64_vectors)
{
	struct buf b;

	buf_init(&b, 100);
	base64_encode(&b, vectors[_i].plain, strlen(vectors[_i].plain));
	ck_assert_str_eq(b.data, vectors[_i].encoded);
	buf_reset(&b);
	ck_assert_int_eq(base64_decode(&b, vectors[_i].encoded,
	    strlen(vectors[_i].encoded)), 0);
	ck_assert_str_eq(b.data, vectors[_i].plain);
	buf_release(&b);
}
END_TEST

START_TEST(base64url_has_no_padding)
{
	struct buf b;

	buf_init(&b, 100);
	base64url_encode(&b, "\xfb\xff\xfe" "f", 4);
	ck_assert_str_eq(b.data, "-__-Zg");
	buf_reset(&b);
	ck_assert_int_eq(base64_decode(&b, "-__-Zg", 6), 0);
	ck_assert_uint_eq(b.len, 4);
	buf_release(&b);
}
END_TEST

static const char *const bad[] = {
	"A", "AAAAA", "AA=A", "A===", "Zg=", "Zg\n=", "Z g=", "Zm9v====", "====",
};

START_TEST(base64_refuses)
{
	struct buf b;

	buf_init(&b, 100);
	buf_addstr(&b, "kept");
	ck_assert_int_eq(base64_decode(&b, bad[_i], strlen(bad[_i])), -1);
	ck_assert_str_eq(b.data, "kept");
	buf_release(&b);
}
END_TEST

START_TEST(forms_are_percent_encoded)
{
	struct buf b;

	buf_init(&b, 1000);
	form_add(&b, "client_secret", "a+b&c%d~e/=?");
	form_add(&b, "scope", "https://x/.default");
	ck_assert_str_eq(b.data, "client_secret=a%2Bb%26c%25d~e%2F%3D%3F"
	    "&scope=https%3A%2F%2Fx%2F.default");
	buf_release(&b);
}
END_TEST

START_TEST(xtext_and_hex)
{
	struct buf b;
	char hex[7];

	buf_init(&b, 100);
	xtext_encode(&b, "a+b=c d\r\n\xc3");
	ck_assert_str_eq(b.data, "a+2Bb+3Dc+20d+0D+0A+C3");
	buf_release(&b);
	hex_encode(hex, "\x00\x7f\xff", 3);
	ck_assert_str_eq(hex, "007fff");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("encode");
	TCase *t = tcase_create("encode");

	tcase_add_loop_test(t, base64_vectors, 0,
	    sizeof vectors / sizeof *vectors);
	tcase_add_test(t, base64url_has_no_padding);
	tcase_add_loop_test(t, base64_refuses, 0, sizeof bad / sizeof *bad);
	tcase_add_test(t, forms_are_percent_encoded);
	tcase_add_test(t, xtext_and_hex);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
