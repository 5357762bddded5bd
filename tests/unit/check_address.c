/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "check_main.h"

#define LENGTH(a) (sizeof (a) / sizeof *(a))

/* A list as one line: "address [name]" by '|', the name in () if it was a
 * comment, "+8" behind what needs SMTPUTF8, "!N" for bad ones, ":" for a group.
 */
static char *
summary(const char *text, size_t len)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	struct buf b;
	size_t i;

	buf_init(&b, 100000);
	ck_assert_int_eq(address_parse_list(&list, text, len, &st), 0);
	for (i = 0; i < list.count; i++) {
		struct address *a = &list.items[i];
		char *address = address_text(a);

		buf_addf(&b, "%s%s%s", b.len > 0 ? "|" : "", address,
		    a->utf8 ? "+8" : "");
		if (a->name != NULL)
			buf_addf(&b, a->is_comment_name ? " (%s)" : " [%s]",
			    a->name);
		free(address);
	}
	if (list.had_group)
		buf_addstr(&b, ":");
	if (list.bad > 0)
		buf_addf(&b, "!%zu", list.bad);
	address_list_release(&list);
	return buf_detach(&b);
}

static const struct {
	const char *text, *expected;
} lists[] = {
	/* RFC 5322 3.4 and appendix A */
	{ "", "" },
	{ "a@b.example", "a@b.example" },
	{ "<a@b.example>", "a@b.example" },
	{ "Joe Q. Public <john.q.public@example.com>",
	  "john.q.public@example.com [Joe Q. Public]" },
	{ "\"Joe Q. Public\" <j@x.org>", "j@x.org [Joe Q. Public]" },
	{ "\"Giant; \\\"Big\\\" Box\" <s@x.net>, Who? <o@y.org>",
	  "s@x.net [Giant; \"Big\" Box]|o@y.org [Who?]" },
	{ "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
	  "c@a.test [Ed Jones]|joe@where.test|jdoe@one.test [John]:" },
	{ "undisclosed-recipients:;", ":" },
	{ "Undisclosed recipients:;", ":" },
	{ "undisclosed-recipients: ; , a@x", "a@x:" },
	{ "g1: a@x; g2: b@x, c@x;, d@x", "a@x|b@x|c@x|d@x:" },
	{ "g: a@x, b@x", "a@x|b@x:" },
	{ "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
	  "pete@silly.test [Pete]" },
	{ "jdoe@test   . example", "jdoe@test.example" },
	{ "john . doe @ host . example", "john.doe@host.example" },
	{ "Mary Smith <@node.test:mary@example.net>",
	  "mary@example.net [Mary Smith]" },
	{ "<@a.test,@b.test:c@d.test>, e@f.test", "c@d.test|e@f.test" },
	{ "<@a.test , @b.test : c@d.test>", "c@d.test" },
	{ " , ,a@x,, b@x ,", "a@x|b@x" },
	/* what callers write (callers.md sections 1, 2, 4) */
	{ "root", "root" },
	{ "root (Cron Daemon)", "root (Cron Daemon)" },
	{ "\"(Cron Daemon)\" <tester>", "tester [(Cron Daemon)]" },
	{ "Anacron <root>", "root [Anacron]" },
	{ "root (systemd-cron)", "root (systemd-cron)" },
	{ "<e2scrub@host.example.org>", "e2scrub@host.example.org" },
	{ "ops@example.com,second@example.com",
	  "ops@example.com|second@example.com" },
	{ "ops@example.com, set escape", "ops@example.com!1" },
	{ "set escape, ops@example.com", "ops@example.com!1" },
	{ "alice@x.org,\r\n bob@x.org,\r\n\tcarol@x.org",
	  "alice@x.org|bob@x.org|carol@x.org" },
	{ "alice@x.org,\n bob@x.org", "alice@x.org|bob@x.org" },
	{ "Tess\r\n Ter <t@x.org>", "t@x.org [Tess Ter]" },
	{ "\"Tess\r\n\tTer\" <t@x.org>", "t@x.org [Tess Ter]" },
	{ "j.doe@x.org <j@x.org>", "j@x.org [j.doe@x.org]" },
	{ "'j@x.org' <j@x.org>", "j@x.org ['j@x.org']" },
	{ "Doe, John <j@x.org>", "Doe|j@x.org [John]" },
	{ "a@x.org; b@x.org;c@x.org", "a@x.org|b@x.org|c@x.org" },
	{ "[JIRA] Joe <j@x.org>", "j@x.org [[JIRA] Joe]" },
	{ "[JIRA 5] Joe <j@x.org>", "j@x.org [[JIRA 5] Joe]" },
	{ "DOMAIN\\user <u@x.org>", "u@x.org [DOMAIN\\user]" },
	{ "=?utf-8?Q?J=C3=BCrgen?= =?utf-8?B?WA==?= <j@x.org>",
	  "j@x.org [=?utf-8?Q?J=C3=BCrgen?= =?utf-8?B?WA==?=]" },
	{ "J\xc3\xbcrgen <j@x.org>", "j@x.org [J\xc3\xbcrgen]" },
	{ "J\xfcrgen <j@x.org>", "j@x.org [J\xfcrgen]" },
	{ "a@x.org (one) (two)", "a@x.org (two)" },
	{ "(one) a@x.org", "a@x.org (one)" },
	{ "<a@x.org> (Ann)", "a@x.org (Ann)" },
	{ "a@x.org (a (nested (deep)) one)", "a@x.org (a (nested (deep)) one)" },
	{ "a@x.org ()", "a@x.org" },
	{ "\"\" <a@x.org>", "a@x.org" },
	{ "\"  Ann  \" <a@x.org>", "a@x.org [Ann]" },
	{ "Ann<a@x.org>", "a@x.org [Ann]" },
	{ "\"Ann\"<a@x.org>", "a@x.org [Ann]" },
	{ "mailto:a@x.org", "a@x.org:" },
	/* local parts */
	{ "\"john\"@x.org", "john@x.org" },
	{ "\"john doe\"@x.org", "\"john doe\"@x.org" },
	{ "\"a\\\"b\\\\c\"@x.org", "\"a\\\"b\\\\c\"@x.org" },
	{ "john.\"d e\"@x.org", "\"john.d e\"@x.org" },
	{ "\"a@b\"@x.org", "\"a@b\"@x.org" },
	{ "\"<a@b>\"@x.org", "\"<a@b>\"@x.org" },
	{ "\"\"@x.org", "\"\"@x.org" },
	{ "john..doe@docomo.example", "\"john..doe\"@docomo.example" },
	{ "john.@docomo.example", "\"john.\"@docomo.example" },
	{ "user+tag=x@x.org", "user+tag=x@x.org" },
	{ "host!user%relay@x.org", "host!user%relay@x.org" },
	{ "-f@x.org", "-f@x.org" },
	{ "-oQ/tmp", "-oQ/tmp" },
	{ "|/bin/sh", "|/bin/sh" },
	{ "J.Doe@X.Org", "J.Doe@x.org" },
	{ "j\xc3\xb6rg@x.org", "j\xc3\xb6rg@x.org+8" },
	{ "j\xf6rg@x.org", "!1" },
	{ "j\xc2\x9bm@x.org", "!1" },
	/* domains */
	{ "a@EXAMPLE.COM", "a@example.com" },
	{ "a@b\xc3\xbc" "cher.example", "a@xn--bcher-kva.example" },
	{ "a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example" },
	{ "a@example.com.", "a@example.com" },
	{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
	{ "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]" },
	{ "a@[]", "!1" },
	{ "a@[192.0.2.1", "!1" },
	{ "a@[192.0.2.1, b@x.org", "b@x.org!1" },
	{ "a@[1 2]", "!1" },
	{ "a@", "!1" },
	{ "a@.", "!1" },
	{ "a@x..org", "!1" },
	{ "a@.x.org", "!1" },
	{ "a@x org", "!1" },
	{ "a@\"x.org\"", "!1" },
	{ "a@b\xfc" "cher.example", "!1" },
	/* bad ones, and those that stand beside them */
	{ "@x.org", "!1" },
	{ "a@b@x.org", "!1" },
	{ "<>", "!1" },
	{ "Name <>", "!1" },
	{ "a@x.org b@x.org", "!1" },
	{ "<a@x.org> <b@x.org>, c@x.org", "c@x.org!1" },
	{ "<a@x.org> trailing", "!1" },
	{ "Ann <a@x.org, b@x.org", "b@x.org!1" },
	{ "Ann <a@x.org; b@x.org", "b@x.org!1" },
	{ "Ann a@x.org>, b@x.org", "b@x.org!1" },
	{ "<<a@x.org>>, b@x.org", "b@x.org!1" },
	{ "<@a.test, b@x.org", "b@x.org!1" },
	{ "<@a.test,@b.test, c@x.org", "c@x.org!1" },
	{ "\"Ann <a@x.org>, b@x.org", "b@x.org!1" },
	{ "c@x.org, \"Ann <a@x.org>, b@x.org", "c@x.org|b@x.org!1" },
	{ "\"Ann <a@x.org>, \"Bob\" <b@x.org>", "b@x.org [Bob]!1" },
	{ "Ann (oops <a@x.org>, b@x.org", "b@x.org!1" },
	{ "Ann (oops (x) <a@x.org>, b@x.org (Bob)", "b@x.org (Bob)!1" },
	{ "Ann) <a@x.org>, b@x.org", "b@x.org!1" },
	{ "\"set escape\", b@x.org", "b@x.org!1" },
	{ ".", "!1" },
	{ "a..b", "!1" },
	{ "g: h: a@x.org, b@x.org;", "b@x.org:!1" },
	{ ":include:/etc/passwd", ":!1" },
	{ "(only a comment)", "" },
	{ "a@x.org\r\nBcc: b@x.org", "!1" },
	{ "a@x.org\nRCPT TO:<b@x.org>", "!1" },
	{ "a@x.org\r\n", "!1" },
	{ "a\rb@x.org, c@x.org", "c@x.org!1" },
	{ "a\001@x.org, c@x.org", "c@x.org!1" },
	{ "\"a\001b\" <a@x.org>, c@x.org", "c@x.org!1" },
	{ "a@x.org (\033[2J), c@x.org", "c@x.org!1" },
	{ "\"a\tb\"@x.org", "!1" },
	{ "a\177@x.org", "!1" },
	{ "\\", "!1" },
	{ "\"\\", "!1" },
	{ "(\\", "!1" },
	{ "<", "!1" },
	{ "[", "!1" },
	{ "a@x.org>", "!1" },
};

START_TEST(lists_are_read)
{
	char *got = summary(lists[_i].text, strlen(lists[_i].text));

	ck_assert_msg(strcmp(got, lists[_i].expected) == 0,
	    "\"%s\": \"%s\", not \"%s\"", lists[_i].text, got,
	    lists[_i].expected);
	free(got);
}
END_TEST

START_TEST(a_nul_makes_an_entry_bad)
{
	static const char text[] = "a\0b@x.org, c@x.org";
	char *got = summary(text, sizeof text - 1);

	ck_assert_str_eq(got, "c@x.org!1");
	free(got);
}
END_TEST

START_TEST(bad_entries_are_kept_and_printable)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	static const char text[] = "a@x.org, set \033 escape, other bad";
	char bad[ADDRESS_BAD_TEXT];

	address_parse_list(&list, text, sizeof text - 1, &st);
	ck_assert_uint_eq(list.bad, 2);
	ck_assert_uint_eq(address_list_bad(&list, 0, bad, sizeof bad), 2);
	ck_assert_str_eq(bad, "set ? escape, other bad");
	/* A second list adds to the first. */
	address_parse_list(&list, "b@x.org, a@b@c", 14, &st);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(address_list_bad(&list, 1, bad, sizeof bad), 3);
	ck_assert_str_eq(bad, "other bad, a@b@c");
	address_list_release(&list);
	ck_assert_uint_eq(address_list_bad(&list, 0, bad, sizeof bad), 0);
	ck_assert_str_eq(bad, "");
}
END_TEST

