/* SPDX-License-Identifier: ISC */
#include "base/sandbox.h"

#include <stddef.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif

/* A process has one. */
static struct sandbox_state state;

#ifdef __OpenBSD__

/* Names are resolved inside of the process, from files anywhere below /etc and by
 * "dns"; the starter's descriptors come in by "recvfd". */
#define PROMISES "stdio rpath wpath cpath fattr flock inet unix dns getpw recvfd"

void
sandbox_enter(const struct sandbox_rules *rules)
{
	int i;

	if (rules->with_modules)
		return;
	state.files = unveil("/", "r") == 0 && unveil("/dev", "rw") == 0;
	for (i = 0; i < SANDBOX_WRITABLE_MAX; i++)
		if (rules->writable[i] != NULL)
			(void)unveil(rules->writable[i], "rwc");
	state.files = state.files && unveil(NULL, NULL) == 0;
	state.system_calls = pledge(PROMISES, NULL) == 0;
}

#else

#ifdef __linux__
/* A unit with SystemCallFilter=@system-service and no SystemCallErrorNumber
 * kills for a call that is not listed, and Landlock's are listed by few; sendmail
 * inherits the filter of the service that calls it.  prctl(2) is in all lists. */
static bool
has_filter(void)
{
	return prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) > 0;
}
#endif

void
sandbox_enter(const struct sandbox_rules *rules)
{
	(void)rules;
#ifdef __linux__
	/* Either asks for this: nothing that is confined may get out by way of
	 * a set-user-ID program. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == -1)
		return;
	state.abi = has_filter() ? 0 : sandbox_confine_files(rules);
	state.files = state.abi != 0;
	/* Last, for it may refuse what the other needs. */
	state.system_calls = sandbox_refuse_system_calls(rules);
#endif
}

#endif

void
sandbox_get_state(struct sandbox_state *to)
{
	*to = state;
}
