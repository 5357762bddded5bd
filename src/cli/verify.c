/* SPDX-License-Identifier: ISC */
#include "cli/verify.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/submit.h"
#include "config/account.h"

static const struct account *
choose(const struct submitter *s, struct status *st)
{
	struct passwd *pw = getpwuid(s->caller->identity->caller);
	struct account_query q = {
		.envelope_from = s->caller->options->sender,
		.user = pw != NULL ? pw->pw_name : NULL,
	};
	const struct account *account;
	const char *why;

	if (s->config_status.sysexit != EX_OK) {
		*st = s->config_status;
		return NULL;
	}
	if (account_choose(&s->config, &q, &account, &why, st) == -1 ||
	    account_check_user(account, s->caller->identity->caller, st) == -1)
		return NULL;
	return account;
}

/* One argument, which may be a list. */
static int
verify(const struct submitter *s, const struct account *account, char *argument)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct submission m = SUBMISSION_INIT;
	struct status st = STATUS_INIT;
	size_t i;
	int rc = EX_OK;

	if (address_parse_list(&list, argument, strlen(argument), &st) == -1 ||
	    submission_begin(&m, s, &st) == -1 ||
	    submission_address_list(&m, s, &list, &st) == -1 ||
	    submission_check_names(&m, s, &st) == -1) {
		status_context(&st, "%s", argument);
		caller_say(s->caller, &st);
		rc = EX_NOUSER;
	} else {
		printf("%s... deliverable: account %s, mailbox %s, to", argument,
		    account->name, account->mailbox);
		for (i = 0; i < m.envelope.count; i++)
			printf("%s %s", i == 0 ? "" : ",",
			    m.envelope.recipients[i].address);
		putchar('\n');
	}
	address_list_release(&list);
	submission_release(&m);
	return rc;
}

int
verify_main(const struct caller *caller)
{
	const struct options *o = caller->options;
	const struct account *account;
	struct status st = STATUS_INIT;
	struct submitter s;
	int rc = EX_OK, worst = EX_OK;
	size_t i;

	if (submitter_open(&s, caller, &st) == -1) {
		caller_say(caller, &st);
		return status_exit(&st);
	}
	if ((account = choose(&s, &st)) == NULL) {
		caller_say(caller, &st);
		worst = st.sysexit;
	}
	for (i = 0; i < o->recipient_count && account != NULL; i++)
		if ((rc = verify(&s, account, o->recipients[i])) != EX_OK)
			worst = rc;
	submitter_close(&s);
	return worst;
}
