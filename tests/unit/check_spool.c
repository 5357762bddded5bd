/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "check_main.h"
#include "queue/journal.h"
#include "queue/sealed.h"
#include "queue/spool.h"
#include "queue/spool_id.h"

static const char text[] = "Subject: x\r\n\r\nenvelope version=1\r\n";

static char directory[] = "/tmp/check_spool.XXXXXX";
static struct config config;
static struct spool spool;
static struct submission submission;
static struct status status;

static void
add_recipient(const char *address)
{
	struct envelope *e = &submission.envelope;

	e->recipients = xreallocarray(e->recipients, e->count + 1,
	    sizeof *e->recipients);
	e->recipients[e->count++] = (struct recipient){
		.address = xstrdup(address)
	};
	e->cap = e->count;
}

static void
setup(void)
{
	memcpy(directory, "/tmp/check_spool.XXXXXX", sizeof directory);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	config = (struct config){
		.spool_directory = directory, .spool_per_user = 1 << 20,
		.keep_failed = 100
	};
	status_clear(&status);
	ck_assert_int_eq(spool_open(&spool, &config, &status), 0);
	submission = (struct submission){ .uid = 33, .received = 1790000000 };
	submission.message.fd = -1;
	buf_init(&submission.message.memory, MESSAGE_MEMORY_MAX);
	buf_addstr(&submission.message.memory, text);
	submission.message.size = (int64_t)strlen(text);
	submission.message.body_offset = 14;
	submission.envelope.sender = xstrdup("a@b.example");
	add_recipient("c@d.example");
	add_recipient("e@f.example");
}

