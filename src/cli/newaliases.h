/* SPDX-License-Identifier: ISC
 *
 * newaliases, sendmail -bi: there is no database to build, so the file itself is
 * checked.
 */
#ifndef CLI_NEWALIASES_H
#define CLI_NEWALIASES_H

#include "cli/caller.h"

/* Reports each problem with its line on stderr and, like sendmail, one summary
 * line on stdout.  0 for a sound file, for one that is not there, and without a
 * config (package scripts run this when nothing is configured yet); EX_DATAERR
 * for a faulty one. */
int	newaliases_main(const struct caller *caller);

#endif
