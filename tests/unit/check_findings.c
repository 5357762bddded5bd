/* SPDX-License-Identifier: ISC
 *
 * What people paste.
 */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "cli/exit_text.h"
#include "cli/findings.h"
#include "cli/meaning.h"

#define R FOUND_REPLY
#define T FOUND_TOKEN
#define X FOUND_EXIT
#define STAGE(name) DIAGNOSE_##name

static const struct {
	const char	*text;
	size_t		 count;
	enum finding_kind kind;
	int		 number;	/* reply or exit code */
	const char	*enhanced, *words;
	long		 aadsts;
	const char	*oauth_error;
	enum diagnose_stage stage;
} cases[] = {
	{ "535 5.7.3 Authentication unsuccessful [host]", 1, R, 535, "5.7.3",
	  "Authentication unsuccessful [host]", 0, "", STAGE(ANY) },
	{ "535", 1, R, 535, "", "", 0, "", STAGE(ANY) },
	{ " 535\n", 1, R, 535, "", "", 0, "", STAGE(ANY) },
	{ "5.7.139", 1, R, 0, "5.7.139", "", 0, "", STAGE(ANY) },
	{ "535 5.7.3", 1, R, 535, "5.7.3", "", 0, "", STAGE(ANY) },
	{ "451 5.7.3 STARTTLS is required to send mail", 1, R, 451, "5.7.3",
	  "STARTTLS is required to send mail", 0, "", STAGE(ANY) },
	{ "535-5.7.139 Authentication unsuccessful,\r\n"
	  "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant.\r\n",
	  1, R, 535, "5.7.139", "Authentication unsuccessful, "
	  "SmtpClientAuthentication is disabled for the Tenant.", 0, "",
	  STAGE(ANY) },
	/* Other mailers. */
	{ "to=<a@b.c>, relay=smtp.office365.com[52.97.1.2]:587, dsn=5.7.57, "
	  "status=bounced (host smtp.office365.com[52.97.1.2] said: 530 5.7.57 "
	  "Client not authenticated to send mail. (in reply to MAIL FROM "
	  "command))", 1, R, 530, "5.7.57", "Client not authenticated to send "
	  "mail. (in reply to MAIL FROM command))", 0, "", STAGE(MAIL) },
	{ "SASL authentication failed; server smtp.office365.com[1.2.3.4] said: "
	  "535 5.7.3 no", 1, R, 535, "5.7.3", "no", 0, "", STAGE(AUTH) },
	{ "Diagnostic-Code: smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound", 1,
	  R, 550, "5.1.10", "RESOLVER.ADR.RecipientNotFound", 0, "",
	  STAGE(ANY) },
	{ "smtplib.SMTPAuthenticationError: (535, b'5.7.3 Authentication "
	  "unsuccessful')", 1, R, 0, "5.7.3", "Authentication unsuccessful')", 0,
	  "", STAGE(ANY) },
	{ "msmtp: server message: 535 5.7.3 Authentication unsuccessful", 1, R,
	  535, "5.7.3", "Authentication unsuccessful", 0, "", STAGE(ANY) },
	{ "SMTP error 535", 1, R, 535, "", "", 0, "", STAGE(ANY) },
	/* Ours. */
	{ "mailbearer: MAIL FROM:<a@b.c> refused: 550 no", 1, R, 550, "", "no",
	  0, "", STAGE(MAIL) },
	{ "mailbearer: EHLO refused: 501 5.5.4 Invalid domain name", 1, R, 501,
	  "5.5.4", "Invalid domain name", 0, "", STAGE(EHLO) },
	{ "mailbearer[1]: deferred uid=0 account=alerts exit=77 reply=535 "
	  "enhanced=5.7.3 error=\"smtp refused to authenticate\" "
	  "remote=\"Authentication \\\"unsuccessful\\\"\" hint=x", 1, R, 535,
	  "5.7.3", "Authentication \"unsuccessful\"", 0, "", STAGE(ANY) },
	{ "deferred exit=77 reply=401 error=\"no token for app x\" "
	  "remote=\"invalid_client: AADSTS7000215: Invalid client secret\"", 1, T,
	  401, "", "invalid_client: AADSTS7000215: Invalid client secret",
	  7000215, "invalid_client", STAGE(TOKEN) },
	{ "deferred exit=75 error=\"h: Connection refused\" hint=\"look there\"",
	  1, X, 75, "", "h: Connection refused", 0, "", STAGE(ANY) },
	/* The token endpoint. */
	{ "AADSTS7000222", 1, T, 0, "", "AADSTS7000222", 7000222, "",
	  STAGE(TOKEN) },
	{ "7000222", 1, T, 0, "", "", 7000222, "", STAGE(TOKEN) },
	{ "error AADSTS50012: x\nand aadsts700027: y", 2, T, 0, "",
	  "error AADSTS50012: x", 50012, "", STAGE(TOKEN) },
	{ "got invalid_scope back", 1, T, 0, "", "got invalid_scope back", 0,
	  "invalid_scope", STAGE(TOKEN) },
	{ "{\"error\":\"invalid_client\",\n\"error_description\":\"AADSTS7000215: "
	  "no\",\"error_codes\":[7000215]}", 1, T, 0, "", "AADSTS7000215: no",
	  7000215, "invalid_client", STAGE(TOKEN) },
	{ "HTTP 400 {\"error\":\"invalid_grant\",\"error_description\":"
	  "\"AADSTS50196: x\"} end", 1, T, 0, "", "AADSTS50196: x", 50196,
	  "invalid_grant", STAGE(TOKEN) },
	/* Exit codes. */
	{ "75", 1, X, 75, "", "", 0, "", STAGE(ANY) },
	{ "EX_NOPERM", 1, X, 77, "", "", 0, "", STAGE(ANY) },
	{ "sendmail: exit status 78", 1, X, 78, "", "", 0, "", STAGE(ANY) },
	{ "child exited with 67", 1, X, 67, "", "", 0, "", STAGE(ANY) },
	{ "CRON[7]: mailed 5 bytes of output but got status 0x004b from MTA", 1,
	  X, 75, "", "", 0, "", STAGE(ANY) },
	{ "mailed 5 bytes of output but got status 0x4e00 from MTA", 1, X, 78, "",
	  "", 0, "", STAGE(ANY) },
	{ "got status 0x0001 from MTA", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	/* A dialogue: each failure, once. */
	{ "535 5.7.3 no\n535 5.7.3 no\n", 1, R, 535, "5.7.3", "no", 0, "",
	  STAGE(ANY) },
	{ "<<< 250 2.1.0 Sender OK\n", 1, R, 250, "2.1.0", "Sender OK", 0, "",
	  STAGE(ANY) },
	/* Nothing. */
	{ "", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	{ "hello", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	{ "it took 450 ms on port 587 of 10.5.7.3 with version 5.7.139.2", 0, R,
	  0, "", "", 0, "", STAGE(ANY) },
	{ "AADSTS", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	{ "{\"error\":", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	{ "12", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	{ "999", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	{ "-5", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	{ "exit", 0, R, 0, "", "", 0, "", STAGE(ANY) },
	{ "535-", 1, R, 535, "", "", 0, "", STAGE(ANY) },
};

START_TEST(texts_are_understood)
{
	struct finding list[FINDINGS_MAX];
	const struct finding *f = &list[0];
	size_t n = findings_read(list, cases[_i].text, strlen(cases[_i].text));

	ck_assert_msg(n == cases[_i].count, "%zu in \"%s\"", n, cases[_i].text);
	if (n == 0)
		return;
	ck_assert_int_eq(f->kind, cases[_i].kind);
	ck_assert_int_eq(f->kind == X ? f->sysexit : f->reply,
	    cases[_i].number);
	ck_assert_str_eq(f->enhanced, cases[_i].enhanced);
	ck_assert_str_eq(f->words, cases[_i].words);
	ck_assert_int_eq(f->aadsts, cases[_i].aadsts);
	ck_assert_str_eq(f->oauth_error, cases[_i].oauth_error);
	ck_assert_int_eq(f->stage, cases[_i].stage);
}
END_TEST

START_TEST(a_refused_sender_names_both_addresses)
{
	static const char text[] = "554 5.2.252 SendAsDenied; a@x.de not allowed "
	    "to send as b@y.de; STOREDRV.Submission.Exception";
	struct finding list[FINDINGS_MAX];

	ck_assert_uint_eq(findings_read(list, text, strlen(text)), 1);
	ck_assert_str_eq(list[0].mailbox, "a@x.de");
	ck_assert_str_eq(list[0].from, "b@y.de");
}
END_TEST

START_TEST(a_log_names_the_account)
{
	static const char text[] = "Nov 21 10:00:00 h mailbearer[7]: deferred "
	    "account=alerts exit=75 error=x";
	struct finding list[FINDINGS_MAX];

	ck_assert_uint_eq(findings_read(list, text, strlen(text)), 1);
	ck_assert_str_eq(list[0].account, "alerts");
}
END_TEST

/* What became of a message is what the log says, and not what a caller would
 * have got for the same failure. */
static const struct {
	const char *event, *rest, *means, *mail;
} fates[] = {
	{ "spooled id=1-2 uid=0", "exit=75 error=\"h: Connection refused\"",
	  "it cannot be sent now", "kept in the spool" },
	{ "deferred id=1-2", "exit=78 error=\"no account x\"",
	  "the configuration is wrong", "kept in the spool" },
	{ "deferred id=1-2", "exit=77 reply=535 enhanced=5.7.3 error=\"smtp "
	  "refused to authenticate\" remote=no", "Exchange Online does not accept",
	  "kept in the spool" },
	{ "spool-error id=1-2", "exit=73 error=full", "the spool", "kept in the "
	  "spool" },
	{ "failed id=1-2", "exit=75 error=late", "it cannot be sent now",
	  "in failed/" },
	{ "given-up id=1-2", "exit=75 reply=451 error=late remote=busy",
	  "the server cannot", "in failed/" },
	{ "expired id=1-2", "exit=69 error=no", "the server refused", "gone" },
	{ "refused uid=0", "exit=75 error=late", "spool is off",
	  "the calling program still has it" },
	{ "refused uid=0", "exit=75 reply=451 error=late remote=busy",
	  "the server cannot", "neither sent nor kept" },
	{ "", " exit=75 error=late", "spool is off", "neither sent nor kept" },
};

START_TEST(a_log_tells_what_became_of_the_message)
{
	struct finding list[FINDINGS_MAX];
	struct explained e;
	char line[400];

	snprintf(line, sizeof line, "Nov 21 10:00:00 h mailbearer[7]: %s to=a@b.c "
	    "%s", fates[_i].event, fates[_i].rest);
	ck_assert_uint_eq(findings_read(list, line, strlen(line)), 1);
	meaning_find(&e, &list[0], NULL);
	ck_assert_msg(strstr(e.meanings[0].means, fates[_i].means) != NULL,
	    "%s: %s", line, e.meanings[0].means);
	ck_assert_msg(strstr(e.meanings[0].mail, fates[_i].mail) != NULL,
	    "%s: %s", line, e.meanings[0].mail);
	if (strstr(fates[_i].mail, "neither") == NULL &&
	    strstr(fates[_i].mail, "calling") == NULL)
		ck_assert_ptr_null(strstr(e.meanings[0].mail, "neither"));
}
END_TEST

/* More than fits, longer than fits, bytes that are no text. */
START_TEST(there_is_no_text_that_hurts)
{
	static char text[64 * 1024];
	struct finding list[FINDINGS_MAX];
	size_t i, n = 0;

	while (n < sizeof text - 64)
		n += (size_t)snprintf(text + n, 64, "55%zu 5.7.%zu AADSTS%zu\n",
		    n % 10, n % 1000, n);
	ck_assert_uint_eq(findings_read(list, text, n), FINDINGS_MAX);
	memset(text, '5', sizeof text);
	ck_assert_uint_eq(findings_read(list, text, sizeof text), 0);
	memcpy(text, "535-", 4);
	findings_read(list, text, sizeof text);
	ck_assert_uint_eq(findings_read(list, "535 \033[31m\377", 10), 1);
	ck_assert_str_eq(list[0].words, "?[31m?");
	for (i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7919 >> 3);
	findings_read(list, text, sizeof text);
}
END_TEST

START_TEST(every_exit_code_of_the_catalogue_has_a_text)
{
	const struct diagnosis *d;
	size_t i;

	for (i = 0; (d = diagnose_row(i)) != NULL; i++) {
		ck_assert_ptr_nonnull(exit_text(d->sysexit));
		ck_assert_int_eq(exit_text_number(exit_text(d->sysexit)->name),
		    d->sysexit);
	}
	ck_assert_int_eq(exit_text_number("EX_TEMPFAILURE"), -1);
	ck_assert_ptr_null(exit_text(1));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("findings");
	TCase *t = tcase_create("findings");

	tcase_add_loop_test(t, texts_are_understood, 0,
	    sizeof cases / sizeof *cases);
	tcase_add_test(t, a_refused_sender_names_both_addresses);
	tcase_add_test(t, a_log_names_the_account);
	tcase_add_loop_test(t, a_log_tells_what_became_of_the_message, 0,
	    sizeof fates / sizeof *fates);
	tcase_add_test(t, there_is_no_text_that_hurts);
	tcase_add_test(t, every_exit_code_of_the_catalogue_has_a_text);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