/* Each entry whole and once, however many pieces it takes; what is past the
 * bound is counted. */
START_TEST(bad_entries_are_told_in_pieces)
{
	static const size_t counts[] = {
		1, 99, ADDRESS_BAD_MAX, ADDRESS_BAD_MAX + 1, 5000
	};
	size_t i, from, next, n = counts[_i];
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	char bad[ADDRESS_BAD_TEXT];
	struct buf told, expected;

	buf_init(&told, 8192);
	buf_init(&expected, 8192);
	for (i = 0; i < n; i++) {
		snprintf(bad, sizeof bad, "bad no %zu", i);
		address_parse_list(&list, bad, strlen(bad), &st);
		if (i < ADDRESS_BAD_MAX)
			buf_addf(&expected, "%s, ", bad);
	}
	if (n > ADDRESS_BAD_MAX)
		buf_addf(&expected, "and %zu more, ", n - ADDRESS_BAD_MAX);
	for (from = 0; from < n; from = next) {
		next = address_list_bad(&list, from, bad, sizeof bad);
		ck_assert_uint_gt(next, from);
		buf_addf(&told, "%s, ", bad);
	}
	ck_assert_uint_eq(from, n);
	ck_assert_str_eq(told.data, expected.data);
	buf_release(&told);
	buf_release(&expected);
	address_list_release(&list);
}
END_TEST

