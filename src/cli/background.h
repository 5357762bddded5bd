/* SPDX-License-Identifier: ISC
 *
 * Work that nobody waits for, after the caller has got his answer.
 */
#ifndef CLI_BACKGROUND_H
#define CLI_BACKGROUND_H

#include <stdbool.h>

/* True in a new process that has nothing of the caller's: no descriptor (a
 * caller that reads to the end of our output would wait for it), no session, no
 * directory; it ends by _exit().  False in the process that called, at once,
 * also when there can be no new one. */
bool	background_begin(void);

#endif
