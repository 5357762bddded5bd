/* SPDX-License-Identifier: ISC */
#include "cli/verify.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cli/submit.h"
#include "config/account.h"
#include "mail/recipients.h"

#define UNUSABLE_SIZE	(2 * ADDRESS_BAD_TEXT)

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

/* Whom a message to it would reach; and, for `unusable`, what in it nobody can
 * read. */
static int
resolve(struct submission *m, const struct submitter *s, char *argument,
    char unusable[UNUSABLE_SIZE], struct status *st)
{
	struct address_list list = ADDRESS_LIST_INIT;
	int rc = recipients_collect(&list, &argument, 1, NULL, st);

	unusable[0] = '\0';
	if (rc == 0 && list.bad != 0)
		address_list_bad(&list, 0, unusable, UNUSABLE_SIZE);
	if (rc == 0 && (submission_begin(m, s, st) == -1 ||
	    submission_address_list(m, s, &list, st) == -1 ||
	    submission_check_names(m, s, st) == -1))
		rc = -1;
	address_list_release(&list);
	return rc;
}

static void
print_deliverable(const struct account *account, const char *argument,
    const struct envelope *e)
{
	size_t i;

	printf("%s... deliverable: account %s, mailbox %s, to", argument,
	    account->name, account->mailbox);
	for (i = 0; i < e->count; i++)
		printf("%s %s", i == 0 ? "" : ",", e->recipients[i].address);
	putchar('\n');
}

static int
say_failure(const struct submitter *s, const char *argument, struct status *st)
{
	status_context(st, "%s", argument);
	caller_say(s->caller, st);
	return EX_NOUSER;
}

/* One argument, which may be a list.  Unusable entries cost the others nothing
 * when mail is sent; whoever verifies wants to know of them. */
static int
verify(const struct submitter *s, const struct account *account, char *argument)
{
	struct submission m = SUBMISSION_INIT;
	struct status st = STATUS_INIT;
	char unusable[UNUSABLE_SIZE];
	int rc = EX_OK;

	if (resolve(&m, s, argument, unusable, &st) == -1)
		rc = say_failure(s, argument, &st);
	else
		print_deliverable(account, argument, &m.envelope);
	if (unusable[0] != '\0') {
		status_set(&st, EX_NOUSER, "unusable: %s", unusable);
		rc = say_failure(s, argument, &st);
	}
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
