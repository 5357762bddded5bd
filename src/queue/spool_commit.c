/* SPDX-License-Identifier: ISC
 *
 * Making a message exist.  In order: message and journal into a file that has
 * no name, fsync, link into new/, fsync new/.  Up to the link nothing exists;
 * the file is locked until the end, so that nobody sends what is not yet safe.
 */
#include "queue/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "queue/journal.h"
#include "queue/temporary.h"

#define COPY_SIZE	(64 * 1024)
#define NAME_TRIES	20

/* What is to be kept. */
struct keeping {
	struct spool	*spool;
	const struct submission *submission;
	struct recipient *recipients;	/* shallow copies, in order */
	size_t		 count;
	struct journal_attempt attempt;
	const struct status *reason;
	bool		 is_failed;
	char		*id;
};

/* The time of day is no number that a clock set back cannot repeat: the random
 * part, and the look whether a name is free, see to that. */
static void
make_id(struct keeping *k)
{
	struct timespec now = { 0 };
	struct spool_id id;

	clock_gettime(CLOCK_REALTIME, &now);
	id = (struct spool_id){
		.time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
		.random = random_below(INT64_MAX),
		.size = k->submission->message.size,
		.uid = k->submission->uid
	};
	spool_id_format(&id, k->id);
}

static int
copy_message(const struct message *m, int fd, struct status *st)
{
	char *block = xmalloc(COPY_SIZE);
	int64_t offset = 0;
	ssize_t n;
	int rc = -1;

	while (offset < m->size) {
		if ((n = message_pread(m, block, COPY_SIZE, offset, st)) <= 0)
			goto out;
		if (safefile_write_all(fd, block, (size_t)n) == -1) {
			status_set_errno(st, EX_CANTCREAT,
			    "writing a message to the spool");
			goto out;
		}
		offset += n;
	}
	rc = 0;
out:
	free(block);
	return rc;
}

/* A message that lies in an unnamed file of the spool stays where it is, unless
 * that file was given a name before. */
static bool
can_stay(const struct keeping *k)
{
	const struct message *m = &k->submission->message;
	struct stat file, spool;

	return m->fd != -1 && m->linkable && fstat(m->fd, &file) == 0 &&
	    fstat(k->spool->directory, &spool) == 0 &&
	    file.st_nlink == 0 && file.st_dev == spool.st_dev;
}

/* A locked file with the message in it.  1: only a named one will do. */
static int
make_file(struct temporary *t, const struct keeping *k, bool named,
    struct status *st)
{
	int rc;

	if (!named && can_stay(k))
		return temporary_borrow(t, k->submission->message.fd, st);
	if ((rc = temporary_make(t, k->spool->directory, named, st)) != 0)
		return rc;
	if (copy_message(&k->submission->message, t->fd, st) == -1) {
		temporary_release(t, k->spool->directory);
		return -1;
	}
	return 0;
}

static void
fill_journal(struct journal *j, const struct keeping *k)
{
	const struct status none = STATUS_INIT;
	size_t i;

	journal_add_envelope(j, k->submission, k->count);
	for (i = 0; i < k->count; i++)
		journal_add_recipient(j, &k->recipients[i]);
	journal_add_states(j, k->recipients, k->count);
	journal_add_attempt(j, &k->attempt,
	    k->reason != NULL ? k->reason : &none);
	if (k->is_failed)
		journal_add_mark(j, JOURNAL_FAILED, k->attempt.at);
}

/* What we could not read again we do not promise to keep. */
static int
check_journal(const struct journal *j, struct status *st)
{
	struct spool_entry entry;
	size_t good;

	if (j->bytes.overflow)
		return status_set(st, EX_CANTCREAT, "the envelope is too long "
		    "for the spool");
	if (journal_read(&entry, j->bytes.data, j->bytes.len, j->id,
	    j->position, &good, st) == -1) {
		st->sysexit = EX_CANTCREAT;
		return status_context(st, "the envelope cannot be kept");
	}
	spool_entry_release(&entry);
	return 0;
}

