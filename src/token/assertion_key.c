/* SPDX-License-Identifier: ISC
 *
 * Where certificate and key come from.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/safefile.h"
#include "base/xalloc.h"
#include "token/assertion.h"
#include "token/assertion_signer.h"
#include "token/credential.h"

/* What was found so far, and how to open what is locked. */
struct found {
	EVP_PKEY	*key;
	STACK_OF(X509)	*certificates;
	struct buf	 passphrase;
	bool		 asked;		/* a passphrase was needed */
};

/* For OpenSSL, which would ask the terminal otherwise. */
static int
give_passphrase(char *to, int size, int writing, void *user)
{
	struct found *f = user;

	(void)writing;
	f->asked = true;
	if (f->passphrase.len == 0 || f->passphrase.len > (size_t)size)
		return 0;
	memcpy(to, f->passphrase.data, f->passphrase.len);
	return (int)f->passphrase.len;
}

static void
keep_key(struct found *f, EVP_PKEY *key)
{
	if (f->key == NULL)
		f->key = key;
	else
		EVP_PKEY_free(key);
}

static void
keep_certificate(struct found *f, X509 *certificate)
{
	if (certificate != NULL && !sk_X509_push(f->certificates, certificate))
		X509_free(certificate);
}

static bool
read_pem(struct found *f, const struct buf *bytes)
{
	BIO *bio = BIO_new_mem_buf(bytes->data, (int)bytes->len);
	EVP_PKEY *key;
	X509 *one;

	if (f->key == NULL) {
		key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, f);
		if (key != NULL)
			keep_key(f, key);
		(void)BIO_reset(bio);
	}
	while ((one = PEM_read_bio_X509(bio, NULL, give_passphrase, f)) != NULL)
		keep_certificate(f, one);
	BIO_free(bio);
	/* A passphrase was asked for, and did not open it. */
	return !f->asked || f->key != NULL;
}

static bool
read_pkcs12(struct found *f, const struct buf *bytes)
{
	const unsigned char *p = (const unsigned char *)bytes->data;
	PKCS12 *box = d2i_PKCS12(NULL, &p, (long)bytes->len);
	STACK_OF(X509) *chain = NULL;
	EVP_PKEY *key = NULL;
	X509 *one = NULL;
	bool opened;

	opened = box != NULL && PKCS12_parse(box, f->passphrase.data, &key,
	    &one, &chain) == 1;
	if (opened) {
		if (key != NULL)
			keep_key(f, key);
		keep_certificate(f, one);
	}
	sk_X509_pop_free(chain, X509_free);
	PKCS12_free(box);
	return opened;
}

static int
read_file(struct found *f, const char *path, enum trust_kind kind,
    const struct config *c, struct status *st)
{
	struct buf bytes;
	bool good;

	buf_init(&bytes, KEY_FILE_MAX);
	if (file_read(&bytes, path, kind, KEY_FILE_MAX, c, st) == -1)
		return -1;
	/* DER of PKCS #12 begins with a SEQUENCE (which is a '0', too). */
	good = bytes.data[0] == '\x30' &&
	    strstr(bytes.data, "-----BEGIN ") == NULL ?
	    read_pkcs12(f, &bytes) : read_pem(f, &bytes);
	buf_wipe(&bytes);
	if (good)
		return 0;
	status_set(st, EX_CONFIG, "opening the key in %s: %s", path,
	    openssl_reason());
	return status_hint(st, f->passphrase.len == 0 ?
	    "put the key's passphrase into a file and name it in "
	    "passphrase-file" : "check the passphrase in passphrase-file; a "
	    "PKCS #12 file of old make may need: openssl pkcs12 -legacy");
}

/* "pkcs11:...", or any other scheme that a provider knows; not "file:", which
 * would go round the checks on files, and not our own "credential:". */
static bool
is_uri(const char *path)
{
	size_t len = strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	return len > 1 && path[len] == ':' && strncmp(path, "file:", 5) != 0 &&
	    strncmp(path, "credential:", 11) != 0;
}

static void
take_object(struct found *f, OSSL_STORE_INFO *info)
{
	int type = OSSL_STORE_INFO_get_type(info);

	if (type == OSSL_STORE_INFO_PKEY)
		keep_key(f, OSSL_STORE_INFO_get1_PKEY(info));
	else if (type == OSSL_STORE_INFO_CERT)
		keep_certificate(f, OSSL_STORE_INFO_get1_CERT(info));
}

/* A name for people: a PIN may stand behind the "?" of a URI (RFC 7512 2.4). */
static const char *
shown(const char *where, char name[128])
{
	size_t len = is_uri(where) ? strcspn(where, "?") : strlen(where);

	snprintf(name, 128, "%.*s", (int)(len < 127 ? len : 127), where);
	return name;
}

