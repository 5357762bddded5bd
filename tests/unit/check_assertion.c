/* SPDX-License-Identifier: ISC */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/record.h"
#include "base/xalloc.h"
#include "check_main.h"
#include "token/assertion.h"

#define NOW	INT64_C(1795300000)
#define DAY	86400L

static char directory[] = "/tmp/mbassertion.XXXXXX";
static char certificate_path[64], key_path[64], other_path[64];
static const struct config config = { .path = NULL };

/* A self-signed certificate for `key`. */
static X509 *
make_certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 10 * DAY);
	X509_set_pubkey(x, key);
	name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	ck_assert_int_ne(X509_sign(x, key, EVP_sha256()), 0);
	return x;
}

static EVP_PKEY *
make_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048);
	ck_assert_int_eq(EVP_PKEY_keygen(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void
write_pem(const char *path, EVP_PKEY *key, X509 *first, X509 *second)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fchmod(fileno(f), 0600), 0);
	if (first != NULL)
		PEM_write_X509(f, first);
	if (key != NULL)
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	if (second != NULL)
		PEM_write_X509(f, second);
	fclose(f);
}

/* certificate_path: another certificate, the key, its certificate, as in a file
 * with a chain; key_path: the key alone; other_path: another key. */
static void
make_files(void)
{
	EVP_PKEY *key = make_key(), *other = make_key();
	X509 *mine = make_certificate(key), *theirs = make_certificate(other);

	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(certificate_path, sizeof certificate_path, "%s/both.pem",
	    directory);
	snprintf(key_path, sizeof key_path, "%s/key.pem", directory);
	snprintf(other_path, sizeof other_path, "%s/other.pem", directory);
	write_pem(certificate_path, key, theirs, mine);
	write_pem(key_path, key, NULL, NULL);
	write_pem(other_path, other, NULL, NULL);
	X509_free(mine);
	X509_free(theirs);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void
remove_files(void)
{
	unlink(certificate_path);
	unlink(key_path);
	unlink(other_path);
	rmdir(directory);
}

static struct config
trusting(void)
{
	struct config c = config;

	c.trust.owner = getuid();
	return c;
}

static int
load(struct signer **s, char *certificate, char *key, struct status *st)
{
	struct app app = { .certificate = certificate, .private_key = key };
	struct config c = trusting();

	*s = NULL;
	return signer_load(s, &app, &c, st);
}

/* Part `n` of a JWT as an object. */
static struct record *
part(const char *jwt, int n)
{
	struct record *r;
	struct buf json;

	for (; n > 0; n--)
		jwt = strchr(jwt, '.') + 1;
	buf_init(&json, 4096);
	ck_assert_int_eq(base64_decode(&json, jwt, strcspn(jwt, ".")), 0);
	r = record_parse(json.data, json.len);
	ck_assert_ptr_nonnull(r);
	buf_release(&json);
	return r;
}

/* Against the public key of the certificate, by OpenSSL's other half. */
static bool
verifies(const char *jwt, const char *path, bool pss)
{
	const char *end = strrchr(jwt, '.');
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *padding = NULL;
	struct buf signature;
	bool good;

	fclose(f);
	buf_init(&signature, 4096);
	base64_decode(&signature, end + 1, strlen(end + 1));
	EVP_DigestVerifyInit(ctx, &padding, EVP_sha256(), NULL, key);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, 32);
	}
	good = EVP_DigestVerify(ctx, (unsigned char *)signature.data,
	    signature.len, (const unsigned char *)jwt, (size_t)(end - jwt)) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	buf_release(&signature);
	return good;
}

static const struct {
	const char	*algorithm, *thumbprint, *never;
	size_t		 length;	/* of the thumbprint in base64url */
	bool		 pss;
} algorithms[] = {
	{ "PS256", "x5t#S256", "x5t", 43, true },
	{ "RS256", "x5t", "x5t#S256", 27, false },
};

