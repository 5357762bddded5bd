/* SPDX-License-Identifier: ISC
 *
 * Who we are, and who called: the first thing main() does, in one place, in
 * order, each step verified (design 2 and 4.1).
 *
 * The program is installed set-user-ID and set-group-ID to a user of its own,
 * never to root.  The names of sendmail keep that user for good; the name
 * mailbearer gives it up for good.  argv[0] is the caller's to choose, and that
 * is fine: one name keeps the rights and does nothing but send mail, the other
 * has none.
 */
#ifndef PRIVILEGE_H
#define PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"

struct identity {
	uid_t	caller;		/* real uid at start: who called */
	gid_t	caller_group;
	uid_t	uid;		/* what we are now, real = effective = saved */
	gid_t	gid;
	char	charset[40];	/* of the caller's locale, "" if it names none: a
				 * label for his own text and nothing else */
	bool	special;	/* we run under the rights of the installation and
				 * the caller's rights are not ours */
};

/* Before any library call: no core dumps and no ptrace (PR_SET_DUMPABLE 0,
 * RLIMIT_CORE 0), soft limits up to the hard ones, descriptors 0 to 2 open (a
 * missing one becomes /dev/null; reading a missing stdin is an error), all
 * others closed, signals that the caller blocked or ignored back to default
 * (SIGPIPE and SIGXFSZ ignored: their errno is enough), no timer, umask 027, the
 * environment rebuilt from nothing: PATH.  Does not exit: what cannot be done is
 * fatal later, in privilege_keep or privilege_drop.  argv is left alone. */
void	privilege_start(struct identity *id);

/* Becomes the installation's user for good if the program was started set-id,
 * with chdir("/"), deaf to ^Z, and no new privileges for what it executes;
 * otherwise only brings back the environment, as privilege_drop does.  Refuses
 * to run set-user-ID root (EX_CONFIG), and a set-user-ID program without
 * set-group-ID or the reverse; rights of another set-id program that called us are
 * dropped.
 * Verifies that nothing can be regained (EX_OSERR).  The caller's supplementary
 * groups stay, since only root can drop them. */
int	privilege_keep(struct identity *id, struct status *st);

/* Gives the installation's rights up for good and goes on as the caller; a
 * caller who is root goes on as the installation's user if `root_becomes_user`
 * is true (and the program was started set-id), else as root.  TERM, NO_COLOR,
 * COLUMNS and TZ are in the environment again if they are harmless; TZ only as
 * the name of a zone.  `special` is true afterwards only if root became the
 * installation's user. */
int	privilege_drop(struct identity *id, bool root_becomes_user,
	    struct status *st);

/* Whether this program has a set-user-ID bit that did nothing: NoNewPrivileges=,
 * a nosuid mount, a container without that user.  For a hint. */
bool	privilege_is_lost(const struct identity *id);
/* Whether we are the user that this program is installed set-user-ID to: by that
 * bit, or because a timer, a runner or root started us as that user.  True where
 * it cannot be told. */
bool	privilege_is_installation(const struct identity *id);
/* Whether this program is installed set-user-ID to somebody else, and we run with
 * the rights of a caller who is not root: the installation's files are not his. */
bool	privilege_is_guest(const struct identity *id);

#endif
