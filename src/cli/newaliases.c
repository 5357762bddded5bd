/* SPDX-License-Identifier: ISC */
#include "cli/newaliases.h"

#include <stdio.h>

#include "cli/confine.h"
#include "mail/aliases.h"

#define DEFAULT_ALIASES "/etc/aliases"

struct listener {
	const struct caller	*caller;
	const char		*path;
};

static void
report(void *context, int line, bool is_error, const char *text)
{
	const struct listener *l = context;

	caller_say_line(l->caller, "%s:%d: %s%s", l->path, line,
	    is_error ? "" : "note: ", text);
}

/* Nothing is built here, and mail does not depend on it: what is wrong is told,
 * and no maintainer script (inn2, clamsmtp) fails for it.  mailbearer check has
 * an exit code. */
static int
check(const struct caller *caller, const char *path)
{
	struct listener l = { caller, path };
	struct alias_reporter r = { report, &l };
	struct aliases_summary sum = { 0 };
	struct status st = STATUS_INIT;

	confine_reader(NULL);
	if (aliases_check(path, &caller->source.trust, &r, &sum, &st) == -1) {
		caller_say(caller, &st);
		return EX_OK;
	}
	if (sum.errors + sum.refused != 0)
		caller_say_line(caller, "hint: correct these lines of %s; a "
		    "name that leads nowhere is sent to as if it had no alias",
		    path);
	printf("%s: %zu aliases, longest %zu bytes, %zu bytes total\n", path,
	    sum.count, sum.longest, sum.bytes);
	return EX_OK;
}

int
newaliases_main(const struct caller *caller)
{
	struct status st = STATUS_INIT;
	struct config config;
	int rc;

	if (config_load(&config, &caller->source, &st) == -1)
		return check(caller, DEFAULT_ALIASES);
	rc = config.aliases != NULL ? check(caller, config.aliases) : EX_OK;
	config_release(&config);
	return rc;
}
