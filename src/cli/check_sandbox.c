/* SPDX-License-Identifier: ISC
 *
 * Closes the sandbox, and says what it is made of on this host.
 */
#include "base/sandbox.h"
#include "cli/check_step.h"
#include "cli/confine.h"

void
check_sandbox(struct check *k, struct check_result *r)
{
	struct sandbox_state s;
	char files[60] = "";

	confine_sender(&k->caller, &k->config);
	sandbox_get_state(&s);
	if (s.abi != 0)
		snprintf(files, sizeof files, "files (Landlock %d)", s.abi);
	else if (s.files)
		snprintf(files, sizeof files, "files (unveil)");
	check_ok(r, "%s%s%s", s.system_calls ? s.abi == 0 && s.files ?
	    "system calls (pledge)" : "system calls (seccomp)" : "",
	    s.system_calls && s.files ? ", " : "", files);
	if (!s.system_calls && !s.files)
		check_ok(r, "none: this kernel or container offers neither "
		    "seccomp nor Landlock; mail is sent all the same");
}
