/* SPDX-License-Identifier: ISC
 *
 * Command lines: what callers really write, and what attackers do.
 */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "cli/options.h"

#define ARGS_MAX 16

/* Splits at blanks; '' is an empty argument. */
static int
split(char *line, char **argv)
{
	int argc = 0;
	char *word;

	for (word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	argv[argc] = NULL;
	return argc;
}

/* What options_parse makes of it, as one comparable line. */
static void
describe(char *out, size_t size, const struct options *o)
{
	size_t i;
	int n;

	n = snprintf(out, size, "mode=%d%s%s%s%s", (int)o->mode,
	    o->ignore_dots ? " i" : "", o->header_recipients ? " t" : "",
	    o->verbose ? " v" : "", o->quiet ? " q" : "");
	if (o->delivery != DELIVER_NOW)
		n += snprintf(out + n, size - n, " d%d", (int)o->delivery);
	if (o->sender != NULL)
		n += snprintf(out + n, size - n, " f(%s)", o->sender);
	if (o->full_name != NULL)
		n += snprintf(out + n, size - n, " F(%s)", o->full_name);
	for (i = 0; i < o->recipient_count; i++)
		n += snprintf(out + n, size - n, " [%s]", o->recipients[i]);
}

static const struct {
	const char *line, *wanted;
} good[] = {
	/* cron, cronie, anacron, mailutils, mutt, git, PHP, PHPMailer */
	{ "sendmail -FCronDaemon -i -B8BITMIME -oem root",
	  "mode=0 i F(CronDaemon) [root]" },
	{ "sendmail -FCronDaemon -i -odi -oem -oi -t -f tester",
	  "mode=0 i t f(tester) F(CronDaemon)" },
	{ "sendmail -FAnacron -odi root", "mode=0 F(Anacron) [root]" },
	{ "sendmail -oi -f u@h -t", "mode=0 i t f(u@h)" },
	{ "sendmail -oem -oi -f a@b -- c@d e@f", "mode=0 i f(a@b) [c@d] [e@f]" },
	{ "sendmail -t -i -fbounce@x -F Full -oi", "mode=0 i t f(bounce@x) F(Full)" },
	{ "sendmail -i -f '' -- a@b", "mode=0 i f() [a@b]" },
	{ "sendmail -i -f <> -- a@b", "mode=0 i f(<>) [a@b]" },
	{ "sendmail -ti", "mode=0 i t" },
	{ "sendmail -it a@b", "mode=0 i t [a@b]" },
	{ "sendmail -rbounce@x -t", "mode=0 t f(bounce@x)" },
	{ "sendmail -bs -odb -oem -om", "mode=1 d1" },
	{ "sendmail -bs -odi -oem -ov", "mode=1 v" },
	{ "sendmail -odq a@b", "mode=0 d2 [a@b]" },
	{ "sendmail -odd a@b", "mode=0 d2 [a@b]" },
	/* an option after a recipient is still an option; -- ends them */
	{ "sendmail a@b -i c@d", "mode=0 i [a@b] [c@d]" },
	{ "sendmail -i -- -f x@y", "mode=0 i [-f] [x@y]" },
	{ "sendmail -- a@b -- c@d", "mode=0 [a@b] [--] [c@d]" },
	/* ignored flags have the right arity: none eats or becomes a recipient */
	{ "sendmail -A c a@b", "mode=0 [a@b]" },
	{ "sendmail -Ac a@b", "mode=0 [a@b]" },
	{ "sendmail -B 8BITMIME -f root -- a@b", "mode=0 f(root) [a@b]" },
	{ "sendmail -C /etc/shadow a@b", "mode=0 [a@b]" },
	{ "sendmail -X /tmp/x -OQueueDirectory=/tmp -D /x a@b", "mode=0 [a@b]" },
	{ "sendmail -O DeliveryMode=b -h 3 -L tag a@b", "mode=0 [a@b]" },
	{ "sendmail -d a@b", "mode=0 [a@b]" },
	{ "sendmail -d0.1 a@b", "mode=0 [a@b]" },
	{ "sendmail -T3d a@b", "mode=0 [a@b]" },
	{ "sendmail -c -G -m -n -s -x -U -E -J a@b", "mode=0 [a@b]" },
	{ "sendmail -p smtp -M x a@b", "mode=0 [a@b]" },
	{ "sendmail -N failure,delay -R hdrs -V id a@b", "mode=0 [a@b]" },
	{ "sendmail -oQ/tmp -oA/tmp/x -oX1 -o7 -om a@b", "mode=0 [a@b]" },
	{ "sendmail -oMr smtp -oi a@b", "mode=0 i [a@b]" },
	{ "sendmail -oMrsmtp a@b", "mode=0 [a@b]" },
	{ "sendmail -or0s a@b", "mode=0 [a@b]" },
	{ "sendmail -or 0s a@b", "mode=0 [a@b]" },
	{ "sendmail -or a@b", "mode=0 [a@b]" },
	{ "sendmail -o i a@b", "mode=0 i [a@b]" },
	{ "sendmail -oitrue a@b", "mode=0 i [a@b]" },
	{ "sendmail -i -oiFalse a@b", "mode=0 [a@b]" },
	{ "sendmail -e q a@b", "mode=0 q [a@b]" },
	{ "sendmail -em -ep -oeq a@b", "mode=0 q [a@b]" },
	/* modes and names */
	{ "sendmail -bm a@b", "mode=0 [a@b]" },
	{ "sendmail -ba a@b", "mode=0 [a@b]" },
	{ "sendmail -b p", "mode=2" },
	{ "mailq", "mode=2" },
	{ "newaliases", "mode=3" },
	{ "sendmail -I", "mode=3" },
	{ "sendmail -bi", "mode=3" },
	{ "sendmail -bv root a@b", "mode=4 [root] [a@b]" },
	{ "sendmail -q", "mode=5" },
	{ "sendmail -q30m", "mode=5" },
	{ "sendmail -qRcontoso", "mode=5" },
	{ "sendmail -bh", "mode=6" },
	{ "send-mail -t", "mode=0 t" },
	/* two senders: php.ini and the fifth parameter; the last one counts */
	{ "sendmail -t -i -f a@b -f c@d", "mode=0 i t f(c@d)" },
	{ "sendmail -", "mode=0 [-]" },
};

START_TEST(command_lines)
{
	char line[200], got[400], *argv[ARGS_MAX];
	struct options o;
	struct status st = STATUS_INIT;
	int argc;

	snprintf(line, sizeof line, "%s", good[_i].line);
	argc = split(line, argv);
	ck_assert_msg(options_parse(&o, argv[0], false, argc, argv, &st) == 0,
	    "%s: %s", good[_i].line, st.text);
	describe(got, sizeof got, &o);
	ck_assert_msg(strcmp(got, good[_i].wanted) == 0, "%s: %s",
	    good[_i].line, got);
	ck_assert_ptr_null(o.config_file);
}
END_TEST

static const struct {
	const char *line, *text;
} refused[] = {
	{ "sendmail -f", "-f needs an argument" },
	{ "sendmail -k a@b", "unknown option -k" },
	{ "sendmail -ikt a@b", "unknown option -k" },
	{ "sendmail --account x", "unknown option --" },
	{ "sendmail --", NULL },
	{ "sendmail -bd", "mode -bd" },
	{ "sendmail -bt", "mode -bt" },
	{ "sendmail -bz", "mode -bz" },
	{ "sendmail -b", "needs an argument" },
	{ "sendmail -bpx", "mode -bpx" },
	{ "sendmail -Qx", "-Q: " },
	{ "sendmail -S", "-S: " },
	{ "sendmail -N sometimes a@b", "no DSN condition" },
	{ "sendmail -N never,success a@b", "no DSN condition" },
	{ "sendmail -R half a@b", "full or hdrs" },
	{ "sendmail -f a\r\nRCPT a@b", "control character" },
	{ "sendmail -Fa\001b a@b", "control character" },
	{ "sendmail -L \033x a@b", "control character" },
};

START_TEST(refused_command_lines)
{
	char line[200], *argv[ARGS_MAX];
	struct options o;
	struct status st = STATUS_INIT;
	int argc, rc;

	snprintf(line, sizeof line, "%s", refused[_i].line);
	argc = split(line, argv);
	rc = options_parse(&o, argv[0], false, argc, argv, &st);
	if (refused[_i].text == NULL) {
		ck_assert_int_eq(rc, 0);
		return;
	}
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(st.sysexit, EX_USAGE);
	ck_assert_msg(strstr(st.text, refused[_i].text) != NULL, "%s: %s",
	    refused[_i].line, st.text);
}
END_TEST

START_TEST(only_the_administrator_names_a_config)
{
	char line[] = "sendmail -C /x --account alerts -t";
	char *argv[ARGS_MAX];
	struct options o;
	struct status st = STATUS_INIT;
	int argc = split(line, argv);

	ck_assert_int_eq(options_parse(&o, "sendmail", true, argc, argv, &st), 0);
	ck_assert_str_eq(o.config_file, "/x");
	ck_assert_str_eq(o.account, "alerts");
	ck_assert(o.header_recipients);
}
END_TEST

START_TEST(long_arguments)
{
	static char big[100 * 1024];
	char name[] = "sendmail", flag[] = "-F";
	char *argv[] = { name, flag, big, NULL };
	struct options o;
	struct status st = STATUS_INIT;

	memset(big, 'x', sizeof big - 1);
	ck_assert_int_eq(options_parse(&o, name, false, 3, argv, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_USAGE);
}
END_TEST

START_TEST(no_arguments_at_all)
{
	char *argv[] = { NULL };
	struct options o;
	struct status st = STATUS_INIT;

	ck_assert_int_eq(options_parse(&o, "sendmail", false, 0, argv, &st), 0);
	ck_assert_uint_eq(o.recipient_count, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("options");

	tcase_add_loop_test(t, command_lines, 0, sizeof good / sizeof *good);
	tcase_add_loop_test(t, refused_command_lines, 0,
	    sizeof refused / sizeof *refused);
	tcase_add_test(t, only_the_administrator_names_a_config);
	tcase_add_test(t, long_arguments);
	tcase_add_test(t, no_arguments_at_all);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
