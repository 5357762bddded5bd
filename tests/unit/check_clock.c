/* SPDX-License-Identifier: ISC */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#include "check_main.h"

static const struct {
	int64_t		 from, to;
	const char	*span;
} spans[] = {
	{ 5, 5, "0 seconds ago" },
	{ 0, 1, "in 1 second" },
	{ 1, 0, "1 second ago" },
	{ 0, 119, "in 119 seconds" },
	{ 0, 120, "in 2 minutes" },
	{ 0, 7199, "in 119 minutes" },
	{ 7200, 0, "2 hours ago" },
	{ 0, 2 * 86400 - 1, "in 47 hours" },
	{ 0, 2 * 86400, "in 2 days" },
	{ 400 * 86400, 0, "400 days ago" },
};

START_TEST(spans_are_said_in_large_units)
{
	char text[CLOCK_SPAN_SIZE];

	clock_span(text, spans[_i].from, spans[_i].to);
	ck_assert_str_eq(text, spans[_i].span);
}
END_TEST

START_TEST(a_boot_has_one_name)
{
	char first[CLOCK_BOOT_SIZE], again[CLOCK_BOOT_SIZE];
	char known[CLOCK_BOOT_SIZE] = "-";
	FILE *kernel = fopen("/proc/sys/kernel/random/boot_id", "r");

	if (kernel != NULL) {
		ck_assert_int_eq(fscanf(kernel, "%39s", known), 1);
		fclose(kernel);
	}
	clock_boot(first);
	clock_boot(again);
	ck_assert_str_eq(first, known);
	ck_assert_str_eq(again, known);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("clock");
	TCase *t = tcase_create("clock");

	tcase_add_loop_test(t, spans_are_said_in_large_units, 0,
	    sizeof spans / sizeof *spans);
	tcase_add_test(t, a_boot_has_one_name);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
