/* SPDX-License-Identifier: ISC
 *
 * TLS sessions for the processes that come after: the newest ticket of a server
 * in a small file of the state directory (state_file.h), good for an hour.  It
 * is as secret as a token.
 *
 * Only what came with a certificate that was verified is kept, and it is offered
 * again only while host, port, least version, trust anchors and our own
 * certificate are what they were: so the server's certificate is looked at at
 * least once an hour.  A ticket that cannot be read, believed or used means a
 * full handshake, nothing else.
 */
#ifndef QUEUE_TICKET_H
#define QUEUE_TICKET_H

#include "base/buf.h"
#include "queue/state_file.h"

struct ticket {
	char		name[STATE_KEY_SIZE];	/* of the server, peer.h */
	char		trust[17];	/* digest of what makes it valid */
	struct buf	kept;		/* to offer; empty if there is none */
	struct buf	fresh;		/* what the server gave in this session */
	int64_t		began;		/* wall clock of the session */
};

void	ticket_load(struct ticket *t, const char *name, const struct config *c,
	    const struct account *a);
/* session_params.tls_new_session; the context is the ticket. */
void	ticket_take(void *context, const void *bytes, size_t len);
/* The session ended: keeps what is fresh, and wipes both. */
void	ticket_save(struct ticket *t, const struct config *c);
/* No session came about: what was offered may be the reason, and goes. */
void	ticket_drop(struct ticket *t, const struct config *c);

#endif
