/* SPDX-License-Identifier: ISC */
#include "cli/route_command.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cli/invocation.h"
#include "cli/report.h"
#include "config/account.h"
#include "config/value.h"
#include "mail/rewrite.h"

struct request {
	struct invocation	 invocation;
	struct config		 config;
	const char		*address;	/* as From has it */
	const char		*user_name;	/* --user */
	char			*user, *gecos;
	uid_t			 uid;
	const struct account	*account;
	const char		*why;
};

/* The user named, by name or number, else who called. */
static int
find_user(struct request *q, struct status *st)
{
	const char *name = q->user_name;
	struct passwd *pw;
	int64_t number = 0;

	if (name == NULL)
		pw = getpwuid(q->invocation.caller.identity->caller);
	else if ((pw = getpwnam(name)) == NULL &&
	    value_number(name, &number) == -1) {
		status_set(st, EX_NOUSER, "there is no user %s", name);
		return status_hint(st, "give a name or the number of a user");
	}
	if (pw == NULL && name != NULL)
		pw = getpwuid((uid_t)number);
	q->uid = pw != NULL ? pw->pw_uid : name != NULL ? (uid_t)number :
	    q->invocation.caller.identity->caller;
	q->user = pw != NULL ? xstrdup(pw->pw_name) :
	    xasprintf("%lu", (unsigned long)q->uid);
	q->gecos = xstrdup(pw != NULL && pw->pw_gecos != NULL ?
	    pw->pw_gecos : "");
	return 0;
}

static bool
may_send_as(const void *context, const char *address)
{
	const struct request *q = context;

	return account_may_send_as(q->account, address);
}

static bool
is_host_name(const void *context, const char *domain)
{
	const struct request *q = context;

	return config_is_host_name(&q->config, domain);
}

static void
report_field(struct report *r, const struct header *h, const char *name)
{
	char *value = header_value(h, name);

	report_text(r, name, value);
	free(value);
}

/* A message with nothing but this From goes through what a real one does. */
static int
report_rewriting(struct report *r, const struct request *q, struct status *st)
{
	struct rewrite_rules rules = {
		.mailbox = q->account->mailbox,
		.host = q->config.short_hostname,
		.user = q->user, .gecos = q->gecos,
		.domain = q->config.domain, .date = "", .message_id = "x",
		.may_send_as = may_send_as, .is_host_name = is_host_name,
		.context = q,
	};
	struct rewrite_result result = { .mail_from = NULL };
	struct envelope envelope = ENVELOPE_INIT;
	struct header h = HEADER_INIT;
	int rc;

	header_append(&h, "From", q->address);
	rc = rewrite_header(&h, &envelope, &rules, &result, st);
	if (rc == 0) {
		report_flag(r, "rewritten", result.from_rewritten);
		report_text(r, "MAIL FROM", result.mail_from);
		report_field(r, &h, "From");
		report_field(r, &h, "Reply-To");
		report_field(r, &h, "X-Original-From");
	}
	rewrite_result_release(&result);
	header_release(&h);
	return rc;
}

static void
report_permission(struct report *r, const struct request *q,
    const struct status *refused)
{
	char text[300];

	if (r->json != NULL)
		report_flag(r, "allowed", refused->sysexit == EX_OK);
	else if (refused->sysexit != EX_OK)
		report_status(r, "allowed", refused);
	else if (q->account->allow_users == NULL)
		report_text(r, "allowed", "yes, everyone may: there is no "
		    "allow-users");
	else {
		snprintf(text, sizeof text, "yes, %.100s is %s", q->user,
		    q->uid == 0 ? "root" : "in allow-users");
		report_text(r, "allowed", text);
	}
}

/* Returns EX_OK, or EX_NOPERM after a report; -1 with *st for no report. */
static int
report_route(const struct request *q, struct status *st)
{
	struct status refused = STATUS_INIT;
	struct report r;
	char server[300];
	int rc;

	(void)account_check_user(q->account, q->uid, &refused);
	snprintf(server, sizeof server, "%.250s, port %d", q->account->host,
	    q->account->port);
	report_begin(&r, q->invocation.json);
	report_title(&r, "From: %s, sent by %s", q->address, q->user);
	if (r.json != NULL) {
		report_text(&r, "address", q->address);
		report_text(&r, "user", q->user);
	}
	report_text(&r, "account", q->account->name);
	report_text(&r, "because", q->why);
	report_text(&r, "mailbox", q->account->mailbox);
	report_text(&r, "server", server);
	rc = report_rewriting(&r, q, st);
	report_permission(&r, q, &refused);
	report_end(&r);
	return rc == -1 ? -1 : refused.sysexit;
}

static int
route(struct request *q, struct status *st)
{
	struct header h = HEADER_INIT;
	struct account_query query = { .envelope_from = NULL };
	char *address;
	int rc = -1;

	if (find_user(q, st) == -1)
		return -1;
	header_append(&h, "From", q->address);
	address = rewrite_sender_address(&h);
	header_release(&h);
	if (address == NULL)
		return status_set(st, EX_USAGE, "%.200s is no address",
		    q->address);
	query.header_from = address;
	query.user = q->user;
	if (account_choose(&q->config, &query, &q->account, &q->why, st) == 0)
		rc = report_route(q, st);
	free(address);
	return rc;
}

int
route_command(struct identity *id, int argc, char **argv)
{
	static const struct invocation_form form = { 1, 1,
	    "route ADDRESS [--user NAME] [-C FILE] [--json]" };
	struct request q = { .invocation.arguments = { argc, argv } };
	struct invocation *v = &q.invocation;
	struct status st = STATUS_INIT;
	int own, code;

	own = admin_value(&v->arguments, "--user", &q.user_name, &st);
	if (invocation_begin(v, id, &form, own, &st) == -1 ||
	    admin_load(&v->caller, &q.config, &st) == -1)
		return admin_fail(&v->caller, &st);
	q.address = v->arguments.items[1];
	code = route(&q, &st);
	if (code == -1)
		code = admin_fail(&v->caller, &st);
	free(q.user);
	free(q.gecos);
	config_release(&q.config);
	return code;
}
