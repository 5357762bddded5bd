/* SPDX-License-Identifier: ISC
 *
 * mailq, sendmail -bp: what waits.
 */
#ifndef CLI_MAILQ_H
#define CLI_MAILQ_H

#include "cli/caller.h"

/* Lists the messages that the caller handed in, and how many there are in all;
 * root sees all.  0; without a spool and without a config nothing waits.
 * Otherwise the code of what kept us from looking. */
int	mailq_main(const struct caller *caller);

#endif
