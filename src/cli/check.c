/* SPDX-License-Identifier: ISC */
#include "cli/check.h"

#include <string.h>

#include "cli/check_report.h"
#include "cli/confine.h"
#include "config/account.h"

enum {
	STEP_RIGHTS, STEP_CONFIG, STEP_USERS, STEP_SANDBOX, STEP_SENDERS,
	STEP_LOCAL_MAIL, STEP_STATE, STEP_SPOOL, STEP_TIMER, STEP_CREDENTIAL,
	STEP_NETWORK, STEP_TOKEN, STEP_CLAIMS, STEP_SMTP, STEP_TLS,
	STEP_EXTENSIONS, STEP_AUTH, STEP_MAIL, STEP_RCPT, STEP_SEND,
	STEPS
};
#define FIRST_OF_ACCOUNT STEP_CREDENTIAL
#define AFTER(step) (1u << STEP_##step)

static bool	has_spool(const struct check *k);
static bool	has_token(const struct check *k);
static bool	asks_for_mail(const struct check *k);
static bool	asks_for_rcpt(const struct check *k);
static bool	asks_to_send(const struct check *k);

/* `needs`: without these a step is not tried; one that does not apply is not
 * needed.  `applies` NULL: always. */
static const struct step {
	const char	*name;
	unsigned	 needs;
	bool		(*applies)(const struct check *k);
	void		(*run)(struct check *k, struct check_result *r);
} steps[STEPS] = {
	[STEP_RIGHTS] = { "rights", 0, NULL, check_rights },
	[STEP_CONFIG] = { "config", 0, NULL, check_config },
	[STEP_USERS] = { "users", AFTER(CONFIG), NULL, check_users },
	[STEP_SANDBOX] = { "sandbox", AFTER(CONFIG), NULL, check_sandbox },
	[STEP_SENDERS] = { "senders", AFTER(CONFIG), NULL, check_senders },
	[STEP_LOCAL_MAIL] = { "local mail", AFTER(CONFIG), NULL,
	    check_local_mail },
	[STEP_STATE] = { "state", AFTER(CONFIG), NULL, check_state },
	[STEP_SPOOL] = { "spool", AFTER(CONFIG), NULL, check_spool },
	[STEP_TIMER] = { "timer", AFTER(CONFIG) | AFTER(SPOOL), has_spool,
	    check_timer },
	[STEP_CREDENTIAL] = { "credential", 0, NULL, check_credential },
	[STEP_NETWORK] = { "network", 0, NULL, check_network },
	[STEP_TOKEN] = { "token", 0, has_token, check_token },
	[STEP_CLAIMS] = { "claims", AFTER(TOKEN), has_token, check_claims },
	[STEP_SMTP] = { "SMTP", AFTER(NETWORK), NULL, check_smtp },
	[STEP_TLS] = { "TLS", AFTER(SMTP), NULL, check_tls },
	[STEP_EXTENSIONS] = { "extensions", AFTER(TLS), NULL,
	    check_extensions },
	[STEP_AUTH] = { "AUTH", AFTER(EXTENSIONS) | AFTER(TOKEN), NULL,
	    check_auth },
	[STEP_MAIL] = { "MAIL", AFTER(AUTH), asks_for_mail, check_mail },
	[STEP_RCPT] = { "RCPT", AFTER(MAIL), asks_for_rcpt, check_rcpt },
	[STEP_SEND] = { "send", AFTER(AUTH), asks_to_send, check_send },
};

static bool
has_spool(const struct check *k)
{
	return !k->has_config || k->config.spool;
}

static bool
has_token(const struct check *k)
{
	return account_wants_token(k->account);
}

static bool
asks_for_mail(const struct check *k)
{
	return k->from != NULL || k->to != NULL;
}

static bool
asks_for_rcpt(const struct check *k)
{
	return k->to != NULL;
}

static bool
asks_to_send(const struct check *k)
{
	return k->send != NULL;
}

/* Runs the steps from `first` to before `end`; `missing` has a bit for each that
 * failed or was not tried. */
