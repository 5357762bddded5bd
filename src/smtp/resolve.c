/* SPDX-License-Identifier: ISC
 *
 * A resolver asks each name server in turn, waits some seconds for it, and goes
 * round again: with three that are silent half a minute, and once more with the
 * first search domain behind the name.  The administrator's own limits
 * (resolv.conf(5), options timeout and attempts) hold where they are lower.
 *
 * This reaches the resolver of glibc and of the BSDs.  musl's gives up after five
 * seconds of its own accord.  Another source of names in nsswitch.conf(5), such as
 * sss, has limits of its own that nobody can set from here: a thread that is left
 * behind, or a process for each lookup, would be too much for that.
 */
#include "smtp/resolve.h"

#include <errno.h>
#include <resolv.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"

#define LOOKUPS 2	/* the name as it is, and with a search domain */

/* A round takes about `retrans` seconds for each server (in glibc somewhat more
 * for the last and less for the first).  -1: nothing can be looked up, and must
 * not be by this process: where glibc has no memory for its first look at
 * resolv.conf, it leaves a lock locked, and who comes next waits for ever. */
static int
bound_resolver(int64_t deadline)
{
	static int error;
	int seconds, servers, wait;

	if (error == 0 && res_init() == -1)
		error = errno != 0 ? errno : ENOMEM;
	if (error != 0) {
		errno = error;
		return -1;
	}
	seconds = clock_left(deadline) / 1000 / LOOKUPS;
	servers = _res.nscount > 0 ? _res.nscount : 1;
	if (_res.retry * servers > seconds)
		_res.retry = 1;
	wait = seconds / (servers * (_res.retry > 0 ? _res.retry : 1));
	if (wait < 1)
		wait = 1;
	if (_res.retrans > wait)
		_res.retrans = wait;
	return 0;
}

int
resolve_host(const char *host, int port, int64_t deadline,
    struct addrinfo **list, struct status *st)
{
	struct addrinfo want = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	char service[12];
	int error;

	snprintf(service, sizeof service, "%d", port);
	if (!text_is_ip(host) && bound_resolver(deadline) == -1)
		return status_set_errno(st, EX_TEMPFAIL, "looking up %s", host);
	error = getaddrinfo(host, service, &want, list);
	if (error == 0)
		return 0;
	if (error == EAI_SYSTEM)
		return status_set_errno(st, EX_TEMPFAIL, "looking up %s", host);
	status_set(st, EX_TEMPFAIL, "looking up %s: %s", host,
	    gai_strerror(error));
	/* A name that does not exist may be a resolver's mood, so the mail waits;
	 * but it may be a slip of the pen as well. */
	if (error == EAI_NONAME)
		status_hint(st, "check the account's `host`, and the name "
		    "servers in /etc/resolv.conf");
	return -1;
}
