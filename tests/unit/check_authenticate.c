/* SPDX-License-Identifier: ISC
 *
 * What becomes of AUTH lines that are longer than servers like.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "smtp/session.h"
#include "check_main.h"
#include "scripted_server.h"

#define HELLO	"<220 mx ready", ">EHLO me.example", "<250-mx hello", \
		"<250 AUTH PLAIN XOAUTH2"
/* base64 of user=app@x ^A auth=Bearer and so on */
#define BLOB	"dXNlcj1hcHBAeAFhdXRoPUJlYXJlci"
#define AT_ONCE	">AUTH XOAUTH2 " BLOB
#define BY_NAME	">AUTH XOAUTH2", "<334 ", ">" BLOB
#define TOO_LONG "<500 5.5.2 Line too long"
#define NO	"<535 5.7.8 Error: authentication failed"

static const struct row {
	const char	*name;
	const char	*steps[20];
	int		 reply;		/* of the status; 0: taken; -1: none */
	bool		 two_step;	/* learned */
	bool		 wants;		/* another session, for two steps */
	bool		 is_short, is_known;
} rows[] = {
	{ "taken at once", { HELLO, AT_ONCE, "<235 ok" },
	  .reply = 0 },
	/* Postfix */
	{ "cut", { HELLO, AT_ONCE, NO, BY_NAME, "<235 ok" },
	  .two_step = true },
	{ "cut, no enhanced code", { HELLO, AT_ONCE, "<535 no", BY_NAME,
	  "<235 ok" }, 0, .two_step = true },
	{ "cut, with a challenge", { HELLO, AT_ONCE,
	  "<334 eyJzdGF0dXMiOiI0MDEifQ==", ">", NO, BY_NAME, "<235 ok" },
	  .two_step = true },
	/* The token is no good: not a third time, and the first no counts. */
	{ "no, both ways", { HELLO, AT_ONCE, NO, BY_NAME, NO }, .reply = 535 },
	{ "no, and then nonsense", { HELLO, AT_ONCE, NO, ">AUTH XOAUTH2",
	  "<503 5.5.1 enough" }, .reply = 535 },
	{ "no, and then nothing", { HELLO, AT_ONCE, NO, ">AUTH XOAUTH2", "!" },
	  .reply = 535 },
	{ "no, and then not now", { HELLO, AT_ONCE, NO, BY_NAME,
	  "<454 4.7.0 later" }, .reply = 535 },
	/* Exchange read all of it. */
	{ "Exchange's no", { HELLO, AT_ONCE,
	  "<535 5.7.3 Authentication unsuccessful" }, .reply = 535 },
	{ "Exchange's policy", { HELLO, AT_ONCE, "<535 5.7.139 "
	  "Authentication unsuccessful" }, .reply = 535 },
	{ "not a matter of credentials", { HELLO, AT_ONCE, "<454 4.7.0 later" },
	  .reply = 454 },
	{ "a line that nobody cuts", { HELLO, AT_ONCE, NO }, .reply = 535,
	  .is_short = true },
	/* Dovecot */
	{ "refused", { HELLO, AT_ONCE, TOO_LONG, BY_NAME, "<235 ok" },
	  .two_step = true },
	{ "refused, and so is the token", { HELLO, AT_ONCE, TOO_LONG, BY_NAME,
	  NO }, .reply = 535 },
	{ "refused, and the end", { HELLO, AT_ONCE, TOO_LONG, "^" },
	  .reply = -1, .wants = true },
	{ "the end, without a word", { HELLO, AT_ONCE, "^" },
	  .reply = -1, .wants = true },
	{ "the end of a short one", { HELLO, AT_ONCE, "^" },
	  .reply = -1, .is_short = true },
	{ "the end, in two steps", { HELLO, BY_NAME, "^" },
	  .reply = -1, .is_known = true },
	{ "the end, after a challenge", { HELLO, AT_ONCE,
	  "<334 eyJzdGF0dXMiOiI0MDEifQ==", ">", "^" }, .reply = -1 },
	{ "refused by 421", { HELLO, AT_ONCE, "<421 4.7.0 line too long", "!" },
	  .reply = 421, .wants = true },
	{ "refused piece by piece", { HELLO, AT_ONCE,
	  "(500 5.5.2 Line too long\r\n500 5.5.1 what?\r\n", "~" },
	  .reply = 500, .wants = true },
	{ "refused piece by piece, slowly", { HELLO, AT_ONCE, TOO_LONG,
	  ">AUTH XOAUTH2", "<500 5.5.1 what?" }, .reply = 500, .wants = true },
	{ "known to refuse", { HELLO, ">AUTH XOAUTH2", "<500 5.5.1 what?" },
	  .reply = 500, .is_known = true },
	{ "Exchange's quarrel with what is in it", { HELLO, AT_ONCE,
	  "<501 5.5.127 Token will expire soon" }, .reply = 501 },
	{ "known to cut", { HELLO, BY_NAME, NO }, .reply = 535, .is_known = true },
};

START_TEST(a_long_line)
{
	const struct row *row = &rows[_i];
	char token[1500];
	const struct session_credential c = { .mechanism = SESSION_XOAUTH2,
	    .user = "app@x", .secret = token };
	struct session_params p = {
		.host = "127.0.0.1", .ehlo_name = "me.example",
		.tls = SESSION_PLAIN, .deadline = clock_deadline(10000),
		.auth_two_step = row->is_known,
	};
	struct forked_server server;
	struct session_cost cost;
	struct status st = STATUS_INIT;
	struct session *s;

	memset(token, 'x', sizeof token);
	token[row->is_short ? 200 : sizeof token - 1] = '\0';
	scripted_server_start(&server, row->steps);
	p.port = server.port;
	s = session_open(&p, &st);
	ck_assert_ptr_nonnull(s);
	ck_assert_msg(session_authenticate(s, &c, &st) ==
	    (row->reply == 0 ? 0 : -1), "%s: %s", row->name, st.text);
	ck_assert_msg(st.reply == (row->reply == -1 ? 0 : row->reply), "%s: %d",
	    row->name, st.reply);
	session_cost(s, &cost);
	ck_assert_msg(cost.wants_two_step == row->wants, "%s", row->name);
	ck_assert_msg(cost.two_step == row->two_step, "%s", row->name);
	session_close(s);
	ck_assert_msg(forked_server_end(&server) == 0, "%s", row->name);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("authenticate");
	TCase *t = tcase_create("authenticate");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, a_long_line, 0, sizeof rows / sizeof *rows);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