static void
teardown(void)
{
	char command[64];

	submission_release(&submission);
	spool_close(&spool);
	snprintf(command, sizeof command, "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static size_t
files_in(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(copy);
	struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			count++;
	closedir(d);
	return count;
}

static void
commit(char id[SPOOL_ID_SIZE])
{
	ck_assert_int_eq(spool_commit(&spool, &submission, "alerts", NULL,
	    1790000300, id, &status), 0);
	ck_assert_int_eq(status.sysexit, EX_OK);
}

static void
load(const char *id, struct spool_entry *e)
{
	int rc = spool_load(&spool, id, false, e, &status);

	ck_assert_msg(rc == 0, "%s", status.text);
}

static void
check_content(const struct spool_entry *e)
{
	char bytes[sizeof text];

	ck_assert_int_eq(message_pread(&e->submission.message, bytes,
	    sizeof bytes, 0, &status), (ssize_t)strlen(text));
	ck_assert_int_eq(memcmp(bytes, text, strlen(text)), 0);
	ck_assert_str_eq(e->submission.envelope.sender, "a@b.example");
	ck_assert_uint_eq(e->submission.envelope.count, 2);
}

START_TEST(a_message_is_kept_and_read)
{
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];
	struct stat sb;

	commit(id);
	ck_assert_int_eq(fstatat(spool.waiting, id, &sb, 0), 0);
	ck_assert_uint_eq(sb.st_mode & 07777, 0640);
	ck_assert_uint_eq(files_in(spool.directory), 2);
	load(id, &e);
	ck_assert_str_eq(e.id, id);
	check_content(&e);
	ck_assert_int_eq(e.next_attempt, 1790000300);
	ck_assert_int_eq(e.attempts, 0);
	ck_assert_str_eq(e.last_account, "alerts");
	ck_assert_int_eq(spool_remove(&spool, &e, &status), 0);
	spool_entry_release(&e);
	ck_assert_uint_eq(files_in(spool.waiting), 0);
	ck_assert_int_eq(spool_load(&spool, id, false, &e, &status), 1);
}
END_TEST

/* A message past the memory limit lies in the spool already. */
START_TEST(an_unnamed_file_is_not_copied)
{
	struct stat before, after;
	struct spool_entry e;
	char id[SPOOL_ID_SIZE], again[SPOOL_ID_SIZE];
	bool linkable;

	submission.message.fd = safefile_unnamed_at(
	    spool_message_directory(&spool), &linkable, &status);
	if (!linkable)
		return;
	submission.message.linkable = linkable;
	ck_assert_int_eq(safefile_write_all(submission.message.fd, text,
	    strlen(text)), 0);
	fstat(submission.message.fd, &before);
	commit(id);
	ck_assert_int_eq(fstatat(spool.waiting, id, &after, 0), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	/* A second time it has to be: two messages are two files. */
	commit(again);
	ck_assert_int_eq(fstatat(spool.waiting, again, &after, 0), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);
	load(id, &e);
	check_content(&e);
	spool_entry_release(&e);
	load(again, &e);
	check_content(&e);
	spool_entry_release(&e);
}
END_TEST

/* What cannot be linked (no O_TMPFILE) is copied. */
START_TEST(an_unlinkable_file_is_copied)
{
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];

	submission.message.fd = openat(spool.directory, "x",
	    O_RDWR | O_CREAT, 0640);
	ck_assert_int_eq(unlinkat(spool.directory, "x", 0), 0);
	ck_assert_int_eq(safefile_write_all(submission.message.fd, text,
	    strlen(text)), 0);
	commit(id);
	load(id, &e);
	check_content(&e);
	spool_entry_release(&e);
}
END_TEST

START_TEST(attempts_are_remembered)
{
	struct status why = STATUS_INIT;
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	ck_assert_int_eq(spool_record_sent(&e, &status), 0);
	spool_entry_release(&e);
	load(id, &e);
	ck_assert(e.answer_unknown);
	e.submission.envelope.recipients[0].state = RECIPIENT_DELIVERED;
	status_set(&why, EX_TEMPFAIL, "RCPT TO");
	status_remote(&why, 451, "4.7.500", "busy");
	recipient_settle(&e.submission.envelope.recipients[1],
	    RECIPIENT_DEFERRED, &why);
	ck_assert_int_eq(spool_record_attempt(&e, "other", &why, 1790009999,
	    &status), 0);
	ck_assert_int_eq(e.attempts, 1);
	spool_entry_release(&e);
	load(id, &e);
	ck_assert(!e.answer_unknown);
	ck_assert_int_eq(e.attempts, 1);
	ck_assert_int_eq(e.next_attempt, 1790009999);
	ck_assert_str_eq(e.last_account, "other");
	ck_assert_str_eq(e.last_status.remote, "busy");
	ck_assert_int_eq(e.submission.envelope.recipients[0].state,
	    RECIPIENT_DELIVERED);
	ck_assert_str_eq(recipient_fate(
	    &e.submission.envelope.recipients[1])->enhanced, "4.7.500");
	spool_entry_release(&e);
}
END_TEST

/* A name stands for two: they are in the journal with the next record that tells
 * how recipients stand, once, and not in one that does not. */
START_TEST(whom_a_name_stood_for_is_recorded)
{
	struct envelope more = ENVELOPE_INIT, *to;
	struct address a = { .local = submission.envelope.sender };
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	to = &e.submission.envelope;
	envelope_add(&more, &a);
	envelope_move(to, &more);
	to->recipients[0].state = RECIPIENT_REPLACED;
	ck_assert_uint_eq(e.recorded, 2);
	ck_assert_int_eq(spool_record_sent(&e, &status), 0);
	ck_assert_uint_eq(e.recorded, 3);
	to->recipients[2].state = RECIPIENT_DELIVERED;
	ck_assert_int_eq(spool_record_attempt(&e, "alerts", NULL, 0, &status),
	    0);
	ck_assert_int_eq(spool_fail(&spool, &e, &status), 0);
	envelope_release(&more);
	spool_entry_release(&e);
	ck_assert_int_eq(spool_load(&spool, id, true, &e, &status), 0);
	ck_assert_uint_eq(to->count, 3);
	ck_assert_int_eq(to->recipients[0].state, RECIPIENT_REPLACED);
	ck_assert_int_eq(to->recipients[1].state, RECIPIENT_PENDING);
	ck_assert_int_eq(to->recipients[2].state, RECIPIENT_DELIVERED);
	ck_assert_str_eq(to->recipients[2].address, "a@b.example");
	spool_entry_release(&e);
}
END_TEST

/* Where the record cannot be written the name is there still. */
START_TEST(a_name_stays_where_nothing_can_be_written)
{
	struct envelope more = ENVELOPE_INIT;
	struct address a = { .local = submission.envelope.sender };
	struct rlimit now, small;
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];
	int rc;

	commit(id);
	load(id, &e);
	envelope_add(&more, &a);
	envelope_move(&e.submission.envelope, &more);
	e.submission.envelope.recipients[0].state = RECIPIENT_REPLACED;
	getrlimit(RLIMIT_FSIZE, &now);
	small = now;
	small.rlim_cur = (rlim_t)e.end + 10;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	rc = spool_record_attempt(&e, "alerts", NULL, 0, &status);
	setrlimit(RLIMIT_FSIZE, &now);
	ck_assert_int_eq(rc, -1);
	ck_assert_uint_eq(e.recorded, 2);
	envelope_release(&more);
	spool_entry_release(&e);
	load(id, &e);
	ck_assert_uint_eq(e.submission.envelope.count, 2);
	ck_assert_int_eq(e.submission.envelope.recipients[0].state,
	    RECIPIENT_PENDING);
	spool_entry_release(&e);
}
END_TEST

/* What could not be read again is not written. */
START_TEST(an_unreadable_record_is_not_written)
{
	struct status why = STATUS_INIT;
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	ck_assert_int_eq(spool_record_attempt(&e, "alerts", NULL, CLOCK_NEVER,
	    &status), -1);
	ck_assert_int_eq(status.sysexit, EX_SOFTWARE);
	ck_assert_int_eq(spool_record_attempt(&e, "a b", NULL, 0, &status), -1);
	why.reply = -1;
	ck_assert_int_eq(spool_record_attempt(&e, "alerts", &why, 0, &status),
	    -1);
	why.reply = 0;
	strcpy(why.remote, "\033[31m\n");
	ck_assert_int_eq(spool_record_attempt(&e, "alerts", &why, 0, &status),
	    0);
	spool_entry_release(&e);
	load(id, &e);
	ck_assert_int_eq(e.attempts, 1);
	ck_assert_str_eq(e.last_status.remote, "?[31m?");
	spool_entry_release(&e);
}
END_TEST

START_TEST(a_message_is_worked_on_by_one)
{
	struct spool_entry e, other;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	ck_assert_int_eq(spool_load(&spool, id, false, &other, &status), 1);
	ck_assert_int_eq(spool_peek(&spool, id, false, &other, &status), 0);
	check_content(&other);
	spool_entry_release(&other);
	spool_entry_release(&e);
	load(id, &e);
	spool_entry_release(&e);
}
END_TEST

