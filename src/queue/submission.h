/* SPDX-License-Identifier: ISC
 *
 * One message on its way: what the caller handed us, and nothing derived from
 * it.  This is what the spool keeps; account, permission and rewriting are
 * decided afresh at every attempt (design 4.11).
 */
#ifndef QUEUE_SUBMISSION_H
#define QUEUE_SUBMISSION_H

#include <stdint.h>
#include <sys/types.h>

#include "mail/envelope.h"
#include "mail/message.h"

struct submission {
	struct message	 message;
	struct envelope	 envelope;
	uid_t		 uid;		/* real uid of the caller */
	int64_t		 received;	/* wall clock */
	char		*account;	/* --account NAME, or NULL: chosen by sender */
	/* Used if the message has none; fixed now, the same in each retry. */
	char		 date[40];
	char		 message_id[64];	/* left part */
	char		*charset;	/* of unlabelled 8-bit text that is not UTF-8 */
	char		*tag;		/* -L, or NULL */
};

#define SUBMISSION_INIT { .message = MESSAGE_INIT, .envelope = ENVELOPE_INIT }

void	submission_release(struct submission *s);

#endif
