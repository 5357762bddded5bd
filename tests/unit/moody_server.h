/* SPDX-License-Identifier: ISC
 *
 * A server that keeps to the standards and has moods, all from one seed: it
 * refuses any MAIL, RCPT or BDAT, answers in several lines, holds its answers
 * back, sends them in pieces of any size, stops listening for a while, and cuts
 * the connection anywhere.  It never answers out of order.  What it decided is
 * kept where the test can see it, whether or not the client ever heard of it.
 *
 * Messages are known by number: MAIL FROM:<m7@x>, RCPT TO:<r2.m7@x>, and a body
 * that begins with "Subject: m7".
 */
#ifndef MOODY_SERVER_H
#define MOODY_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "forked_server.h"

#define MOODY_MESSAGES		40
#define MOODY_RECIPIENTS	8
#define MOODY_REPLIES		200000

/* What a reply was the answer to. */
enum moody_step { MOODY_RSET, MOODY_MAIL, MOODY_RCPT, MOODY_BDAT, MOODY_DATA };
struct moody_reply {
	enum moody_step	step;
	int		message, recipient;	/* -1: of none */
	int		code;
};

/* Shared by test and servers; lives as long as the messages do. */
struct moody_log {
	size_t	replies;		/* the number is in the reply's text */
	struct moody_reply reply[MOODY_REPLIES];
	int	accepted[MOODY_MESSAGES][MOODY_RECIPIENTS];	/* how often */
	int	crossed;		/* the mail of one for another */
	int	depth;			/* most messages heard of while an answer
					 * was held back */
};

struct moody_log *moody_log_new(void);
void	moody_log_free(struct moody_log *log);
/* Starts one.  A calm one refuses and cuts nothing.  What it has to complain of is
 * on stderr. */
void	moody_server_start(struct forked_server *s, struct moody_log *log,
	    unsigned seed, bool calm);

/* Pseudo-random numbers below `limit`, the same everywhere for a seed. */
unsigned moody_random(unsigned *seed, unsigned limit);

#endif
