/* SPDX-License-Identifier: ISC */
#include "oauth/login.h"

#include "base/clock.h"
#include "oauth/store.h"

#define LOCK_MS		10000
/* The helper's own limit, and time to write. */
#define LOGIN_MS	(15 * 60 * 1000 + 40000)

static int
refuse(const struct account *a, struct status *st)
{
	if (a->app == NULL)
		status_set(st, EX_CONFIG, "account \"%s\" needs no token",
		    a->name);
	else
		status_set(st, EX_CONFIG, "app \"%s\" has a credential of its "
		    "own", a->app->name);
	return status_hint(st, "nobody has to sign in; only an app with "
	    "delegated = true takes the sign-in of a user");
}

static int
take_lock(struct store *s, const struct account *a, struct status *st)
{
	int held = store_lock(s, clock_deadline(LOCK_MS), LOGIN_MS, st);

	if (held != 1)
		return held;
	status_set(st, EX_TEMPFAIL, "another process is at the tokens of app "
	    "%s for %s", a->app->name, a->mailbox);
	return status_hint(st, "is somebody else just signing in? Else try "
	    "again in a minute");
}

int
login_run(const struct config *c, const struct account *a,
    const struct login *login, struct status *st)
{
	struct cache nothing;
	struct store s;
	int rc = -1;

	if (a->app == NULL || a->app->credential != CREDENTIAL_DELEGATED)
		return refuse(a, st);
	if (store_open(&s, c, a, st) == -1)
		return -1;
	cache_init(&nothing);
	if (take_lock(&s, a, st) == 0 &&
	    helper_login(c, a, login, clock_deadline(LOGIN_MS), st) == 0)
		rc = store_write(&s, &nothing, st);
	store_close(&s);
	return rc;
}
