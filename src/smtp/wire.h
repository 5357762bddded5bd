/* SPDX-License-Identifier: ISC
 *
 * The bare socket under a connection, plain or under TLS: never blocks, never
 * raises SIGPIPE, and counts our flights.
 */
#ifndef SMTP_WIRE_H
#define SMTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "smtp/aside.h"

struct wire {
	int	 fd;		/* non-blocking; the wire's owner closes it */
	struct aside *aside;	/* looked after while waiting; or NULL */
	int	 flights;	/* times that we spoke after having listened */
	bool	 listened;	/* the server has answered since we spoke last */
	bool	 more;		/* what is sent is not all: packets can wait
				 * until they are full */
	bool	 handshake;	/* all that is heard is an answer; later, lines
				 * are, and the stream says so: a ticket is none */
	size_t	 housekeeping;	/* octets of TLS since its last word of SMTP */
};

/* As recv(2) and send(2); -1 with errno EAGAIN when it would block. */
ssize_t	wire_recv(struct wire *w, void *to, size_t size);
ssize_t	wire_send(struct wire *w, const void *bytes, size_t len);
/* Waits until the socket is ready for `events` of poll(2) or the deadline
 * (clock_ms) has passed.  Returns the events, 0 for the deadline. */
int	wire_wait(struct wire *w, short events, int64_t deadline);

#endif
