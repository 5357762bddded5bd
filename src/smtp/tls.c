/* SPDX-License-Identifier: ISC */
#include "smtp/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "base/xalloc.h"
#include "smtp/tls_bio.h"
#include "smtp/tls_error.h"
#include "smtp/tls_session.h"
#include "smtp/tls_trust.h"

struct tls {
	struct tls_params p;
	struct wire	*wire;
	char		*host;		/* OpenSSL's macros want no const */
	SSL_CTX		*ctx;
	SSL		*ssl;
	struct tls_trust trust;
	bool		 offered;	/* a session to resume */
	bool		 failed;	/* the handshake, by what the server did */
	struct tls_error error;		/* why reading or writing failed */
};

/* A resumed session's ticket is no news: the next process would never see a
 * certificate. */
static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls *t = SSL_get_app_data(ssl);

	if (!SSL_session_reused(ssl) && SSL_get_verify_result(ssl) == X509_V_OK)
		tls_session_keep(session, &t->p);
	return 0;
}

/* A key file with a passphrase must not make OpenSSL ask on a terminal. */
static int
no_passphrase(char *to, int size, int writing, void *context)
{
	(void)to, (void)size, (void)writing, (void)context;
	return 0;
}

/* Why OpenSSL failed at what; -1. */
static int
explain(struct status *st, int sysexit, const char *with, const char *whom)
{
	struct tls_error e;

	tls_error_read(&e);
	status_set(st, sysexit, "%s %s: %s", with, whom, e.words);
	return e.hint == NULL ? -1 : status_hint(st, "%s", e.hint);
}

static int
explain_file(struct status *st, const char *key, const char *file)
{
	explain(st, EX_CONFIG, key, file);
	if (st->hint[0] != '\0' || tls_error_is_of_tls())
		return -1;
	return status_hint(st, "it must be a file that can be read, in PEM, "
	    "without a passphrase");
}

static int
load_own_certificate(SSL_CTX *ctx, const struct tls_params *p,
    struct status *st)
{
	const char *key = p->private_key != NULL ? p->private_key :
	    p->certificate;

	if (p->certificate == NULL)
		return 0;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, p->certificate) != 1)
		return explain_file(st, "tls-certificate", p->certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return explain_file(st, "tls-private-key", key);
	return 0;
}

/* 1.2 is what RFC 8996 leaves; older ones are for a relay on the own network
 * that cannot be mended, and exist at security level 0 only. */
static bool
set_minimum(SSL_CTX *ctx, int minimum)
{
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION,
	    TLS1_2_VERSION, TLS1_3_VERSION };

	if (minimum < 10 || minimum > 13)
		return false;
	SSL_CTX_set_security_level(ctx, minimum < 12 ? 0 : 2);
	return SSL_CTX_set_min_proto_version(ctx, versions[minimum - 10]) == 1;
}

static void
set_context_modes(SSL_CTX *ctx, const struct tls_params *p)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_RENEGOTIATION);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
	/* Many servers just hang up after 221; SMTP's lines show a cut. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* One recv(2) for a record, not one for its head and one for the rest. */
	SSL_CTX_set_read_ahead(ctx, 1);
	if (p->new_session == NULL)
		return;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
}

