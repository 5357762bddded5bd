/* SPDX-License-Identifier: ISC
 *
 * mailbearer import: moving in from another program.
 */
#ifndef CLI_IMPORT_COMMAND_H
#define CLI_IMPORT_COMMAND_H

#include "base/privilege.h"

/* import [--format NAME] FILE.  Prints a config.  Returns the exit code. */
int	import_command(struct identity *id, int argc, char **argv);

#endif
