/* SPDX-License-Identifier: ISC
 *
 * Several messages in flight, against servers that read from a script and do not
 * keep to the standards: whose answer was it, and what is known of the others?
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "smtp/session.h"
#include "check_main.h"
#include "scripted_server.h"

#define MESSAGE	"Subject: x\r\n\r\nhello\r\n"
#define LETTERS	4
#define LARGE	(16 << 20)	/* more than the path can hold */

#define HELLO	"<220 mx", ">EHLO", "<250-mx", "<250-PIPELINING", "<250 CHUNKING"
#define SAID	">MAIL FROM:<a@x>", ">RCPT TO:<b@x>", ">BDAT 21 LAST", "[21"
#define TAKEN	"<250 ok", "<250 ok", "<250 ok"
#define FIRST	HELLO, SAID, TAKEN
/* The second and the third, neither of which is answered yet. */
#define BOTH	FIRST, SAID, ">RSET", SAID

/* `states`: of each message, as in check_session.c; in capitals if its answer is
 * not known. */
static const struct flight {
	const char	*name;
	const char	*steps[40];
	const char	*states;		/* with a fourth: that is kept back */
	const char	*says;			/* of one behind the first */
	bool		 dead;
} flights[] = {
	{ "as it should be", { BOTH, TAKEN, "<250 ok", TAKEN },
	  "ddd", "", false },
	{ "the second is refused", { BOTH, "<250 ok", "<250 ok",
	  "<554 5.6.0 no", "<250 ok", TAKEN }, "drd", "", false },
	{ "its sender is refused", { BOTH, "<450 4.1.8 no", "<503 no",
	  "<503 no", "<250 ok", TAKEN }, "dwd", "", false },
	/* What is taken although it was refused is the answer to something
	 * else, and so is what follows. */
	{ "its sender is refused, and it is taken", { BOTH, "<450 4.1.8 no",
	  "<503 no", "<250 ok", "<250 ok", TAKEN }, "dWW",
	  "sender it had refused", true },
	{ "RSET is refused, and it is taken", { BOTH, TAKEN,
	  "<502 5.5.1 what?", "<503 5.5.1 nested", "<250 ok", "<250 ok" },
	  "ddW", "RSET refused", true },
	{ "354 for RSET", { BOTH, TAKEN, "<354 go", TAKEN }, "ddW",
	  "MAIL FROM with 354", true },
	{ "354 for MAIL", { BOTH, "<354 go", "<250 ok", "<250 ok", "<250 ok",
	  TAKEN }, "dWW", "MAIL FROM with 354", true },
	{ "334 for RCPT", { BOTH, "<250 ok", "<334 ", "<250 ok", "<250 ok",
	  TAKEN }, "dWW", "RCPT TO with 334", true },
	{ "354 for BDAT", { BOTH, "<250 ok", "<250 ok", "<354 go", "<250 ok",
	  TAKEN }, "dWW", "the message with 354", true },
	{ "a line that is none", { BOTH, "<250 ok", "<hello", TAKEN, TAKEN },
	  "dWW", "reply code", true },
	{ "421 for the second", { BOTH, "<250 ok", "<250 ok",
	  "<421 4.3.2 bye", "^" }, "dww", "broke off", true },
	/* The session is over, but what was said before has its answers. */
	{ "another cannot follow", { BOTH, TAKEN, "<250 ok", TAKEN }, "dddw",
	  "kept back", true },
	{ "another cannot follow, the second's sender is refused", { BOTH,
	  "<450 4.1.8 no", "<503 no", "<503 no", "<250 ok", TAKEN }, "dwdw",
	  "kept back", true },
	{ "another cannot follow, the second does not know BDAT", { BOTH,
	  "<250 ok", "<250 ok", "<502 5.5.1 what?", "<250 ok", TAKEN }, "dpdw",
	  "kept back", true },
	{ "another cannot follow, and what is refused is taken", { BOTH,
	  "<450 4.1.8 no", "<503 no", "<250 ok", "<250 ok", TAKEN }, "dWWw",
	  "sender it had refused", true },
};

