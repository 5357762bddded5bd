/* SPDX-License-Identifier: ISC
 *
 * The sendmail command: one call for each mode.
 */
#ifndef CLI_SENDMAIL_H
#define CLI_SENDMAIL_H

#include "base/privilege.h"

/* As sendmail, send-mail, mailq or newaliases: keeps the installation's rights,
 * reads the installation's config.  Returns the exit code. */
int	sendmail_main(struct identity *id, const char *name, int argc,
	    char **argv);
/* As `mailbearer sendmail`: without special rights; -C and --account count. */
int	sendmail_as_caller(struct identity *id, int argc, char **argv);

#endif
