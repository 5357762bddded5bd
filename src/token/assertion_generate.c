/* SPDX-License-Identifier: ISC
 *
 * A new key and a self-signed certificate for it, to be uploaded to the app
 * registration: what Entra checks is the thumbprint, not who signed.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "base/safefile.h"
#include "token/assertion.h"
#include "token/assertion_signer.h"

#define KEY_BITS	3072	/* NIST SP 800-57: good past 2030 */
#define LIFE_DAYS	730	/* as long as Entra's secrets may live */

static EVP_PKEY *
generate_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, KEY_BITS) == 1 &&
	    EVP_PKEY_keygen(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* RFC 5280 4.1.2.2: positive, and no two alike. */
static bool
set_serial(X509 *x)
{
	unsigned char bytes[16];
	BIGNUM *n = NULL;
	bool done;

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	bytes[0] &= 0x7f;
	n = BN_bin2bn(bytes, sizeof bytes, NULL);
	done = n != NULL &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return done;
}

static X509 *
make_certificate(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();
	X509_NAME *subject;

	if (x == NULL)
		return NULL;
	subject = X509_get_subject_name(x);
	if (X509_set_version(x, 2) == 1 && set_serial(x) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -60) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(x), LIFE_DAYS, 0, NULL) !=
	    NULL && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, subject) == 1 &&
	    X509_set_pubkey(x, key) == 1 &&
	    X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

/* Never over a file that is there: its key may be in use. */
static int
write_new(const char *path, const char *bytes, size_t len, struct status *st)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	int rc = 0;

	if (fd == -1) {
		status_set_errno(st, EX_CANTCREAT, "%s", path);
		return status_hint(st, "move it away, or name it as the "
		    "certificate that there is");
	}
	if (safefile_write_all(fd, bytes, len) == -1 || fsync(fd) == -1) {
		rc = status_set_errno(st, EX_IOERR, "%s", path);
		unlink(path);
	}
	close(fd);
	return rc;
}

static int
write_both(const char *path, EVP_PKEY *key, X509 *x, struct status *st)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	long len;
	int rc = -1;

	if (bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0,
	    NULL, NULL) == 1 && PEM_write_bio_X509(bio, x) == 1 &&
	    (len = BIO_get_mem_data(bio, &bytes)) > 0) {
		rc = write_new(path, bytes, (size_t)len, st);
		explicit_bzero(bytes, (size_t)len);
	} else
		status_set(st, EX_SOFTWARE, "writing the key: %s",
		    openssl_reason());
	BIO_free(bio);
	return rc;
}

static void
add_pem(struct buf *out, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	long len;

	if (bio != NULL && PEM_write_bio_X509(bio, x) == 1 &&
	    (len = BIO_get_mem_data(bio, &bytes)) > 0)
		buf_add(out, bytes, (size_t)len);
	BIO_free(bio);
}

int
signer_generate(struct generated *g, const char *path, const char *name,
    struct status *st)
{
	EVP_PKEY *key = generate_key();
	X509 *x = key != NULL ? make_certificate(key, name) : NULL;
	struct signer s = { key, x };
	int rc = -1;

	if (x == NULL)
		status_set(st, EX_SOFTWARE, "making a key: %s",
		    openssl_reason());
	else if (write_both(path, key, x, st) == 0) {
		add_pem(&g->certificate, x);
		signer_thumbprint(&s, g->thumbprint);
		g->expires = signer_expires(&s);
		rc = 0;
	}
	X509_free(x);
	EVP_PKEY_free(key);
	return rc;
}