struct letter {
	struct recipient	recipient;
	struct envelope		envelope;
	struct session_data	data;
	struct transaction	*transaction;
	struct session_outcome	outcome;
	struct status		st;
	int64_t			left;		/* not read yet */
	int			waited;
};

static char address[] = "b@x";
static struct letter letters[LETTERS];

static long
read_message(void *context, char *to, size_t size, struct status *st)
{
	struct letter *l = context;

	(void)st;
	ck_assert_uint_ge(size, strlen(MESSAGE));
	if (l->left < (int64_t)size)
		size = (size_t)l->left;
	memset(to, 'x', size);
	if (l->left == (int64_t)strlen(MESSAGE))
		memcpy(to, MESSAGE, size);
	l->left -= (int64_t)size;
	return (long)size;
}

static int
keep_back(void *context, struct status *st)
{
	(void)context;
	return status_set(st, EX_TEMPFAIL, "kept back");
}

static void
note_waits(void *context)
{
	struct letter *l = context;

	l->waited++;
}

static void
write_letters(void)
{
	struct letter *l;

	for (l = letters; l < letters + LETTERS; l++) {
		*l = (struct letter){ .recipient.address = address,
		    .st = STATUS_INIT, .left = (int64_t)strlen(MESSAGE) };
		l->envelope = (struct envelope){ .recipients = &l->recipient,
		    .count = 1 };
		l->data = (struct session_data){
			.mail_from = "a@x", .size = strlen(MESSAGE),
			.read = read_message, .context = l,
			.max_recipients = 10,
			.waits = note_waits,
		};
	}
}

static void
forget_letters(void)
{
	struct letter *l;

	for (l = letters; l < letters + LETTERS; l++)
		fate_release(l->recipient.fate);
}

static void
start(struct session *s, struct letter *l)
{
	l->transaction = session_start(s, &l->data, &l->envelope);
}

static void
finish(struct letter *l)
{
	(void)session_finish(l->transaction, &l->outcome, &l->st);
}

static struct session *
open_session(struct forked_server *server, const char *const *steps)
{
	struct session_params p = {
		.host = "127.0.0.1", .ehlo_name = "me.example",
		.tls = SESSION_PLAIN, .use_chunking = true,
		.deadline = clock_deadline(10000), .answer_ms = 10000,
	};
	struct status st = STATUS_INIT;
	struct session *s;

	write_letters();
	scripted_server_start(server, steps);
	p.port = server->port;
	s = session_open(&p, &st);
	ck_assert_ptr_nonnull(s);
	return s;
}

/* The first shows that BDAT works; the others fly together.  `more`: they leave
 * together, too. */
static void
send_all(struct session *s, int count, bool more)
{
	int i;

	for (i = 0; i < LETTERS; i++)
		letters[i].data.more = more;
	start(s, &letters[0]);
	finish(&letters[0]);
	start(s, &letters[1]);
	ck_assert(!session_is_answered(letters[1].transaction));
	start(s, &letters[2]);
	letters[LETTERS - 1].data.sent_all = keep_back;
	if (count == LETTERS)
		start(s, &letters[LETTERS - 1]);
	for (i = 1; i < count; i++)
		finish(&letters[i]);
}

static bool
somebody_says(const char *what)
{
	const struct letter *l;

	for (l = letters; l < letters + LETTERS; l++)
		if (strstr(l->st.text, what) != NULL)
			return true;
	return false;
}

static char
state(const struct letter *l)
{
	static const char known[] = {
		[RECIPIENT_PENDING] = 'p', [RECIPIENT_ACCEPTED] = 'a',
		[RECIPIENT_DELIVERED] = 'd', [RECIPIENT_DEFERRED] = 'w',
		[RECIPIENT_REFUSED] = 'r' };
	char c = known[l->recipient.state];

	return l->outcome.answer_unknown ? (char)(c - 'a' + 'A') : c;
}

