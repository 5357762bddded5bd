/* SPDX-License-Identifier: ISC */
#include "smtp/tls_bio.h"

#include <errno.h>

/* Certificates (OpenSSL takes 100 KB of them), tickets and key updates that may
 * come before the next word of the server.  SSL_read(3) goes on for as long as
 * they come, and no deadline would be looked at meanwhile. */
#define HOUSEKEEPING_MAX (256 * 1024)

static int
bio_done(BIO *b, ssize_t n, void (*retry)(BIO *))
{
	BIO_clear_retry_flags(b);
	if (n == -1 && errno == EAGAIN)
		retry(b);
	return (int)n;
}

static void
retry_read(BIO *b)
{
	BIO_set_retry_read(b);
}

static void
retry_write(BIO *b)
{
	BIO_set_retry_write(b);
}

static int
bio_read(BIO *b, char *to, int size)
{
	struct wire *w = BIO_get_data(b);
	ssize_t n = -1;

	if (w->housekeeping > HOUSEKEEPING_MAX)
		errno = EPROTO;
	else
		n = wire_recv(w, to, (size_t)size);
	if (n > 0)
		w->housekeeping += (size_t)n;
	return bio_done(b, n, retry_read);
}

static int
bio_write(BIO *b, const char *bytes, int len)
{
	return bio_done(b, wire_send(BIO_get_data(b), bytes, (size_t)len),
	    retry_write);
}

static long
bio_ctrl(BIO *b, int command, long number, void *pointer)
{
	(void)b, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH;
}

/* Made once for the whole process, never freed. */
BIO *
tls_bio_new(struct wire *w)
{
	static BIO_METHOD *method;
	BIO *b;

	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
		    "wire");
		if (method == NULL)
			return NULL;
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	b = BIO_new(method);
	if (b != NULL) {
		BIO_set_data(b, w);
		BIO_set_init(b, 1);
	}
	return b;
}
