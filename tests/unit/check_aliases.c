/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/aliases.h"
#include "check_main.h"

/* What was reported: "LINE!TEXT" for errors, "LINE:TEXT" for refusals. */
static void
note(void *context, int line, bool is_error, const char *text)
{
	buf_addf(context, "%d%c%s\n", line, is_error ? '!' : ':', text);
}

/* The entries and their targets as text, one per line. */
static void
print_alias(struct buf *out, const struct alias *alias,
    const struct alias_reporter *r)
{
	struct alias_targets t = ALIAS_TARGETS_INIT;
	char *text;
	size_t i;

	buf_addf(out, "%s(%d)", alias->name, alias->line);
	aliases_parse_targets(&t, alias->right, alias->len, alias->line, r);
	for (i = 0; i < t.count; i++) {
		if (t.items[i].include != NULL) {
			buf_addf(out, " include=%s", t.items[i].include);
			continue;
		}
		text = address_text(&t.items[i].address);
		buf_addf(out, " %s%s", t.items[i].is_final ? "\\" : "", text);
		free(text);
	}
	buf_addch(out, '\n');
	alias_targets_release(&t);
}

static const struct {
	const char *name;
	const char *text;
	const char *entries;
	const char *reports;
} files[] = {
	{ "empty", "", "", "" },
	{ "one", "root: bob@x.example\n", "root(1) bob@x.example\n", "" },
	{ "no line end", "root: bob", "root(1) bob\n", "" },
	{ "CRLF", "root: a,\r\n b\r\n", "root(1) a b\n", "" },
	{ "sorted, case ignored", "b: x\nA: y\n", "a(2) y\nb(1) x\n", "" },
	{ "list and continuation", "root: a, b ,\n\tc,\n  d\nx:y\n",
	    "root(1) a b c d\nx(4) y\n", "" },
	{ "continuation without a comma", "r: a\n b\n", "r(1) a b\n", "" },
	{ "only continued", "r:\n a\n", "r(1) a\n", "" },
	{ "comments and empty lines", "# one\n\nr: a # remark, here\n"
	    "  # in between\n\n#\n  ,b\n#end", "r(3) a b\n", "" },
	{ "a # in an address", "r: a#b@x.example\n", "r(1) a#b@x.example\n",
	    "" },
	{ "blanks before the colon", "r \t: a\n", "r(1) a\n", "" },
	{ "quoted names", "\"weird name\": a\n\"a:b\": c\n\"q\\\"q\": d\n",
	    "a:b(2) c\nq\"q(3) d\nweird name(1) a\n", "" },
	{ "quoted targets", "r: \"john doe\"@x.example, Bob <b@x.example>, "
	    "\"B, C\" <c@x.example>, (d) d\n",
	    "r(1) \"john doe\"@x.example b@x.example c@x.example d\n", "" },
	{ "final", "r: \\r, b\n", "r(1) \\r b\n", "" },
	{ "programs and files", "r: a,\n |prog x,\n \"|p, q\", /var/x,\n"
	    " \"/var/ y\", b\n", "r(1) a b\n",
	    "2:refused, programs are not run from here: |prog x\n"
	    "3:refused, programs are not run from here: |p, q\"\n"
	    "3:refused, nothing is delivered to files: /var/x\n"
	    "4:refused, nothing is delivered to files: /var/ y\"\n" },
	{ "include", "r: :include:/etc/l, \":INCLUDE: /etc/m n\"\n",
	    "r(1) include=/etc/l include=/etc/m n\n", "" },
	{ "include of a relative path", "r: :include:l, a\n", "r(1) a\n",
	    "1!:include: needs an absolute path\n" },
	{ "no colon", "root bob\nx: y\n", "x(2) y\n",
	    "1!not of the form NAME: ADDRESS\n" },
	{ "no name", ": bob\nx: y\n", "x(2) y\n",
	    "1!not of the form NAME: ADDRESS\n" },
	{ "open quote", "\"root: bob\nx: y\n", "x(2) y\n",
	    "1!not of the form NAME: ADDRESS\n" },
	{ "a domain on the left", "a@b.example: c\n", "",
	    "1!a@b.example: an alias is a name without a domain\n" },
	{ "continues nothing", "\n  bob\nx: y\n", "x(3) y\n",
	    "2!continues nothing: a name begins in column one\n" },
	{ "duplicate", "a: x\nb: y\nA: z\n", "a(1) x\nb(2) y\n",
	    "3!a: duplicate of line 1\n" },
	{ "bad addresses cost nobody else", "r: a,\n <b,\n c d, e\n",
	    "r(1) a e\n", "2!not an address: <b\n3!not an address: c d\n" },
	{ "control characters", "r: a\033b, c\n", "r(1) c\n",
	    "1!not an address: a?b\n" },
	{ "an open quote ends with its line", "r: \"a, b\n  c\n", "r(1) c\n",
	    "1!not an address: \"a, b\n" },
};

