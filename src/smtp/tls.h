/* SPDX-License-Identifier: ISC
 *
 * TLS as a client, over a wire that does not block.  The files beside this one
 * that begin with tls are all of the sender that knows OpenSSL.
 *
 * The server must prove its name: a chain to a trust anchor, and the host (or
 * address) in subjectAltName; the common name does not count, a wildcard stands
 * for one whole label (RFC 9525 6.3).  Nobody is asked about revocation: that
 * would put a second server into every delivery, and the service's certificates
 * are replaced often enough.  Lists that the administrator put beside his trust
 * anchors are heeded (RFC 5280 6.3), those of other authorities not missed.
 * Nothing is taken from the environment or from openssl.cnf.
 */
#ifndef SMTP_TLS_H
#define SMTP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "smtp/wire.h"

struct tls;

struct tls_params {
	const char	*host;		/* name or address to be proved */
	int		 minimum;	/* 10 to 13: TLS 1.0 to 1.3 */
	/* Trust anchors; both NULL: the system's hashed directory, its bundle
	 * where there is no such directory. */
	const char	*ca_file, *ca_directory;
	/* For a server that asks for ours; the key may be in the same file. */
	const char	*certificate, *private_key;
	/* Resumption: what `new_session` was given by an earlier connection to
	 * the same host with the same trust settings (the server's certificate is
	 * not looked at again).  Bytes that are no session, and sessions past
	 * their lifetime, are ignored. */
	const void	*resume;
	size_t		 resume_len;
	/* Gets each ticket of a session whose certificate was verified; they
	 * arrive while replies are read.  Secret. */
	void	(*new_session)(void *context, const void *bytes, size_t len);
	void	*context;
};

/* Where the anchors of a system are looked for; NULL past the last. */
const char *tls_system_anchors(size_t i);

#define TLS_RECORD_MAX	(16 * 1024)	/* octets of text, RFC 8446 5.1 */

/* What tls_handshake, tls_read and tls_write return when the wire is not ready. */
#define TLS_WANT_READ	(-2)
#define TLS_WANT_WRITE	(-3)

/* Loads our certificate and, unless there is a session to resume, trust anchors:
 * those are then loaded when the server sends a certificate after all.  NULL and
 * *st (EX_CONFIG) when the administrator's files are no good.  The wire stays the
 * caller's. */
struct tls *tls_new(const struct tls_params *p, struct wire *w,
	    struct status *st);
/* 0 when the server is proved to be `host`; TLS_WANT_*; -1 and *st, of which
 * the text says in words what is wrong. */
int	tls_handshake(struct tls *t, struct status *st);
/* Bytes moved; 0 when the server closed (read only); TLS_WANT_*; -1 when the
 * connection broke: tls_reason() says why. */
ssize_t	tls_read(struct tls *t, void *to, size_t size);
ssize_t	tls_write(struct tls *t, const void *bytes, size_t len);
const char *tls_reason(const struct tls *t);
/* What to do where it broke because the server wants another certificate of us;
 * else NULL. */
const char *tls_advice(const struct tls *t);
bool	tls_resumed(const struct tls *t);
/* Whether the handshake failed although no certificate was refused, and a session
 * had been offered: that may be the reason. */
bool	tls_resume_failed(const struct tls *t);
/* Whom we speak to, once the handshake is done; printable. */
struct tls_peer {
	char	version[16], cipher[64];
	char	name[256];	/* of subjectAltName, which proved the host */
	char	issuer[128];	/* its organisation, or its common name */
	int64_t	not_after;	/* wall clock, 0 if it cannot be read */
};
void	tls_peer(const struct tls *t, struct tls_peer *peer);
/* Says goodbye without waiting for an answer, and frees.  NULL is fine. */
void	tls_free(struct tls *t);

#endif
