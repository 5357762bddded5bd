/* SPDX-License-Identifier: ISC
 *
 *	fresh in the cache?  ------------------------------> use it
 *	else take the lock, look again  -------------------> use it
 *	nobody may ask yet (Retry-After, a failure)?  -----> old token, or fail
 *	run the helper, store, release  -------------------> use it
 *	no lock in time, no answer, a failure  ------------> old token, or fail
 *
 * The first half goes as far as it can without waiting; the second one all the
 * way.
 */
#include "oauth/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "oauth/attempt.h"
#include "oauth/helper.h"

/* Where the old token would still do, nobody waits longer for a new one. */
#define OLD_TOKEN_LOCK_MS	2000
#define OLD_TOKEN_HELPER_MS	10000

struct token_request {
	struct attempt	at;
	enum { DONE, FAILED, ASKED_HERE, ASKED_ELSEWHERE } state;
	struct helper	helper;		/* while ASKED_HERE */
	struct result	result;		/* what it said */
	struct status	why;		/* FAILED */
	bool		made;		/* the token is of this request */
};

/* The token that is there, if it will do; else *why. */
static void
settle_for_old(struct token_request *r)
{
	r->state = attempt_old_will_do(&r->at) ? DONE : FAILED;
}

/* The helper is done: others may look at what it brought. */
static void
conclude(struct token_request *r, int rc)
{
	attempt_record(&r->at, rc, &r->result, &r->why);
	store_unlock(&r->at.store);
	r->made = rc == 0;
	r->state = DONE;
	if (rc == 0)
		return;
	settle_for_old(r);
	if (r->state == DONE)
		log_line(LOG_WARNING, "app %s: going on with the token that is "
		    "there", r->at.account->app->name);
}

/* What failed then is what matters; that nobody asks again just yet explains why
 * mending it seems to change nothing. */
static void
say_paused(struct token_request *r)
{
	const struct attempt *at = &r->at;
	char hint[sizeof r->why.hint], when[CLOCK_HOUR_SIZE];

	r->why = at->cache.failure.status;
	clock_hour(at->cache.failure.not_before, when);
	snprintf(hint, sizeof hint, "%s%snot asked again until %s, or at once by "
	    "mailbearer token %s --renew", r->why.hint,
	    r->why.hint[0] != '\0' ? "; " : "", when, at->account->name);
	status_hint(&r->why, "%s", hint);
}

/* Whatever can be had without asking; false if that is nothing. */
static bool
look_again(struct token_request *r)
{
	store_read(&r->at.store, &r->at.cache);
	if (attempt_is_fresh(&r->at))
		r->state = DONE;
	else if (cache_is_paused(&r->at.cache, clock_wall())) {
		say_paused(r);
		settle_for_old(r);
	} else
		return false;
	return true;
}

/* When the helper must be done.  One that rotates a refresh token is not cut
 * short: the new one would be lost. */
static int64_t
patience(const struct attempt *at)
{
	int64_t until = clock_deadline(ATTEMPT_HELPER_MS);
	int64_t brief = clock_deadline(OLD_TOKEN_HELPER_MS);

	if (at->account->app->credential == CREDENTIAL_DELEGATED)
		return until;
	if (attempt_old_will_do(at))
		until = brief;
	return until < at->deadline ? until : at->deadline;
}

/* access(2) of a path, but of no URI of a key that is no file; reads nothing. */
static bool
can_access(const char *file, int mode)
{
	struct status ignored = STATUS_INIT;
	char *path = NULL;
	bool can;

	if (file == NULL)
		return true;
	can = config_resolve_file(file, &path, &ignored) == 0 &&
	    (path[0] != '/' || access(path, mode) == 0);
	free(path);
	return can;
}

static bool
is_readable(const char *file)
{
	return can_access(file, R_OK);
}

/* Whether the helper, with the ids that we have, will get as far as asking: where
 * it will not, it says so at once, and a connection would be opened in vain. */
