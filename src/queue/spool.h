/* SPDX-License-Identifier: ISC
 *
 * Messages that wait, on disk: mailbearer-spool(5) describes the form.
 *
 * One message is one file in new/: the message as read, then a journal of
 * checksummed text records that is only ever appended to.  A file exists from
 * spool_commit() on, not before; everything after that is an append and a sync,
 * or a rename to failed/.  Whatever is read from a file is checked as if a
 * stranger had written it.
 *
 * Who works on a message holds its lock (lock_take_open) for a time, and
 * extends that while at work: a stopped process delays a message and never keeps
 * it.
 */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include "base/lock.h"
#include "config/config.h"
#include "queue/spool_id.h"
#include "queue/submission.h"

struct spool {
	int			 directory, waiting, failed;	/* new/, failed/ */
	const struct config	*config;
	int			 unsynced;	/* removed by spool_forget() */
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
	int64_t			 since;		/* retry-for counts from here: when
						 * received, or requeued */
	bool			 has_failed;	/* it was given up ... */
	int64_t			 failed_at;	/* ... at this time */
	int64_t			 size;		/* of the message */
	/* private to spool_*.c */
	struct lock		 lock;
	int64_t			 hold_ms;	/* is promised for it each time */
	int64_t			 end;		/* the next record goes there */
	int64_t			 listed;	/* its end when manifest.c listed it
						 * as about to be sent; 0: not so */
	size_t			 recorded;	/* recipients in the journal */
};

/* Opens the spool, making new/ and failed/ (0750) where they are missing.
 * EX_CANTCREAT with a hint when it cannot be used. */
int	spool_open(struct spool *s, const struct config *c, struct status *st);
void	spool_close(struct spool *s);
/* -1 with EX_CANTCREAT and a hint where the file system is mounted read-only: what
 * waits can be looked at and nothing else. */
int	spool_check_writable(const struct spool *s, struct status *st);
/* The descriptor of failed/ or new/. */
int	spool_part(const struct spool *s, bool is_failed);
/* A directory descriptor for message_read(): what lands there needs no copy. */
int	spool_message_directory(const struct spool *s);

/* Keeps a submission: PENDING and DEFERRED recipients wait, the DELIVERED are
 * recorded, the REFUSED and the UNUSABLE left out: they are
 * spool_commit_failed()'s.  Refuses what would leave less than spool-reserve free
 * or make more than spool-per-user for this uid in new/ (in failed/, for what goes
 * there), EX_CANTCREAT.  `reason`: why it was not sent, NULL if nobody tried.
 * On return 0 the message lies fsynced under new/ID: from here on the mail is
 * safe.  On -1 nothing is left behind, nothing was sent and nothing will be.
 * `next_attempt`: wall clock. */
int	spool_commit(struct spool *s, struct submission *submission,
	    const char *account, const struct status *reason,
	    int64_t next_attempt, char id[SPOOL_ID_SIZE], struct status *st);
/* As spool_commit, straight into failed/: the REFUSED and the UNUSABLE alone. */
int	spool_commit_failed(struct spool *s, struct submission *submission,
	    const char *account, char id[SPOOL_ID_SIZE], struct status *st);

/* Opens, locks and reads one message.  1: somebody works on it, or it is gone
 * (*st says which).  A file that cannot be understood is moved to failed/ as
 * ID.broken with a log line, and -1 is returned.  -1 too, and the file stays,
 * for one that cannot be read now or that is not ours alone. */
int	spool_load(struct spool *s, const char *id, bool is_failed,
	    struct spool_entry *entry, struct status *st);
/* As spool_load without the lock and without setting anything aside: for lists.
 * The message can be read by message_pread(); its header is not parsed. */
int	spool_peek(struct spool *s, const char *id, bool is_failed,
	    struct spool_entry *entry, struct status *st);
void	spool_entry_init(struct spool_entry *entry);
void	spool_entry_release(struct spool_entry *entry);
/* Whether nobody went ahead of us; extends the lock.  Ask before the message is
 * said, and before anything else that others can see; false: stop at once.  A yes
 * is good for SPOOL_ANSWER_MS: the ten minutes that the answer to the data may
 * take, RFC 5321 4.5.3.2.6, with room for the last of the data before it. */
#define SPOOL_ANSWER_MS	(15 * 60 * 1000)
bool	spool_entry_is_ours(struct spool_entry *entry);
/* Extends the lock alone, if it is time: while an answer is waited for. */
bool	spool_entry_hold(struct spool_entry *entry);
/* What a lock on a message promises: from there to the last byte of the data it
 * takes send-timeout at most, or it is extended on the way. */
int64_t	spool_hold_ms(const struct spool *s);
/* REFUSED recipients are PENDING again. */
void	spool_entry_forgive(struct spool_entry *entry);

/* The following fail with EX_TEMPFAIL, and write nothing, when the entry is no
 * longer ours; and with SCOPE_LOCAL when the disk takes nothing of the others
 * either.
 *
 * Synced record "data sent, answer unknown"; not synced if a list that is on the
 * disk (manifest.h) says so of the journal as it is.  Where the disk is nearly full
 * it reserves room for the record of the attempt too: a full disk keeps mail from
 * being sent rather than from being known as sent. */
int	spool_record_sent(struct spool_entry *entry, struct status *st);
/* Synced record of an attempt: the recipients as they now stand, account,
 * reason, and when to try again.  Entry fields are brought up to date. */
int	spool_record_attempt(struct spool_entry *entry, const char *account,
	    const struct status *reason, int64_t next_attempt,
	    struct status *st);
/* All recipients delivered: the file goes away (ours or not: it was sent). */
int	spool_remove(struct spool *s, struct spool_entry *entry,
	    struct status *st);
/* The same, synced together with others by spool_sync(), which does it if there
 * are more than `most`: best after another sync, when it costs little.  Until then
 * a power failure may bring the message back, and its journal says "data sent": a
 * possible duplicate, as it was while its answer was awaited. */
int	spool_forget(struct spool *s, struct spool_entry *entry,
	    struct status *st);
int	spool_sync(struct spool *s, int most, struct status *st);
/* To failed/, with its journal; and back, to be tried at once. */
int	spool_fail(struct spool *s, struct spool_entry *entry,
	    struct status *st);
int	spool_requeue(struct spool *s, struct spool_entry *entry,
	    struct status *st);

/* Ids of all waiting or failed messages, oldest first, and the names of broken
 * files among the failed, which are no ids; to be freed with spool_ids_free().  A
 * directory that cannot be read is -1. */
int	spool_list(struct spool *s, bool failed, char ***ids, size_t *count,
	    struct status *st);
void	spool_ids_free(char **ids, size_t count);
/* Names in the spool's own directory that `wanted` takes, to be freed with
 * spool_ids_free(). */
int	spool_names(struct spool *s, bool (*wanted)(const char *name),
	    char ***names, size_t *count);
/* Moves what waits or has failed in another spool here, or says in the log why it
 * cannot.  What somebody works on stays for the next time. */
void	spool_adopt(const struct spool *to, struct spool *from);
/* Removes what lies in failed/ for longer than keep-failed, each with a log
 * line first. */
void	spool_expire_failed(struct spool *s, int64_t now);
/* Removes temporary files that no process works on any more. */
void	spool_sweep(struct spool *s, int64_t now);

#endif
