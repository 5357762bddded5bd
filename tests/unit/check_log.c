/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "check_main.h"

static char directory[] = "/tmp/check_log.XXXXXX";
static char path[sizeof directory + 10], other[sizeof directory + 10];

static void
setup(void)
{
	strcpy(directory + sizeof directory - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/log", directory);
	snprintf(other, sizeof other, "%s/other", directory);
}

static void
teardown(void)
{
	struct status st;

	log_open("check", "syslog", &st);
	unlink(path);
	unlink(other);
	rmdir(directory);
}

static void
read_file(const char *name, char *text, size_t size)
{
	FILE *f = fopen(name, "r");

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
}

START_TEST(a_line_in_a_file_has_date_and_pid)
{
	struct status st = STATUS_INIT;
	struct stat sb;
	char text[5000];
	regex_t re;

	umask(027);
	ck_assert_int_eq(log_open("check", path, &st), 0);
	errno = ENOENT;
	log_line(LOG_INFO, "one\nline\033[2J %d", 1);
	ck_assert_int_eq(errno, ENOENT);
	log_line(LOG_INFO, "two");
	read_file(path, text, sizeof text);
	ck_assert_int_eq(regcomp(&re, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"
	    "[0-9]{2}:[0-9]{2}:[0-9]{2}[-+][0-9]{2}:[0-9]{2} "
	    "check\\[[0-9]+\\]: one\\?line\\?\\[2J 1\n[^\n]*: two\n$",
	    REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_int_eq(regexec(&re, text, 0, NULL, 0), 0);
	regfree(&re);
	ck_assert_int_eq(stat(path, &sb), 0);
	ck_assert_int_eq(sb.st_mode & 07777, 0640);
}
END_TEST

/* A caller's limit leaves no half line for the next one to stick to. */
START_TEST(a_line_is_whole_or_not_in_the_file)
{
	struct rlimit before, less;
	struct status st = STATUS_INIT;
	char text[5000];
	int rc = 0;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	less = before;
	ck_assert_int_eq(log_open("check", path, &st), 0);
	/* Nothing is asserted meanwhile: check(3) notes that in a file. */
	for (less.rlim_cur = 3000; less.rlim_cur > 0; less.rlim_cur -= 10) {
		rc |= setrlimit(RLIMIT_FSIZE, &less);
		log_line(LOG_DEBUG, "%080d", 1);
	}
	/* With CK_FORK=no others come after this one. */
	rc |= setrlimit(RLIMIT_FSIZE, &before);
	ck_assert_int_eq(rc, 0);
	read_file(path, text, sizeof text);
	ck_assert_str_ne(text, "");
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_log_file_is_a_regular_file_of_its_own)
{
	struct status st = STATUS_INIT;
	char text[10];
	FILE *f = fopen(other, "w");

	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(log_open("check", path, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CANTCREAT);
	log_line(LOG_INFO, "must not arrive");
	unlink(path);

	ck_assert_int_eq(link(other, path), 0);
	ck_assert_int_eq(log_open("check", path, &st), -1);
	unlink(path);

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(log_open("check", path, &st), -1);
	unlink(path);

	ck_assert_int_eq(log_open("check", directory, &st), -1);
	ck_assert_int_eq(log_open("check", "/dev/null", &st), -1);
	ck_assert_int_eq(log_open("check", "relative", &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_str_ne(st.hint, "");
	read_file(other, text, sizeof text);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(on_stderr_the_ident_leads)
{
	struct status st = STATUS_INIT;
	char text[5000];
	int saved = dup(STDERR_FILENO), fd;

	fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	dup2(fd, STDERR_FILENO);
	ck_assert_int_eq(log_open("sendmail", "stderr", &st), 0);
	log_line(LOG_ERR, "failed");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	read_file(path, text, sizeof text);
	ck_assert_str_eq(text, "sendmail: failed\n");
}
END_TEST

static const struct {
	const char *value, *line;
} values[] = {
	{ "plain", "e k=plain" },
	{ "", "e k=\"\"" },
	{ "two words", "e k=\"two words\"" },
	{ "a=b", "e k=\"a=b\"" },
	{ "say \"hi\" \\", "e k=\"say \\\"hi\\\" \\\\\"" },
	{ "x\r\ny\033", "e k=x??y?" },
	{ "back\\slash", "e k=back\\slash" },
};

START_TEST(values_are_quoted_where_needed)
{
	struct log_event e;

	log_event_begin(&e, "e");
	log_event_add(&e, "k", "%s", values[_i].value);
	ck_assert_str_eq(e.line, values[_i].line);
}
END_TEST

START_TEST(a_long_line_is_cut_and_closed)
{
	struct log_event e;
	char longer[3000];
	size_t len;

	memset(longer, '"', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	for (len = 0; len < sizeof e.line + 20; len++) {
		log_event_begin(&e, longer + sizeof longer - 1 - len);
		log_event_add(&e, "key", "%s", longer);
		log_event_add(&e, "more", "x y");
		ck_assert_uint_lt(e.len, sizeof e.line);
		ck_assert_uint_eq(strlen(e.line), e.len);
		if (strstr(e.line, "key=") != NULL)
			ck_assert_int_eq(e.line[e.len - 1], '"');
	}
}
END_TEST

START_TEST(a_status_says_what_it_knows)
{
	struct status st = STATUS_INIT;
	struct log_event e;

	log_event_begin(&e, "failed");
	log_event_add_status(&e, &st);
	ck_assert_str_eq(e.line, "failed");
	status_set(&st, EX_NOUSER, "refused");
	status_remote(&st, 550, "5.1.1", "no such user");
	status_hint(&st, "ask");
	log_event_add_status(&e, &st);
	ck_assert_str_eq(e.line, "failed exit=67 reply=550 enhanced=5.1.1 "
	    "error=refused remote=\"no such user\" hint=ask");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_line_in_a_file_has_date_and_pid);
	tcase_add_test(t, a_line_is_whole_or_not_in_the_file);
	tcase_add_test(t, a_log_file_is_a_regular_file_of_its_own);
	tcase_add_test(t, on_stderr_the_ident_leads);
	tcase_add_loop_test(t, values_are_quoted_where_needed, 0,
	    sizeof values / sizeof *values);
	tcase_add_test(t, a_long_line_is_cut_and_closed);
	tcase_add_test(t, a_status_says_what_it_knows);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
