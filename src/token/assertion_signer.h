/* SPDX-License-Identifier: ISC
 *
 * What assertion.c and assertion_key.c share.
 */
#ifndef TOKEN_ASSERTION_SIGNER_H
#define TOKEN_ASSERTION_SIGNER_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct signer {
	EVP_PKEY	*key;
	X509		*certificate;
};

/* Why OpenSSL failed, and forgets it. */
const char *openssl_reason(void);

#endif