START_TEST(answers_that_make_no_sense_end_it)
{
	const struct flight *f = &flights[_i / 2];
	struct forked_server server;
	struct session *s = open_session(&server, f->steps);
	const struct status *second = &letters[1].st, *third = &letters[2].st;
	int i, count = (int)strlen(f->states);
	char states[LETTERS + 1] = "";

	send_all(s, count, _i % 2 != 0);
	for (i = 0; i < count; i++)
		states[i] = state(&letters[i]);
	ck_assert_msg(strcmp(states, f->states) == 0, "%s: %s, %s; %s",
	    f->name, states, second->text, third->text);
	ck_assert_msg(somebody_says(f->says), "%s: %s; %s", f->name,
	    second->text, third->text);
	ck_assert_msg(session_is_usable(s) == !f->dead, "%s", f->name);
	session_close(s);
	ck_assert_msg(forked_server_end(&server) == 0, "%s", f->name);
}
END_TEST

/* All but the first, the last of which may be one that does not wait. */
static void
hold_all(struct session *s, bool last)
{
	int i;

	start(s, &letters[0]);
	finish(&letters[0]);
	for (i = 1; i < LETTERS; i++)
		letters[i].data.more = last || i < LETTERS - 1;
}

static void
finish_all(char states[LETTERS + 1])
{
	int i;

	for (i = 0; i < LETTERS; i++) {
		if (i != 0)
			finish(&letters[i]);
		states[i] = state(&letters[i]);
	}
	states[LETTERS] = '\0';
}

/* What is held has not been said: a server that hangs up meanwhile has none of
 * it. */
START_TEST(what_is_held_never_left)
{
	static const char *const steps[] = { FIRST, "~", NULL };
	struct forked_server server;
	struct session *s = open_session(&server, steps);
	char states[LETTERS + 1];

	hold_all(s, _i != 0);
	start(s, &letters[1]);
	start(s, &letters[2]);
	ck_assert_int_eq(kill(server.pid, SIGKILL), 0);
	ck_assert_int_eq(forked_server_end(&server), -1);
	start(s, &letters[3]);
	finish_all(states);
	ck_assert_str_eq(states, "dppp");
	ck_assert(letters[1].outcome.unsent);
	ck_assert(letters[3].outcome.unsent);
	ck_assert(!session_is_usable(s));
	session_close(s);
}
END_TEST

/* They are more than the queue holds: two have left when the second is said. */
START_TEST(what_has_left_may_have_arrived)
{
	static const char *const steps[] = { FIRST, "~", NULL };
	struct forked_server server;
	struct session *s = open_session(&server, steps);
	char states[LETTERS + 1];
	int i;

	hold_all(s, true);
	for (i = 1; i < LETTERS; i++) {
		letters[i].data.size = letters[i].left = 40000;
		start(s, &letters[i]);
	}
	ck_assert_int_eq(kill(server.pid, SIGKILL), 0);
	ck_assert_int_eq(forked_server_end(&server), -1);
	finish_all(states);
	ck_assert_str_eq(states, "dWWp");
	session_close(s);
}
END_TEST

/* It is more than the queue holds, and nobody pushes it. */
START_TEST(what_has_begun_to_leave_leaves_in_full)
{
	static const char *const steps[] = { FIRST, ">MAIL", ">RCPT",
	    ">BDAT 65536", "[65536", TAKEN, "^", NULL };
	struct forked_server server;
	struct session *s = open_session(&server, steps);

	start(s, &letters[0]);
	finish(&letters[0]);
	letters[1].data.more = true;
	letters[1].data.size = letters[1].left = 65536;
	start(s, &letters[1]);
	ck_assert_int_eq(forked_server_end(&server), 0);
	finish(&letters[1]);
	ck_assert_int_eq(state(&letters[1]), 'd');
	session_close(s);
}
END_TEST

static const struct forked_server *awaited;

static int
keep_back_when_it_is_gone(void *context, struct status *st)
{
	ck_assert_int_eq(forked_server_end(awaited), 0);
	return keep_back(context, st);
}

