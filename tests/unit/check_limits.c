/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/safefile.h"
#include "check_main.h"
#include "queue/limits.h"
#include "queue/limits_pause.h"
#include "queue/limits_window.h"
#include "queue/sealed.h"
#include "queue/state_file.h"

static char directory[] = "/tmp/check_limits.XXXXXX";
static char mailbox[] = "Alerts@contoso.com", name[] = "alerts";
static char same_mailbox[] = "alerts@Contoso.com", other_name[] = "other";
static char other_mailbox[] = "alerts_contoso.com";
static struct config config;
static struct account account, same, other;
static struct status status;

static void
setup(void)
{
	memcpy(directory, "/tmp/check_limits.XXXXXX", sizeof directory);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	config = (struct config){
		.state_directory = directory, .send_timeout = 20,
		.user_messages_per_hour = 5
	};
	account = (struct account){
		.name = name, .mailbox = mailbox, .max_connections = 3,
		.messages_per_minute = 30
	};
	same = account;
	same.name = other_name;
	same.mailbox = same_mailbox;
	other = same;
	other.mailbox = other_mailbox;
	status_clear(&status);
}

static void
teardown(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static int
take(struct slot *s, const struct account *a, enum slot_kind kind)
{
	return limits_take_slot(s, &config, a, kind, 0, &status);
}

static bool
is_single(const struct config *c, const struct account *a)
{
	bool single;

	(void)limits_look(c, a, &single, NULL);
	return single;
}

START_TEST(a_mailbox_has_so_many_slots)
{
	struct slot one, two, three, four, foreign;

	ck_assert_int_eq(take(&one, &account, SLOT_CALLER), 0);
	ck_assert_int_eq(take(&two, &same, SLOT_CALLER), 0);
	ck_assert_int_ne(one.number, 0);
	ck_assert_int_ne(two.number, 0);
	ck_assert_int_eq(take(&three, &account, SLOT_CALLER), 1);
	ck_assert_ptr_nonnull(strstr(status.hint, "max-connections"));
	ck_assert_int_eq(status.sysexit, EX_TEMPFAIL);
	ck_assert_int_eq(take(&three, &same, SLOT_RUNNER), 0);
	ck_assert_int_eq(three.number, 0);
	ck_assert_int_eq(take(&four, &account, SLOT_RUNNER), 1);
	ck_assert_int_eq(take(&foreign, &other, SLOT_CALLER), 0);
	ck_assert_int_eq(limits_extend(&one), 0);
	limits_release_slot(&one);
	ck_assert_int_eq(take(&four, &account, SLOT_RUNNER), 0);
	limits_release_slot(&two);
	limits_release_slot(&three);
	limits_release_slot(&four);
	limits_release_slot(&foreign);
}
END_TEST

START_TEST(a_single_connection_is_for_all)
{
	struct slot one, two;

	account.max_connections = 1;
	ck_assert_int_eq(take(&one, &account, SLOT_CALLER), 0);
	ck_assert_int_eq(take(&two, &account, SLOT_RUNNER), 1);
	limits_release_slot(&one);
	ck_assert_int_eq(take(&two, &account, SLOT_RUNNER), 0);
	limits_release_slot(&two);
}
END_TEST

START_TEST(a_killed_holder_gives_up_its_slot)
{
	struct slot one, two;
	int ready[2], way;
	char byte;
	pid_t pid;

	account.max_connections = 1;
	ck_assert_int_eq(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		take(&one, &account, SLOT_CALLER);
		(void)!write(ready[1], "x", 1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(take(&two, &account, SLOT_CALLER), 1);
	kill(pid, SIGKILL);
	waitpid(pid, &way, 0);
	ck_assert_int_eq(take(&two, &account, SLOT_CALLER), 0);
	limits_release_slot(&two);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* Twelve processes, two slots of three for callers: never a third at once. */
START_TEST(waiters_take_turns)
{
	int *inside, *most, now, way, i, failures = 0;
	struct slot s;

	inside = mmap(NULL, 2 * sizeof *inside, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(inside, MAP_FAILED);
	most = inside + 1;
	for (i = 0; i < 12; i++)
		if (fork() == 0) {
			if (limits_take_slot(&s, &config, &account,
			    SLOT_CALLER, clock_deadline(20000), &status) != 0)
				_exit(1);
			now = __atomic_add_fetch(inside, 1, __ATOMIC_SEQ_CST);
			if (now > __atomic_load_n(most, __ATOMIC_SEQ_CST))
				__atomic_store_n(most, now, __ATOMIC_SEQ_CST);
			usleep(5000);
			__atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST);
			limits_release_slot(&s);
			_exit(0);
		}
	while (wait(&way) != -1)
		failures += !WIFEXITED(way) || WEXITSTATUS(way) != 0;
	ck_assert_int_eq(failures, 0);
	ck_assert_int_eq(*most, 2);
	munmap(inside, 2 * sizeof *inside);
}
END_TEST

START_TEST(a_useless_directory_is_said)
{
	struct slot s;

	config.state_directory = name;
	ck_assert_int_eq(take(&s, &account, SLOT_CALLER), -1);
	ck_assert_int_eq(status.sysexit, EX_CANTCREAT);
}
END_TEST

/* Windows, as pure functions. */
static const struct {
	const char	*text;
	int64_t		 now_ms, limit, more, wait;
} windows[] = {
	{ "", 100000, 30, 1, 0 },
	{ "", 100000, 30, 30, 0 },
	{ "", 100000, 30, 500, 0 },
	{ "100:29", 100000, 30, 1, 0 },
	{ "100:30", 100000, 30, 1, 61000 },
	{ "100:30", 160999, 30, 1, 1 },
	{ "100:30", 161000, 30, 1, 0 },
	{ "50:10,90:20", 100500, 30, 10, 10500 },
	{ "50:10,90:20", 100500, 30, 11, 50500 },
	{ "50:10,90:20", 100500, 30, 1, 10500 },
	{ "101:30", 100000, 30, 1, 0 },		/* in the future */
	{ "39:30", 100000, 30, 1, 0 },		/* long ago */
	{ "99:-5,100:30", 100000, 30, 1, 0 },	/* nonsense ends it */
	{ "100:99999999999999999999", 100000, 30, 1, 0 },
	{ "999999999999999999999:1", 100000, 30, 1, 0 },
	{ "100:1000001", 100000, 30, 1, 0 },
	{ "100", 100000, 30, 1, 0 },
	{ ":", 100000, 30, 1, 0 },
};

START_TEST(windows_slide)
{
	struct window w;

	window_parse(&w, windows[_i].text, 1000, windows[_i].now_ms);
	ck_assert_int_eq(window_wait(&w, windows[_i].limit, windows[_i].more,
	    windows[_i].now_ms), windows[_i].wait);
}
END_TEST

START_TEST(windows_are_written_as_read)
{
	struct window w;
	struct buf out;

	buf_init(&out, 1000);
	window_parse(&w, "50:10,90:20", 1000, 100500);
	window_count(&w, 3);
	window_format(&w, &out);
	ck_assert_str_eq(out.data, "50:10,90:20,100:3");
	buf_release(&out);
}
END_TEST

static int64_t wait_ms;

static int
count(const struct account *a)
{
	struct state_file minute = STATE_FILE_INIT;
	int rc = limits_count_message(&minute, &config, a, &wait_ms, &status);

	state_file_close(&minute);
	return rc;
}

START_TEST(a_minute_holds_so_many)
{
	int i;

	for (i = 0; i < 30; i++)
		ck_assert_int_eq(count(i % 2 ? &account : &same), 0);
	ck_assert_int_eq(limits_minute_until(&config, &other), 0);
	ck_assert_int_gt(limits_minute_until(&config, &same), clock_wall() + 40);
	ck_assert_int_eq(count(&account), 1);
	/* Not the network: diagnose_advice() is for who knows nothing. */
	ck_assert_ptr_nonnull(strstr(status.hint, "messages-per-minute"));
	ck_assert_int_gt(wait_ms, 50000);
	ck_assert_int_le(wait_ms, 61000);
	ck_assert_int_eq(status.sysexit, EX_TEMPFAIL);
	ck_assert_int_eq(count(&other), 0);
	account.messages_per_minute = 0;
	ck_assert_int_eq(count(&account), 0);
	ck_assert_int_eq(limits_minute_until(&config, &account), 0);
}
END_TEST

/* Those who keep it open count with those who open it each time. */
START_TEST(a_minute_is_one_however_it_is_opened)
{
	struct state_file kept[2] = { STATE_FILE_INIT, STATE_FILE_INIT };
	int i;

	for (i = 0; i < 30; i++)
		ck_assert_int_eq(i % 3 == 2 ? count(&account) :
		    limits_count_message(&kept[i % 3], &config, &account,
		    &wait_ms, &status), 0);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(limits_count_message(&kept[i], &config,
		    &account, &wait_ms, &status), 1);
		state_file_close(&kept[i]);
	}
	ck_assert_int_eq(count(&account), 1);
}
END_TEST

START_TEST(an_hour_of_a_user_holds_so_many)
{
	int i;

	for (i = 0; i < 5; i++)
		ck_assert_int_eq(limits_count_user(&config, 33, &status), 0);
	ck_assert_int_eq(limits_count_user(&config, 33, &status), 1);
	ck_assert_int_eq(limits_count_user(&config, 34, &status), 0);
	for (i = 0; i < 9; i++)
		ck_assert_int_eq(limits_count_user(&config, 0, &status), 0);
}
END_TEST

static void
throttled(struct status *why)
{
	status_set(why, EX_TEMPFAIL, "MAIL FROM refused");
	status_remote(why, 432, "4.3.2", "Concurrent connections limit");
}

START_TEST(a_432_pauses_and_leaves_one_connection)
{
	struct status why = STATUS_INIT, told = STATUS_INIT;
	struct slot one;
	int64_t until;

	ck_assert_int_eq(limits_paused_until(&config, &account, NULL), 0);
	throttled(&why);
	limits_pause(&config, &account, &why);
	until = limits_paused_until(&config, &same, &told);
	ck_assert_int_ge(until, clock_wall() + 29);
	ck_assert_int_le(until, clock_wall() + 121);
	ck_assert_str_eq(told.remote, why.remote);
	ck_assert(is_single(&config, &account));
	ck_assert_int_eq(limits_paused_until(&config, &other, NULL), 0);
	ck_assert_int_eq(take(&one, &account, SLOT_RUNNER), 1);
	ck_assert_int_eq(status.reply, 0);	/* the server did not say it to us */
	/* What works again works with one connection. */
	limits_clear(&config, &account);
	ck_assert(is_single(&config, &account));
}
END_TEST

START_TEST(refused_credentials_pause_ever_longer)
{
	struct status why = STATUS_INIT;
	int64_t first;
	int i;

	status_set(&why, EX_NOPERM, "AUTH refused");
	for (i = 0; i < 50; i++)
		limits_pause(&config, &account, &why);
	first = limits_paused_until(&config, &account, NULL);
	ck_assert_int_ge(first, clock_wall() + 59);
	ck_assert_int_le(first, clock_wall() + 61);
	ck_assert(!is_single(&config, &account));
	limits_clear(&config, &account);
	ck_assert_int_eq(limits_paused_until(&config, &account, NULL), 0);
}
END_TEST

/* Writes the pause of `account` as a record with a good checksum. */
static void
forge(const char *format, int64_t a, int64_t b, const char *boot)
{
	char key[STATE_KEY_SIZE], file[STATE_NAME_SIZE], path[200];
	struct buf line;
	char fields[300];
	int fd;

	state_file_key(key, &account);
	snprintf(file, sizeof file, "pause-%s", key);
	snprintf(path, sizeof path, "%s/%s", directory, file);
	snprintf(fields, sizeof fields, "limits until=%" PRId64 " until-ms=%"
	    PRId64 " boot=%s %s", a, b, boot, format);
	sealed_begin(&line, fields);
	sealed_end(&line, file, 0);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT, 0640);
	ck_assert_int_eq(safefile_write_all(fd, line.data, line.len), 0);
	close(fd);
	buf_release(&line);
}

/* Clock set back a day or forward a year, reboots, forged times. */
START_TEST(a_pause_never_outlasts_its_length)
{
	const int64_t wall = clock_wall(), ms = clock_ms();
	char boot[CLOCK_BOOT_SIZE];

	clock_boot(boot);
	forge("length=60", wall - 86400, ms + 30000, boot);
	ck_assert_int_ne(limits_paused_until(&config, &account, NULL), 0);
	forge("length=60", wall + 86400, ms + 30000, boot);
	ck_assert_int_le(limits_paused_until(&config, &account, NULL),
	    wall + 40);
	forge("length=60", wall + 30, ms + 61000 + 10000, boot);
	ck_assert_int_eq(limits_paused_until(&config, &account, NULL), 0);
	forge("length=60", wall + 30, 5, "another");
	ck_assert_int_ne(limits_paused_until(&config, &account, NULL), 0);
	forge("length=60", wall + 86400, 5, "another");
	ck_assert_int_eq(limits_paused_until(&config, &account, NULL), 0);
	forge("length=60", wall - 5, ms + 30000, "another");
	ck_assert_int_eq(limits_paused_until(&config, &account, NULL), 0);
	forge("length=1801", wall + 30, ms + 30000, boot);
	ck_assert_int_eq(limits_paused_until(&config, &account, NULL), 0);
	forge("length=60 single=1", wall, ms - 599000, boot);
	ck_assert(is_single(&config, &account));
	forge("length=60 single=1", wall, ms - 600000, boot);
	ck_assert(!is_single(&config, &account));
}
END_TEST

START_TEST(refusals_double_the_pause)
{
	struct status why = STATUS_INIT;
	char boot[CLOCK_BOOT_SIZE];

	clock_boot(boot);
	status_set(&why, EX_NOPERM, "AUTH refused");
	forge("length=60 streak=3", clock_wall() - 1, clock_ms() - 1000, boot);
	limits_pause(&config, &account, &why);
	ck_assert_int_ge(limits_paused_until(&config, &account, NULL),
	    clock_wall() + 479);
	forge("length=60 streak=10", clock_wall() - 1, clock_ms() - 1000, boot);
	limits_pause(&config, &account, &why);
	ck_assert_int_le(limits_paused_until(&config, &account, NULL),
	    clock_wall() + 1801);
}
END_TEST

/* Heard by a process that was connected before the account was refused. */
START_TEST(a_432_does_not_shorten_a_pause)
{
	struct status why = STATUS_INIT, told = STATUS_INIT;
	const int64_t wall = clock_wall();
	char boot[CLOCK_BOOT_SIZE];

	clock_boot(boot);
	forge("length=480 streak=4", wall + 470, clock_ms() + 470000, boot);
	throttled(&why);
	limits_pause(&config, &account, &why);
	ck_assert_int_ge(limits_paused_until(&config, &account, &told),
	    wall + 469);
	ck_assert_int_ne(told.reply, 432);
	ck_assert(is_single(&config, &account));
	/* Nor does it end a row of refusals. */
	forge("length=480 streak=4", wall - 1, clock_ms() - 1000, boot);
	limits_pause(&config, &account, &why);
	ck_assert_int_le(limits_paused_until(&config, &account, NULL),
	    clock_wall() + 121);
	status_set(&why, EX_NOPERM, "AUTH refused");
	limits_pause(&config, &account, &why);
	ck_assert_int_ge(limits_paused_until(&config, &account, NULL),
	    wall + 479);
}
END_TEST

static const char *const rubbish[] = {
	"", "\n", "limits\n", "limits until=1 #0123456789abcdef\n",
	"\377\376\0\0", "limits boot=x counts=1:1 #",
};

static void
spoil(const char *kind, const char *key, const char *bytes)
{
	char path[200];
	int fd;

	snprintf(path, sizeof path, "%s/%s-%s", directory, kind, key);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT, 0640);
	ck_assert_int_eq(safefile_write_all(fd, bytes, strlen(bytes)), 0);
	close(fd);
}

START_TEST(broken_files_limit_nobody)
{
	struct status why = STATUS_INIT;
	char key[STATE_KEY_SIZE];
	struct slot s;

	state_file_key(key, &account);
	spoil("pause", key, rubbish[_i]);
	spoil("rate", key, rubbish[_i]);
	ck_assert_int_eq(take(&s, &account, SLOT_CALLER), 0);
	limits_release_slot(&s);
	ck_assert_int_eq(count(&account), 0);
	throttled(&why);
	limits_pause(&config, &account, &why);
	ck_assert_int_ne(limits_paused_until(&config, &account, NULL), 0);
}
END_TEST

START_TEST(links_and_directories_are_not_followed)
{
	struct status why = STATUS_INIT;
	char key[STATE_KEY_SIZE], path[200], victim[200];
	struct stat sb;

	state_file_key(key, &account);
	snprintf(victim, sizeof victim, "%s/victim", directory);
	close(open(victim, O_WRONLY | O_CREAT, 0640));
	snprintf(path, sizeof path, "%s/pause-%s", directory, key);
	ck_assert_int_eq(symlink(victim, path), 0);
	snprintf(path, sizeof path, "%s/rate-%s", directory, key);
	ck_assert_int_eq(link(victim, path), 0);
	throttled(&why);
	limits_pause(&config, &account, &why);
	ck_assert_int_eq(count(&account), 0);
	ck_assert_int_eq(stat(victim, &sb), 0);
	ck_assert_int_eq(sb.st_size, 0);
}
END_TEST

/* A caller who may write nothing leaves nothing that stops others. */
START_TEST(a_caller_without_room_silences_nobody)
{
	struct status why = STATUS_INIT;
	struct rlimit limit;
	rlim_t size;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	throttled(&why);
	for (size = 0; size < 100; size += 9) {
		limit.rlim_cur = size;
		setrlimit(RLIMIT_FSIZE, &limit);
		limits_pause(&config, &account, &why);
		ck_assert_int_eq(count(&account), 0);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_FSIZE, &limit);
		ck_assert_int_eq(limits_paused_until(&config, &account, NULL),
		    0);
	}
}
END_TEST

