/* SPDX-License-Identifier: ISC
 *
 * Reading whole files, and the files in our own directories.
 */
#include "base/safefile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"

#define OWN_MODE	0640
#define NAMES_TRIED	8
#define TEMPORARY_DIGITS 16

/* Fills `out` up to `max` bytes and sees that there are no more.  Reads into
 * the buffer's own room, so that a secret is in one place only. */
static int
read_all(int fd, size_t max, struct buf *out, const char *name,
    struct status *st)
{
	ssize_t n;
	char more;

	buf_reserve(out, max);
	do {
		if (out->len < max)
			n = read(fd, out->data + out->len, max - out->len);
		else
			n = read(fd, &more, 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return status_set_errno(st, EX_IOERR, "cannot read %s",
			    name);
		if (n > 0 && out->len == max) {
			errno = EFBIG;
			return status_set(st, EX_CONFIG, "%s is longer than %zu "
			    "bytes", name, max);
		}
		out->len += (size_t)n;
	} while (n != 0);
	out->data[out->len] = '\0';
	return 0;
}

/* errno, too, is the result's. */
static int
finish(int fd, int result, struct buf *out)
{
	int saved = errno;

	if (result == -1)
		buf_wipe(out);
	close(fd);
	errno = saved;
	return result;
}

int
safefile_read(const char *path, enum trust_kind kind,
    const struct trust *trust, size_t max, struct buf *out,
    struct status *st)
{
	struct stat sb;
	int fd;

	buf_init(out, max);
	if ((fd = safefile_open(path, kind, trust, &sb, st)) == -1)
		return -1;
	return finish(fd, read_all(fd, max, out, path, st), out);
}

int
safefile_open_directory(const char *path, uid_t owner, struct status *st)
{
	struct stat sb;
	int fd, saved;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		saved = errno;
		status_set_errno(st, EX_CANTCREAT, "cannot open directory %s",
		    path);
		status_hint(st, "install -d -o %ld -m 0750 %s", (long)owner,
		    path);
		errno = saved;
		return -1;
	}
	if (fstat(fd, &sb) == -1) {
		saved = errno;
		status_set_errno(st, EX_CANTCREAT, "cannot look at directory %s",
		    path);
		close(fd);
		errno = saved;
		return -1;
	}
	if (sb.st_uid == owner && (sb.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return fd;
	close(fd);
	status_set(st, EX_CANTCREAT, "directory %s belongs to uid %ld (mode "
	    "%04o): must belong to uid %ld and not be writable by others", path,
	    (long)sb.st_uid, (unsigned)(sb.st_mode & 07777), (long)owner);
	status_hint(st, "chown %ld %s && chmod 0750 %s", (long)owner, path, path);
	errno = EPERM;
	return -1;
}

int
safefile_read_at(int directory, const char *name, size_t max, struct buf *out,
    struct status *st)
{
	struct stat sb;
	int fd, r = -1, saved;

	buf_init(out, max);
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);
	if (fd == -1) {
		saved = errno;
		status_set_errno(st, EX_IOERR, "cannot open %s", name);
		errno = saved;
		return -1;
	}
	/* No link at all is fine: the file was replaced just now. */
	if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode) || sb.st_nlink > 1 ||
	    sb.st_uid != geteuid()) {
		errno = EPERM;
		status_set(st, EX_IOERR, "%s is not a file of ours", name);
		status_hint(st, "remove it; it will be made again");
	} else
		r = read_all(fd, max, out, name, st);
	return finish(fd, r, out);
}

/* A name that nobody has yet: concurrent writers must not meet, and a process
 * killed on the way must not be in the way. */
static int
temporary_name(const char *name, char temporary[NAME_MAX + 1])
{
	unsigned char random[TEMPORARY_DIGITS / 2];
	char digits[TEMPORARY_DIGITS + 1];
	int len;

	if (getrandom(random, sizeof random, 0) != sizeof random)
		return -1;
	hex_encode(digits, random, sizeof random);
	len = snprintf(temporary, NAME_MAX + 1, ".%s.%s", name, digits);
	if (len <= NAME_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int
create_temporary(int directory, const char *name, int flags,
    char temporary[NAME_MAX + 1])
{
	int fd, i;

	for (i = 0; i < NAMES_TRIED; i++) {
		if (temporary_name(name, temporary) == -1)
			return -1;
		fd = openat(directory, temporary, flags | O_CREAT | O_EXCL |
		    O_NOFOLLOW | O_CLOEXEC, OWN_MODE);
		if (fd != -1 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* Whether temporary_name() may have made it: ".NAME." and the digits. */
static bool
is_temporary(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] == '.' && dot > name + 1 &&
	    strlen(dot + 1) == TEMPORARY_DIGITS &&
	    strspn(dot + 1, "0123456789abcdef") == TEMPORARY_DIGITS;
}

void
safefile_sweep_at(int directory, int64_t before)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat sb;

	if (names == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	while ((entry = readdir(names)) != NULL)
		if (is_temporary(entry->d_name) && fstatat(directory,
		    entry->d_name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(sb.st_mode) && sb.st_mtime < before)
			(void)unlinkat(directory, entry->d_name, 0);
	closedir(names);
}

int
safefile_replace_at(int directory, const char *name, const void *bytes,
    size_t len, struct status *st)
{
	char temporary[NAME_MAX + 1];
	int fd, r, saved;

	fd = create_temporary(directory, name, O_WRONLY, temporary);
	if (fd == -1)
		return status_set_errno(st, EX_CANTCREAT, "cannot make a "
		    "temporary file for %s", name);
	r = safefile_write_all(fd, bytes, len);
	if (r == 0)
		r = fsync(fd);
	saved = errno;
	if (close(fd) == -1 && r == 0) {
		saved = errno;
		r = -1;
	}
	if (r == 0 && (r = renameat(directory, temporary, directory, name)) == -1)
		saved = errno;
	if (r == -1)
		unlinkat(directory, temporary, 0);
	else if ((r = fsync(directory)) == -1)
		saved = errno;
	errno = saved;
	if (r == -1)
		return status_set_errno(st, safefile_write_sysexit(),
		    "cannot write %s", name);
	return 0;
}

int
safefile_unnamed_at(int directory, bool *linkable, struct status *st)
{
	char temporary[NAME_MAX + 1];
	bool is_linkable = true;
	int fd = -1;

#ifdef O_TMPFILE
	fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, OWN_MODE);
#endif
	if (fd == -1) {
		/* Not every file system can; say what the second way says. */
		is_linkable = false;
		fd = create_temporary(directory, "unnamed", O_RDWR, temporary);
		if (fd != -1 && unlinkat(directory, temporary, 0) == -1) {
			close(fd);
			fd = -1;
		}
	}
	if (fd == -1)
		return status_set_errno(st, EX_CANTCREAT,
		    "cannot make a temporary file");
	if (linkable != NULL)
		*linkable = is_linkable;
	return fd;
}

int
safefile_write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	ssize_t n;

	while (len != 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0) {
			errno = EIO;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
safefile_write_sysexit(void)
{
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ?
	    EX_CANTCREAT : EX_IOERR;
}
