/* SPDX-License-Identifier: ISC */
#include "base/random.h"

#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"

#define MIX	2654435761u	/* 2^32 by the golden section: Knuth, 6.4 */

int64_t
random_below(int64_t limit)
{
	uint64_t random;

	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = (uint64_t)clock_ms() * MIX + (uint64_t)getpid();
	return (int64_t)(random % (uint64_t)limit);
}
