/* SPDX-License-Identifier: ISC
 *
 * The small files of the state directory (limits.c, peer.c, stray.c, ticket.c):
 * one record each, written in place under a lock.  They are hints that all
 * processes share, not treasure: nothing is synced, and what cannot be read or
 * is not valid counts as absent, so that nobody's full disk and no broken file
 * silences an account.
 */
#ifndef QUEUE_STATE_FILE_H
#define QUEUE_STATE_FILE_H

#include "base/lock.h"
#include "config/config.h"
#include "queue/sealed.h"

#define STATE_KEY_SIZE		48
#define STATE_NAME_SIZE	80

struct state_file {
	int		directory;
	struct lock	lock;
	int		fd;		/* of the file, once it was written; or -1 */
	size_t		size;		/* of what was read from there */
	char		name[STATE_NAME_SIZE];
};

#define STATE_FILE_INIT { .directory = -1, .lock = LOCK_INIT, .fd = -1 }

/* The mailbox as part of a file name: a readable beginning and a digest.
 * Accounts that share a mailbox share its limits. */
void	state_file_key(char key[STATE_KEY_SIZE], const struct account *a);
int	state_file_directory(const struct config *c, struct status *st);

/* The file KIND-KEY.  `locked`: for a change; waits a little for the lock. */
int	state_file_open(struct state_file *f, const struct config *c,
	    const char *kind, const char *key, bool locked);
void	state_file_close(struct state_file *f);
/* Gives up the lock alone, and takes it again: for a file that nobody removes, and
 * that is written over and over. */
void	state_file_yield(struct state_file *f);
int	state_file_resume(struct state_file *f);
/* Reads the record into a zeroed struct by one or two tables (`more` may be
 * NULL); -1 if there is no valid one. */
int	state_file_read(struct state_file *f,
	    const struct field *fields, void *values,
	    const struct field *more, void *more_values);
int	state_file_write(struct state_file *f,
	    const struct field *fields, const void *values,
	    const struct field *more, const void *more_values);
void	state_file_remove(const struct state_file *f);

#endif
