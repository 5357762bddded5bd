/* SPDX-License-Identifier: ISC */
#include "queue/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "queue/sealed.h"

#define PREFIX		"manifest."
#define NO_BOOT		"-"	/* the kernel does not say which one it is */
#define LOOK_MS		50
#define WAIT_MS		30000	/* a disk is slow after a crash */
#define RECOVERY_MS	60000

/* At the head of a list. */
struct heading {
	char	boot[CLOCK_BOOT_SIZE];
	int	count;
};

static bool
is_id(const char *s)
{
	struct spool_id id;

	return spool_id_parse(&id, s);
}

#define AT(member) offsetof(struct heading, member)
static const struct field heading_fields[] = {
	FIELD_CHECKED("boot", FIELD_CHARS, AT(boot), CLOCK_BOOT_SIZE - 1, sealed_is_name),
	FIELD_PLAIN("messages", FIELD_INT, AT(count), MANIFEST_MAX),
	FIELD_LAST
};
#undef AT
#define AT(member) offsetof(struct manifest_message, member)
static const struct field message_fields[] = {
	FIELD_CHECKED("id", FIELD_CHARS, AT(id), SPOOL_ID_SIZE - 1, is_id),
	FIELD_PLAIN("end", FIELD_NUMBER, AT(end), INT64_MAX),
	FIELD_LAST
};
#undef AT

