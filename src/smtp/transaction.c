/* SPDX-License-Identifier: ISC
 *
 * One mail transaction: RFC 5321 3.3, pipelined as RFC 2920 allows, with BDAT
 * where the caller wants it (RFC 3030).
 */
#include "smtp/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "smtp/data.h"
#include "smtp/dialogue.h"
#include "smtp/recipients.h"

#define SMALL (64 * 1024)	/* a message that flies with its envelope */

/* The steps of a transaction in the order they are taken; the recipients'
 * stand between STEP_RCPT and the last one. */
enum { STEP_RSET, STEP_MAIL, STEP_RCPT };

struct transaction {
	struct session	*s;
	const struct session_data *d;
	const struct envelope *e;
	struct recipients to;
	enum { BY_DATA, BY_BDAT, BY_BDAT_AT_ONCE } how;
	bool		 utf8;		/* SMTPUTF8 is asked for */
	bool		 mail_refused;
	struct status	 mail_status;	/* then: why */
	bool		 go_ahead;	/* 354 */
	bool		 handed_over;	/* all of the message has left */
};

/* What can be known before anything is said. */
static int
check_message(struct transaction *t, struct status *st)
{
	const struct session_extensions *x = &t->s->ext;

	if (path_check(t->d->mail_from, st) == -1)
		return -1;
	if (!path_is_ascii(t->d->mail_from) && !x->smtputf8)
		return status_set(st, EX_CONFIG, "%s does not take mail from "
		    "<%s>: it offers no SMTPUTF8 for addresses that are not "
		    "ASCII", t->s->p.host, t->d->mail_from);
	if (x->max_size != 0 && data_size(t->d) > x->max_size) {
		status_set(st, EX_DATAERR, "the message has %" PRId64 " octets, "
		    "%s takes %" PRId64, data_size(t->d), t->s->p.host,
		    x->max_size);
		status_remote(st, 0, "5.3.4", "");	/* RFC 1870 6.1 */
		return -1;
	}
	return 0;
}

/* Whether SMTPUTF8 is asked for, and how the data goes: in one flight with the
 * envelope only if nothing may have to be said again, for the body cannot be
 * read twice. */
static void
choose_way(struct transaction *t)
{
	const struct session_extensions *x = &t->s->ext;

	t->utf8 = recipients_need_utf8(&t->to) ||
	    !path_is_ascii(t->d->mail_from) ||
	    (t->d->needs_smtputf8 && x->smtputf8);
	t->how = BY_DATA;
	if (t->s->p.use_chunking && x->chunking)
		t->how = x->pipelining && !t->utf8 &&
		    data_size(t->d) <= SMALL ? BY_BDAT_AT_ONCE : BY_BDAT;
}

