/* SPDX-License-Identifier: ISC
 *
 * mailbearer check: everything that a send needs, one step at a time, with what
 * was seen, and under a failure its cause and the next step.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "base/privilege.h"

/* Returns the exit code: 0, that of the first failed step, or with --nagios what
 * monitoring wants. */
int	check_command(struct identity *id, int argc, char **argv);

#endif
