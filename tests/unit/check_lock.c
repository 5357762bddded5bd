/* SPDX-License-Identifier: ISC
 *
 * With real processes: what a thread or a mock would do says nothing about a
 * holder that is stopped or killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "check_main.h"

#define CONTENDERS	50
#define ROUNDS		10
#define STOPPED		8		/* contenders that are stopped at random */
#define STAYS_MAX	20000

static char top[] = "/tmp/check_lock.XXXXXX";
static int directory;

/* What the processes of a test share. */
static struct shared {
	int	inside, worst, visits;
	int	stays;
	struct { int64_t from, to; } stay[STAYS_MAX];
} *shared;

static void
setup(void)
{
	memcpy(top + sizeof top - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	directory = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(directory, 0);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

static void
teardown(void)
{
	char command[sizeof top + 20];

	munmap(shared, sizeof *shared);
	close(directory);
	snprintf(command, sizeof command, "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

static void
sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static int
take(struct lock *l, int wait_ms, int hold_ms)
{
	struct status st = STATUS_INIT;

	return lock_take(l, directory, "lock",
	    wait_ms == 0 ? 0 : clock_deadline(wait_ms), hold_ms, &st);
}

START_TEST(one_holds_the_other_waits)
{
	struct lock a, b;
	int64_t start;

	ck_assert_int_eq(take(&a, 0, 5000), 0);
	ck_assert(lock_is_mine(&a));
	ck_assert_int_eq(fcntl(a.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(take(&b, 0, 5000), 1);
	ck_assert_int_eq(b.fd, -1);
	ck_assert(!lock_is_mine(&b));
	lock_release(&b);
	start = clock_ms();
	ck_assert_int_eq(take(&b, 100, 5000), 1);
	ck_assert_int_ge(clock_ms() - start, 99);
	ck_assert_int_lt(clock_ms() - start, 1000);
	lock_release(&a);
	ck_assert(!lock_is_mine(&a));
	ck_assert_int_eq(lock_extend(&a, 100), -1);
	lock_release(&a);
	ck_assert_int_eq(take(&b, 0, 5000), 0);
	lock_release(&b);
}
END_TEST

START_TEST(what_is_yielded_can_be_taken_again)
{
	struct lock a, b;

	ck_assert_int_eq(take(&a, 0, 5000), 0);
	lock_yield(&a);
	ck_assert(!lock_is_mine(&a));
	ck_assert_int_ne(a.fd, -1);
	ck_assert_int_eq(take(&b, 0, 5000), 0);
	ck_assert_int_eq(lock_take_again(&a, 0, 5000), 1);
	ck_assert(!lock_is_mine(&a));
	lock_yield(&b);
	ck_assert_int_eq(lock_take_again(&a, 0, 5000), 0);
	ck_assert(lock_is_mine(&a));
	ck_assert_int_eq(lock_take_again(&b, 0, 5000), 1);
	lock_release(&a);
	lock_release(&b);
}
END_TEST

START_TEST(a_promise_ends_and_can_be_extended)
{
	struct lock a, b;
	int i;

	ck_assert_int_eq(take(&a, 0, 150), 0);
	for (i = 0; i < 5; i++) {
		sleep_ms(60);
		ck_assert_int_eq(lock_extend(&a, 150), 0);
		ck_assert_int_eq(take(&b, 0, 1000), 1);
	}
	ck_assert_int_eq(lock_extend(&a, 1), 0);	/* never shortened */
	sleep_ms(5);
	ck_assert(lock_is_mine(&a));
	sleep_ms(200);
	/* Over, though nobody came. */
	ck_assert(!lock_is_mine(&a));
	ck_assert_int_eq(lock_extend(&a, 1000), -1);
	ck_assert_int_eq(take(&b, 0, 1000), 0);
	ck_assert_int_eq(lock_extend(&a, 1000), -1);
	lock_release(&a);
	ck_assert(lock_is_mine(&b));
	ck_assert_int_eq(take(&a, 0, 1000), 1);
	lock_release(&b);
}
END_TEST

START_TEST(promises_have_bounds)
{
	struct lock a, b;

	ck_assert_int_eq(take(&a, 0, 0), 0);
	lock_release(&a);
	ck_assert_int_eq(lock_take(&a, directory, "lock", 0, INT64_MAX,
	    &(struct status)STATUS_INIT), 0);
	ck_assert_int_le(a.until, clock_ms() + LOCK_HOLD_MAX);
	ck_assert_int_eq(lock_extend(&a, INT64_MAX), 0);
	ck_assert_int_eq(take(&b, 0, 10), 1);
	lock_release(&a);
}
END_TEST

/* Forks; the child runs `run` and exits with what it returns. */
static pid_t
child(int (*run)(int), int argument)
{
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		_exit(run(argument));
	return pid;
}

static int
exit_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
contend(int number)
{
	struct lock l;
	int i, now;

	(void)number;
	for (i = 0; i < ROUNDS; i++) {
		if (take(&l, 60000, 10000) != 0)
			return 1;
		now = __atomic_add_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
		if (now > shared->worst)
			shared->worst = now;
		shared->visits++;	/* not atomic: the lock guards it */
		if (i % 3 == 0)
			sleep_ms(1);
		__atomic_sub_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
		lock_release(&l);
	}
	return 0;
}

START_TEST(never_are_two_inside)
{
	pid_t pids[CONTENDERS];
	int i;

	for (i = 0; i < CONTENDERS; i++)
		pids[i] = child(contend, i);
	for (i = 0; i < CONTENDERS; i++)
		ck_assert_int_eq(exit_of(pids[i]), 0);
	ck_assert_int_eq(shared->worst, 1);
	ck_assert_int_eq(shared->visits, CONTENDERS * ROUNDS);
}
END_TEST

static int
hold(int hold_ms)
{
	struct lock l;

	if (take(&l, 0, hold_ms) != 0)
		return 1;
	shared->inside = 1;
	while (shared->inside == 1)
		sleep_ms(1);
	/* 2: the test has been here meanwhile. */
	if (lock_is_mine(&l))
		return 2;
	if (lock_extend(&l, 1000) == 0)
		return 3;
	lock_release(&l);
	return 0;
}

static void
until_inside(void)
{
	while (shared->inside == 0)
		sleep_ms(1);
}

START_TEST(a_stopped_holder_is_overtaken)
{
	struct lock l;
	pid_t pid = child(hold, 300);
	int64_t start;

	until_inside();
	start = clock_ms();
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(take(&l, 100, 1000), 1);
	ck_assert_int_eq(take(&l, 5000, 1000), 0);
	ck_assert_int_ge(clock_ms() - start, 200);
	/* Also when we have come and gone before it wakes. */
	if (_i == 1)
		lock_release(&l);
	shared->inside = 2;
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	ck_assert_int_eq(exit_of(pid), 0);
	if (_i == 0) {
		ck_assert(lock_is_mine(&l));
		lock_release(&l);
	}
}
END_TEST

START_TEST(a_killed_holder_is_replaced_at_once)
{
	struct lock l;
	pid_t pid = child(hold, 60000);
	int64_t start;

	until_inside();
	ck_assert_int_eq(take(&l, 0, 1000), 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	waitpid(pid, NULL, 0);
	start = clock_ms();
	ck_assert_int_eq(take(&l, 5000, 1000), 0);
	ck_assert_int_lt(clock_ms() - start, 500);
	lock_release(&l);
}
END_TEST

/* Notes each span of time in which the lock says that nobody else was inside. */
static int
stay(int number)
{
	int64_t end = clock_deadline(2500), from, to, now;
	struct lock l;
	int i;

	while (clock_ms() < end) {
		if (take(&l, 5000, 5) != 0)
			return 1;
		from = to = clock_ms();
		if (!lock_is_mine(&l))
			goto next;
		for (i = 0; i < number; i++) {
			sleep_ms(1);
			now = clock_ms();
			if (lock_extend(&l, 5) == -1)
				break;
			to = now;
		}
		i = __atomic_fetch_add(&shared->stays, 1, __ATOMIC_SEQ_CST);
		if (i < STAYS_MAX) {
			shared->stay[i].from = from;
			shared->stay[i].to = to;
		}
next:
		lock_release(&l);
	}
	return 0;
}

static int
by_start(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

START_TEST(stops_at_any_moment_let_no_two_in)
{
	pid_t pids[STOPPED];
	int64_t end = clock_deadline(2500);
	int i, n;

	srand(1);
	for (i = 0; i < STOPPED; i++)
		pids[i] = child(stay, i);
	while (clock_ms() < end) {
		i = rand() % STOPPED;
		kill(pids[i], SIGSTOP);
		sleep_ms(rand() % 9);
		kill(pids[rand() % STOPPED], SIGCONT);
		kill(pids[(i + 1) % STOPPED], SIGCONT);
	}
	for (i = 0; i < STOPPED; i++)
		kill(pids[i], SIGCONT);
	for (i = 0; i < STOPPED; i++)
		ck_assert_int_eq(exit_of(pids[i]), 0);
	n = shared->stays < STAYS_MAX ? shared->stays : STAYS_MAX;
	ck_assert_int_gt(n, 50);
	qsort(shared->stay, (size_t)n, sizeof *shared->stay, by_start);
	for (i = 1; i < n; i++)
		ck_assert_int_le(shared->stay[i - 1].to, shared->stay[i].from);
}
END_TEST

static int
linger(int ms)
{
	sleep_ms(ms);
	return 0;
}

START_TEST(a_forked_child_does_not_keep_it)
{
	struct lock a, b;
	pid_t pid;

	ck_assert_int_eq(take(&a, 0, 60000), 0);
	pid = child(linger, 500);
	lock_release(&a);
	ck_assert_int_eq(take(&b, 0, 1000), 0);
	lock_release(&b);
	ck_assert_int_eq(exit_of(pid), 0);
}
END_TEST

START_TEST(no_write_is_needed)
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	struct stat sb;
	struct lock l;
	int taken, extended;

	/* check(3) itself writes to a file at every assertion. */
	setrlimit(RLIMIT_FSIZE, &limit);
	taken = take(&l, 0, 1000);
	extended = lock_extend(&l, 2000);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(taken, 0);
	ck_assert_int_eq(extended, 0);
	ck_assert_int_eq(fstat(l.fd, &sb), 0);
	ck_assert_int_eq(sb.st_size, 0);
	ck_assert_int_eq(sb.st_mode & 07777 & ~0640, 0);
	lock_release(&l);
}
END_TEST

START_TEST(only_a_regular_file_is_a_lock)
{
	struct status st = STATUS_INIT;
	struct lock l;

	ck_assert_int_eq(mkfifoat(directory, "fifo", 0600), 0);
	ck_assert_int_eq(symlinkat("elsewhere", directory, "link"), 0);
	ck_assert_int_eq(take(&l, 0, 10), 0);
	lock_release(&l);
	ck_assert_int_eq(linkat(directory, "lock", directory, "second", 0), 0);
	ck_assert_int_eq(lock_take(&l, directory, "fifo", 0, 9, &st), -1);
	ck_assert_int_eq(lock_take(&l, directory, "link", 0, 9, &st), -1);
	ck_assert_int_eq(lock_take(&l, directory, "lock", 0, 9, &st), -1);
	ck_assert_int_eq(lock_take(&l, directory, ".", 0, 9, &st), -1);
	ck_assert_int_eq(lock_take(&l, directory, "no/lock", 0, 9, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CANTCREAT);
	ck_assert_int_eq(l.fd, -1);
}
END_TEST

START_TEST(an_open_file_can_be_locked)
{
	int a = openat(directory, "m", O_RDWR | O_CREAT, 0600);
	int b = openat(directory, "m", O_RDWR);
	struct lock l, m;

	ck_assert_int_eq(lock_take_open(&l, a, 100), 0);
	ck_assert_int_eq(lock_take_open(&m, b, 100), 1);
	ck_assert_int_eq(m.fd, -1);
	sleep_ms(150);
	ck_assert_int_eq(lock_take_open(&m, b, 100), 0);
	ck_assert(!lock_is_mine(&l));
	lock_release(&l);
	lock_release(&m);
	ck_assert_int_ne(fcntl(a, F_GETFD), -1);
	close(a);
	close(b);
	ck_assert_int_eq(lock_take_open(&l, a, 100), 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("lock");
	TCase *t = tcase_create("lock");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_holds_the_other_waits);
	tcase_add_test(t, what_is_yielded_can_be_taken_again);
	tcase_add_test(t, a_promise_ends_and_can_be_extended);
	tcase_add_test(t, promises_have_bounds);
	tcase_add_test(t, never_are_two_inside);
	tcase_add_loop_test(t, a_stopped_holder_is_overtaken, 0, 2);
	tcase_add_test(t, a_killed_holder_is_replaced_at_once);
	tcase_add_test(t, stops_at_any_moment_let_no_two_in);
	tcase_add_test(t, a_forked_child_does_not_keep_it);
	tcase_add_test(t, no_write_is_needed);
	tcase_add_test(t, only_a_regular_file_is_a_lock);
	tcase_add_test(t, an_open_file_can_be_locked);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
