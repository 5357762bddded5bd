/* SPDX-License-Identifier: ISC */
#include "queue/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "queue/sealed.h"
#include "queue/state_file.h"

#define PREFIX		"manifest."
/* Two lists, written in turn: a power failure can tear the one that is being
 * written, and never the one before, which holds all that is in flight. */
#define HALF		4096
#define HALVES		2
#define LOCK_NAME	"recovery.lock"
#define LOCK_WAIT_MS	10000
#define LOCK_HOLD_MS	60000

/* At the head of a list. */
struct heading {
	char	boot[CLOCK_BOOT_SIZE];	/* when it was written */
	int	count;
};

/* One message in it. */
struct listed {
	char	id[SPOOL_ID_SIZE];
	int64_t	end;		/* of its journal; a longer one knows better */
};

static bool
is_id(const char *s)
{
	struct spool_id id;

	return spool_id_parse(&id, s);
}

#define AT(member) offsetof(struct heading, member)
static const struct field heading_fields[] = {
	FIELD_CHECKED("boot", FIELD_CHARS, AT(boot), 39, sealed_is_name),
	FIELD_PLAIN("messages", FIELD_INT, AT(count), MANIFEST_MAX),
	FIELD_LAST
};
#undef AT
#define AT(member) offsetof(struct listed, member)
static const struct field listed_fields[] = {
	FIELD_CHECKED("id", FIELD_CHARS, AT(id), SPOOL_ID_SIZE - 1, is_id),
	FIELD_PLAIN("end", FIELD_NUMBER, AT(end), INT64_MAX),
	FIELD_LAST
};
#undef AT

