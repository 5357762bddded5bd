/* SPDX-License-Identifier: ISC
 *
 * Mail for names of this host, which has no mailboxes (design 6, "Local
 * recipients"): the alias file; then `local-mail-to` for root, system users and
 * names that nobody has; else the name at our domain.  The alias file is read
 * when the first local name is met and not before: mail for the outside never
 * opens it.  A file that is there and cannot be believed is not "no aliases": the
 * name cannot be resolved until somebody mends that.
 */
#ifndef LOCAL_H
#define LOCAL_H

#include <stdbool.h>

#include "base/safefile.h"
#include "base/status.h"
#include "mail/address.h"
#include "mail/aliases.h"
#include "mail/envelope.h"

struct local_rules {
	const char	*domain;	/* completes names */
	const char	*local_mail_to;	/* an address or a list; NULL for none */
	const char	*aliases;	/* the file; NULL or "" for none */
	bool		 may_lack_aliases;	/* unreadable is as good as none */
	const struct trust *trust;	/* whom it is believed from */
	bool	(*is_host_name)(const void *context, const char *domain);
	/* NULL: local_is_system_user */
	bool	(*is_system_user)(const void *context, const char *name);
	const void	*context;
	/* Refused targets, loops, a file that cannot be read: for the log. */
	struct alias_reporter reporter;
};

struct local {
	const struct local_rules *rules;
	struct aliases	 aliases;
	bool		 loaded;
	struct status	 status;	/* why the alias file cannot be used */
	bool		 lacks_include;	/* one that is there cannot be used */
};

void	local_init(struct local *l, const struct local_rules *rules);
void	local_release(struct local *l);

/* A bare name, or a name at a name of this host. */
bool	local_is(const struct local *l, const struct address *a);

/* Reads the alias file unless that was done.  -1 with EX_CONFIG or EX_NOPERM
 * when it is there and cannot be used. */
int	local_load(struct local *l, struct status *st);

/* Adds to `to` where mail for this address goes: itself if it is not local.
 * Aliases are looked up with "+detail" and then without.  A loop, a nesting
 * past ALIASES_DEPTH_MAX and an entry without a usable target are reported, and
 * the name is treated as if it had no alias: nobody's mail gets lost.  EX_CONFIG
 * past ALIASES_ADDRESSES_MAX, and as local_load() says of the file and of what it
 * includes, unless that is missing; `to` is then incomplete. */
int	local_resolve(struct local *l, const struct address *a,
	    struct envelope *to, struct status *st);

/* By the password file: root, uids below 1000, nobody, and names that are not
 * there. */
bool	local_is_system_user(const void *context, const char *name);

#endif
