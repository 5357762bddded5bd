/* SPDX-License-Identifier: ISC
 *
 * How most of the administrator's commands begin: -C FILE, --json, so many
 * operands, the rights to go on with.
 */
#ifndef CLI_INVOCATION_H
#define CLI_INVOCATION_H

#include "cli/admin_config.h"

struct invocation {
	struct arguments arguments;	/* items[1] on: the operands */
	const char	*file;		/* -C */
	bool		 json;
	struct caller	 caller;
};

/* What a command takes beside its own options, and how that is said. */
struct invocation_form {
	int		 least, most;	/* operands */
	const char	*usage;
};

/* Takes -C and --json out of v->arguments, from which the command has taken its
 * own options (`own`: what came of that, with *st), and gives up the rights that
 * we are not to have, also when something was wrong before. */
int	invocation_begin(struct invocation *v, struct identity *id,
	    const struct invocation_form *form, int own, struct status *st);
/* Loads the config and finds the account that `name` names: the only one or the
 * default for NULL.  -1 with EX_CONFIG and the names that there are; the config
 * is released then. */
int	invocation_load_account(const struct invocation *v, const char *name,
	    struct config *c, const struct account **account,
	    struct status *st);

#endif
