/* SPDX-License-Identifier: ISC
 *
 * The small files of limits.c, peer.c, stray.c and ticket.c: one record each,
 * written in place under a lock in the state directory.  They are hints that all
 * processes share, not treasure: nothing is synced, and what cannot be read or
 * is not valid counts as absent, so that nobody's full disk and no broken file
 * silences an account.
 */
#ifndef QUEUE_LIMITS_FILE_H
#define QUEUE_LIMITS_FILE_H

#include "base/lock.h"
#include "config/config.h"
#include "queue/sealed.h"

#define LIMITS_KEY_SIZE		48
#define LIMITS_NAME_SIZE	80

struct limits_file {
	int		directory;
	struct lock	lock;
	int		fd;		/* of the file, once it was written; or -1 */
	size_t		size;		/* of what was read from there */
	char		name[LIMITS_NAME_SIZE];
};

#define LIMITS_FILE_INIT { .directory = -1, .lock = LOCK_INIT, .fd = -1 }

/* The mailbox as part of a file name: a readable beginning and a digest.
 * Accounts that share a mailbox share its limits. */
void	limits_key(char key[LIMITS_KEY_SIZE], const struct account *a);
int	limits_directory(const struct config *c, struct status *st);

/* The file KIND-KEY.  `locked`: for a change; waits a little for the lock. */
int	limits_file_open(struct limits_file *f, const struct config *c,
	    const char *kind, const char *key, bool locked);
void	limits_file_close(struct limits_file *f);
/* Gives up the lock alone, and takes it again: for a file that nobody removes, and
 * that is written over and over. */
void	limits_file_yield(struct limits_file *f);
int	limits_file_resume(struct limits_file *f);
/* Reads the record into a zeroed struct by one or two tables (`more` may be
 * NULL); -1 if there is no valid one. */
int	limits_file_read(struct limits_file *f,
	    const struct field *fields, void *values,
	    const struct field *more, void *more_values);
int	limits_file_write(struct limits_file *f,
	    const struct field *fields, const void *values,
	    const struct field *more, const void *more_values);
void	limits_file_remove(const struct limits_file *f);

/* Names this boot, to tell a clock_ms() of before the last one.  "-" where the
 * kernel does not say. */
void	limits_boot(char boot[40]);
/* 0 to below `limit`, from the kernel. */
int64_t	limits_random(int64_t limit);

#endif
