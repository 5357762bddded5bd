/* SPDX-License-Identifier: ISC */
#include "tls_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define DAY	(24 * 60 * 60)

static X509 *authority;
static EVP_PKEY *authority_key;

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static EVP_PKEY *
make_key(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	must(c != NULL && EVP_PKEY_keygen_init(c) == 1 &&
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(c,
	    NID_X9_62_prime256v1) == 1 && EVP_PKEY_keygen(c, &key) == 1);
	EVP_PKEY_CTX_free(c);
	return key;
}

static void
add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	must(x != NULL && X509_add_ext(certificate, x, -1) == 1);
	X509_EXTENSION_free(x);
}

/* A name that no text form can hold. */
static void
add_raw_name(X509 *certificate, const char *bytes)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	ASN1_STRING_set(text, bytes, (int)((const char *)memchr(bytes, '\2',
	    200) - bytes));
	GENERAL_NAME_set0_value(name, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, name);
	must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0,
	    0) == 1);
	GENERAL_NAMES_free(names);
}

static X509 *
make_certificate(EVP_PKEY *key, const char *name, const X509 *issuer,
    EVP_PKEY *issuer_key, const struct tls_server_kind *kind)
{
	static long serial;
	X509 *c = X509_new();
	X509_NAME *subject = X509_get_subject_name(c);

	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), getpid() * 100 + ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c), kind->from * DAY);
	X509_gmtime_adj(X509_getm_notAfter(c), kind->until * DAY);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c, issuer == NULL ? subject :
	    X509_get_subject_name(issuer));
	X509_set_pubkey(c, key);
	if (issuer == NULL && kind->names == NULL)
		add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
	else if (kind->names != NULL && kind->names[0] == '\1')
		add_raw_name(c, kind->names + 1);
	else if (kind->names != NULL)
		add_extension(c, NID_subject_alt_name, kind->names);
	must(X509_sign(c, issuer_key, EVP_sha256()) > 0);
	return c;
}

/* Of another kind than make_key()'s. */
static EVP_PKEY *
make_strange_key(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
	EVP_PKEY *key = NULL;

	must(c != NULL && EVP_PKEY_keygen_init(c) == 1 &&
	    EVP_PKEY_keygen(c, &key) == 1);
	EVP_PKEY_CTX_free(c);
	return key;
}

static void
write_file(const char *path, X509 *certificate, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	must(f != NULL &&
	    (certificate == NULL || PEM_write_X509(f, certificate) == 1));
	if (key != NULL)
		must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL,
		    NULL) == 1);
	must(fclose(f) == 0);
}

void
tls_server_files(void)
{
	const struct tls_server_kind usual = { .from = -1, .until = 30 };
	EVP_PKEY *key = make_key(), *other = make_key();
	EVP_PKEY *strange = make_strange_key();
	X509 *client, *stranger;

	authority_key = make_key();
	authority = make_certificate(authority_key, "Our Authority", NULL,
	    authority_key, &usual);
	client = make_certificate(key, "client", authority, authority_key,
	    &usual);
	write_file(AUTHORITY_FILE, authority, NULL);
	stranger = make_certificate(key, "client", NULL, key, &usual);
	write_file(CLIENT_FILE, client, key);
	write_file(STRANGER_FILE, stranger, key);
	write_file(OTHER_KEY_FILE, NULL, other);
	write_file(STRANGE_KEY_FILE, NULL, strange);
	X509_free(client);
	X509_free(stranger);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(strange);
}

static SSL_CTX *
make_context(const struct tls_server_kind *kind)
{
	const struct tls_server_kind plain = { .from = -1, .until = 30 };
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = make_key(), *other_key = make_key();
	X509 *other = make_certificate(other_key, "Strange Authority", NULL,
	    other_key, &plain), *own;

	own = kind->self_signed ?
	    make_certificate(key, "localhost", NULL, key, kind) :
	    make_certificate(key, "localhost", kind->other_authority ? other :
	    authority, kind->other_authority ? other_key : authority_key, kind);
	if (kind->max_version != 0) {
		SSL_CTX_set_security_level(ctx, 0);
		SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(ctx, kind->max_version);
	}
	must(SSL_CTX_use_certificate(ctx, own) == 1 &&
	    SSL_CTX_use_PrivateKey(ctx, key) == 1);
	if (kind->wants_certificate) {
		SSL_CTX_load_verify_locations(ctx, AUTHORITY_FILE, NULL);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER |
		    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	if (kind->cannot_resume)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	else
		SSL_CTX_set_session_id_context(ctx,
		    (const unsigned char *)"x", 1);
	return ctx;
}

/* RFC 8446 4.6.3: the client must take them, and need not say a word. */
static void
flood(SSL *ssl)
{
	while (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
	    SSL_do_handshake(ssl) == 1)
		continue;
}

static void
serve(SSL_CTX *ctx, int fd, bool floods)
{
	SSL *ssl = SSL_new(ctx);
	char line[1000];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		if (floods)
			flood(ssl);
		SSL_write(ssl, "220 mx\r\n", 8);
		while (SSL_read(ssl, line, sizeof line) > 0)
			SSL_write(ssl, "250 ok\r\n", 8);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

void
tls_server_start(struct tls_server *s, const struct tls_server_kind *kind,
    int connections)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL_CTX *ctx;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd != -1 && bind(fd, (struct sockaddr *)&a, len) == 0 &&
	    listen(fd, 1) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	s->port = ntohs(a.sin_port);
	s->pid = fork();
	if (s->pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		alarm(20);
		ctx = make_context(kind);
		while (connections-- > 0)
			serve(ctx, accept(fd, NULL, NULL), kind->floods);
		_exit(0);
	}
	close(fd);
}

void
tls_server_end(struct tls_server *s)
{
	waitpid(s->pid, NULL, 0);
}
