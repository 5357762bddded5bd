/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/recipients.h"
#include "check_main.h"
#include "../header_text.h"

/* The host web1.lan in the domain contoso.com, with these aliases. */
static const char alias_file[] =
    "postmaster: root\n"
    "root: admin@contoso.com\n"
    "team: ann, bob@far.example, Root\n"
    "ann: ann@contoso.com, team\n"
    "a: b\n"
    "b: a\n"
    "self: self, x@far.example\n"
    "final: \\bob, \\root\n"
    "prog: |cat\n"
    "progs: |cat, ops@far.example\n"
    "list: :include:@/list\n"
    "me: :include:@/me\n"
    "gone: :include:/nowhere\n"
    "ops+night: night@far.example\n"
    "ops: day@far.example\n"
    "\"weird name\": w@far.example\n"
    "d1: d2\nd2: d3\nd3: d4\nd4: d5\nd5: d6\nd6: d7\nd7: d8\nd8: d9\n"
    "d9: d10\nd10: d11\nd11: deep@far.example\n";

static char top[] = "/tmp/check_recipients.XXXXXX";
static char path[100];
static struct trust us;
static struct buf reports;

static void
make_file(const char *name, const char *text)
{
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", top, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (; *text != '\0'; text++) {
		if (*text == '@' && text[1] == '/')
			fputs(top, f);
		else
			fputc(*text, f);
	}
	fclose(f);
	ck_assert_int_eq(chmod(path, 0644), 0);
}

