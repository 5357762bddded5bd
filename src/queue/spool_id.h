/* SPDX-License-Identifier: ISC
 *
 * The name of a spooled message, which is the name of its file:
 *
 *	TTTTTTTTT RRRR S size U uid	(without the blanks)
 *
 * T is the time in milliseconds, R is random, both of fixed width; all numbers
 * are in base 36 with small letters.  Names sort by age.  The size says where
 * the message ends and the journal begins, from a place that no message can
 * write to; uid makes it cheap to add up what one user keeps waiting.
 */
#ifndef QUEUE_SPOOL_ID_H
#define QUEUE_SPOOL_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SPOOL_ID_SIZE	32	/* a name and its NUL */

struct spool_id {
	int64_t	time_ms;	/* wall clock */
	int64_t	random;		/* used modulo 36^4 */
	int64_t	size;
	uid_t	uid;
};

void	spool_id_format(const struct spool_id *id, char text[SPOOL_ID_SIZE]);
/* False for anything that spool_id_format() would not have written. */
bool	spool_id_parse(struct spool_id *id, const char *text);

#endif
