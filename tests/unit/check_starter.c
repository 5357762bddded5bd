/* SPDX-License-Identifier: ISC
 *
 * The starter: what it does, what it holds, and what becomes of errands when it
 * is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/starter.h"
#include "check_main.h"

static int
give_descriptor(void *context, int64_t number, int *fd, struct status *st)
{
	int ends[2];

	(void)context;
	if (pipe(ends) == -1)
		return status_set_errno(st, EX_OSERR, "pipe");
	if (write(ends[1], &number, sizeof number) != sizeof number)
		return status_set_errno(st, EX_OSERR, "write");
	close(ends[1]);
	*fd = ends[0];
	return 7;
}

static int
refuse(void *context, int64_t number, int *fd, struct status *st)
{
	(void)fd;
	status_set(st, EX_CONFIG, "%s %lld", (const char *)context,
	    (long long)number);
	return status_hint(st, "mend it");
}

/* What the starter's stdin to stderr are: 1 for each that is not /dev/null. */
static int
look_at_descriptors(void *context, int64_t number, int *fd, struct status *st)
{
	char name[40], to[40];
	ssize_t len;
	int i, wrong = 0;

	(void)context, (void)number, (void)fd, (void)st;
	for (i = 0; i <= 2; i++) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", i);
		len = readlink(name, to, sizeof to - 1);
		to[len > 0 ? len : 0] = '\0';
		wrong += strcmp(to, "/dev/null") != 0;
	}
	return wrong + starter_is_used();
}

static int
die(void *context, int64_t number, int *fd, struct status *st)
{
	(void)context, (void)number, (void)fd, (void)st;
	_exit(1);
}

static errand_fn *const errands[ERRANDS] = {
	[ERRAND_TOKEN] = give_descriptor,
	[ERRAND_TOKEN_END] = refuse,
	[ERRAND_RENEWAL] = look_at_descriptors,
	[ERRAND_QUEUE_RUN] = die,
};

static char context[] = "no good";

static int64_t
now_ms(void)
{
	struct timespec t;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* Who asks for them without end gets them slowly: that it takes longer on a busy
 * machine does no harm. */
static void
ask_without_end(void)
{
	struct status st = STATUS_INIT;
	int64_t began;
	int i;

	for (i = 0; i < 100; i++)
		ck_assert_int_eq(starter_ask(ERRAND_RENEWAL, 0, NULL, &st), 0);
	began = now_ms();
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(starter_ask(ERRAND_RENEWAL, 0, NULL, &st), 0);
	ck_assert(now_ms() - began >= 500);
}

START_TEST(errands_run)
{
	struct status st = STATUS_INIT;
	int64_t got = 0;
	int fd = -1;

	ck_assert(!starter_is_used());
	starter_begin(errands, context);
	ck_assert(starter_is_used());
	ck_assert_int_eq(starter_ask(ERRAND_TOKEN, 1LL << 40, &fd, &st), 7);
	ck_assert_int_ne(fd, -1);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(read(fd, &got, sizeof got), sizeof got);
	ck_assert(got == 1LL << 40);
	close(fd);
	ck_assert_int_eq(st.sysexit, EX_OK);

	ck_assert_int_eq(starter_ask(ERRAND_TOKEN_END, 42, NULL, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_str_eq(st.text, "no good 42");
	ck_assert_str_eq(st.hint, "mend it");

	ck_assert_int_eq(starter_ask(ERRAND_RENEWAL, 0, NULL, &st), 0);
	ask_without_end();
	starter_end();
	/* Nobody's zombie. */
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* It goes on without: each errand fails, none hangs. */
static void
all_fail(void)
{
	struct status st;
	int i;

	for (i = 0; i < ERRANDS; i++) {
		status_clear(&st);
		ck_assert_int_eq(starter_ask((enum errand)i, 0, NULL, &st), -1);
		ck_assert_int_eq(st.sysexit, EX_OSERR);
	}
	starter_end();
	ck_assert(starter_is_used());
}

START_TEST(gone)
{
	struct status st;

	signal(SIGPIPE, SIG_IGN);
	starter_begin(errands, context);
	status_clear(&st);
	ck_assert_int_eq(starter_ask(ERRAND_QUEUE_RUN, 0, NULL, &st), -1);
	all_fail();
}
END_TEST

START_TEST(never_there)
{
	struct rlimit before, few;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	starter_begin(errands, context);
	all_fail();
	/* With CK_FORK=no others come after this one. */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

/* What a taken-over sender could say instead of a request ends it. */
START_TEST(nonsense)
{
	struct status st = STATUS_INIT;

	starter_begin(errands, context);
	ck_assert_int_eq(starter_ask((enum errand)99, 0, NULL, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_OSERR);
	all_fail();
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("starter");
	TCase *t = tcase_create("starter");

	tcase_add_test(t, errands_run);
	tcase_add_test(t, gone);
	tcase_add_test(t, never_there);
	tcase_add_test(t, nonsense);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
