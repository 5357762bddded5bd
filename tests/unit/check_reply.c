/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "smtp/ehlo.h"
#include "smtp/reply.h"
#include "check_main.h"

/* `lines` are separated by '\n'. */
static int
feed(struct reply *r, const char *lines, const char **why)
{
	size_t len;
	int done = 0;

	for (; done == 0 && *lines != '\0'; lines += len) {
		lines += *lines == '\n';
		len = strcspn(lines, "\n");
		done = reply_add_line(r, lines, len, why);
	}
	return done;
}

static const struct {
	const char	*lines;
	int		 code;
	const char	*enhanced, *words;
} good[] = {
	{ "250 OK", 250, "", "OK" },
	{ "250", 250, "", "" },
	{ "250 ", 250, "", "" },
	{ "334 ", 334, "", "" },
	{ "250 2.1.0 Sender OK", 250, "2.1.0", "Sender OK" },
	{ "250  2.1.0  Sender OK", 250, "2.1.0", "Sender OK" },
	{ "250 2.1.0", 250, "2.1.0", "" },
	{ "535 5.7.139 Authentication unsuccessful [host]", 535, "5.7.139",
	  "Authentication unsuccessful [host]" },
	{ "550-5.1.1 no such\n550 5.1.1 user", 550, "5.1.1", "no such user" },
	{ "550-no\n550-\n550 5.1.1 user", 550, "5.1.1", "no user" },
	/* The class of the two codes differs: then it is just text. */
	{ "451 5.7.3 STARTTLS is required", 451, "",
	  "5.7.3 STARTTLS is required" },
	{ "354 3.0.0 go", 354, "", "3.0.0 go" },
	{ "550 5.1.1.1 x", 550, "", "5.1.1.1 x" },
	{ "550 5.1 x", 550, "", "5.1 x" },
	{ "550 5.1.1234 x", 550, "", "5.1.1234 x" },
	{ "550 5..1 x", 550, "", "5..1 x" },
	{ "550 5.1.1x", 550, "", "5.1.1x" },
	{ "250 a\tb", 250, "", "a\tb" },
	{ "250 \033[31mred\007\177", 250, "", "?[31mred??" },
	{ "250 two\rlines", 250, "", "two?lines" },
	{ "250 Gr\303\274\303\237e", 250, "", "Gr\303\274\303\237e" },
	{ "299 unknown but clear", 299, "", "unknown but clear" },
};

START_TEST(a_reply_is_understood)
{
	struct reply r;
	const char *why = NULL;
	char words[200];

	reply_init(&r);
	ck_assert_int_eq(feed(&r, good[_i].lines, &why), 1);
	reply_words(&r, words, sizeof words);
	ck_assert_int_eq(r.code, good[_i].code);
	ck_assert_str_eq(r.enhanced, good[_i].enhanced);
	ck_assert_str_eq(words, good[_i].words);
	reply_release(&r);
}
END_TEST

static const struct {
	const char	*lines, *why;
} bad[] = {
	{ "", "short" },
	{ "25", "short" },
	{ "abc hello", "reply code" },
	{ "150 go on", "reply code" },
	{ "650 what", "reply code" },
	{ "2x0 what", "reply code" },
	{ "25x what", "reply code" },
	{ "2500 what", "reply code" },
	{ "250+what", "reply code" },
	{ "250-one\n251 two", "changes its code" },
	{ "250-one\n550 two", "changes its code" },
	{ "250-one\nxyz two", "reply code" },
	{ "250-one\n\n", "short" },
	{ " 250 OK", "reply code" },
	{ "HTTP/1.1 400 Bad Request", "reply code" },
	{ "SSH-2.0-OpenSSH_9.2", "reply code" },
};

START_TEST(a_bad_reply_is_refused_by_name)
{
	struct reply r;
	const char *why = "", *lines = bad[_i].lines;

	reply_init(&r);
	if (*lines == '\0')
		ck_assert_int_eq(reply_add_line(&r, "", 0, &why), -1);
	else
		ck_assert_int_eq(feed(&r, lines, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, bad[_i].why));
	reply_release(&r);
}
END_TEST

START_TEST(a_nul_is_a_control_byte_like_another)
{
	struct reply r;
	const char *why;
	char words[20];

	reply_init(&r);
	ck_assert_int_eq(reply_add_line(&r, "250 a\0b", 7, &why), 1);
	reply_words(&r, words, sizeof words);
	ck_assert_str_eq(words, "a?b");
	reply_reset(&r);
	ck_assert_int_eq(reply_add_line(&r, "2\0000 a", 6, &why), -1);
	reply_release(&r);
}
END_TEST

START_TEST(an_endless_reply_ends)
{
	struct reply r;
	const char *why = "";
	char line[2000];
	int n, done = 0;

	reply_init(&r);
	for (n = 0; done == 0 && n < 1000; n++)
		done = reply_add_line(&r, "250-x", 5, &why);
	ck_assert_int_eq(n, REPLY_LINES_MAX + 1);
	ck_assert_ptr_nonnull(strstr(why, "too many lines"));
	reply_reset(&r);
	memset(line, 'x', sizeof line);
	memcpy(line, "250-", 4);
	for (n = done = 0; done == 0 && n < 1000; n++)
		done = reply_add_line(&r, line, sizeof line, &why);
	ck_assert_int_eq(done, -1);
	ck_assert_ptr_nonnull(strstr(why, "too long"));
	ck_assert_uint_le(r.text.len, REPLY_MAX);
	reply_release(&r);
}
END_TEST

