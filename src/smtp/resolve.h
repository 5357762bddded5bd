/* SPDX-License-Identifier: ISC
 *
 * A host name's addresses, by getaddrinfo(3), which knows no deadline: the
 * resolver below it is told to be patient for no longer than there is time.
 */
#ifndef SMTP_RESOLVE_H
#define SMTP_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include "base/status.h"

/* The addresses of `host`, a name or an address, in *list, to be freed with
 * freeaddrinfo(3).  -1 and *st, EX_TEMPFAIL, when there are none by `deadline`
 * (clock_ms), give or take a second for each name server: see resolve.c for
 * what can take longer. */
int	resolve_host(const char *host, int port, int64_t deadline,
	    struct addrinfo **list, struct status *st);

#endif