START_TEST(a_long_bad_entry_is_cut)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	char bad[ADDRESS_BAD_TEXT], text[3 * ADDRESS_BAD_TEXT];

	memset(text, 'x', sizeof text);
	text[1] = '@';
	text[3] = '@';
	address_parse_list(&list, text, sizeof text, &st);
	ck_assert_uint_eq(address_list_bad(&list, 0, bad, sizeof bad), 1);
	ck_assert_uint_eq(strlen(bad), ADDRESS_BAD_TEXT - 1);
	ck_assert_int_eq(strncmp(bad, "x@x@x", 5), 0);
	address_list_release(&list);
}
END_TEST

/* A local part of `n` octets. */
static char *
long_local(size_t n)
{
	char *text = xmalloc(n + 7);

	memset(text, 'a', n);
	memcpy(text + n, "@x.org", 7);
	return text;
}

START_TEST(length_has_a_limit)
{
	char *fits = long_local(256), *too_long = long_local(257);
	char *got;

	got = summary(fits, strlen(fits));
	ck_assert_str_eq(got, fits);
	free(got);
	got = summary(too_long, strlen(too_long));
	ck_assert_str_eq(got, "!1");
	free(got);
	free(fits);
	free(too_long);
}
END_TEST

START_TEST(a_list_has_a_limit)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	struct buf b;
	int i;

	buf_init(&b, 1000000);
	for (i = 0; i < ADDRESS_LIST_MAX; i++)
		buf_addf(&b, "u%d@x.org, ", i);
	ck_assert_int_eq(address_parse_list(&list, b.data, b.len, &st), 0);
	ck_assert_uint_eq(list.count, ADDRESS_LIST_MAX);
	ck_assert_str_eq(list.items[ADDRESS_LIST_MAX - 1].local, "u19999");
	ck_assert_int_eq(address_parse_list(&list, "a", 1, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_DATAERR);
	address_list_release(&list);
	buf_release(&b);
}
END_TEST

