/* SPDX-License-Identifier: ISC
 *
 * Senders that no account serves: their mail goes out by the default account,
 * rewritten to its mailbox, which is right for cron and often a slip for a
 * shop.  One small file of the state directory (state_file.h) remembers whose
 * domains that were, for `mailbearer check` to ask about.
 *
 * Only a hint, and bounded: so many domains, few of them from one user, so that
 * nobody pushes out what others have left; after a week a domain is forgotten.
 */
#ifndef QUEUE_STRAY_H
#define QUEUE_STRAY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"

#define STRAYS_MAX	10
#define STRAYS_OF_USER	3
#define STRAY_DAYS	7

struct stray {
	int64_t	seen;		/* wall clock; 0: no entry */
	uid_t	uid;		/* who sent it */
	char	address[256];	/* an example of the domain, printable */
};

struct strays {
	size_t		count;
	struct stray	items[STRAYS_MAX];
};

/* A message from this address of a domain that is not this host's was
 * rewritten because no rule chose its account.  Writes once an hour at most for
 * a domain; an address without a domain or too long is not noted. */
void	stray_note(const struct config *c, uid_t uid, const char *address);
/* What was noted within the last STRAY_DAYS, each domain once. */
void	stray_list(const struct config *c, struct strays *list);

#endif
