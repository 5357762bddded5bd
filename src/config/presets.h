/* SPDX-License-Identifier: ISC
 *
 * What Microsoft's clouds and kinds of server want: the defaults that a `cloud`
 * or a `preset` stands for.
 */
#ifndef CONFIG_PRESETS_H
#define CONFIG_PRESETS_H

#include "config/config.h"

struct cloud {
	const char	*name;
	const char	*authority;
	const char	*scope;			/* app-only */
	const char	*delegated_scope;
	const char	*host;			/* Exchange Online submission */
};

struct preset {
	const char	*name;
	const char	*host;		/* NULL: see host_source */
	enum { HOST_FIXED, HOST_OF_CLOUD, HOST_OF_TENANT, HOST_GIVEN } host_source;
	int		 port;
	enum auth_mechanism auth;
	int		 max_connections;
	int		 messages_per_minute;	/* 0: no limit */
	int		 max_recipients;
	int64_t		 token_margin;
	const char	*scope;		/* NULL: the cloud's */
};

/* The names, for errors; in the order of the tables, ending in NULL. */
extern const char *const cloud_names[];
extern const char *const preset_names[];

/* NULL if there is none of that name. */
const struct cloud *cloud_find(const char *name);
const struct preset *preset_find(const char *name);

#endif
