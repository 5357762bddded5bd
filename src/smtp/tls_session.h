/* SPDX-License-Identifier: ISC
 *
 * Sessions as bytes, for a later process to resume.  Private to tls.c.
 */
#ifndef SMTP_TLS_SESSION_H
#define SMTP_TLS_SESSION_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "smtp/tls.h"

/* Hands the session to p->new_session(). */
void	tls_session_keep(SSL_SESSION *session, const struct tls_params *p);
/* Offers the server what p->resume is; false if that is no session, or is past
 * its lifetime. */
bool	tls_session_offer(SSL *ssl, const struct tls_params *p);

#endif
