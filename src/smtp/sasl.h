/* SPDX-License-Identifier: ISC
 *
 * What a client says in the SASL mechanisms that we speak, as pure functions.
 * Nothing here is base64 yet, but for `error_answer`.
 */
#ifndef SMTP_SASL_H
#define SMTP_SASL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/status.h"

/* RFC 4954 4: the longest line of an authentication exchange, CRLF too. */
#define SASL_LINE_MAX 12288

struct sasl_input {
	const char	*user;
	const char	*secret;	/* bearer token or password */
	const char	*host;		/* of the server; OAUTHBEARER tells it */
	int		 port;
};

/* -1 and *st (EX_CONFIG) unless user and secret are there and free of control
 * bytes, which would end a field of the message, or the command. */
int	sasl_check(const struct sasl_input *in, struct status *st);

/* Each adds the client's first message to `out`, which must have room for all
 * of it (a secret is never copied about). */
/* Google's and Microsoft's XOAUTH2: user=X^Aauth=Bearer T^A^A */
void	sasl_xoauth2(struct buf *out, const struct sasl_input *in);
/* RFC 7628 3.1 */
void	sasl_oauthbearer(struct buf *out, const struct sasl_input *in);
/* RFC 4616 2 */
void	sasl_plain(struct buf *out, const struct sasl_input *in);

/* Whether these words of a server (an error challenge, RFC 7628 3.2.2) are
 * base64 of text; adds the text to `out`, which the reader makes printable. */
bool	sasl_decode_challenge(struct buf *out, const char *challenge);

#endif
