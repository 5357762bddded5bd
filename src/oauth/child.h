/* SPDX-License-Identifier: ISC
 *
 * A program that runs for us and whose output we read.  For oauth/, and for the
 * starter's side of it in cli/confine.c.
 *
 * It gets /dev/null for stdin and stderr, a pipe for stdout, no other
 * descriptor, and an environment of PATH alone.
 */
#ifndef OAUTH_CHILD_H
#define OAUTH_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/status.h"

struct child {
	const char	*path;
	pid_t		 pid;		/* 0: it is the starter's child */
	int		 out;		/* our end of its stdout */
};

/* Starts argv[0].  `own_group`: ^C at our terminal is not for it. */
int	child_start(struct child *child, char *const argv[], bool own_group,
	    struct status *st);
/* Has the starter (base/starter.h) start the program that makes a token for the
 * account of this number, which is `path`. */
int	child_ask(struct child *child, const char *path, int64_t account,
	    struct status *st);
/* Appends what there is to `out`, waiting for it until `deadline`: 1 for more to
 * come, 0 at the end, -1 past the deadline, on an error or when `out` is full. */
int	child_read(const struct child *child, struct buf *out,
	    int64_t deadline, struct status *st);
/* Waits for its end: gladly until the deadline, then by force.  Returns what
 * waitpid(2) gave, or 0 if somebody else has waited (SIGCHLD ignored). */
int	child_end(struct child *child, int64_t deadline);
/* It printed nothing and ended so: says why, as far as can be known.  -1. */
int	child_said_nothing(const struct child *child, int status,
	    struct status *st);
/* It is a token-command, which printed something else and ended so.  -1. */
int	child_said_no_token(const struct child *child, int status,
	    struct status *st);

#endif
