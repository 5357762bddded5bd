/* SPDX-License-Identifier: ISC */
#include "smtp/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "smtp/wire.h"

#define OUT_MAX	(64 * 1024)	/* queued before it leaves unasked */
#define IN_STEP	(4 * 1024)	/* asked of the wire at a time */

struct stream {
	const char	*host;
	struct wire	 wire;
	struct tls	*prepared;	/* waits for its start */
	struct tls	*tls;		/* NULL: plain */
	struct buf	 in, out;
	int64_t		 written;	/* octets, in all */
	size_t		 marked;	/* bytes of `out` */
	bool		 has_left;	/* some, since they were marked */
	size_t		 read;		/* bytes of `in` handed out already */
	bool		 closed;	/* the server will send no more */
	const char	*phase;
	int64_t		 deadline;
};

struct stream *
stream_open(const struct connect_params *p, struct status *st)
{
	struct stream *s;
	int fd = connect_host(p, st);

	if (fd == -1)
		return NULL;
	s = xcalloc(1, sizeof *s);
	s->host = p->host;
	s->wire = (struct wire){ .fd = fd, .aside = p->aside,
	    .listened = true };
	buf_init(&s->in, STREAM_IN_MAX);
	buf_init(&s->out, OUT_MAX);
	stream_set_phase(s, "connecting", p->deadline);
	return s;
}

void
stream_set_phase(struct stream *s, const char *name, int64_t deadline)
{
	s->phase = name;
	s->deadline = deadline;
}

void
stream_hurry(struct stream *s, int64_t deadline)
{
	if (deadline < s->deadline)
		s->deadline = deadline;
}

void
stream_set_aside(struct stream *s, struct aside *aside)
{
	s->wire.aside = aside;
}

/* Waits for the wire; a negative `want` of tls.h says what for. */
static int
await(struct stream *s, ssize_t want, short more, struct status *st)
{
	short events = want == TLS_WANT_WRITE ? POLLOUT : POLLIN;
	int ready = wire_wait(&s->wire, events | more, s->deadline);

	if (ready == 0)
		return status_set(st, EX_TEMPFAIL, "no answer from %s after %s",
		    s->host, s->phase);
	return ready;
}

static int
broken(const struct stream *s, struct status *st)
{
	const char *advice = s->tls != NULL ? tls_advice(s->tls) : NULL;

	status_set(st, advice != NULL ? EX_PROTOCOL : EX_TEMPFAIL,
	    "the connection to %s broke after %s: %s", s->host, s->phase,
	    s->tls != NULL ? tls_reason(s->tls) : strerror(errno));
	return advice == NULL ? -1 : status_hint(st, "%s", advice);
}

bool
stream_was_told_off(const struct stream *s, struct status *st)
{
	if (s->tls == NULL || tls_advice(s->tls) == NULL)
		return false;
	broken(s, st);
	return true;
}

static int
ended(const struct stream *s, struct status *st)
{
	return stream_was_told_off(s, st) ? -1 : status_set(st, EX_TEMPFAIL,
	    "%s closed the connection after %s", s->host, s->phase);
}

static int
shake_hands(struct stream *s, struct status *st)
{
	int n;

	while ((n = tls_handshake(s->tls, st)) != 0)
		if (n == -1 || await(s, n, 0, st) == -1)
			return -1;
	return 0;
}

int
stream_prepare_tls(struct stream *s, const struct tls_params *p,
    struct status *st)
{
	s->prepared = tls_new(p, &s->wire, st);
	return s->prepared == NULL ? -1 : 0;
}

/* Words in clear where TLS is to begin: from a server that does not know of it, or
 * put in behind the reply to STARTTLS (RFC 3207 6). */
