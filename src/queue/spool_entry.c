/* SPDX-License-Identifier: ISC
 *
 * One spooled message: opened, judged, locked and read.
 */
#include "queue/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "queue/journal.h"
#include "queue/sealed.h"

enum finding {
	FOUND,
	GONE,		/* or somebody works on it */
	UNREADABLE,	/* now, or by us: leave it where it is */
	BROKEN		/* for good: set it aside */
};

void
spool_entry_init(struct spool_entry *e)
{
	memset(e, 0, sizeof *e);
	e->submission.message.fd = -1;
	buf_init(&e->submission.message.memory, MESSAGE_MEMORY_MAX);
	e->lock = (struct lock)LOCK_INIT;
}

void
spool_entry_release(struct spool_entry *e)
{
	lock_release(&e->lock);
	submission_release(&e->submission);
	free(e->last_account);
	spool_entry_init(e);
}

void
spool_entry_forgive(struct spool_entry *e)
{
	struct envelope *envelope = &e->submission.envelope;
	size_t i;

	for (i = 0; i < envelope->count; i++)
		if (envelope->recipients[i].state == RECIPIENT_REFUSED)
			envelope->recipients[i].state = RECIPIENT_PENDING;
}

int
spool_part(const struct spool *s, bool is_failed)
{
	return is_failed ? s->failed : s->waiting;
}

/* Opens the file and judges what was opened: *sb. */
static enum finding
open_file(int directory, const char *id, int flags, int *fd, struct stat *sb,
    struct status *st)
{
	*fd = openat(directory, id,
	    flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd == -1) {
		status_set_errno(st, EX_IOERR, "opening message %s", id);
		if (errno == ENOENT)
			return GONE;
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ?
		    BROKEN : UNREADABLE;
	}
	if (fstat(*fd, sb) == -1) {
		status_set_errno(st, EX_IOERR, "message %s", id);
		return UNREADABLE;
	}
	if (!S_ISREG(sb->st_mode)) {
		status_set(st, EX_DATAERR, "message %s is no regular file", id);
		return BROKEN;
	}
	if (sb->st_nlink == 0) {
		status_set(st, EX_NOINPUT, "message %s is gone", id);
		return GONE;
	}
	if (sb->st_nlink != 1 || sb->st_uid != geteuid()) {
		status_set(st, EX_NOPERM, "message %s has %lu links and "
		    "belongs to uid %lu", id, (unsigned long)sb->st_nlink,
		    (unsigned long)sb->st_uid);
		status_hint(st, "it must have one link and belong to uid %lu; "
		    "find -inum %" PRIu64 " finds the other names",
		    (unsigned long)geteuid(), (uint64_t)sb->st_ino);
		return UNREADABLE;
	}
	return FOUND;
}

int64_t
spool_hold_ms(const struct spool *s)
{
	return s->config->send_timeout * 1000 + 2 * SPOOL_ANSWER_MS;
}

/* Locks it, and looks whether the name still means this file: it may have been
 * sent, or moved, before the lock was ours.  *opened is as it stays now. */
static enum finding
lock_file(struct lock *lock, const struct spool *s, int directory,
    const char *id, int fd, struct stat *opened, struct status *st)
{
	struct stat named;

	if (lock_take_open(lock, fd, spool_hold_ms(s)) == 1) {
		status_set(st, EX_TEMPFAIL, "message %s is being worked on",
		    id);
		status_hint(st, "another process is sending it: wait until that "
		    "is over, then see whether it is still there");
		return GONE;
	}
	if (fstat(fd, opened) == -1 ||
	    fstatat(directory, id, &named, AT_SYMLINK_NOFOLLOW) == -1 ||
	    opened->st_dev != named.st_dev || opened->st_ino != named.st_ino) {
		status_set(st, EX_NOINPUT, "message %s is gone", id);
		return GONE;
	}
	return FOUND;
}

/* All that lies behind the message in a file of `size` octets. */
static enum finding
read_bytes(int fd, int64_t from, int64_t size, struct buf *bytes,
    struct status *st)
{
	ssize_t n;

	buf_init(bytes, JOURNAL_MAX);
	if (size <= from || !buf_reserve(bytes, (size_t)(size - from))) {
		status_set(st, EX_DATAERR, "%" PRId64 " bytes long, with a "
		    "message of %" PRId64, size, from);
		return BROKEN;
	}
	while ((int64_t)bytes->len < size - from) {
		n = pread(fd, bytes->data + bytes->len,
		    (size_t)(size - from) - bytes->len,
		    from + (int64_t)bytes->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			status_set_errno(st, EX_IOERR, "reading");
			return UNREADABLE;
		}
		if (n == 0)	/* a torn record, cut off just now */
			break;
		bytes->len += (size_t)n;
	}
	bytes->data[bytes->len] = '\0';
	return FOUND;
}

/* Fills the entry from the journal; what it says must agree with the name. */
static enum finding
read_journal(struct spool_entry *e, const char *text, int fd, int64_t size,
    struct status *st)
{
	struct spool_id id = { 0 };
	struct buf bytes;
	enum finding found;
	size_t good = 0;

	if (!spool_id_parse(&id, text)) {
		status_set(st, EX_NOINPUT, "no message is called %s", text);
		return GONE;
	}
	if ((found = read_bytes(fd, id.size, size, &bytes, st)) != FOUND)
		goto out;
	found = BROKEN;
	if (journal_read(e, bytes.data, bytes.len, text, id.size, &good,
	    st) == -1)
		goto out;
	if (e->submission.uid != id.uid ||
	    e->submission.message.size != id.size) {
		status_set(st, EX_DATAERR, "name and envelope disagree");
		spool_entry_release(e);
		goto out;
	}
	e->size = id.size;
	e->end = id.size + (int64_t)good;
	found = FOUND;
out:
	buf_release(&bytes);
	return found;
}

