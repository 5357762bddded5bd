/* SPDX-License-Identifier: ISC
 *
 * Two clocks: deadlines run on one that never jumps, dates on the one that
 * people read.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_NEVER INT64_MAX	/* a deadline that does not come */

/* Milliseconds since boot (CLOCK_BOOTTIME where there is one): the same for
 * all processes of the host, never set back, running during sleep. */
int64_t	clock_ms(void);
/* clock_ms() + ms; CLOCK_NEVER stays so. */
int64_t	clock_deadline(int64_t ms);
/* Milliseconds until `deadline`, 0 if it has passed; at most INT_MAX, which
 * CLOCK_NEVER gives too, as poll(2) takes it. */
int	clock_left(int64_t deadline);
/* Names this boot, to tell a clock_ms() of before the last one: 36 characters of
 * [0-9a-f-], or "-" where the kernel does not say. */
#define CLOCK_BOOT_SIZE 40
void	clock_boot(char boot[CLOCK_BOOT_SIZE]);
/* Seconds since 1970: may be wrong, may jump. */
int64_t	clock_wall(void);
/* An RFC 5322 3.3 date-time in local time, such as
 * "Sat, 21 Nov 2026 10:00:00 +0000", whatever the locale. */
void	clock_rfc5322(int64_t wall, char date[40]);
/* How far `to` is from `from`, as people say it, rounded down: "in 3 hours",
 * "119 seconds ago". */
#define CLOCK_SPAN_SIZE 40
void	clock_span(char text[CLOCK_SPAN_SIZE], int64_t from, int64_t to);
/* The time of day in local time, such as "10:05". */
#define CLOCK_HOUR_SIZE 6
void	clock_hour(int64_t wall, char text[CLOCK_HOUR_SIZE]);

#endif