static int
read_uri(struct found *f, const char *uri, struct status *st)
{
	UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_passphrase, 0);
	OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, f, NULL, NULL);
	OSSL_STORE_INFO *info;
	char name[128];

	if (store == NULL) {
		UI_destroy_method(ui);
		status_set(st, EX_CONFIG, "opening %s: %s", shown(uri, name),
		    openssl_reason());
		return status_hint(st, "OpenSSL needs a provider for it: see "
		    "config(5ssl), and try: openssl storeutl URI");
	}
	while (!OSSL_STORE_eof(store)) {
		info = OSSL_STORE_load(store);
		if (info == NULL && OSSL_STORE_error(store))
			break;
		if (info != NULL)
			take_object(f, info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	UI_destroy_method(ui);
	return 0;
}

static int
read_from(struct found *f, const char *where, enum trust_kind kind,
    const struct config *c, struct status *st)
{
	return is_uri(where) ? read_uri(f, where, st) :
	    read_file(f, where, kind, c, st);
}

/* The key first, so that a key that lies with the certificate and is another
 * one does not get in its place. */
static int
read_all(struct found *f, const struct app *app, const struct config *c,
    struct status *st)
{
	if (app->passphrase_file != NULL && secret_read(&f->passphrase,
	    app->passphrase_file, TRUST_SECRET, c, st) == -1)
		return -1;
	if (app->private_key != NULL && read_from(f, app->private_key,
	    TRUST_SECRET, c, st) == -1)
		return -1;
	return read_from(f, app->certificate, app->private_key != NULL ?
	    TRUST_CONFIG : TRUST_SECRET, c, st);
}

/* The certificate of the key among those found: a file may hold a chain. */
static X509 *
matching_certificate(const struct found *f)
{
	X509 *one;
	int i;

	for (i = 0; i < sk_X509_num(f->certificates); i++) {
		one = sk_X509_value(f->certificates, i);
		if (X509_check_private_key(one, f->key) == 1)
			return one;
	}
	ERR_clear_error();
	return NULL;
}

static bool
is_rsa(const EVP_PKEY *key)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
#else
	return EVP_PKEY_base_id(key) == EVP_PKEY_RSA ||
	    EVP_PKEY_base_id(key) == EVP_PKEY_RSA_PSS;
#endif
}

static int
judge(const struct found *f, const struct app *app, X509 **match,
    struct status *st)
{
	char key[128], certificate[128];

	shown(app->private_key != NULL ? app->private_key : app->certificate,
	    key);
	shown(app->certificate, certificate);
	if (f->key == NULL) {
		status_set(st, EX_CONFIG, "%s holds no private key", key);
		return status_hint(st, "add the key in PEM form, or name its "
		    "file in private-key");
	}
	if (sk_X509_num(f->certificates) == 0) {
		status_set(st, EX_CONFIG, "%s holds no certificate",
		    certificate);
		return status_hint(st, "add the certificate that was uploaded "
		    "to the app registration, in PEM form");
	}
	if (!is_rsa(f->key)) {
		status_set(st, EX_CONFIG, "the key in %s is no RSA key", key);
		return status_hint(st, "Entra takes RSA only: make a new key "
		    "and upload its certificate");
	}
	*match = matching_certificate(f);
	if (*match != NULL)
		return 0;
	status_set(st, EX_CONFIG, "the key in %s does not belong to the "
	    "certificate in %s", key, certificate);
	return status_hint(st, "check that certificate and private-key were "
	    "renewed together");
}

int
signer_load(struct signer **s, const struct app *app, const struct config *c,
    struct status *st)
{
	struct found f = { .certificates = sk_X509_new_null() };
	X509 *match = NULL;
	int rc = -1;

	buf_init(&f.passphrase, SECRET_MAX);
	if (f.certificates == NULL)
		return status_set(st, EX_OSERR, "out of memory");
	if (read_all(&f, app, c, st) == 0 && judge(&f, app, &match, st) == 0) {
		*s = xcalloc(1, sizeof **s);
		(*s)->key = f.key;
		f.key = NULL;			/* transferred */
		(*s)->certificate = match;
		X509_up_ref(match);
		rc = 0;
	}
	EVP_PKEY_free(f.key);
	sk_X509_pop_free(f.certificates, X509_free);
	buf_wipe(&f.passphrase);
	return rc;
}

void
signer_free(struct signer *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_free(s->key);
	X509_free(s->certificate);
	free(s);
}

int64_t
signer_expires(const struct signer *s)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(s->certificate), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

void
signer_thumbprint(const struct signer *s, char hex[41])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0, i;

	hex[0] = '\0';
	if (X509_digest(s->certificate, EVP_sha1(), digest, &len) == 1)
		for (i = 0; i < 20; i++)
			snprintf(hex + 2 * i, 3, "%02X", digest[i]);
}
