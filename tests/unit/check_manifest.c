/* SPDX-License-Identifier: ISC
 *
 * Lists of what was about to be sent, after a power failure: the list is on the
 * disk, the records in the journals are not.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "check_main.h"
#include "queue/manifest.h"
#include "queue/sealed.h"

#define COUNT	4		/* messages */

static const char text[] = "Subject: x\r\n\r\nhello\r\n";
/* As long as the kernel's. */
static const char other_boot[] = "00000000-1111-2222-3333-444444444444";

static char directory[] = "/tmp/check_manifest.XXXXXX";
static struct config config;
static struct spool spool;
static struct manifest manifest;
static struct spool_entry entries[COUNT], *all[COUNT];
static char ids[COUNT][SPOOL_ID_SIZE];
static struct status status;

static void
commit(char id[SPOOL_ID_SIZE])
{
	struct submission s = { .uid = 33, .received = 1790000000 };
	struct envelope *e = &s.envelope;

	s.message.fd = -1;
	buf_init(&s.message.memory, MESSAGE_MEMORY_MAX);
	buf_addstr(&s.message.memory, text);
	s.message.size = (int64_t)strlen(text);
	s.message.body_offset = 14;
	e->recipients = xcalloc(1, sizeof *e->recipients);
	e->recipients[e->count++].address = xstrdup("c@d.example");
	ck_assert_int_eq(spool_commit(&spool, &s, "alerts", NULL, 1790000300,
	    id, &status), 0);
	submission_release(&s);
}

static void
load(int i)
{
	int rc = spool_load(&spool, ids[i], false, &entries[i], &status);

	ck_assert_msg(rc == 0, "%s", status.text);
}

static void
setup(void)
{
	int i;

	memcpy(directory, "/tmp/check_manifest.XXXXXX", sizeof directory);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	config = (struct config){
		.spool_directory = directory, .state_directory = directory,
		.spool_per_user = 1 << 20, .keep_failed = 100,
		.send_timeout = 60
	};
	status_clear(&status);
	manifest = (struct manifest)MANIFEST_INIT;
	ck_assert_int_eq(spool_open(&spool, &config, &status), 0);
	for (i = 0; i < COUNT; i++) {
		commit(ids[i]);
		load(i);
		all[i] = &entries[i];
	}
}

