/* SPDX-License-Identifier: ISC */
#include "smtp/aside.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"

int64_t
aside_deadline(const struct aside *a, int64_t deadline)
{
	return a != NULL && a->until < deadline ? a->until : deadline;
}

int
aside_poll(struct aside *a, struct pollfd *fds, nfds_t count, int64_t deadline)
{
	struct pollfd *own = &fds[count];
	int n;

	for (;;) {
		/* A negative descriptor is passed over. */
		*own = (struct pollfd){ .fd = a != NULL ? a->fd : -1,
		    .events = POLLIN };
		n = poll(fds, count + 1, clock_left(aside_deadline(a, deadline)));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || a == NULL || own->revents == 0)
			return n;
		a->news(a);
		if (n > 1)
			return n - 1;
	}
}