static bool
has_credential(const struct attempt *at)
{
	const struct app *app = at->account->app;

	if (app->credential == CREDENTIAL_DELEGATED)
		return store_has_login(&at->store);
	return (app->secret_files == NULL ||
	    is_readable(app->secret_files[0])) &&
	    is_readable(app->certificate) && is_readable(app->private_key) &&
	    is_readable(app->passphrase_file) &&
	    is_readable(app->federated_token_file) &&
	    (app->token_command == NULL ||
	    can_access(app->token_command[0], X_OK));
}

/* With the lock held, or without one where there is none to have: look again,
 * for somebody may have been faster. */
static void
ask(struct token_request *r)
{
	if (look_again(r)) {
		store_unlock(&r->at.store);
		return;
	}
	r->state = ASKED_HERE;
	if (helper_start(&r->helper, r->at.config, r->at.account,
	    patience(&r->at), &r->why) == -1)
		conclude(r, -1);
	else if (!has_credential(&r->at))
		while (r->state == ASKED_HERE)
			token_request_news(r);
}

/* As lock_take(); an error is in the log. */
static int
lock(struct token_request *r, int64_t wait_deadline)
{
	struct status why = STATUS_INIT;
	int held = store_lock(&r->at.store, wait_deadline, ATTEMPT_HOLD_MS,
	    &why);

	if (held == -1)
		log_line(LOG_WARNING, "no lock for the token of app %s: %s",
		    r->at.account->app->name, why.text);
	return held;
}

static void
say_busy(struct token_request *r)
{
	status_set(&r->why, EX_TEMPFAIL, "getting a token for app %s: another "
	    "process is still asking for it", r->at.account->app->name);
	r->why.scope = SCOPE_ACCOUNT;
	status_hint(&r->why, "the token endpoint is slow; if it lasts, see the "
	    "log for the other process's failure");
}

/* Until the other process is done, or has failed and it is our turn. */
static void
wait_for_other(struct token_request *r)
{
	int64_t until = clock_deadline(OLD_TOKEN_LOCK_MS);

	if (!attempt_old_will_do(&r->at) || until > r->at.deadline)
		until = r->at.deadline;
	if (lock(r, until) != 1) {
		ask(r);
		return;
	}
	if (look_again(r))
		return;
	say_busy(r);
	settle_for_old(r);
}

struct token_request *
token_request_begin(const struct config *c, const struct account *a,
    int64_t deadline)
{
	struct token_request *r = xcalloc(1, sizeof *r);

	r->why = (struct status)STATUS_INIT;
	result_init(&r->result);
	attempt_init(&r->at, c, a, deadline);
	if (attempt_is_fresh(&r->at))
		r->state = DONE;
	else if (lock(r, 0) == 1)
		r->state = ASKED_ELSEWHERE;
	else
		ask(r);
	return r;
}

enum token_request_state
token_request_state(const struct token_request *r)
{
	return r->state == DONE ? TOKEN_THERE :
	    r->state == FAILED ? TOKEN_REFUSED : TOKEN_COMING;
}

int
token_request_fd(const struct token_request *r)
{
	return r->state == ASKED_HERE ? helper_fd(&r->helper) : -1;
}

void
token_request_news(struct token_request *r)
{
	int rc;

	if (r->state != ASKED_HERE)
		return;
	rc = helper_step(&r->helper, &r->result, &r->why);
	if (rc != 1)
		conclude(r, rc);
}

int
token_request_end(struct token_request *r, struct token *t, struct status *st)
{
	int rc = -1;

	buf_init(&t->access, TOKEN_MAX);
	if (r->state == ASKED_ELSEWHERE)
		wait_for_other(r);
	while (r->state == ASKED_HERE)
		token_request_news(r);
	if (r->state == DONE) {
		attempt_use(&r->at, t);
		if (r->made)
			t->cached = t->wants_renewal = false;
		rc = 0;
	} else
		*st = r->why;
	attempt_release(&r->at);
	result_release(&r->result);
	free(r);
	return rc;
}

int
token_get(struct token *t, const struct config *c, const struct account *a,
    int64_t deadline, struct status *st)
{
	return token_request_end(token_request_begin(c, a, deadline), t, st);
}
