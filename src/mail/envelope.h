/* SPDX-License-Identifier: ISC
 *
 * Who a message is from and for, and what became of each recipient.
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/address.h"
#include "mail/fate.h"

enum recipient_state {
	RECIPIENT_PENDING,	/* nothing said yet */
	RECIPIENT_ACCEPTED,	/* RCPT accepted, data not answered yet */
	RECIPIENT_DELIVERED,	/* accepted after the data */
	RECIPIENT_DEFERRED,	/* may go later: its fate says why */
	RECIPIENT_REFUSED,	/* refused for good: its fate says why */
	RECIPIENT_REPLACED,	/* a name: others behind it are whom it stood
				 * for */
	RECIPIENT_UNUSABLE	/* no address: never tried, never anything else */
};

struct recipient {
	char		*address;	/* path as sent, without brackets; of an
					 * UNUSABLE one what was given, printable */
	char		*original;	/* ORCPT value "rfc822;..." in xtext, or NULL */
	bool		 utf8;		/* needs SMTPUTF8 */
	enum recipient_state state;
	int		 turn;		/* in this attempt: the transaction that it
					 * was in last, from 1; 0: was settled
					 * before.  Not kept */
	struct fate	*fate;		/* why deferred or refused; the reply when
					 * delivered; NULL: nothing to tell */
};

struct envelope {
	char		*sender;	/* -f as given: NULL not given, "" null path */
	char		*full_name;	/* -F, or NULL */
	struct recipient *recipients;
	size_t		 count, cap;
	/* RFC 3461, "" and NULL where not asked for. */
	char		*envid;		/* -V, xtext */
	char		 ret[8];	/* -R: "FULL", "HDRS" */
	char		 notify[32];	/* -N: "NEVER", "SUCCESS,FAILURE", ... */
	/* Private to envelope.c: a hash table of the recipients. */
	size_t		*slots, slot_count, slotted;
};

#define ENVELOPE_INIT { 0 }

/* Adds a recipient unless it is there already (whatever its case).  The envelope
 * keeps copies. */
void	envelope_add(struct envelope *e, const struct address *a);
/* As what it is, with a fate that says so. */
void	envelope_add_unusable(struct envelope *e, const char *text);
void	recipient_set_unusable(struct recipient *r);
/* Moves all recipients there, each as it is, but those that *e has already. */
void	envelope_move(struct envelope *e, struct envelope *from);
/* Gives up what only envelope_add() needs; it may be called again all the same. */
void	envelope_close(struct envelope *e);
/* What explains a recipient's state, never NULL; and the same as a status. */
const struct fate *recipient_fate(const struct recipient *r);
void	recipient_status(const struct recipient *r, struct status *st);
/* Gives a recipient a state and a fate: of its own, or one that others hold too
 * (which may be NULL). */
void	recipient_settle(struct recipient *r, enum recipient_state state,
	    const struct status *st);
void	recipient_share(struct recipient *r, enum recipient_state state,
	    struct fate *f);
/* The first recipient in that state, or NULL; and how many there are. */
const struct recipient *envelope_first(const struct envelope *e,
	    enum recipient_state state);
size_t	envelope_count(const struct envelope *e, enum recipient_state state);
/* Gives every recipient in state `from` the state `to` and this status. */
void	envelope_settle(struct envelope *e, enum recipient_state from,
	    enum recipient_state to, const struct status *st);
/* Takes back all recipients but the first `count`. */
void	envelope_truncate(struct envelope *e, size_t count);
void	envelope_release(struct envelope *e);

#endif
