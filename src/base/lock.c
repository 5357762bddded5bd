/* SPDX-License-Identifier: ISC
 *
 * The lock as a calendar.
 *
 * Record locks (fcntl(2)) may cover any range of offsets, far past the end of
 * an empty file.  Here an offset is a millisecond of clock_ms(), and whoever
 * takes the lock at time t for h milliseconds write-locks the offsets from t up
 * to, not including, t + h.  A process is inside at time T only if T is before
 * the end of its booking; its booking began before T; so it holds offset T.  No
 * two can hold one offset: no two are inside at once.  That is the whole proof.
 * The rest follows:
 *
 * - A waiter tries to book from now on.  A holder whose time is not over has
 *   booked "now", so the kernel refuses; one whose time is over has only booked
 *   the past, so the waiter goes ahead.  Looking and taking are one system call:
 *   two waiters cannot both go ahead.
 * - A holder extends by booking on from its old end.  That counts only if the
 *   clock, read after booking, has not reached the old end: then nobody can have
 *   been let in between.  Otherwise it gives up, even if nobody came.
 * - A process that was stopped between reading the clock and booking finds by the
 *   same second look that its time is over already, and starts again.
 * - A holder that dies, by whatever signal, loses its bookings at once; one that
 *   is stopped or frozen for ever keeps only its past, which is in nobody's way.
 * - There is no record to write: no torn or forged one, nothing that a full disk
 *   or a limit on file sizes could stop half-way, no number that could wrap.
 *
 * The locks belong to the open file description (F_OFD_SETLK): another opening
 * by the same process conflicts, and closing some other descriptor of the file
 * does no harm.  A forked child shares them, hence close-on-exec and an explicit
 * unlock at the end.  Where the system has only the old kind (per process, lost
 * by any close) that is used: then a process must not take one lock twice.
 *
 * All processes must see one clock: the file must not be shared between hosts,
 * nor between containers with time namespaces of their own.
 */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"

#ifdef F_OFD_SETLK
#define SET_LOCK F_OFD_SETLK
#else
#define SET_LOCK F_SETLK
#endif

#define PAUSE_MIN_MS	2
#define PAUSE_MAX_MS	50

/* Sets (F_WRLCK) or clears (F_UNLCK) the lock from `start` up to `end`, 0 being
 * the end of all offsets.  Returns 0; 1 if another has some of it; -1. */
static int
set_lock(int fd, short type, int64_t start, int64_t end)
{
	struct flock fl = {
		.l_type = type, .l_whence = SEEK_SET,
		.l_start = start, .l_len = end == 0 ? 0 : end - start,
	};

	if (fcntl(fd, SET_LOCK, &fl) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES || errno == EINTR ? 1 : -1;
}

static int64_t
promise(int64_t now, int64_t hold_ms)
{
	if (hold_ms > LOCK_HOLD_MAX)
		hold_ms = LOCK_HOLD_MAX;
	return now + (hold_ms > 0 ? hold_ms : 1);
}

static int
open_lock_file(int directory, const char *name, struct status *st)
{
	struct stat sb;
	int fd = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);

	if (fd == -1)
		return status_set_errno(st, EX_CANTCREAT,
		    "cannot open lock file %s", name);
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_nlink == 1)
		return fd;
	close(fd);
	status_set(st, EX_CANTCREAT, "lock file %s is not a regular file with "
	    "one name", name);
	return status_hint(st, "remove %s while nothing is being sent", name);
}

/* Tries once.  Returns as lock_take. */
static int
book(struct lock *l, int64_t hold_ms)
{
	int64_t now = clock_ms(), until = promise(now, hold_ms);
	int r = set_lock(l->fd, F_WRLCK, now, until);

	if (r != 0)
		return r;
	/* Stopped since the clock was read: what was booked is the past, and
	 * another may be inside. */
	if (clock_ms() >= until) {
		set_lock(l->fd, F_UNLCK, 0, 0);
		return 1;
	}
	l->until = until;
	return 0;
}

/* Sleeps for half to all of `ms`, but not past the deadline: waiters that came
 * together shall not knock together. */
static void
pause_for(int ms, int64_t deadline)
{
	struct timespec ts;
	int left = clock_left(deadline);
	uint64_t seed;
	pid_t pid = getpid();

	clock_gettime(CLOCK_MONOTONIC, &ts);
	seed = hash_add(HASH_INIT, &ts, sizeof ts);
	seed = hash_add(seed, &pid, sizeof pid);
	ms = ms / 2 + (int)(seed % (unsigned)(ms / 2 + 1));
	if (ms > left)
		ms = left;
	ts = (struct timespec){ .tv_nsec = ms * 1000000L };
	nanosleep(&ts, NULL);
}

int
lock_take_again(struct lock *l, int64_t wait_deadline, int64_t hold_ms)
{
	int pause_ms = PAUSE_MIN_MS, r;

	while ((r = book(l, hold_ms)) == 1 && clock_left(wait_deadline) > 0) {
		pause_for(pause_ms, wait_deadline);
		pause_ms *= 2;
		if (pause_ms > PAUSE_MAX_MS)
			pause_ms = PAUSE_MAX_MS;
	}
	return r;
}

int
lock_take(struct lock *l, int directory, const char *name,
    int64_t wait_deadline, int64_t hold_ms, struct status *st)
{
	int r;

	*l = (struct lock)LOCK_INIT;
	if ((l->fd = open_lock_file(directory, name, st)) == -1)
		return -1;
	r = lock_take_again(l, wait_deadline, hold_ms);
	if (r == -1)
		status_set_errno(st, EX_OSERR, "cannot lock %s", name);
	if (r != 0) {
		close(l->fd);
		l->fd = -1;
	}
	return r;
}

int
lock_take_open(struct lock *l, int fd, int64_t hold_ms)
{
	*l = (struct lock)LOCK_INIT;
	/* A duplicate is the same opening, and ours to close. */
	if ((l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		return 1;
	if (book(l, hold_ms) == 0)
		return 0;
	close(l->fd);
	l->fd = -1;
	return 1;
}

int
lock_extend(struct lock *l, int64_t hold_ms)
{
	int64_t old = l->until, now = clock_ms(), until = promise(now, hold_ms);

	if (!lock_is_mine(l))
		return -1;
	if (until <= old)
		return 0;
	/* From the old end, not from now: between them must be no moment that
	 * another could book. */
	if (set_lock(l->fd, F_WRLCK, old, until) != 0 || clock_ms() >= old) {
		set_lock(l->fd, F_UNLCK, 0, 0);
		l->until = 0;
		return -1;
	}
	l->until = until;
	return 0;
}

bool
lock_is_mine(const struct lock *l)
{
	return l->fd != -1 && clock_ms() < l->until;
}

void
lock_yield(struct lock *l)
{
	set_lock(l->fd, F_UNLCK, 0, 0);
	l->until = 0;
}

void
lock_release(struct lock *l)
{
	if (l->fd == -1)
		return;
	lock_yield(l);
	close(l->fd);
	*l = (struct lock)LOCK_INIT;
}
