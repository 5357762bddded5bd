/* SPDX-License-Identifier: ISC
 *
 * Steps 7 to 9 of design 4: limits, session, data.
 */
#include "queue/attempt.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "mail/tidy.h"
#include "mail/utf8.h"
#include "queue/connect.h"

#define RATE_WAIT_MS	3000
#define LEAST_RATE	(32 * 1024)	/* octets a second, where nobody waits */

static bool
needs_smtputf8(const struct attempt *a)
{
	const struct envelope *e = a->envelope;
	size_t i;

	if (utf8_has_8bit(a->rewrite.mail_from, strlen(a->rewrite.mail_from)))
		return true;
	for (i = 0; i < e->count; i++)
		if (e->recipients[i].state == RECIPIENT_PENDING &&
		    e->recipients[i].utf8)
			return true;
	return false;
}

/* Header section and empty line, then the body. */
static long
read_message(void *context, char *to, size_t room, struct status *st)
{
	struct attempt *a = context;
	long n = (long)header_read(&a->head, to, room);

	if (n != 0)
		return n;
	n = (long)body_read(&a->body, to, room, st);
	if (n > 0 && a->o.progress != NULL) {
		a->handed_over += n;
		a->o.progress(a->o.trace_context, a->handed_over,
		    a->body_octets);
	}
	return n;
}

static int
sent_all(void *context, struct status *st)
{
	struct attempt *a = context;

	return a->o.sent_all(a->o.hook_context, st);
}

static void
waits(void *context)
{
	struct attempt *a = context;

	a->o.waits(a->o.hook_context);
}

/* How the body goes out on this connection, and the header section that says so:
 * in ASCII, unless the envelope cannot do without SMTPUTF8.  The labels go onto a
 * copy: on the next connection, or after a wait, the same
 * message is planned anew, and has to be found as it was. */
static int
label(struct attempt *a, const struct session_extensions *x, bool smtputf8,
    struct status *st)
{
	header_release(&a->labelled);
	header_copy(&a->labelled, &a->s->message.header);
	if ((!smtputf8 || !x->smtputf8) &&
	    tidy_ascii(&a->labelled, a->s->charset, st) == -1)
		return -1;
	return body_plan(&a->plan, &a->labelled, &a->s->message,
	    x->eightbitmime, a->s->charset, st);
}

/* The message in its final form: known only now, because it depends on what the
 * server offers. */
static int
compose(struct attempt *a, struct status *st)
{
	const struct session_extensions *x =
	    session_extensions(a->o.connection->session);
	bool smtputf8 = needs_smtputf8(a);
	int64_t head;

	if (label(a, x, smtputf8, st) == -1)
		return -1;
	if ((head = header_size(&a->labelled)) > HEADER_SENT_MAX)
		return status_set(st, EX_DATAERR,
		    "the header is over %d octets long", HEADER_SENT_MAX);
	if (body_size(&a->s->message, &a->plan, &a->body_octets, st) == -1)
		return -1;
	a->d = (struct session_data){
		.mail_from = a->rewrite.mail_from,
		.from = a->report->header_from,
		.size = head + a->body_octets, .read = read_message,
		.context = a,
		.is_8bit = a->plan.is_8bit || (smtputf8 &&
		    header_is_8bit(&a->labelled)),
		.needs_smtputf8 = smtputf8,
		.max_recipients = a->report->account->max_recipients,
		.sent_all = a->o.sent_all != NULL ? sent_all : NULL,
		.waits = a->o.waits != NULL ? waits : NULL,
		.least_rate = a->o.is_runner ? LEAST_RATE : 0,
		.more = a->o.more,
	};
	a->report->bytes = a->d.size;
	return 0;
}

