/* SPDX-License-Identifier: ISC */
#include "moody_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 30	/* seconds until a server gives up altogether */

/* One connection. */
struct moody {
	int		 fd;
	unsigned	 seed;
	bool		 calm;
	struct moody_log *log;
	char		 in[1 << 20], out[1 << 20];
	size_t		 in_len, out_len;
	long		 in_left, out_left;	/* octets until the cut; -1: none */
	int		 message;		/* of this transaction, or -1 */
	bool		 bdat_failed;
	bool		 rcpt[MOODY_RECIPIENTS];
	int		 recipients;
	int		 worst;			/* refusals, of a hundred */
	int		 held;			/* messages answered in `out` */
};

unsigned
moody_random(unsigned *seed, unsigned limit)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % limit;
}

static unsigned
pick(struct moody *m, unsigned limit)
{
	return moody_random(&m->seed, limit);
}

static bool
is_moody(struct moody *m, unsigned percent)
{
	return !m->calm && pick(m, 100) < percent;
}

static void
complain(const char *what)
{
	fprintf(stderr, "moody server: %s\n", what);
	_exit(1);
}

/* The end that no client likes: half the time with a reset. */
static void
cut(struct moody *m)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (pick(m, 2) == 0)
		setsockopt(m->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	else	/* what is unread would make it a reset too */
		while (recv(m->fd, m->in, sizeof m->in, MSG_DONTWAIT) > 0)
			;
	close(m->fd);
	_exit(0);
}

static void
dawdle(struct moody *m)
{
	struct timespec t = { .tv_nsec = (long)pick(m, 400) * 1000 };

	nanosleep(&t, NULL);
}

/* Sends what is held, in pieces of any size. */
static void
flush(struct moody *m)
{
	size_t sent = 0, n;

	while (sent < m->out_len) {
		n = m->out_len - sent;
		if (is_moody(m, 40) && n > 1)
			n = 1 + pick(m, (unsigned)(n < 40 ? n : 40));
		if (m->out_left >= 0 && n > (size_t)m->out_left)
			n = (size_t)m->out_left;
		if (n != 0 && send(m->fd, m->out + sent, n, MSG_NOSIGNAL) !=
		    (ssize_t)n)
			_exit(0);	/* the client has had enough */
		sent += n;
		if (m->out_left >= 0 && (m->out_left -= (long)n) == 0)
			cut(m);
		if (is_moody(m, 5))
			dawdle(m);
	}
	m->out_len = 0;
	m->held = 0;
}

/* More of what the client says; answers that are held go out before we wait for
 * it, mostly: a client waits for them. */
static void
listen_more(struct moody *m)
{
	struct pollfd p = { .fd = m->fd, .events = POLLIN };
	size_t room = sizeof m->in - m->in_len;
	ssize_t n;

	if (is_moody(m, 10))
		dawdle(m);
	if (poll(&p, 1, 0) == 0)
		flush(m);
	if (is_moody(m, 30) && room > 100)
		room = 1 + pick(m, 100);
	if ((n = recv(m->fd, m->in + m->in_len, room, 0)) <= 0)
		_exit(0);
	m->in_len += (size_t)n;
	if (m->in_left >= 0 && (m->in_left -= n) <= 0)
		cut(m);
}

static void
forget(struct moody *m, size_t len)
{
	m->in_len -= len;
	memmove(m->in, m->in + len, m->in_len);
}

static void
say(struct moody *m, const char *text)
{
	size_t len = strlen(text);

	if (m->out_len + len > sizeof m->out)
		flush(m);
	memcpy(m->out + m->out_len, text, len);
	m->out_len += len;
}

/* One reply: numbered, so that whoever it is attributed to can be told. */
static void
reply(struct moody *m, enum moody_step step, int recipient, int code)
{
	struct moody_log *l = m->log;
	char text[200];
	int more = is_moody(m, 15) ? 1 + (int)pick(m, 3) : 0;

	if (l->replies == MOODY_REPLIES)
		complain("too many replies");
	l->reply[l->replies] = (struct moody_reply){ .step = step,
	    .message = m->message, .recipient = recipient, .code = code };
	while (more-- > 0) {
		snprintf(text, sizeof text, "%d-%d.%d.%d and\r\n", code,
		    code / 100, 3, 0);
		say(m, text);
	}
	snprintf(text, sizeof text, "%d %d.3.0 reply #%zu#\r\n", code,
	    code / 100, l->replies);
	say(m, text);
	l->replies++;
	if (code == 421) {
		flush(m);
		cut(m);
	}
	if (is_moody(m, 20))
		flush(m);
}

static int
mood(struct moody *m, enum moody_step step, int good)
{
	static const int bad[] = { 450, 451, 452, 550, 554, 552 };

	if (is_moody(m, 1) && step != MOODY_RSET && pick(m, 3) == 0)
		return 421;
	if (!is_moody(m, (unsigned)m->worst))
		return good;
	if (step == MOODY_BDAT && pick(m, 8) == 0)
		return 502;	/* as if it did not know BDAT */
	return bad[pick(m, sizeof bad / sizeof *bad)];
}

static void
reset(struct moody *m)
{
	m->message = -1;
	m->recipients = 0;
	m->bdat_failed = false;
	memset(m->rcpt, 0, sizeof m->rcpt);
}

