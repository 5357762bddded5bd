/* SPDX-License-Identifier: ISC
 *
 * sendmail -bs: an SMTP server on stdin and stdout for local programs, RFC 5321
 * with SIZE, PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES and DSN.  Each
 * message takes the same path as one from a pipe, and what comes of it is the
 * reply to its data.
 */
#ifndef CLI_SMTPD_H
#define CLI_SMTPD_H

#include "cli/caller.h"

/* Serves until QUIT or the end of stdin, however long that takes: a worker may
 * keep the session for hours.  Nothing goes to stderr, which some callers join
 * to stdout.  Returns 0, or the exit code of the first transaction that failed,
 * for callers that never read replies. */
int	smtpd_main(const struct caller *caller);
/* In the place of a session that cannot begin: says why, and takes in what is
 * written until nothing more comes. */
void	smtpd_decline(const struct status *st);

#endif
