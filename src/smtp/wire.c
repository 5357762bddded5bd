/* SPDX-License-Identifier: ISC */
#include "smtp/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#ifndef MSG_MORE
#define MSG_MORE	0	/* not everywhere: more packets, no harm */
#endif

ssize_t
wire_recv(struct wire *w, void *to, size_t size)
{
	ssize_t n;

	do
		n = recv(w->fd, to, size, 0);
	while (n == -1 && errno == EINTR);
	if (n > 0 && w->handshake)
		w->listened = true;
	return n;
}

ssize_t
wire_send(struct wire *w, const void *bytes, size_t len)
{
	ssize_t n;

	do
		n = send(w->fd, bytes, len,
		    MSG_NOSIGNAL | (w->more ? MSG_MORE : 0));
	while (n == -1 && errno == EINTR);
	if (n > 0 && w->listened) {
		w->flights++;
		w->listened = false;
	}
	return n;
}

/* A server that sends in two small writes (TLS tickets, a long EHLO) waits for
 * our acknowledgement in between, and we would delay that for 40 ms.  The kernel
 * forgets the wish after a while, so it is repeated at each wait. */
static void
acknowledge_at_once(int fd)
{
#ifdef TCP_QUICKACK
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#else
	(void)fd;
#endif
}

int
wire_wait(struct wire *w, short events, int64_t deadline)
{
	struct pollfd p[2] = { { .fd = w->fd, .events = events } };
	int n;

	if (events & POLLIN)
		acknowledge_at_once(w->fd);
	n = aside_poll(w->aside, p, 1, deadline);
	/* What poll(2) cannot do, the next recv or send reports. */
	return n == 0 ? 0 : n == -1 ? events : p[0].revents;
}