/* Pid and time are ours alone. */
static int
make(struct manifest *m, struct spool *s, struct status *st)
{
	static const char empty[HALF * HALVES];

	snprintf(m->name, sizeof m->name, PREFIX "%ld.%" PRId64,
	    (long)getpid(), clock_ms());
	m->half = 0;
	m->fd = openat(s->directory, m->name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (m->fd != -1 &&
	    lock_take_open(&m->lock, m->fd, spool_hold_ms(s)) == 0 &&
	    safefile_write_all(m->fd, empty, sizeof empty) == 0 &&
	    fsync(m->fd) == 0 && fsync(s->directory) == 0)
		return 0;
	status_set_errno(st, EX_CANTCREAT, "making %s", m->name);
	manifest_end(m, s);
	return -1;
}

/* Whoever finds ours when our time is over takes it for one that was left
 * behind, and removes it. */
static int
take(struct manifest *m, struct spool *s, struct status *st)
{
	if (m->fd != -1 && lock_extend(&m->lock, spool_hold_ms(s)) == 0)
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
	sealed_end(&line, m->name, m->half * HALF + (int64_t)list->len);
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
	struct listed listed;
	size_t i;

	buf_init(list, HALF);
	clock_boot(heading.boot);
	add(list, m, "manifest", heading_fields, &heading);
	for (i = 0; i < count; i++) {
		memcpy(listed.id, entries[i]->id, sizeof listed.id);
		listed.end = entries[i]->listed != 0 ? entries[i]->listed :
		    entries[i]->end;
		add(list, m, "message", listed_fields, &listed);
	}
}

int
manifest_write(struct manifest *m, struct spool *s,
    struct spool_entry *const *entries, size_t count, struct status *st)
{
	struct buf list;
	size_t i;
	int rc = -1;

	if (take(m, s, st) == -1 || spool_sync(s, 0, st) == -1)
		return -1;
	compose(&list, m, entries, count);
	if (list.overflow)
		status_set(st, EX_SOFTWARE, "%s: too many messages", m->name);
	else if (pwrite(m->fd, list.data, list.len, m->half * HALF) !=
	    (ssize_t)list.len || fdatasync(m->fd) == -1)
		status_set_errno(st, EX_CANTCREAT, "writing %s", m->name);
	else
		rc = 0;
	buf_release(&list);
	if (rc == -1)
		return -1;
	m->half = (m->half + 1) % HALVES;
	for (i = 0; i < count; i++)
		if (entries[i]->listed == 0)
			entries[i]->listed = entries[i]->end;
	return 0;
}

void
manifest_hold(struct manifest *m, const struct spool *s)
{
	if (m->fd != -1)
		(void)lock_extend(&m->lock, spool_hold_ms(s));
}

void
manifest_end(struct manifest *m, struct spool *s)
{
	if (m->fd == -1)
		return;
	if (lock_is_mine(&m->lock))
		(void)unlinkat(s->directory, m->name, 0);
	lock_release(&m->lock);
	close(m->fd);
	m->fd = -1;
}

/* A list that was left behind. */
struct remains {
	const char	*name;
	char		 bytes[HALF * HALVES];
	size_t		 len;
};

/* The record at `at`: its length, 0 if it is none of that type. */
static size_t
read_record(const struct remains *l, size_t at, const char *type,
    const struct field *fields, void *values)
{
	struct sealed *r = xmalloc(sizeof *r);
	size_t used = 0;

	if (at >= l->len || sealed_next(r, l->bytes + at, l->len - at, l->name,
	    (int64_t)at, &used) != SEALED_GOOD ||
	    strcmp(r->type, type) != 0 ||
	    sealed_take(r, fields, values) == -1 || !sealed_is_spent(r))
		used = 0;
	free(r);
	return used;
}

/* What was written to the journal has to reach the disk before the list goes: the
 * power may fail yet. */
static bool
keep_journal(struct spool *s, const char *id)
{
	int fd = openat(spool_part(s, false), id,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_kept;

	if (fd == -1)
		return errno == ENOENT;
	is_kept = fdatasync(fd) == 0;
	close(fd);
	return is_kept;
}

/* The journal is as it was when the message was about to be sent. */
static bool
record(struct spool *s, const struct listed *l)
{
	struct status st = STATUS_INIT;
	struct spool_entry entry;
	int rc = spool_load(s, l->id, false, &entry, &st);

	if (rc == 1)		/* gone, or somebody has it */
		return st.sysexit != EX_TEMPFAIL;
	if (rc == -1)		/* set aside, or it cannot be read now */
		return st.sysexit == EX_DATAERR;
	rc = entry.end == l->end && !entry.answer_unknown ?
	    spool_record_sent(&entry, &st) : 0;
	spool_entry_release(&entry);
	if (rc == -1)
		log_line(LOG_ERR, "%s", st.text);
	return rc == 0;
}

/* One list.  A torn one was never finished, and nothing of it was sent. */
static bool
recover_half(struct spool *s, const struct remains *l, size_t at)
{
	struct heading heading = { .count = 0 };
	struct listed listed;
	char boot[CLOCK_BOOT_SIZE];
	bool is_same, is_done = true;
	size_t used;
	int i;

	clock_boot(boot);
	used = read_record(l, at, "manifest", heading_fields, &heading);
	is_same = strcmp(boot, heading.boot) == 0 && strcmp(boot, "-") != 0;
	for (i = 0; used != 0 && i < heading.count; i++) {
		at += used;
		memset(&listed, 0, sizeof listed);
		used = read_record(l, at, "message", listed_fields, &listed);
		if (used != 0 && !(is_same ? keep_journal(s, listed.id) :
		    record(s, &listed)))
			is_done = false;
	}
	return is_done;
}

/* Whoever makes one has it locked before anything stands in it. */
static void
recover(struct spool *s, const char *name)
{
	struct remains l = { .name = name };
	struct lock lock = LOCK_INIT;
	bool is_done;
	ssize_t n;
	int fd;

	fd = openat(s->directory, name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return;
	if (lock_take_open(&lock, fd, LOCK_HOLD_MS) == 0 &&
	    (n = pread(fd, l.bytes, sizeof l.bytes, 0)) != -1) {
		l.len = (size_t)n;
		is_done = recover_half(s, &l, 0);
		if (recover_half(s, &l, HALF) && is_done)
			(void)unlinkat(s->directory, name, 0);
	}
	lock_release(&lock);
	close(fd);
}

static bool
is_manifest(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

void
manifest_recover(struct spool *s)
{
	struct status st = STATUS_INIT;
	struct lock lock = LOCK_INIT;
	size_t count, i;
	char **names;
	int state;

	if (spool_names(s, is_manifest, &names, &count) == -1 || count == 0)
		return;
	if ((state = state_file_directory(s->config, &st)) != -1) {
		(void)lock_take(&lock, state, LOCK_NAME,
		    clock_deadline(LOCK_WAIT_MS), LOCK_HOLD_MS, &st);
		close(state);
	}
	for (i = 0; i < count; i++)
		recover(s, names[i]);
	lock_release(&lock);
	spool_ids_free(names, count);
}
