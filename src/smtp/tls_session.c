/* SPDX-License-Identifier: ISC */
#include "smtp/tls_session.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "base/xalloc.h"

/* The server's certificate in what i2d_SSL_SESSION(3) makes: [3] EXPLICIT. */
#define CERTIFICATE 3

/* Takes the certificate out of a session's bytes, in place.  Returns where what
 * is left begins, or NULL. */
static const unsigned char *
leave_out_certificate(unsigned char *bytes, long *len)
{
	const unsigned char *p = bytes, *end;
	unsigned char *at, *head;
	long n = 0;
	int tag, class;

	if (ASN1_get_object(&p, &n, &tag, &class, *len) != V_ASN1_CONSTRUCTED ||
	    tag != V_ASN1_SEQUENCE)
		return NULL;
	bytes += p - bytes;
	for (end = p + n, at = bytes; p < end; at += p - at) {
		if ((ASN1_get_object(&p, &n, &tag, &class, end - p) & 0x80) != 0)
			return NULL;
		p += n;
		if (class == V_ASN1_CONTEXT_SPECIFIC && tag == CERTIFICATE)
			break;
	}
	memmove(at, p, (size_t)(end - p));
	n = at - bytes + (end - p);
	*len = ASN1_object_size(1, (int)n, V_ASN1_SEQUENCE);
	bytes -= *len - n;
	head = bytes;
	ASN1_put_object(&head, 1, (int)n, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	return bytes;
}

/* How sessions are written is OpenSSL's own business: it has the last word. */
static bool
is_session_without_certificate(const unsigned char *bytes, long len)
{
	const unsigned char *p = bytes;
	SSL_SESSION *session = d2i_SSL_SESSION(NULL, &p, len);
	unsigned char *again = NULL;
	bool is_same;
	int n;

	if (session == NULL)
		return false;
	n = i2d_SSL_SESSION(session, &again);
	is_same = n == len && memcmp(again, bytes, (size_t)n) == 0 &&
	    SSL_SESSION_get0_peer(session) == NULL;
	if (n > 0)
		OPENSSL_cleanse(again, (size_t)n);
	OPENSSL_free(again);
	SSL_SESSION_free(session);
	return is_same;
}

/* Without the certificate, at which nobody looks again: to decode it OpenSSL
 * sets up all its decoders, an eighth of all that a small message takes. */
void
tls_session_keep(SSL_SESSION *session, const struct tls_params *p)
{
	unsigned char *bytes = NULL, *copy;
	int size = i2d_SSL_SESSION(session, &bytes);
	const unsigned char *lean;
	long len = size;

	if (size <= 0)
		return;
	ERR_set_mark();
	copy = xmalloc((size_t)size);
	memcpy(copy, bytes, (size_t)size);
	lean = leave_out_certificate(copy, &len);
	if (lean != NULL && is_session_without_certificate(lean, len))
		p->new_session(p->context, lean, (size_t)len);
	else
		p->new_session(p->context, bytes, (size_t)size);
	explicit_bzero(copy, (size_t)size);
	free(copy);
	OPENSSL_cleanse(bytes, (size_t)size);
	OPENSSL_free(bytes);
	ERR_pop_to_mark();
}

/* The ticket's own lifetime (RFC 8446 4.6.1, RFC 5077 5.6; 0: not said). */
static bool
is_alive(const SSL_SESSION *session)
{
	unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session);
	long age = (long)time(NULL) - SSL_SESSION_get_time(session);

	return SSL_SESSION_is_resumable(session) && age >= 0 &&
	    (hint == 0 || (unsigned long)age < hint);
}

bool
tls_session_offer(SSL *ssl, const struct tls_params *p)
{
	const unsigned char *bytes = p->resume;
	SSL_SESSION *session;
	bool offers;

	if (bytes == NULL)
		return false;
	session = d2i_SSL_SESSION(NULL, &bytes, (long)p->resume_len);
	offers = session != NULL && is_alive(session) &&
	    SSL_set_session(ssl, session) == 1;
	SSL_SESSION_free(session);
	ERR_clear_error();
	return offers;
}
