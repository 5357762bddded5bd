/* SPDX-License-Identifier: ISC
 *
 * The half of tls.c that decides whom to believe, and says in words why a
 * certificate was not believed.  Private to tls.c.
 */
#ifndef SMTP_TLS_TRUST_H
#define SMTP_TLS_TRUST_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/status.h"
#include "smtp/tls.h"

struct tls_trust {
	SSL_CTX		*ctx;		/* the caller's */
	const struct tls_params *p;	/* the caller's */
	bool		 loaded;
	struct status	 trouble;	/* the anchors could not be loaded */
	/* The first certificate that was refused. */
	X509		*refused;
	long		 refused_why;	/* X509_V_* */
	int		 refused_depth;
};

/* Has certificates verified as `p` says.  Trust anchors are loaded when the first
 * certificate comes, if they are not yet: a resumed session has none. */
void	tls_trust_init(struct tls_trust *t, SSL_CTX *ctx,
	    const struct tls_params *p);
/* Loads them now. */
int	tls_trust_load(struct tls_trust *t, struct status *st);
/* Whether a certificate was refused, or could not be judged; then *st: what is
 * wrong, and what to do.  Returns -1. */
bool	tls_trust_refused(const struct tls_trust *t);
int	tls_trust_explain(const struct tls_trust *t, struct status *st);
void	tls_trust_release(struct tls_trust *t);

/* tls_peer() of tls.h. */
void	tls_peer_read(SSL *ssl, const char *host, struct tls_peer *peer);

#endif