static void
setup(void)
{
	memcpy(top + sizeof top - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	us = (struct trust){ .owner = geteuid(), .group = getegid() };
	make_file("list", "one@far.example\n# nobody\nann\n");
	make_file("me", ":include:@/me, m@far.example\n");
	make_file("aliases", alias_file);
	buf_init(&reports, 10000);
}

static void
teardown(void)
{
	char command[sizeof top + 20];

	buf_release(&reports);
	snprintf(command, sizeof command, "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

static bool
is_host_name(const void *context, const char *domain)
{
	(void)context;
	return strcmp(domain, "localhost") == 0 ||
	    strcmp(domain, "web1.lan") == 0;
}

/* bob, zoe and final are people; all others belong to the system. */
static bool
is_system_user(const void *context, const char *name)
{
	(void)context;
	return strcmp(name, "bob") != 0 && strcmp(name, "zoe") != 0 &&
	    strcmp(name, "final") != 0;
}

static void
note(void *context, int line, bool is_error, const char *text)
{
	(void)is_error;
	buf_addf(context, "%d:%s\n", line, text);
}

static struct local_rules
rules(void)
{
	return (struct local_rules){ .domain = "contoso.com",
	    .local_mail_to = "it@contoso.com", .aliases = path, .trust = &us,
	    .is_host_name = is_host_name, .is_system_user = is_system_user,
	    .reporter = { note, &reports } };
}

static void
parse_header(struct header *h, const char *text)
{
	struct status st = STATUS_INIT;
	char *in = with_crlf(text);

	ck_assert_int_eq(header_parse(h, in, strlen(in), &st), 0);
	free(in);
}

static void
print_list(struct buf *out, const struct address_list *list)
{
	char *text;
	size_t i;

	for (i = 0; i < list->count; i++) {
		text = address_text(&list->items[i]);
		buf_addf(out, i == 0 ? "%s" : " %s", text);
		free(text);
	}
}

static const struct {
	const char *name;
	const char *arguments[4];
	const char *header;		/* NULL: no -t */
	const char *given;		/* NULL: EX_USAGE */
	size_t bad;
} collected[] = {
	{ "arguments", { "a@b.example", "root" }, NULL, "a@b.example root", 0 },
	{ "lists and names", { "a@b.example,c", "D <d@b.example>" }, NULL,
	    "a@b.example c d@b.example", 0 },
	{ "without -t the header is not read", { "a" },
	    NULL, "a", 0 },
	{ "-t", { NULL }, "To: a\nX: y\nCc: B <b@b.example>\nBcc: c\n",
	    "a b@b.example c", 0 },
	{ "union", { "z" }, "To: a\n", "z a", 0 },
	{ "two To fields, one empty", { NULL }, "To: \nTO: a\nto : b\n",
	    "a b", 0 },
	{ "groups", { NULL }, "To: Us: a, b;, c\nCc: undisclosed:;\n",
	    "a b c", 0 },
	{ "resent", { NULL }, "Resent-To: r\nResent-From: me\n"
	    "Resent-Bcc: s\nTo: a\n", "r s", 0 },
	{ "resent, apart", { NULL }, "Resent-To: r\nSubject: x\n"
	    "Resent-Cc: s\nTo: a\n", "r s", 0 },
	{ "resent twice", { NULL }, "Resent-Date: d\nResent-To: new\n"
	    "Resent-Date: c\nResent-To: old\nResent-Cc: older\nTo: a\n",
	    "new", 0 },
	{ "resent with arguments", { "z" }, "Resent-From: me\nTo: a\n", "z",
	    0 },
	{ "one bad entry costs nobody", { NULL },
	    "To: ops@example.com, set escape\n", "ops@example.com", 1 },
	{ "a bad argument costs nobody", { "a b@", "c" }, NULL, "c", 1 },
	{ "no recipients", { NULL }, NULL, NULL, 0 },
	{ "no recipients with -t", { NULL }, "Subject: x\n", NULL, 0 },
	{ "nobody but bad ones", { "<" }, NULL, NULL, 1 },
	{ "an empty group", { NULL }, "To: undisclosed-recipients:;\n", NULL,
	    0 },
	{ "control characters", { "a@b.example", "c\nd@b.example" }, NULL,
	    NULL, 0 },
	{ "a delete", { "a\177@b.example" }, NULL, NULL, 0 },
};

START_TEST(recipients_are_collected)
{
	struct address_list given = ADDRESS_LIST_INIT;
	struct header h = HEADER_INIT;
	struct status st = STATUS_INIT;
	char *arguments[4];
	struct buf out;
	size_t count = 0;
	int rc;

	buf_init(&out, 10000);
	while (collected[_i].arguments[count] != NULL) {
		arguments[count] = strdup(collected[_i].arguments[count]);
		count++;
	}
	if (collected[_i].header != NULL)
		parse_header(&h, collected[_i].header);
	rc = recipients_collect(&given, arguments, count,
	    collected[_i].header != NULL ? &h : NULL, &st);
	if (collected[_i].given == NULL) {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(st.sysexit, EX_USAGE);
	} else {
		ck_assert_int_eq(rc, 0);
		print_list(&out, &given);
		ck_assert_msg(strcmp(out.data, collected[_i].given) == 0,
		    "%s: %s", collected[_i].name, out.data);
	}
	ck_assert_uint_eq(given.bad, collected[_i].bad);
	address_list_release(&given);
	header_release(&h);
	buf_release(&out);
	while (count != 0)
		free(arguments[--count]);
}
END_TEST

static const struct {
	const char *given, *resolved, *reports;
} resolved[] = {
	{ "a@b.example, A@B.example", "a@b.example", "" },
	{ "root", "admin@contoso.com", "" },
	{ "ROOT@localhost", "admin@contoso.com", "" },
	{ "postmaster@web1.lan, root", "admin@contoso.com", "" },
	{ "root@elsewhere.example", "root@elsewhere.example", "" },
	{ "bob", "bob@contoso.com", "" },
	{ "bob@localhost", "bob@contoso.com", "" },
	{ "bob+x", "bob+x@contoso.com", "" },
	{ "www-data, daemon", "it@contoso.com", "" },
	{ "ops+night", "night@far.example", "" },
	{ "ops+other@localhost", "day@far.example", "" },
	{ "root+cron", "admin@contoso.com", "" },
	{ "\"weird name\"@localhost", "w@far.example", "" },
	{ "self", "it@contoso.com x@far.example", "" },
	{ "final", "bob@contoso.com it@contoso.com", "" },
	{ "progs", "ops@far.example",
	    "10:refused, programs are not run from here: |cat\n" },
	{ "prog", "it@contoso.com",
	    "9:refused, programs are not run from here: |cat\n" },
	{ "gone", "it@contoso.com", NULL },
	{ "list", "one@far.example ann@contoso.com it@contoso.com "
	    "bob@far.example admin@contoso.com", NULL },
	{ "me", "m@far.example", "" },
	{ "a", "it@contoso.com", "5:a: goes round in a circle\n" },
	{ "team", "ann@contoso.com it@contoso.com bob@far.example "
	    "admin@contoso.com", "3:team: goes round in a circle\n" },
	{ "d2", "deep@far.example", "" },
	{ "d1", "it@contoso.com", "27:d11: more than 10 aliases deep\n" },
};

static void
resolve(struct envelope *e, const char *text, const struct local_rules *r,
    bool with_original)
{
	struct address_list given = ADDRESS_LIST_INIT;
	struct status st = STATUS_INIT;
	struct local local;

	local_init(&local, r);
	ck_assert_int_eq(address_parse_list(&given, text, strlen(text), &st),
	    0);
	ck_assert_int_eq(recipients_resolve(e, &given, &local, with_original,
	    &st), 0);
	address_list_release(&given);
	local_release(&local);
}

static void
assert_recipients(const struct envelope *e, const char *expected)
{
	struct buf out;
	size_t i;

	buf_init(&out, 10000);
	for (i = 0; i < e->count; i++)
		buf_addf(&out, i == 0 ? "%s" : " %s",
		    e->recipients[i].address);
	ck_assert_str_eq(out.data, expected);
	buf_release(&out);
}

/* Who was meant for somebody, as many as are remembered. */
START_TEST(what_has_an_at_sign_was_meant_for_somebody)
{
	struct address_list given = ADDRESS_LIST_INIT;
	struct envelope e = ENVELOPE_INIT;
	struct status st = STATUS_INIT;
	static const char text[] = "a@b.example, set escape, c@@d.example, "
	    "van Gogh, Jo <jo@e.example>, <f@g.example, C@@d.example";
	char many[32];
	int i;

	ck_assert_int_eq(address_parse_list(&given, text, strlen(text), &st),
	    0);
	recipients_keep_unusable(&e, &given);
	ck_assert_uint_eq(e.count, 2);
	ck_assert_str_eq(e.recipients[0].address, "c@@d.example");
	ck_assert_str_eq(e.recipients[1].address, "<f@g.example");
	ck_assert_uint_eq(envelope_count(&e, RECIPIENT_UNUSABLE), 2);
	for (i = 0; i < 2 * ADDRESS_BAD_MAX; i++) {
		snprintf(many, sizeof many, "%d@@x", i);
		address_parse_list(&given, many, strlen(many), &st);
	}
	recipients_keep_unusable(&e, &given);
	ck_assert_uint_lt(e.count, ADDRESS_BAD_MAX);
	ck_assert_uint_gt(e.count, ADDRESS_BAD_MAX - 10);
	envelope_release(&e);
	address_list_release(&given);
}
END_TEST

START_TEST(local_names_are_resolved)
{
	struct envelope e = ENVELOPE_INIT;
	struct local_rules r = rules();

	resolve(&e, resolved[_i].given, &r, false);
	assert_recipients(&e, resolved[_i].resolved);
	if (resolved[_i].reports != NULL)
		ck_assert_str_eq(reports.data, resolved[_i].reports);
	else
		ck_assert_uint_ne(reports.len, 0);
	envelope_release(&e);
}
END_TEST

START_TEST(without_local_mail_to_names_go_to_the_domain)
{
	struct envelope e = ENVELOPE_INIT;
	struct local_rules r = rules();

	r.local_mail_to = NULL;
	r.aliases = "";
	resolve(&e, "root, daemon@localhost", &r, false);
	assert_recipients(&e, "root@contoso.com daemon@contoso.com");
	envelope_release(&e);
}
END_TEST

/* Who reads root's mail is in a file that cannot be believed: nobody guesses. */
START_TEST(a_name_cannot_be_resolved_by_an_untrusted_alias_file)
{
	struct envelope e = ENVELOPE_INIT;
	struct local_rules r = rules();
	struct status st = STATUS_INIT;
	struct address a = { .local = (char []){ "root" } };
	struct local local;

	ck_assert_int_eq(chmod(path, 0666), 0);
	local_init(&local, &r);
	ck_assert_int_eq(local_resolve(&local, &a, &e, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_int_eq(st.scope, SCOPE_MESSAGE);
	ck_assert(status_is_mendable(&st));
	ck_assert_ptr_nonnull(strstr(st.text, path));
	ck_assert_ptr_nonnull(strstr(st.hint, "chmod"));
	ck_assert_uint_eq(e.count, 0);
	/* Read once, and no better the second time. */
	ck_assert_int_eq(local_resolve(&local, &a, &e, &st), -1);
	ck_assert_uint_eq(reports.len, 0);
	a.domain = (char []){ "far.example" };
	ck_assert_int_eq(local_resolve(&local, &a, &e, &st), 0);
	assert_recipients(&e, "root@far.example");
	local_release(&local);
	envelope_release(&e);
}
END_TEST

START_TEST(an_alias_file_that_may_be_lacking_is_told_and_passed_over)
{
	struct envelope e = ENVELOPE_INIT;
	struct local_rules r = rules();

	r.may_lack_aliases = true;
	ck_assert_int_eq(chmod(path, 0666), 0);
	resolve(&e, "root, team", &r, false);
	assert_recipients(&e, "it@contoso.com");
	ck_assert_ptr_nonnull(strstr(reports.data, path));
	ck_assert_ptr_null(strchr(strchr(reports.data, '\n') + 1, '\n'));
	envelope_release(&e);
}
END_TEST

/* Issue 7: a send to full addresses opens nothing. */
START_TEST(aliases_are_not_read_for_the_outside)
{
	struct address_list given = ADDRESS_LIST_INIT;
	struct envelope e = ENVELOPE_INIT;
	struct local_rules r = rules();
	struct status st = STATUS_INIT;
	struct header h = HEADER_INIT;
	struct local local;

	local_init(&local, &r);
	address_parse_list(&given, "a@b.example", 11, &st);
	parse_header(&h, "To: a@b.example\nCc: c@d.example\n");
	recipients_resolve(&e, &given, &local, true, &st);
	recipients_show(&h, &local);
	ck_assert(!local.loaded);
	ck_assert_ptr_null(e.recipients[0].original);
	local_release(&local);
	address_list_release(&given);
	header_release(&h);
	envelope_release(&e);
}
END_TEST

START_TEST(the_original_is_kept_for_dsn)
{
	struct envelope e = ENVELOPE_INIT;
	struct local_rules r = rules();

	resolve(&e, "x@far.example, root+a@localhost, daemon", &r, true);
	assert_recipients(&e, "x@far.example admin@contoso.com it@contoso.com");
	ck_assert_ptr_null(e.recipients[0].original);
	ck_assert_str_eq(e.recipients[1].original, "rfc822;root+2Ba@localhost");
	ck_assert_str_eq(e.recipients[2].original, "rfc822;daemon@contoso.com");
	envelope_release(&e);
}
END_TEST

START_TEST(too_many_addresses_are_an_error)
{
	struct address_list given = ADDRESS_LIST_INIT;
	struct envelope e = ENVELOPE_INIT;
	struct local_rules r = rules();
	struct status st = STATUS_INIT;
	struct local local;
	struct buf text;
	int i;

	buf_init(&text, 1024 * 1024);
	for (i = 0; i < ALIASES_ADDRESSES_MAX; i++)
		buf_addf(&text, "u%d@far.example\n", i);
	make_file("list", text.data);
	make_file("aliases", alias_file);
	local_init(&local, &r);
	address_parse_list(&given, "list", 4, &st);
	ck_assert_int_eq(recipients_resolve(&e, &given, &local, false, &st),
	    -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_ptr_nonnull(strstr(st.text, "list"));
	address_list_release(&given);
	envelope_release(&e);
	local_release(&local);
	buf_release(&text);
}
END_TEST

static const struct {
	const char *in, *out;
} shown[] = {
	{ "To: root\n", "To: admin@contoso.com\n" },
	{ "To:  a@b.example ,\n  (x) c@d.example\n",
	    "To:  a@b.example ,\n  (x) c@d.example\n" },
	{ "To: Root Person <root@web1.lan>, a@b.example\nCc: team (Us)\n"
	    "Subject: root\nX-To: root\nFrom: root\n",
	    "To: \"Root Person\" <admin@contoso.com>, a@b.example\n"
	    "Cc: Us <ann@contoso.com>\n"
	    "Subject: root\nX-To: root\nFrom: root\n" },
	{ "To: zoe\n", "To: zoe@contoso.com\n" },
	{ "To: daemon\n", "To: it@contoso.com\n" },
	{ "To: undisclosed-recipients:;\n", "To: undisclosed-recipients:;\n" },
	{ "To: Us: root, zoe;\n", "To: admin@contoso.com, zoe@contoso.com\n" },
	{ "Resent-To: root\n", "Resent-To: admin@contoso.com\n" },
	{ "To: =?UTF-8?Q?=C3=BC?= <root>\n",
	    "To: =?UTF-8?Q?=C3=BC?= <admin@contoso.com>\n" },
	{ "To: set escape, root\n", "To: admin@contoso.com\n" },
	{ "To: d1\n", "To: it@contoso.com\n" },
};

START_TEST(local_names_are_shown_as_addresses)
{
	struct local_rules r = rules();
	struct header h = HEADER_INIT;
	struct local local;
	struct buf out;
	char *expected = with_crlf(shown[_i].out);

	buf_init(&out, 10000);
	local_init(&local, &r);
	parse_header(&h, shown[_i].in);
	recipients_show(&h, &local);
	header_text(&h, &out);
	ck_assert_str_eq(out.data, expected);
	header_release(&h);
	local_release(&local);
	buf_release(&out);
	free(expected);
}
END_TEST

START_TEST(deliver_all_to_keeps_who_was_meant)
{
	struct envelope from = ENVELOPE_INIT, to = ENVELOPE_INIT;
	struct local_rules r = rules();
	struct status st = STATUS_INIT;
	struct header h = HEADER_INIT;
	struct buf out;

	buf_init(&out, 10000);
	resolve(&from, "a@b.example, root, c@d.example", &r, false);
	from.recipients[2].state = RECIPIENT_DELIVERED;
	from.sender = strdup("s@contoso.com");
	strcpy(from.notify, "NEVER");
	parse_header(&h, "To: a@b.example\n");
	ck_assert_int_eq(recipients_redirect(&to, &from, "stage@contoso.com",
	    &h, &st), 0);
	assert_recipients(&to, "stage@contoso.com");
	ck_assert_str_eq(to.sender, "s@contoso.com");
	ck_assert_str_eq(to.notify, "NEVER");
	header_text(&h, &out);
	ck_assert_str_eq(out.data, "To: a@b.example\r\n"
	    "X-Original-To: a@b.example\r\n"
	    "X-Original-To: admin@contoso.com\r\n");
	envelope_release(&from);
	envelope_release(&to);
	header_release(&h);
	buf_release(&out);
}
END_TEST

START_TEST(system_users_are_known)
{
	ck_assert(local_is_system_user(NULL, "root"));
	ck_assert(local_is_system_user(NULL, "nobody"));
	ck_assert(local_is_system_user(NULL, "no such user"));
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

static Suite *
suite(void)
{
	Suite *s = suite_create("recipients");
	TCase *t = tcase_create("recipients");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, recipients_are_collected, 0, COUNT(collected));
	tcase_add_test(t, what_has_an_at_sign_was_meant_for_somebody);
	tcase_add_loop_test(t, local_names_are_resolved, 0, COUNT(resolved));
	tcase_add_test(t, without_local_mail_to_names_go_to_the_domain);
	tcase_add_test(t, a_name_cannot_be_resolved_by_an_untrusted_alias_file);
	tcase_add_test(t,
	    an_alias_file_that_may_be_lacking_is_told_and_passed_over);
	tcase_add_test(t, aliases_are_not_read_for_the_outside);
	tcase_add_test(t, the_original_is_kept_for_dsn);
	tcase_add_test(t, too_many_addresses_are_an_error);
	tcase_add_loop_test(t, local_names_are_shown_as_addresses, 0,
	    COUNT(shown));
	tcase_add_test(t, deliver_all_to_keeps_who_was_meant);
	tcase_add_test(t, system_users_are_known);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
