/* SPDX-License-Identifier: ISC */
#include "cli/login_command.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "cli/invocation.h"
#include "cli/report.h"
#include "oauth/claims.h"
#include "oauth/login.h"
#include "oauth/token.h"
#include "queue/limits.h"

#define PATIENCE_MS 40000

struct request {
	struct invocation	 invocation;
	struct config		 config;
	const struct account	*account;
};

static void
tell(void *context, const char *uri, const char *code, int64_t seconds)
{
	const struct request *q = context;
	struct report r;
	char minutes[80];

	snprintf(minutes, sizeof minutes, "up to %lld minutes",
	    (long long)(seconds + 59) / 60);
	report_begin(&r, q->invocation.json);
	report_title(&r, "Sign in as %s, or as somebody who may send for it:",
	    q->account->mailbox);
	report_text(&r, "open", uri);
	report_text(&r, "enter", code);
	if (r.json != NULL)
		report_number(&r, "seconds", seconds);
	else
		report_text(&r, "waiting", minutes);
	report_end(&r);
	fflush(stdout);
}

/* The first token tells who it was, and proves that the refresh token works. */
static int
say_who(const struct request *q, struct status *st)
{
	struct token t = TOKEN_INIT;
	struct claims c = { .exp = 0 };
	struct report r;
	int rc;

	rc = token_get(&t, &q->config, q->account, clock_deadline(PATIENCE_MS),
	    st);
	if (rc == -1)
		return status_context(st, "signed in, but");
	if (!claims_read(&c, t.access.data))
		c.upn[0] = '\0';
	token_release(&t);
	report_begin(&r, q->invocation.json);
	report_text(&r, "signed in", c.upn[0] != '\0' ? c.upn : "yes");
	report_text(&r, "may", c.scp);
	if (c.upn[0] != '\0' && strcasecmp(c.upn, q->account->mailbox) != 0)
		report_text(&r, "note", "this is not the account's mailbox: the "
		    "server takes it only if that is a shared mailbox which "
		    "this user may open and send from");
	report_end(&r);
	return 0;
}

int
login_command(struct identity *id, int argc, char **argv)
{
	static const struct invocation_form form = { 0, 1,
	    "login [ACCOUNT] [-C FILE] [--json]" };
	struct request q = { .invocation.arguments = { argc, argv } };
	struct invocation *v = &q.invocation;
	struct login login = { tell, &q };
	struct status st = STATUS_INIT;
	int rc;

	if (invocation_begin(v, id, &form, 0, &st) == -1 ||
	    invocation_load_account(v, v->arguments.items[1], &q.config,
	    &q.account, &st) == -1)
		return admin_fail(&v->caller, &st);
	rc = login_run(&q.config, q.account, &login, &st);
	if (rc == 0) {
		limits_clear(&q.config, q.account);
		rc = say_who(&q, &st);
	}
	config_release(&q.config);
	return rc == 0 ? EX_OK : admin_fail(&v->caller, &st);
}
