/* SPDX-License-Identifier: ISC */
#include "queue/spool_id.h"

#include <string.h>

#define TIME_DIGITS	9	/* until the year 5188 */
#define RANDOM_DIGITS	4
#define SIZE_DIGITS	8	/* 2.8 TB */
#define UID_DIGITS	7

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static int64_t
power(int count)
{
	int64_t value = 1;

	while (count-- > 0)
		value *= 36;
	return value;
}

/* Writes exactly `count` digits. */
static char *
put(char *to, int64_t value, int count)
{
	int i;

	value = value < 0 ? 0 : value % power(count);
	for (i = count - 1; i >= 0; i--, value /= 36)
		to[i] = digits[value % 36];
	return to + count;
}

/* Writes as few digits as will do. */
static char *
put_short(char *to, int64_t value, int most)
{
	int count = 1;

	while (count < most && value >= power(count))
		count++;
	return put(to, value, count);
}

void
spool_id_format(const struct spool_id *id, char text[SPOOL_ID_SIZE])
{
	char *p = text;

	p = put(p, id->time_ms, TIME_DIGITS);
	p = put(p, id->random, RANDOM_DIGITS);
	*p++ = 'S';
	p = put_short(p, id->size, SIZE_DIGITS);
	*p++ = 'U';
	p = put_short(p, id->uid, UID_DIGITS);
	*p = '\0';
}

/* Reads at most `most` digits; NULL if there is none. */
static const char *
get(const char *from, int64_t *value, int most)
{
	const char *digit;
	int count;

	*value = 0;
	for (count = 0; count < most && *from != '\0'; count++, from++) {
		if ((digit = strchr(digits, *from)) == NULL)
			break;
		*value = *value * 36 + (digit - digits);
	}
	return count == 0 ? NULL : from;
}

bool
spool_id_parse(struct spool_id *id, const char *text)
{
	char again[SPOOL_ID_SIZE];
	const char *p;
	int64_t uid;

	if ((p = get(text, &id->time_ms, TIME_DIGITS)) == NULL ||
	    (p = get(p, &id->random, RANDOM_DIGITS)) == NULL || *p++ != 'S' ||
	    (p = get(p, &id->size, SIZE_DIGITS)) == NULL || *p++ != 'U' ||
	    (p = get(p, &uid, UID_DIGITS)) == NULL || *p != '\0' ||
	    uid > UINT32_MAX)
		return false;
	id->uid = (uid_t)uid;
	/* One name, one form: no leading zeros, no short time. */
	spool_id_format(id, again);
	return strcmp(again, text) == 0;
}
