/* SPDX-License-Identifier: ISC
 *
 * The journal of a spooled message: records behind the message that tell who it
 * is from and for and what became of it.  mailbearer-spool(5) lists them.
 *
 * Records are written in groups, each in one write, and the last record of a
 * group closes it: a group that a crash tore off counts as never written.
 * Pure functions over bytes; spool.c knows about files.
 */
#ifndef QUEUE_JOURNAL_H
#define QUEUE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "queue/spool.h"

#define JOURNAL_MAX		(8 * 1024 * 1024)	/* bytes of one */
#define JOURNAL_FIRST_MAX	(4 * 1024 * 1024)	/* of its first group */
#define JOURNAL_RECIPIENTS_MAX	20000

/* Records about to be appended. */
struct journal {
	struct buf	 bytes;		/* overflow: more than may be written */
	const char	*id;		/* borrowed: the name of the message */
	int64_t		 position;	/* where in the file they will lie */
	size_t		 recipients;	/* records of them, so far */
	bool		 is_brief;	/* states: one record for all in the same
					 * state, four times SEALED_MAX at most */
};

void	journal_init(struct journal *j, const char *id, int64_t position,
	    size_t max);
void	journal_release(struct journal *j);

/* The first group: these two, then the states, then what closes it.  A recipient
 * may come in a later group too, before the states: whom a name stood for. */
void	journal_add_envelope(struct journal *j, const struct submission *s,
	    size_t recipients);
void	journal_add_recipient(struct journal *j, const struct recipient *r);
/* How the recipients stand that are not pending (ACCEPTED is pending: nobody
 * has answered yet).  Those who met with the same share a record.  A journal
 * stays short whatever a server says: past 64 records recipients with the same
 * codes share the words of the first, past 256 those with the same state. */
void	journal_add_states(struct journal *j,
	    const struct recipient *recipients, size_t count);

/* Closing records. */
struct journal_attempt {
	int64_t		 at;		/* wall clock; 0: not tried yet */
	int64_t		 next;
	int		 number;
	char		*account;	/* NULL if none was chosen */
};
void	journal_add_attempt(struct journal *j, const struct journal_attempt *a,
	    const struct status *reason);

enum journal_mark {
	JOURNAL_SENT,			/* data sent, answer unknown */
	JOURNAL_FAILED,			/* moved to failed/ */
	JOURNAL_REQUEUED		/* and back */
};
void	journal_add_mark(struct journal *j, enum journal_mark mark, int64_t at);

/* Reads the journal `bytes` that lies at `position` of the file named `id` into
 * *entry: all of it but the id, the message's bytes and its header.  *good is
 * the length up to the end of the last group that is whole.  -1 and EX_DATAERR
 * for anything else than a whole journal with, perhaps, a torn last group; the
 * entry is released then. */
int	journal_read(struct spool_entry *entry, const char *bytes, size_t len,
	    const char *id, int64_t position, size_t *good, struct status *st);
/* Whether a later group, about to be appended to a journal with so many
 * recipients, will be read again: what we could not read we do not write. */
bool	journal_is_readable(const struct journal *j, size_t recipients);

#endif