START_TEST(words_are_cut_at_any_size)
{
	struct reply r;
	const char *why;
	char words[40];
	size_t size;

	reply_init(&r);
	feed(&r, "550-5.1.1 some words\n550-5.1.1 more\n550 5.1.1 end", &why);
	for (size = 1; size <= sizeof words; size++) {
		memset(words, 'Z', sizeof words);
		reply_words(&r, words, size);
		ck_assert_uint_lt(strlen(words), size);
		ck_assert_int_eq(strncmp(words, "some words more end",
		    strlen(words)), 0);
	}
	reply_release(&r);
}
END_TEST

START_TEST(extensions_are_noted)
{
	struct session_extensions x;

	ehlo_parse(&x, "mx Hello\nSIZE 157286400\npipelining\nDSN\n"
	    "ENHANCEDSTATUSCODES\nAUTH LOGIN XOAUTH2\n8BITMIME\nBINARYMIME\n"
	    "Chunking\nSMTPUTF8\nSTARTTLS");
	ck_assert(x.size && x.pipelining && x.dsn && x.eightbitmime &&
	    x.chunking && x.smtputf8 && x.starttls && x.auth_login &&
	    x.auth_xoauth2);
	ck_assert(!x.auth_plain && !x.auth_oauthbearer);
	ck_assert_int_eq(x.max_size, 157286400);
	ck_assert_str_eq(x.auth_offered, "LOGIN XOAUTH2");
}
END_TEST

START_TEST(what_is_no_extension_is_not_one)
{
	struct session_extensions x;

	ehlo_parse(&x, "PIPELINING SIZE 5 in the greeting\nPIPELININGX\n"
	    "XPIPELINING\n\nAUTH\nAUTHX PLAIN\nX SIZE 3");
	ck_assert(!x.pipelining && !x.size && !x.auth_plain);
	ck_assert_str_eq(x.auth_offered, "");
	ehlo_parse(&x, "");
	ck_assert(!x.pipelining && !x.size);
}
END_TEST

static const struct {
	const char	*line;
	int64_t		 max;
} sizes[] = {
	{ "SIZE", 0 }, { "SIZE 0", 0 }, { "SIZE 1000", 1000 },
	{ "size  7", 7 }, { "SIZE x", 0 }, { "SIZE -5", 0 },
	{ "SIZE 9223372036854775807", 0 },	/* near enough to no limit */
	{ "SIZE 99999999999999999999999", 0 },
	{ "SIZE 922337203685477580", 922337203685477580 },
};

START_TEST(a_size_is_read)
{
	struct session_extensions x;
	char text[80];

	snprintf(text, sizeof text, "mx\n%s", sizes[_i].line);
	ehlo_parse(&x, text);
	ck_assert(x.size);
	ck_assert_int_eq(x.max_size, sizes[_i].max);
}
END_TEST

START_TEST(the_old_form_of_auth_counts)
{
	struct session_extensions x;

	ehlo_parse(&x, "mx\nAUTH=LOGIN PLAIN\nAUTH XOAUTH2  OAUTHBEARER");
	ck_assert(x.auth_login && x.auth_plain && x.auth_xoauth2 &&
	    x.auth_oauthbearer);
	ck_assert_str_eq(x.auth_offered, "LOGIN PLAIN XOAUTH2 OAUTHBEARER");
}
END_TEST

START_TEST(many_mechanisms_fit_or_are_left_out)
{
	struct session_extensions x;
	char text[4000] = "mx\nAUTH";
	int i;

	for (i = 0; i < 300; i++)
		strcat(text, " MECHANISM");
	strcat(text, " PLAIN");
	ehlo_parse(&x, text);
	ck_assert(x.auth_plain);
	ck_assert_uint_lt(strlen(x.auth_offered), sizeof x.auth_offered);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("reply");
	TCase *t = tcase_create("reply");

	tcase_add_loop_test(t, a_reply_is_understood, 0,
	    sizeof good / sizeof *good);
	tcase_add_loop_test(t, a_bad_reply_is_refused_by_name, 0,
	    sizeof bad / sizeof *bad);
	tcase_add_test(t, a_nul_is_a_control_byte_like_another);
	tcase_add_test(t, an_endless_reply_ends);
	tcase_add_test(t, words_are_cut_at_any_size);
	tcase_add_test(t, extensions_are_noted);
	tcase_add_test(t, what_is_no_extension_is_not_one);
	tcase_add_loop_test(t, a_size_is_read, 0,
	    sizeof sizes / sizeof *sizes);
	tcase_add_test(t, the_old_form_of_auth_counts);
	tcase_add_test(t, many_mechanisms_fit_or_are_left_out);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