START_TEST(a_file_becomes_entries)
{
	struct aliases a = ALIASES_INIT;
	struct alias_reporter r = { note, NULL };
	struct buf entries, reports;
	size_t i;

	buf_init(&entries, 10000);
	buf_init(&reports, 10000);
	r.context = &reports;
	aliases_parse(&a, files[_i].text, strlen(files[_i].text), &r);
	for (i = 0; i < a.count; i++)
		print_alias(&entries, &a.items[i], &r);
	ck_assert_msg(strcmp(entries.data, files[_i].entries) == 0,
	    "%s: expected\n%s\nbut got\n%s", files[_i].name,
	    files[_i].entries, entries.data);
	ck_assert_msg(strcmp(reports.data, files[_i].reports) == 0,
	    "%s: expected\n%s\nbut got\n%s", files[_i].name,
	    files[_i].reports, reports.data);
	aliases_release(&a);
	buf_release(&entries);
	buf_release(&reports);
}
END_TEST

START_TEST(a_nul_byte_spoils_one_entry)
{
	static const char text[] = "a: b\0c\nd: e\n";
	struct aliases a = ALIASES_INIT;

	aliases_parse(&a, text, sizeof text - 1, NULL);
	ck_assert_uint_eq(a.count, 1);
	ck_assert_str_eq(a.items[0].name, "d");
	aliases_release(&a);
}
END_TEST

START_TEST(names_are_found)
{
	struct aliases a = ALIASES_INIT;
	struct buf text;
	char name[20];
	int i;

	buf_init(&text, 100000);
	for (i = 0; i < 1000; i++)
		buf_addf(&text, "Name%d: x%d\n", (i * 7919) % 1000, i);
	aliases_parse(&a, text.data, text.len, NULL);
	ck_assert_uint_eq(a.count, 1000);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "nAME%d", i);
		ck_assert_ptr_nonnull(aliases_find(&a, name));
	}
	ck_assert_ptr_null(aliases_find(&a, "name1000"));
	ck_assert_ptr_null(aliases_find(&a, ""));
	aliases_release(&a);
	ck_assert_ptr_null(aliases_find(&a, "name1"));
	buf_release(&text);
}
END_TEST

/* Files: below a directory of our own. */
static char top[] = "/tmp/check_aliases.XXXXXX";
static struct trust us;