static int
refuse_clear_text(const struct stream *s, struct status *st)
{
	if (s->wire.flights == 0) {
		status_set(st, EX_PROTOCOL, "%s spoke first, and what it said "
		    "is not TLS", s->host);
		return status_hint(st, "see whether `port` and `tls` (implicit "
		    "or starttls) fit together");
	}
	status_set(st, EX_PROTOCOL, "%s sent more than a reply to STARTTLS",
	    s->host);
	return status_hint(st, "somebody may stand between here and there and "
	    "put words into the server's mouth");
}

int
stream_start_tls(struct stream *s, struct status *st)
{
	int rc;

	if (stream_has_input(s))
		return refuse_clear_text(s, st);
	s->tls = s->prepared;
	s->prepared = NULL;
	s->wire.handshake = true;
	rc = shake_hands(s, st);
	s->wire.handshake = false;
	return rc;
}

/* Bytes moved, 0 at the end of input, TLS_WANT_*, -1 when broken. */
static ssize_t
get(struct stream *s, void *to, size_t size)
{
	ssize_t n;

	if (s->tls != NULL)
		return tls_read(s->tls, to, size);
	n = wire_recv(&s->wire, to, size);
	return n == -1 && errno == EAGAIN ? TLS_WANT_READ : n;
}

static ssize_t
put(struct stream *s, const void *bytes, size_t len)
{
	ssize_t n;

	if (s->tls != NULL)
		return tls_write(s->tls, bytes, len);
	n = wire_send(&s->wire, bytes, len);
	return n == -1 && errno == EAGAIN ? TLS_WANT_WRITE : n;
}

/* Takes in what is there.  As get(); what has been handed out is forgotten. */
static ssize_t
fill(struct stream *s)
{
	char piece[IN_STEP];
	ssize_t n;

	buf_consume(&s->in, s->read);
	s->read = 0;
	if (s->closed)
		return 0;
	n = get(s, piece, sizeof piece);
	if (n > 0)
		buf_add(&s->in, piece, (size_t)n);
	if (n == 0 || n == -1)
		s->closed = true;
	return n;
}

static bool
has_room(const struct stream *s)
{
	return !s->closed && s->in.len + IN_STEP <= s->in.max;
}

/* `more`: there is more to come after these. */
static int
write_all(struct stream *s, const char *bytes, size_t len, bool more,
    struct status *st)
{
	ssize_t n;
	int ready;

	while (len != 0) {
		s->wire.more = more ||
		    (s->tls != NULL && len > TLS_RECORD_MAX);
		n = put(s, bytes, len);
		s->wire.more = false;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			s->written += n;
			continue;
		}
		if (n == -1)
			return broken(s, st);
		ready = await(s, n, has_room(s) ? POLLIN : 0, st);
		if (ready == -1)
			return -1;
		if ((ready & POLLIN) && has_room(s))
			fill(s);
	}
	return 0;
}

static int
write_queue(struct stream *s, bool more, struct status *st)
{
	int rc = write_all(s, s->out.data, s->out.len, more, st);

	buf_reset(&s->out);
	s->marked = 0;
	s->has_left = true;
	return rc;
}

void
stream_mark(struct stream *s)
{
	s->marked = s->out.len;
	s->has_left = false;
}

void
stream_take_back(struct stream *s)
{
	buf_truncate(&s->out, s->marked);
}

int64_t
stream_queued(const struct stream *s)
{
	return s->written + (int64_t)s->out.len;
}

int64_t
stream_written(const struct stream *s)
{
	return s->written;
}

bool
stream_has_left(const struct stream *s)
{
	return s->has_left;
}

int
stream_flush(struct stream *s, struct status *st)
{
	return write_queue(s, false, st);
}

int
stream_flush_secret(struct stream *s, struct status *st)
{
	int rc = stream_flush(s, st);

	buf_wipe(&s->out);
	return rc;
}

/* All but the last record of a large block, without a copy. */
static int
write_block(struct stream *s, const char *block, size_t len, struct status *st)
{
	if (write_queue(s, true, st) == -1)
		return -1;
	return write_all(s, block, len, true, st);
}

