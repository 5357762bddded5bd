/* SPDX-License-Identifier: ISC
 *
 * What mail/local.h needs to know, out of a config.
 */
#ifndef QUEUE_LOCALS_H
#define QUEUE_LOCALS_H

#include "config/config.h"
#include "mail/local.h"

struct locals {
	struct local		 local;
	struct local_rules	 rules;
};

/* Everything is borrowed from the config, and *l from itself: do not copy it.
 * `report`: log what is wrong with the alias file (once for a message is
 * enough). */
void	locals_init(struct locals *l, const struct config *c, bool report);
void	locals_release(struct locals *l);
/* local_resolve() of a name that was kept as text. */
int	locals_resolve(struct locals *l, const char *name, struct envelope *to,
	    struct status *st);

#endif
