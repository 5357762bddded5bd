/* SPDX-License-Identifier: ISC */
#include "config/complete.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

/* One address or pattern that leads to an account. */
struct claim {
	const char	*text;
	const char	*key;
	const struct account *account;
};

static int
compare_claims(const void *x, const void *y)
{
	const struct claim *a = x, *b = y;
	int order = strcasecmp(a->text, b->text);

	if (order != 0)
		return order;
	return (a->account > b->account) - (a->account < b->account);
}

static size_t
count_strings(char *const *list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

static size_t
add_claims(struct claim *claims, const struct account *a, const char *key,
    char *const *list)
{
	size_t i, count = count_strings(list);

	for (i = 0; i < count; i++)
		claims[i] = (struct claim){ list[i], key, a };
	return count;
}

/* Every claim of every account, sorted; to be freed. */
static struct claim *
collect_claims(const struct config *c, size_t *count)
{
	struct claim *claims;
	size_t i, n = 0;

	for (i = 0; i < c->account_count; i++)
		n += 1 + count_strings(c->accounts[i].send_as) +
		    count_strings(c->accounts[i].serves);
	claims = xcalloc(n, sizeof *claims);
	for (n = i = 0; i < c->account_count; i++) {
		const struct account *a = &c->accounts[i];

		claims[n++] = (struct claim){ a->mailbox, "mailbox", a };
		n += add_claims(claims + n, a, "send-as", a->send_as);
		n += add_claims(claims + n, a, "serves", a->serves);
	}
	qsort(claims, n, sizeof *claims, compare_claims);
	*count = n;
	return claims;
}

static int
refuse_tie(const struct reading *r, const struct claim *first,
    const struct claim *second, struct status *st)
{
	const struct scan_block *blocks = r->scan.blocks[LEVEL_ACCOUNT];
	const struct account *all = r->config->accounts;
	const struct scan_block *a = &blocks[first->account - all];
	const struct scan_block *b = &blocks[second->account - all];

	scan_error(st, r->path, scan_line(b, second->key),
	    "\"%.100s\" leads to two accounts: \"%s\" here (%s), \"%s\" in "
	    "line %d (%s)", second->text, second->account->name, second->key,
	    first->account->name, scan_line(a, first->key), first->key);
	return status_hint(st, "an address or pattern can stand in one account "
	    "only");
}

static int
check_ties(const struct reading *r, struct status *st)
{
	struct claim *claims;
	size_t count, i;
	int rc = 0;

	claims = collect_claims(r->config, &count);
	for (i = 1; rc == 0 && i < count; i++)
		if (claims[i].account != claims[i - 1].account &&
		    strcasecmp(claims[i].text, claims[i - 1].text) == 0)
			rc = refuse_tie(r, &claims[i - 1], &claims[i], st);
	free(claims);
	return rc;
}

static int
complete_default(const struct reading *r, struct status *st)
{
	struct config *c = r->config;

	if (c->account_count == 0 && !r->is_default) {
		scan_error(st, r->path, 0, "there is no account in it");
		return status_hint(st, "add a block: account \"NAME\" { ... }; "
		    "mailbearer.conf(5) has an example");
	}
	if (c->default_account_name == NULL) {
		if (c->account_count == 1)
			c->default_account = &c->accounts[0];
		return 0;
	}
	c->default_account = config_account(c, c->default_account_name);
	if (c->default_account != NULL)
		return 0;
	scan_error(st, r->path, scan_line(&r->scan.top, "default-account"),
	    "default-account: there is no account \"%s\"",
	    c->default_account_name);
	return status_hint(st, "the first account is \"%s\"",
	    c->accounts[0].name);
}

/* Under -C: an administrator who tries something, in a directory. */
static void
complete_given(const struct reading *r)
{
	struct config *c = r->config;

	if (r->directory == NULL)
		return;
	if (scan_line(&r->scan.top, "spool") == 0)
		c->spool = false;
	if (scan_line(&r->scan.top, "state-directory") == 0) {
		free(c->state_directory);
		c->state_directory = xstrdup(r->directory);
	}
}

int
complete_top(const struct reading *r, struct status *st)
{
	r->config->aliases_given = scan_line(&r->scan.top, "aliases") != 0;
	if (complete_default(r, st) == -1 || check_ties(r, st) == -1)
		return -1;
	complete_given(r);
	return 0;
}
