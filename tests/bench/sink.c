/* SPDX-License-Identifier: ISC
 *
 *	sink CERTIFICATE-CHAIN KEY [MILLISECONDS]
 *
 * A lean SMTP server, so that what is measured is the client: STARTTLS, EHLO
 * with PIPELINING, CHUNKING and AUTH XOAUTH2, which any token passes.  Messages
 * are counted and thrown away; each takes so many milliseconds to accept, none
 * by default.  A process for each connection.
 *
 * Listens on 127.0.0.1 and prints its port.  Each line on stdin is answered with
 * "MESSAGES OCTETS CONNECTIONS AT-ONCE", and counting begins anew.  Ends with
 * its stdin.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

/* Shared by all processes. */
struct counters {
	_Atomic long long messages, octets, connections, now, at_once;
};

struct session {
	int	 fd;
	SSL	*ssl;			/* NULL: in clear yet */
	char	 in[64 * 1024], out[64 * 1024];
	size_t	 at, have, queued;
};

static struct counters *counters;
static SSL_CTX *ctx;
static long milliseconds;

static void
finish(void)
{
	atomic_fetch_sub(&counters->now, 1);
	_exit(0);
}

static void
flush_replies(struct session *s)
{
	int n = (int)s->queued;

	if (n != 0 && (s->ssl != NULL ? SSL_write(s->ssl, s->out, n) :
	    (int)write(s->fd, s->out, s->queued)) != n)
		finish();
	s->queued = 0;
}

static void
reply(struct session *s, const char *text)
{
	size_t len = strlen(text);

	if (s->queued + len > sizeof s->out)
		flush_replies(s);
	memcpy(s->out + s->queued, text, len);
	s->queued += len;
}

/* Replies leave when there is nothing more to read: RFC 2920 3.2. */
static void
fill(struct session *s)
{
	int n;

	flush_replies(s);
	memmove(s->in, s->in + s->at, s->have -= s->at);
	s->at = 0;
	if (s->have == sizeof s->in)
		finish();
	n = s->ssl != NULL ?
	    SSL_read(s->ssl, s->in + s->have, (int)(sizeof s->in - s->have)) :
	    (int)read(s->fd, s->in + s->have, sizeof s->in - s->have);
	if (n <= 0)
		finish();
	s->have += (size_t)n;
}

/* The next line, its LF replaced by a NUL. */
static char *
read_line(struct session *s)
{
	char *line, *end;

	while ((end = memchr(s->in + s->at, '\n', s->have - s->at)) == NULL)
		fill(s);
	line = s->in + s->at;
	*end = '\0';
	s->at = (size_t)(end + 1 - s->in);
	return line;
}

static void
accept_message(struct session *s, long long octets)
{
	struct timespec t = { milliseconds / 1000,
	    milliseconds % 1000 * 1000000 };

	if (milliseconds != 0)
		nanosleep(&t, NULL);
	atomic_fetch_add(&counters->octets, octets);
	atomic_fetch_add(&counters->messages, 1);
	reply(s, "250 2.6.0 Queued mail for delivery\r\n");
}

static void
ehlo(struct session *s, char *line)
{
	(void)line;
	reply(s, "250-sink\r\n250-SIZE 314572800\r\n250-PIPELINING\r\n"
	    "250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n");
	reply(s, s->ssl == NULL ? "250-STARTTLS\r\n" :
	    "250-AUTH XOAUTH2\r\n");
	reply(s, "250-8BITMIME\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n");
}

static void
starttls(struct session *s, char *line)
{
	(void)line;
	reply(s, "220 2.0.0 SMTP server ready\r\n");
	flush_replies(s);
	s->at = s->have = 0;		/* RFC 3207 4.2 */
	s->ssl = SSL_new(ctx);
	SSL_set_fd(s->ssl, s->fd);
	if (SSL_accept(s->ssl) != 1)
		finish();
}

/* RFC 4954 4: the token on the line, or asked for. */
static void
auth(struct session *s, char *line)
{
	if (strchr(line, ' ') == strrchr(line, ' ')) {
		reply(s, "334 \r\n");
		read_line(s);
	}
	reply(s, "235 2.7.0 Authentication successful\r\n");
}