/* And he sends nothing that is not counted. */
START_TEST(a_caller_without_room_is_not_let_through)
{
	static const int resources[] = { RLIMIT_FSIZE, RLIMIT_NOFILE };
	struct rlimit limit;
	struct slot s;
	size_t i;

	signal(SIGXFSZ, SIG_IGN);
	for (i = 0; i < 2; i++) {
		getrlimit(resources[i], &limit);
		limit.rlim_cur = 12;
		setrlimit(resources[i], &limit);
		ck_assert_int_eq(take(&s, &account, SLOT_CALLER), 1);
		ck_assert_int_eq(status.sysexit, EX_TEMPFAIL);
		status_clear(&status);
		ck_assert_int_eq(limits_count_user(&config, 33, &status), 1);
		ck_assert_int_eq(status.sysexit, EX_TEMPFAIL);
		ck_assert_int_eq(limits_count_user(&config, 0, &status), 0);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(resources[i], &limit);
	}
	ck_assert_int_eq(take(&s, &account, SLOT_CALLER), 0);
	limits_release_slot(&s);
}
END_TEST

START_TEST(keys_are_file_names)
{
	static char evil[] = "../../etc/\n\xff passwd@x";
	char key[STATE_KEY_SIZE], again[STATE_KEY_SIZE];

	state_file_key(key, &account);
	state_file_key(again, &same);
	ck_assert_str_eq(key, again);
	state_file_key(again, &other);
	ck_assert_str_ne(key, again);
	other.mailbox = evil;
	state_file_key(key, &other);
	ck_assert_ptr_null(strchr(key, '/'));
	ck_assert_uint_eq(strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._-"),
	    strlen(key));
}
END_TEST

