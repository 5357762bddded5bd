/* SPDX-License-Identifier: ISC
 *
 * One mail transaction: RFC 5321 3.3, pipelined as RFC 2920 allows, with BDAT
 * where the caller wants it (RFC 3030).
 */
#include "smtp/transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/xalloc.h"
#include "smtp/data.h"

#define SMALL (64 * 1024)	/* a message that flies with its envelope */

/* What can be known before anything is said. */
static int
check_message(struct transaction *t, struct status *st)
{
	const struct session_extensions *x = &t->s->ext;

	if (path_check(t->d.mail_from, st) == -1)
		return -1;
	if (!text_is_ascii(t->d.mail_from) && !x->smtputf8)
		return status_set(st, EX_CONFIG, "%s does not take mail from "
		    "<%s>: it offers no SMTPUTF8 for addresses that are not "
		    "ASCII", t->s->p.host, t->d.mail_from);
	if (x->max_size != 0 && t->d.size > x->max_size) {
		status_set(st, EX_DATAERR, "the message has %" PRId64 " octets, "
		    "%s takes %" PRId64, t->d.size, t->s->p.host,
		    x->max_size);
		status_remote(st, 0, "5.3.4", "");	/* RFC 1870 6.1 */
		return -1;
	}
	return 0;
}

/* With what may be delivered from the first word on, silence costs a duplicate:
 * whoever took longer to begin than there is time now is asked step by step. */
static bool
is_fast_enough(const struct session *s)
{
	return clock_left(s->p.deadline) > s->opening_ms;
}

bool
transaction_can_fly(const struct session *s, const struct session_data *d)
{
	const struct session_extensions *x = &s->ext;

	return s->p.use_chunking && x->chunking && x->pipelining &&
	    !(d->needs_smtputf8 && x->smtputf8) &&
	    text_is_ascii(d->mail_from) && d->size <= SMALL &&
	    is_fast_enough(s);
}

/* Whether SMTPUTF8 is asked for, and how the data goes: in one flight with the
 * envelope only if nothing may have to be said again, for the body cannot be
 * read twice. */
static void
choose_way(struct transaction *t)
{
	const struct session_extensions *x = &t->s->ext;

	t->utf8 = recipients_need_utf8(&t->to) ||
	    !text_is_ascii(t->d.mail_from) ||
	    (t->d.needs_smtputf8 && x->smtputf8);
	t->how = BY_DATA;
	if (t->s->p.use_chunking && x->chunking)
		t->how = transaction_can_fly(t->s, &t->d) && !t->utf8 ?
		    BY_BDAT_AT_ONCE : BY_BDAT;
}

/* Without PIPELINING, each answer can make the next command pointless. */
static bool
is_pointless(const struct transaction *t, size_t step)
{
	return t->mail_refused || (step == step_last(t) && t->to.accepted == 0);
}

/* From here on the message may be delivered, and only the answer says so (RFC
 * 5321 4.5.3.2.6); it has a time limit of its own. */
static void
await_answer(struct transaction *t)
{
	t->handed_over = true;
	t->s->p.deadline = clock_deadline(t->s->p.answer_ms);
}

/* What comes first is RSET, if the last transaction may be open still, or if its
 * answer is not there yet: MAIL would be "nested" then and RCPT would add to its
 * recipients (RFC 5321 4.1.4, RFC 3030 2). */
static void
start_over(struct transaction *t)
{
	t->asked = t->answered = t->s->in_transaction ||
	    t->s->oldest != NULL ? STEP_RSET : STEP_MAIL;
}

static size_t
steps_end(const struct transaction *t)
{
	return step_last(t) + (t->how != BY_BDAT);
}

/* The steps that need no answer before them, in one flight. */
static int
put(struct transaction *t, size_t most, struct status *st)
{
	for (; most != 0 && t->asked < steps_end(t); most--)
		if (step_put(t, t->asked++, st) == -1)
			return -1;
	return 0;
}

static int
flush(struct transaction *t, struct status *st)
{
	return dialogue_flush(t->s, step_stage(t, t->answered), st);
}

static int
say(struct transaction *t, size_t most, struct status *st)
{
	return put(t, most, st) == -1 ? -1 : flush(t, st);
}

static int
hear(struct transaction *t, struct status *st)
{
	size_t step = t->answered++;

	if (dialogue_read(t->s, step_stage(t, step), st) == -1)
		return -1;
	return step_judge(t, step, st);
}

/* Everything up to DATA: all in one flight, or one command after the other's
 * answer, if the server does not offer PIPELINING.  The first flight has been
 * begun. */