static void
good(struct session *s, char *line)
{
	(void)line;
	reply(s, "250 2.1.0 OK\r\n");
}

static void
bdat(struct session *s, char *line)
{
	long long octets = strtoll(line + 4, NULL, 10), left = octets;
	bool last = strstr(line, "LAST") != NULL;
	size_t n;

	while (left != 0) {
		if (s->at == s->have)
			fill(s);
		n = s->have - s->at;
		if ((long long)n > left)
			n = (size_t)left;
		s->at += n;
		left -= (long long)n;
	}
	if (last)
		accept_message(s, octets);
	else
		reply(s, "250 2.0.0 OK\r\n");
}

static void
data(struct session *s, char *line)
{
	long long octets = 0;

	(void)line;
	reply(s, "354 Start mail input\r\n");
	while (strcmp(line = read_line(s), ".\r") != 0)
		octets += (long long)strlen(line) + 1;
	accept_message(s, octets);
}

static void
quit(struct session *s, char *line)
{
	(void)line;
	reply(s, "221 2.0.0 Closing\r\n");
	flush_replies(s);
	if (s->ssl != NULL)
		SSL_shutdown(s->ssl);
	finish();
}

static const struct {
	const char	*verb;
	void		(*answer)(struct session *, char *);
} commands[] = {
	{ "MAIL", good }, { "RCPT", good }, { "BDAT", bdat }, { "DATA", data },
	{ "RSET", good }, { "NOOP", good }, { "EHLO", ehlo }, { "HELO", good },
	{ "STARTTLS", starttls }, { "AUTH", auth }, { "QUIT", quit },
};

static void
answer(struct session *s, char *line)
{
	size_t i;

	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strncasecmp(line, commands[i].verb,
		    strlen(commands[i].verb)) == 0) {
			commands[i].answer(s, line);
			return;
		}
	reply(s, "500 5.5.1 Unrecognized command\r\n");
}

static void
serve(int fd)
{
	static struct session s;
	long long now = atomic_fetch_add(&counters->now, 1) + 1;
	int on = 1;

	s.fd = fd;
	atomic_fetch_add(&counters->connections, 1);
	if (now > atomic_load(&counters->at_once))
		atomic_store(&counters->at_once, now);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	reply(&s, "220 sink ESMTP\r\n");
	for (;;)
		answer(&s, read_line(&s));
}

static int
listen_on_loopback(void)
{
	struct sockaddr_in own = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof own;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&own, len) == -1 ||
	    listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)&own, &len) == -1)
		err(71, "listen");
	printf("%d\n", ntohs(own.sin_port));
	fflush(stdout);
	return fd;
}

static void
tell(void)
{
	printf("%lld %lld %lld %lld\n", atomic_exchange(&counters->messages, 0),
	    atomic_exchange(&counters->octets, 0),
	    atomic_exchange(&counters->connections, 0),
	    atomic_exchange(&counters->at_once, 0));
	fflush(stdout);
}

static void
take_connection(int listening)
{
	int fd = accept(listening, NULL, NULL);

	if (fd == -1)
		return;
	if (fork() == 0) {
		close(listening);
		close(STDIN_FILENO);
		serve(fd);
	}
	close(fd);
}

int
main(int argc, char **argv)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
	    { .events = POLLIN } };
	char line[80];

	if (argc != 3 && argc != 4)
		errx(64, "usage: sink CERTIFICATE-CHAIN KEY [MILLISECONDS]");
	milliseconds = argc == 4 ? atol(argv[3]) : 0;
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	counters = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_read_ahead(ctx, 1);
	if (counters == MAP_FAILED ||
	    SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1)
		errx(66, "cannot use %s, %s", argv[1], argv[2]);
	p[1].fd = listen_on_loopback();
	while (poll(p, 2, -1) != -1 || errno == EINTR) {
		if (p[1].revents & POLLIN)
			take_connection(p[1].fd);
		if (p[0].revents == 0)
			continue;
		if (read(STDIN_FILENO, line, sizeof line) <= 0)
			return 0;
		tell();
	}
	return 71;
}
