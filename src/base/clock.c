/* SPDX-License-Identifier: ISC */
#include "base/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef CLOCK_BOOTTIME
#define CLOCK_BOOTTIME CLOCK_MONOTONIC
#endif

int64_t
clock_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_BOOTTIME, &ts) == -1)
		clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_deadline(int64_t ms)
{
	int64_t now;

	if (ms == CLOCK_NEVER)
		return CLOCK_NEVER;
	now = clock_ms();
	return ms > CLOCK_NEVER - 1 - now ? CLOCK_NEVER - 1 : now + ms;
}

int
clock_left(int64_t deadline)
{
	int64_t left;

	if (deadline == CLOCK_NEVER)
		return INT_MAX;
	left = deadline - clock_ms();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* Asked once: no process lives to see another boot. */
void
clock_boot(char boot[CLOCK_BOOT_SIZE])
{
	static char known[CLOCK_BOOT_SIZE];
	ssize_t n = -1;
	int fd;

	if (known[0] == '\0') {
		fd = open("/proc/sys/kernel/random/boot_id",
		    O_RDONLY | O_CLOEXEC);
		if (fd != -1) {
			n = read(fd, known, 36);
			close(fd);
		}
		if (n != 36 || strspn(known, "0123456789abcdef-") != 36)
			memcpy(known, "-", 2);
	}
	memcpy(boot, known, sizeof known);
}

int64_t
clock_wall(void)
{
	return (int64_t)time(NULL);
}

void
clock_rfc5322(int64_t wall, char date[40])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)wall;
	struct tm tm = { 0 };
	long offset;
	char sign;

	if (localtime_r(&t, &tm) == NULL)
		gmtime_r(&t, &tm);
	offset = tm.tm_gmtoff / 60;
	sign = offset < 0 ? '-' : '+';
	if (offset < 0)
		offset = -offset;
	/* The modulo says to the compiler what the C library promises. */
	snprintf(date, 40, "%.3s, %d %.3s %04d %02d:%02d:%02d %c%02ld%02ld",
	    days + 3 * (tm.tm_wday % 7), tm.tm_mday, months + 3 * (tm.tm_mon % 12),
	    (tm.tm_year + 1900) % 10000, tm.tm_hour % 24, tm.tm_min % 60,
	    tm.tm_sec % 61, sign, offset / 60 % 100, offset % 60);
}

void
clock_hour(int64_t wall, char text[CLOCK_HOUR_SIZE])
{
	time_t t = (time_t)wall;
	struct tm tm = { 0 };

	if (localtime_r(&t, &tm) == NULL)
		gmtime_r(&t, &tm);
	snprintf(text, CLOCK_HOUR_SIZE, "%02d:%02d", tm.tm_hour % 24,
	    tm.tm_min % 60);
}

void
clock_span(char text[CLOCK_SPAN_SIZE], int64_t from, int64_t to)
{
	static const struct { int64_t seconds; const char *name; } units[] = {
		{ 86400, "day" }, { 3600, "hour" }, { 60, "minute" },
		{ 1, "second" },
	};
	int64_t span = to > from ? to - from : from - to;
	size_t i = 0;

	while (span < 2 * units[i].seconds && units[i].seconds > 1)
		i++;
	span /= units[i].seconds;
	snprintf(text, CLOCK_SPAN_SIZE, "%s%" PRId64 " %s%s%s",
	    to > from ? "in " : "", span, units[i].name, span == 1 ? "" : "s",
	    to > from ? "" : " ago");
}
