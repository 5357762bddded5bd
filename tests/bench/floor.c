/* SPDX-License-Identifier: ISC
 *
 *	floor PORT CA-DIRECTORY MAILBOX RECIPIENT TOKEN-FILE <MESSAGE
 *
 * The yardstick: a client that does only what cannot be left out.  It knows the
 * server, believes every reply that begins with 2 or 3, reads no config, keeps
 * nothing, explains nothing, and takes a message that is ready for the wire.
 * What mailbearer needs above this is the price of being a sendmail.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

static char host[] = "localhost";	/* OpenSSL's macros want no const */
static int fd;
static SSL *ssl;

static void
quick_ack(void)
{
#ifdef TCP_QUICKACK
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#endif
}

static void
put(const char *bytes, size_t len)
{
	ssize_t n = ssl != NULL ? SSL_write(ssl, bytes, (int)len) :
	    write(fd, bytes, len);

	if (n != (ssize_t)len)
		errx(75, "cannot write");
}

/* Reads `replies` of them; all are good, or the program ends. */
static void
expect(int replies)
{
	static char in[8192];
	static size_t have;
	char *line = in, *end;
	int n;

	while (replies != 0) {
		while ((end = memchr(line, '\n', have - (size_t)(line - in))) ==
		    NULL) {
			quick_ack();
			n = ssl != NULL ? SSL_read(ssl, in + have,
			    (int)(sizeof in - have)) :
			    (int)read(fd, in + have, sizeof in - have);
			if (n <= 0)
				errx(75, "no reply");
			have += (size_t)n;
		}
		if (*line != '2' && *line != '3')
			errx(69, "%.*s", (int)(end - line), line);
		replies -= line[3] != '-';
		line = end + 1;
	}
	have = 0;
}

static char *
load(int from, size_t *len)
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
start_tls(const char *directory)
{
	SSL_CTX *ctx;
	SSL *new;

	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_load_verify_locations(ctx, NULL, directory);
	new = SSL_new(ctx);
	SSL_set_tlsext_host_name(new, host);
	SSL_set1_host(new, host);
	SSL_set_fd(new, fd);
	if (SSL_connect(new) != 1)
		errx(76, "TLS");
	ssl = new;
}

static void
authenticate(const char *mailbox, const char *token)
{
	char clear[8192], line[12288] = "AUTH XOAUTH2 ";
	int len = snprintf(clear, sizeof clear,
	    "user=%s\1auth=Bearer %s\1\1", mailbox, token);

	EVP_EncodeBlock((unsigned char *)line + 13, (unsigned char *)clear, len);
	strcat(line, "\r\n");
	put(line, strlen(line));
	expect(1);
}

/* One write: envelope, message and farewell do not wait for each other. */
static void
deliver(const char *mailbox, const char *recipient)
{
	size_t len;
	char *message = load(STDIN_FILENO, &len), *all = malloc(len + 1024);
	int head = snprintf(all, 1024, "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n"
	    "BDAT %zu LAST\r\n", mailbox, recipient, len);

	memcpy(all + head, message, len);
	put(all, (size_t)head + len);
	expect(3);
}

int
main(int argc, char **argv)
{
	size_t len;
	char *token;

	if (argc != 6)
		errx(64, "usage: floor PORT CA-DIRECTORY MAILBOX RECIPIENT "
		    "TOKEN-FILE <MESSAGE");
	token = load(open(argv[5], O_RDONLY), &len);
	token[strcspn(token, "\n")] = '\0';
	connect_to(atoi(argv[1]));
	expect(1);
	put("EHLO localhost\r\n", 16);
	expect(1);
	put("STARTTLS\r\n", 10);
	expect(1);
	start_tls(argv[2]);
	put("EHLO localhost\r\n", 16);
	expect(1);
	authenticate(argv[3], token);
	deliver(argv[3], argv[4]);
	put("QUIT\r\n", 6);
	return 0;
}
