/* SPDX-License-Identifier: ISC
 *
 * The options of the administrator's commands, the thresholds of mailbearer
 * queue --check, and whose timer mailbearer check sees.
 */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "cli/admin_config.h"
#include "cli/check_step.h"
#include "cli/queue_check.h"

#define ARGS_MAX 16

/* Splits at blanks, in front of them the command. */
static struct arguments
split(char *line, char **argv)
{
	static char command[] = "queue";
	struct arguments a = { 1, argv };
	char *word;

	argv[0] = command;
	for (word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		argv[a.count++] = word;
	argv[a.count] = NULL;
	return a;
}

/* What is left, with blanks between. */
static void
join(char *to, size_t size, const struct arguments *a)
{
	size_t n = 0;
	int i;

	to[0] = '\0';
	for (i = 1; i < a->count; i++)
		n += (size_t)snprintf(to + n, size - n, "%s%s",
		    i > 1 ? " " : "", a->items[i]);
	ck_assert_ptr_null(a->items[a->count]);
}

static const struct {
	const char	*line;
	bool		 json;
	const char	*file;		/* -C */
	const char	*age;		/* --age */
	const char	*left;		/* NULL: EX_USAGE */
} lines[] = {
	{ "", false, NULL, NULL, "" },
	{ "show a b", false, NULL, NULL, "show a b" },
	{ "--json", true, NULL, NULL, "" },
	{ "show --json a", true, NULL, NULL, "show a" },
	{ "-C f show", false, "f", NULL, "show" },
	{ "show a -C f --json", true, "f", NULL, "show a" },
	{ "--age 1h", false, NULL, "1h", "" },
	{ "--age=1h x", false, NULL, "1h", "x" },
	{ "--age= x", false, NULL, "", "x" },
	{ "--age --json", true, NULL, NULL, NULL },
	{ "-C", false, NULL, NULL, NULL },
	{ "-C f -C g", false, "f", NULL, NULL },
	{ "--age 1 --age=2", false, NULL, "1", NULL },
	{ "--aged 1", false, NULL, NULL, NULL },
	{ "-C=f", false, NULL, NULL, NULL },
	{ "-Cf", false, NULL, NULL, NULL },
	{ "--nonsense", false, NULL, NULL, NULL },
	{ "-x", false, NULL, NULL, NULL },
	{ "-", false, NULL, NULL, NULL },
	{ "show -- --json", false, NULL, NULL, "show --json" },
	{ "--json -- -C f", true, NULL, NULL, "-C f" },
	{ "-C --", false, NULL, NULL, NULL },
	{ "-- --", false, NULL, NULL, "--" },
};

START_TEST(options_are_taken_out)
{
	char line[200], left[200], *argv[ARGS_MAX];
	const char *file = NULL, *age = NULL;
	struct status st = STATUS_INIT;
	struct arguments a;
	int rc;

	snprintf(line, sizeof line, "%s", lines[_i].line);
	a = split(line, argv);
	ck_assert_int_eq(admin_flag(&a, "--json"), lines[_i].json);
	rc = admin_value(&a, "-C", &file, &st) == -1 ||
	    admin_value(&a, "--age", &age, &st) == -1 ||
	    admin_operands(&a, &st) == -1;
	ck_assert_int_eq(rc, lines[_i].left == NULL);
	if (rc != 0) {
		ck_assert_int_eq(st.sysexit, EX_USAGE);
		return;
	}
	ck_assert_pstr_eq(file, lines[_i].file);
	ck_assert_pstr_eq(age, lines[_i].age);
	join(left, sizeof left, &a);
	ck_assert_str_eq(left, lines[_i].left);
}
END_TEST

static const struct {
	const char	*line;
	int64_t		 oldest, waiting, failed;
	int		 code;		/* -1: EX_USAGE */
} checks[] = {
	{ "", 0, 0, 0, CHECK_OK },
	{ "", 3599, 99, 0, CHECK_OK },
	{ "", 3600, 0, 0, CHECK_WARNING },
	{ "", 86400, 0, 0, CHECK_CRITICAL },
	{ "", 0, 100, 0, CHECK_WARNING },
	{ "", 0, 1000, 0, CHECK_CRITICAL },
	{ "", 0, 0, 1, CHECK_WARNING },
	{ "", 0, 0, 1000000, CHECK_WARNING },
	{ "", 86400, 100, 1, CHECK_CRITICAL },
	{ "", 3600, 1000, 1, CHECK_CRITICAL },
	{ "--oldest 30m,2h", 1800, 0, 0, CHECK_WARNING },
	{ "--oldest 30m,2h", 7200, 0, 0, CHECK_CRITICAL },
	{ "--oldest 30m", 86400 * 365, 0, 0, CHECK_WARNING },
	{ "--oldest 0", 86400 * 365, 0, 0, CHECK_OK },
	{ "--oldest 0,1h", 3600, 0, 0, CHECK_CRITICAL },
	{ "--failed 0 --waiting=0", 0, 5000, 5000, CHECK_OK },
	{ "--failed 5,9", 0, 0, 4, CHECK_OK },
	{ "--failed 5,9", 0, 0, 9, CHECK_CRITICAL },
	{ "--oldest 30", 0, 0, 0, -1 },
	{ "--oldest ,1h", 0, 0, 0, -1 },
	{ "--oldest 1h,", 0, 0, 0, -1 },
	{ "--oldest 1h,2h,3h", 0, 0, 0, -1 },
	{ "--waiting -1", 0, 0, 0, -1 },
	{ "--waiting 1h", 0, 0, 0, -1 },
	{ "--waiting 99999999999999999999999999999999999999999", 0, 0, 0, -1 },
};

START_TEST(thresholds_decide)
{
	char line[200], *argv[ARGS_MAX];
	struct status st = STATUS_INIT;
	struct queue_check check;
	struct arguments a;

	snprintf(line, sizeof line, "%s", checks[_i].line);
	a = split(line, argv);
	if (checks[_i].code == -1) {
		ck_assert_int_eq(queue_check_options(&check, &a, &st), -1);
		ck_assert_int_eq(st.sysexit, EX_USAGE);
		return;
	}
	ck_assert_int_eq(queue_check_options(&check, &a, &st), 0);
	ck_assert_int_eq(a.count, 1);
	check.value[MEASURE_OLDEST] = checks[_i].oldest;
	check.value[MEASURE_WAITING] = checks[_i].waiting;
	check.value[MEASURE_FAILED] = checks[_i].failed;
	ck_assert_int_eq(queue_check_judge(&check), checks[_i].code);
}
END_TEST

static const struct {
	const char *text;
	bool	 runs;
} timers[] = {
	{ "", false },
	{ "* * * * * mail test -d /run || /usr/sbin/sendmail -q >/dev/null", true },
	{ "MAILTO=\"\"\n* * * * * mail /usr/sbin/sendmail -q\n", true },
	{ "* * * * * mail sh -c '/usr/sbin/sendmail -q'\n", true },
	{ "* * * * * mail /usr/sbin/sendmail", true },
	{ "[Service]\nExecStart=/usr/sbin/sendmail -q\n", true },
	{ "[Service]\nExecStart=-/usr/sbin/sendmail -q\n", true },
	{ "# /usr/sbin/sendmail -q\n \t#* * * * * x /usr/sbin/sendmail -q", false },
	{ "* * * * * mail /opt/usr/sbin/sendmail -q\n", false },
	{ "* * * * * mail /usr/local/sbin/sendmail -q\n", false },
	{ "* * * * * mail /usr/sbin/sendmail.old -q\n", false },
	{ "* * * * * mail /opt/usr/sbin/sendmail -q; /usr/sbin/sendmail -q", true },
};

START_TEST(a_timer_of_ours_names_us)
{
	ck_assert_int_eq(check_timer_runs(timers[_i].text,
	    "/usr/sbin/sendmail"), timers[_i].runs);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("admin");
	TCase *t = tcase_create("admin");

	tcase_add_loop_test(t, options_are_taken_out, 0,
	    sizeof lines / sizeof *lines);
	tcase_add_loop_test(t, thresholds_decide, 0,
	    sizeof checks / sizeof *checks);
	tcase_add_loop_test(t, a_timer_of_ours_names_us, 0,
	    sizeof timers / sizeof *timers);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
