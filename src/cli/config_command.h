/* SPDX-License-Identifier: ISC
 *
 * mailbearer config: the values that count, and where each comes from, in the
 * form of a config.
 */
#ifndef CLI_CONFIG_COMMAND_H
#define CLI_CONFIG_COMMAND_H

#include "base/privilege.h"

/* config [-C FILE] [--json].  Returns the exit code. */
int	config_command(struct identity *id, int argc, char **argv);

#endif