/* A megabyte of each of these must take no time: the work is linear. */
static const char *const hostile[] = {
	"\"", "(", ")", "<", ">", "[", "]", "\\", "\\\"", ":", ";", "@", ".",
	"\",", "(,", "<@a,", "a@b", "a ", "\"a\" ", "[a ", "\",\" ", "\\\",",
	"(\"", "\"(,", "<a@b>,\"", "(a) ", "\r\n ", "=?", "\xc3", "g:a;",
	"\"a\",(", "<@,@", "a.", "(((,)",
};

START_TEST(hostile_text_is_read_in_linear_time)
{
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	struct timespec start, end;
	struct buf b;

	buf_init(&b, 2 << 20);
	while (b.len < 1 << 20)
		buf_addstr(&b, hostile[_i]);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	address_parse_list(&list, b.data, b.len, &st);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	ck_assert_msg(end.tv_sec - start.tv_sec < 2, "%s takes %ld s",
	    hostile[_i], (long)(end.tv_sec - start.tv_sec));
	address_list_release(&list);
	buf_release(&b);
}
END_TEST

static const struct {
	const char *text, *expected;	/* NULL: EX_USAGE */
} paths[] = {
	{ "a@x.org", "a@x.org" },
	{ "<a@x.org>", "a@x.org" },
	{ " <a@x.org> ", "a@x.org" },
	{ "Ann B. <a@x.org>", "a@x.org" },
	{ "root", "root" },
	{ "root (Cron)", "root" },
	{ "-odd@x.org", "-odd@x.org" },
	{ "", "" },
	{ "<>", "" },
	{ " < > ", "" },
	{ "a b", NULL },
	{ "a@x.org, b@x.org", NULL },
	{ "a@x.org, ", "a@x.org" },
	{ "a@x.org, b c", NULL },
	{ "g:a@x.org;", NULL },
	{ "undisclosed-recipients:;", NULL },
	{ "a@x.org\r\nDATA", NULL },
	{ "a>\r\nRCPT TO:<evil", NULL },
	{ "a\tb@x.org", NULL },
	{ "a@x.org\n", NULL },
	{ "<", NULL },
	{ "<>a", NULL },
	{ ",", NULL },
	{ "(x)", NULL },
};

