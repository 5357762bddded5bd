/* SPDX-License-Identifier: ISC
 *
 * What became of a recipient: a status in as many bytes as its words have, held
 * by all whom the same befell.  One reply mostly settles a thousand of them, and
 * a struct status is 1.6 KB.
 */
#ifndef FATE_H
#define FATE_H

#include "base/status.h"

/* The members are those of a struct status; it never changes. */
struct fate {
	size_t		 holders;
	int		 sysexit;
	enum status_scope scope;
	enum status_class class;
	int		 reply;
	char		 enhanced[sizeof ((struct status *)0)->enhanced];
	const char	*text, *remote, *hint;	/* in `words` */
	char		 words[];
};

/* "Nothing happened yet."  Not to be held or released. */
extern const struct fate fate_none;

/* Has one holder; NULL for a status that says nothing. */
struct fate *fate_new(const struct status *st);
/* NULL is fine for both. */
struct fate *fate_hold(struct fate *f);
void	fate_release(struct fate *f);
void	fate_status(const struct fate *f, struct status *st);

#endif
