/* SPDX-License-Identifier: ISC
 *
 * What becomes of a spooled message that is ours: records are appended, the
 * file is moved or removed.
 */
#include "queue/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "queue/journal.h"
#include "queue/sealed.h"

/* What a full disk must leave for the record of an attempt. */
#define ATTEMPT_ROOM	8192
/* As much is left in any case, so that room need not be reserved: that is half as
 * much work again as the record itself. */
#define PLENTY		(64 << 20)

/* How long a journal may be after a record.  "Sent" leaves room for what came of
 * it, or who was served would be served again; and that for the mark with which a
 * message leaves new/.  Past half of it states are brief; what fills it all the
 * same, thousands of recipients who change places at each attempt, is not sent
 * any more and given up when retry-for is over. */
#define MARK_END	JOURNAL_MAX
#define ATTEMPT_END	(MARK_END - 2 * SEALED_MAX)
#define SENT_END	(ATTEMPT_END - 5 * SEALED_MAX)	/* states, attempt */
#define BRIEF_FROM	(JOURNAL_MAX / 2)

static int
check_ours(struct spool_entry *e, struct status *st)
{
	if (spool_entry_is_ours(e))
		return 0;
	status_set(st, EX_TEMPFAIL,
	    "message %s: we were too slow, another process went ahead", e->id);
	st->scope = SCOPE_MESSAGE;	/* the disk is well */
	return -1;
}

/* `doing` this message cannot be done: a full disk takes nothing of the others
 * either, but a bad block, or a limit to the size of a file, is this one's. */
static int
refuse_record(const struct spool_entry *e, const char *doing,
    struct status *st)
{
	bool is_full = errno == ENOSPC || errno == EDQUOT || errno == EROFS;

	status_set_errno(st, EX_CANTCREAT, "%s message %s", doing, e->id);
	if (!is_full)
		st->scope = SCOPE_MESSAGE;
	return -1;
}

static int
write_at(int fd, const char *bytes, size_t len, int64_t offset)
{
	ssize_t n;

	while (len != 0) {
		n = pwrite(fd, bytes, len, offset);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		bytes += n;
		len -= (size_t)n;
		offset += n;
	}
	return 0;
}

/* Appends a closed group.  `limit`: of the whole journal. */
static int
append(struct spool_entry *e, const struct journal *j, int64_t limit,
    bool synced, struct status *st)
{
	int fd = e->submission.message.fd;
	int64_t end = e->end + (int64_t)j->bytes.len;

	if (j->bytes.overflow || end - e->size > limit) {
		status_set(st, EX_CANTCREAT, "message %s: its journal is full",
		    e->id);
		st->scope = SCOPE_MESSAGE;
		return -1;
	}
	if (!journal_is_readable(j, e->recorded))
		return status_set(st, EX_SOFTWARE,
		    "message %s: a record is not valid", e->id);
	if (check_ours(e, st) == -1)
		return -1;
	if (write_at(fd, j->bytes.data, j->bytes.len, e->end) == -1 ||
	    (synced && fdatasync(fd) == -1)) {
		refuse_record(e, "writing to the journal of", st);
		/* If this fails too, the torn record is ignored when read. */
		if (ftruncate(fd, e->end) == -1)
			status_context(st, "cannot be undone");
		return -1;
	}
	e->end = end;
	e->recorded += j->recipients;
	return 0;
}

/* The next group, with the recipients as they stand if that matters: with those
 * too for whom a name stood, so that they are there when it is replaced. */
static void
begin(struct journal *j, const struct spool_entry *e, bool has_states)
{
	const struct envelope *envelope = &e->submission.envelope;
	size_t i;

	journal_init(j, e->id, e->end, JOURNAL_FIRST_MAX);
	j->is_brief = e->end - e->size > BRIEF_FROM;
	if (!has_states)
		return;
	for (i = e->recorded; i < envelope->count; i++)
		journal_add_recipient(j, &envelope->recipients[i]);
	journal_add_states(j, envelope->recipients, envelope->count);
}

/* "Sent" alone, of a message that stands in a list, needs no sync. */
static int
append_mark(struct spool_entry *e, enum journal_mark mark, int64_t at,
    struct status *st)
{
	struct journal j;
	bool synced;
	int rc;

	/* Those whom an earlier transaction of this attempt served are not to
	 * be served again if this one is never answered. */
	begin(&j, e, mark == JOURNAL_SENT);
	synced = j.bytes.len != 0 || mark != JOURNAL_SENT ||
	    e->listed != e->end;
	journal_add_mark(&j, mark, at);
	rc = append(e, &j, mark == JOURNAL_SENT ? SENT_END : MARK_END,
	    synced, st);
	journal_release(&j);
	return rc;
}