static void
teardown(void)
{
	char command[64];
	int i;

	for (i = 0; i < COUNT; i++)
		spool_entry_release(&entries[i]);
	manifest_end(&manifest, &spool);
	spool_close(&spool);
	snprintf(command, sizeof command, "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static void
list(struct spool_entry *const *which, size_t count)
{
	int rc = manifest_write(&manifest, &spool, which, count, &status);

	ck_assert_msg(rc == 0, "%s", status.text);
}

static void
send_one(int i)
{
	ck_assert_int_eq(spool_record_sent(&entries[i], &status), 0);
}

static size_t
manifests(void)
{
	DIR *d = opendir(directory);
	struct dirent *entry;
	size_t n = 0;

	while ((entry = readdir(d)) != NULL)
		n += strncmp(entry->d_name, "manifest.", 9) == 0;
	closedir(d);
	return n;
}

/* The process dies: its locks go, its files stay. */
static void
die(void)
{
	int i;

	for (i = 0; i < COUNT; i++)
		spool_entry_release(&entries[i]);
	lock_release(&manifest.lock);
	if (manifest.fd != -1)
		close(manifest.fd);
	manifest.fd = -1;
}

/* What stands in the list of the dead from `from` on, written at another boot. */
static void
age(size_t from)
{
	char bytes[2 * MANIFEST_HALF + 1] = "", boot[CLOCK_BOOT_SIZE];
	char *line, *next, *at;
	int fd = openat(spool.directory, manifest.name, O_RDWR);
	struct buf sealed;

	clock_boot(boot);
	ck_assert_uint_eq(strlen(boot), strlen(other_boot));
	ck_assert_int_eq(pread(fd, bytes, 2 * MANIFEST_HALF, 0), 2 * MANIFEST_HALF);
	for (line = bytes + from; (next = strchr(line, '\n')) != NULL;
	    line = next + 1) {
		*next = '\0';
		*strrchr(line, '#') = '\0';
		line[strlen(line) - 1] = '\0';
		if ((at = strstr(line, boot)) != NULL)
			memcpy(at, other_boot, strlen(other_boot));
		sealed_begin(&sealed, line);
		sealed_end(&sealed, manifest.name, line - bytes);
		ck_assert_int_eq(pwrite(fd, sealed.data, sealed.len,
		    line - bytes), next + 1 - line);
		buf_release(&sealed);
	}
	close(fd);
}

/* And the power fails: gone is what was written to the journals of these. */
static void
lose(const int *which, const int64_t *ends, size_t count)
{
	int fd;

	die();
	age(0);
	age(MANIFEST_HALF);
	while (count-- != 0) {
		fd = openat(spool.waiting, ids[which[count]], O_WRONLY);
		ck_assert_int_eq(ftruncate(fd, (off_t)ends[count]), 0);
		close(fd);
	}
}

static void
recover(void)
{
	ck_assert_int_eq(manifest_recover(&spool, &status), 0);
}

static bool
is_unknown(int i)
{
	bool unknown;

	load(i);
	unknown = entries[i].answer_unknown;
	spool_entry_release(&entries[i]);
	return unknown;
}

START_TEST(what_the_power_took_stands_in_the_list)
{
	static const int lost[] = { 0, 1 };
	int64_t ends[] = { entries[0].end, entries[1].end };

	list(all, 3);
	send_one(0);
	send_one(1);
	send_one(2);
	lose(lost, ends, 2);
	ck_assert(!is_unknown(0));
	recover();
	ck_assert(is_unknown(0));
	ck_assert(is_unknown(1));
	ck_assert(is_unknown(2));
	ck_assert(!is_unknown(3));
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

/* Its journal is what it was without the list. */
START_TEST(one_that_was_written_down_is_left_alone)
{
	struct stat before, after;

	list(all, COUNT);
	send_one(0);
	send_one(1);
	ck_assert_int_eq(spool_record_attempt(&entries[1], "alerts", NULL, 5,
	    &status), 0);
	ck_assert_int_eq(spool_remove(&spool, &entries[2], &status), 0);
	ck_assert_int_eq(spool_fail(&spool, &entries[3], &status), 0);
	lose(NULL, NULL, 0);
	ck_assert_int_eq(fstatat(spool.waiting, ids[0], &before, 0), 0);
	recover();
	ck_assert_int_eq(fstatat(spool.waiting, ids[0], &after, 0), 0);
	ck_assert_int_eq(before.st_size, after.st_size);
	ck_assert(!is_unknown(1));
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

/* Nobody lost what was written: who was not sent to needs no warning. */
START_TEST(a_killed_process_leaves_its_journals)
{
	list(all, 2);
	send_one(0);
	die();
	recover();
	ck_assert(is_unknown(0));
	ck_assert(!is_unknown(1));
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

START_TEST(a_run_that_is_alive_keeps_its_list)
{
	list(all, 2);
	spool_entry_release(&entries[0]);
	spool_entry_release(&entries[1]);
	recover();
	ck_assert_uint_eq(manifests(), 1);
	ck_assert(!is_unknown(0));
	ck_assert(manifest_hold(&manifest, &spool));
	manifest_end(&manifest, &spool);
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

START_TEST(a_message_in_other_hands_waits)
{
	static const int lost[] = { 0, 1 };
	int64_t ends[] = { entries[0].end, entries[1].end };

	list(all, 2);
	send_one(0);
	send_one(1);
	lose(lost, ends, 2);
	load(1);
	ck_assert_int_eq(manifest_recover(&spool, &status), 1);
	ck_assert_uint_eq(manifests(), 1);
	ck_assert(is_unknown(0));
	spool_entry_release(&entries[1]);
	recover();
	ck_assert(is_unknown(1));
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

/* The list stays where it is, so what it tells goes with the messages; and before
 * it could be told none of them goes. */
START_TEST(what_is_adopted_has_its_records)
{
	static const int lost[] = { 0, 1 };
	int64_t ends[] = { entries[0].end, entries[1].end };
	char other[] = "/tmp/check_manifest.XXXXXX", command[64];
	struct config c = config;
	struct spool_entry e;
	struct spool to;

	c.spool_directory = other;
	ck_assert_ptr_nonnull(mkdtemp(other));
	ck_assert_int_eq(spool_open(&to, &c, &status), 0);
	list(all, 2);
	send_one(0);
	send_one(1);
	lose(lost, ends, 2);
	load(1);
	spool_adopt(&to, &spool);
	ck_assert_int_eq(spool_load(&to, ids[0], false, &e, &status), 1);
	spool_entry_release(&entries[1]);
	spool_adopt(&to, &spool);
	ck_assert_uint_eq(manifests(), 0);
	ck_assert_int_eq(spool_load(&to, ids[0], false, &e, &status), 0);
	ck_assert(e.answer_unknown);
	spool_entry_release(&e);
	ck_assert_int_eq(spool_load(&to, ids[1], false, &e, &status), 0);
	ck_assert(e.answer_unknown);
	spool_entry_release(&e);
	ck_assert_int_eq(spool_load(&to, ids[2], false, &e, &status), 0);
	ck_assert(!e.answer_unknown);
	spool_entry_release(&e);
	spool_close(&to);
	snprintf(command, sizeof command, "rm -rf %s", other);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

/* Two lists: what is in flight is in both, as it was when it was listed first. */
static void
list_twice(void)
{
	list(all, 2);
	send_one(0);
	send_one(1);
	ck_assert_int_eq(spool_forget(&spool, &entries[0], &status), 0);
	ck_assert_int_eq(spool.unsynced, 1);
	list(all + 1, 2);
	ck_assert_int_eq(spool.unsynced, 0);
}

/* The third is written over the first. */
START_TEST(what_is_in_flight_is_listed_again)
{
	static const int lost[] = { 1 };
	int64_t ends[] = { entries[1].end };
	struct spool_entry *in_flight[] = { all[1], all[3] };

	list_twice();
	list(in_flight, 2);
	lose(lost, ends, 1);
	recover();
	ck_assert(is_unknown(1));
	ck_assert(is_unknown(2));
	ck_assert(is_unknown(3));
}
END_TEST

START_TEST(a_torn_list_leaves_the_one_before)
{
	static const int lost[] = { 1 };
	int64_t ends[] = { entries[1].end };
	int fd;

	list_twice();
	lose(lost, ends, 1);
	fd = openat(spool.directory, manifest.name, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "\0\0", 2, MANIFEST_HALF + _i), 2);
	close(fd);
	recover();
	ck_assert(is_unknown(1));
	ck_assert(!is_unknown(2));
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

/* The list says it of the journal as it was, and of no later one. */
START_TEST(a_list_stands_for_one_record)
{
	list(all, 1);
	ck_assert_int_eq(entries[0].listed, entries[0].end);
	ck_assert_int_eq(entries[1].listed, 0);
	send_one(0);
	ck_assert_int_ne(entries[0].listed, entries[0].end);
}
END_TEST

/* Whoever slept too long finds his list gone, and begins a new one. */
START_TEST(a_late_run_begins_anew)
{
	static const int lost[] = { 0 };
	int64_t ends[] = { entries[0].end };
	char first[MANIFEST_NAME_SIZE];

	list(all, 1);
	memcpy(first, manifest.name, sizeof first);
	lock_release(&manifest.lock);
	ck_assert_int_eq(lock_take_open(&manifest.lock, manifest.fd, 1), 0);
	usleep(20000);
	ck_assert(!manifest_hold(&manifest, &spool));
	recover();
	ck_assert_uint_eq(manifests(), 0);
	send_one(0);
	list(all, 2);
	ck_assert_str_ne(manifest.name, first);
	ck_assert_uint_eq(manifests(), 1);
	lose(lost, ends, 1);
	recover();
	ck_assert(is_unknown(0));
	ck_assert(is_unknown(1));
}
END_TEST

/* Nothing may be sent before it is done. */
START_TEST(one_waits_for_another_that_recovers)
{
	static const int lost[] = { 0 };
	int64_t ends[] = { entries[0].end };
	struct lock lock = LOCK_INIT;
	pid_t pid;
	int fd;

	list(all, 1);
	send_one(0);
	lose(lost, ends, 1);
	fd = openat(spool.directory, manifest.name, O_RDWR);
	ck_assert_int_eq(lock_take_open(&lock, fd, 60000), 0);
	if ((pid = fork()) == 0) {
		usleep(300000);
		_exit(0);	/* killed, and the lock free with it */
	}
	close(lock.fd);		/* it is his */
	close(fd);
	recover();
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(is_unknown(0));
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

/* The child recovers what the parent is about to make: none of them goes without
 * a name. */
START_TEST(a_new_list_is_not_taken_away)
{
	pid_t pid;
	int i;

	if ((pid = fork()) == 0)
		for (;;)
			(void)manifest_recover(&spool, &status);
	for (i = 0; i < 100; i++)
		if (manifest_write(&manifest, &spool, all, 1, &status) == 0) {
			ck_assert_uint_eq(manifests(), 1);
			manifest_end(&manifest, &spool);
		}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

/* Its own record is on the disk, and what comes of it must be, too. */
START_TEST(one_that_was_said_alone_is_not_covered)
{
	send_one(1);
	list(all, 2);
	ck_assert_int_eq(entries[0].listed, entries[0].end);
	ck_assert_int_eq(entries[1].listed, 0);
}
END_TEST

START_TEST(without_a_list_each_is_synced)
{
	int working = spool.directory;

	spool.directory = -1;
	ck_assert_int_eq(manifest_write(&manifest, &spool, all, 2, &status),
	    -1);
	ck_assert_int_eq(status.sysexit, EX_CANTCREAT);
	ck_assert_int_eq(entries[0].listed, 0);
	spool.directory = working;
	send_one(0);
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

/* Too many of them for one list: the last one stands. */
START_TEST(a_list_has_a_maximum)
{
	struct spool_entry *many[MANIFEST_MAX];
	size_t i;

	for (i = 0; i < MANIFEST_MAX; i++)
		many[i] = all[0];
	memset(entries[0].id, 'z', SPOOL_ID_SIZE - 1);
	list(many, MANIFEST_MAX);
}
END_TEST

static const char *const garbage[] = {
	"", "\n", "hello\n",
	"manifest boot=x messages=1 #0000000000000000\n",
};

START_TEST(what_is_no_list_goes)
{
	const char *bytes = garbage[_i];
	int fd = openat(spool.directory, "manifest.1.2",
	    O_WRONLY | O_CREAT | O_EXCL, 0640);

	ck_assert_int_eq(safefile_write_all(fd, bytes, strlen(bytes)), 0);
	close(fd);
	recover();
	ck_assert_uint_eq(manifests(), 0);
}
END_TEST

/* Where the kernel does not tell the boot, one in use is in use. */
START_TEST(a_run_of_an_unknown_boot_is_not_waited_for)
{
	struct lock lock = LOCK_INIT;
	struct buf line;
	int fd = openat(spool.directory, "manifest.1.2",
	    O_RDWR | O_CREAT | O_EXCL, 0640);

	sealed_begin(&line, "manifest boot=- messages=1");
	sealed_end(&line, "manifest.1.2", 0);
	ck_assert_int_eq(safefile_write_all(fd, line.data, line.len), 0);
	buf_release(&line);
	ck_assert_int_eq(lock_take_open(&lock, fd, 60000), 0);
	recover();
	ck_assert_uint_eq(manifests(), 1);
	lock_release(&lock);
	recover();
	ck_assert_uint_eq(manifests(), 0);
	close(fd);
}
END_TEST

START_TEST(no_link_is_followed)
{
	ck_assert_int_eq(symlinkat("/etc/passwd", spool.directory,
	    "manifest.1.2"), 0);
	recover();
	ck_assert_uint_eq(manifests(), 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("manifest");
	TCase *t = tcase_create("manifest");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_the_power_took_stands_in_the_list);
	tcase_add_test(t, one_that_was_written_down_is_left_alone);
	tcase_add_test(t, a_killed_process_leaves_its_journals);
	tcase_add_test(t, a_run_that_is_alive_keeps_its_list);
	tcase_add_test(t, a_message_in_other_hands_waits);
	tcase_add_test(t, what_is_adopted_has_its_records);
	tcase_add_test(t, what_is_in_flight_is_listed_again);
	tcase_add_loop_test(t, a_torn_list_leaves_the_one_before, 0, 40);
	tcase_add_test(t, a_list_stands_for_one_record);
	tcase_add_test(t, a_late_run_begins_anew);
	tcase_add_test(t, one_waits_for_another_that_recovers);
	tcase_add_test(t, a_new_list_is_not_taken_away);
	tcase_add_test(t, one_that_was_said_alone_is_not_covered);
	tcase_add_test(t, without_a_list_each_is_synced);
	tcase_add_test(t, a_list_has_a_maximum);
	tcase_add_loop_test(t, what_is_no_list_goes, 0,
	    (int)(sizeof garbage / sizeof *garbage));
	tcase_add_test(t, a_run_of_an_unknown_boot_is_not_waited_for);
	tcase_add_test(t, no_link_is_followed);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
