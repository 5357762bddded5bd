/* SPDX-License-Identifier: ISC
 *
 * How well a pattern fits, for the choice of an account.  What patterns are
 * stands in config/account.h.  Inside config/ only.
 */
#ifndef CONFIG_PATTERN_H
#define CONFIG_PATTERN_H

#include "config/account.h"

/* An address in two halves, borrowed from a string. */
struct pattern_address {
	const char	*local;
	size_t		 local_len;
	const char	*domain;	/* NULL for a bare name */
};

#define PATTERN_NONE	0
#define PATTERN_HOST	(1 << 20)	/* a bare name against that name at a
					 * name of this host */
#define PATTERN_EXACT	(PATTERN_HOST + 1)

/* Splits at the last "@". */
struct pattern_address pattern_split(const char *address);
/* How the pattern fits: PATTERN_NONE, PATTERN_EXACT, PATTERN_HOST, or for one
 * with a wildcard 1 to PATTERN_HOST - 1, more the longer it is (what "*" stands
 * for aside; at the same length, the longer domain). */
int	pattern_fit(const char *pattern, const struct pattern_address *a,
	    const struct config *c);
bool	pattern_is_wild(const char *pattern);
/* The pattern with its domain in lower-case A-labels, to be freed.  It must be
 * without error. */
char	*pattern_canonical(const char *pattern);
/* Whether two domains are the same name, any case, U- or A-label. */
bool	pattern_same_domain(const char *a, const char *b);

#endif
