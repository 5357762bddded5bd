/* SPDX-License-Identifier: ISC
 *
 * What the records of a journal hold: one table each, by which journal.c writes
 * and journal_read.c reads.
 */
#ifndef QUEUE_JOURNAL_FIELDS_H
#define QUEUE_JOURNAL_FIELDS_H

#include "queue/journal.h"
#include "queue/sealed.h"

#define JOURNAL_VERSION	1

/* An envelope record: this, and the fields of a struct submission. */
struct journal_count {
	int64_t	version, recipients;
};

/* A state record: this, and a status. */
struct journal_state {
	enum recipient_state is;
	char		*of;		/* "0-3,7": which recipients */
	struct status	 status;
};

struct journal_time {
	int64_t	at;
};

extern const struct field journal_count_fields[];
extern const struct field journal_submission_fields[];
extern const struct field journal_recipient_fields[];
extern const struct field journal_unusable_fields[];
extern const struct field journal_state_fields[];
extern const struct field journal_attempt_fields[];	/* and a status */
extern const struct field journal_mark_fields[];

#endif