/* The lock of a holder who slept too long is past, not gone. */
START_TEST(a_late_holder_finds_out)
{
	struct spool_entry e, other;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	lock_release(&e.lock);
	ck_assert_int_eq(lock_take_open(&e.lock, e.submission.message.fd, 20),
	    0);
	usleep(30000);
	load(id, &other);
	ck_assert(!spool_entry_is_ours(&e));
	ck_assert_int_eq(spool_record_sent(&e, &status), -1);
	ck_assert_int_eq(status.sysexit, EX_TEMPFAIL);
	ck_assert_int_eq(status.scope, SCOPE_MESSAGE);
	ck_assert(spool_entry_is_ours(&other));
	ck_assert_int_eq(spool_record_sent(&other, &status), 0);
	spool_entry_release(&other);
	/* The other one is done, but it was here. */
	ck_assert(!spool_entry_is_ours(&e));
	spool_entry_release(&e);
	load(id, &e);
	/* Late, and nobody came. */
	lock_release(&e.lock);
	ck_assert_int_eq(lock_take_open(&e.lock, e.submission.message.fd, 20),
	    0);
	usleep(30000);
	ck_assert(spool_entry_is_ours(&e));
	spool_entry_release(&e);
}
END_TEST

static void
append_bytes(const char *id, const char *bytes, size_t len)
{
	int fd = openat(spool.waiting, id, O_WRONLY | O_APPEND);

	ck_assert_int_eq(safefile_write_all(fd, bytes, len), 0);
	close(fd);
}

START_TEST(a_torn_record_is_cut_off)
{
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];
	struct stat before, after;

	commit(id);
	fstatat(spool.waiting, id, &before, 0);
	append_bytes(id, "sent at=17900", 13);
	ck_assert_int_eq(spool_peek(&spool, id, false, &e, &status), 0);
	spool_entry_release(&e);
	load(id, &e);
	fstatat(spool.waiting, id, &after, 0);
	ck_assert_int_eq(before.st_size, after.st_size);
	ck_assert_int_eq(spool_record_sent(&e, &status), 0);
	spool_entry_release(&e);
	load(id, &e);
	ck_assert(e.answer_unknown);
	spool_entry_release(&e);
}
END_TEST

/* A corrupt file among good ones is set aside and stops nobody. */
START_TEST(a_broken_file_is_set_aside)
{
	char id[SPOOL_ID_SIZE], good[SPOOL_ID_SIZE], name[64];
	struct spool_entry e;
	struct stat sb;

	commit(id);
	commit(good);
	append_bytes(id, "rubbish\nsent at=1\n", 18);
	ck_assert_int_eq(spool_peek(&spool, id, false, &e, &status), -1);
	ck_assert_int_eq(fstatat(spool.waiting, id, &sb, 0), 0);
	ck_assert_int_eq(spool_load(&spool, id, false, &e, &status), -1);
	ck_assert_int_eq(status.sysexit, EX_DATAERR);
	ck_assert_int_eq(fstatat(spool.waiting, id, &sb, 0), -1);
	snprintf(name, sizeof name, "%s.broken", id);
	ck_assert_int_eq(fstatat(spool.failed, name, &sb, 0), 0);
	load(good, &e);
	check_content(&e);
	spool_entry_release(&e);
}
END_TEST

/* However long its data may take, nobody else sends it meanwhile. */
START_TEST(the_lock_outlasts_a_slow_transfer)
{
	char id[SPOOL_ID_SIZE];
	struct spool_entry e;

	config.send_timeout = 3600;	/* no more can be said */
	commit(id);
	load(id, &e);
	ck_assert_int_ge(e.lock.until - clock_ms(),
	    3600 * 1000 + SPOOL_ANSWER_MS);
	e.lock.until = clock_ms() + SPOOL_ANSWER_MS;	/* an hour later */
	ck_assert(spool_entry_is_ours(&e));
	ck_assert_int_gt(e.lock.until - clock_ms(), SPOOL_ANSWER_MS);
	spool_entry_release(&e);
}
END_TEST

/* A message that holds the whole journal of another, or of itself, is a message
 * and nothing else. */
START_TEST(a_message_may_look_like_a_journal)
{
	char id[SPOOL_ID_SIZE], bytes[4096];
	struct spool_entry e;
	ssize_t n;
	int fd;

	commit(id);
	fd = openat(spool.waiting, id, O_RDONLY);
	n = read(fd, bytes, sizeof bytes);
	close(fd);
	ck_assert_int_gt(n, 0);
	buf_reset(&submission.message.memory);
	buf_add(&submission.message.memory, bytes, (size_t)n);
	buf_add(&submission.message.memory, bytes, (size_t)n);
	submission.message.size = n * 2;
	free(submission.envelope.sender);
	submission.envelope.sender = xstrdup("other@b.example");
	commit(id);
	ck_assert_int_eq(spool_peek(&spool, id, false, &e, &status), 0);
	ck_assert_int_eq(e.size, n * 2);
	ck_assert_str_eq(e.submission.envelope.sender, "other@b.example");
	spool_entry_release(&e);
}
END_TEST

