/* SPDX-License-Identifier: ISC */
#include "cli/invocation.h"

static int
parse(struct invocation *v, const struct invocation_form *form,
    struct status *st)
{
	int operands;

	v->json = admin_flag(&v->arguments, "--json");
	if (admin_value(&v->arguments, "-C", &v->file, st) == -1 ||
	    admin_operands(&v->arguments, st) == -1)
		return -1;
	operands = v->arguments.count - 1;
	if (operands >= form->least && operands <= form->most)
		return 0;
	status_set(st, EX_USAGE, operands < form->least ?
	    "something is missing" : "there is too much");
	return status_hint(st, "usage: mailbearer %s", form->usage);
}

int
invocation_begin(struct invocation *v, struct identity *id,
    const struct invocation_form *form, int own, struct status *st)
{
	struct status drop;

	if (own == 0)
		own = parse(v, form, st);
	else	/* the rights depend on it all the same */
		(void)admin_value(&v->arguments, "-C", &v->file, &drop);
	if (admin_start(&v->caller, id, v->file, &drop) == -1) {
		*st = drop;
		return -1;
	}
	return own;
}

static int
refuse_name(const struct config *c, const char *name, struct status *st)
{
	struct buf names;
	size_t i;

	buf_init(&names, sizeof st->hint);
	for (i = 0; i < c->account_count; i++)
		buf_addf(&names, "%s%s", i == 0 ? "" : ", ",
		    c->accounts[i].name);
	if (name != NULL)
		status_set(st, EX_USAGE, "there is no account \"%s\"", name);
	else
		status_set(st, EX_USAGE, "which account?");
	status_hint(st, "the accounts are %s", names.data);
	buf_release(&names);
	return -1;
}

int
invocation_load_account(const struct invocation *v, const char *name,
    struct config *c, const struct account **account, struct status *st)
{
	if (admin_load(&v->caller, c, st) == -1)
		return -1;
	*account = name != NULL ? config_account(c, name) : c->default_account;
	if (*account != NULL)
		return 0;
	refuse_name(c, name, st);
	config_release(c);
	return -1;
}