/* Promise 5: 30 messages a minute.  A short wait is waited for. */
static int
wait_for_rate(struct attempt *a, struct status *st)
{
	struct timespec pause;
	int64_t wait_ms;

	while (limits_count_message(&a->o.connection->minute, a->config,
	    a->report->account, &wait_ms, st) == 1) {
		if (a->o.is_runner || wait_ms > RATE_WAIT_MS ||
		    clock_left(a->o.deadline) < wait_ms + RATE_WAIT_MS) {
			a->report->held_until = clock_deadline(wait_ms);
			return -1;
		}
		pause = (struct timespec){ .tv_sec = wait_ms / 1000,
		    .tv_nsec = wait_ms % 1000 * 1000000 };
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* What the server said decides how the account is treated from now on. */
static void
heed(struct attempt *a, const struct status *st)
{
	const struct account *account = a->report->account;

	if (account == NULL)
		return;
	if (st->reply == 432 || (a->o.is_runner && st->reply != 0 &&
	    st->scope == SCOPE_ACCOUNT && status_is_mendable(st)))
		limits_pause(a->config, account, st);
}

/* Only this transaction's answers are about the account as it is now: whoever
 * was delivered to yesterday does not end a pause. */
static void
heed_recipients(struct attempt *a)
{
	const struct recipient *r = a->envelope->recipients;
	const struct recipient *end = r + a->envelope->count;
	bool delivered = false;
	struct status st;

	for (; r < end; r++) {
		if (r->turn != a->turn)
			continue;
		if (r->state == RECIPIENT_DEFERRED &&
		    recipient_fate(r)->scope == SCOPE_ACCOUNT) {
			recipient_status(r, &st);
			heed(a, &st);
			return;
		}
		delivered = delivered || r->state == RECIPIENT_DELIVERED;
	}
	if (!delivered)
		return;
	if (!a->o.connection->works)
		limits_clear(a->config, a->report->account);
	a->o.connection->works = true;
}

/* Lets the owner finish those that were started before and are still in flight,
 * one at a time. */
static bool
make_room(const struct attempt *a)
{
	return a->o.make_room != NULL && a->o.make_room(a->o.hook_context);
}

/* A session that can take a transaction.  The one there is goes away only when
 * what is in flight on it has been written down. */
static int
take_session(struct attempt *a, struct status *st)
{
	struct delivery_connection *dc = a->o.connection;
	struct connect_request request = {
		.config = a->config, .account = a->report->account,
		.deadline = a->o.deadline, .trace = a->o.trace,
		.trace_context = a->o.trace_context,
		.from = a->report->header_from, .is_runner = a->o.is_runner,
		.is_record = a->o.is_record, .without_bdat = a->without_bdat,
	};

	if (dc->session != NULL && !connect_is_good(dc, request.account)) {
		while (make_room(a))
			;
		delivery_connection_close(dc);
	}
	a->is_fresh = dc->session == NULL;
	if (connect_account(dc, &request, a->report, st) == 0)
		return 0;
	heed(a, st);
	return -1;
}

/* Asked anew after each wait, but not in the middle of a message. */
static int
admit(struct attempt *a, struct status *st)
{
	if (a->o.admit == NULL || a->report->was_tried)
		return 0;
	return a->o.admit(a->o.hook_context, a->report->account, st);
}

/* Whether others had to be finished first: one, where the flight is full, but all,
 * where all are answered.  This message may take long, and what the server said
 * of those must not be lost with us, nor their locks run out, in the meantime: a
 * 250 makes them the server's (RFC 5321 4.2.5), and only the journal knows. */
static bool
finish_others(struct attempt *a, size_t left)
{
	struct session *s = a->o.connection->session;
	bool has_room = session_has_room(s, &a->d, left);
	bool is_idle = session_is_idle(s);

	if ((has_room && !is_idle) || !make_room(a))
		return false;
	while (is_idle && make_room(a))
		;
	return true;
}

/* A run has time for each transaction, and more of it for a large message
 * (LEAST_RATE), a caller for all of them.  It is taken after the last wait for
 * others: the answer to their data may take ten minutes (RFC 5321 4.5.3.2.6), and
 * what is begun when the time is over is said, not heard, and sent again although
 * it was delivered. */
static int
take_time(struct attempt *a, struct status *st)
{
	if (a->o.is_runner)
		a->o.deadline = clock_deadline(
		    a->config->send_timeout * 1000);
	if (clock_left(a->o.deadline) != 0)
		return 0;
	status_set(st, EX_TEMPFAIL, "send-timeout was over before all "
	    "recipients had their turn");
	return status_hint(st, "try the others again; if it lasts, raise "
	    "send-timeout, see mailbearer.conf(5)");
}

/* A transaction for those who are pending. */
static void
post(struct attempt *a)
{
	struct recipient *r = a->envelope->recipients;
	const struct recipient *end = r + a->envelope->count;

	a->turn++;
	for (a->pending = 0; r < end; r++)
		if (r->state == RECIPIENT_PENDING) {
			r->turn = a->turn;
			a->pending++;
		}
	a->transaction = session_start(a->o.connection->session, &a->d,
	    a->envelope);
}

/* Sends off one transaction.  To make room is to finish others, and what becomes
 * of them may end the connection, or be a reason to leave the account alone: all
 * is asked anew then. */
int
transmit_start(struct attempt *a, struct status *st)
{
	size_t left = envelope_count(a->envelope, RECIPIENT_PENDING);

	do {
		if (take_time(a, st) == -1 || admit(a, st) == -1 ||
		    take_session(a, st) == -1 || compose(a, st) == -1)
			return -1;
	} while (finish_others(a, left));
	if (wait_for_rate(a, st) == -1)
		return -1;
	header_reader_init(&a->head, &a->labelled);
	body_reader_init(&a->body, &a->s->message, &a->plan);
	a->handed_over = 0;
	post(a);
	return 0;
}

/* What a new connection will mend.  Only what cannot have been delivered goes
 * again at once: nothing of it was said, because the server had ended the old
 * connection between two messages; or each answer is there, and that to the last
 * BDAT, which need not have left in full, was a 50x: the server offers what it does
 * not know (RFC 5321 4.2.4), and a negative answer leaves the message with us
 * (4.2.5). */
static bool
goes_again(struct attempt *a, const struct session_outcome *outcome)
{
	if (outcome->unsent && !a->is_fresh)
		return true;
	if (!outcome->wants_data || a->without_bdat)
		return false;
	a->without_bdat = true;
	while (make_room(a))
		;
	delivery_connection_close(a->o.connection);
	return true;
}

/* The answers to the transaction that was posted.  1: all is said. */
static int
take_answers(struct attempt *a, struct status *st)
{
	struct session_outcome outcome;
	size_t left;
	int rc;

	rc = session_finish(a->transaction, &outcome, st);
	a->transaction = NULL;
	if (!outcome.unsent)
		a->report->was_tried = true;
	if (outcome.answer_unknown)
		a->report->answer_unknown = true;
	heed_recipients(a);
	if (rc == -1 && goes_again(a, &outcome))
		return 0;
	if (rc == -1)
		return -1;
	left = envelope_count(a->envelope, RECIPIENT_PENDING);
	if (left != 0 && left == a->pending)
		return status_set(st, EX_PROTOCOL,
		    "the server settled no recipient");
	return left == 0;
}

int
transmit_finish(struct attempt *a, struct status *st)
{
	int rc;

	while ((rc = take_answers(a, st)) == 0) {
		status_clear(st);
		/* It goes behind them, and is waited for. */
		while (make_room(a))
			;
		if (transmit_start(a, st) == -1)
			return -1;
	}
	return rc == 1 ? 0 : -1;
}
