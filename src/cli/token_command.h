/* SPDX-License-Identifier: ISC
 *
 * mailbearer token: what is known of an account's access token.
 */
#ifndef CLI_TOKEN_COMMAND_H
#define CLI_TOKEN_COMMAND_H

#include "base/privilege.h"
#include "cli/report.h"

/* token [ACCOUNT] [--renew] [--forget] [--print-access-token] [-C FILE]
 * [--json].  Returns the exit code. */
int	token_command(struct identity *id, int argc, char **argv);


#endif
