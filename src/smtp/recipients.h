/* SPDX-License-Identifier: ISC
 *
 * The recipients that one transaction is for, and what becomes of them.  No I/O.
 * Private to transaction.c.
 */
#ifndef SMTP_RECIPIENTS_H
#define SMTP_RECIPIENTS_H

#include "mail/envelope.h"
#include "smtp/session.h"

struct recipients {
	struct recipient **list;	/* the envelope's own; the array is ours */
	size_t		 count;
	size_t		 accepted;	/* so many of them after RCPT */
};

/* Chooses up to `max` PENDING ones of the envelope; those that this server
 * cannot be offered are refused on the way. */
void	recipients_choose(struct recipients *to, struct envelope *e,
	    const struct session_extensions *x, const char *host, int max);
bool	recipients_need_utf8(const struct recipients *to);
/* Refuses those of the envelope who cannot do without SMTPUTF8, also who has his
 * turn later; the others stay. */
void	recipients_refuse_utf8(struct envelope *e, const char *host);
/* Makes those PENDING again that were one too many for the server, and forgets
 * them here. */
void	recipients_release_surplus(struct recipients *to);
/* Gives this state to all that are not settled yet. */
void	recipients_settle(struct recipients *to, enum recipient_state state,
	    const struct status *st);
/* The same with the state that a failure means: deferred or refused. */
void	recipients_fail(struct recipients *to, const struct status *st);
bool	recipients_are_settled(const struct recipients *to);

/* -1 and *st (EX_USAGE) for a path with a control byte, which the caller let
 * through all the same: it would be two commands. */
int	path_check(const char *path, struct status *st);

#endif
