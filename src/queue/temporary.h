/* SPDX-License-Identifier: ISC
 *
 * A file that becomes a message: without a name where the file system can give
 * it one later, else under a temporary name that a crash may leave behind and
 * spool_sweep() takes away.
 */
#ifndef QUEUE_TEMPORARY_H
#define QUEUE_TEMPORARY_H

#include <stdbool.h>

#include "base/lock.h"
#include "base/status.h"

#define TEMPORARY_PREFIX	"tmp."
#define TEMPORARY_NAME_SIZE	32
#define TEMPORARY_HOLD_MS	(10 * 60 * 1000)

struct temporary {
	int		 fd;
	bool		 is_borrowed;	/* the descriptor is somebody else's */
	char		 name[TEMPORARY_NAME_SIZE];	/* "" while it has none */
	struct lock	 lock;		/* until it is released */
};

/* Makes one in `directory`, 0640 and locked.  Returns 1, and makes nothing, for
 * an unnamed one where those cannot be given a name. */
int	temporary_make(struct temporary *t, int directory, bool named,
	    struct status *st);
/* Takes an unnamed file of somebody else's, and locks it. */
int	temporary_borrow(struct temporary *t, int fd, struct status *st);
/* Gives it the name `name` in `to`: from then on it exists.  -1 and errno:
 * EEXIST if there is one of that name.  EOPNOTSUPP: it can have no name; make a
 * named one instead. */
int	temporary_publish(struct temporary *t, int directory, int to,
	    const char *name);
/* Removes the temporary name if there is one yet; gives up lock and file. */
void	temporary_release(struct temporary *t, int directory);

bool	temporary_is_name(const char *name);

#endif
