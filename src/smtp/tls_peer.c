/* SPDX-License-Identifier: ISC
 *
 * What a certificate says of the server, for a person to read.  Private to
 * tls.c, which calls it.
 */
#include "smtp/tls_trust.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
wall_clock(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static bool
name_part(X509_NAME *name, int nid, char *to, size_t size)
{
	char text[256];

	if (X509_NAME_get_text_by_NID(name, nid, text, sizeof text) <= 0)
		return false;
	status_printable(to, size, text);
	return true;
}

void
tls_peer_read(SSL *ssl, const char *host, struct tls_peer *peer)
{
	const char *name = SSL_get0_peername(ssl);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	X509 *certificate = SSL_get1_peer_certificate(ssl);
#else
	X509 *certificate = SSL_get_peer_certificate(ssl);
#endif
	X509_NAME *issuer;

	*peer = (struct tls_peer){ .not_after = 0 };
	snprintf(peer->version, sizeof peer->version, "%s",
	    SSL_get_version(ssl));
	snprintf(peer->cipher, sizeof peer->cipher, "%s",
	    SSL_get_cipher_name(ssl));
	/* An address, or a resumed session, leaves no name. */
	status_printable(peer->name, sizeof peer->name,
	    name != NULL ? name : host);
	if (certificate == NULL)
		return;
	issuer = X509_get_issuer_name(certificate);
	if (!name_part(issuer, NID_organizationName, peer->issuer,
	    sizeof peer->issuer))
		name_part(issuer, NID_commonName, peer->issuer,
		    sizeof peer->issuer);
	peer->not_after = wall_clock(X509_get0_notAfter(certificate));
	X509_free(certificate);
}