/* Whom the certificate must name (RFC 9525): subjectAltName or nothing. */
static bool
set_peer(SSL *ssl, char *host)
{
	X509_VERIFY_PARAM *v = SSL_get0_param(ssl);

	X509_VERIFY_PARAM_set_hostflags(v, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (text_is_ip(host))
		return X509_VERIFY_PARAM_set1_ip_asc(v, host) == 1;
	return X509_VERIFY_PARAM_set1_host(v, host, 0) == 1 &&
	    SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool
make_connection(struct tls *t, struct wire *w)
{
	BIO *b;

	t->ssl = SSL_new(t->ctx);
	b = tls_bio_new(w);
	if (t->ssl == NULL || b == NULL) {
		BIO_free(b);
		return false;
	}
	SSL_set_bio(t->ssl, b, b);
	SSL_set_app_data(t->ssl, t);
	SSL_set_connect_state(t->ssl);
	return set_peer(t->ssl, t->host);
}

struct tls *
tls_new(const struct tls_params *p, struct wire *w, struct status *st)
{
	struct tls *t = xcalloc(1, sizeof *t);

	t->p = *p;
	t->wire = w;
	t->host = xstrdup(p->host);
	/* Before anything else of OpenSSL: its config file can load code, and
	 * taking itself apart at exit is work that the kernel does anyway.  TLS
	 * fetches its ciphers; a table of them all, by name, is for files under
	 * a passphrase, and is a tenth of all the work of a small message. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT |
	    OPENSSL_INIT_NO_ADD_ALL_CIPHERS | tls_error_options(), NULL);
	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx == NULL || !set_minimum(t->ctx, p->minimum)) {
		explain(st, EX_SOFTWARE, "TLS with", p->host);
		goto fail;
	}
	set_context_modes(t->ctx, p);
	tls_trust_init(&t->trust, t->ctx, &t->p);
	if (load_own_certificate(t->ctx, p, st) == -1)
		goto fail;
	if (!make_connection(t, w)) {
		explain(st, EX_SOFTWARE, "TLS with", p->host);
		goto fail;
	}
	/* Now, while the wire is idle, unless they will hardly be needed: to
	 * parse a bundle takes longer than all the rest. */
	t->offered = tls_session_offer(t->ssl, p);
	if (t->offered || tls_trust_load(&t->trust, st) == 0)
		return t;
fail:
	tls_free(t);
	return NULL;
}

/* Why the connection is broken: OpenSSL's word, or that of errno.  Of our
 * certificate a server of TLS 1.3 speaks when the handshake is over for us, and
 * breaks off; what fails after that says less. */
static int
keep_reason(struct tls *t, int error)
{
	if (t->error.own)
		return -1;
	if (error == 0) {
		tls_error_read(&t->error);
		return -1;
	}
	memset(&t->error, 0, sizeof t->error);
	status_printable(t->error.words, sizeof t->error.words,
	    strerror(error));
	return -1;
}

/* What SSL_get_error(3) says of a call that moved nothing. */
static int
judge(struct tls *t, int n)
{
	int saved = errno;

	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		if (ERR_peek_error() == 0 && saved == 0)
			return 0;
		return keep_reason(t, saved);
	default:
		return keep_reason(t, 0);
	}
}

static int
handshake_failed(struct tls *t, struct status *st)
{
	if (tls_trust_refused(&t->trust))
		return tls_trust_explain(&t->trust, st);
	if (ERR_peek_error() == 0)
		return status_set(st, EX_TEMPFAIL, "TLS with %s: %s", t->p.host,
		    t->error.words);
	return explain(st, EX_PROTOCOL, "TLS with", t->p.host);
}

int
tls_handshake(struct tls *t, struct status *st)
{
	int n, error;

	ERR_clear_error();
	errno = 0;
	n = SSL_do_handshake(t->ssl);
	if (n == 1)
		return 0;
	error = judge(t, n);
	if (error == TLS_WANT_READ || error == TLS_WANT_WRITE)
		return error;
	t->failed = !tls_trust_refused(&t->trust);
	if (error == 0)
		return status_set(st, EX_TEMPFAIL, "%s closed the connection "
		    "during the TLS handshake", t->p.host);
	return handshake_failed(t, st);
}

ssize_t
tls_read(struct tls *t, void *to, size_t size)
{
	size_t got = 0;
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_read_ex(t->ssl, to, size, &got);
	if (n != 1)
		return judge(t, n);
	t->wire->housekeeping = 0;
	return (ssize_t)got;
}

ssize_t
tls_write(struct tls *t, const void *bytes, size_t len)
{
	size_t put = 0;
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_write_ex(t->ssl, bytes, len, &put);
	if (n == 1)
		return (ssize_t)put;
	n = judge(t, n);
	return n == 0 ? keep_reason(t, EPIPE) : n;
}

const char *
tls_reason(const struct tls *t)
{
	return t->error.words;
}

const char *
tls_advice(const struct tls *t)
{
	return t->error.own ? t->error.hint : NULL;
}

bool
tls_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) == 1;
}

bool
tls_resume_failed(const struct tls *t)
{
	return t->offered && t->failed;
}

void
tls_peer(const struct tls *t, struct tls_peer *peer)
{
	tls_peer_read(t->ssl, t->host, peer);
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	/* One call sends our close_notify; the server's is not awaited. */
	if (t->ssl != NULL && SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	tls_trust_release(&t->trust);
	free(t->host);
	free(t);
}
