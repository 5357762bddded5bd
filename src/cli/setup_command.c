/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/invocation.h"
#include "cli/setup.h"
#include "oauth/claims.h"
#include "oauth/token.h"

#define PATIENCE_MS 20000

extern char **environ;

/* The object id that New-ServicePrincipal wants, out of a token of the app's
 * own: no other way is so sure.  (A user's token has the user's.) */
static bool
find_object_id(const struct config *c, const struct account *a, char oid[64],
    struct status *st)
{
	struct token t = TOKEN_INIT;
	struct claims claims = { .exp = 0 };
	bool found;

	oid[0] = '\0';
	if (a->app == NULL || a->app->credential == CREDENTIAL_DELEGATED)
		return false;
	token_forgive_refusal(c, a);	/* the first step may be done by now */
	if (token_get(&t, c, a, clock_deadline(PATIENCE_MS), st) == -1)
		return false;
	found = claims_read(&claims, t.access.data) && claims.oid[0] != '\0';
	if (found)
		status_printable(oid, 64, claims.oid);
	else
		status_set(st, EX_UNAVAILABLE, "the token has no oid");
	token_release(&t);
	return found;
}

static int
show_steps(const struct invocation *v, const char *name, struct status *st)
{
	struct status why = STATUS_INIT;
	const struct account *account;
	char oid[64], reason[sizeof why.text + sizeof why.remote];
	struct config config;
	struct out out;
	bool found;

	if (invocation_load_account(v, name, &config, &account, st) == -1)
		return -1;
	found = find_object_id(&config, account, oid, &why);
	snprintf(reason, sizeof reason, "%s%s%s", why.text,
	    why.remote[0] != '\0' ? ": " : "", why.remote);
	out_init(&out, stdout);
	setup_steps(&out, &config, account, found ? oid : NULL,
	    found ? NULL : reason);
	config_release(&config);
	return 0;
}

/* As the administrator would call it next, with the rights that it has then. */
static int
end_in_check(const struct setup *s, struct status *st)
{
	char *argv[] = { (char []){ "mailbearer" }, (char []){ "check" },
	    s->file != NULL ? (char []){ "-C" } : NULL,
	    (char *)(uintptr_t)s->file, NULL };

	printf("\n$ mailbearer check%s%s\n", s->file != NULL ? " -C " : "",
	    s->file != NULL ? s->file : "");
	fflush(stdout);
	execve("/proc/self/exe", argv, environ);
	return status_set_errno(st, EX_OSERR, "running mailbearer check");
}

/* The one command that root runs as root: it writes the config. */
static int
set_up(struct identity *id, struct arguments *a, struct status *st)
{
	struct setup s;
	int rc = -1;

	setup_init(&s, id);
	/* First: what an option names may be for root alone to look at. */
	if (privilege_drop(id, false, st) == -1 ||
	    setup_options(&s, a, st) == -1)
		goto out;
	if (s.file == NULL && access(SYSCONFDIR, W_OK) == -1 &&
	    errno == EACCES) {
		status_set(st, EX_NOPERM, "you may not write " CONFIG_PATH);
		status_hint(st, "run this as root, or write another file with "
		    "-C FILE");
		goto out;
	}
	if (setup_ask(&s, st) == -1 || setup_validate(&s, st) == -1 ||
	    setup_write(&s, st) == -1)
		goto out;
	rc = s.no_check ? 0 : end_in_check(&s, st);
out:
	setup_release(&s);
	return rc;
}

int
setup_command(struct identity *id, int argc, char **argv)
{
	static const struct invocation_form form = { 0, 1,
	    "setup [ACCOUNT] [-C FILE] | setup --new OPTIONS" };
	struct invocation v = { .arguments = { argc, argv },
	    .caller.name = "mailbearer" };
	struct status st = STATUS_INIT;
	int rc;

	if (admin_flag(&v.arguments, "--new"))
		rc = set_up(id, &v.arguments, &st);
	else if ((rc = invocation_begin(&v, id, &form, 0, &st)) == 0)
		rc = show_steps(&v, v.arguments.items[1], &st);
	return rc == 0 ? EX_OK : admin_fail(&v.caller, &st);
}
