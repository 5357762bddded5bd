/* SPDX-License-Identifier: ISC
 *
 * One attempt to deliver one message: account, permission, rewriting, token,
 * session.  The same for a caller's pipe, for -bs and for the runner.
 */
#ifndef QUEUE_DELIVERY_H
#define QUEUE_DELIVERY_H

#include "config/config.h"
#include "queue/limits.h"
#include "queue/peer.h"
#include "queue/submission.h"
#include "queue/ticket.h"
#include "smtp/session.h"

/* A connection that may serve several messages of one account in turn. */
struct delivery_connection {
	const struct config	*config;	/* both NULL while there is */
	const struct account	*account;	/* none */
	struct session		*session;
	struct peer		 peer;		/* what is known of the server */
	struct ticket		 ticket;
	struct slot		 slot;		/* held as long as the session */
	struct state_file	 minute;	/* where its messages are counted */
	bool			 works;		/* it has delivered: no pause is left */
	uid_t			 uid;		/* of the last message's caller, ... */
	char			*user, *gecos;	/* ... NULL before the first */
	struct session_params	 params;	/* which the session borrows */
	char			 from[256];	/* of this message, for hints */
};

#define DELIVERY_CONNECTION_INIT \
	{ .slot = SLOT_INIT, .minute = STATE_FILE_INIT }

struct delivery_options {
	bool	 is_runner;	/* waits for no slot, and lets an account pause
				 * that is refused */
	bool	 is_record;	/* the runner of record: one slot is kept for it */
	bool	 more;		/* another follows at once, or delivery_push(): what
				 * is said may leave with that */
	int64_t	 deadline;	/* clock_ms: last byte of data out; a runner's
				 * is send-timeout for each transaction */
	/* Used if it is to the right account and usable, replaced otherwise, left
	 * open for the caller to close.  NULL: one message, one connection. */
	struct delivery_connection *connection;
	/* The following may be NULL; they get hook_context. */
	void	*hook_context;
	/* Asked when the account is known, before anything is sent for it: -1
	 * and *st when the message has to wait. */
	int	(*admit)(void *context, const struct account *a,
		    struct status *st);
	/* Asked to finish one of the attempts that are still in flight on the
	 * connection, the oldest; false if there is none. */
	bool	(*make_room)(void *context);
	int	(*sent_all)(void *context, struct status *st);	/* session.h */
	void	(*waits)(void *context);			/* session.h */
	void	(*trace)(void *context, char direction, const char *line);
	/* Octets of the body that have been handed to the session. */
	void	(*progress)(void *context, int64_t done, int64_t whole);
	void	*trace_context;		/* of both */
};

/* What is worth logging whatever came of it. */
struct delivery_report {
	const struct account *account;	/* NULL: none was found */
	const char	*why;		/* which rule chose it */
	char		*header_from;	/* as read */
	char		*mail_from;	/* as sent */
	char		*message_id;	/* with its brackets */
	bool		 from_rewritten, dkim_dropped, token_cached;
	bool		 wants_renewal;	/* token_renew() is due, with `account` */
	bool		 answer_unknown;	/* data sent, no reply seen */
	int64_t		 held_until;	/* clock_ms: the limits kept it from being
					 * sent, look again then; 0: they did not */
	bool		 was_tried;	/* some of it was said to a server */
	int64_t		 bytes;		/* as sent */
};

/* Tries the PENDING and DEFERRED recipients once: delivery_start() says what can be
 * said, delivery_finish() waits for the answers, and says the rest if there is
 * any.  In between others may be started on the same connection, if
 * delivery_options.make_room can finish them; submission and report must stay
 * where they are.  Afterwards each is
 * DELIVERED, DEFERRED or REFUSED with its status.  Returns 0 when the server
 * gave an answer for each of them, else -1 with *st (which each unsettled
 * recipient has too).  A message that no account serves, or whose caller may not
 * use the account, gives -1 with every recipient deferred (refused for
 * EX_NOPERM of the caller). */
struct attempt;
struct attempt *delivery_start(const struct config *c, struct submission *s,
	    const struct delivery_options *o, struct delivery_report *report);
/* Whether delivery_finish() would find all answers there. */
bool	delivery_is_answered(const struct attempt *a);
int	delivery_finish(struct attempt *a, struct status *st);
/* Sends what delivery_options.more has held back. */
void	delivery_push(struct delivery_connection *dc);
/* Both in one. */
int	delivery_attempt(const struct config *c, struct submission *s,
	    const struct delivery_options *o, struct delivery_report *report,
	    struct status *st);
void	delivery_report_release(struct delivery_report *r);
void	delivery_connection_close(struct delivery_connection *dc);

#endif
