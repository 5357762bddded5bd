/* SPDX-License-Identifier: ISC
 *
 * The wire as OpenSSL sees it: its own socket BIO writes without MSG_NOSIGNAL and
 * counts no flights.  Private to tls.c.
 */
#ifndef SMTP_TLS_BIO_H
#define SMTP_TLS_BIO_H

#include <openssl/bio.h>

#include "smtp/wire.h"

/* NULL when there is no memory.  The wire stays the caller's. */
BIO	*tls_bio_new(struct wire *w);

#endif