/* What does not belong there: left alone or set aside, never followed. */
START_TEST(foreign_files_are_refused)
{
	static const char hole[] = "000000000aaaaS5U0";
	char id[SPOOL_ID_SIZE];
	struct spool_entry e;
	struct stat sb;
	int fd;

	commit(id);
	ck_assert_int_eq(linkat(spool.waiting, id, spool.directory, "other",
	    0), 0);
	ck_assert_int_eq(spool_load(&spool, id, false, &e, &status), -1);
	ck_assert_int_eq(fstatat(spool.waiting, id, &sb, 0), 0);
	ck_assert_int_eq(unlinkat(spool.waiting, id, 0), 0);
	ck_assert_int_eq(symlinkat("../other", spool.waiting, id), 0);
	ck_assert_int_eq(spool_load(&spool, id, false, &e, &status), -1);
	ck_assert_int_eq(mkfifoat(spool.waiting, id, 0600), 0);
	ck_assert_int_eq(spool_load(&spool, id, false, &e, &status), -1);
	ck_assert_int_eq(mkdirat(spool.waiting, id, 0700), 0);
	ck_assert_int_eq(spool_load(&spool, id, false, &e, &status), -1);
	fd = openat(spool.waiting, hole, O_WRONLY | O_CREAT, 0600);
	close(fd);
	ck_assert_int_eq(spool_load(&spool, hole, false, &e, &status), -1);
	fd = openat(spool.waiting, hole, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(fd, INT64_C(1) << 40), 0);
	close(fd);
	ck_assert_int_eq(spool_load(&spool, hole, false, &e, &status), -1);
	ck_assert_int_eq(spool_load(&spool, "../../etc/passwd", false, &e,
	    &status), 1);
}
END_TEST