START_TEST(an_assertion_is_what_entra_wants)
{
	const char *algorithm = algorithms[_i].algorithm;
	struct status st = STATUS_INIT;
	struct signer *s;
	struct record *header, *claims;
	struct buf jwt;

	ck_assert_int_eq(load(&s, certificate_path, NULL, &st), 0);
	buf_init(&jwt, ASSERTION_MAX);
	ck_assert_int_eq(assertion_sign(&jwt, s, algorithm, "https://a/token",
	    "client", NOW, &st), 0);
	header = part(jwt.data, 0);
	claims = part(jwt.data, 1);
	ck_assert_str_eq(record_text(header, "alg"), algorithm);
	ck_assert_str_eq(record_text(header, "typ"), "JWT");
	ck_assert_uint_eq(strlen(record_text(header,
	    algorithms[_i].thumbprint)), algorithms[_i].length);
	ck_assert_str_eq(record_text(header, algorithms[_i].never), "");
	ck_assert_str_eq(record_text(claims, "aud"), "https://a/token");
	ck_assert_str_eq(record_text(claims, "iss"), "client");
	ck_assert_str_eq(record_text(claims, "sub"), "client");
	ck_assert_uint_eq(strlen(record_text(claims, "jti")), 36);
	ck_assert_int_eq(record_number(claims, "nbf", 0), NOW);
	ck_assert_int_eq(record_number(claims, "exp", 0), NOW + 600);
	ck_assert_ptr_null(strpbrk(jwt.data, "=+/ \n"));
	ck_assert(verifies(jwt.data, key_path, algorithms[_i].pss));
	ck_assert(!verifies(jwt.data, key_path, !algorithms[_i].pss));
	ck_assert(!verifies(jwt.data, other_path, algorithms[_i].pss));
	record_free(header);
	record_free(claims);
	buf_wipe(&jwt);
	signer_free(s);
}
END_TEST

START_TEST(no_two_assertions_are_the_same)
{
	struct status st = STATUS_INIT;
	struct record *first, *second;
	struct signer *s;
	struct buf a, b;

	ck_assert_int_eq(load(&s, certificate_path, key_path, &st), 0);
	buf_init(&a, ASSERTION_MAX);
	buf_init(&b, ASSERTION_MAX);
	assertion_sign(&a, s, "PS256", "x", "y", NOW, &st);
	assertion_sign(&b, s, "PS256", "x", "y", NOW, &st);
	first = part(a.data, 1);
	second = part(b.data, 1);
	ck_assert_str_ne(record_text(first, "jti"), record_text(second, "jti"));
	record_free(first);
	record_free(second);
	buf_wipe(&a);
	buf_wipe(&b);
	signer_free(s);
}
END_TEST

START_TEST(a_certificate_tells_its_end_and_name)
{
	struct status st = STATUS_INIT;
	char thumbprint[41];
	struct signer *s;
	int64_t left;

	ck_assert_int_eq(load(&s, certificate_path, NULL, &st), 0);
	left = signer_expires(s) - (int64_t)time(NULL);
	ck_assert(left > 9 * DAY && left <= 10 * DAY);
	signer_thumbprint(s, thumbprint);
	ck_assert_uint_eq(strlen(thumbprint), 40);
	ck_assert_uint_eq(strspn(thumbprint, "0123456789ABCDEF"), 40);
	signer_free(s);
}
END_TEST

static char uri[] = "pkcs11:object=nobody";
static char file_uri[] = "file:/etc/passwd";

static const struct {
	char		*certificate, *key;
	const char	*words;
} refused[] = {
	{ certificate_path, other_path, NULL },	/* its certificate is there too */
	{ key_path, NULL, "no certificate" },
	{ key_path, key_path, "no certificate" },
	{ uri, NULL, "pkcs11" },
	{ file_uri, NULL, "file:" },
};

START_TEST(what_cannot_sign_is_refused)
{
	struct status st = STATUS_INIT;
	struct signer *s;

	if (refused[_i].words == NULL) {
		ck_assert_int_eq(load(&s, refused[_i].certificate,
		    refused[_i].key, &st), 0);
		signer_free(s);
		return;
	}
	ck_assert_int_eq(load(&s, refused[_i].certificate, refused[_i].key,
	    &st), -1);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_ptr_nonnull(strstr(st.text, refused[_i].words));
}
END_TEST

START_TEST(an_unknown_algorithm_is_refused)
{
	struct status st = STATUS_INIT;
	struct signer *s;
	struct buf jwt;

	ck_assert_int_eq(load(&s, certificate_path, NULL, &st), 0);
	buf_init(&jwt, ASSERTION_MAX);
	ck_assert_int_eq(assertion_sign(&jwt, s, "none", "x", "y", NOW, &st),
	    -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	buf_wipe(&jwt);
	signer_free(s);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("assertion");
	TCase *t = tcase_create("assertion");

	tcase_add_unchecked_fixture(t, make_files, remove_files);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, an_assertion_is_what_entra_wants, 0,
	    sizeof algorithms / sizeof *algorithms);
	tcase_add_test(t, no_two_assertions_are_the_same);
	tcase_add_test(t, a_certificate_tells_its_end_and_name);
	tcase_add_loop_test(t, what_cannot_sign_is_refused, 0,
	    sizeof refused / sizeof *refused);
	tcase_add_test(t, an_unknown_algorithm_is_refused);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
