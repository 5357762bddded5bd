/* SPDX-License-Identifier: ISC
 *
 * The spool as directories: opening, listing, expiry.
 */
#include "queue/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "queue/journal.h"
#include "queue/temporary.h"

#define LIST_MAX	1000000		/* names read from one directory */
#define BROKEN_SUFFIX	".broken"
#define STALE_AFTER	60		/* seconds: a temporary file that is
					 * younger may not be locked yet */
#define ABANDONED_AFTER	86400

/* new/ or failed/, made if it is missing, and on the disk before anything is kept
 * there. */
static int
open_part(int directory, const char *path, const char *name, struct status *st)
{
	int fd;

	if (mkdirat(directory, name, 0750) == 0 ? fsync(directory) == -1 :
	    errno != EEXIST) {
		status_set_errno(st, EX_CANTCREAT, "making %s/%s", path, name);
		return -1;
	}
	fd = openat(directory, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		status_set_errno(st, EX_CANTCREAT, "opening %s/%s", path, name);
		status_hint(st, "it must be a directory of mailbearer's user");
	}
	return fd;
}

int
spool_open(struct spool *s, const struct config *c, struct status *st)
{
	const char *path = c->spool_directory;

	*s = (struct spool){
		.directory = -1, .waiting = -1, .failed = -1, .config = c
	};
	s->directory = safefile_open_directory(path, geteuid(), st);
	if (s->directory == -1)
		return -1;
	if ((s->waiting = open_part(s->directory, path, "new", st)) == -1 ||
	    (s->failed = open_part(s->directory, path, "failed", st)) == -1) {
		spool_close(s);
		return -1;
	}
	return 0;
}

