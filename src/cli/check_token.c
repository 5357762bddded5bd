/* SPDX-License-Identifier: ISC
 *
 * The credential, the token made with it, and what the token says of itself.
 */
#include "cli/check_step.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/check_cause.h"
#include "config/account.h"

#define DAY		(24 * 3600)
#define WARN_DAYS	30
#define TOKEN_MS	40000

/* Looks at a file with something secret in it, without reading it. */
static int
look_at(struct check *k, const char *value, struct check_result *r)
{
	struct status st = STATUS_INIT;
	char *path = NULL;
	struct stat sb;
	size_t len;
	int fd = -1, rc = -1;

	if (config_resolve_file(value, &path, &st) == -1 ||
	    (fd = safefile_open(path, TRUST_SECRET, &k->config.trust, &sb,
	    &st)) == -1) {
		check_fail_status(r, k, &st);
		k->credential_failed = true;
	} else {
		len = strlen(r->seen);
		snprintf(r->seen + len, sizeof r->seen - len, "%s%s (mode "
		    "%04o)", len > 0 ? ", " : "", path,
		    (unsigned)sb.st_mode & 07777);
		r->mark = OUT_OK;
		close(fd);
		rc = 0;
	}
	free(path);
	return rc;
}

/* Dates that are known before the token is: the certificate's own comes with
 * it. */
static void
judge_end(struct check_result *r, int64_t ends)
{
	int64_t now = clock_wall();
	char date[40], span[40];
	size_t len = strlen(r->seen);

	if (ends == 0)
		return;
	check_date(date, ends);
	clock_span(span, now, ends);
	snprintf(r->seen + len, sizeof r->seen - len, "%sthe credential ends %s "
	    "(%s)", len > 0 ? ", " : "", date, span);
	if (ends <= now)
		check_fail(r, EX_NOPERM, "the credential has expired",
		    "make a new one for the app in Entra (Certificates & "
		    "secrets), put it in place of the old one, and set "
		    "client-secret-expires if it is a secret");
	else if (ends - now < WARN_DAYS * DAY)
		check_doubt(r, "the credential ends soon",
		    "make a new one in Entra now: client-secret-file takes a "
		    "list, so the new secret can stand beside the old one");
}

static void
look_at_files(struct check *k, struct check_result *r)
{
	const struct app *app = k->account->app;
	size_t i;

	switch (app->credential) {
	case CREDENTIAL_SECRET:
		for (i = 0; app->secret_files[i] != NULL; i++)
			if (look_at(k, app->secret_files[i], r) == -1)
				return;
		break;
	case CREDENTIAL_CERTIFICATE:
		if (look_at(k, app->certificate, r) == -1 ||
		    (app->private_key != NULL &&
		    look_at(k, app->private_key, r) == -1) ||
		    (app->passphrase_file != NULL &&
		    look_at(k, app->passphrase_file, r) == -1))
			return;
		break;
	case CREDENTIAL_FEDERATED:
		if (look_at(k, app->federated_token_file, r) == -1)
			return;
		break;
	case CREDENTIAL_MANAGED_IDENTITY:
		check_ok(r, "managed identity, %s", app->managed_identity);
		return;
	case CREDENTIAL_DELEGATED:
		check_ok(r, "a person's sign-in (mailbearer login)");
		return;
	case CREDENTIAL_COMMAND:
		check_ok(r, "token-command %s", app->token_command[0]);
		return;
	}
	judge_end(r, app->secret_expires);
}

void
check_credential(struct check *k, struct check_result *r)
{
	if (account_wants_token(k->account))
		look_at_files(k, r);
	else if (k->account->password_file != NULL)
		look_at(k, k->account->password_file, r);
	else
		check_ok(r, "none is needed");
}

void
check_token(struct check *k, struct check_result *r)
{
	struct status st = STATUS_INIT;
	char left[40];

	if (k->credential_failed)	/* the helper would say the same again */
		return;
	/* A person has mended something; monitoring has not. */
	if (!k->json && !k->nagios)
		token_forgive_refusal(&k->config, k->account);
	if (token_get(&k->token, &k->config, k->account,
	    clock_deadline(TOKEN_MS), &st) == -1) {
		check_fail_status(r, k, &st);
		return;
	}
	k->has_token = true;
	k->has_claims = claims_read(&k->claims, k->token.access.data);
	clock_span(left, clock_wall(), k->token.expires);
	check_ok(r, "%s, ends %s", k->token.cached ? "from the cache" :
	    "a new one from the token endpoint", left);
	if (k->account->app->credential == CREDENTIAL_CERTIFICATE)
		judge_end(r, k->token.credential_expires);
}

static void
describe_claims(const struct check *k, struct check_result *r)
{
	const struct claims *c = &k->claims;
	bool is_person = c->upn[0] != '\0';

	check_ok(r, "aud %s\ntid %s\nappid %s\noid %s (%s)\n%s %s", c->aud,
	    c->tid, c->appid, c->oid, is_person ? "the user's object id" :
	    "the Enterprise Application's object id",
	    is_person ? "upn" : "roles", is_person ? c->upn :
	    c->roles[0] != '\0' ? c->roles :
	    "none (right for RBAC for Applications only)");
}

void
check_claims(struct check *k, struct check_result *r)
{
	struct cause_facts f = { .account = k->account, .claims = &k->claims,
	    .now = clock_wall() };
	struct cause c;

	if (!k->has_claims) {
		check_ok(r, "the token cannot be read, which is no fault");
		return;
	}
	describe_claims(k, r);
	if (!cause_knows(k->account) || !cause_in_claims(&c, &f))
		return;
	check_fail(r, EX_NOPERM, c.what, c.fix);
	k->claims_failed = true;
}