#define ROWS(table) (int)(sizeof table / sizeof *table)

static Suite *
suite(void)
{
	Suite *s = suite_create("limits");
	TCase *t = tcase_create("limits");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_mailbox_has_so_many_slots);
	tcase_add_test(t, a_single_connection_is_for_all);
	tcase_add_test(t, a_killed_holder_gives_up_its_slot);
	tcase_add_test(t, waiters_take_turns);
	tcase_add_test(t, a_useless_directory_is_said);
	tcase_add_loop_test(t, windows_slide, 0, ROWS(windows));
	tcase_add_test(t, windows_are_written_as_read);
	tcase_add_test(t, a_minute_holds_so_many);
	tcase_add_test(t, a_minute_is_one_however_it_is_opened);
	tcase_add_test(t, an_hour_of_a_user_holds_so_many);
	tcase_add_test(t, a_432_pauses_and_leaves_one_connection);
	tcase_add_test(t, refused_credentials_pause_ever_longer);
	tcase_add_test(t, a_432_does_not_shorten_a_pause);
	tcase_add_test(t, a_pause_never_outlasts_its_length);
	tcase_add_test(t, refusals_double_the_pause);
	tcase_add_loop_test(t, broken_files_limit_nobody, 0, ROWS(rubbish));
	tcase_add_test(t, links_and_directories_are_not_followed);
	tcase_add_test(t, a_caller_without_room_silences_nobody);
	tcase_add_test(t, a_caller_without_room_is_not_let_through);
	tcase_add_test(t, keys_are_file_names);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
