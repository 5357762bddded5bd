/* SPDX-License-Identifier: ISC
 *
 * DNS and TCP: each address of the server by itself, because one that does not
 * answer costs time in every send and is seen nowhere else.
 */
#include "cli/check_step.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/connect.h"

#define ADDRESSES_MAX	8	/* more are not tried here */
#define CONNECT_MS	4000

static void
add(char *list, size_t size, const char *what, const char *how)
{
	size_t len = strlen(list);
	bool is_first = len < 2 || list[len - 2] == ':';

	snprintf(list + len, size - len, "%s%s%s%s", is_first ? "" : ", ", what,
	    how[0] != '\0' ? " " : "", how);
}

/* The reason behind the host and port that we know. */
static const char *
reason(const struct status *st)
{
	const char *s = strrchr(st->text, ':');

	return s != NULL && s[1] == ' ' ? s + 2 : st->text;
}

static bool
try_address(const struct check *k, const char *address,
    struct check_result *r)
{
	const struct account *a = k->account;
	struct connect_params p = { .host = address, .port = a->port,
	    .source_address = a->source_address,
	    .deadline = clock_deadline(CONNECT_MS) };
	struct status st = STATUS_INIT;
	char how[300];
	int fd = connect_host(&p, &st);

	if (fd != -1) {
		close(fd);
		add(r->seen, sizeof r->seen, address, "");
		return true;
	}
	snprintf(how, sizeof how, "(%.200s)", reason(&st));
	add(r->seen, sizeof r->seen, address, how);
	return false;
}

static void
try_all(const struct check *k, const struct addrinfo *list,
    struct check_result *r)
{
	const struct addrinfo *ai;
	size_t good = 0, bad = 0, tried = 0;
	char address[NI_MAXHOST];

	snprintf(r->seen, sizeof r->seen, "%s port %d: ", k->account->host,
	    k->account->port);
	r->mark = OUT_OK;
	for (ai = list; ai != NULL && tried < ADDRESSES_MAX; ai = ai->ai_next) {
		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, address,
		    sizeof address, NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		tried++;
		if (try_address(k, address, r))
			good++;
		else if (ai->ai_family != AF_INET6)
			bad++;	/* many a host has no IPv6: shown, no more */
	}
	if (good == 0)
		check_fail(r, EX_TEMPFAIL, "no address of the server can be "
		    "reached", "see whether `host` and `port` of the account "
		    "are right; if they are, a firewall on this host or on the "
		    "way keeps this port closed, or the provider does, as many "
		    "do with 25 and 587: ask for it to be opened");
	else if (bad != 0)
		check_doubt(r, "some addresses cannot be reached: sends still "
		    "work, a quarter of a second later at times",
		    "repair the route to them");
}

void
check_network(struct check *k, struct check_result *r)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int error = getaddrinfo(k->account->host, NULL, &want, &list);

	if (error != 0) {
		check_ok(r, "looking up %s: %s", k->account->host,
		    gai_strerror(error));
		check_fail(r, EX_TEMPFAIL, "DNS does not know the server's "
		    "name, or does not answer", "check `host` of the account, "
		    "and the name servers in /etc/resolv.conf: "
		    "getent hosts must show the name");
		return;
	}
	try_all(k, list, r);
	freeaddrinfo(list);
}
