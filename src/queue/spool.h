/* SPDX-License-Identifier: ISC
 *
 * Messages that wait, on disk: mailbearer-spool(5) describes the form.
 *
 * One message is one file in new/: the message as read, then a journal of
 * checksummed text records that is only ever appended to.  A file exists from
 * spool_commit() on, not before; everything after that is an append and a sync,
 * or a rename to failed/.  Whatever is read from a file is checked as if a
 * stranger had written it.
 */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include "config/config.h"
#include "queue/submission.h"

#define SPOOL_ID_SIZE 32	/* [0-9A-Za-z], made from time, pid, random */

struct spool {
	int			 directory, waiting, failed;	/* new/, failed/ */
	const struct config	*config;
};

/* A waiting (or failed) message, open and locked. */
struct spool_entry {
	char			 id[SPOOL_ID_SIZE];
	bool			 is_failed;
	struct submission	 submission;	/* states of its recipients as the
						 * journal tells them */
	int64_t			 next_attempt;	/* wall clock */
	int64_t			 last_attempt;	/* 0: none yet */
	int			 attempts;
	bool			 answer_unknown;	/* data sent, no reply seen:
						 * the next attempt may duplicate */
	char			*last_account;	/* NULL if none was chosen yet */
	struct status		 last_status;
	int64_t			 size;		/* of the message */
};

/* Opens the spool, making new/ and failed/ (0750) where they are missing.
 * EX_CANTCREAT with a hint when it cannot be used. */
int	spool_open(struct spool *s, const struct config *c, struct status *st);
void	spool_close(struct spool *s);
/* A directory descriptor for message_read(): what lands there needs no copy. */
int	spool_message_directory(const struct spool *s);

/* Keeps a submission: PENDING and DEFERRED recipients wait, others are recorded
 * as they stand.  Checks spool-reserve and spool-per-user first (EX_CANTCREAT).
 * On return 0 the message lies fsynced under new/ID: from here on the mail is
 * safe.  On -1 nothing is left behind.  `next_attempt`: wall clock. */
int	spool_commit(struct spool *s, struct submission *submission,
	    const char *account, const struct status *reason,
	    int64_t next_attempt, char id[SPOOL_ID_SIZE], struct status *st);
/* As spool_commit, straight into failed/: the REFUSED recipients. */
int	spool_commit_failed(struct spool *s, struct submission *submission,
	    const char *account, char id[SPOOL_ID_SIZE], struct status *st);

/* Opens, locks (1: somebody works on it) and reads one message.  A file that
 * cannot be understood is moved to failed/ as ID.broken with a log line, and -1
 * is returned. */
int	spool_load(struct spool *s, const char *id, bool is_failed,
	    struct spool_entry *entry, struct status *st);
/* As spool_load without the lock and without setting anything aside: for lists. */
int	spool_peek(struct spool *s, const char *id, bool is_failed,
	    struct spool_entry *entry, struct status *st);
void	spool_entry_release(struct spool_entry *entry);

/* Synced record "data sent, answer unknown". */
int	spool_record_sent(struct spool_entry *entry, struct status *st);
/* Synced record of an attempt: the recipients as they now stand, account,
 * reason, and when to try again.  Entry fields are brought up to date. */
int	spool_record_attempt(struct spool_entry *entry, const char *account,
	    const struct status *reason, int64_t next_attempt,
	    struct status *st);
/* All recipients delivered: the file goes away. */
int	spool_remove(struct spool *s, struct spool_entry *entry,
	    struct status *st);
/* To failed/, with its journal; and back, to be tried at once. */
int	spool_fail(struct spool *s, struct spool_entry *entry, struct status *st);
int	spool_requeue(struct spool *s, struct spool_entry *entry,
	    struct status *st);

/* Ids of all waiting or failed messages, oldest first; to be freed with
 * spool_ids_free().  A directory that cannot be read is -1. */
int	spool_list(struct spool *s, bool failed, char ***ids, size_t *count,
	    struct status *st);
void	spool_ids_free(char **ids, size_t count);
/* Removes what is older than keep-failed from failed/, each with a log line
 * first. */
void	spool_expire_failed(struct spool *s, int64_t now);

#endif
