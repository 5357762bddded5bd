/* SPDX-License-Identifier: ISC */
#include "smtp/connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/resolve.h"

#define ADDRESSES_MAX	16	/* more are not tried */
#define STAGGER_MS	250	/* RFC 8305 5, Connection Attempt Delay */
#define CONNECT_MS	60000	/* whatever the deadline says */

struct race {
	const struct addrinfo *address[ADDRESSES_MAX];	/* in order of trial */
	size_t		 count, started;
	struct pollfd	 running[ADDRESSES_MAX + 1];	/* one for aside_poll() */
	size_t		 runners;
	const struct addrinfo *source;	/* bind to this; NULL: any */
	int64_t		 next_start;	/* clock_ms */
	struct aside	*aside;
	int		 error;		/* errno of the last that failed */
};

/* The source address as bind(2) wants it. */
static int
resolve_source(const char *address, struct addrinfo **list, struct status *st)
{
	struct addrinfo want = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
	};

	if (address == NULL || getaddrinfo(address, NULL, &want, list) == 0)
		return 0;
	return status_set(st, EX_CONFIG, "source-address %s is no IP address",
	    address);
}

/* RFC 8305 4: keep the order of RFC 6724 within a family, alternate between
 * the families, the preferred one first. */
static void
line_up(struct race *r, const struct addrinfo *list)
{
	const struct addrinfo *same = list, *other = list, **turn = &same;
	int family = list->ai_family;

	while (r->count < ADDRESSES_MAX && (same != NULL || other != NULL)) {
		while (same != NULL && same->ai_family != family)
			same = same->ai_next;
		while (other != NULL && other->ai_family == family)
			other = other->ai_next;
		if (*turn != NULL) {
			r->address[r->count++] = *turn;
			*turn = (*turn)->ai_next;
		}
		turn = turn == &same ? &other : &same;
	}
}

static int
open_socket(const struct race *r, const struct addrinfo *a)
{
	int on = 1, fd;

	if (r->source != NULL && r->source->ai_family != a->ai_family) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (r->source != NULL &&
	    bind(fd, r->source->ai_addr, r->source->ai_addrlen) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
start_next(struct race *r)
{
	const struct addrinfo *a = r->address[r->started++];
	int fd = open_socket(r, a);

	r->next_start = clock_deadline(STAGGER_MS);
	if (fd != -1 && (connect(fd, a->ai_addr, a->ai_addrlen) == 0 ||
	    errno == EINPROGRESS)) {
		r->running[r->runners++] =
		    (struct pollfd){ .fd = fd, .events = POLLOUT };
		return;
	}
	r->error = errno;
	r->next_start = 0;
	if (fd != -1)
		close(fd);
}

/* The socket that is connected, -1 if none is yet; those that failed leave, and
 * the next one starts at once. */
static int
pick_winner(struct race *r)
{
	size_t i = 0;
	socklen_t len;
	int fd, error;

	while (i < r->runners) {
		if (r->running[i].revents == 0) {
			i++;
			continue;
		}
		fd = r->running[i].fd;
		r->running[i] = r->running[--r->runners];
		len = sizeof error;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
			error = errno;
		if (error == 0)
			return fd;
		close(fd);
		r->error = error;
		r->next_start = 0;
	}
	return -1;
}

static int
run_race(struct race *r, int64_t deadline)
{
	int64_t until;
	int fd = -1;

	while (fd == -1 &&
	    clock_left(aside_deadline(r->aside, deadline)) != 0) {
		if (r->started < r->count && (r->runners == 0 ||
		    clock_left(r->next_start) == 0)) {
			start_next(r);
			continue;
		}
		if (r->runners == 0)
			return -1;
		until = r->started < r->count && r->next_start < deadline ?
		    r->next_start : deadline;
		if (aside_poll(r->aside, r->running, r->runners, until) > 0)
			fd = pick_winner(r);
	}
	if (fd == -1)
		r->error = ETIMEDOUT;
	return fd;
}

static int
race_failed(const struct race *r, const struct connect_params *p,
    struct status *st)
{
	errno = r->error;
	status_set_errno(st, EX_TEMPFAIL, "connecting to %s port %d (%zu "
	    "address%s tried)", p->host, p->port, r->started,
	    r->started == 1 ? "" : "es");
	return status_hint(st, "see whether `host` and `port` of the account are "
	    "right; if they are, a firewall on this host or on the way keeps "
	    "port %d closed, or the provider does, as many do with 25 and 587",
	    p->port);
}

int
connect_host(const struct connect_params *p, struct status *st)
{
	struct race r = { .error = EADDRNOTAVAIL, .aside = p->aside };
	struct addrinfo *list = NULL, *source = NULL;
	int64_t limit = clock_deadline(CONNECT_MS);
	int fd = -1;

	if (resolve_source(p->source_address, &source, st) == -1 ||
	    resolve_host(p->host, p->port, p->deadline, &list, st) == -1)
		goto out;
	r.source = source;
	line_up(&r, list);
	fd = run_race(&r, p->deadline < limit ? p->deadline : limit);
	if (fd == -1)
		race_failed(&r, p, st);
out:
	while (r.runners != 0)
		close(r.running[--r.runners].fd);
	if (list != NULL)
		freeaddrinfo(list);
	if (source != NULL)
		freeaddrinfo(source);
	return fd;
}
