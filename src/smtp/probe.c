/* SPDX-License-Identifier: ISC
 *
 * What an administrator wants to know of a session: whom it is with, and what
 * the server thinks of an envelope.
 */
#include "smtp/session.h"

#include <stdio.h>

#include "smtp/dialogue.h"
#include "smtp/recipients.h"

bool
session_peer(const struct session *s, struct tls_peer *peer)
{
	return stream_peer(s->stream, peer);
}

void
session_last_reply(const struct session *s, char *to, size_t size)
{
	char words[512];

	reply_words(&s->reply, words, sizeof words);
	snprintf(to, size, "%d %s%s%s", s->reply.code, s->reply.enhanced,
	    s->reply.enhanced[0] != '\0' ? " " : "", words);
}

int
session_probe_sender(struct session *s, const char *mail_from,
    struct status *st)
{
	if (path_check(mail_from, st) == -1 ||
	    dialogue_command(s, DIAGNOSE_MAIL, 2, st, "MAIL FROM:<%s>",
	    mail_from) == -1)
		return -1;
	s->in_transaction = true;
	return 0;
}

int
session_probe_recipient(struct session *s, const char *recipient,
    struct status *st)
{
	if (path_check(recipient, st) == -1)
		return -1;
	return dialogue_command(s, DIAGNOSE_RCPT, 2, st, "RCPT TO:<%s>",
	    recipient);
}

int
session_reset(struct session *s, struct status *st)
{
	if (dialogue_command(s, DIAGNOSE_MAIL, 2, st, "RSET") == -1)
		return -1;
	s->in_transaction = false;
	return 0;
}
