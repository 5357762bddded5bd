/* SPDX-License-Identifier: ISC
 *
 * mailbearer login: a person signs in once for a delegated app.
 */
#ifndef CLI_LOGIN_COMMAND_H
#define CLI_LOGIN_COMMAND_H

#include "base/privilege.h"

/* login [ACCOUNT] [-C FILE] [--json].  Returns the exit code. */
int	login_command(struct identity *id, int argc, char **argv);

#endif
