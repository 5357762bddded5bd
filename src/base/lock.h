/* SPDX-License-Identifier: ISC
 *
 * A lock between processes that a dead, stopped or frozen holder cannot keep
 * (design 7).  The lock file is made once and never unlinked or replaced.
 *
 * Taking it is a booking in the kernel's table of record locks, in which an
 * offset of the file is a millisecond: see the first comment of lock.c.  The
 * holder promises until when it will be done, and may extend that in time.  Past
 * its promise a waiter goes ahead; a holder that wakes late finds by
 * lock_extend() or lock_is_mine() that its time is over, whether or not anybody
 * came, and must abort before it does anything that others can see.  A holder
 * that dies is replaced at once.
 *
 * Deadlines are clock_ms(): the time since boot, which no one can set.  The
 * file stays empty; nothing in it can be torn, forged or lost on a full disk.
 */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct lock {
	int	fd;		/* -1 while not held */
	int64_t	until;		/* our promise, clock_ms */
};

#define LOCK_INIT { .fd = -1 }

/* The longest promise; a longer one is cut to it. */
#define LOCK_HOLD_MAX	INT64_C(86400000)

/* Takes the lock on file `name` in `directory` (made if missing, 0640), waiting
 * at most until `wait_deadline` (clock_ms; 0: do not wait), and promises to be
 * done within `hold_ms`.  Returns 0 when held; 1 when somebody else holds it
 * still; -1 with *st on errors of the file system.  The descriptor is
 * close-on-exec; a child that only forks must close it. */
int	lock_take(struct lock *l, int directory, const char *name,
	    int64_t wait_deadline, int64_t hold_ms, struct status *st);
/* As lock_take without waiting, on an open file of the caller's that is open for
 * writing; its bytes stay untouched, its descriptor stays the caller's.  For
 * the inode of a spooled message, so that a frozen runner cannot keep it.
 * Returns 0 when held, 1 when not. */
int	lock_take_open(struct lock *l, int fd, int64_t hold_ms);
/* Promises a new `hold_ms` from now (a promise is never shortened).  -1 if the
 * lock is no longer ours. */
int	lock_extend(struct lock *l, int64_t hold_ms);
/* Whether our promise still stands, so that nobody went ahead of us. */
bool	lock_is_mine(const struct lock *l);
/* Gives it up, but keeps the file open, for lock_take_again(), which returns as
 * lock_take(). */
void	lock_yield(struct lock *l);
int	lock_take_again(struct lock *l, int64_t wait_deadline,
	    int64_t hold_ms);
/* Gives it up; a lock that is not held is left alone. */
void	lock_release(struct lock *l);

#endif
