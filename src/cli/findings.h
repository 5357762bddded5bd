/* SPDX-License-Identifier: ISC
 *
 * What a text that somebody pastes has in it that can be explained: replies of
 * a mail server, errors of the token endpoint, exit codes.  Takes a log line of
 * ours or of another mailer, a reply of several lines, the JSON of the token
 * endpoint, or a bare code.  Pure.
 */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include <stddef.h>

#include "diagnose/diagnose.h"

#define FINDINGS_MAX 20		/* of one text; more are left out */

enum finding_kind { FOUND_REPLY, FOUND_TOKEN, FOUND_EXIT };

/* What became of the message: the event of a line of our log (eventlog.h). */
enum finding_event {
	EVENT_UNKNOWN,		/* no line of ours, or none about a message */
	EVENT_KEPT,		/* waits in the spool */
	EVENT_FAILED,		/* lies in failed/ */
	EVENT_EXPIRED,		/* lay there for keep-failed, is gone */
	EVENT_REFUSED		/* neither sent nor kept */
};

struct finding {
	enum finding_kind kind;
	enum finding_event event;
	enum diagnose_stage stage;	/* DIAGNOSE_ANY if not said */
	int	 reply;			/* SMTP or HTTP code, 0 if not said */
	char	 enhanced[12];		/* "" if not said */
	char	 words[512];		/* the server's, printable; "" for a code */
	long	 aadsts;		/* 0: none */
	char	 oauth_error[64];	/* "": none */
	int	 sysexit;		/* FOUND_EXIT */
	char	 hint[512];		/* FOUND_EXIT: ours, from the log */
	char	 account[65], mailbox[256], from[256];	/* "" if not said */
};

/* Fills the list; returns how many, 0 for a text with nothing in it.  The same
 * thing said twice is found once. */
size_t	findings_read(struct finding list[FINDINGS_MAX], const char *text,
	    size_t len);

#endif
