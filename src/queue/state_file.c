/* SPDX-License-Identifier: ISC */
#include "queue/state_file.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/safefile.h"

#define TYPE		"limits"
#define FILE_MAX	(32 * 1024)	/* a TLS session in base64 */
#define LOCK_WAIT_MS	2000
#define LOCK_HOLD_MS	5000
#define READ_TRIES	3

void
state_file_key(char key[STATE_KEY_SIZE], const struct account *a)
{
	const char *mailbox = a->mailbox;
	uint64_t hash = HASH_INIT;
	char readable[25];
	size_t i;
	char c;

	for (i = 0; mailbox[i] != '\0'; i++) {
		c = (char)tolower((unsigned char)mailbox[i]);
		hash = hash_add(hash, &c, 1);
		if (i < sizeof readable - 1)
			readable[i] = strchr("abcdefghijklmnopqrstuvwxyz"
			    "0123456789.", c) != NULL ? c : '_';
	}
	readable[i < sizeof readable - 1 ? i : sizeof readable - 1] = '\0';
	snprintf(key, STATE_KEY_SIZE, "%s-%016" PRIx64, readable, hash);
}

int
state_file_directory(const struct config *c, struct status *st)
{
	return safefile_open_directory(c->state_directory, geteuid(), st);
}

int
state_file_open(struct state_file *f, const struct config *c,
    const char *kind, const char *key, bool locked)
{
	struct status st = STATUS_INIT;
	char name[STATE_NAME_SIZE + sizeof ".lock"];

	*f = (struct state_file)STATE_FILE_INIT;
	snprintf(f->name, sizeof f->name, "%s-%s", kind, key);
	if ((f->directory = state_file_directory(c, &st)) == -1)
		return -1;
	if (!locked)
		return 0;
	snprintf(name, sizeof name, "%s.lock", f->name);
	if (lock_take(&f->lock, f->directory, name,
	    clock_deadline(LOCK_WAIT_MS), LOCK_HOLD_MS, &st) == 0)
		return 0;
	state_file_close(f);
	return -1;
}

void
state_file_close(struct state_file *f)
{
	lock_release(&f->lock);
	if (f->directory != -1)
		close(f->directory);
	if (f->fd != -1)
		close(f->fd);
	f->directory = f->fd = -1;
}

void
state_file_yield(struct state_file *f)
{
	lock_yield(&f->lock);
}

int
state_file_resume(struct state_file *f)
{
	return lock_take_again(&f->lock, clock_deadline(LOCK_WAIT_MS),
	    LOCK_HOLD_MS) == 0 ? 0 : -1;
}

static int
decode(const struct state_file *f, const struct buf *bytes,
    const struct field *fields, void *values,
    const struct field *more, void *more_values)
{
	struct sealed *r = malloc(sizeof *r);
	size_t used = 0;
	int rc = -1;

	if (r != NULL && sealed_next(r, bytes->data, bytes->len, f->name, 0,
	    &used) == SEALED_GOOD && used == bytes->len &&
	    strcmp(r->type, TYPE) == 0 &&
	    sealed_take(r, fields, values) == 0 &&
	    (more == NULL || sealed_take(r, more, more_values) == 0) &&
	    sealed_is_spent(r))
		rc = 0;
	if (r != NULL)
		explicit_bzero(r->line, used);	/* may be a ticket */
	free(r);
	return rc;
}

/* All of the file. */
static int
read_bytes(struct state_file *f, struct buf *bytes)
{
	struct status st = STATUS_INIT;
	ssize_t n;

	if (f->fd == -1)
		return safefile_read_at(f->directory, f->name, FILE_MAX, bytes,
		    &st);
	buf_init(bytes, FILE_MAX);
	buf_reserve(bytes, FILE_MAX);
	n = pread(f->fd, bytes->data, FILE_MAX, 0);
	bytes->len = n > 0 ? (size_t)n : 0;
	bytes->data[bytes->len] = '\0';
	f->size = bytes->len;
	return 0;
}

int
state_file_read(struct state_file *f, const struct field *fields,
    void *values, const struct field *more, void *more_values)
{
	struct buf bytes;
	int rc = -1, i;

	/* Again, if a writer was half done: not every reader has the lock. */
	for (i = 0; i < READ_TRIES && rc == -1; i++) {
		if (read_bytes(f, &bytes) == -1)
			return -1;
		rc = decode(f, &bytes, fields, values, more, more_values);
		if (rc == -1)
			sealed_release(fields, values);
		buf_wipe(&bytes);
	}
	return rc;
}

static int
open_for_writing(struct state_file *f)
{
	struct stat sb;
	int fd = openat(f->directory, f->name, O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC, 0640);

	if (fd == -1)
		return -1;
	if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode) || sb.st_nlink != 1) {
		close(fd);
		return -1;
	}
	f->fd = fd;
	f->size = (size_t)sb.st_size;
	return 0;
}

/* Over what is there.  Half a write fails the checksum, and then there is no
 * limit. */
static int
write_bytes(struct state_file *f, const struct buf *line)
{
	if (pwrite(f->fd, line->data, line->len, 0) != (ssize_t)line->len)
		return -1;
	return f->size <= line->len ? 0 : ftruncate(f->fd, (off_t)line->len);
}

int
state_file_write(struct state_file *f, const struct field *fields,
    const void *values, const struct field *more, const void *more_values)
{
	struct buf line;
	int rc = -1;

	if (f->fd == -1 && open_for_writing(f) == -1)
		return -1;
	sealed_begin(&line, TYPE);
	buf_reserve(&line, FILE_MAX);
	sealed_add(&line, fields, values);
	if (more != NULL)
		sealed_add(&line, more, more_values);
	sealed_end(&line, f->name, 0);
	if (!line.overflow && line.len <= FILE_MAX)
		rc = write_bytes(f, &line);
	buf_wipe(&line);
	return rc;
}

void
state_file_remove(const struct state_file *f)
{
	(void)unlinkat(f->directory, f->name, 0);
}
