/* SPDX-License-Identifier: ISC */
#include "smtp/tls_trust.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define DIRECTORIES	2	/* the first of the places; the others are files */

const char *
tls_system_anchors(size_t i)
{
	const char *const places[] = {
		X509_get_default_cert_dir(),
		"/etc/ssl/certs",
		X509_get_default_cert_file(),
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/ssl/cert.pem"
	};

	return i < sizeof places / sizeof *places ? places[i] : NULL;
}

/* Whether the directory has a link like 4042bcee.0, as openssl-rehash(1ssl)
 * makes them. */
static bool
is_hashed_directory(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *entry = NULL;

	if (d == NULL)
		return false;
	while ((entry = readdir(d)) != NULL)
		if (strspn(entry->d_name, "0123456789abcdef") == 8 &&
		    entry->d_name[8] == '.' &&
		    isdigit((unsigned char)entry->d_name[9]))
			break;
	closedir(d);
	return entry != NULL;
}

/* Anchors are then looked up by the issuer's hash when one is needed. */
static bool
add_directory(X509_STORE *store, const char *path)
{
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store,
	    X509_LOOKUP_hash_dir());

	return lookup != NULL &&
	    X509_LOOKUP_add_dir(lookup, path, X509_FILETYPE_PEM) == 1;
}

static bool
add_file(X509_STORE *store, const char *path)
{
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	return lookup != NULL &&
	    X509_load_cert_crl_file(lookup, path, X509_FILETYPE_PEM) > 0;
}

/* The hashed directory if there is one: parsing a whole bundle takes 30 to
 * 50 ms, several times what the rest of a delivery takes. */
static int
add_system(X509_STORE *store, struct status *st)
{
	const char *path;
	size_t i;

	for (i = 0; (path = tls_system_anchors(i)) != NULL; i++)
		if (i < DIRECTORIES ?
		    is_hashed_directory(path) && add_directory(store, path) :
		    access(path, R_OK) == 0 && add_file(store, path))
			return 0;
	status_set(st, EX_CONFIG, "this system has no trusted certificates");
	return status_hint(st, "install the package ca-certificates, or name "
	    "the authorities with ca-file");
}

static bool
is_system(const struct tls_params *p)
{
	return p->ca_file == NULL && p->ca_directory == NULL;
}

/* What the administrator names. */
static int
add_named(X509_STORE *store, const struct tls_params *p, struct status *st)
{
	if (p->ca_file != NULL && !add_file(store, p->ca_file))
		return status_set(st, EX_CONFIG, "ca-file %s: no certificate "
		    "could be read from it", p->ca_file);
	if (p->ca_directory != NULL && !is_hashed_directory(p->ca_directory)) {
		status_set(st, EX_CONFIG, "ca-directory %s: no hashed "
		    "certificates in it", p->ca_directory);
		return status_hint(st, "run: openssl rehash %s",
		    p->ca_directory);
	}
	if (p->ca_directory != NULL && !add_directory(store, p->ca_directory))
		return status_set(st, EX_CONFIG, "ca-directory %s cannot be "
		    "used", p->ca_directory);
	return 0;
}

int
tls_trust_load(struct tls_trust *t, struct status *st)
{
	X509_STORE *store = SSL_CTX_get_cert_store(t->ctx);

	t->loaded = true;
	return is_system(t->p) ? add_system(store, st) :
	    add_named(store, t->p, st);
}

static struct tls_trust *
trust_of(X509_STORE_CTX *chain)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(chain,
	    SSL_get_ex_data_X509_STORE_CTX_idx());

	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* Keeps what a person has to be told: after the handshake OpenSSL knows a number,
 * but not of which certificate. */
static int
remember_refusal(int ok, X509_STORE_CTX *chain)
{
	struct tls_trust *t = trust_of(chain);
	X509 *certificate = X509_STORE_CTX_get_current_cert(chain);

	/* Not every authority's list is there, and few are. */
	if (!ok && X509_STORE_CTX_get_error(chain) ==
	    X509_V_ERR_UNABLE_TO_GET_CRL) {
		X509_STORE_CTX_set_error(chain, X509_V_OK);
		return 1;
	}
	if (!ok && t->refused == NULL && certificate != NULL) {
		X509_up_ref(certificate);
		t->refused = certificate;
		t->refused_why = X509_STORE_CTX_get_error(chain);
		t->refused_depth = X509_STORE_CTX_get_error_depth(chain);
	}
	return ok;
}

/* Anchors are read only here, when there is a certificate to judge: a resumed
 * session has none (RFC 8446 2.2), and was judged within the hour. */
static int
verify(X509_STORE_CTX *chain, void *context)
{
	struct tls_trust *t = context;

	if (!t->loaded && tls_trust_load(t, &t->trouble) == -1) {
		X509_STORE_CTX_set_error(chain, X509_V_ERR_STORE_LOOKUP);
		return 0;
	}
	ERR_clear_error();	/* the end of a file is one */
	return X509_verify_cert(chain);
}

void
tls_trust_init(struct tls_trust *t, SSL_CTX *ctx, const struct tls_params *p)
{
	*t = (struct tls_trust){ .ctx = ctx, .p = p, .trouble = STATUS_INIT };
	/* What the administrator names is trusted as it stands, root or not (RFC
	 * 5280 6.1.1 d), and a list that he puts beside it is heeded for every
	 * certificate of the path (6.3).  The system's anchors come without. */
	if (!is_system(p))
		X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx),
		    X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CRL_CHECK |
		    X509_V_FLAG_CRL_CHECK_ALL);
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, remember_refusal);
	SSL_CTX_set_cert_verify_callback(ctx, verify, t);
}

