/* SPDX-License-Identifier: ISC
 *
 * Which account serves a message, and who may use it (design 6).
 */
#ifndef CONFIG_ACCOUNT_H
#define CONFIG_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/config.h"

/* What a message says of its sender; each may be NULL.  Addresses are as
 * written, possibly without a domain. */
struct account_query {
	const char	*header_from;	/* addr-spec of the (first) From */
	const char	*envelope_from;	/* -f */
	const char	*user;		/* login name of the calling user */
};

/* Chooses by design section 6.  *why (static or owned by the config's life; for
 * people) says which rule decided.  -1 with EX_CONFIG and a hint naming the
 * addresses tried when nothing serves them. */
int	account_choose(const struct config *c, const struct account_query *q,
	    const struct account **account, const char **why,
	    struct status *st);

/* Whether account_choose() gave this *why because no rule of any account knows
 * the sender. */
bool	account_is_by_default(const char *why);

/* Whether AUTH needs an access token. */
bool	account_wants_token(const struct account *a);

/* Whether the account's mailbox may use this address in From as it is: the
 * mailbox itself or one that matches send-as. */
bool	account_may_send_as(const struct account *a, const char *address);

/* Whether the user (real uid) may use it: no allow-users, root, a listed name,
 * or member (primary or by /etc/group) of a listed @group.  -1 with EX_NOPERM
 * and a hint that names the key; with EX_TEMPFAIL when the databases of users
 * could not be asked. */
int	account_check_user(const struct account *a, uid_t uid,
	    struct status *st);

/* The first entry of allow-users that lets in nobody: neither a number nor a user
 * or group of this host.  NULL if there is none, or if the databases could not be
 * asked. */
const char *account_unknown_user(const struct account *a);

/* Patterns of send-as and serves: "a@b", "*@b" (a whole local part), "*@*.b"
 * (one or more labels, never the bare domain), or a bare name.  Case is ignored,
 * domains compare as A-labels. */
bool	pattern_matches(const char *pattern, const char *address,
	    const struct config *c);
/* What is wrong with a pattern, or NULL. */
const char *pattern_error(const char *pattern);

#endif
