/* SPDX-License-Identifier: ISC
 *
 * The names of this host, from gethostname(2), /etc/hosts and /etc/mailname;
 * DNS is never asked.  Inside config/ only.
 */
#ifndef CONFIG_HOSTNAME_H
#define CONFIG_HOSTNAME_H

#include "config/config.h"

/* Where names are found; tests have their own. */
struct host_source {
	const char	*node;		/* NULL: gethostname(2) */
	const char	*hosts;		/* /etc/hosts */
	const char	*mailname;	/* /etc/mailname */
};

extern const struct host_source host_source_system;

/* Fills hostname and domain where the config does not give them, and
 * short_hostname, host_names and hosts.  The files are read only if needed.
 * `source` is borrowed for the life of the config. */
void	hostname_complete(struct config *c, const struct host_source *source);
void	hostname_release(struct config *c);

/* config_parse() on a host of one's own: for tests. */
int	config_parse_on(struct config *c, const struct config_source *source,
	    const struct host_source *hosts, const char *text, size_t len,
	    struct status *st);

#endif
