/* SPDX-License-Identifier: ISC
 *
 * From a host name to a connected socket, as RFC 8305 ("Happy Eyeballs") has
 * it: addresses of both families in turn, a quarter of a second apart, and the
 * first one that answers wins.
 */
#ifndef SMTP_CONNECT_H
#define SMTP_CONNECT_H

#include <stdint.h>

#include "base/status.h"
#include "smtp/aside.h"

struct connect_params {
	const char	*host;		/* a name, or an address without brackets */
	int		 port;
	const char	*source_address;	/* NULL: any */
	int64_t		 deadline;	/* clock_ms */
	struct aside	*aside;		/* looked after meanwhile; NULL: none */
};

/* Returns a socket that does not block, does not delay (TCP_NODELAY) and is
 * closed on exec; -1 and *st on failure. */
int	connect_host(const struct connect_params *p, struct status *st);

#endif
