/* SPDX-License-Identifier: ISC
 *
 * Transactions in flight: the next one is said before the last one is answered.
 *
 * RFC 2920 3.1 lets a group begin with the end of a message and go on with RSET
 * and MAIL; with BDAT (RFC 3030) the end is known beforehand and nothing asks for
 * a go-ahead.  Answers come in the order of the commands, so they belong to the
 * oldest transaction until it has all of its own.
 *
 * Each transaction in flight may be a duplicate if the connection breaks (design
 * 7), so there are few.
 */
#include "smtp/session.h"

#include "base/clock.h"
#include "smtp/data.h"
#include "smtp/transaction.h"

/* More would gain little: eight small messages on the way fill any wire on which
 * a mailbox may send thirty a minute.  The octets, answers included, are what
 * both sides can surely hold while neither listens. */
#define FLIGHT_MAX	8
#define FLIGHT_OCTETS	(256 * 1024)
#define LINE_OCTETS	512	/* a command or a reply, RFC 5321 4.5.3.1 */

static int64_t
weight_of(const struct session_data *d, size_t recipients)
{
	return d->size + (int64_t)(recipients + 3) * LINE_OCTETS;
}

static void
append(struct session *s, struct transaction *t)
{
	if (s->oldest == NULL)
		s->oldest = t;
	else
		s->newest->next = t;
	s->newest = t;
	s->in_flight++;
	s->weight += t->weight;
}

/* Before each wait: whoever holds locks for those in flight may extend them. */
static void
hold_all(struct session *s)
{
	struct transaction *t;

	if (s->oldest == NULL || clock_left(s->next_hold) != 0)
		return;
	s->next_hold = clock_deadline(HOLD_MS);
	for (t = s->oldest; t != NULL; t = t->next)
		if (t->d.waits != NULL)
			t->d.waits(t->d.context);
}

/* The next one waits from now on: it had no turn yet.  The times of RFC 5321
 * 4.5.3.2 are for a server that has nothing else to do; this one takes messages in
 * their order, and may use all of its ten minutes for each. */
static void
go_on_waiting(struct session *s)
{
	struct transaction *t = s->oldest;
	int64_t patient;

	if (t == NULL)
		return;
	patient = clock_deadline(t->patience);
	if (t->deadline < patient)
		t->deadline = patient;
}

static struct transaction *
take_oldest(struct session *s)
{
	struct transaction *t = s->oldest;

	s->oldest = t->next;
	if (s->oldest == NULL)
		s->newest = NULL;
	s->in_flight--;
	s->weight -= t->weight;
	return t;
}

/* Nothing more will be heard.  After 421 (RFC 5321 3.8) that is the server's
 * word for all of them; otherwise each that has left may have arrived. */
static void
lose_all(struct session *s)
{
	struct status why = s->oldest->status;
	struct transaction *t;

	while (s->oldest != NULL) {
		t = take_oldest(s);
		if (t->outcome.unsent) {
			transaction_leave_unsent(t);
			continue;
		}
		t->status = why;
		transaction_fail(t);
	}
}

/* The locks of those in flight do not wait for a server that takes an hour to
 * listen.  Returns the deadline that it moves. */
static int64_t
hurry(struct session *s)
{
	int64_t deadline = s->p.deadline, brief = clock_deadline(BLOCK_MS);

	hold_all(s);
	if (brief < deadline)
		s->p.deadline = brief;
	dialogue_set_phase(s, DIAGNOSE_MAIL);
	return deadline;
}

/* All that was queued has left, or was lost on the way: `why`.  The first of it has
 * its turn. */
static void
note_left(struct session *s, const struct status *why)
{
	struct transaction *t;

	if (s->held != NULL && s->held == s->oldest)
		go_on_waiting(s);
	s->held = NULL;
	for (t = s->oldest; t != NULL; t = t->next)
		if (t->end > stream_written(s->stream)) {
			t->handed_over = false;
			t->status = *why;
		}
}

/* They stay where they are, in a queue that nobody empties any more. */
static void
leave_held(struct session *s, const struct status *why)
{
	struct transaction *t;

	for (t = s->held; t != NULL; t = t->next) {
		t->status = *why;
		t->handed_over = false;
		t->outcome.unsent = true;
	}
	s->held = NULL;
}

/* As at the beginning of each flight, a server that has hung up is told nothing;
 * nor is one that speaks out of turn, if it can be told from one that answers. */
static int
check_peer(struct session *s, struct status *st)
{
	return s->held == s->oldest ? dialogue_begin(s, DIAGNOSE_MAIL, st) :
	    dialogue_look(s, DIAGNOSE_MAIL, st);
}

