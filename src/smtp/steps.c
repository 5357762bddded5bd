/* SPDX-License-Identifier: ISC
 *
 * What a transaction says step by step, and what the answers mean.
 */
#include "smtp/transaction.h"

#include <inttypes.h>
#include <stdio.h>

#include "smtp/data.h"

static int
put_mail(struct transaction *t, struct status *st)
{
	const struct session_extensions *x = &t->s->ext;
	const struct envelope *e = t->e;
	char size[40] = "";

	if (x->size)
		snprintf(size, sizeof size, " SIZE=%" PRId64, t->d.size);
	return dialogue_put(t->s, st, "MAIL FROM:<%s>%s%s%s%s%s%s%s",
	    t->d.mail_from, size,
	    t->d.is_8bit && x->eightbitmime ? " BODY=8BITMIME" : "",
	    t->utf8 ? " SMTPUTF8" : "",
	    x->dsn && e->ret[0] != '\0' ? " RET=" : "", x->dsn ? e->ret : "",
	    x->dsn && e->envid != NULL ? " ENVID=" : "",
	    x->dsn && e->envid != NULL ? e->envid : "");
}

static int
put_recipient(struct transaction *t, const struct recipient *r,
    struct status *st)
{
	bool dsn = t->s->ext.dsn;
	const char *notify = dsn ? t->e->notify : "";
	const char *original = dsn && r->original != NULL ? r->original : "";

	return dialogue_put(t->s, st, "RCPT TO:<%s>%s%s%s%s", r->address,
	    *notify != '\0' ? " NOTIFY=" : "", notify,
	    *original != '\0' ? " ORCPT=" : "", original);
}

size_t
step_last(const struct transaction *t)
{
	return STEP_RCPT + t->to.count;
}

enum diagnose_stage
step_stage(const struct transaction *t, size_t step)
{
	if (step == step_last(t))
		return t->how == BY_DATA ? DIAGNOSE_DATA : DIAGNOSE_END_OF_DATA;
	return step < STEP_RCPT ? DIAGNOSE_MAIL : DIAGNOSE_RCPT;
}

int
step_put(struct transaction *t, size_t step, struct status *st)
{
	if (step == STEP_RSET)
		return dialogue_put(t->s, st, "RSET");
	if (step == STEP_MAIL)
		return put_mail(t, st);
	if (step < step_last(t))
		return put_recipient(t, t->to.list[step - STEP_RCPT], st);
	if (t->how == BY_BDAT_AT_ONCE)
		return data_put_chunk(t->s, &t->d, st);
	return dialogue_put(t->s, st, "DATA");
}

/* The first no is the one that counts: the rest only follows from it. */
static void
refuse_mail(struct transaction *t, const char *what, const char *path,
    const char *end)
{
	if (t->mail_refused)
		return;
	t->mail_refused = true;
	dialogue_refused(t->s, DIAGNOSE_MAIL, &t->mail_status,
	    "%s%s%s refused", what, path, end);
}

/* Whether what was begun before is over: if not, nothing must be delivered, for
 * this message would go to the last one's recipients. */
static void
judge_reset(struct transaction *t)
{
	if (dialogue_class(t->s) == 2)
		t->s->in_transaction = false;
	else
		refuse_mail(t, "RSET", "", "");
}

static void
judge_mail(struct transaction *t)
{
	if (dialogue_class(t->s) == 2)
		t->s->in_transaction = true;
	else
		refuse_mail(t, "MAIL FROM:<", t->d.mail_from, ">");
}

static void
judge_recipient(struct transaction *t, struct recipient *r)
{
	struct status st;

	if (t->mail_refused)
		return;
	if (dialogue_class(t->s) == 2) {
		r->state = RECIPIENT_ACCEPTED;
		t->to.accepted++;
		return;
	}
	dialogue_refused(t->s, DIAGNOSE_RCPT, &st, "RCPT TO:<%s> refused",
	    r->address);
	recipient_settle(r, status_is_mendable(&st) ? RECIPIENT_DEFERRED :
	    RECIPIENT_REFUSED, &st);
}

int
step_judge(struct transaction *t, size_t step, struct status *st)
{
	enum diagnose_stage stage = step_stage(t, step);

	if (t->s->reply.code == 421)
		return dialogue_refused(t->s, stage, st, "%s broke off at %s",
		    t->s->p.host, dialogue_name(stage));
	/* RFC 5321 4.2.1: only DATA is answered so.  It may be the answer to
	 * another command, and the next ones to others again. */
	if (dialogue_class(t->s) == 3 && step != step_last(t))
		return dialogue_refused(t->s, stage, st, "%s", "");
	if (step == STEP_RSET)
		judge_reset(t);
	else if (step == STEP_MAIL)
		judge_mail(t);
	else if (step < step_last(t))
		judge_recipient(t, t->to.list[step - STEP_RCPT]);
	else
		t->go_ahead = t->how == BY_DATA && t->s->reply.code == 354;
	return 0;
}

