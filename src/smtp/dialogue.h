/* SPDX-License-Identifier: ISC
 *
 * What the steps of a session are made of: put commands, send the flight, read
 * a reply, judge it.  Private to session.c, authenticate.c and transaction.c.
 */
#ifndef SMTP_DIALOGUE_H
#define SMTP_DIALOGUE_H

#include "base/conceal.h"
#include "smtp/reply.h"
#include "smtp/session.h"
#include "smtp/stream.h"

#define HOLD_MS	30000		/* between two calls of session_data.waits */

struct session {
	struct session_params	 p;
	struct stream		*stream;
	struct session_extensions ext;
	struct reply		 reply;		/* the last one */
	struct buf		 line;		/* the command being written */
	struct conceal		 conceal;	/* what AUTH said */
	bool			 usable;	/* the next command can be sent */
	bool			 in_transaction;/* RSET before the next MAIL */
	bool			 resume_failed;	/* on the connection before */
	bool			 two_step;
	bool			 line_refused;	/* AUTH's, and nothing said since */
	bool			 bdat_failed;	/* nothing known of it but grief */
	bool			 bdat_works;	/* it took a message that way */
	/* Transactions in flight, by next; pipeline.c. */
	struct transaction	*oldest, *newest;
	struct transaction	*held;		/* all from this on are queued */
	size_t			 in_flight;
	int64_t			 weight;
	int64_t			 next_hold;	/* clock_ms: `waits` is called */
	int64_t			 began;		/* clock_ms */
	int64_t			 opening_ms;	/* up to AUTH, or without it */
};

/* Starts a flight: sets the phase, and refuses what the server said without
 * being asked (a pending 4yz or 5yz says why it is leaving). */
int	dialogue_begin(struct session *s, enum diagnose_stage stage,
	    struct status *st);
/* While others are in flight, and what the server says is theirs: -1 and *st if it
 * has hung up. */
int	dialogue_look(struct session *s, enum diagnose_stage stage,
	    struct status *st);
/* Nothing but the phase. */
void	dialogue_set_phase(struct session *s, enum diagnose_stage stage);
/* Queues one command line.  One with a control byte in it is refused, whatever
 * its parts were checked for before: it would be two commands. */
int	dialogue_put(struct session *s, struct status *st, const char *format,
	    ...) __attribute__((format(printf, 3, 4)));
/* Sends the flight. */
int	dialogue_flush(struct session *s, enum diagnose_stage stage,
	    struct status *st);
/* After sending failed: if the server said why, *st says it.  Returns -1. */
int	dialogue_explain(struct session *s, enum diagnose_stage stage,
	    struct status *st);
/* Reads one reply into s->reply, whatever its code; -1 if there is none, and
 * then the session is not usable. */
int	dialogue_read(struct session *s, enum diagnose_stage stage,
	    struct status *st);
/* Whether it would not have to wait; looks without waiting. */
bool	dialogue_has_reply(struct session *s);
/* Sets *st from s->reply: `doing` says what it refuses.  Returns -1. */
int	dialogue_refused(struct session *s, enum diagnose_stage stage,
	    struct status *st, const char *doing, ...)
	    __attribute__((format(printf, 4, 5)));
/* All of it for one command: -1 unless the reply's first digit is `wanted`. */
int	dialogue_command(struct session *s, enum diagnose_stage stage,
	    int wanted, struct status *st, const char *format, ...)
	    __attribute__((format(printf, 5, 6)));
/* A failure that no reply explains, or a reply that makes no sense: the session
 * is over.  Returns -1. */
int	dialogue_broken(struct session *s);
/* The reply's class: 2 to 5. */
int	dialogue_class(const struct session *s);
void	dialogue_trace(const struct session *s, char direction,
	    const char *line);
/* The stage in words, such as "MAIL FROM". */
const char *dialogue_name(enum diagnose_stage stage);

#endif
