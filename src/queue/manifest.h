/* SPDX-License-Identifier: ISC
 *
 * What a queue run is about to send: a list of messages that is synced once for
 * all of them.  It stands for the record "sent" in the journal of each, which need
 * not be synced then: what a killed process wrote there is read by the next one,
 * and what a power failure took from there stands in the list.
 *
 * A file in the spool for each run; mailbearer-spool(5) describes it.
 */
#ifndef QUEUE_MANIFEST_H
#define QUEUE_MANIFEST_H

#include "base/clock.h"
#include "queue/spool.h"

#define MANIFEST_MAX	32	/* messages in a list */
#define MANIFEST_HALF	4096	/* a list lies at 0 or here */
#define MANIFEST_HALVES	2
#define MANIFEST_NAME_SIZE 64

struct manifest {
	int		fd;		/* -1: no file yet */
	struct lock	lock;
	char		name[MANIFEST_NAME_SIZE];
	int		half;		/* the next list goes there */
	int		number;		/* of the file, in this run */
};

#define MANIFEST_INIT { .fd = -1, .lock = LOCK_INIT }

/* Has on the disk that these messages, at most MANIFEST_MAX, which the caller has
 * locked, may have been sent from now on, and that those which it removed before
 * are gone: they fall off the list.  Whatever is still in flight must be in it
 * again.  spool_record_sent() then syncs nothing for an entry whose journal has
 * not grown since it was first listed.  On -1 the last list stands. */
int	manifest_write(struct manifest *m, struct spool *s,
	    struct spool_entry *const *entries, size_t count,
	    struct status *st);
/* While others wait or are waited for: it must not be taken for one left behind.
 * Whether it has not been; if it has, it covers nothing. */
bool	manifest_hold(struct manifest *m, const struct spool *s);
/* Nothing that it covers is in flight any more. */
void	manifest_end(struct manifest *m, struct spool *s);
/* What it covers could not be written down: it stays, for whoever comes next to see
 * to, and covers nothing that is said from now on. */
void	manifest_leave(struct manifest *m);

/* Sees to the lists that others have left behind.  After a reboot each message in
 * them that nobody has worked on since gets its record "sent".  Waits for another
 * run that is at it; -1 and EX_TEMPFAIL if that does not get done: nothing may be
 * sent before.  1: one could not be seen to, the log says why, and stays. */
int	manifest_recover(struct spool *s, struct status *st);

/* A list as it was read. */
struct manifest_list {
	char	boot[CLOCK_BOOT_SIZE];		/* in which it was written */
	int	count;
	struct manifest_message {
		char	id[SPOOL_ID_SIZE];
		int64_t	end;		/* of its journal; a longer one knows
					 * better */
	} messages[MANIFEST_MAX];
};

/* Reads the list in one half of a file that has this name and these bytes.  Of a
 * torn one, which nothing was sent by, what is whole: some are named needlessly.
 * False if there is none.  Pure. */
bool	manifest_read(struct manifest_list *list, const char *name, int half,
	    const char *bytes, size_t len);

#endif
