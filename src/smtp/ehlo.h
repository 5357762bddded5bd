/* SPDX-License-Identifier: ISC
 *
 * What a server's reply to EHLO offers (RFC 5321 4.1.1.1).  No I/O.
 */
#ifndef SMTP_EHLO_H
#define SMTP_EHLO_H

#include "smtp/session.h"

/* Fills *x from nothing.  `text` is the reply's text, lines separated by '\n';
 * the first one is the greeting and offers nothing.  Keywords are compared
 * without case; unknown ones are ignored. */
void	ehlo_parse(struct session_extensions *x, const char *text);

#endif
