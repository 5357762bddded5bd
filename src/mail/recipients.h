/* SPDX-License-Identifier: ISC
 *
 * Who a message is for.  Collecting (as given), resolving (as sent) and showing
 * are apart, so that a spool may keep the one or the other: resolved recipients
 * are fixed when the message is taken; what is shown, and `deliver-all-to`, are
 * decided at every attempt on the copy that is sent.
 */
#ifndef RECIPIENTS_H
#define RECIPIENTS_H

#include <stddef.h>

#include "base/status.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/local.h"

/* The union of the arguments (each may be a list, or "Name <a@b>") and, if `h`
 * is not NULL (-t), of the fields To, Cc and Bcc; of a message that was resent,
 * only of Resent-To, Resent-Cc and Resent-Bcc of its first block (RFC 5322
 * 3.6.6).  Entries that cannot be read are counted in given->bad and cost the
 * others nothing; the caller tells address_list_bad().  EX_USAGE when nobody is
 * left, or for a control character in an argument; EX_DATAERR past
 * ADDRESS_LIST_MAX. */
int	recipients_collect(struct address_list *given, char *const *arguments,
	    size_t count, const struct header *h, struct status *st);

/* Adds, as UNUSABLE, the entries that could not be read but have an "@": each was
 * meant for somebody, who does not get his mail.  What has none is mostly nobody
 * ("van Gogh, Jo <jo@example.org>", "undisclosed recipients"). */
void	recipients_keep_unusable(struct envelope *e,
	    const struct address_list *given);

/* Adds to the envelope where mail for these goes (local.h), each address once.
 * With `with_original` (DSN was asked for) an address that an alias or
 * `local-mail-to` led to keeps the one given as ORCPT, RFC 3461 4.2.  Fails as
 * local_resolve() does. */
int	recipients_resolve(struct envelope *e, const struct address_list *given,
	    struct local *l, bool with_original, struct status *st);

/* In To, Cc, Resent-To and Resent-Cc a local name becomes the (first) address
 * that its mail goes to; fields without one are left as they are.  For the copy
 * that is sent, after rewrite_header().  What resolving reported, this reports
 * again: give it rules without a reporter. */
void	recipients_show(struct header *h, struct local *l);

/* deliver-all-to: makes `to` (empty) an envelope like `from`, but for this one
 * address, which is config's; the recipients of `from` that are PENDING are told
 * in X-Original-To fields of the copy `h`.  What becomes of to->recipients[0] is
 * what becomes of those. */
int	recipients_redirect(struct envelope *to, const struct envelope *from,
	    const char *address, struct header *h, struct status *st);

#endif
