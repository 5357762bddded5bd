/* SPDX-License-Identifier: ISC
 *
 * The one who starts programs for a process that no longer can.
 *
 * A process that reads what strangers wrote executes nothing (sandbox.h), but
 * needs a token now and then, and a queue run.  So before it reads anything it
 * forks off a small child, the starter, which has no sandbox, reads nothing but
 * fixed-size requests from a socket that only the two hold, and does what was
 * laid down before: an errand and a number, never a program's name or argument.
 *
 * The starter holds nothing of the caller's, ends with the process that made it,
 * and runs one errand at a time, and after the first hundred no more than ten in a
 * second.
 */
#ifndef STARTER_H
#define STARTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum errand {
	ERRAND_TOKEN,		/* number: of the account.  Gives a descriptor
				 * from which to read what the program prints */
	ERRAND_TOKEN_END,	/* number: the deadline.  Waits, or kills; gives
				 * what waitpid(2) gave */
	ERRAND_RENEWAL,		/* number: of the account */
	ERRAND_QUEUE_RUN,
	ERRANDS
};

/* Runs in the starter.  Returns the result, -1 with *st; *fd, if set, is handed
 * over to who asked. */
typedef int errand_fn(void *context, int64_t number, int *fd,
	    struct status *st);

/* Forks the starter.  Where that fails there is none, and every errand fails
 * with the reason: a message that needs one has to wait. */
void	starter_begin(errand_fn *const errands[ERRANDS], void *context);
/* Whether errands are the starter's now; else whoever wants something started
 * does it himself. */
bool	starter_is_used(void);
/* Has it run an errand: its result, or -1 with *st.  `fd` may be NULL. */
int	starter_ask(enum errand errand, int64_t number, int *fd,
	    struct status *st);
/* Lets it go, and waits for its end, so that it is nobody's zombie. */
void	starter_end(void);

#endif
