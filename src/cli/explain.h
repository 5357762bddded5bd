/* SPDX-License-Identifier: ISC
 *
 * mailbearer explain [-C FILE] [--account NAME] [TEXT ...]: what a failure means
 * and what to do about it, from the catalogue alone.  Asks no server.
 */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include "base/privilege.h"

/* Reads stdin where there is no TEXT.  Returns 0; 1 for a text in which nothing
 * is known. */
int	explain_command(struct identity *id, int argc, char **argv);

#endif