/* Cuts off a torn group, so that the next one follows the last good one.  Only
 * who holds the lock may. */
static enum finding
cut_torn(struct spool_entry *e, int fd, int64_t size, struct status *st)
{
	if (size > e->end && ftruncate(fd, e->end) == -1) {
		status_set_errno(st, EX_IOERR, "cutting off a torn record");
		return UNREADABLE;
	}
	return FOUND;
}

/* Hands the descriptor to the entry's message. */
static enum finding
open_message(struct spool_entry *e, int fd, struct status *st)
{
	struct message *m = &e->submission.message;
	int64_t body_offset = m->body_offset;

	if (message_open(m, fd, e->size, body_offset, st) == 0)
		return FOUND;
	return st->sysexit == EX_DATAERR ? BROKEN : UNREADABLE;
}

static void
set_aside(struct spool *s, const char *id, bool is_failed, struct status *st)
{
	char name[SPOOL_ID_SIZE + sizeof ".broken"];
	struct log_event log;

	snprintf(name, sizeof name, "%s.broken", id);
	if (renameat(spool_part(s, is_failed), id, s->failed, name) == -1) {
		status_context(st, "message %s (which cannot be moved to "
		    "failed/ either)", id);
	} else {
		(void)fsync(s->failed);
		(void)fsync(s->waiting);
		status_context(st, "message %s cannot be understood and is now "
		    "failed/%s", id, name);
	}
	status_hint(st, "the file begins with the message as it was handed in: "
	    "look, and send it again if it is still wanted");
	log_event_begin(&log, "broken");
	log_event_add(&log, "id", "%s", id);
	log_event_add_status(&log, st);
	log_event_end(&log, LOG_ERR);
}

static int
as_return_value(enum finding found)
{
	return found == FOUND ? 0 : found == GONE ? 1 : -1;
}

/* A crash between the record "failed" and the rename left it in new/. */
static enum finding
finish_failing(struct spool *s, struct spool_entry *e, struct status *st)
{
	if (renameat(s->waiting, e->id, s->failed, e->id) == -1) {
		status_set_errno(st, EX_IOERR, "moving %s to failed/", e->id);
		return UNREADABLE;
	}
	(void)fsync(s->failed);
	(void)fsync(s->waiting);
	status_set(st, EX_NOINPUT, "message %s had failed", e->id);
	return GONE;
}

int
spool_load(struct spool *s, const char *id, bool is_failed,
    struct spool_entry *e, struct status *st)
{
	int directory = spool_part(s, is_failed), fd = -1;
	struct lock lock = LOCK_INIT;
	struct spool_id parsed = { 0 };
	enum finding found;
	struct stat sb;

	spool_entry_init(e);
	if (!spool_id_parse(&parsed, id)) {
		status_set(st, EX_NOINPUT, "no message is called %s", id);
		return 1;
	}
	if ((found = open_file(directory, id, O_RDWR, &fd, &sb, st)) != FOUND ||
	    (found = lock_file(&lock, s, directory, id, fd, &sb,
	    st)) != FOUND ||
	    (found = read_journal(e, id, fd, sb.st_size, st)) != FOUND ||
	    (found = cut_torn(e, fd, sb.st_size, st)) != FOUND ||
	    (found = open_message(e, fd, st)) != FOUND)
		goto out;
	fd = -1;	/* transferred */
	e->lock = lock;
	e->hold_ms = spool_hold_ms(s);
	lock = (struct lock)LOCK_INIT;	/* transferred */
	e->is_failed = is_failed;
	snprintf(e->id, sizeof e->id, "%s", id);
	if (e->has_failed && !is_failed)
		found = finish_failing(s, e, st);
out:
	if (found == BROKEN)
		set_aside(s, id, is_failed, st);
	if (found != FOUND)
		spool_entry_release(e);
	lock_release(&lock);
	if (fd != -1)
		close(fd);
	return as_return_value(found);
}

int
spool_peek(struct spool *s, const char *id, bool is_failed,
    struct spool_entry *e, struct status *st)
{
	enum finding found;
	struct stat sb;
	int fd = -1;

	spool_entry_init(e);
	found = open_file(spool_part(s, is_failed), id, O_RDONLY, &fd, &sb,
	    st);
	if (found == FOUND)
		found = read_journal(e, id, fd, sb.st_size, st);
	if (found == FOUND) {
		e->submission.message.fd = fd;
		fd = -1;	/* transferred */
		e->is_failed = is_failed;
		snprintf(e->id, sizeof e->id, "%s", id);
	}
	if (fd != -1)
		close(fd);
	return as_return_value(found);
}

bool
spool_entry_hold(struct spool_entry *e)
{
	if (e->lock.until - clock_ms() > SPOOL_ANSWER_MS ||
	    lock_extend(&e->lock, e->hold_ms) == 0)
		return true;
	/* Too late.  If nobody has the file we go on: whoever had it would have
	 * appended to it or removed it. */
	lock_release(&e->lock);
	return lock_take_open(&e->lock, e->submission.message.fd,
	    e->hold_ms) == 0;
}

bool
spool_entry_is_ours(struct spool_entry *e)
{
	struct stat sb;

	return spool_entry_hold(e) &&
	    fstat(e->submission.message.fd, &sb) == 0 && sb.st_nlink != 0 &&
	    sb.st_size == e->end;
}
