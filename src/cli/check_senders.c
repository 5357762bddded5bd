/* SPDX-License-Identifier: ISC
 *
 * Whose mail the config does not plan for: senders that no account serves, and
 * root's, which cron writes to.
 */
#include "cli/check_step.h"

#include <pwd.h>
#include <string.h>

#include "config/account.h"
#include "queue/locals.h"
#include "queue/stray.h"

/* By the config as it is now: what was mended is no news. */
static bool
is_still_stray(const struct config *c, const struct stray *s)
{
	const struct passwd *p = getpwuid(s->uid);
	struct account_query q = { .header_from = s->address,
	    .user = p != NULL ? p->pw_name : NULL };
	const struct account *account;
	struct status ignored;
	const char *why;

	return account_choose(c, &q, &account, &why, &ignored) == 0 &&
	    account_is_by_default(why) &&
	    !account_may_send_as(account, s->address);
}

/* "shop.example (noreply@shop.example, uid 33)", one a line. */
static void
add_stray(struct check_result *r, const struct stray *s)
{
	size_t len = strlen(r->seen);

	snprintf(r->seen + len, sizeof r->seen - len, "%s%.80s (%.100s, uid "
	    "%lu)", len > 0 ? "\n" : "", strrchr(s->address, '@') + 1,
	    s->address, (unsigned long)s->uid);
}

void
check_senders(struct check *k, struct check_result *r)
{
	struct strays list;
	size_t i, count = 0;

	if (!admin_may_read(k->config.state_directory)) {
		check_doubt(r, "this user cannot read what the senders noted",
		    "run mailbearer check as root");
		return;
	}
	stray_list(&k->config, &list);
	for (i = 0; i < list.count; i++)
		if (is_still_stray(&k->config, &list.items[i])) {
			add_stray(r, &list.items[i]);
			count++;
		}
	if (count == 0) {
		check_ok(r, "no mail of late that no account serves");
		return;
	}
	check_doubt(r, "no account serves these domains: their mail of the last "
	    "week went out from the default account's mailbox, with the sender "
	    "in Reply-To", "if that is not meant, list the address, or *@ and "
	    "the domain, in serves of the account that is to send it, or in "
	    "send-as if its mailbox may use it in From; mailbearer route "
	    "ADDRESS shows what comes of it");
}

/* Lines of the alias file that lead nowhere; 0 too if it cannot be read. */
static size_t
count_wrong_lines(const struct config *c)
{
	const struct alias_reporter nobody = { NULL, NULL };
	struct aliases_summary sum = { 0 };
	struct status ignored;

	if (c->aliases != NULL)
		(void)aliases_check(c->aliases, &c->trust, &nobody, &sum,
		    &ignored);
	return sum.errors;
}

/* newaliases, which maintainer scripts call, must not: here an exit code says
 * it. */
static void
check_alias_lines(const struct check *k, struct check_result *r)
{
	size_t wrong = count_wrong_lines(&k->config);
	char cause[100];

	if (wrong == 0)
		return;
	snprintf(cause, sizeof cause, "%zu line%s of the alias file %s wrong",
	    wrong, wrong == 1 ? "" : "s", wrong == 1 ? "is" : "are");
	check_fail(r, EX_DATAERR, cause, "newaliases says which, and why; a "
	    "name that leads nowhere is sent to as if it had no alias");
}

/* Where mail for root goes: an alias, local-mail-to, else an address that
 * nobody may have. */
void
check_local_mail(struct check *k, struct check_result *r)
{
	static const char root[] = "root";
	struct envelope to = ENVELOPE_INIT;
	struct status st = STATUS_INIT;
	struct address a = { 0 };
	struct locals locals;

	locals_init(&locals, &k->config, false);
	if (address_parse_path(&a, root, &st) == -1 ||
	    local_resolve(&locals.local, &a, &to, &st) == -1 || to.count == 0)
		check_fail_status(r, k, &st);
	else {
		check_ok(r, "mail for root goes to %.500s%s",
		    to.recipients[0].address, to.count > 1 ? " and others" : "");
		if (k->config.local_mail_to == NULL &&
		    aliases_find(&locals.local.aliases, root) == NULL)
			check_doubt(r, "root has no alias and local-mail-to is "
			    "not set: what cron writes goes to an address that "
			    "nobody may read", "set local-mail-to in "
			    "mailbearer.conf, or name somebody in the alias "
			    "file: root: you@example.com");
		check_alias_lines(k, r);
	}
	address_release(&a);
	envelope_release(&to);
	locals_release(&locals);
}
