/* SPDX-License-Identifier: ISC
 *
 * Something else that is under way while a session opens: whoever waits for the
 * wire then looks after it as well.
 */
#ifndef SMTP_ASIDE_H
#define SMTP_ASIDE_H

#include <poll.h>
#include <stdint.h>

struct aside {
	int	fd;		/* readable when there is news; -1: there is none */
	/* Takes the news in without waiting; may change fd and `until`. */
	void	(*news)(struct aside *a);
	void	*context;
	/* clock_ms, CLOCK_NEVER at first: it came to nothing, the session will be
	 * of no use, and is waited for until then, to be ended properly. */
	int64_t	until;
};

/* The earlier of `deadline` and what `a`, which may be NULL, says. */
int64_t	aside_deadline(const struct aside *a, int64_t deadline);
/* As poll(2), until that deadline (clock_ms), but it does not return for a
 * signal.  There is room for one more behind the `count` elements. */
int	aside_poll(struct aside *a, struct pollfd *fds, nfds_t count,
	    int64_t deadline);

#endif