int
stream_put(struct stream *s, const void *bytes, size_t len, struct status *st)
{
	const char *p = bytes;
	size_t n;

	/* In full at once, so that no outgrown copy of a secret stays behind. */
	if (s->out.cap == 0)
		buf_reserve(&s->out, OUT_MAX);
	if (len >= OUT_MAX) {
		if (write_block(s, p, len - TLS_RECORD_MAX, st) == -1)
			return -1;
		p += len - TLS_RECORD_MAX;
		len = TLS_RECORD_MAX;
	}
	for (; len != 0; p += n, len -= n) {
		if (s->out.len == OUT_MAX && write_queue(s, true, st) == -1)
			return -1;
		n = OUT_MAX - s->out.len;
		if (n > len)
			n = len;
		buf_add(&s->out, p, n);
	}
	return 0;
}

/* The next whole line of what was taken in; false if there is none. */
static bool
take_line(struct stream *s, const char **line, size_t *len)
{
	const char *start = s->in.data + s->read;
	const char *end = memchr(start, '\n', s->in.len - s->read);

	if (end == NULL)
		return false;
	*line = start;
	*len = (size_t)(end - start);
	s->read += *len + 1;
	if (*len != 0 && end[-1] == '\r')
		(*len)--;
	return true;
}

int
stream_read_line(struct stream *s, const char **line, size_t *len,
    struct status *st)
{
	ssize_t n;

	while (!take_line(s, line, len)) {
		if (s->in.len - s->read > STREAM_LINE_MAX)
			goto too_long;
		n = fill(s);
		if (n == 0)
			return ended(s, st);
		if (n == -1)
			return broken(s, st);
		if (n < 0 && await(s, n, 0, st) == -1)
			return -1;
	}
	s->wire.listened = true;
	if (*len <= STREAM_LINE_MAX)
		return 0;
too_long:
	return status_set(st, EX_PROTOCOL, "%s sent a line of more than %d "
	    "octets after %s", s->host, STREAM_LINE_MAX, s->phase);
}

bool
stream_has_input(struct stream *s)
{
	if (s->in.len == s->read)
		fill(s);
	return s->in.len != s->read;
}

const char *
stream_unread(const struct stream *s, size_t *len)
{
	*len = s->in.len - s->read;
	return s->in.data + s->read;
}

bool
stream_take_in(struct stream *s)
{
	return has_room(s) && fill(s) > 0;
}

bool
stream_is_closed(const struct stream *s)
{
	return s->closed;
}

void
stream_address_literal(const struct stream *s, char *to, size_t size)
{
	union {
		struct sockaddr		any;
		struct sockaddr_in	v4;
		struct sockaddr_in6	v6;
	} own = { 0 };
	char text[INET6_ADDRSTRLEN] = "127.0.0.1";
	socklen_t len = sizeof own;

	getsockname(s->wire.fd, &own.any, &len);
	if (own.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &own.v6.sin6_addr, text, sizeof text);
	else
		inet_ntop(AF_INET, &own.v4.sin_addr, text, sizeof text);
	snprintf(to, size, "[%s%s]",
	    own.any.sa_family == AF_INET6 ? "IPv6:" : "", text);
}

int
stream_flights(const struct stream *s)
{
	return s->wire.flights;
}

bool
stream_peer(const struct stream *s, struct tls_peer *peer)
{
	if (s->tls == NULL)
		return false;
	tls_peer(s->tls, peer);
	return true;
}

bool
stream_tls_resumed(const struct stream *s)
{
	return s->tls != NULL && tls_resumed(s->tls);
}

bool
stream_resume_failed(const struct stream *s)
{
	return s->tls != NULL && tls_resume_failed(s->tls);
}

void
stream_close(struct stream *s)
{
	if (s == NULL)
		return;
	tls_free(s->prepared);
	tls_free(s->tls);
	close(s->wire.fd);
	buf_wipe(&s->in);
	buf_wipe(&s->out);
	free(s);
}