static int
put_mail(struct transaction *t, struct status *st)
{
	const struct session_extensions *x = &t->s->ext;
	const struct envelope *e = t->e;
	char size[40] = "";

	if (x->size)
		snprintf(size, sizeof size, " SIZE=%" PRId64, data_size(t->d));
	return dialogue_put(t->s, st, "MAIL FROM:<%s>%s%s%s%s%s%s%s",
	    t->d->mail_from, size,
	    t->d->is_8bit && x->eightbitmime ? " BODY=8BITMIME" : "",
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

static size_t
last_step(const struct transaction *t)
{
	return STEP_RCPT + t->to.count;
}

static enum diagnose_stage
stage_of(const struct transaction *t, size_t step)
{
	if (step == last_step(t))
		return t->how == BY_DATA ? DIAGNOSE_DATA : DIAGNOSE_END_OF_DATA;
	return step < STEP_RCPT ? DIAGNOSE_MAIL : DIAGNOSE_RCPT;
}

static int
put_step(struct transaction *t, size_t step, struct status *st)
{
	if (step == STEP_RSET)
		return dialogue_put(t->s, st, "RSET");
	if (step == STEP_MAIL)
		return put_mail(t, st);
	if (step < last_step(t))
		return put_recipient(t, t->to.list[step - STEP_RCPT], st);
	if (t->how == BY_BDAT_AT_ONCE)
		return data_put_chunk(t->s, t->d, st);
	return dialogue_put(t->s, st, "DATA");
}

static void
judge_mail(struct transaction *t)
{
	if (dialogue_class(t->s) == 2) {
		t->s->in_transaction = true;
		return;
	}
	t->mail_refused = true;
	dialogue_refused(t->s, DIAGNOSE_MAIL, &t->mail_status,
	    "MAIL FROM:<%s> refused", t->d->mail_from);
}

static void
judge_recipient(struct transaction *t, struct recipient *r)
{
	if (t->mail_refused)
		return;
	if (dialogue_class(t->s) == 2) {
		r->state = RECIPIENT_ACCEPTED;
		t->to.accepted++;
		return;
	}
	dialogue_refused(t->s, DIAGNOSE_RCPT, &r->status,
	    "RCPT TO:<%s> refused", r->address);
	r->state = status_is_mendable(&r->status) ? RECIPIENT_DEFERRED :
	    RECIPIENT_REFUSED;
}

static int
judge_step(struct transaction *t, size_t step, struct status *st)
{
	if (t->s->reply.code == 421)
		return dialogue_refused(t->s, stage_of(t, step), st,
		    "%s broke off at %s", t->s->p.host,
		    dialogue_name(stage_of(t, step)));
	if (step == STEP_RSET && dialogue_class(t->s) != 2)
		return dialogue_refused(t->s, DIAGNOSE_MAIL, st,
		    "RSET refused");
	if (step == STEP_RSET)
		t->s->in_transaction = false;
	else if (step == STEP_MAIL)
		judge_mail(t);
	else if (step < last_step(t))
		judge_recipient(t, t->to.list[step - STEP_RCPT]);
	else
		t->go_ahead = t->how == BY_DATA && t->s->reply.code == 354;
	return 0;
}

/* Without PIPELINING, each answer can make the next command pointless. */
static bool
is_pointless(const struct transaction *t, size_t step)
{
	return t->mail_refused || (step == last_step(t) && t->to.accepted == 0);
}

/* From here on the message may be delivered, and only the answer says so (RFC
 * 5321 4.5.3.2.6); it has a time limit of its own. */
static void
note_handed_over(struct transaction *t)
{
	t->handed_over = true;
	t->s->p.deadline = clock_deadline(t->s->p.answer_ms);
}

/* Says everything up to DATA: all in one flight, or one command after the
 * other's answer, if the server does not offer PIPELINING. */
static int
offer(struct transaction *t, struct status *st)
{
	size_t window = t->s->ext.pipelining ? SIZE_MAX : 1;
	size_t end = last_step(t) + (t->how != BY_BDAT);
	size_t first = t->s->in_transaction ? STEP_RSET : STEP_MAIL;
	size_t asked = first, answered = first;

	for (; answered < end; answered++) {
		if (asked == answered &&
		    dialogue_begin(t->s, stage_of(t, asked), st) == -1)
			return -1;
		while (asked < end && asked - answered < window) {
			if (window == 1 && is_pointless(t, asked))
				return 0;
			if (put_step(t, asked++, st) == -1)
				return -1;
		}
		if (dialogue_flush(t->s, stage_of(t, answered), st) == -1)
			return -1;
		/* Nobody waits minutes for the envelope's answers: only the
		 * one to the data is worth it. */
		if (t->how == BY_BDAT_AT_ONCE)
			t->handed_over = true;
		if (t->handed_over && answered == last_step(t))
			note_handed_over(t);
		if (dialogue_read(t->s, stage_of(t, answered), st) == -1 ||
		    judge_step(t, answered, st) == -1)
			return -1;
	}
	return 0;
}

/* RFC 2920 3.1: a server may ask for data although it took no recipient; it
 * gets an empty message, and its answer does not matter. */
static int
send_nothing(struct transaction *t, struct status *st)
{
	if (!t->go_ahead)
		return 0;
	t->go_ahead = false;
	t->s->in_transaction = false;
	if (stream_put(t->s->stream, ".\r\n", 3, st) == -1 ||
	    dialogue_flush(t->s, DIAGNOSE_END_OF_DATA, st) == -1)
		return dialogue_broken(t->s);
	return dialogue_read(t->s, DIAGNOSE_END_OF_DATA, st);
}

/* Exchange Online offers SMTPUTF8 and may refuse it as "502 5.3.3 Command not
 * implemented": those who can do without it go without. */
static bool
can_do_without_utf8(const struct transaction *t)
{
	int code = t->mail_status.reply;

	return t->mail_refused && t->utf8 && path_is_ascii(t->d->mail_from) &&
	    (code == 502 || code == 504 || code == 555) && t->s->usable;
}

static int
offer_envelope(struct transaction *t, struct status *st)
{
	if (offer(t, st) == -1)
		return -1;
	if ((t->mail_refused || t->to.accepted == 0) && send_nothing(t, st) == -1)
		return -1;
	if (can_do_without_utf8(t)) {
		recipients_refuse_utf8(&t->to, t->s->p.host);
		t->utf8 = t->mail_refused = false;
		return t->to.count == 0 ? 0 : offer_envelope(t, st);
	}
	if (t->mail_refused)
		return -1;	/* mail_status says why */
	if (t->to.accepted != 0)
		recipients_release_surplus(&t->to);
	return 0;
}

/* After go-ahead, or BDAT without asking. */
static int
send_message(struct transaction *t, struct status *st)
{
	if (t->how == BY_DATA && !t->go_ahead)
		return dialogue_refused(t->s, DIAGNOSE_DATA, st,
		    "DATA refused");
	if (t->how == BY_DATA && data_put_stuffed(t->s, t->d, st) == -1)
		return -1;
	if (t->how == BY_BDAT &&
	    (dialogue_begin(t->s, DIAGNOSE_END_OF_DATA, st) == -1 ||
	    data_put_chunk(t->s, t->d, st) == -1))
		return -1;
	if (dialogue_flush(t->s, DIAGNOSE_END_OF_DATA, st) == -1)
		return -1;
	note_handed_over(t);
	return dialogue_read(t->s, DIAGNOSE_END_OF_DATA, st);
}

/* A reply about syntax (RFC 5321 4.2.1: x0z) after CHUNKING was offered: the
 * server, or something before it, does not know BDAT.  Whether it takes the
 * octets for commands is anybody's guess, so nothing more is said to it. */
static bool
bdat_is_unknown(struct transaction *t)
{
	if (t->how == BY_DATA || t->s->reply.code / 10 != 50)
		return false;
	t->s->bdat_failed = t->s->wants_data = true;
	dialogue_broken(t->s);
	return true;
}

/* The answer to the data, in s->reply. */
static int
take_answer(struct transaction *t, struct status *st)
{
	struct status answer = STATUS_INIT;
	char words[sizeof answer.remote];

	/* RFC 3030 2: after a BDAT that failed only RSET makes sense. */
	t->s->in_transaction = t->how != BY_DATA && dialogue_class(t->s) != 2;
	if (dialogue_class(t->s) == 2) {
		reply_words(&t->s->reply, words, sizeof words);
		status_remote(&answer, t->s->reply.code, t->s->reply.enhanced,
		    words);
		recipients_settle(&t->to, RECIPIENT_DELIVERED, &answer);
		return 0;
	}
	if (dialogue_class(t->s) < 4)
		return dialogue_refused(t->s, DIAGNOSE_END_OF_DATA, st, "%s",
		    "");
	if (bdat_is_unknown(t))
		return dialogue_refused(t->s, DIAGNOSE_END_OF_DATA, st,
		    "BDAT refused");
	dialogue_refused(t->s, DIAGNOSE_END_OF_DATA, &answer,
	    "the message was refused after the data");
	recipients_fail(&t->to, &answer);
	return 0;
}

static int
run(struct transaction *t, struct status *st)
{
	if (check_message(t, st) == -1 || offer_envelope(t, st) == -1)
		return -1;
	if (t->to.accepted == 0)
		return 0;
	if (t->how != BY_BDAT_AT_ONCE && send_message(t, st) == -1)
		return -1;
	return take_answer(t, st);
}

/* No reply explains the failure, and the message had left in full: the window
 * for duplicates (design 7).  Sent again it may arrive twice; not sent again it
 * may be lost, so it is deferred, and said. */
static void
tell_unknown(struct transaction *t, struct status *st)
{
	char why[sizeof st->text];

	if (!t->handed_over || st->reply != 0 || recipients_are_settled(&t->to))
		return;
	memcpy(why, st->text, sizeof why);
	status_set(st, EX_TEMPFAIL, "the answer to the data never came: the "
	    "message may have been delivered (%s)", why);
	t->s->answer_unknown = true;
	t->s->bdat_failed = t->how != BY_DATA;
}

static void
fail(struct transaction *t, struct status *st)
{
	const struct status none = STATUS_INIT;

	if (t->s->wants_data) {
		recipients_settle(&t->to, RECIPIENT_PENDING, &none);
		return;
	}
	if (t->mail_refused)
		*st = t->mail_status;
	tell_unknown(t, st);
	recipients_fail(&t->to, st);
}

int
session_send(struct session *s, const struct session_data *d,
    struct envelope *e, struct status *st)
{
	struct transaction t = { .s = s, .d = d, .e = e };
	int64_t deadline = s->p.deadline;
	int rc = 0;

	recipients_choose(&t.to, e, &s->ext, s->p.host, d->max_recipients);
	choose_way(&t);
	if (t.to.count != 0)
		rc = run(&t, st);
	if (rc == -1)
		fail(&t, st);
	s->p.deadline = deadline;
	free(t.to.list);
	return rc;
}
