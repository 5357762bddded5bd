/* SPDX-License-Identifier: ISC
 *
 * One mail transaction on its way: what it says, what was answered, what that
 * means.  steps.c knows the commands and their answers, transaction.c the way of
 * one transaction, pipeline.c the queue of those in flight.  Private to them.
 */
#ifndef SMTP_TRANSACTION_H
#define SMTP_TRANSACTION_H

#include "smtp/dialogue.h"
#include "smtp/recipients.h"

struct transaction {
	struct session	*s;		/* as long as it is not over */
	struct session_data d;
	struct envelope *e;
	struct recipients to;
	enum { BY_DATA, BY_BDAT, BY_BDAT_AT_ONCE } how;
	bool		 utf8;		/* SMTPUTF8 is asked for */
	size_t		 asked, answered;	/* the next step to say, to hear */
	bool		 mail_refused;
	struct status	 mail_status;	/* then: why */
	bool		 go_ahead;	/* 354 */
	bool		 handed_over;	/* all of the message has left, or will
					 * with what is queued */
	int64_t		 patience;	/* ms: for the answers to its envelope */
	int64_t		 deadline;	/* for them, and until all has left */
	int64_t		 weight;	/* of FLIGHT_OCTETS */
	int64_t		 end;		/* in what the session says in all */
	struct transaction *next;	/* in flight, behind this one */
	/* When it is over: */
	bool		 is_over;
	int		 rc;
	struct status	 status;
	struct session_outcome outcome;
};

/* For what leaves after sent_all (session.h), whatever the deadline: a block of
 * data is worth no more, RFC 5321 4.5.3.2.5, and locks may be held for it. */
#define BLOCK_MS	(3 * 60 * 1000)

/* The steps in the order they are taken; the recipients' stand between STEP_RCPT
 * and the last one: DATA, or BDAT with the message. */
enum { STEP_RSET, STEP_MAIL, STEP_RCPT };

/* steps.c */
size_t	step_last(const struct transaction *t);
enum diagnose_stage step_stage(const struct transaction *t, size_t step);
int	step_put(struct transaction *t, size_t step, struct status *st);
/* What s->reply means as the answer to that step; -1 if it ends the session. */
int	step_judge(struct transaction *t, size_t step, struct status *st);

/* transaction.c
 *
 * Chooses the recipients and the way.  What needs no server to be settled is
 * over at once. */
struct transaction *transaction_new(struct session *s,
	    const struct session_data *d, struct envelope *e);
void	transaction_free(struct transaction *t);
/* Whether the data of such a message may fly with its envelope. */
bool	transaction_can_fly(const struct session *s,
	    const struct session_data *d);
/* All of it up to the answer to the data, nothing else being in flight. */
void	transaction_run(struct transaction *t);
/* BY_BDAT_AT_ONCE: says all of it, in one flight; with session_data.more, and behind
 * others that are held, it is queued, in full or not at all (stream_has_left).  -1
 * and it is over. */
int	transaction_say(struct transaction *t);
/* The same: takes its next answer, the last of which makes it be over.  -1 when
 * the session is lost; t->status says why. */
int	transaction_hear(struct transaction *t);
/* It is over, because of t->status, for all that are not settled yet. */
void	transaction_fail(struct transaction *t);
/* It is over and not a word of it was said. */
void	transaction_leave_unsent(struct transaction *t);

/* pipeline.c: waits for the answers to all that is in flight. */
void	session_settle(struct session *s);

#endif