/* The third drives them out, and cannot follow: their answers are theirs still. */
START_TEST(what_was_driven_out_is_answered)
{
	static const char *const steps[] = { FIRST, SAID, TAKEN, ">RSET",
	    ">MAIL", ">RCPT", ">BDAT 50000", "[50000", "<250 ok", TAKEN, "^",
	    NULL };
	struct forked_server server;
	struct session *s = open_session(&server, steps);
	char states[LETTERS + 1];

	awaited = &server;
	hold_all(s, true);
	letters[2].data.size = letters[2].left = 50000;
	letters[3].data.size = letters[3].left = 60000;
	letters[3].data.sent_all = keep_back_when_it_is_gone;
	start(s, &letters[1]);
	start(s, &letters[2]);
	start(s, &letters[3]);
	finish_all(states);
	ck_assert_str_eq(states, "dddw");
	session_close(s);
}
END_TEST

/* Answers to what was not said yet: nothing is delivered before it has left. */
START_TEST(what_never_left_is_not_answered)
{
	static const char *const steps[] = { FIRST, ">MAIL", TAKEN, "<250 ok",
	    TAKEN, "^", NULL };
	struct forked_server server;
	struct session *s = open_session(&server, steps);

	start(s, &letters[0]);
	finish(&letters[0]);
	start(s, &letters[1]);
	letters[2].data.more = true;
	start(s, &letters[2]);
	ck_assert_int_eq(forked_server_end(&server), 0);
	finish(&letters[1]);
	finish(&letters[2]);
	ck_assert_int_eq(state(&letters[1]), 'd');
	ck_assert_int_eq(state(&letters[2]), 'p');
	session_close(s);
}
END_TEST

