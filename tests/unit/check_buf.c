/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/buf.h"
#include "check_main.h"

/* What must hold whatever was done to a buffer. */
static void
assert_sane(const struct buf *b)
{
	ck_assert_ptr_nonnull(b->data);
	ck_assert_uint_le(b->len, b->max);
	ck_assert_int_eq(b->data[b->len], '\0');
}

START_TEST(appends_are_a_string)
{
	struct buf b;

	buf_init(&b, 100);
	assert_sane(&b);
	buf_addstr(&b, "MAIL FROM:");
	buf_addf(&b, "<%s>", "a@b");
	buf_addch(&b, '\n');
	assert_sane(&b);
	ck_assert_str_eq(b.data, "MAIL FROM:<a@b>\n");
	buf_consume(&b, 10);
	ck_assert_str_eq(b.data, "<a@b>\n");
	buf_truncate(&b, 5);
	ck_assert_str_eq(b.data, "<a@b>");
	buf_release(&b);
	assert_sane(&b);
	ck_assert_str_eq(b.data, "");
}
END_TEST

START_TEST(past_the_maximum_nothing_is_added)
{
	struct buf b;

	buf_init(&b, 4);
	buf_addstr(&b, "abc");
	buf_addstr(&b, "de");
	ck_assert(b.overflow);
	ck_assert_str_eq(b.data, "abc");
	buf_addf(&b, "%d", 10);
	ck_assert_str_eq(b.data, "abc");
	buf_addch(&b, 'd');
	ck_assert_str_eq(b.data, "abcd");
	ck_assert(b.overflow);
	assert_sane(&b);
	buf_reset(&b);
	ck_assert(!b.overflow);
	assert_sane(&b);
	buf_release(&b);
}
END_TEST

START_TEST(bytes_are_bytes)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 70000; i++)
		buf_addch(&b, (char)i);
	ck_assert_uint_eq(b.len, 70000);
	ck_assert_int_eq((unsigned char)b.data[69999], 69999 & 255);
	buf_wipe(&b);
	assert_sane(&b);
}
END_TEST

START_TEST(detaching_hands_the_bytes_over)
{
	struct buf b;
	char *s;

	buf_init(&b, 10);
	s = buf_detach(&b);
	ck_assert_str_eq(s, "");
	free(s);
	buf_addstr(&b, "x");
	s = buf_detach(&b);
	ck_assert_str_eq(s, "x");
	ck_assert_str_eq(b.data, "");
	free(s);
}
END_TEST

/* What is to be wiped reaches as far as it ever did. */
START_TEST(shortening_is_remembered)
{
	struct buf b;

	buf_init(&b, 100);
	buf_add(&b, "0123456789", 10);
	buf_truncate(&b, 4);
	buf_consume(&b, 2);
	buf_reset(&b);
	buf_add(&b, "01", 2);
	ck_assert_uint_eq(b.most, 10);
	buf_wipe(&b);
	ck_assert_uint_eq(b.most, 0);
	buf_add(&b, "012", 3);
	buf_consume(&b, 1);
	ck_assert_uint_eq(b.most, 3);
	buf_wipe(&b);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("buf");
	TCase *t = tcase_create("buf");

	tcase_add_test(t, appends_are_a_string);
	tcase_add_test(t, past_the_maximum_nothing_is_added);
	tcase_add_test(t, bytes_are_bytes);
	tcase_add_test(t, detaching_hands_the_bytes_over);
	tcase_add_test(t, shortening_is_remembered);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