void
session_push(struct session *s)
{
	struct status why = STATUS_INIT;
	int64_t deadline;

	if (s == NULL || s->held == NULL)
		return;
	deadline = hurry(s);
	if (check_peer(s, &why) == -1)
		leave_held(s, &why);
	else {
		(void)dialogue_flush(s, DIAGNOSE_MAIL, &why);
		note_left(s, &why);
	}
	s->p.deadline = deadline;
}

/* One answer, for the oldest: to what has left. */
static void
hear(struct session *s)
{
	struct transaction *t = s->oldest;
	const char *from = s->p.values.from;
	int64_t deadline = s->p.deadline;
	int rc;

	session_push(s);
	hold_all(s);
	/* A hint names the sender of the message that was answered, not of the
	 * one that was said last. */
	if (t->d.from != NULL)
		s->p.values.from = t->d.from;
	rc = t->handed_over ? transaction_hear(t) : -1;
	s->p.values.from = from;
	s->p.deadline = deadline;
	if (rc == -1)
		lose_all(s);
	else if (t->is_over) {
		take_oldest(s);
		go_on_waiting(s);
	}
}

/* Takes the answers that are there already. */
static void
hear_what_is_there(struct session *s)
{
	while (s->oldest != NULL && dialogue_has_reply(s))
		hear(s);
}

void
session_settle(struct session *s)
{
	while (s->oldest != NULL)
		hear(s);
}

/* Behind another only where BDAT is known to work: a server that offers CHUNKING
 * but does not know the command takes all those messages for commands, and what
 * its answers mean then nobody can tell.  Where it works, none of a message is
 * ever read as a command, refused or not (RFC 3030 2). */
static bool
may_join(const struct session *s, int64_t weight)
{
	return s->bdat_works && s->usable && s->in_flight < FLIGHT_MAX &&
	    s->weight + weight <= FLIGHT_OCTETS;
}

bool
session_is_idle(const struct session *s)
{
	return s->oldest == NULL;
}

bool
session_has_room(struct session *s, const struct session_data *d,
    size_t recipients)
{
	hear_what_is_there(s);
	return s->oldest == NULL || (transaction_can_fly(s, d) &&
	    may_join(s, weight_of(d, recipients)));
}

static void
fly(struct session *s, struct transaction *t)
{
	int64_t deadline = hurry(s);
	int rc = transaction_say(t);
	bool has_left = stream_has_left(s->stream);

	s->p.deadline = deadline;
	if (has_left)
		note_left(s, &t->status);
	if (rc == -1) {
		/* Those before it are answered still, as far as they left. */
		session_settle(s);
		return;
	}
	append(s, t);
	if (!has_left && s->held == NULL)
		s->held = t;
	if (!t->d.more)
		session_push(s);
}

/* Whether a flight can start: the server is there, and says nothing that it was
 * not asked for. */
static bool
can_begin(struct session *s, struct transaction *t)
{
	if (s->oldest != NULL)
		return true;
	if (s->usable)
		return dialogue_begin(s, DIAGNOSE_MAIL, &t->status) == 0;
	status_set(&t->status, EX_TEMPFAIL, "the connection to %s is over",
	    s->p.host);
	return false;
}

struct transaction *
session_start(struct session *s, const struct session_data *d,
    struct envelope *e)
{
	struct transaction *t = transaction_new(s, d, e);

	if (t->is_over)
		return t;
	t->weight = weight_of(d, t->to.count);
	/* DATA must be the last of its group (RFC 2920 3.1), and a large BDAT
	 * waits for the envelope: both read answers, and must be next in line. */
	if (t->how != BY_BDAT_AT_ONCE)
		session_settle(s);
	while (s->oldest != NULL && !may_join(s, t->weight))
		hear(s);
	if (!can_begin(s, t))
		transaction_leave_unsent(t);
	else if (t->how == BY_BDAT_AT_ONCE)
		fly(s, t);
	else
		transaction_run(t);
	return t;
}

bool
session_is_answered(struct transaction *t)
{
	/* What is there belongs to the oldest first. */
	if (!t->is_over && t == t->s->oldest)
		hear_what_is_there(t->s);
	return t->is_over;
}

int
session_finish(struct transaction *t, struct session_outcome *outcome,
    struct status *st)
{
	int rc;

	while (!t->is_over)
		hear(t->s);
	*outcome = t->outcome;
	if ((rc = t->rc) == -1)
		*st = t->status;
	transaction_free(t);
	return rc;
}
