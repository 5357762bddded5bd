/* SPDX-License-Identifier: ISC
 *
 * The lock with a clock of our own, which jumps at a chosen look: a process that
 * is stopped between two steps, without the luck that a real stop would need.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "check_main.h"

static int64_t now_ms;
static int looks;		/* how often the clock has been read */
static int jump_at;		/* before which look it jumps, 0: never */
static int64_t jump_ms;

int64_t
clock_ms(void)
{
	if (++looks == jump_at)
		now_ms += jump_ms;
	return now_ms;
}

int
clock_left(int64_t deadline)
{
	return deadline > now_ms ? 1 : 0;
}

static char top[] = "/tmp/check_lock_clock.XXXXXX";
static int directory;

static void
setup(void)
{
	char *x = top + sizeof top - 7;
	int i;

	for (i = 0; i < 6; i++)
		x[i] = 'X';
	ck_assert_ptr_nonnull(mkdtemp(top));
	directory = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	now_ms = 1000;
	looks = jump_at = 0;
}

static void
teardown(void)
{
	unlinkat(directory, "lock", 0);
	close(directory);
	rmdir(top);
}

static void
stop_before_look(int look, int64_t ms)
{
	looks = 0;
	jump_at = look;
	jump_ms = ms;
}

static int
take(struct lock *l, int64_t hold_ms)
{
	struct status st = STATUS_INIT;

	return lock_take(l, directory, "lock", 0, hold_ms, &st);
}

START_TEST(a_booking_that_is_over_when_it_is_made_is_none)
{
	struct lock a, b;

	stop_before_look(2, 100);
	ck_assert_int_eq(take(&a, 100), 1);
	/* Nor does it keep anybody out, whose clock is behind ours even. */
	now_ms = 1000;
	ck_assert_int_eq(take(&b, 100), 0);
	lock_release(&b);

	now_ms = 1000;
	stop_before_look(2, 99);
	ck_assert_int_eq(take(&a, 100), 0);
	ck_assert(lock_is_mine(&a));
	lock_release(&a);
}
END_TEST

/* Wherever the stop is: no extension beyond a promise that is over. */
START_TEST(an_extension_that_comes_late_is_none)
{
	struct lock a, b;

	ck_assert_int_eq(take(&a, 100), 0);
	stop_before_look(_i, 100);
	ck_assert_int_eq(lock_extend(&a, 500), -1);
	ck_assert(!lock_is_mine(&a));
	ck_assert_int_eq(take(&b, 100), 0);
	lock_release(&b);
	lock_release(&a);
}
END_TEST

START_TEST(an_extension_just_in_time_counts)
{
	struct lock a, b;

	ck_assert_int_eq(take(&a, 100), 0);
	stop_before_look(_i, 99);
	ck_assert_int_eq(lock_extend(&a, 500), 0);
	now_ms = 1499;
	ck_assert(lock_is_mine(&a));
	ck_assert_int_eq(take(&b, 100), 1);
	now_ms = 1000 + 599;
	ck_assert_int_eq(take(&b, 100), 0);
	ck_assert(!lock_is_mine(&a));
	lock_release(&a);
	lock_release(&b);
}
END_TEST

START_TEST(the_last_millisecond_is_the_next_holders)
{
	struct lock a, b;

	ck_assert_int_eq(take(&a, 100), 0);
	now_ms = 1099;
	ck_assert(lock_is_mine(&a));
	ck_assert_int_eq(take(&b, 100), 1);
	now_ms = 1100;
	ck_assert(!lock_is_mine(&a));
	ck_assert_int_eq(take(&b, 100), 0);
	/* The one who wakes late takes nothing back, and breaks nothing. */
	ck_assert_int_eq(lock_extend(&a, 500), -1);
	lock_release(&a);
	ck_assert(lock_is_mine(&b));
	ck_assert_int_eq(take(&a, 100), 1);
	lock_release(&b);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("lock_clock");
	TCase *t = tcase_create("lock_clock");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_booking_that_is_over_when_it_is_made_is_none);
	tcase_add_loop_test(t, an_extension_that_comes_late_is_none, 1, 4);
	tcase_add_loop_test(t, an_extension_just_in_time_counts, 1, 4);
	tcase_add_test(t, the_last_millisecond_is_the_next_holders);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
