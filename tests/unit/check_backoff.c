/* SPDX-License-Identifier: ISC */
#include "check_main.h"
#include "queue/backoff.h"

#define NOW	1790000000

static const struct {
	int			attempts;
	enum status_class	class;
	int64_t			wait;	/* give or take a quarter */
} waits[] = {
	{ 0, CLASS_RETRY, 60 },
	{ 1, CLASS_RETRY, 120 },
	{ 4, CLASS_RETRY, 960 },
	{ 6, CLASS_RETRY, 3600 },
	{ 1000000, CLASS_RETRY, 3600 },
	{ 0, CLASS_CONFIG, 60 },
	{ 6, CLASS_CONFIG, 1800 },
	{ 6, CLASS_POLICY, 1800 },
};

START_TEST(the_wait_grows_and_ends)
{
	struct status why = STATUS_INIT;
	int64_t wait, least = INT64_MAX, most = 0;
	int i;

	why.class = waits[_i].class;
	for (i = 0; i < 1000; i++) {
		wait = backoff_next(waits[_i].attempts, &why, NOW) - NOW;
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	ck_assert_int_ge(least, waits[_i].wait * 3 / 4);
	ck_assert_int_le(most, waits[_i].wait * 5 / 4);
	ck_assert_int_gt(most - least, waits[_i].wait / 4);	/* jitter */
}
END_TEST

START_TEST(a_clock_that_was_set_delays_nothing)
{
	ck_assert(backoff_is_due(NOW, NOW));
	ck_assert(backoff_is_due(0, NOW));
	ck_assert(!backoff_is_due(NOW + 1, NOW));
	ck_assert(!backoff_is_due(NOW + 4500, NOW));
	ck_assert(backoff_is_due(NOW + 86400, NOW));	/* set back a day */
	ck_assert(backoff_is_due(INT64_C(1) << 50, NOW));
}
END_TEST

START_TEST(it_takes_time_and_attempts_to_give_up)
{
	struct spool_entry e = { .since = NOW, .attempts = 100 };

	ck_assert(!backoff_is_over(&e, 1000, NOW + 999));
	ck_assert(backoff_is_over(&e, 1000, NOW + 1000));
	e.attempts = 1;
	ck_assert(!backoff_is_over(&e, 1000, NOW + 365 * 86400));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("backoff");
	TCase *t = tcase_create("backoff");

	tcase_add_loop_test(t, the_wait_grows_and_ends, 0,
	    (int)(sizeof waits / sizeof *waits));
	tcase_add_test(t, a_clock_that_was_set_delays_nothing);
	tcase_add_test(t, it_takes_time_and_attempts_to_give_up);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