static bool
is_manifest(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

/* Locked before anything stands in it.  If another run was faster, and has taken
 * it for one left behind, there is no name to it any more. */
static int
prepare(struct manifest *m, const struct spool *s)
{
	static const char empty[MANIFEST_HALF * MANIFEST_HALVES];
	struct stat sb;

	if (lock_take_open(&m->lock, m->fd, spool_hold_ms(s)) != 0 ||
	    fstat(m->fd, &sb) == -1 || sb.st_nlink != 1)
		return -1;
	if (safefile_write_all(m->fd, empty, sizeof empty) == -1 ||
	    fsync(m->fd) == -1 || fsync(s->directory) == -1)
		return -1;
	return 0;
}

/* Pid, time and number are ours alone: whoever still has an earlier one in hand
 * must not remove this one by its name. */
static int
make(struct manifest *m, struct spool *s, struct status *st)
{
	snprintf(m->name, sizeof m->name, PREFIX "%ld.%" PRId64 ".%d",
	    (long)getpid(), clock_ms(), ++m->number);
	m->half = 0;
	m->fd = openat(s->directory, m->name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (m->fd != -1 && prepare(m, s) == 0)
		return 0;
	status_set_errno(st, EX_CANTCREAT, "making %s", m->name);
	if (m->fd != -1)
		(void)unlinkat(s->directory, m->name, 0);
	manifest_end(m, s);
	return -1;
}

/* Whoever finds ours when our time is over takes it for one that was left
 * behind, and removes it. */
static int
take(struct manifest *m, struct spool *s, struct status *st)
{
	if (manifest_hold(m, s))
		return 0;
	manifest_end(m, s);
	return make(m, s, st);
}

static void
add(struct buf *list, const struct manifest *m, const char *type,
    const struct field *fields, const void *values)
{
	struct buf line;

	sealed_begin(&line, type);
	sealed_add(&line, fields, values);
	sealed_end(&line, m->name,
	    m->half * MANIFEST_HALF + (int64_t)list->len);
	buf_add(list, line.data, line.len);
	buf_release(&line);
}

/* An entry that was listed before stands as it did then: of what its journal has
 * got since nobody knows what a power failure leaves. */
static void
compose(struct buf *list, const struct manifest *m,
    struct spool_entry *const *entries, size_t count)
{
	struct heading heading = { .count = (int)count };
	struct manifest_message message;
	size_t i;

	buf_init(list, MANIFEST_HALF);
	clock_boot(heading.boot);
	add(list, m, "manifest", heading_fields, &heading);
	for (i = 0; i < count; i++) {
		memcpy(message.id, entries[i]->id, sizeof message.id);
		message.end = entries[i]->listed != 0 ? entries[i]->listed :
		    entries[i]->end;
		add(list, m, "message", message_fields, &message);
	}
}

int
manifest_write(struct manifest *m, struct spool *s,
    struct spool_entry *const *entries, size_t count, struct status *st)
{
	struct buf list;
	size_t i;
	int rc = 0;

	if (take(m, s, st) == -1 || spool_sync(s, 0, st) == -1)
		return -1;
	compose(&list, m, entries, count);
	if (list.overflow)
		rc = status_set(st, EX_SOFTWARE, "%s: too many messages",
		    m->name);
	else if (pwrite(m->fd, list.data, list.len,
	    m->half * MANIFEST_HALF) != (ssize_t)list.len ||
	    fdatasync(m->fd) == -1)
		rc = status_set_errno(st, EX_CANTCREAT, "writing %s", m->name);
	buf_release(&list);
	if (rc == -1)
		return -1;
	m->half = (m->half + 1) % MANIFEST_HALVES;
	/* What was said without a list has its own records, synced. */
	for (i = 0; i < count; i++)
		if (entries[i]->listed == 0 && !entries[i]->answer_unknown)
			entries[i]->listed = entries[i]->end;
	return 0;
}

bool
manifest_hold(struct manifest *m, const struct spool *s)
{
	if (m->fd == -1)
		return false;
	return m->lock.until - clock_ms() > SPOOL_ANSWER_MS ||
	    lock_extend(&m->lock, spool_hold_ms(s)) == 0;
}

void
manifest_end(struct manifest *m, struct spool *s)
{
	if (m->fd != -1 && lock_is_mine(&m->lock))
		(void)unlinkat(s->directory, m->name, 0);
	manifest_leave(m);
}

void
manifest_leave(struct manifest *m)
{
	if (m->fd == -1)
		return;
	lock_release(&m->lock);
	close(m->fd);
	m->fd = -1;
}

/* Takes the record at *at and moves on; false if there is none of that type. */
static bool
take_record(struct sealed *r, const char *name, const char *bytes, size_t len,
    size_t *at, const char *type, const struct field *fields, void *values)
{
	size_t used = 0;

	if (*at >= len || sealed_next(r, bytes + *at, len - *at, name,
	    (int64_t)*at, &used) != SEALED_GOOD ||
	    strcmp(r->type, type) != 0 ||
	    sealed_take(r, fields, values) == -1 || !sealed_is_spent(r))
		return false;
	*at += used;
	return true;
}

bool
manifest_read(struct manifest_list *list, const char *name, int half,
    const char *bytes, size_t len)
{
	struct sealed *r = xmalloc(sizeof *r);
	struct heading heading = { .count = 0 };
	size_t at = (size_t)half * MANIFEST_HALF;

	*list = (struct manifest_list){ .count = 0 };
	if (!take_record(r, name, bytes, len, &at, "manifest", heading_fields,
	    &heading) || heading.boot[0] == '\0')
		goto out;
	memcpy(list->boot, heading.boot, sizeof list->boot);
	while (list->count < heading.count &&
	    take_record(r, name, bytes, len, &at, "message", message_fields,
	    &list->messages[list->count]) &&
	    list->messages[list->count].id[0] != '\0')
		list->count++;
out:
	free(r);
	return list->boot[0] != '\0';
}

/* A file that was left behind, or is in use. */
struct remains {
	const char		*name;
	int			 fd;
	struct manifest_list	 lists[MANIFEST_HALVES];
	bool			 is_old;	/* of another boot */
};

static bool
is_of_this_boot(const struct manifest_list *list)
{
	char boot[CLOCK_BOOT_SIZE];

	clock_boot(boot);
	return strcmp(boot, list->boot) == 0 && strcmp(boot, NO_BOOT) != 0;
}

static bool
is_of_another_boot(const struct manifest_list *list)
{
	char boot[CLOCK_BOOT_SIZE];

	clock_boot(boot);
	return strcmp(boot, list->boot) != 0 && strcmp(boot, NO_BOOT) != 0 &&
	    strcmp(list->boot, NO_BOOT) != 0;
}

/* False if they cannot be read now. */
static bool
read_lists(struct remains *f)
{
	char bytes[MANIFEST_HALF * MANIFEST_HALVES];
	ssize_t n = pread(f->fd, bytes, sizeof bytes, 0);
	int half;

	f->is_old = false;
	for (half = 0; half < MANIFEST_HALVES; half++)
		if (manifest_read(&f->lists[half], f->name, half, bytes,
		    n > 0 ? (size_t)n : 0) &&
		    is_of_another_boot(&f->lists[half]))
			f->is_old = true;
	return n != -1;
}

/* 1: a run that is alive has it, or it is gone.  -1: another sees to it, and is not
 * done. */
static int
take_over(struct remains *f, struct lock *lock)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	int64_t end = clock_deadline(WAIT_MS);
	struct stat sb;

	while (lock_take_open(lock, f->fd, RECOVERY_MS) == 1) {
		if (!read_lists(f) || !f->is_old)
			return 1;
		if (clock_left(end) == 0)
			return -1;
		nanosleep(&pause, NULL);
	}
	return fstat(f->fd, &sb) == 0 && sb.st_nlink == 1 ? 0 : 1;
}

/* What a killed process wrote there has to reach the disk before the list goes:
 * the power may fail yet. */
static bool
sync_journal(struct spool *s, const char *id)
{
	int fd = openat(spool_part(s, false), id,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_synced;

	if (fd == -1)
		return errno == ENOENT;
	is_synced = fdatasync(fd) == 0;
	close(fd);
	return is_synced;
}

/* If the journal is as it was when the message was about to be sent. */
static bool
record_sent(struct spool *s, const struct manifest_message *m)
{
	struct status st = STATUS_INIT;
	struct spool_entry entry;
	int rc = spool_load(s, m->id, false, &entry, &st);

	if (rc == 1)		/* gone, or somebody has it */
		return st.sysexit != EX_TEMPFAIL;
	if (rc == -1)		/* set aside, or it cannot be read now */
		return st.sysexit == EX_DATAERR;
	rc = entry.end <= m->end && !entry.answer_unknown ?
	    spool_record_sent(&entry, &st) : 0;
	spool_entry_release(&entry);
	if (rc == -1)
		log_line(LOG_ERR, "%s", st.text);
	return rc == 0;
}

/* False if not all of them could be seen to. */
static bool
see_to_list(struct spool *s, const struct manifest_list *list)
{
	bool is_done = true, is_killed = is_of_this_boot(list);
	const struct manifest_message *m = list->messages;

	for (; m < list->messages + list->count; m++)
		if (!(is_killed ? sync_journal(s, m->id) : record_sent(s, m)))
			is_done = false;
	return is_done;
}

/* 1: it stays for the next run. */
static int
see_to(struct spool *s, struct remains *f)
{
	bool is_done = true;
	int half;

	if (!read_lists(f)) {
		log_line(LOG_ERR, "%s: %s", f->name, strerror(errno));
		return 1;
	}
	if (f->is_old)
		log_line(LOG_WARNING, "%s: the host went down during a queue "
		    "run; what it was about to send may be sent twice",
		    f->name);
	for (half = 0; half < MANIFEST_HALVES; half++)
		if (!see_to_list(s, &f->lists[half]))
			is_done = false;
	/* What that run removed must not come back without a list. */
	if (!is_done || fsync(spool_part(s, false)) == -1)
		return 1;
	(void)unlinkat(s->directory, f->name, 0);
	return 0;
}

static int
recover(struct spool *s, const char *name, struct status *st)
{
	struct remains f = { .name = name };
	struct lock lock = LOCK_INIT;
	int rc;

	f.fd = openat(s->directory, name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (f.fd == -1)
		return errno == ENOENT || errno == ELOOP ? 0 : 1;
	if ((rc = take_over(&f, &lock)) == 0)
		rc = see_to(s, &f);
	else if (rc == 1)
		rc = 0;
	lock_release(&lock);
	close(f.fd);
	if (rc != -1)
		return rc;
	status_set(st, EX_TEMPFAIL, "%s: another process still sees to what "
	    "was under way when the host went down", name);
	return status_hint(st, "the next queue run sends what waits");
}

int
manifest_recover(struct spool *s, struct status *st)
{
	size_t count, i;
	char **names;
	int rc, result = 0;

	if (spool_names(s, is_manifest, &names, &count) == -1)
		result = 1;
	for (i = 0; i < count && result != -1; i++)
		if ((rc = recover(s, names[i], st)) != 0)
			result = rc;
	spool_ids_free(names, count);
	return result;
}
