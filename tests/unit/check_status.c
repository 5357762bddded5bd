/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "base/status.h"
#include "check_main.h"

START_TEST(a_sysexit_brings_class_and_scope)
{
	struct status st = STATUS_INIT;

	ck_assert_int_eq(status_set(&st, EX_TEMPFAIL, "x %d", 1), -1);
	ck_assert_int_eq(st.class, CLASS_RETRY);
	ck_assert(status_is_mendable(&st));
	ck_assert_str_eq(st.text, "x 1");
	status_set(&st, EX_CONFIG, "y");
	ck_assert_int_eq(st.class, CLASS_CONFIG);
	ck_assert(status_is_mendable(&st));
	status_set(&st, EX_NOUSER, "z");
	ck_assert_int_eq(st.class, CLASS_RECIPIENT);
	ck_assert(!status_is_mendable(&st));
	ck_assert_int_eq(status_exit(&st), st.sysexit);
	status_set(&st, EX_USAGE, "z");
	ck_assert(!status_is_mendable(&st));
}
END_TEST

START_TEST(a_failure_is_never_0)
{
	struct status st = STATUS_INIT;

	ck_assert_int_eq(status_exit(&st), EX_SOFTWARE);
	status_set(&st, EX_NOHOST, "x");
	ck_assert_int_eq(status_exit(&st), EX_NOHOST);
}
END_TEST

START_TEST(setting_forgets_what_was)
{
	struct status st = STATUS_INIT;

	status_set(&st, EX_NOPERM, "a");
	status_remote(&st, 535, "5.7.3", "no");
	status_hint(&st, "do this");
	status_set(&st, EX_IOERR, "b");
	ck_assert_int_eq(st.reply, 0);
	ck_assert_str_eq(st.enhanced, "");
	ck_assert_str_eq(st.remote, "");
	ck_assert_str_eq(st.hint, "");
}
END_TEST

START_TEST(errno_and_context_are_said)
{
	struct status st = STATUS_INIT;

	errno = ENOENT;
	status_set_errno(&st, EX_IOERR, "opening %s", "f");
	ck_assert_str_eq(st.text, "opening f: No such file or directory");
	status_context(&st, "while %s", "testing");
	ck_assert_str_eq(st.text,
	    "while testing: opening f: No such file or directory");
	ck_assert_int_eq(st.sysexit, EX_IOERR);
}
END_TEST

START_TEST(long_text_is_cut)
{
	struct status st = STATUS_INIT;
	char longer[2000];

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	status_set(&st, EX_IOERR, "%s", longer);
	ck_assert_uint_eq(strlen(st.text), sizeof st.text - 1);
	status_context(&st, "%s", longer);
	ck_assert_uint_eq(strlen(st.text), sizeof st.text - 1);
	status_remote(&st, 1, "12345678901234567890", longer);
	ck_assert_uint_eq(strlen(st.enhanced), sizeof st.enhanced - 1);
}
END_TEST

static const struct {
	const char *from, *to;
} printable[] = {
	{ "plain", "plain" },
	{ "\033[31mred\a\177", "?[31mred??" },
	{ "Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f" },
	{ "\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "\xc2\x9b" "31m", "??31m" },		/* C1: CSI in eight bits */
	{ "\xc0\x80\xff\xed\xa0\x80", "??????" },	/* overlong, surrogate */
	{ "\xe2\x82", "??" },			/* cut off */
	{ "a\r\nb\tc", "a??b?c" },
	{ "a\xe2\x80\xae" "b\xe2\x81\xa6\xd8\x9c", "a???b?????" },
};

START_TEST(server_words_are_made_printable)
{
	char out[64];

	status_printable(out, sizeof out, printable[_i].from);
	ck_assert_str_eq(out, printable[_i].to);
}
END_TEST

START_TEST(a_character_is_never_cut_in_two)
{
	char out[5];

	status_printable(out, sizeof out, "abc\xc3\xbc");
	ck_assert_str_eq(out, "abc");
}
END_TEST

static const struct {
	int		 reply;
	const char	*enhanced, *words, *line;
} lines[] = {
	{ 0, "", "", "it failed" },
	{ 0, "", "no", "it failed: no" },
	{ 0, "5.3.4", "", "it failed" },
	{ 550, "", "", "it failed: 550" },
	{ 550, "5.1.1", "", "it failed: 550 5.1.1" },
	{ 550, "", "no", "it failed: 550 no" },
	{ 550, "5.1.1", "no", "it failed: 550 5.1.1 no" },
};

START_TEST(a_failure_in_one_line)
{
	struct status st = STATUS_INIT;
	char line[STATUS_LINE_SIZE];

	status_set(&st, EX_TEMPFAIL, "it failed");
	status_remote(&st, lines[_i].reply, lines[_i].enhanced,
	    lines[_i].words);
	status_line(&st, line);
	ck_assert_str_eq(line, lines[_i].line);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("status");
	TCase *t = tcase_create("status");

	tcase_add_test(t, a_sysexit_brings_class_and_scope);
	tcase_add_test(t, setting_forgets_what_was);
	tcase_add_test(t, a_failure_is_never_0);
	tcase_add_test(t, errno_and_context_are_said);
	tcase_add_test(t, long_text_is_cut);
	tcase_add_loop_test(t, server_words_are_made_printable, 0,
	    sizeof printable / sizeof *printable);
	tcase_add_test(t, a_character_is_never_cut_in_two);
	tcase_add_loop_test(t, a_failure_in_one_line, 0,
	    sizeof lines / sizeof *lines);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
