/* SPDX-License-Identifier: ISC
 *
 * Making a message acceptable to the mailbox that sends it: the From rules of
 * design section 6 and the fields that a submission must have, on the copy that
 * is sent.  No I/O: whatever it needs to know comes in as values.
 */
#ifndef REWRITE_H
#define REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "mail/envelope.h"
#include "mail/header.h"

struct rewrite_rules {
	const char	*mailbox;	/* the account's address */
	const char	*host;		/* short name, for "NAME on HOST" */
	const char	*user;		/* calling user's login name */
	const char	*gecos;		/* his full name, "" if none */
	const char	*domain;	/* completes bare addresses */
	const char	*charset;	/* of 8-bit header text that is no UTF-8, or
					 * NULL (charset_fallback) */
	/* Fixed when the message was handed over; the same in each retry. */
	const char	*date;		/* RFC 5322 date, used if there is none */
	const char	*message_id;	/* left part of a new Message-ID, without <,
					 * @ and domain (the sender's is added) */
	/* The mailbox or one it may use (config/account.h). */
	bool	(*may_send_as)(const void *context, const char *address);
	bool	(*is_host_name)(const void *context, const char *domain);
	const void	*context;
};

struct rewrite_result {
	char	*mail_from;		/* reverse-path to send */
	char	*from;			/* header From before, addr-spec or NULL */
	bool	 from_rewritten;
	bool	 dkim_dropped;		/* worth a log line */
};

/* Changes *h in place by design section 6 (From, Sender, Reply-To,
 * X-Original-From, Resent-From, DKIM-Signature, Auto-Submitted) and removes
 * Bcc, Resent-Bcc, Return-Path, Content-Length and Status in every spelling;
 * adds Date, Message-ID, From and, when no To or Cc is left, "To:
 * undisclosed-recipients:;"; of fields that may stand once (RFC 5322 3.6) the
 * first is kept, To and Cc are joined; 8-bit text is encoded (RFC 2047).
 * Where the design is silent: of several authors all stay if all may be used
 * (with a Sender, which Exchange demands), else the first usable one stays alone
 * and all of them move to Reply-To or X-Original-From; Sender stays only beside
 * a From that stays and if it may be used itself; a rewritten Resent-From is
 * kept as X-Original-Resent-From.
 * Thirty or more Received fields: EX_DATAERR, a loop.  The result's strings are
 * the caller's to free. */
int	rewrite_header(struct header *h, const struct envelope *e,
	    const struct rewrite_rules *rules, struct rewrite_result *result,
	    struct status *st);
void	rewrite_result_release(struct rewrite_result *r);

/* The address that a message is judged by: the first of Resent-From, else of
 * From, as written (perhaps without a domain); NULL if there is none that can be
 * read.  To be freed. */
char	*rewrite_sender_address(const struct header *h);

#endif
