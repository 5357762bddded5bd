/* SPDX-License-Identifier: ISC
 *
 * mailbearer route: what would become of mail from an address.
 */
#ifndef CLI_ROUTE_COMMAND_H
#define CLI_ROUTE_COMMAND_H

#include "base/privilege.h"

/* route ADDRESS [--user NAME] [-C FILE] [--json].  Returns the exit code:
 * EX_CONFIG if nothing serves the address, EX_NOPERM if the user may not. */
int	route_command(struct identity *id, int argc, char **argv);

#endif
