/* SPDX-License-Identifier: ISC */
#include "token/assertion.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/record.h"
#include "base/xalloc.h"
#include "token/assertion_signer.h"
#include "token/http.h"

/* Entra takes five to ten minutes; as MSAL. */
#define ASSERTION_LIFE 600

/* Algorithm, and the thumbprint that must go with it (RFC 7515 4.1.7, 4.1.8). */
static const struct algorithm {
	const char	*name, *thumbprint;
	const EVP_MD	*(*digest)(void);
	bool		 pss;
} algorithms[] = {
	{ "PS256", "x5t#S256", EVP_sha256, true },
	{ "RS256", "x5t", EVP_sha1, false },
};

const char *
openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return reason != NULL ? reason : "no reason given";
}

static const struct algorithm *
find_algorithm(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

/* A part of a JWT: an object as base64url (RFC 7515 3.1). */
static void
add_part(struct buf *out, const struct record *r)
{
	struct buf json;

	buf_init(&json, ASSERTION_MAX);
	record_format(r, &json);
	base64url_encode(out, json.data, json.len);
	buf_wipe(&json);
}

static void
add_header(struct buf *out, const struct signer *s, const struct algorithm *alg)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct record *r = record_new();
	struct buf text;
	unsigned len = 0;

	X509_digest(s->certificate, alg->digest(), digest, &len);
	buf_init(&text, 2 * EVP_MAX_MD_SIZE);
	base64url_encode(&text, digest, len);
	record_put_text(r, "alg", alg->name);
	record_put_text(r, "typ", "JWT");
	record_put_text(r, alg->thumbprint, text.data);
	add_part(out, r);
	buf_release(&text);
	record_free(r);
}

static void
add_claims(struct buf *out, const char *audience, const char *client_id,
    int64_t now)
{
	struct record *r = record_new();
	char id[UUID_SIZE];

	uuid_make(id);
	record_put_text(r, "aud", audience);
	record_put_text(r, "iss", client_id);
	record_put_text(r, "sub", client_id);
	record_put_text(r, "jti", id);
	record_put_number(r, "nbf", now);
	record_put_number(r, "iat", now);
	record_put_number(r, "exp", now + ASSERTION_LIFE);
	add_part(out, r);
	record_free(r);
}

/* RFC 7518 3.3 and 3.5: SHA-256, and a salt as long as the digest. */
static bool
begin_signature(EVP_MD_CTX *ctx, const struct signer *s,
    const struct algorithm *alg)
{
	EVP_PKEY_CTX *key = NULL;

	if (EVP_DigestSignInit(ctx, &key, EVP_sha256(), NULL, s->key) <= 0)
		return false;
	if (!alg->pss)
		return EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) > 0 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(key, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static int
add_signature(struct buf *out, const struct signer *s,
    const struct algorithm *alg, struct status *st)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *signature = NULL;
	size_t len = 0;
	int rc = -1;

	if (ctx == NULL || !begin_signature(ctx, s, alg) ||
	    EVP_DigestSign(ctx, NULL, &len, (unsigned char *)out->data,
	    out->len) <= 0)
		goto out;
	signature = xmalloc(len);
	if (EVP_DigestSign(ctx, signature, &len, (unsigned char *)out->data,
	    out->len) <= 0)
		goto out;
	buf_addch(out, '.');
	base64url_encode(out, signature, len);
	rc = 0;
out:
	if (rc == -1)
		status_set(st, EX_CONFIG, "signing with %s: %s", alg->name,
		    openssl_reason());
	EVP_MD_CTX_free(ctx);
	free(signature);
	return rc;
}

int
assertion_sign(struct buf *out, const struct signer *s, const char *algorithm,
    const char *audience, const char *client_id, int64_t now,
    struct status *st)
{
	const struct algorithm *alg = find_algorithm(algorithm);

	if (alg == NULL)
		return status_set(st, EX_CONFIG,
		    "assertion-algorithm %s is not known", algorithm);
	/* An assertion is as good as the credential while it lives. */
	buf_reserve(out, ASSERTION_MAX);
	add_header(out, s, alg);
	buf_addch(out, '.');
	add_claims(out, audience, client_id, now);
	return add_signature(out, s, alg, st);
}