static void
close_one(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
spool_close(struct spool *s)
{
	close_one(&s->directory);
	close_one(&s->waiting);
	close_one(&s->failed);
}

int
spool_check_writable(const struct spool *s, struct status *st)
{
	struct statvfs fs;

	if (fstatvfs(s->directory, &fs) == -1 || (fs.f_flag & ST_RDONLY) == 0)
		return 0;
	status_set(st, EX_CANTCREAT, "no queue run: %s is on a file system that "
	    "is mounted read-only", s->config->spool_directory);
	return status_hint(st, "see in dmesg(1) whether the kernel made it so after "
	    "an error of the disk, and mount it for writing");
}

int
spool_message_directory(const struct spool *s)
{
	return s->directory;
}

/* A stream of names of its own: the descriptor's offset is shared by all who
 * have it. */
static DIR *
open_names(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names;

	if (fd == -1)
		return NULL;
	if ((names = fdopendir(fd)) == NULL)
		close(fd);
	return names;
}

struct names {
	char	**items;
	size_t	  count, cap;
};

static void
add_name(struct names *list, const char *name)
{
	if (list->count == LIST_MAX)
		return;
	if (list->count == list->cap) {
		list->cap = list->cap == 0 ? 64 : list->cap * 2;
		list->items = xreallocarray(list->items, list->cap,
		    sizeof *list->items);
	}
	list->items[list->count++] = xstrdup(name);
}

/* All names in a directory that `wanted` takes; no file is looked at. */
static int
read_names(int directory, bool (*wanted)(const char *name), struct names *list)
{
	struct dirent *entry;
	DIR *names;
	int error;

	if ((names = open_names(directory)) == NULL)
		return -1;
	while (errno = 0, (entry = readdir(names)) != NULL)
		if (wanted(entry->d_name))
			add_name(list, entry->d_name);
	error = errno;
	closedir(names);
	errno = error;
	return error == 0 ? 0 : -1;
}

static bool
is_message(const char *name)
{
	struct spool_id id;

	return spool_id_parse(&id, name);
}

static bool
is_broken(const char *name)
{
	size_t len = strlen(name), suffix = strlen(BROKEN_SUFFIX);

	return len > suffix && strcmp(name + len - suffix, BROKEN_SUFFIX) == 0;
}

/* What an administrator has to know of in failed/. */
static bool
is_failed_name(const char *name)
{
	return is_message(name) || is_broken(name);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
spool_list(struct spool *s, bool failed, char ***ids, size_t *count,
    struct status *st)
{
	struct names list = { 0 };

	*ids = NULL;
	*count = 0;
	if (read_names(failed ? s->failed : s->waiting,
	    failed ? is_failed_name : is_message, &list) == -1) {
		status_set_errno(st, EX_IOERR, "listing %s/%s",
		    s->config->spool_directory, failed ? "failed" : "new");
		spool_ids_free(list.items, list.count);
		return -1;
	}
	if (list.count != 0)
		qsort(list.items, list.count, sizeof *list.items, by_name);
	*ids = list.items;
	*count = list.count;
	return 0;
}

void
spool_ids_free(char **ids, size_t count)
{
	while (count != 0)
		free(ids[--count]);
	free(ids);
}

int
spool_names(struct spool *s, bool (*wanted)(const char *name), char ***names,
    size_t *count)
{
	struct names list = { 0 };
	int rc = read_names(s->directory, wanted, &list);

	*names = list.items;
	*count = list.count;
	return rc;
}

/* The whole story in one line, before the message is gone for good. */
static void
log_expiry(const struct spool_entry *e)
{
	const struct envelope *envelope = &e->submission.envelope;
	struct log_event log;
	size_t i;

	log_event_begin(&log, "expired");
	log_event_add(&log, "id", "%s", e->id);
	log_event_add(&log, "uid", "%lu", (unsigned long)e->submission.uid);
	log_event_add(&log, "received", "%" PRId64, e->submission.received);
	log_event_add(&log, "failed", "%" PRId64, e->failed_at);
	log_event_add(&log, "size", "%" PRId64, e->size);
	log_event_add(&log, "attempts", "%d", e->attempts);
	if (envelope->sender != NULL)
		log_event_add(&log, "from", "%s", envelope->sender);
	if (e->last_account != NULL)
		log_event_add(&log, "account", "%s", e->last_account);
	log_event_add(&log, "recipients", "%zu", envelope->count);
	for (i = 0; i < envelope->count && i < 10; i++)
		log_event_add(&log, "to", "%s",
		    envelope->recipients[i].address);
	log_event_add_status(&log, &e->last_status);
	log_event_end(&log, LOG_NOTICE);
}

static void
expire(struct spool *s, const char *name, int64_t before)
{
	struct status st = STATUS_INIT;
	struct spool_entry entry;
	struct spool_id id;

	/* It was received before it failed, and the name tells when. */
	if (!spool_id_parse(&id, name) || id.time_ms / 1000 >= before ||
	    spool_load(s, name, true, &entry, &st) != 0)
		return;
	if (entry.failed_at < before) {
		log_expiry(&entry);
		if (spool_remove(s, &entry, &st) == -1)
			log_line(LOG_ERR, "%s", st.text);
	}
	spool_entry_release(&entry);
}

/* Of a file that nobody understands there is no more to tell than its name. */
static void
expire_broken(struct spool *s, const char *name, int64_t before)
{
	struct log_event log;
	struct stat sb;

	if (fstatat(s->failed, name, &sb, AT_SYMLINK_NOFOLLOW) == -1 ||
	    sb.st_ctime >= before)
		return;
	log_event_begin(&log, "expired");
	log_event_add(&log, "file", "failed/%s", name);
	log_event_add(&log, "size", "%" PRId64, (int64_t)sb.st_size);
	log_event_end(&log, LOG_NOTICE);
	if (unlinkat(s->failed, name, 0) == -1)
		log_line(LOG_ERR, "removing failed/%s: %s", name,
		    strerror(errno));
}

void
spool_expire_failed(struct spool *s, int64_t now)
{
	int64_t before = now - s->config->keep_failed;
	struct names list = { 0 };
	size_t i;

	if (read_names(s->failed, is_message, &list) == 0)
		for (i = 0; i < list.count; i++)
			expire(s, list.items[i], before);
	spool_ids_free(list.items, list.count);
	list = (struct names){ 0 };
	if (read_names(s->failed, is_broken, &list) == 0)
		for (i = 0; i < list.count; i++)
			expire_broken(s, list.items[i], before);
	spool_ids_free(list.items, list.count);
}

/* Whoever writes a temporary file holds its lock. */
static void
sweep(struct spool *s, const char *name, int64_t before)
{
	struct lock lock = LOCK_INIT;
	struct stat sb;
	int fd;

	fd = openat(s->directory, name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return;
	if (fstat(fd, &sb) == 0 && sb.st_ctime < before &&
	    lock_take_open(&lock, fd, TEMPORARY_HOLD_MS) == 0)
		(void)unlinkat(s->directory, name, 0);
	lock_release(&lock);
	close(fd);
}

void
spool_sweep(struct spool *s, int64_t now)
{
	size_t count, i;
	char **names;

	if (spool_names(s, temporary_is_name, &names, &count) == 0)
		for (i = 0; i < count; i++)
			sweep(s, names[i], now - STALE_AFTER);
	spool_ids_free(names, count);
	/* Those of base/ have no lock: nobody works on one for so long. */
	safefile_sweep_at(s->directory, now - ABANDONED_AFTER);
}
