/* SPDX-License-Identifier: ISC
 *
 * Why Exchange Online says "535 5.7.3 Authentication unsuccessful", which it says
 * for nine different mistakes: told from the token's claims and the config, in
 * the order in which they can be excluded.  Pure.
 */
#ifndef CLI_CHECK_CAUSE_H
#define CLI_CHECK_CAUSE_H

#include "config/config.h"
#include "oauth/claims.h"

struct cause_facts {
	const struct account	*account;	/* with an app */
	const struct claims	*claims;	/* NULL: the token cannot be read */
	int64_t			 now;
	/* Another mailbox of the config that the same token got in for. */
	const char		*other_mailbox;
};

struct cause {
	char	what[512];
	char	fix[1600];	/* lines, as out_advice() takes them */
};

/* What is wrong with the token whatever the server says: false if nothing is. */
bool	cause_in_claims(struct cause *c, const struct cause_facts *f);
/* After a 535 5.7.3: always finds something. */
void	cause_of_refusal(struct cause *c, const struct cause_facts *f);
/* Whether the claims can be judged: only Microsoft's are known. */
bool	cause_knows(const struct account *a);

#endif
