/* SPDX-License-Identifier: ISC
 *
 * How many in the last minute, or hour: a window of buckets that slides.  Pure;
 * what is read is checked as if a stranger had written it.
 */
#ifndef QUEUE_LIMITS_WINDOW_H
#define QUEUE_LIMITS_WINDOW_H

#include <stdint.h>

#include "base/buf.h"

/* One more than a minute has seconds: what was counted within a second leaves
 * only when all of that second is a minute ago. */
#define WINDOW_BUCKETS	61

struct window {
	int64_t	bucket_ms;		/* length of a bucket */
	int64_t	last;			/* the bucket of now */
	int64_t	counts[WINDOW_BUCKETS];	/* oldest first, the last is now's */
};

/* Reads "BUCKET:COUNT,..." as it stands `now_ms` milliseconds after boot.  What
 * has left the window, lies in the future or is no number counts nothing. */
void	window_parse(struct window *w, const char *text, int64_t bucket_ms,
	    int64_t now_ms);
void	window_format(const struct window *w, struct buf *out);
/* Milliseconds until `more` fit below `limit`, 0 if they do now.  More than the
 * limit itself is taken for as much. */
int64_t	window_wait(const struct window *w, int64_t limit, int64_t more,
	    int64_t now_ms);
void	window_count(struct window *w, int64_t more);

#endif
