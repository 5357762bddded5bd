/* SPDX-License-Identifier: ISC
 *
 * A lock between processes that a dead, stopped or frozen holder cannot keep
 * (design 7).  The lock file is made once and never unlinked or replaced.
 *
 * The kernel's lock on one byte of the file says who holds it, and dies with
 * the holder.  Its first bytes say which byte counts now (the generation) and
 * until when the holder promised to be done.  Past that deadline a waiter locks
 * the next generation's byte and goes ahead; the holder that wakes late finds,
 * by lock_extend() or lock_is_mine(), that its generation is over, and must
 * abort before it does anything that others can see.
 *
 * Deadlines are clock_ms(): the time since boot, which no one can set.  After a
 * reboot nobody holds the kernel's lock, so an old deadline means nothing.
 */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct lock {
	int		fd;		/* -1 while not held */
	uint64_t	generation;
};

#define LOCK_INIT { .fd = -1 }

/* Takes the lock on file `name` in `directory` (made if missing, 0640), waiting
 * at most until `wait_deadline` (clock_ms; 0: do not wait), and promises to be
 * done within `hold_ms`.  Returns 0 when held; 1 when somebody else holds it
 * still; -1 with *st on errors of the file system.  The descriptor is
 * close-on-exec. */
int	lock_take(struct lock *l, int directory, const char *name,
	    int64_t wait_deadline, int64_t hold_ms, struct status *st);
/* As lock_take on an open file of the caller's, whose bytes stay untouched:
 * only the kernel's lock, at offsets far past its end; no generation, no
 * deadline.  For the inode of a spooled message.  Returns 0 or 1. */
int	lock_take_inode(int fd);
/* Promises a new `hold_ms` from now.  -1 if the lock is no longer ours. */
int	lock_extend(struct lock *l, int64_t hold_ms);
/* Whether nobody went ahead of us. */
bool	lock_is_mine(const struct lock *l);
/* Gives it up; a lock that is not held is left alone. */
void	lock_release(struct lock *l);

#endif
