/* SPDX-License-Identifier: ISC
 *
 * What a mailbox may do at once (promise 5): connection slots as kernel locks
 * with a deadline, a window of messages per minute, and the pause after a
 * refusal, all in files of the state directory, for all processes of the host.
 */
#ifndef QUEUE_LIMITS_H
#define QUEUE_LIMITS_H

#include "base/lock.h"
#include "config/config.h"

struct slot {
	struct lock	lock;
	int		number;		/* 0 to max-connections - 1 */
	int64_t		hold_ms;	/* promised for each flight */
};

#define SLOT_INIT { .lock = LOCK_INIT, .number = -1 }

enum slot_kind {
	SLOT_CALLER,		/* leaves slot 0 to the runner of record, where
				 * max-connections is more than one */
	SLOT_RUNNER
};

/* -1 and EX_TEMPFAIL if the process's own resource limits are too low for the
 * files of this module: then it sends nothing, or it would send uncounted. */
int	limits_check_caller(struct status *st);

/* Takes one of the account's slots, waiting until `wait_deadline` at most.
 * 0: taken; 1: none free, the account pauses, or limits_check_caller() (*st says
 * which, EX_TEMPFAIL, with the time a pause ends); -1: the state directory cannot
 * be used. */
int	limits_take_slot(struct slot *s, const struct config *c,
	    const struct account *a, enum slot_kind kind,
	    int64_t wait_deadline, struct status *st);
/* Call before each flight of a long session; -1: we were overtaken, abort. */
int	limits_extend(struct slot *s);
void	limits_release_slot(struct slot *s);

/* Counts one more in the mailbox's minute.  0: go; 1: not before *wait_ms from now
 * (*st says so, EX_TEMPFAIL), and nothing was counted.  0 as well when the count
 * cannot be kept: a full disk silences nobody.  `minute` (STATE_FILE_INIT at
 * first, state_file_close() at last) is this mailbox's, and stays open. */
struct state_file;
int	limits_count_message(struct state_file *minute,
	    const struct config *c, const struct account *a, int64_t *wait_ms,
	    struct status *st);

/* Wall clock until which the mailbox's minute is full, 0 if it is not. */
int64_t	limits_minute_until(const struct config *c, const struct account *a);

/* The account is to be left alone: after a 432 for 30 to 120 s at random and
 * with one connection for ten minutes after that; after refused credentials for
 * a growing time (1 minute to 30).  A longer pause stands. */
void	limits_pause(const struct config *c, const struct account *a,
	    const struct status *why);
/* It works again: forget the pauses (but not the ten minutes after a 432). */
void	limits_clear(const struct config *c, const struct account *a);
/* Wall clock until which the account pauses, 0 if it does not; `why` may be
 * NULL. */
int64_t	limits_paused_until(const struct config *c, const struct account *a,
	    struct status *why);

/* user-messages-per-hour: counts one more for this uid, root exempt; 1 and
 * EX_TEMPFAIL when it is over. */
int	limits_count_user(const struct config *c, uid_t uid, struct status *st);

#endif
