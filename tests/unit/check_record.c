/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "base/record.h"
#include "check_main.h"

static const struct {
	const char	*text;
	bool		 good;
} texts[] = {
	{ "{}", true }, { " {\"a\":1}\r\n", true },
	{ "{\"a\":{\"b\":[1,2,\"x\"]}}", true },
	{ "", false }, { "[]", false }, { "7", false }, { "null", false },
	{ "{\"a\":1,\"a\":2}", false }, { "{\"a\":1}x", false },
	{ "{\"a\":\"\\u0000\"}", false }, { "{\"a\":\"\xff\"}", false },
	{ "{'a':1}", false }, { "{\"a\":1,}", false },
};

START_TEST(objects_are_read_and_nothing_else)
{
	struct record *r = record_parse(texts[_i].text,
	    strlen(texts[_i].text));

	ck_assert_int_eq(r != NULL, texts[_i].good);
	record_free(r);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	char text[20001];

	memset(text, '[', sizeof text);
	memcpy(text, "{\"a\":", 5);
	ck_assert_ptr_null(record_parse(text, sizeof text));
}
END_TEST

static const struct {
	const char	*value;
	int64_t		 number;
} numbers[] = {
	{ "5", 5 }, { "\"5\"", 5 }, { "-5", -5 }, { "\"-5\"", -5 },
	{ "5.9", 5 }, { "\"5.9\"", 99 }, { "\"\"", 99 }, { "\" 5\"", 99 },
	{ "\"5x\"", 99 }, { "\"99999999999999999999\"", 99 }, { "true", 99 },
	{ "null", 99 }, { "[5]", 99 }, { "1e300", 99 }, { "-1e300", 99 },
	{ "9223372036854775807", INT64_MAX }, { "\"0x10\"", 99 },
};

START_TEST(numbers_are_numbers_or_strings_of_digits)
{
	char text[100];
	struct record *r;

	snprintf(text, sizeof text, "{\"n\":%s}", numbers[_i].value);
	r = record_parse(text, strlen(text));
	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(record_number(r, "n", 99), numbers[_i].number);
	ck_assert_int_eq(record_number(r, "m", 98), 98);
	record_free(r);
}
END_TEST

START_TEST(words_are_joined_and_cut)
{
	static const char text[] = "{\"a\":[\"one\",2,\"three\"],\"b\":\"x y\","
	    "\"c\":[\"abcdef\",\"gh\"],\"d\":7}";
	struct record *r = record_parse(text, strlen(text));
	char words[10];

	record_words(r, "a", words, sizeof words);
	ck_assert_str_eq(words, "one three");
	record_words(r, "b", words, sizeof words);
	ck_assert_str_eq(words, "x y");
	record_words(r, "d", words, sizeof words);
	ck_assert_str_eq(words, "");
	record_words(r, "c", words, 8);
	ck_assert_uint_lt(strlen(words), 8);
	record_free(r);
}
END_TEST

START_TEST(what_is_put_is_written)
{
	struct record *r = record_new(), *inner = record_new();
	struct buf out;

	record_put_text(r, "t", "a\"b\n");
	record_put_number(r, "n", -7);
	record_put_flag(r, "f", true);
	record_put_text(inner, "bad", "\xff");
	record_put_object(r, "o", inner);
	buf_init(&out, 1000);
	record_format(r, &out);
	ck_assert_str_eq(out.data, "{\"t\":\"a\\\"b\\n\",\"n\":-7,\"f\":true,"
	    "\"o\":{\"bad\":\"\"}}");
	buf_release(&out);
	buf_init(&out, 10);
	record_format(r, &out);
	ck_assert(out.overflow);
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
	record_free(r);
}
END_TEST

START_TEST(arrays_of_objects_are_written)
{
	struct record *r = record_new(), *one = record_new();
	struct buf out;

	record_put_array(r, "none");
	record_put_number(one, "n", 1);
	record_append(r, "some", one);
	record_append(r, "some", record_new());
	record_put_array(r, "some");
	buf_init(&out, 100);
	record_format(r, &out);
	ck_assert_str_eq(out.data, "{\"none\":[],\"some\":[{\"n\":1},{}]}");
	buf_release(&out);
	record_free(r);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");

	tcase_add_loop_test(t, objects_are_read_and_nothing_else, 0,
	    sizeof texts / sizeof *texts);
	tcase_add_test(t, deep_nesting_is_refused);
	tcase_add_loop_test(t, numbers_are_numbers_or_strings_of_digits, 0,
	    sizeof numbers / sizeof *numbers);
	tcase_add_test(t, words_are_joined_and_cut);
	tcase_add_test(t, what_is_put_is_written);
	tcase_add_test(t, arrays_of_objects_are_written);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
