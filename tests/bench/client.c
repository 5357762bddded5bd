/* SPDX-License-Identifier: ISC */
#include "client.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define SESSION_MAX 8192

static char host[] = "localhost";	/* OpenSSL's macros want no const */
static int fd;
static SSL *ssl;
static const char *session_file;

/* Without it a server that writes twice waits 40 ms in between. */
static void
quick_ack(void)
{
#ifdef TCP_QUICKACK
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#endif
}

void
client_put(const void *bytes, size_t len)
{
	ssize_t n = ssl != NULL ? SSL_write(ssl, bytes, (int)len) :
	    write(fd, bytes, len);

	if (n != (ssize_t)len)
		errx(75, "cannot write");
}

static int
get(char *to, size_t size)
{
	quick_ack();
	return ssl != NULL ? SSL_read(ssl, to, (int)size) :
	    (int)read(fd, to, size);
}

void
client_expect(int replies)
{
	static char in[64 * 1024];
	static size_t have, at;
	char *line, *end;
	int n;

	while (replies != 0) {
		line = in + at;
		end = memchr(line, '\n', have - at);
		if (end != NULL) {
			if (*line != '2' && *line != '3')
				errx(69, "%.*s", (int)(end - line), line);
			replies -= line[3] != '-';
			at = (size_t)(end + 1 - in);
			continue;
		}
		memmove(in, line, have -= at);
		at = 0;
		if ((n = get(in + have, sizeof in - have)) <= 0)
			errx(75, "no reply");
		have += (size_t)n;
	}
}

char *
client_load(int from, size_t *len)
{
	struct stat sb;
	char *bytes;

	if (from == -1 || fstat(from, &sb) == -1 ||
	    (bytes = malloc((size_t)sb.st_size + 1)) == NULL ||
	    read(from, bytes, (size_t)sb.st_size) != sb.st_size)
		err(66, "cannot read");
	*len = (size_t)sb.st_size;
	bytes[*len] = '\0';
	return bytes;
}

void
client_arguments(struct client_arguments *a, char **argv)
{
	int token = open(argv[5], O_RDONLY);
	size_t len;

	a->port = atoi(argv[1]);
	a->ca_directory = argv[2];
	a->session_file = argv[3];
	a->mailbox = argv[4];
	a->token = client_load(token, &len);
	a->token[strcspn(a->token, "\n")] = '\0';
	close(token);
}

static void
connect_to(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons((unsigned short)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == -1)
		err(75, "connect");
}

static void
resume_session(SSL *new)
{
	unsigned char bytes[SESSION_MAX];
	const unsigned char *p = bytes;
	int file = open(session_file, O_RDONLY);
	ssize_t n = file == -1 ? -1 : read(file, bytes, sizeof bytes);
	SSL_SESSION *session;

	if (n > 0 && (session = d2i_SSL_SESSION(NULL, &p, n)) != NULL) {
		SSL_set_session(new, session);
		SSL_SESSION_free(session);
	}
	close(file);
}

static int
keep_session(SSL *of, SSL_SESSION *session)
{
	unsigned char bytes[SESSION_MAX], *p = bytes;
	int len = i2d_SSL_SESSION(session, NULL), file;

	if (SSL_session_reused(of) || len <= 0 || len > SESSION_MAX)
		return 0;
	i2d_SSL_SESSION(session, &p);
	file = open(session_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (file == -1 || write(file, bytes, (size_t)len) != len)
		err(73, "%s", session_file);
	close(file);
	return 0;
}

static void
start_tls(const char *directory)
{
	SSL_CTX *ctx;
	SSL *new;

	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT,
	    NULL);
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_load_verify_locations(ctx, NULL, directory);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	new = SSL_new(ctx);
	SSL_set_tlsext_host_name(new, host);
	SSL_set1_host(new, host);
	SSL_set_fd(new, fd);
	resume_session(new);
	if (SSL_connect(new) != 1)
		errx(76, "TLS");
	ssl = new;
}

static void
say(const char *line)
{
	client_put(line, strlen(line));
	client_expect(1);
}

/* The token on the AUTH line saves a round trip. */
static void
authenticate(const char *mailbox, const char *token)
{
	char clear[8192], line[12288] = "AUTH XOAUTH2 ";
	int len = snprintf(clear, sizeof clear,
	    "user=%s\1auth=Bearer %s\1\1", mailbox, token);

	EVP_EncodeBlock((unsigned char *)line + 13, (unsigned char *)clear, len);
	strcat(line, "\r\n");
	say(line);
}

void
client_open(const struct client_arguments *a)
{
	session_file = a->session_file;
	connect_to(a->port);
	client_expect(1);
	say("EHLO localhost\r\n");
	say("STARTTLS\r\n");
	start_tls(a->ca_directory);
	say("EHLO localhost\r\n");
	authenticate(a->mailbox, a->token);
}