void
tls_trust_release(struct tls_trust *t)
{
	X509_free(t->refused);
}

bool
tls_trust_refused(const struct tls_trust *t)
{
	return t->refused != NULL || t->trouble.sysexit != EX_OK;
}

/* Reads a memory BIO to its end, as a string. */
static void
drain(BIO *b, char *to, size_t size)
{
	int n = BIO_read(b, to, (int)size - 1);

	to[n < 0 ? 0 : n] = '\0';
	BIO_free(b);
}

static void
print_time(const ASN1_TIME *time, char *to, size_t size)
{
	BIO *b = BIO_new(BIO_s_mem());

	to[0] = '\0';
	if (b == NULL)
		return;
	ASN1_TIME_print(b, time);
	drain(b, to, size);
}

static void
print_issuer(const X509 *certificate, char *to, size_t size)
{
	BIO *b = BIO_new(BIO_s_mem());

	to[0] = '\0';
	if (b == NULL)
		return;
	X509_NAME_print_ex(b, X509_get_issuer_name(certificate), 0,
	    XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	drain(b, to, size);
}

/* The DNS names that the certificate is for, as many as fit.  A NUL inside one
 * (an attack on programs that compare C strings) shows as '?'. */
static void
print_names(const X509 *certificate, char *to, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate,
	    NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name;
	size_t used = 0, j, len;
	int i;

	to[0] = '\0';
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		len = (size_t)ASN1_STRING_length(name->d.dNSName);
		if (used + len + 3 > size)
			break;
		if (used != 0) {
			memcpy(to + used, ", ", 2);
			used += 2;
		}
		memcpy(to + used, ASN1_STRING_get0_data(name->d.dNSName), len);
		for (j = 0; j < len; j++, used++)
			if (to[used] == '\0')
				to[used] = '?';
		to[used] = '\0';
	}
	GENERAL_NAMES_free(names);
}

static int
explain_name(const X509 *certificate, const char *host, struct status *st)
{
	char names[300];

	print_names(certificate, names, sizeof names);
	if (names[0] == '\0')
		status_set(st, EX_PROTOCOL, "the certificate of %s names no "
		    "host at all", host);
	else
		status_set(st, EX_PROTOCOL, "the certificate of %s is for "
		    "other names: %s", host, names);
	return status_hint(st, "set the account's `host` to the name that the "
	    "server has; if it has the right one already, somebody may stand "
	    "between here and there");
}

static int
explain_dates(const X509 *certificate, bool expired, const char *host,
    struct status *st)
{
	char when[40];

	print_time(expired ? X509_get0_notAfter(certificate) :
	    X509_get0_notBefore(certificate), when, sizeof when);
	status_set(st, EX_PROTOCOL, expired ?
	    "the certificate of %s expired on %s" :
	    "the certificate of %s is not valid before %s", host, when);
	return status_hint(st, "check the clock of this host; if it is right, "
	    "the server needs a new certificate");
}

static int
explain_issuer(const X509 *certificate, bool self_signed, const char *host,
    struct status *st)
{
	char issuer[300];

	print_issuer(certificate, issuer, sizeof issuer);
	if (self_signed)
		status_set(st, EX_PROTOCOL, "the certificate of %s is "
		    "self-signed (%s)", host, issuer);
	else
		status_set(st, EX_PROTOCOL, "the certificate of %s comes from "
		    "an authority that this host does not know (%s)", host,
		    issuer);
	return status_hint(st, "if you know the server, put its authority's "
	    "certificate (PEM) into ca-file; if not, somebody may stand "
	    "between here and there");
}

static int
explain_revocation(bool revoked, const char *host, struct status *st)
{
	if (revoked) {
		status_set(st, EX_PROTOCOL, "the certificate of %s has been "
		    "revoked", host);
		return status_hint(st, "the server needs a new certificate; if "
		    "it has one already, somebody may stand between here and "
		    "there");
	}
	status_set(st, EX_PROTOCOL, "whether the certificate of %s has been "
	    "revoked cannot be told: the revocation list has expired", host);
	return status_hint(st, "put the authority's present list into ca-file, "
	    "or take the old one out");
}

int
tls_trust_explain(const struct tls_trust *t, struct status *st)
{
	const X509 *certificate = t->refused;
	const char *host = t->p->host;
	long error = t->refused_why;

	if (certificate == NULL) {
		*st = t->trouble;
		return -1;
	}
	switch (error) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return explain_name(certificate, host, st);
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return explain_dates(certificate, true, host, st);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return explain_dates(certificate, false, host, st);
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return explain_issuer(certificate, true, host, st);
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return explain_issuer(certificate, false, host, st);
	case X509_V_ERR_CERT_REVOKED:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return explain_revocation(error == X509_V_ERR_CERT_REVOKED,
		    host, st);
	default:
		return status_set(st, EX_PROTOCOL, "the certificate of %s%s is "
		    "not to be trusted: %s", host,
		    t->refused_depth == 0 ? "" : " (or one above it)",
		    X509_verify_cert_error_string(error));
	}
}
