/* SPDX-License-Identifier: ISC
 *
 * Signed client assertions (RFC 7523 2.2) as Entra wants them: RSA, PS256 with
 * x5t#S256 or RS256 with x5t, and never one's algorithm with the other's
 * thumbprint.
 */
#ifndef TOKEN_ASSERTION_H
#define TOKEN_ASSERTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "config/config.h"

#define ASSERTION_MAX	(16 * 1024)
#define KEY_FILE_MAX	(256 * 1024)

/* A certificate and its private key. */
struct signer;

/* Loads the app's certificate and key: PEM or PKCS #12, in one file or two, or
 * what an OpenSSL provider gives for a URI such as pkcs11:.  An encrypted key is
 * opened with passphrase-file.  The key must be the certificate's.  The caller
 * frees *s. */
int	signer_load(struct signer **s, const struct app *app,
	    const struct config *c, struct status *st);
void	signer_free(struct signer *s);

/* When the certificate ends, wall clock. */
int64_t	signer_expires(const struct signer *s);
/* Its SHA-1 thumbprint in upper-case hex: the name the portal shows. */
void	signer_thumbprint(const struct signer *s, char hex[41]);

/* What is told of a new key. */
struct generated {
	struct buf	certificate;	/* PEM, for upload */
	char		thumbprint[41];
	int64_t		expires;
};

/* Makes an RSA key and a certificate for it that it has signed itself, good for
 * two years, and writes both to the new file `path`, mode 0600; EX_CANTCREAT if
 * there is one.  `g->certificate` is the caller's, initialised. */
int	signer_generate(struct generated *g, const char *path, const char *name,
	    struct status *st);

/* Appends a fresh assertion for the token endpoint `audience`: its own jti,
 * ten minutes long.  `algorithm` is "PS256" or "RS256"; -1 with EX_CONFIG if the
 * key cannot do it. */
int	assertion_sign(struct buf *out, const struct signer *s,
	    const char *algorithm, const char *audience, const char *client_id,
	    int64_t now, struct status *st);

#endif
