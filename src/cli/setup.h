/* SPDX-License-Identifier: ISC
 *
 * mailbearer setup: what has to be done at Microsoft's for an account, and a
 * first config.
 */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "base/privilege.h"
#include "cli/admin_config.h"
#include "cli/out.h"

/* setup [ACCOUNT] [-C FILE], or setup --new with its options.  Returns the exit
 * code. */
int	setup_command(struct identity *id, int argc, char **argv);

/* The steps for an account, with the ids filled in.  `oid`: the object id of the
 * Enterprise Application as a token has it, or NULL; `why_not`: why there is
 * none, for people. */
void	setup_steps(struct out *o, const struct config *c,
	    const struct account *a, const char *oid, const char *why_not);

/* What a first config is made of. */
enum setup_credential {
	SETUP_UNDECIDED, SETUP_SECRET_FILE, SETUP_SECRET_TYPED,
	SETUP_CERTIFICATE, SETUP_GENERATE
};

struct setup {
	const struct identity *identity;
	const char	*file;		/* -C, or NULL for the installation's */
	bool		 force, no_check;
	gid_t		 group;		/* may read what is secret; -1: nobody */
	enum setup_credential credential;
	/* Owned; NULL until known. */
	char		*tenant, *client_id, *mailbox, *local_mail_to;
	char		*name;		/* of app and account */
	char		*path;		/* of secret or certificate, absolute */
	struct buf	 secret;	/* typed; wiped */
};

void	setup_init(struct setup *s, const struct identity *id);
void	setup_release(struct setup *s);
/* Takes the options of setup --new out of the arguments. */
int	setup_options(struct setup *s, struct arguments *a, struct status *st);
/* Asks at the terminal for what is missing; EX_USAGE where there is none. */
int	setup_ask(struct setup *s, struct status *st);
/* Whether each value is one; *st says which is not. */
int	setup_validate(const struct setup *s, struct status *st);
/* Writes credential and config, telling on stdout what was written. */
int	setup_write(struct setup *s, struct status *st);

#endif
