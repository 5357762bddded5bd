/* SPDX-License-Identifier: ISC
 *
 * One attempt to deliver one message.  Private to delivery.c, which decides what
 * is sent and to whom, and transmit.c, which sends it.
 */
#ifndef QUEUE_ATTEMPT_H
#define QUEUE_ATTEMPT_H

#include "mail/body.h"
#include "mail/rewrite.h"
#include "queue/delivery.h"

/* Everything one attempt owns. */
struct attempt {
	const struct config	*config;
	struct submission	*s;
	struct delivery_options	 o;
	struct delivery_report	*report;
	char			*user, *gecos;	/* of the caller */
	struct rewrite_result	 rewrite;
	struct body_plan	 plan;
	struct header		 labelled;	/* the header on this connection */
	struct header_reader	 head;
	struct body_reader	 body;
	int64_t			 body_octets, handed_over;
	struct delivery_connection own;		/* used if there is no other */
	struct envelope		*envelope;	/* who it goes to: the submission's,
						 * or with deliver-all-to ... */
	struct envelope		 redirected;	/* ... this */
	bool			 without_bdat;	/* the server wants DATA */
	bool			 is_fresh;	/* no message before on this connection */
	struct session_data	 d;
	struct transaction	*transaction;	/* in flight */
	size_t			 pending;	/* recipients when it was posted */
	int			 turn;		/* its number, from 1 */
	int			 rc;		/* of what failed before ... */
	struct status		 status;	/* ... or after that */
};

/* Sends off the first transaction; -1 and *st if that fails. */
int	transmit_start(struct attempt *a, struct status *st);
/* Waits for its answers, and makes as many more as max-recipients asks for. */
int	transmit_finish(struct attempt *a, struct status *st);

#endif
