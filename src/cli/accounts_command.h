/* SPDX-License-Identifier: ISC
 *
 * mailbearer accounts: every account on a line, and how it is.
 */
#ifndef CLI_ACCOUNTS_COMMAND_H
#define CLI_ACCOUNTS_COMMAND_H

#include "base/privilege.h"

/* accounts [-C FILE] [--json].  Returns the exit code, 0 whatever the health:
 * that is `mailbearer check`'s to judge. */
int	accounts_command(struct identity *id, int argc, char **argv);

#endif
