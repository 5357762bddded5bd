/* SPDX-License-Identifier: ISC
 *
 * That nothing freed holds a secret is tests/integration/test_faults.py's to find.
 */
#include <stdint.h>
#include <string.h>

#include "base/wiping.h"
#include "check_main.h"

static const struct {
	size_t	from, to;
} sizes[] = {
	{ 1, 1 }, { 1, 100000 }, { 100000, 1 }, { 24, 25 }, { 0, 8 },
};

START_TEST(resizing_keeps_what_fits)
{
	size_t from = sizes[_i].from, to = sizes[_i].to, i;
	unsigned char *p = wiping_malloc(from);

	ck_assert_ptr_nonnull(p);
	memset(p, 7, from);
	p = wiping_realloc(p, to);
	ck_assert_ptr_nonnull(p);
	for (i = 0; i < from && i < to; i++)
		ck_assert_uint_eq(p[i], 7);
	wiping_free(p);
}
END_TEST

START_TEST(as_the_manual_has_it)
{
	unsigned char *p = wiping_calloc(3, 5);
	char *s = wiping_strdup("text");
	size_t i;

	ck_assert_str_eq(s, "text");
	for (i = 0; i < 15; i++)
		ck_assert_uint_eq(p[i], 0);
	ck_assert_ptr_null(wiping_realloc(p, 0));
	p = wiping_realloc(NULL, 5);
	ck_assert_ptr_nonnull(p);
	wiping_free(p);
	wiping_free(s);
	wiping_free(NULL);
}
END_TEST

START_TEST(too_much_is_refused)
{
	size_t most = SIZE_MAX;
	void *p = wiping_malloc(1);

	ck_assert_ptr_null(wiping_malloc(most));
	ck_assert_ptr_null(wiping_calloc(most / 2, 3));
	ck_assert_ptr_null(wiping_realloc(p, most - 1));
	wiping_free(p);		/* it is still there */
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("wiping");
	TCase *t = tcase_create("wiping");

	tcase_add_loop_test(t, resizing_keeps_what_fits, 0,
	    sizeof sizes / sizeof *sizes);
	tcase_add_test(t, as_the_manual_has_it);
	tcase_add_test(t, too_much_is_refused);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