static int
offer(struct transaction *t, struct status *st)
{
	size_t most = t->s->ext.pipelining ? SIZE_MAX : 1;

	start_over(t);
	while (t->answered < steps_end(t)) {
		if (t->asked == t->answered) {
			if (most == 1 && is_pointless(t, t->asked))
				return 0;
			if (say(t, most, st) == -1)
				return -1;
		}
		if (hear(t, st) == -1)
			return -1;
		if (t->asked == t->answered && t->asked < steps_end(t) &&
		    dialogue_begin(t->s, step_stage(t, t->asked), st) == -1)
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
 * implemented": those who can do without it stay PENDING and go without, in
 * another transaction, for this header section is not theirs (RFC 6532). */
static bool
can_do_without_utf8(const struct transaction *t)
{
	int code = t->mail_status.reply;

	return t->mail_refused && t->utf8 && text_is_ascii(t->d.mail_from) &&
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
		recipients_refuse_utf8(t->e, t->s->p.host);
		return 0;
	}
	if (t->mail_refused)
		return -1;	/* mail_status says why */
	if (t->to.accepted != 0)
		recipients_release_surplus(&t->to);
	return 0;
}

/* The message, after go-ahead, or after BDAT without asking. */
static int
push(struct transaction *t, struct status *st)
{
	if (t->how == BY_DATA && data_put_stuffed(t->s, &t->d, st) == -1)
		return -1;
	/* Then its end is queued, not sent: an answer before it is out of turn. */
	if (t->how == BY_BDAT &&
	    (dialogue_begin(t->s, DIAGNOSE_END_OF_DATA, st) == -1 ||
	    data_put_chunk(t->s, &t->d, st) == -1 ||
	    dialogue_begin(t->s, DIAGNOSE_END_OF_DATA, st) == -1))
		return -1;
	stream_hurry(t->s->stream, clock_deadline(BLOCK_MS));
	if (dialogue_flush(t->s, DIAGNOSE_END_OF_DATA, st) == -1)
		return data_was_late(t->s, t->d.size, &t->d, st);
	return 0;
}

/* A large message that did not leave in full, so that nobody has it.  A reply
 * about syntax while it is on its way is one to BDAT, as in bdat_is_unknown(); to
 * hang up may be another way to say so, and the next attempt does without. */
static void
doubt_bdat(struct transaction *t, const struct status *st)
{
	if (t->how == BY_DATA || t->s->bdat_works)
		return;
	t->outcome.wants_data = st->reply / 10 == 50;
	t->s->bdat_failed = t->outcome.wants_data ||
	    (st->reply == 0 && stream_is_closed(t->s->stream));
}

static int
send_message(struct transaction *t, struct status *st)
{
	if (t->how == BY_DATA && !t->go_ahead)
		return dialogue_refused(t->s, DIAGNOSE_DATA, st,
		    "DATA refused");
	if (push(t, st) == -1) {
		doubt_bdat(t, st);
		return -1;
	}
	await_answer(t);
	return dialogue_read(t->s, DIAGNOSE_END_OF_DATA, st);
}

/* A reply about syntax (RFC 5321 4.2.1: x0z) after CHUNKING was offered: the
 * server, or something before it, does not know BDAT, or not with this message.
 * If it never took any, whether it takes the octets for commands is anybody's
 * guess, so nothing more is said to it. */
static bool
bdat_is_unknown(struct transaction *t)
{
	if (t->how == BY_DATA || t->s->reply.code / 10 != 50)
		return false;
	t->outcome.wants_data = true;
	if (!t->s->bdat_works) {
		t->s->bdat_failed = true;
		dialogue_broken(t->s);
	}
	return true;
}

static void
deliver(struct transaction *t)
{
	struct status answer = STATUS_INIT;
	char words[sizeof answer.remote];

	reply_words(&t->s->reply, words, sizeof words);
	status_remote(&answer, t->s->reply.code, t->s->reply.enhanced, words);
	recipients_settle(&t->to, RECIPIENT_DELIVERED, &answer);
	t->s->in_transaction = false;
	t->s->bdat_works = t->s->bdat_works || t->how != BY_DATA;
}

/* The answer to the data, in s->reply. */
static int
take_answer(struct transaction *t, struct status *st)
{
	struct status answer = STATUS_INIT;

	if (dialogue_class(t->s) == 2) {
		deliver(t);
		return 0;
	}
	/* RFC 3030 2: after a BDAT that failed only RSET makes sense. */
	t->s->in_transaction = t->how != BY_DATA;
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
	t->outcome.answer_unknown = true;
	t->s->bdat_failed = t->how != BY_DATA && !t->s->bdat_works;
}

static void
end(struct transaction *t, int rc)
{
	t->is_over = true;
	t->rc = rc;
	t->s = NULL;	/* it may be closed from now on */
}

void
transaction_fail(struct transaction *t)
{
	if (t->mail_refused)
		t->status = t->mail_status;
	tell_unknown(t, &t->status);
	recipients_fail(&t->to, &t->status);
	end(t, -1);
}

/* Its recipients stay for another transaction. */
static void
put_back(struct transaction *t)
{
	const struct status none = STATUS_INIT;

	recipients_settle(&t->to, RECIPIENT_PENDING, &none);
	end(t, -1);
}

void
transaction_leave_unsent(struct transaction *t)
{
	t->outcome.unsent = true;
	put_back(t);
}

static void
finish(struct transaction *t, int rc)
{
	if (rc == 0)
		end(t, 0);
	else if (t->outcome.wants_data)
		put_back(t);
	else
		transaction_fail(t);
}

static int
run(struct transaction *t, struct status *st)
{
	if (offer_envelope(t, st) == -1)
		return -1;
	if (t->to.accepted == 0)
		return 0;
	return send_message(t, st) == -1 ? -1 : take_answer(t, st);
}

void
transaction_run(struct transaction *t)
{
	finish(t, run(t, &t->status));
}

int
transaction_say(struct transaction *t)
{
	start_over(t);
	stream_mark(t->s->stream);
	if (put(t, SIZE_MAX, &t->status) == -1) {
		/* Its end must not leave with those before it. */
		stream_take_back(t->s->stream);
		transaction_fail(t);
		return -1;
	}
	t->end = stream_queued(t->s->stream);
	/* Where a part of it has left the rest follows. */
	if ((stream_has_left(t->s->stream) || (!t->d.more &&
	    t->s->held == NULL)) && flush(t, &t->status) == -1) {
		transaction_fail(t);
		return -1;
	}
	t->handed_over = true;
	return 0;
}

/* All answers are there, that to the data is the last.  One reply belongs to one
 * command, in their order (RFC 2920 3.1), and what follows BDAT is answered
 * whatever became of the envelope (RFC 3030 2): so with MAIL refused, or with no
 * recipient, it says nothing of this message, and what it says must not settle
 * anybody.  But where a server takes a message whose sender it refused, one of the
 * two was the answer to something else: then no answer can be trusted, nor those
 * that are still to come. */
static int
conclude(struct transaction *t, struct status *st)
{
	if (t->mail_refused && dialogue_class(t->s) == 2) {
		t->outcome.answer_unknown = true;
		status_set(st, EX_PROTOCOL, "%s cannot be understood: it took "
		    "a message whose sender it had refused", t->s->p.host);
		return dialogue_broken(t->s);
	}
	if (t->mail_refused)
		return -1;
	if (t->to.accepted == 0)
		return 0;
	recipients_release_surplus(&t->to);
	return take_answer(t, st);
}

/* Whether that was the answer to something else.  Not that the session is over:
 * what was to follow may have failed to leave, and what was said before is
 * answered still. */
static bool
makes_no_sense(const struct transaction *t)
{
	return dialogue_class(t->s) < (t->mail_refused ? 3 : 4);
}

/* Nobody waits minutes for the envelope's answers: only the one to the data is
 * worth it. */
int
transaction_hear(struct transaction *t)
{
	int rc;

	if (t->answered == step_last(t))
		await_answer(t);
	else
		t->s->p.deadline = t->deadline;
	if (hear(t, &t->status) == -1)
		return -1;
	if (t->answered != steps_end(t))
		return 0;
	rc = conclude(t, &t->status);
	/* Then there are no answers to the others either. */
	if (rc == -1 && makes_no_sense(t))
		return -1;
	finish(t, rc);
	return 0;
}

struct transaction *
transaction_new(struct session *s, const struct session_data *d,
    struct envelope *e)
{
	struct transaction *t = xcalloc(1, sizeof *t);

	t->s = s;
	t->d = *d;
	t->e = e;
	t->deadline = s->p.deadline;
	t->patience = clock_left(t->deadline);
	recipients_choose(&t->to, e, &s->ext, s->p.host, d->max_recipients);
	choose_way(t);
	if (t->to.count == 0)
		end(t, 0);
	else if (check_message(t, &t->status) == -1)
		transaction_fail(t);
	return t;
}

void
transaction_free(struct transaction *t)
{
	free(t->to.list);
	free(t);
}