static void
hear_mail(struct moody *m, const char *line)
{
	int message = -1, code;

	if (sscanf(line, "MAIL FROM:<m%d@x>", &message) != 1 || message < 0 ||
	    message >= MOODY_MESSAGES)
		complain(line);
	if (m->message != -1) {		/* nested */
		reply(m, MOODY_MAIL, -1, 503);
		return;
	}
	m->message = message;
	code = mood(m, MOODY_MAIL, 250);
	reply(m, MOODY_MAIL, -1, code);
	if (code != 250)
		reset(m);
}

static void
hear_rcpt(struct moody *m, const char *line)
{
	int recipient = -1, message = -1, code;

	if (sscanf(line, "RCPT TO:<r%d.m%d@x>", &recipient, &message) != 2 ||
	    recipient < 0 || recipient >= MOODY_RECIPIENTS)
		complain(line);
	if (m->message == -1) {
		reply(m, MOODY_RCPT, recipient, 503);
		return;
	}
	if (message != m->message)
		m->log->crossed++;
	code = mood(m, MOODY_RCPT, 250);
	reply(m, MOODY_RCPT, recipient, code);
	if (code == 250) {
		m->rcpt[recipient] = true;
		m->recipients++;
	}
}

/* The whole message is there, and is ours now or is not. */
static void
take_message(struct moody *m, const char *data, enum moody_step step)
{
	int message = -1, code, i;

	if (m->message == -1 || m->recipients == 0 || m->bdat_failed) {
		reply(m, step, -1, pick(m, 2) == 0 ? 503 : 554);
		return;
	}
	if (sscanf(data, "Subject: m%d\r\n", &message) != 1 ||
	    message != m->message)
		m->log->crossed++;
	code = mood(m, step, 250);
	for (i = 0; i < MOODY_RECIPIENTS && code == 250; i++)
		m->log->accepted[m->message][i] += m->rcpt[i];
	reply(m, step, -1, code);
	if (++m->held > m->log->depth)
		m->log->depth = m->held;
	if (code == 250 || step == MOODY_DATA)
		reset(m);
	else
		m->bdat_failed = true;	/* RFC 3030 2: until RSET */
}

static void
hear_bdat(struct moody *m, const char *line)
{
	size_t size = (size_t)atol(line + 5);

	if (strstr(line, " LAST") == NULL || size == 0 || size > sizeof m->in)
		complain(line);
	while (m->in_len < size)
		listen_more(m);
	take_message(m, m->in, MOODY_BDAT);
	forget(m, size);
}

static void
hear_data(struct moody *m)
{
	const char *end;

	if (m->message == -1 || m->recipients == 0) {
		reply(m, MOODY_DATA, -1, 503);
		return;
	}
	say(m, "354 go on\r\n");
	while ((end = memmem(m->in, m->in_len, "\r\n.\r\n", 5)) == NULL)
		listen_more(m);
	take_message(m, m->in, MOODY_DATA);
	forget(m, (size_t)(end + 5 - m->in));
}

static void
hear_command(struct moody *m)
{
	const char *end;
	char line[600];
	size_t len;

	while ((end = memmem(m->in, m->in_len, "\r\n", 2)) == NULL)
		listen_more(m);
	len = (size_t)(end - m->in);
	if (len >= sizeof line)
		complain("a long line");
	memcpy(line, m->in, len);
	line[len] = '\0';
	forget(m, len + 2);
	if (strncmp(line, "EHLO", 4) == 0)
		say(m, "250-hello\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	else if (strncmp(line, "RSET", 4) == 0) {
		reset(m);
		reply(m, MOODY_RSET, -1, 250);
	} else if (strncmp(line, "MAIL", 4) == 0)
		hear_mail(m, line);
	else if (strncmp(line, "RCPT", 4) == 0)
		hear_rcpt(m, line);
	else if (strncmp(line, "BDAT", 4) == 0)
		hear_bdat(m, line);
	else if (strncmp(line, "DATA", 4) == 0)
		hear_data(m);
	else if (strncmp(line, "QUIT", 4) == 0) {
		say(m, "221 bye\r\n");
		flush(m);
		close(m->fd);
		_exit(0);
	} else
		complain(line);
}

static void
serve(int fd, const void *context)
{
	static struct moody moody;	/* too large for a stack */
	struct moody *m = &moody;
	int small, on = 1;

	*m = *(const struct moody *)context;
	m->fd = fd;
	small = 4096 << pick(m, 4);

	if (is_moody(m, 30))
		setsockopt(m->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	/* Seldom: the kernel waits for 200 ms when a window this small opens. */
	if (is_moody(m, 2))
		setsockopt(m->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	m->worst = (int)pick(m, 3) * 12;
	m->out_left = m->in_left = -1;
	if (is_moody(m, 40))
		m->out_left = 40 + (long)pick(m, 6000);
	else if (is_moody(m, 40))
		m->in_left = 20 + (long)pick(m, 60000);
	reset(m);
	say(m, "220 moody\r\n");
	for (;;)
		hear_command(m);
}

struct moody_log *
moody_log_new(void)
{
	struct moody_log *log = mmap(NULL, sizeof *log, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (log == MAP_FAILED)
		abort();
	return log;
}

void
moody_log_free(struct moody_log *log)
{
	munmap(log, sizeof *log);
}

void
moody_server_start(struct forked_server *s, struct moody_log *log,
    unsigned seed, bool calm)
{
	static struct moody m;

	m = (struct moody){ .seed = seed, .calm = calm, .log = log };
	forked_server_start(s, PATIENCE, serve, &m);
}