/* Journal behind the message, and all of it on the disk. */
static int
write_journal(int fd, struct keeping *k, struct status *st)
{
	int64_t size = k->submission->message.size;
	struct journal j;
	int rc = -1;

	make_id(k);
	journal_init(&j, k->id, size, JOURNAL_FIRST_MAX);
	fill_journal(&j, k);
	if (check_journal(&j, st) == -1)
		goto out;
	if (ftruncate(fd, size) == -1 || lseek(fd, size, SEEK_SET) == -1 ||
	    safefile_write_all(fd, j.bytes.data, j.bytes.len) == -1 ||
	    fsync(fd) == -1) {
		status_set_errno(st, EX_CANTCREAT,
		    "writing a message to the spool");
		goto out;
	}
	rc = 0;
out:
	journal_release(&j);
	return rc;
}

/* What one user's messages in a directory take, going by their names first so
 * that the files of others are not looked at. */
static int64_t
bytes_of_user(int directory, uid_t uid)
{
	struct dirent *entry;
	struct spool_id id;
	int64_t sum = 0;
	struct stat sb;
	DIR *names;
	int fd;

	fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	if ((names = fdopendir(fd)) == NULL) {
		close(fd);
		return 0;
	}
	while ((entry = readdir(names)) != NULL)
		if (spool_id_parse(&id, entry->d_name) && id.uid == uid &&
		    fstatat(directory, entry->d_name, &sb,
		    AT_SYMLINK_NOFOLLOW) == 0)
			sum += (int64_t)sb.st_blocks * 512;
	closedir(names);
	return sum;
}

static int
check_user(const struct keeping *k, int fd, int directory, struct status *st)
{
	const struct config *c = k->spool->config;
	uid_t uid = k->submission->uid;
	struct stat sb;

	if (uid == 0 || c->spool_per_user <= 0)
		return 0;
	if (fstat(fd, &sb) == -1)
		return status_set_errno(st, EX_CANTCREAT, "fstat");
	if (bytes_of_user(directory, uid) + (int64_t)sb.st_blocks * 512 <=
	    c->spool_per_user)
		return 0;
	status_set(st, EX_CANTCREAT, "uid %lu has too much mail waiting",
	    (unsigned long)uid);
	return status_hint(st, "see what it is with `mailbearer queue`; "
	    "spool-per-user is %" PRId64 " bytes", c->spool_per_user);
}

/* Asked when all is written: the numbers then speak of what is, not of what
 * would be, and a hundred processes at once overdraw by next to nothing. */
static int
check_room(const struct keeping *k, int fd, int directory, struct status *st)
{
	const struct config *c = k->spool->config;
	struct statvfs fs;

	if (fstatvfs(directory, &fs) == 0 && fs.f_blocks != 0 &&
	    (int64_t)(fs.f_bavail * fs.f_frsize) < c->spool_reserve) {
		status_set(st, EX_CANTCREAT, "the spool's disk is full");
		return status_hint(st, "free space below %s: spool-reserve "
		    "keeps %" PRId64 " bytes free", c->spool_directory,
		    c->spool_reserve);
	}
	return check_user(k, fd, directory, st);
}

/* Gives the file its name and makes the name last.  A name that may not last is
 * taken back: the caller is told that the mail was not kept, so it must not be
 * sent either (nobody can have: the file is locked). */
static int
publish(struct temporary *t, const struct keeping *k, int directory,
    struct status *st)
{
	int error;

	if (temporary_publish(t, k->spool->directory, directory, k->id) == -1) {
		error = errno;
		status_set_errno(st, EX_CANTCREAT, "naming a spooled message");
		errno = error;
		return -1;
	}
	if (fsync(directory) == -1) {
		status_set_errno(st, EX_CANTCREAT, "fsync of the spool");
		(void)unlinkat(directory, k->id, 0);
		(void)fsync(directory);
		errno = EIO;
		return -1;
	}
	return 0;
}