static void
setup(void)
{
	memcpy(top + sizeof top - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	us = (struct trust){ .owner = geteuid(), .group = getegid() };
}

static void
teardown(void)
{
	char command[sizeof top + 20];

	snprintf(command, sizeof command, "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

/* Writes a file; every "@" in the text stands for the directory. */
static char *
make_file(const char *name, const char *text, mode_t mode)
{
	static char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", top, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (; *text != '\0'; text++) {
		if (*text == '@')
			fputs(top, f);
		else
			fputc(*text, f);
	}
	fclose(f);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

START_TEST(a_missing_file_is_an_empty_one)
{
	struct aliases_summary s;
	struct aliases a = ALIASES_INIT;
	struct status st = STATUS_INIT;

	ck_assert_int_eq(aliases_load(&a, "/nowhere/aliases", &us, NULL, &st),
	    0);
	ck_assert_uint_eq(a.count, 0);
	ck_assert_ptr_null(aliases_find(&a, "root"));
	aliases_release(&a);
	ck_assert_int_eq(aliases_check("/nowhere/aliases", &us, NULL, &s, &st),
	    0);
	ck_assert_uint_eq(s.count, 0);
	ck_assert_int_eq(st.sysexit, EX_OK);
}
END_TEST

START_TEST(a_file_that_others_may_write_is_refused)
{
	struct aliases_summary s;
	struct status st = STATUS_INIT;
	char *path = make_file("aliases", "root: bob\n", 0666);

	ck_assert_int_eq(aliases_check(path, &us, NULL, &s, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
}
END_TEST

static const struct {
	const char *name;
	const char *aliases, *list;	/* "list" is its :include: file */
	mode_t list_mode;
	const char *reports;		/* "@" is the directory */
	size_t count, errors, refused;
} checks[] = {
	{ "sound", "root: bob\nbob: b@x.example\n", NULL, 0, "", 2, 0, 0 },
	{ "empty", "# nothing\n", NULL, 0, "", 0, 0, 0 },
	{ "to himself and others", "root: root, b@x.example\n", NULL, 0, "",
	    1, 0, 0 },
	{ "programs are no errors", "a: |prog, bob\n", NULL, 0,
	    "1:refused, programs are not run from here: |prog\n", 1, 0, 1 },
	{ "circle", "a: b\nb: c\nc: x, a\n", NULL, 0,
	    "3!c: goes round in a circle through a\n", 3, 1, 0 },
	{ "final names are no circle", "a: b\nb: \\a\n", NULL, 0, "", 2, 0, 0 },
	{ "no targets", "a:\nb: ,\n", NULL, 0,
	    "1!a: no address\n2!b: no address\n", 2, 2, 0 },
	{ "include", "a: :include:@/list\n", "b@x.example\n# c\nd, e\n", 0644,
	    "", 1, 0, 0 },
	{ "faulty include", "a: :include:@/list\n", "b\n<c\n|d\n", 0644,
	    "2!not an address: <c\n"
	    "3:refused, programs are not run from here: |d\n", 1, 1, 1 },
	{ "deep",
	    "a: b\nb: c\nc: d\nd: e\ne: f\nf: g\ng: h\nh: i\ni: j\nj: k\n"
	    "k: l\n", NULL, 0, "10!j: more than 10 aliases deep\n", 11, 1, 0 },
};

START_TEST(newaliases_proofreads)
{
	struct alias_reporter r = { note, NULL };
	struct aliases_summary s;
	struct status st = STATUS_INIT;
	struct buf reports;
	char *path;

	buf_init(&reports, 10000);
	r.context = &reports;
	if (checks[_i].list != NULL)
		make_file("list", checks[_i].list, checks[_i].list_mode);
	path = make_file("aliases", checks[_i].aliases, 0644);
	ck_assert_int_eq(aliases_check(path, &us, &r, &s, &st), 0);
	ck_assert_msg(strcmp(reports.data, checks[_i].reports) == 0,
	    "%s: expected\n%s\nbut got\n%s", checks[_i].name,
	    checks[_i].reports, reports.data);
	ck_assert_uint_eq(s.count, checks[_i].count);
	ck_assert_uint_eq(s.errors, checks[_i].errors);
	ck_assert_uint_eq(s.refused, checks[_i].refused);
	buf_release(&reports);
}
END_TEST

START_TEST(an_include_that_others_may_write_is_an_error)
{
	struct aliases_summary s;
	struct status st = STATUS_INIT;

	make_file("list", "b@x.example\n", 0666);
	ck_assert_int_eq(aliases_check(make_file("aliases",
	    "a: :include:@/list, :include:/nowhere\n", 0644), &us, NULL, &s,
	    &st), 0);
	ck_assert_uint_eq(s.errors, 2);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

static Suite *
suite(void)
{
	Suite *s = suite_create("aliases");
	TCase *t = tcase_create("parser"), *f = tcase_create("files");

	tcase_add_loop_test(t, a_file_becomes_entries, 0, COUNT(files));
	tcase_add_test(t, a_nul_byte_spoils_one_entry);
	tcase_add_test(t, names_are_found);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(f, setup, teardown);
	tcase_add_test(f, a_missing_file_is_an_empty_one);
	tcase_add_test(f, a_file_that_others_may_write_is_refused);
	tcase_add_loop_test(f, newaliases_proofreads, 0, COUNT(checks));
	tcase_add_test(f, an_include_that_others_may_write_is_an_error);
	suite_add_tcase(s, f);
	return s;
}

CHECK_MAIN(suite)
