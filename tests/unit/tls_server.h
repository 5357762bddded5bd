/* SPDX-License-Identifier: ISC
 *
 * A TLS server with a certificate of any kind, made on the spot, that greets
 * and answers every command with 250: a process of its own on 127.0.0.1.
 */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct tls_server_kind {
	/* "DNS:a, IP:1.2.3.4" as in openssl.cnf(5); NULL for none; a name that
	 * starts with '\1' is taken as bytes up to '\2', NULs and all */
	const char	*names;
	long		 from, until;	/* validity, in days from today */
	bool		 self_signed, other_authority;
	int		 max_version;	/* TLS1_..._VERSION, 0: any */
	bool		 wants_certificate;
	bool		 cannot_resume;	/* and says so with an alert */
	bool		 floods;	/* key updates instead of a greeting */
};

struct tls_server {
	pid_t	pid;
	int	port;
};

/* Files in the working directory: our authority, a certificate with key that it
 * gave to a client, and one that it did not, keys of the same and of another kind
 * that belong to neither.  Written by tls_server_files(). */
#define AUTHORITY_FILE	"check_tls_ca.pem"
#define CLIENT_FILE	"check_tls_client.pem"
#define STRANGER_FILE	"check_tls_stranger.pem"
#define OTHER_KEY_FILE	"check_tls_other.pem"
#define STRANGE_KEY_FILE "check_tls_strange.pem"

void	tls_server_files(void);
/* Serves that many connections. */
void	tls_server_start(struct tls_server *s,
	    const struct tls_server_kind *kind, int connections);
void	tls_server_end(struct tls_server *s);

#endif