/* 1: the file can have no name. */
static int
write_and_publish(struct temporary *t, struct keeping *k, struct status *st)
{
	int directory = k->is_failed ? k->spool->failed : k->spool->waiting;
	int i;

	for (i = 0; i < NAME_TRIES; i++) {
		if (write_journal(t->fd, k, st) == -1 ||
		    check_room(k, t->fd, directory, st) == -1)
			return -1;
		if (publish(t, k, directory, st) == 0)
			return 0;
		if (errno == EOPNOTSUPP && t->name[0] == '\0')
			return 1;
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

static int
keep(struct keeping *k, bool named, struct status *st)
{
	struct temporary t;
	int rc;

	if ((rc = make_file(&t, k, named, st)) != 0)
		return rc;
	rc = write_and_publish(&t, k, st);
	/* A borrowed file goes back as it came. */
	if (rc != 0 && t.is_borrowed &&
	    ftruncate(t.fd, k->submission->message.size) == -1)
		rc = -1;
	temporary_release(&t, k->spool->directory);
	return rc;
}

static bool
is_lost(const struct recipient *r)
{
	return r->state == RECIPIENT_REFUSED || r->state == RECIPIENT_UNUSABLE;
}

/* Shallow copies of the recipients that go to the file: who was refused is in
 * failed/ from the beginning, and must not come there a second time when the
 * others have been served. */
static void
choose_recipients(struct keeping *k)
{
	const struct envelope *e = &k->submission->envelope;
	size_t i;

	k->recipients = xcalloc(e->count, sizeof *k->recipients);
	for (i = 0; i < e->count; i++)
		if (k->is_failed == is_lost(&e->recipients[i]))
			k->recipients[k->count++] = e->recipients[i];
}

static int
commit(struct keeping *k, const char *account, struct status *st)
{
	struct status failure = STATUS_INIT;	/* forgotten if all ends well */
	char *name = xstrdup(account);
	int rc = -1;

	choose_recipients(k);
	k->attempt.account = name;
	if (k->is_failed || (k->reason != NULL &&
	    k->reason->sysexit != EX_OK)) {
		k->attempt.at = clock_wall();
		k->attempt.number = 1;
	}
	if (k->count == 0 || k->count > JOURNAL_RECIPIENTS_MAX)
		status_set(&failure, EX_CANTCREAT, "a message for %zu "
		    "recipients cannot be kept: 1 to %d", k->count,
		    JOURNAL_RECIPIENTS_MAX);
	else if ((rc = keep(k, false, &failure)) == 1)
		rc = keep(k, true, &failure);
	if (rc != 0) {
		*st = failure;
		k->id[0] = '\0';
		rc = -1;
	}
	free(k->recipients);
	free(name);
	return rc;
}

int
spool_commit(struct spool *s, struct submission *submission,
    const char *account, const struct status *reason, int64_t next_attempt,
    char id[SPOOL_ID_SIZE], struct status *st)
{
	struct keeping k = {
		.spool = s, .submission = submission, .reason = reason,
		.attempt = { .next = next_attempt }, .id = id
	};

	return commit(&k, account, st);
}

int
spool_commit_failed(struct spool *s, struct submission *submission,
    const char *account, char id[SPOOL_ID_SIZE], struct status *st)
{
	const struct envelope *e = &submission->envelope;
	struct keeping k = {
		.spool = s, .submission = submission, .is_failed = true,
		.id = id
	};
	const struct recipient *r = envelope_first(e, RECIPIENT_REFUSED);
	struct status reason;

	if (r == NULL)
		r = envelope_first(e, RECIPIENT_UNUSABLE);
	if (r != NULL) {
		recipient_status(r, &reason);
		k.reason = &reason;
	}
	return commit(&k, account, st);
}
