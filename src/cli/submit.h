/* SPDX-License-Identifier: ISC
 *
 * From a submission in hand to its outcome: delivered, kept, or refused.  The
 * one path that a piped message and each message of -bs take.
 */
#ifndef CLI_SUBMIT_H
#define CLI_SUBMIT_H

#include "cli/caller.h"
#include "queue/spool.h"
#include "queue/submission.h"

/* What a process needs to take messages in. */
struct submitter {
	const struct caller	*caller;
	struct config		 config;
	struct status		 config_status;	/* why there is none, if so */
	bool			 has_spool;
	struct status		 spool_status;	/* why there is none, if wanted */
	struct spool		 spool;
	int			 directory;	/* for large messages, or -1 */
};

/* What came of one message. */
struct outcome {
	int		sysexit;
	struct status	status;		/* the failure, or the server's reply */
	size_t		delivered, deferred, refused;
	char		spool_id[SPOOL_ID_SIZE];	/* "" if it was not spooled */
	const struct account *renew;	/* its token is due: submit_afterwards() */
	bool		run_queue;	/* what was spooled may go at once */
};

/* Reads the config and opens log and spool.  A config that is wrong leaves, with
 * spool on, a submitter that keeps everything unrouted.  -1 with *st when
 * messages can be neither sent nor kept: EX_CONFIG, EX_CANTCREAT. */
int	submitter_open(struct submitter *s, const struct caller *caller,
	    struct status *st);
void	submitter_close(struct submitter *s);
/* Free space that a message on its way in leaves on the disk: more than spool-
 * reserve, so that those who never finish theirs do not keep others from having
 * theirs kept. */
int64_t	submitter_reserve(const struct submitter *s);

/* Fills what every submission has: caller, time, fixed Date and Message-ID, and
 * sender, name and DSN parameters from the command line. */
int	submission_begin(struct submission *m, const struct submitter *s,
	    struct status *st);
/* Recipients from the arguments and, with -t, from the header; local names
 * resolved.  Unusable ones among usable ones are reported, and go to failed/ if
 * they were meant for somebody.  EX_USAGE when all are unusable. */
int	submission_address(struct submission *m, const struct submitter *s,
	    struct status *st);
/* The same from a list, which is emptied.  While the alias file, or one that it
 * includes, cannot be used, local names stay names: the attempt defers them, and a
 * later one resolves them. */
int	submission_address_list(struct submission *m, const struct submitter *s,
	    struct address_list *list, struct status *st);
/* -1 and why, if there are such names. */
int	submission_check_names(const struct submission *m,
	    const struct submitter *s, struct status *st);
/* Delivers, spools or refuses; logs; prints nothing. */
void	submit(struct submitter *s, struct submission *m, struct outcome *out);
/* Once the caller has his answer, in the background: sends what was spooled only
 * because it was asked for or because no connection was free, and renews a token
 * that is good for a while still, so that no send ever waits for one. */
void	submit_afterwards(const struct submitter *s, const struct outcome *out);

/* Message mode: stdin to outcome, said on stderr.  Returns the exit code. */
int	submit_stdin(const struct caller *caller);

#endif