static int
reserve_room(const struct spool_entry *e, struct status *st)
{
	int fd = e->submission.message.fd;
	struct statvfs vfs;

	if (fstatvfs(fd, &vfs) == 0 &&
	    (uint64_t)vfs.f_bavail * vfs.f_frsize > PLENTY)
		return 0;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, e->end, ATTEMPT_ROOM) == -1 &&
	    (errno == ENOSPC || errno == EDQUOT || errno == EFBIG ||
	    errno == EIO))
		return refuse_record(e, "no room for the journal of", st);
	return 0;
}

int
spool_record_sent(struct spool_entry *e, struct status *st)
{
	if (reserve_room(e, st) == -1)
		return -1;
	if (append_mark(e, JOURNAL_SENT, clock_wall(), st) == -1)
		return -1;
	e->answer_unknown = true;
	return 0;
}

int
spool_record_attempt(struct spool_entry *e, const char *account,
    const struct status *reason, int64_t next_attempt, struct status *st)
{
	const struct status none = STATUS_INIT;
	char *name = xstrdup(account);
	struct journal_attempt a = {
		.at = clock_wall(), .next = next_attempt,
		.number = e->attempts + 1, .account = name
	};
	struct journal j;
	int rc;

	begin(&j, e, true);
	journal_add_attempt(&j, &a, reason != NULL ? reason : &none);
	rc = append(e, &j, ATTEMPT_END, true, st);
	journal_release(&j);
	if (rc == -1) {
		free(name);
		return -1;
	}
	free(e->last_account);
	e->last_account = name;
	e->last_attempt = a.at;
	e->next_attempt = a.next;
	e->attempts = a.number;
	e->last_status = reason != NULL ? *reason : none;
	e->answer_unknown = false;
	return 0;
}

/* Gone is as good as removed; moved, to another spool say, is not. */
static bool
is_gone(const struct spool_entry *e)
{
	struct stat sb;

	return fstat(e->submission.message.fd, &sb) == 0 && sb.st_nlink == 0;
}

static int
remove_name(struct spool *s, struct spool_entry *e, struct status *st)
{
	int error;

	if (unlinkat(spool_part(s, e->is_failed), e->id, 0) == 0)
		return 0;
	error = errno;
	if (error == ENOENT && is_gone(e))
		return 0;
	errno = error;
	return status_set_errno(st, EX_IOERR, "removing message %s", e->id);
}

int
spool_remove(struct spool *s, struct spool_entry *e, struct status *st)
{
	if (remove_name(s, e, st) == -1)
		return -1;
	if (fsync(spool_part(s, e->is_failed)) == -1)
		return status_set_errno(st, EX_IOERR,
		    "removing message %s: fsync", e->id);
	return 0;
}

int
spool_forget(struct spool *s, struct spool_entry *e, struct status *st)
{
	if (remove_name(s, e, st) == -1)
		return -1;
	s->unsynced++;
	return 0;
}

int
spool_sync(struct spool *s, int most, struct status *st)
{
	if (s->unsynced <= most)
		return 0;
	if (fsync(s->waiting) == -1)
		return status_set_errno(st, EX_IOERR,
		    "removing messages: fsync");
	s->unsynced = 0;
	return 0;
}

/* Marks the entry and moves it to the other directory. */
static int
move(struct spool *s, struct spool_entry *e, enum journal_mark mark, int64_t at,
    struct status *st)
{
	int from = spool_part(s, e->is_failed);
	int to = spool_part(s, !e->is_failed);

	if (append_mark(e, mark, at, st) == -1)
		return -1;
	if (renameat(from, e->id, to, e->id) == -1 ||
	    fsync(to) == -1 || fsync(from) == -1)
		return status_set_errno(st, EX_CANTCREAT,
		    "moving message %s", e->id);
	e->is_failed = !e->is_failed;
	return 0;
}

int
spool_fail(struct spool *s, struct spool_entry *e, struct status *st)
{
	int64_t now = clock_wall();

	if (move(s, e, JOURNAL_FAILED, now, st) == -1)
		return -1;
	e->has_failed = true;
	e->failed_at = now;
	return 0;
}

int
spool_requeue(struct spool *s, struct spool_entry *e, struct status *st)
{
	int64_t now = clock_wall();

	if (move(s, e, JOURNAL_REQUEUED, now, st) == -1)
		return -1;
	e->has_failed = false;
	e->since = e->next_attempt = now;
	spool_entry_forgive(e);
	return 0;
}
