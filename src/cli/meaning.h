/* SPDX-License-Identifier: ISC
 *
 * What a finding (findings.h) means, for mailbearer explain: the rows of the
 * catalogue that it may be, in words of a person, with the names of the account
 * filled in.  Pure.
 */
#ifndef CLI_MEANING_H
#define CLI_MEANING_H

#include "cli/findings.h"
#include "config/config.h"

#define MEANINGS_MAX 16		/* of one code without its words */

struct meaning {
	const char	*means;
	const char	*passes;	/* by itself? NULL if nothing fails */
	const char	*class;		/* NULL for an exit code alone */
	int		 sysexit;
	char		 mail[400];	/* what becomes of it; "" if unknown */
	char		 fix[512];	/* "" if there is nothing to do */
};

struct explained {
	char		 heading[700];
	const struct finding *finding;
	size_t		 count;
	struct meaning	 meanings[MEANINGS_MAX];
	char		 see[120];	/* a page that knows more, or "" */
};

/* Whether something went wrong at all. */
bool	meaning_is_failure(const struct finding *f);
/* `account`: whose names are filled in; NULL leaves placeholders. */
void	meaning_find(struct explained *e, const struct finding *f,
	    const struct account *account);

#endif
