/* SPDX-License-Identifier: ISC
 *
 * What OpenSSL's queue of errors says, in words for the administrator.  Private to
 * tls.c.
 */
#ifndef SMTP_TLS_ERROR_H
#define SMTP_TLS_ERROR_H

#include <stdbool.h>
#include <stdint.h>

struct tls_error {
	char	words[128];	/* why; one printable line */
	const char *hint;	/* what to do about it; NULL: nothing is known */
	bool	own;		/* it is about our certificate */
};

/* What OPENSSL_init_ssl(3) gets, so that texts are loaded when there is an error
 * to be told, not by everyone who starts: that is a fifteenth of all the work of
 * a small message. */
uint64_t tls_error_options(void);
/* The oldest error of the thread's queue, which stays as it is; where there is no
 * text for that, the newest. */
void	tls_error_read(struct tls_error *e);
/* Whether it came from TLS itself, not from what TLS was given to work with. */
bool	tls_error_is_of_tls(void);

#endif
