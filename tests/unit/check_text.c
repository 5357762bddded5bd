/* SPDX-License-Identifier: ISC */
#include "base/text.h"

#include <string.h>

#include "check_main.h"

enum is { ASCII = 1, VISIBLE = 2, IP = 4 };

static const struct {
	const char *text;
	unsigned is;
} rows[] = {
	{ "", ASCII | VISIBLE },
	{ "abc~!", ASCII | VISIBLE },
	{ "a b", ASCII },
	{ "a\tb", ASCII },
	{ "a\r\nb", ASCII },
	{ "a\x7f", ASCII },
	{ "\x80", 0 },
	{ "a\xc3\xa4", 0 },
	{ "127.0.0.1", ASCII | VISIBLE | IP },
	{ "::1", ASCII | VISIBLE | IP },
	{ "2001:db8::7", ASCII | VISIBLE | IP },
	{ "[::1]", ASCII | VISIBLE },
	{ "fe80::1%lo", ASCII | VISIBLE },
	{ "127.1", ASCII | VISIBLE },
	{ "1.2.3.256", ASCII | VISIBLE },
	{ "127.0.0.1 ", ASCII },
};

START_TEST(text_is_what_it_is)
{
	const char *text = rows[_i].text;

	ck_assert_uint_eq(rows[_i].is,
	    (text_is_ascii(text) ? ASCII : 0U) |
	    (text_is_visible(text, strlen(text)) ? VISIBLE : 0U) |
	    (text_is_ip(text) ? IP : 0U));
}
END_TEST

START_TEST(nul_is_not_visible)
{
	ck_assert(!text_is_visible("a\0b", 3));
}
END_TEST

START_TEST(two_octets_are_blank)
{
	int c, blanks = 0;

	for (c = 0; c < 256; c++)
		blanks += text_is_blank((char)c);
	ck_assert_int_eq(blanks, 2);
	ck_assert(text_is_blank(' ') && text_is_blank('\t'));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");

	tcase_add_loop_test(t, text_is_what_it_is, 0,
	    sizeof rows / sizeof *rows);
	tcase_add_test(t, nul_is_not_visible);
	tcase_add_test(t, two_octets_are_blank);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
