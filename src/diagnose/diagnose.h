/* SPDX-License-Identifier: ISC
 *
 * The catalogue: what a reply of the submission server or an error of the token
 * endpoint means, how far it reaches, whether it passes by itself, the exit code
 * it gets and what the administrator does about it.  One table (catalogue.h),
 * most specific row first; `mailbearer explain`, the hints, the spool's
 * decisions and the manual read the same rows.
 *
 * Pure: no I/O, no config, nothing but the words of the server.
 */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Where in a submission something was said.  Rows name the stages they hold
 * for; DIAGNOSE_ANY is for a reader who does not know (a log line). */
enum diagnose_stage {
	DIAGNOSE_ANY,
	DIAGNOSE_TOKEN,		/* the token endpoint */
	DIAGNOSE_CONNECT,	/* TCP and the greeting */
	DIAGNOSE_EHLO,
	DIAGNOSE_STARTTLS,
	DIAGNOSE_AUTH,
	DIAGNOSE_MAIL,
	DIAGNOSE_RCPT,
	DIAGNOSE_DATA,		/* the reply to DATA itself */
	DIAGNOSE_END_OF_DATA,
	DIAGNOSE_STAGES
};

/* One row.  `stages` is a bit mask (1 << stage), 0 for any.  Zero and NULL match
 * anything.  `reply` is an SMTP or HTTP code, where 300, 400 and 500 stand for
 * all that begin with that digit; `enhanced` may end in "*"; `words` is found
 * anywhere in the server's text, letter case aside. */
struct diagnosis {
	unsigned		 stages;
	int			 reply;
	const char		*enhanced;
	const char		*words;
	long			 aadsts;	/* AADSTS number, 0 if none */
	const char		*oauth_error;	/* RFC 6749 5.2 `error` */
	enum status_class	 class;
	enum status_scope	 scope;
	int			 sysexit;	/* with spool off */
	bool			 loud;		/* tell the administrator at once */
	const char		*cause;		/* what it means, one sentence */
	const char		*fix;		/* what to do next, one or two lines;
						 * {mailbox} {client-id} {from} stand
						 * for the account's values */
};

/* The row for a reply; never NULL (the last rows take everything). */
const struct diagnosis *diagnose_reply(enum diagnose_stage stage, int reply,
	    const char *enhanced, const char *words);
/* The row for an answer of the token endpoint: HTTP status, `error` ("" if the
 * body was no JSON) and AADSTS number (0 if none).  Class and exit code come
 * from status and `error`; the number only sharpens cause and fix. */
const struct diagnosis *diagnose_token(int http, const char *oauth_error,
	    long aadsts, const char *words);

/* Sets *st from a row: what failed (`doing`, such as "MAIL FROM refused"), what
 * the server said, class, scope, sysexit and the filled-in hint.  Values not
 * known are NULL and stand in the hint as <mailbox> and so on.  Returns -1. */
struct diagnose_values {
	const char	*mailbox, *client_id, *from;
};
int	diagnose_status(struct status *st, const struct diagnosis *d,
	    const struct diagnose_values *values, int reply,
	    const char *enhanced, const char *words, const char *doing, ...)
	    __attribute__((format(printf, 7, 8)));

/* A row's fix with the values filled in. */
void	diagnose_fix(const struct diagnosis *d,
	    const struct diagnose_values *values, char *to, size_t size);

/* What to do about a failure: its own hint, else general advice for its kind;
 * never empty.  Static, or st->hint. */
const char *diagnose_advice(const struct status *st);

/* All rows in order, replies first, then those of the token endpoint: for
 * explain and the tests.  NULL past the last. */
const struct diagnosis *diagnose_row(size_t i);

#endif