/* A file as spool_commit() would have left it, under a name of our choice. */
static void
forge(const struct spool_id *parsed, char id[SPOOL_ID_SIZE])
{
	const struct journal_attempt first = { .next = 1790000300 };
	const struct status none = STATUS_INIT;
	struct journal j;
	size_t i;
	int fd;

	spool_id_format(parsed, id);
	journal_init(&j, id, parsed->size, 1 << 16);
	journal_add_envelope(&j, &submission, submission.envelope.count);
	for (i = 0; i < submission.envelope.count; i++)
		journal_add_recipient(&j, &submission.envelope.recipients[i]);
	journal_add_attempt(&j, &first, &none);
	fd = openat(spool.waiting, id, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_eq(safefile_write_all(fd, text, (size_t)parsed->size), 0);
	ck_assert_int_eq(safefile_write_all(fd, j.bytes.data, j.bytes.len), 0);
	close(fd);
	journal_release(&j);
}

/* Who may see and cancel a message, and whose share of the spool it takes, is
 * read from its name: one that the envelope contradicts is no message. */
START_TEST(a_name_that_lies_is_found_out)
{
	char id[SPOOL_ID_SIZE], name[64];
	struct spool_entry e;
	struct spool_id parsed;
	struct stat sb;

	parsed = (struct spool_id){ .time_ms = 1790000000000,
	    .size = submission.message.size - (_i == 1),
	    .uid = submission.uid + (_i == 2) };
	forge(&parsed, id);
	if (_i == 0) {		/* one that does not */
		load(id, &e);
		spool_entry_release(&e);
		return;
	}
	ck_assert_int_eq(spool_load(&spool, id, false, &e, &status), -1);
	ck_assert_int_eq(status.sysexit, EX_DATAERR);
	snprintf(name, sizeof name, "%s.broken", id);
	ck_assert_int_eq(fstatat(spool.failed, name, &sb, 0), 0);
}
END_TEST

/* Nor can a journal be put under the name of another message. */
START_TEST(a_renamed_message_is_found_out)
{
	char id[SPOOL_ID_SIZE], other[SPOOL_ID_SIZE];
	struct spool_entry e;
	struct spool_id parsed;

	commit(id);
	ck_assert(spool_id_parse(&parsed, id));
	parsed.random++;
	spool_id_format(&parsed, other);
	ck_assert_int_eq(renameat(spool.waiting, id, spool.waiting, other), 0);
	ck_assert_int_eq(spool_load(&spool, other, false, &e, &status), -1);
	ck_assert_int_eq(status.sysexit, EX_DATAERR);
}
END_TEST

START_TEST(failing_and_requeueing_move_it)
{
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	e.submission.envelope.recipients[0].state = RECIPIENT_REFUSED;
	e.submission.envelope.recipients[1].state = RECIPIENT_DELIVERED;
	ck_assert_int_eq(spool_record_attempt(&e, "alerts", NULL, 0, &status),
	    0);
	ck_assert_int_eq(spool_fail(&spool, &e, &status), 0);
	ck_assert(e.is_failed);
	spool_entry_release(&e);
	ck_assert_uint_eq(files_in(spool.waiting), 0);
	ck_assert_int_eq(spool_load(&spool, id, true, &e, &status), 0);
	ck_assert(e.has_failed);
	ck_assert_int_eq(spool_requeue(&spool, &e, &status), 0);
	spool_entry_release(&e);
	load(id, &e);
	ck_assert(!e.has_failed);
	ck_assert_int_eq(e.submission.envelope.recipients[0].state,
	    RECIPIENT_PENDING);
	ck_assert_int_eq(e.submission.envelope.recipients[1].state,
	    RECIPIENT_DELIVERED);
	ck_assert_int_le(e.next_attempt, clock_wall());
	spool_entry_release(&e);
}
END_TEST

/* A crash between the record and the rename. */
START_TEST(a_failed_message_in_new_is_moved_on)
{
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	ck_assert_int_eq(spool_fail(&spool, &e, &status), 0);
	spool_entry_release(&e);
	ck_assert_int_eq(renameat(spool.failed, id, spool.waiting, id), 0);
	ck_assert_int_eq(spool_load(&spool, id, false, &e, &status), 1);
	ck_assert_int_eq(spool_load(&spool, id, true, &e, &status), 0);
	spool_entry_release(&e);
}
END_TEST

START_TEST(only_the_refused_go_to_failed)
{
	struct spool_entry e;
	struct status why = STATUS_INIT;
	char id[SPOOL_ID_SIZE];

	ck_assert_int_eq(spool_commit_failed(&spool, &submission, NULL, id,
	    &status), -1);
	status_set(&why, EX_NOUSER, "no");
	recipient_settle(&submission.envelope.recipients[1], RECIPIENT_REFUSED,
	    &why);
	status_clear(&status);
	ck_assert_int_eq(spool_commit_failed(&spool, &submission, NULL, id,
	    &status), 0);
	ck_assert_int_eq(spool_load(&spool, id, true, &e, &status), 0);
	ck_assert(e.has_failed);
	ck_assert_uint_eq(e.submission.envelope.count, 1);
	ck_assert_str_eq(e.submission.envelope.recipients[0].address,
	    "e@f.example");
	ck_assert_str_eq(e.last_status.text, "no");
	spool_entry_release(&e);
}
END_TEST

/* And those who are no address, with what the server said of the others before
 * what we say of them; to be tried again with nobody. */
START_TEST(so_do_the_unusable)
{
	struct envelope *to = &submission.envelope;
	struct spool_entry e;
	struct status why = STATUS_INIT;
	char id[SPOOL_ID_SIZE], waiting[SPOOL_ID_SIZE];

	envelope_add_unusable(to, "g@h@i");
	ck_assert_int_eq(spool_commit_failed(&spool, &submission, NULL, id,
	    &status), 0);
	ck_assert_int_eq(spool_load(&spool, id, true, &e, &status), 0);
	ck_assert_uint_eq(e.submission.envelope.count, 1);
	ck_assert_str_eq(e.last_status.enhanced, "5.1.3");
	ck_assert_int_eq(spool_requeue(&spool, &e, &status), 0);
	spool_entry_release(&e);
	load(id, &e);
	ck_assert_int_eq(e.submission.envelope.recipients[0].state,
	    RECIPIENT_UNUSABLE);
	spool_entry_release(&e);
	commit(waiting);
	load(waiting, &e);
	ck_assert_uint_eq(e.submission.envelope.count, 2);
	spool_entry_release(&e);

	status_set(&why, EX_NOUSER, "no");
	recipient_settle(&to->recipients[1], RECIPIENT_REFUSED, &why);
	ck_assert_int_eq(spool_commit_failed(&spool, &submission, NULL, id,
	    &status), 0);
	ck_assert_int_eq(spool_load(&spool, id, true, &e, &status), 0);
	ck_assert_uint_eq(e.submission.envelope.count, 2);
	ck_assert_str_eq(e.last_status.text, "no");
	spool_entry_release(&e);
}
END_TEST

START_TEST(lists_are_sorted_by_age)
{
	char id[3][SPOOL_ID_SIZE], **ids;
	size_t count, i;

	for (i = 0; i < 3; i++) {
		commit(id[i]);
		usleep(2000);
	}
	close(openat(spool.waiting, "stranger", O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(spool_list(&spool, false, &ids, &count, &status), 0);
	ck_assert_uint_eq(count, 3);
	for (i = 0; i < 3; i++)
		ck_assert_str_eq(ids[i], id[i]);
	spool_ids_free(ids, count);
	ck_assert_int_eq(spool_list(&spool, true, &ids, &count, &status), 0);
	ck_assert_uint_eq(count, 0);
	spool_ids_free(ids, count);
}
END_TEST

START_TEST(failed_messages_expire)
{
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	ck_assert_int_eq(spool_fail(&spool, &e, &status), 0);
	spool_entry_release(&e);
	close(openat(spool.failed, "x.broken", O_CREAT | O_WRONLY, 0600));
	close(openat(spool.failed, "x", O_CREAT | O_WRONLY, 0600));
	spool_expire_failed(&spool, clock_wall() + 99);
	ck_assert_uint_eq(files_in(spool.failed), 3);
	spool_expire_failed(&spool, clock_wall() - 86400);
	ck_assert_uint_eq(files_in(spool.failed), 3);
	spool_expire_failed(&spool, clock_wall() + 102);
	ck_assert_uint_eq(files_in(spool.failed), 1);
}
END_TEST

START_TEST(one_user_cannot_fill_the_spool)
{
	char id[SPOOL_ID_SIZE];
	int i;

	config.spool_per_user = 20000;
	for (i = 0; i < 10; i++)
		if (spool_commit(&spool, &submission, NULL, NULL, 0, id,
		    &status) == -1)
			break;
	ck_assert_int_gt(i, 0);
	ck_assert_int_lt(i, 10);
	ck_assert_int_eq(status.sysexit, EX_CANTCREAT);
	ck_assert_uint_eq(files_in(spool.waiting), (size_t)i);
	status_clear(&status);
	submission.uid = 34;
	commit(id);
	submission.uid = 0;
	for (i = 0; i < 10; i++)
		commit(id);
}
END_TEST

START_TEST(the_reserve_is_kept)
{
	char id[SPOOL_ID_SIZE];

	config.spool_reserve = INT64_C(1) << 60;
	ck_assert_int_eq(spool_commit(&spool, &submission, NULL, NULL, 0, id,
	    &status), -1);
	ck_assert_int_eq(status.sysexit, EX_CANTCREAT);
	ck_assert_uint_eq(files_in(spool.waiting), 0);
}
END_TEST

/* A caller's limit on file sizes, at every size. */
START_TEST(a_limit_on_file_sizes_leaves_nothing)
{
	struct rlimit limit;
	char id[SPOOL_ID_SIZE];
	struct spool_entry e;
	size_t kept = 0;
	rlim_t size;
	int sent, tried;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	/* Nothing is asserted under the limit: check(3) writes a file, too. */
	for (size = 0; size < 600; size += 7) {
		limit.rlim_cur = size;
		setrlimit(RLIMIT_FSIZE, &limit);
		status_clear(&status);
		if (spool_commit(&spool, &submission, "alerts", NULL, 0, id,
		    &status) == 0)
			kept++;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_FSIZE, &limit);
		ck_assert(status.sysexit == EX_OK ||
		    status.sysexit == EX_CANTCREAT);
		ck_assert_uint_eq(files_in(spool.waiting), kept);
	}
	ck_assert_uint_gt(kept, 0);
	/* The journal of one that is kept: the record is refused whole. */
	status_clear(&status);
	commit(id);
	load(id, &e);
	limit.rlim_cur = (rlim_t)e.end + 10;
	setrlimit(RLIMIT_FSIZE, &limit);
	sent = spool_record_sent(&e, &status);
	tried = spool_record_attempt(&e, NULL, NULL, 0, &status);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(sent, -1);
	ck_assert_int_eq(tried, -1);
	ck_assert_int_eq(spool_record_attempt(&e, NULL, NULL, 0, &status), 0);
	spool_entry_release(&e);
	load(id, &e);
	ck_assert_int_eq(e.attempts, 1);
	spool_entry_release(&e);
}
END_TEST

static const struct {
	const char *sender, *recipient;
} invalid[] = {
	{ "a@b>\r\nRCPT TO:<evil@x", "c@d" },
	{ "a@b", "c@d\nstate is=delivered of=0" },
	{ "a@b", "" },
	{ "a@b", "<c@d>" },
	{ "a b", "c@d" },
};

START_TEST(an_invalid_envelope_is_not_kept)
{
	char id[SPOOL_ID_SIZE];

	free(submission.envelope.sender);
	submission.envelope.sender = xstrdup(invalid[_i].sender);
	add_recipient(invalid[_i].recipient);
	ck_assert_int_eq(spool_commit(&spool, &submission, NULL, NULL, 0, id,
	    &status), -1);
	ck_assert_int_eq(status.sysexit, EX_CANTCREAT);
	ck_assert_uint_eq(files_in(spool.waiting), 0);
}
END_TEST

START_TEST(stale_temporary_files_go)
{
	struct lock lock;
	int stale, used;

	stale = openat(spool.directory, "tmp.1.1", O_CREAT | O_RDWR, 0600);
	used = openat(spool.directory, "tmp.1.2", O_CREAT | O_RDWR, 0600);
	ck_assert_int_eq(lock_take_open(&lock, used, 60000), 0);
	spool_sweep(&spool, clock_wall() + 59);	/* both too young */
	ck_assert_uint_eq(files_in(spool.directory), 4);
	spool_sweep(&spool, clock_wall() + 62);
	ck_assert_uint_eq(files_in(spool.directory), 3);
	lock_release(&lock);
	spool_sweep(&spool, clock_wall() + 62);
	ck_assert_uint_eq(files_in(spool.directory), 2);
	close(stale);
	close(used);
}
END_TEST

START_TEST(a_spool_that_cannot_be_used_says_so)
{
	struct config bad = { .spool_directory = xstrdup("/nonexistent/x") };
	struct spool s;

	ck_assert_int_eq(spool_open(&s, &bad, &status), -1);
	ck_assert_int_eq(status.sysexit, EX_CANTCREAT);
	spool_close(&s);
	free(bad.spool_directory);
}
END_TEST

/* A name in the way of the move: nothing is lost, and nobody is told that it
 * went well. */
START_TEST(what_cannot_be_moved_stays)
{
	char id[SPOOL_ID_SIZE];
	struct spool_entry e;
	struct stat sb;

	commit(id);
	load(id, &e);
	ck_assert_int_eq(mkdirat(spool.failed, id, 0700), 0);
	ck_assert_int_eq(spool_fail(&spool, &e, &status), -1);
	ck_assert_int_eq(status.sysexit, EX_CANTCREAT);
	ck_assert(!e.is_failed);
	ck_assert_int_eq(fstatat(spool.waiting, id, &sb, 0), 0);
	spool_entry_release(&e);
}
END_TEST

/* What was sent and cannot be removed has to be said: it would go out again. */
/* Everybody deferred with words of his own, as long as they can be. */
static void
defer_all(struct envelope *e)
{
	struct status st = STATUS_INIT;
	size_t i;

	for (i = 0; i < e->count; i++) {
		status_set(&st, EX_TEMPFAIL, "%zu", i);
		memset(st.hint, '%', sizeof st.hint - 1);
		memset(st.remote, '%', sizeof st.remote - 1);
		recipient_settle(&e->recipients[i], RECIPIENT_DEFERRED, &st);
	}
}

START_TEST(a_full_journal_takes_what_came_of_what_it_let_go)
{
	struct spool_entry e;
	char id[SPOOL_ID_SIZE], name[20];
	int attempts = 0;

	while (submission.envelope.count < 70) {
		snprintf(name, sizeof name, "%zu@x.example",
		    submission.envelope.count);
		add_recipient(name);
	}
	commit(id);
	load(id, &e);
	defer_all(&e.submission.envelope);
	/* As if so much of the message were journal. */
	e.size -= JOURNAL_MAX - 12 * SEALED_MAX;
	while (spool_record_sent(&e, &status) == 0) {
		ck_assert_int_eq(spool_record_attempt(&e, NULL, &status, 0,
		    &status), 0);
		attempts++;
	}
	ck_assert_ptr_nonnull(strstr(status.text, "full"));
	ck_assert_int_gt(attempts, 9);	/* brief ones */
	ck_assert_int_eq(spool_record_attempt(&e, NULL, NULL, 0, &status), 0);
	ck_assert_int_eq(spool_fail(&spool, &e, &status), 0);
	spool_entry_release(&e);
	ck_assert_int_eq(spool_load(&spool, id, true, &e, &status), 0);
	ck_assert_int_eq(e.attempts, attempts + 1);
	spool_entry_release(&e);
}
END_TEST

START_TEST(what_cannot_be_removed_is_an_error)
{
	char id[SPOOL_ID_SIZE];
	struct spool_entry e;

	commit(id);
	load(id, &e);
	ck_assert_int_eq(renameat(spool.waiting, id, spool.directory, "x"), 0);
	ck_assert_int_eq(mkdirat(spool.waiting, id, 0700), 0);
	ck_assert_int_eq(spool_forget(&spool, &e, &status), -1);
	ck_assert_int_eq(spool_remove(&spool, &e, &status), -1);
	ck_assert_int_eq(status.sysexit, EX_IOERR);
	ck_assert_ptr_nonnull(strstr(status.text, id));
	spool_entry_release(&e);
}
END_TEST

/* new/ and failed/ lead nowhere else. */
START_TEST(a_part_is_a_directory_of_ours)
{
	static const char *const parts[] = { "new", "failed" };
	struct spool s;

	ck_assert_int_eq(unlinkat(spool.directory, parts[_i], AT_REMOVEDIR), 0);
	ck_assert_int_eq(symlinkat("/tmp", spool.directory, parts[_i]), 0);
	ck_assert_int_eq(spool_open(&s, &config, &status), -1);
	ck_assert_int_eq(status.sysexit, EX_CANTCREAT);
	ck_assert_ptr_nonnull(strstr(status.text, parts[_i]));
	ck_assert_ptr_nonnull(strstr(status.hint, "directory of mailbearer's"));
	ck_assert_int_eq(s.directory, -1);
	ck_assert_int_eq(unlinkat(spool.directory, parts[_i], 0), 0);
	close(openat(spool.directory, parts[_i], O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(spool_open(&s, &config, &status), -1);
}
END_TEST

static void
expect_in_file(const char *path, const char *words)
{
	char line[1024] = "";
	int fd = open(path, O_RDONLY);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_gt(read(fd, line, sizeof line - 1), 0);
	close(fd);
	ck_assert_msg(strstr(line, words) != NULL, "%s", line);
}

/* From a spool directory that the config no longer names; on another file system
 * it stays, and the log says where. */
START_TEST(an_old_spool_is_adopted)
{
	static const char *const places[] = { "/tmp", "/dev/shm" };
	char other[64], log[64], command[128], id[SPOOL_ID_SIZE];
	struct config new_config = config;
	struct spool to;
	struct stat here, there, sb;
	bool is_same;

	snprintf(other, sizeof other, "%s/check_spool.XXXXXX", places[_i]);
	if (stat("/tmp", &here) == -1 || stat(places[_i], &there) == -1 ||
	    mkdtemp(other) == NULL)
		return;
	is_same = here.st_dev == there.st_dev;
	snprintf(log, sizeof log, "%s/log", directory);
	ck_assert_int_eq(log_open("check", log, &status), 0);
	new_config.spool_directory = other;
	ck_assert_int_eq(spool_open(&to, &new_config, &status), 0);
	commit(id);
	spool_adopt(&to, &spool);
	ck_assert_int_eq(fstatat(to.waiting, id, &sb, 0), is_same ? 0 : -1);
	ck_assert_int_eq(fstatat(spool.waiting, id, &sb, 0), is_same ? -1 : 0);
	expect_in_file(log, is_same ? "adopted messages=1" :
	    "stranded messages=1");
	expect_in_file(log, directory);
	spool_close(&to);
	snprintf(command, sizeof command, "rm -rf %s", other);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

static bool
is_in(int part, const char *name)
{
	struct stat sb;

	return fstatat(part, name, &sb, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
open_other(struct spool *to, struct config *c, char *path)
{
	*c = config;
	c->spool_directory = path;
	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(spool_open(to, c, &status), 0);
}

static void
remove_other(struct spool *to)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s",
	    to->config->spool_directory);
	spool_close(to);
	ck_assert_int_eq(system(command), 0);
}

/* Who has it would be told that it is gone, and it would be sent again. */
START_TEST(what_is_in_use_is_not_adopted)
{
	char other[] = "/tmp/check_spool.XXXXXX";
	char free_id[SPOOL_ID_SIZE], used_id[SPOOL_ID_SIZE];
	struct config c;
	struct spool_entry e;
	struct spool to;

	open_other(&to, &c, other);
	commit(free_id);
	commit(used_id);
	load(used_id, &e);
	spool_adopt(&to, &spool);
	ck_assert(is_in(to.waiting, free_id));
	ck_assert(is_in(spool.waiting, used_id));
	ck_assert(!is_in(to.waiting, used_id));
	ck_assert_int_eq(spool_forget(&spool, &e, &status), 0);
	spool_entry_release(&e);
	spool_adopt(&to, &spool);
	ck_assert_uint_eq(files_in(to.waiting), 1);
	remove_other(&to);
}
END_TEST

/* Moved by whatever means, it is there still, and must not count as removed. */
START_TEST(what_was_moved_is_not_removed)
{
	struct spool_entry e;
	char id[SPOOL_ID_SIZE];

	commit(id);
	load(id, &e);
	ck_assert_int_eq(renameat(spool.waiting, id, spool.directory, id), 0);
	ck_assert_int_eq(spool_forget(&spool, &e, &status), -1);
	ck_assert_int_eq(spool_remove(&spool, &e, &status), -1);
	ck_assert_int_eq(unlinkat(spool.directory, id, 0), 0);
	ck_assert_int_eq(spool_forget(&spool, &e, &status), 0);
	spool_entry_release(&e);
}
END_TEST

START_TEST(what_has_failed_is_adopted)
{
	static const char broken[] = "mdx1k2z9aq3k7SgU9d.broken";
	char other[] = "/tmp/check_spool.XXXXXX";
	struct spool_entry e;
	struct spool to;
	struct config c;
	char id[SPOOL_ID_SIZE];

	open_other(&to, &c, other);
	commit(id);
	load(id, &e);
	ck_assert_int_eq(spool_fail(&spool, &e, &status), 0);
	spool_entry_release(&e);
	close(openat(spool.failed, broken, O_WRONLY | O_CREAT, 0640));
	spool_adopt(&to, &spool);
	ck_assert_uint_eq(files_in(spool.failed), 0);
	ck_assert(is_in(to.failed, id));
	ck_assert(is_in(to.failed, broken));
	ck_assert_int_eq(spool_load(&to, id, true, &e, &status), 0);
	spool_entry_release(&e);
	remove_other(&to);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("spool");
	TCase *t = tcase_create("spool");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_message_is_kept_and_read);
	tcase_add_test(t, an_unnamed_file_is_not_copied);
	tcase_add_test(t, an_unlinkable_file_is_copied);
	tcase_add_test(t, attempts_are_remembered);
	tcase_add_test(t, whom_a_name_stood_for_is_recorded);
	tcase_add_test(t, a_name_stays_where_nothing_can_be_written);
	tcase_add_test(t, an_unreadable_record_is_not_written);
	tcase_add_test(t, a_message_is_worked_on_by_one);
	tcase_add_test(t, a_late_holder_finds_out);
	tcase_add_test(t, the_lock_outlasts_a_slow_transfer);
	tcase_add_test(t, a_torn_record_is_cut_off);
	tcase_add_test(t, a_broken_file_is_set_aside);
	tcase_add_test(t, a_message_may_look_like_a_journal);
	tcase_add_test(t, foreign_files_are_refused);
	tcase_add_loop_test(t, a_name_that_lies_is_found_out, 0, 3);
	tcase_add_test(t, a_renamed_message_is_found_out);
	tcase_add_test(t, failing_and_requeueing_move_it);
	tcase_add_test(t, a_failed_message_in_new_is_moved_on);
	tcase_add_test(t, only_the_refused_go_to_failed);
	tcase_add_test(t, so_do_the_unusable);
	tcase_add_test(t, lists_are_sorted_by_age);
	tcase_add_test(t, failed_messages_expire);
	tcase_add_test(t, one_user_cannot_fill_the_spool);
	tcase_add_test(t, the_reserve_is_kept);
	tcase_add_test(t, a_limit_on_file_sizes_leaves_nothing);
	tcase_add_loop_test(t, an_invalid_envelope_is_not_kept, 0,
	    (int)(sizeof invalid / sizeof *invalid));
	tcase_add_test(t, stale_temporary_files_go);
	tcase_add_test(t, a_spool_that_cannot_be_used_says_so);
	tcase_add_test(t, what_cannot_be_moved_stays);
	tcase_add_test(t, what_cannot_be_removed_is_an_error);
	tcase_add_test(t, a_full_journal_takes_what_came_of_what_it_let_go);
	tcase_add_loop_test(t, a_part_is_a_directory_of_ours, 0, 2);
	tcase_add_loop_test(t, an_old_spool_is_adopted, 0, 2);
	tcase_add_test(t, what_is_in_use_is_not_adopted);
	tcase_add_test(t, what_was_moved_is_not_removed);
	tcase_add_test(t, what_has_failed_is_adopted);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
