/* SPDX-License-Identifier: ISC
 *
 * The half of tls.c that decides whom to believe, and says in words why a
 * certificate was not believed.  Private to tls.c.
 */
#ifndef SMTP_TLS_TRUST_H
#define SMTP_TLS_TRUST_H

#include <openssl/ssl.h>

#include "base/status.h"
#include "smtp/tls.h"

/* Gives `ctx` the trust anchors of `p`. */
int	tls_trust_load(SSL_CTX *ctx, const struct tls_params *p,
	    struct status *st);
/* *st for a certificate that X509_verify_cert(3) refused with `error` (X509_V_*)
 * at `depth`: what is wrong with it, and what to do. */
int	tls_trust_explain(const X509 *certificate, long error, int depth,
	    const char *host, struct status *st);

/* tls_peer() of tls.h. */
void	tls_peer_read(SSL *ssl, const char *host, struct tls_peer *peer);

#endif