static unsigned
run_steps(struct check *k, struct check_report *report, unsigned missing,
    int first, int end)
{
	struct check_result r;
	int i;

	for (i = first; i < end; i++) {
		if (steps[i].applies != NULL && !steps[i].applies(k))
			continue;
		r = (struct check_result){ .mark = OUT_NOT_TRIED };
		if ((missing & steps[i].needs) == 0)
			steps[i].run(k, &r);
		/* Claims that are no good do not keep us from trying. */
		if (r.mark == OUT_FAILED || r.mark == OUT_NOT_TRIED)
			missing |= 1u << i;
		check_report_step(report, steps[i].name, &r);
	}
	return missing;
}

static void
check_one(struct check *k, struct check_report *report,
    const struct account *a)
{
	k->account = a;
	check_report_account(report, a);
	run_steps(k, report, 0, FIRST_OF_ACCOUNT, STEPS);
	check_account_end(k);
}

/* The account that is asked for; *account stays NULL for all of them. */
static int
choose(const struct check *k, const struct account **account,
    struct status *st)
{
	struct account_query q = { .header_from = k->name };
	const char *why;

	if (k->name == NULL) {
		q.header_from = k->from;
		if (k->from == NULL && k->to == NULL && k->send == NULL)
			return 0;
	} else if (strchr(k->name, '@') == NULL) {
		*account = config_account(&k->config, k->name);
		if (*account != NULL)
			return 0;
		status_set(st, EX_USAGE, "%s has no account %s",
		    k->config.path, k->name);
		return status_hint(st, "mailbearer accounts lists them");
	}
	return account_choose(&k->config, &q, account, &why, st);
}

static int
check_accounts(struct check *k, struct check_report *report,
    struct status *st)
{
	const struct account *account = NULL;
	size_t i;

	if (choose(k, &account, st) == -1)
		return -1;
	if (account != NULL) {
		check_one(k, report, account);
		return 0;
	}
	for (i = 0; i < k->config.account_count; i++)
		check_one(k, report, &k->config.accounts[i]);
	return 0;
}

static int
run(struct check *k, struct check_report *report)
{
	struct status st = STATUS_INIT;
	int code;

	run_steps(k, report, 0, 0, FIRST_OF_ACCOUNT);
	if (k->has_config) {
		if (check_accounts(k, report, &st) == -1)
			code = check_report_refusal(report, k, &st);
		else
			code = check_report_end(report);
		confine_end();
		config_release(&k->config);
		return code;
	}
	return check_report_end(report);
}

static int
parse(struct check *k, struct status *st)
{
	struct arguments *a = &k->arguments;

	k->json = admin_flag(a, "--json");
	k->nagios = admin_flag(a, "--nagios");
	if (admin_value(a, "-C", &k->file, st) == -1 ||
	    admin_value(a, "--from", &k->from, st) == -1 ||
	    admin_value(a, "--to", &k->to, st) == -1 ||
	    admin_value(a, "--send", &k->send, st) == -1 ||
	    admin_operands(a, st) == -1)
		return -1;
	if (a->count > 2)
		return status_set(st, EX_USAGE, "one account or address, not "
		    "%d", a->count - 1);
	if (k->json && k->nagios)
		return status_set(st, EX_USAGE, "--json or --nagios, not both");
	k->name = a->count > 1 ? a->items[1] : NULL;
	return 0;
}

int
check_command(struct identity *id, int argc, char **argv)
{
	struct check k = { .arguments = { argc, argv }, .token = TOKEN_INIT,
	    .slot = SLOT_INIT };
	struct status st = STATUS_INIT;
	struct check_report report;
	bool is_parsed = parse(&k, &st) == 0;

	if (admin_start(&k.caller, id, k.file, &st) == -1 || !is_parsed) {
		check_report_begin(&report, &k);
		return check_report_refusal(&report, &k, &st);
	}
	check_report_begin(&report, &k);
	return run(&k, &report);
}