START_TEST(paths_are_read)
{
	struct status st = STATUS_INIT;
	struct address a;
	char *text;
	int result = address_parse_path(&a, paths[_i].text, &st);

	if (paths[_i].expected == NULL) {
		ck_assert_msg(result == -1, "%s is taken", paths[_i].text);
		ck_assert_int_eq(st.sysexit, EX_USAGE);
		return;
	}
	ck_assert_msg(result == 0, "%s is refused", paths[_i].text);
	text = address_text(&a);
	ck_assert_str_eq(text, paths[_i].expected);
	ck_assert(text[0] != '\0' || a.domain == NULL);
	free(text);
	address_release(&a);
}
END_TEST

START_TEST(a_long_argument_is_refused)
{
	struct status st = STATUS_INIT;
	char *text = long_local(100000);
	struct address a;

	ck_assert_int_eq(address_parse_path(&a, text, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_USAGE);
	ck_assert_uint_lt(strlen(st.text), 200);
	free(text);
}
END_TEST

START_TEST(bare_names_are_qualified)
{
	struct status st = STATUS_INIT;
	struct address a;

	address_parse_path(&a, "root", &st);
	address_qualify(&a, "B\xc3\xbc" "cher.example");
	ck_assert_str_eq(a.domain, "xn--bcher-kva.example");
	address_qualify(&a, "other.example");
	ck_assert_str_eq(a.domain, "xn--bcher-kva.example");
	address_release(&a);
	address_parse_path(&a, "<>", &st);
	address_qualify(&a, "x.example");
	ck_assert(a.domain == NULL);
	address_release(&a);
}
END_TEST

static const struct {
	const char *name, *expected;
} names[] = {
	{ NULL, "" },
	{ "", "" },
	{ "Ann", "Ann" },
	{ "Ann Bee", "Ann Bee" },
	{ "Cron Daemon", "Cron Daemon" },
	{ "www-data on web1", "www-data on web1" },
	{ "Joe Q. Public", "\"Joe Q. Public\"" },
	{ "(Cron Daemon)", "\"(Cron Daemon)\"" },
	{ "Doe, John", "\"Doe, John\"" },
	{ "say \"hi\" \\o/", "\"say \\\"hi\\\" \\\\o/\"" },
	{ "two  blanks", "\"two  blanks\"" },
	{ " lead", "\" lead\"" },
	{ "a@x.org", "\"a@x.org\"" },
	{ "evil\r\nBcc: x", "\"evil  Bcc: x\"" },
	{ "tab\there", "tab here" },
	{ "J\xc3\xbcrgen", "=?UTF-8?Q?J=C3=BCrgen?=" },
	{ "J\xc3\xbcrgen M\xc3\xbcller", "=?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?=" },
	{ "J\xfcrgen", "=?iso-8859-1?Q?J=FCrgen?=" },
	{ "\xe5\xb1\xb1\xe7\x94\xb0", "=?UTF-8?B?5bGx55Sw?=" },
	{ "=?utf-8?Q?J=C3=BCrgen?=", "=?utf-8?Q?J=C3=BCrgen?=" },
	{ "=?utf-8?Q?J=C3=BCrgen?= =?utf-8?B?WA==?=",
	  "=?utf-8?Q?J=C3=BCrgen?= =?utf-8?B?WA==?=" },
	{ "=?utf-8?Q?J._M=C3=BCller?=", "=?utf-8?Q?J._M=C3=BCller?=" },
	{ "=?utf-8?Q?X?= (Foo)", "=?utf-8?Q?X?= \"(Foo)\"" },
	{ "=?utf-8?Q?a,b?=", "\"=?utf-8?Q?a,b?=\"" },
	{ "=?" "?=", "=?" "?=" },
};

START_TEST(names_are_written)
{
	char *got = address_format_name(names[_i].name);

	ck_assert_str_eq(got, names[_i].expected);
	free(got);
}
END_TEST

START_TEST(a_long_name_becomes_several_words)
{
	struct buf b;
	char *got, *word, *rest;
	int i, words = 0;

	buf_init(&b, 10000);
	for (i = 0; i < 100; i++)
		buf_addstr(&b, i % 3 == 0 ? "\xe2\x82\xac" : "x");
	got = address_format_name(b.data);
	for (word = strtok_r(got, " ", &rest); word != NULL;
	    word = strtok_r(NULL, " ", &rest)) {
		ck_assert_uint_le(strlen(word), 75);
		ck_assert(strncmp(word, "=?UTF-8?", 8) == 0);
		words++;
	}
	ck_assert_int_gt(words, 2);
	free(got);
	buf_release(&b);
}
END_TEST

/* What is written is read back as the same. */
START_TEST(names_round_trip)
{
	char *phrase = address_format_name(names[_i].name);
	char *text = xasprintf("%s <a@x.org>", phrase), *again;
	struct address_list list = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;

	address_parse_list(&list, text, strlen(text), &st);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.bad, 0);
	again = address_format_name(list.items[0].name);
	ck_assert(strcmp(again, phrase) == 0 || phrase[1] == ' ');
	free(again);
	address_list_release(&list);
	free(text);
	free(phrase);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("address");
	TCase *t = tcase_create("address");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, lists_are_read, 0, LENGTH(lists));
	tcase_add_test(t, a_nul_makes_an_entry_bad);
	tcase_add_test(t, bad_entries_are_kept_and_printable);
	tcase_add_loop_test(t, bad_entries_are_told_in_pieces, 0, 5);
	tcase_add_test(t, a_long_bad_entry_is_cut);
	tcase_add_test(t, length_has_a_limit);
	tcase_add_test(t, a_list_has_a_limit);
	tcase_add_loop_test(t, hostile_text_is_read_in_linear_time, 0,
	    LENGTH(hostile));
	tcase_add_loop_test(t, paths_are_read, 0, LENGTH(paths));
	tcase_add_test(t, a_long_argument_is_refused);
	tcase_add_test(t, bare_names_are_qualified);
	tcase_add_loop_test(t, names_are_written, 0, LENGTH(names));
	tcase_add_test(t, a_long_name_becomes_several_words);
	tcase_add_loop_test(t, names_round_trip, 0, LENGTH(names));
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
