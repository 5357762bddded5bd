/* SPDX-License-Identifier: ISC
 *
 * `mailbearer COMMAND`: the administrator's commands, a row each in a table.
 */
#ifndef CLI_ADMIN_H
#define CLI_ADMIN_H

#include "base/privilege.h"

/* argv[0] is "mailbearer".  Returns the exit code. */
int	admin_main(struct identity *id, int argc, char **argv);

#endif
