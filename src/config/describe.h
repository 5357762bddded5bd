/* SPDX-License-Identifier: ISC
 *
 * The config as it counts, value by value, and where each value comes from: the
 * file, a preset, this host, a default.  For `mailbearer config`.
 */
#ifndef CONFIG_DESCRIBE_H
#define CONFIG_DESCRIBE_H

#include "config/config.h"
#include "config/keys.h"

struct described {
	enum key_level	 level;
	const char	*block;		/* title of the app or account, "" for top */
	int		 block_line;
	const char	*key;
	const char	*value;		/* as it would be written in the file; what
					 * may hold a secret is cut to "..." */
	int		 line;		/* 0: not in the file ... */
	const char	*origin;	/* ... but from here; "" else */
};

/* Loads the config and calls `tell` for each value that is set: those outside of
 * blocks, then app by app and account by account, in the order of the key
 * table.  Contents of files are neither read nor told. */
int	config_describe(const struct config_source *source,
	    void (*tell)(void *context, const struct described *d),
	    void *context, struct status *st);

#endif
