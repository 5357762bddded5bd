/* SPDX-License-Identifier: ISC
 *
 * Numbers that need not be secret, so that processes do not all do the same at
 * the same time.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

/* 0 to below `limit`, from the kernel; from clock and process ID where it has no
 * entropy yet, for which nobody waits. */
int64_t	random_below(int64_t limit);

#endif
