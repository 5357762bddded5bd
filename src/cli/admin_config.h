/* SPDX-License-Identifier: ISC
 *
 * What the administrator's commands share: their options, their rights, the
 * config.  A command takes its options out of argv first and starts then,
 * because -C decides which rights it keeps; its row in commands[] says that it
 * drops them itself.
 */
#ifndef CLI_ADMIN_CONFIG_H
#define CLI_ADMIN_CONFIG_H

#include "cli/caller.h"

/* The arguments of a command, from which options are taken out; "--" ends them,
 * and is taken out by admin_operands(). */
struct arguments {
	int	  count;
	char	**items;	/* items[0] is the command; NULL at the end */
};

/* Whether the option is there, such as "--json"; takes it out. */
bool	admin_flag(struct arguments *a, const char *name);
/* The value of "--name VALUE" or "--name=VALUE", or of "-C VALUE"; *value is left
 * alone if the option is not there.  EX_USAGE without a value or given twice. */
int	admin_value(struct arguments *a, const char *name, const char **value,
	    struct status *st);
/* What is left must be operands: EX_USAGE for an unknown option. */
int	admin_operands(struct arguments *a, struct status *st);

/* Gives up what rights we are not to have and fills *caller.  With a `file` (-C)
 * root stays root, because nothing of the installation is used. */
int	admin_start(struct caller *caller, struct identity *id,
	    const char *file, struct status *st);
/* Reads the config that admin_start() chose, and opens its log. */
int	admin_load(const struct caller *caller, struct config *config,
	    struct status *st);
/* Opens the log of a config. */
void	admin_log(const struct config *config);
/* Whether this user may look into a directory of ours, or there is none yet:
 * without that an empty answer says nothing. */
bool	admin_may_read(const char *directory);
/* Says what failed; returns the exit code. */
int	admin_fail(const struct caller *caller, const struct status *st);

#endif
