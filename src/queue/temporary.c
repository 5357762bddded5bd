/* SPDX-License-Identifier: ISC */
#include "queue/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/safefile.h"

bool
temporary_is_name(const char *name)
{
	return strncmp(name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0;
}

static int
lock(struct temporary *t, struct status *st)
{
	if (lock_take_open(&t->lock, t->fd, TEMPORARY_HOLD_MS) == 0)
		return 0;
	return status_set_errno(st, EX_CANTCREAT, "locking a new message");
}

/* Nobody else makes a file of this name: pid and time are ours alone. */
static int
make_named(struct temporary *t, int directory, struct status *st)
{
	snprintf(t->name, sizeof t->name, TEMPORARY_PREFIX "%ld.%" PRId64,
	    (long)getpid(), clock_ms());
	t->fd = openat(directory, t->name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (t->fd == -1) {
		t->name[0] = '\0';
		return status_set_errno(st, EX_CANTCREAT,
		    "making a file in the spool");
	}
	return 0;
}

int
temporary_make(struct temporary *t, int directory, bool named,
    struct status *st)
{
	bool linkable = false;

	*t = (struct temporary){ .fd = -1, .lock = LOCK_INIT };
	if (named) {
		if (make_named(t, directory, st) == -1)
			return -1;
	} else {
		t->fd = safefile_unnamed_at(directory, &linkable, st);
		if (t->fd == -1)
			return -1;
		if (!linkable) {
			temporary_release(t, directory);
			return 1;
		}
	}
	if (lock(t, st) == -1) {
		temporary_release(t, directory);
		return -1;
	}
	return 0;
}

int
temporary_borrow(struct temporary *t, int fd, struct status *st)
{
	*t = (struct temporary){
		.fd = fd, .is_borrowed = true, .lock = LOCK_INIT
	};
	return lock(t, st);
}

/* Through /proc, or without it (chroot) by the descriptor itself, which older
 * kernels allow to the superuser only. */
static int
link_unnamed(int fd, int to, const char *name)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, to, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return -1;
	return linkat(fd, "", to, name, AT_EMPTY_PATH);
}

static bool
cannot_have_a_name(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EPERM ||
	    error == EACCES || error == EXDEV || error == EOPNOTSUPP ||
	    error == EINVAL;
}

int
temporary_publish(struct temporary *t, int directory, int to, const char *name)
{
	struct stat sb;

	if (t->name[0] == '\0') {
		if (link_unnamed(t->fd, to, name) == 0)
			return 0;
		if (cannot_have_a_name(errno))
			errno = EOPNOTSUPP;
		return -1;
	}
	/* rename(2) is what every file system has; names are random enough that
	 * looking first will do. */
	if (fstatat(to, name, &sb, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	if (renameat(directory, t->name, to, name) == -1)
		return -1;
	t->name[0] = '\0';
	return 0;
}

void
temporary_release(struct temporary *t, int directory)
{
	if (t->name[0] != '\0')
		(void)unlinkat(directory, t->name, 0);
	t->name[0] = '\0';
	lock_release(&t->lock);
	if (t->fd != -1 && !t->is_borrowed)
		close(t->fd);
	t->fd = -1;
}
