/* SPDX-License-Identifier: ISC
 *
 * mailbearer queue: what waits and what failed, and what is to become of it.
 */
#ifndef CLI_QUEUE_COMMAND_H
#define CLI_QUEUE_COMMAND_H

#include "base/privilege.h"

/* A command of admin.c that drops its rights itself.  For root and the user
 * whose spool it is; EX_NOPERM for others.  Ids may be abbreviated. */
int	queue_command(struct identity *id, int argc, char **argv);

#endif
