/* SPDX-License-Identifier: ISC
 *
 * Whatever a caller can hand down through execve(2) is undone here, before the
 * first call into a library that could look at it.
 *
 *	environment	replaced by PATH alone
 *	descriptors	0 to 2 open, all others closed
 *	signals		none blocked, ignored or handled; no timer runs
 *	soft limits	raised to the hard ones; no core dumps
 *	umask		027
 *	process flags	no signal at a parent's death, timers in time
 *
 * The working directory is privilege_keep()'s, which knows whether to leave it.
 *
 * Left alone, because only root could change it: supplementary groups, hard
 * limits, nice value and scheduling class, CPU affinity, cgroup, OOM score.
 * Deadlines on locks are the answer to those (design 7).  Personality, dumpable
 * flag, securebits for capabilities and secure-execution mode are seen to by the
 * kernel and the C library when a set-id program starts; a seccomp filter or a
 * Landlock domain of the caller's comes with no_new_privs, and then we have no
 * rights that are not his.
 */
#ifndef INHERITED_H
#define INHERITED_H

#include <stdbool.h>
#include <stddef.h>

/* Undoes it all.  What is missing of descriptors 0 to 2 becomes /dev/null, and a
 * missing stdin cannot be read.  `charset` gets that of the caller's locale, if
 * it names one.  Returns what could not be done, NULL if nothing. */
const char *inherited_undo(char *charset, size_t size);
/* For those whose rights are the caller's own: TERM, NO_COLOR, COLUMNS and TZ are
 * in the environment again if they were harmless. */
void	inherited_bring_back(void);

/* Between fork and exec, for programs of ours that shall inherit nothing either:
 * 0 to 2 become /dev/null; closes all descriptors from `first` on; all signals
 * as they were when the world began. */
int	descriptors_to_null(void);
void	descriptors_close(int first);
int	signals_reset(void);

#endif