/* While all that are begun are held, nobody was asked. */
START_TEST(who_speaks_out_of_turn_is_told_nothing)
{
	static const char *const steps[][20] = {
		{ FIRST, "=50", "<250 ok", "~", NULL },
		{ FIRST, "=50", "<421 4.3.2 going down", "~", NULL },
		{ FIRST, "=50", "<421 4.3.2 going down", "^", NULL },
	};
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct forked_server server;
	struct session *s = open_session(&server, steps[_i]);
	char states[LETTERS + 1];

	hold_all(s, true);
	start(s, &letters[1]);
	start(s, &letters[2]);
	while (session_is_quiet(s))
		nanosleep(&pause, NULL);
	start(s, &letters[3]);
	session_push(s);
	finish_all(states);
	ck_assert_str_eq(states, "dppp");
	ck_assert_ptr_nonnull(strstr(letters[1].st.text,
	    _i == 0 ? "out of turn" : "broke off"));
	ck_assert_int_eq(letters[1].st.reply, _i == 0 ? 0 : 421);
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* Their time begins when they leave. */
START_TEST(to_be_held_takes_nobodys_time)
{
	static const char *const steps[] = { BOTH, TAKEN, "<250 ok", TAKEN,
	    NULL };
	const struct timespec pause = { .tv_sec = 2, .tv_nsec = 100000000 };
	struct forked_server server;
	struct session *s = open_session(&server, steps);

	start(s, &letters[0]);
	finish(&letters[0]);
	session_set_deadline(s, clock_deadline(2000));
	letters[1].data.more = true;
	letters[2].data.more = _i != 0;
	start(s, &letters[1]);
	nanosleep(&pause, NULL);
	session_set_deadline(s, clock_deadline(10000));
	start(s, &letters[2]);
	finish(&letters[1]);
	finish(&letters[2]);
	ck_assert_int_eq(state(&letters[1]), 'd');
	ck_assert_int_eq(state(&letters[2]), 'd');
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* Nothing is said before it has to be. */
START_TEST(what_is_held_leaves_when_it_is_pushed)
{
	static const char *const steps[] = { FIRST, SAID, ">RSET", SAID, TAKEN,
	    "<250 ok", TAKEN, NULL };
	struct forked_server server;
	struct session *s = open_session(&server, steps);
	struct session_cost before, after;

	start(s, &letters[0]);
	finish(&letters[0]);
	session_cost(s, &before);
	letters[1].data.more = letters[2].data.more = true;
	start(s, &letters[1]);
	start(s, &letters[2]);
	session_cost(s, &after);
	ck_assert_int_eq(after.flights, before.flights);
	session_push(s);
	session_cost(s, &after);
	ck_assert_int_eq(after.flights, before.flights + 1);
	finish(&letters[1]);
	finish(&letters[2]);
	ck_assert_int_eq(state(&letters[1]), 'd');
	ck_assert_int_eq(state(&letters[2]), 'd');
	session_push(s);
	session_push(NULL);
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* Half a reply is waited for when it is wanted, and not before. */
START_TEST(half_a_reply_keeps_nobody_waiting)
{
	static const char *const steps[] = { FIRST, SAID,
	    "(250-half\r\n250 a re", ">RSET", SAID, "<ply", "<250 ok",
	    "<250 ok", "<250 ok", TAKEN, NULL };
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct forked_server server;
	struct session *s = open_session(&server, steps);
	int i;

	start(s, &letters[0]);
	finish(&letters[0]);
	start(s, &letters[1]);
	for (i = 0; i < 20; i++) {
		ck_assert(!session_is_answered(letters[1].transaction));
		ck_assert(session_has_room(s, &letters[2].data, 1));
		nanosleep(&pause, NULL);	/* it will come meanwhile */
	}
	start(s, &letters[2]);
	finish(&letters[1]);
	finish(&letters[2]);
	ck_assert_int_eq(state(&letters[2]), 'd');
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* To say one may take long; and so may the answer to another. */
START_TEST(those_in_flight_can_hold_their_locks)
{
	static const char *const steps[] = { BOTH, TAKEN, "<250 ok", TAKEN,
	    NULL };
	struct forked_server server;
	struct session *s = open_session(&server, steps);

	start(s, &letters[0]);
	finish(&letters[0]);
	ck_assert_int_eq(letters[0].waited, 1);
	start(s, &letters[1]);
	start(s, &letters[2]);
	finish(&letters[1]);
	finish(&letters[2]);
	/* Half a minute has not passed. */
	ck_assert_int_eq(letters[1].waited + letters[2].waited, 0);
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

/* An answer to what is not there yet is none. */
START_TEST(a_large_message_is_not_taken_before_its_end)
{
	static const char *const steps[] = { HELLO, ">MAIL", ">RCPT",
	    "<250 ok", "<250 ok", ">BDAT", "<250 how nice", "~", NULL };
	struct letter *l = &letters[0];
	struct forked_server server;
	struct session *s = open_session(&server, steps);

	l->data.size = l->left = LARGE;
	start(s, l);
	finish(l);
	ck_assert_int_eq(state(l), 'w');
	ck_assert_ptr_nonnull(strstr(l->st.text, "out of turn"));
	session_close(s);
	ck_assert_int_eq(forked_server_end(&server), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("flight");
	TCase *t = tcase_create("flight");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, NULL, forget_letters);
	tcase_add_loop_test(t, answers_that_make_no_sense_end_it, 0,
	    2 * sizeof flights / sizeof *flights);
	tcase_add_loop_test(t, what_is_held_never_left, 0, 2);
	tcase_add_test(t, what_has_left_may_have_arrived);
	tcase_add_test(t, what_has_begun_to_leave_leaves_in_full);
	tcase_add_test(t, what_was_driven_out_is_answered);
	tcase_add_test(t, what_never_left_is_not_answered);
	tcase_add_loop_test(t, who_speaks_out_of_turn_is_told_nothing, 0, 3);
	tcase_add_loop_test(t, to_be_held_takes_nobodys_time, 0, 2);
	tcase_add_test(t, what_is_held_leaves_when_it_is_pushed);
	tcase_add_test(t, half_a_reply_keeps_nobody_waiting);
	tcase_add_test(t, those_in_flight_can_hold_their_locks);
	tcase_add_test(t, a_large_message_is_not_taken_before_its_end);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
