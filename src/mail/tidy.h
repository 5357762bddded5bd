/* SPDX-License-Identifier: ISC
 *
 * What every header needs before it goes out, whoever the message is from.
 * Works on the copy that is sent; no I/O.
 */
#ifndef TIDY_H
#define TIDY_H

#include "base/status.h"
#include "mail/header.h"

#define TIDY_RECEIVED_MAX	30	/* from here on it is a loop */

/* Refuses a loop, and a header over HEADER_SENT_MAX when it is encoded (both
 * EX_DATAERR).  Removes what only the sender's side may see
 * (Bcc, Resent-Bcc) and what belongs to a mailbox file (Return-Path,
 * Content-Length, Status); drops empty fields whose syntax knows no empty form;
 * keeps the first of fields that may stand once (RFC 5322 3.6, RFC 2045 for
 * MIME) and joins To and Cc.  Then encodes 8-bit text (RFC 2047; `charset` as
 * in charset_fallback). */
int	tidy_header(struct header *h, const char *charset, struct status *st);

/* For a server or an envelope without SMTPUTF8 (RFC 6531 3.4): what is not ASCII
 * still, addresses in UTF-8, becomes encoded words, too. */
int	tidy_ascii(struct header *h, const char *charset, struct status *st);

/* "NAME <ADDRESS>", or ADDRESS without a name (NULL or ""), to be freed. */
char	*tidy_mailbox(const char *name, const char *address);
/* The body of field `i` without folds and without blanks at its ends, to be
 * freed. */
char	*tidy_unfold(const struct header *h, size_t i);

#endif
