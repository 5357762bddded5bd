/* SPDX-License-Identifier: ISC
 *
 * What a process gives up before it reads the first byte of a stranger's, so that
 * a hole in a parser of ours is worth little: no program is executed, nothing is
 * written but in our own directories, no other process is touched, and system
 * calls that a mailer has no use for are refused.
 *
 * Linux: seccomp and Landlock.  OpenBSD: pledge and unveil.  Where there is
 * neither (an old kernel, gVisor, qemu-user, a container that forbids them) the
 * process goes on without.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

#define SANDBOX_WRITABLE_MAX 3

struct sandbox_rules {
	/* Directories that files are made, changed and removed in, with all below
	 * them; NULL for none.  One that is not there is left out. */
	const char	*writable[SANDBOX_WRITABLE_MAX];
	/* For code that others bring along, such as the PKCS#11 module of a
	 * smart card: it may write what the user may, and start processes. */
	bool		 with_modules;
};

/* Which parts hold; of a process that never entered, which could hold. */
struct sandbox_state {
	bool	system_calls, files;
	int	abi;		/* Landlock's version, 0: none */
};

/* For good, for this process and all that it starts. */
void	sandbox_enter(const struct sandbox_rules *rules);
/* What is in force here. */
void	sandbox_get_state(struct sandbox_state *state);

/* The parts, in files of their own: whether they hold from now on. */
bool	sandbox_refuse_system_calls(const struct sandbox_rules *rules);
int	sandbox_confine_files(const struct sandbox_rules *rules);

#endif
