/* SPDX-License-Identifier: ISC */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "config/account.h"
#include "config/hostname.h"

#define COUNT(array)	((int)(sizeof array / sizeof *array))

static const struct host_source here = {
	.node = "web1", .hosts = "/dev/null", .mailname = "/dev/null"
};

static const char text[] =
    "app a { managed-identity = imds }\n"
    "account alerts {\n"
    "    app = a\n"
    "    mailbox = alerts@contoso.com\n"
    "    send-as = { \"noc@contoso.com\", \"*@ops.contoso.com\" }\n"
    "    serves = { www-data, backup@web1, \"*@*.lan\", cron@db.contoso.com }\n"
    "}\n"
    "account shop {\n"
    "    app = a\n"
    "    mailbox = shop@fabrikam.com\n"
    "    serves = { \"*@web.lan\", \"orders@*.web.lan\" }\n"
    "}\n"
    "account hr {\n"
    "    app = a\n"
    "    mailbox = hr@contoso.com\n"
    "    send-as = \"*@*.hr.contoso.com\"\n"
    "    serves = \"www-data@localhost\"\n"
    "}\n";

static void
load(struct config *c, const char *more)
{
	static const struct config_source source = { .path = "/x.conf" };
	struct status st = STATUS_INIT;
	char whole[4000];

	snprintf(whole, sizeof whole, "%s%s", text, more);
	if (config_parse_on(c, &source, &here, whole, strlen(whole), &st) == -1)
		ck_abort_msg("%s", st.text);
}

static const struct {
	const char *from, *envelope, *user;
	const char *account;	/* NULL: nothing serves it */
	const char *why;
} choices[] = {
	/* Each of the three in turn, each by each rule. */
	{ "alerts@contoso.com", NULL, NULL, "alerts", "From is its mailbox" },
	{ "Alerts@CONTOSO.com", NULL, NULL, "alerts", "From is its mailbox" },
	{ "noc@contoso.com", NULL, NULL, "alerts", "From is in its send-as" },
	{ "cron@db.contoso.com", NULL, NULL, "alerts",
	    "From is in its serves" },
	{ "alerts+disk@contoso.com", NULL, NULL, "alerts",
	    "From without +detail is its mailbox" },
	{ "noc+x@contoso.com", NULL, NULL, "alerts",
	    "From without +detail is in its send-as" },
	{ "x@ops.contoso.com", NULL, NULL, "alerts",
	    "From matches a pattern of its send-as" },
	{ "x@a.b.lan", NULL, NULL, "alerts",
	    "From matches a pattern of its serves" },
	{ NULL, "hr@contoso.com", NULL, "hr",
	    "the envelope sender is its mailbox" },
	{ NULL, NULL, "www-data", "alerts",
	    "the calling user is in its serves" },
	/* The longest pattern. */
	{ "x@web.lan", NULL, NULL, "shop",
	    "From matches a pattern of its serves" },
	{ "x@db.web.lan", NULL, NULL, "alerts",
	    "From matches a pattern of its serves" },
	{ "orders@db.web.lan", NULL, NULL, "shop",
	    "From matches a pattern of its serves" },
	/* From goes before the envelope sender, that before the user; even by
	 * its weakest rule. */
	{ "x@a.lan", "hr@contoso.com", "www-data", "alerts",
	    "From matches a pattern of its serves" },
	{ "x@nowhere.example", "hr@contoso.com", "www-data", "hr",
	    "the envelope sender is its mailbox" },
	{ "x@nowhere.example", "", "www-data", "alerts",
	    "the calling user is in its serves" },
	/* But all three before From's domain. */
	{ "x@fabrikam.com", NULL, "www-data", "alerts",
	    "the calling user is in its serves" },
	/* Bare names and names of this host. */
	{ "www-data", NULL, NULL, "alerts", "From is in its serves" },
	{ "www-data@web1", NULL, NULL, "alerts", "From is in its serves" },
	{ "www-data@localhost", NULL, NULL, "hr", "From is in its serves" },
	{ "backup", NULL, NULL, "alerts", "From is in its serves" },
	{ "backup@localhost", NULL, "nobody", NULL, NULL },
	/* The only account of the domain. */
	{ "x@fabrikam.com", NULL, "x", "shop",
	    "it is the only account of From's domain" },
	{ "x@contoso.com", NULL, "x", NULL, NULL },	/* there are two */
	{ NULL, "x@fabrikam.com", "x", NULL, NULL },	/* not From's */
	{ NULL, NULL, NULL, NULL, NULL },
};

START_TEST(choosing)
{
	struct account_query q = {
		choices[_i].from, choices[_i].envelope, choices[_i].user
	};
	const struct account *account = NULL;
	struct status st = STATUS_INIT;
	const char *why = NULL;
	struct config c;
	int rc;

	load(&c, "");
	rc = account_choose(&c, &q, &account, &why, &st);
	if (choices[_i].account == NULL) {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(st.sysexit, EX_CONFIG);
	} else {
		ck_assert_int_eq(rc, 0);
		ck_assert_str_eq(account->name, choices[_i].account);
		ck_assert_str_eq(why, choices[_i].why);
		ck_assert_int_eq(st.sysexit, EX_OK);
	}
	config_release(&c);
}
END_TEST

START_TEST(the_default_comes_last)
{
	struct account_query q = { "x@nowhere.example", "y@z", "nobody" };
	const struct account *account;
	struct status st = STATUS_INIT;
	const char *why;
	struct config c;

	load(&c, "default-account = shop");
	ck_assert_int_eq(account_choose(&c, &q, &account, &why, &st), 0);
	ck_assert_str_eq(account->name, "shop");
	ck_assert_str_eq(why, "it is the default-account");
	q.header_from = "x@fabrikam.com";
	ck_assert_int_eq(account_choose(&c, &q, &account, &why, &st), 0);
	ck_assert_str_eq(why, "it is the only account of From's domain");
	config_release(&c);
}
END_TEST

START_TEST(nothing_serves_it_and_the_hint_names_what_was_tried)
{
	struct account_query q = { "x@nowhere.example", "y@z", "nobody" };
	const struct account *account;
	struct status st = STATUS_INIT;
	const char *why;
	struct config c;

	load(&c, "");
	ck_assert_int_eq(account_choose(&c, &q, &account, &why, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.hint, "x@nowhere.example"));
	ck_assert_ptr_nonnull(strstr(st.hint, "y@z"));
	ck_assert_ptr_nonnull(strstr(st.hint, "nobody"));
	config_release(&c);
}
END_TEST

/* Two names of this host in two accounts: equal only on this host, so no error
 * when the file is read. */
START_TEST(a_tie_is_an_error)
{
	static const char ties[] =
	    "app b { managed-identity = imds }\n"
	    "account x { app = b mailbox = x@x.example serves = u@localhost }\n"
	    "account y { app = b mailbox = y@y.example serves = u@web1 }\n";
	struct account_query q = { .user = "u" };
	const struct account *account;
	struct status st = STATUS_INIT;
	const char *why;
	struct config c;

	load(&c, ties);
	ck_assert_int_eq(account_choose(&c, &q, &account, &why, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_ptr_nonnull(strstr(st.text, "\"x\" (line 20)"));
	ck_assert_ptr_nonnull(strstr(st.text, "\"y\" (line 21)"));
	q.header_from = "u@web1";
	ck_assert_int_eq(account_choose(&c, &q, &account, &why, &st), 0);
	ck_assert_str_eq(account->name, "y");
	config_release(&c);
}
END_TEST

static const struct {
	const char *address;
	bool may;
} send_as[] = {
	{ "alerts@contoso.com", true }, { "ALERTS@Contoso.Com", true },
	{ "noc@contoso.com", true }, { "x+y@ops.contoso.com", true },
	{ "alerts+disk@contoso.com", false }, { "noc+x@contoso.com", false },
	{ "x@contoso.com", false }, { "cron@db.contoso.com", false },
	{ "x@a.ops.contoso.com", false }, { "www-data", false },
	{ "alerts", false }, { "", false },
};

START_TEST(sending_as)
{
	struct config c;

	load(&c, "");
	ck_assert_int_eq(account_may_send_as(config_account(&c, "alerts"),
	    send_as[_i].address), send_as[_i].may);
	config_release(&c);
}
END_TEST

static int group_error;		/* what getgrnam(3) fails with; 0: nothing */

struct group *
getgrnam(const char *name)
{
	static struct group *(*next)(const char *name);

	if (group_error != 0) {
		errno = group_error;
		return NULL;
	}
	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "getgrnam");
	return next(name);
}

static int
check_user(const char *allow_users, uid_t uid, struct status *st)
{
	char key[300];
	struct config c;
	int rc;

	snprintf(key, sizeof key, "account x { app = a mailbox = x@x.example "
	    "%s %s }", *allow_users == '\0' ? "" : "allow-users =", allow_users);
	load(&c, key);
	*st = (struct status)STATUS_INIT;
	rc = account_check_user(config_account(&c, "x"), uid, st);
	config_release(&c);
	return rc;
}

START_TEST(who_may_use_it)
{
	const struct passwd *nobody = getpwnam("nobody");
	char group[200];
	struct status st;
	uid_t uid;

	ck_assert_ptr_nonnull(nobody);
	uid = nobody->pw_uid;
	snprintf(group, sizeof group, "\"@%s\"",
	    getgrgid(nobody->pw_gid)->gr_name);
	ck_assert_int_eq(check_user("", uid, &st), 0);
	ck_assert_int_eq(check_user("{ daemon, nobody }", uid, &st), 0);
	ck_assert_int_eq(check_user(group, uid, &st), 0);
	ck_assert_int_eq(check_user("root", 0, &st), 0);
	ck_assert_int_eq(check_user("daemon", 0, &st), 0);
	ck_assert_int_eq(check_user("daemon", uid, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_NOPERM);
	ck_assert_ptr_nonnull(strstr(st.text, "nobody"));
	ck_assert_ptr_nonnull(strstr(st.hint, "allow-users"));
	ck_assert_int_eq(check_user("\"@daemon\"", uid, &st), -1);
	ck_assert_int_eq(check_user("\"@no-such-group\"", uid, &st), -1);
}
END_TEST

START_TEST(an_entry_that_lets_in_nobody)
{
	static const struct {
		const char *allow_users, *unknown;
	} lists[] = {
		{ "", NULL }, { "allow-users = { daemon, 4242, \"@daemon\" }", NULL },
		{ "allow-users = \"daemon,root\"", "daemon,root" },
		{ "allow-users = { daemon, no-such-user }", "no-such-user" },
		{ "allow-users = \"@no-such-group\"", "@no-such-group" },
	};
	struct config c;
	char key[300];

	snprintf(key, sizeof key, "account x { app = a mailbox = x@x.example "
	    "%s }", lists[_i].allow_users);
	load(&c, key);
	ck_assert_pstr_eq(account_unknown_user(config_account(&c, "x")),
	    lists[_i].unknown);
	config_release(&c);
}
END_TEST

START_TEST(a_uid_that_nobody_knows)
{
	struct status st;
	uid_t uid = 3999999;

	ck_assert_ptr_null(getpwuid(uid));
	ck_assert_int_eq(check_user("3999999", uid, &st), 0);
	ck_assert_int_eq(check_user("{ nobody, \"@nogroup\" }", uid, &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "3999999"));
	ck_assert_int_eq(check_user("4294967295", uid, &st), -1);
	ck_assert_int_eq(check_user("4298967295", uid, &st), -1);
}
END_TEST

/* Whoever the service knows is not refused for good while it is away. */
START_TEST(a_name_service_that_is_away)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct status st;

	ck_assert_ptr_nonnull(nobody);
	group_error = EIO;
	ck_assert_int_eq(check_user("\"@staff\"", nobody->pw_uid, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_TEMPFAIL);
	ck_assert_int_eq(st.scope, SCOPE_MESSAGE);	/* holds nobody else up */
	ck_assert_ptr_nonnull(strstr(st.hint, "nsswitch.conf"));
	ck_assert_int_eq(check_user("{ \"@staff\", nobody }", nobody->pw_uid,
	    &st), 0);
	group_error = ENOENT;
	ck_assert_int_eq(check_user("\"@staff\"", nobody->pw_uid, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_NOPERM);
	group_error = 0;
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("account");
	TCase *t = tcase_create("account");

	tcase_add_loop_test(t, choosing, 0, COUNT(choices));
	tcase_add_test(t, the_default_comes_last);
	tcase_add_test(t, nothing_serves_it_and_the_hint_names_what_was_tried);
	tcase_add_test(t, a_tie_is_an_error);
	tcase_add_loop_test(t, sending_as, 0, COUNT(send_as));
	tcase_add_test(t, who_may_use_it);
	tcase_add_loop_test(t, an_entry_that_lets_in_nobody, 0, 5);
	tcase_add_test(t, a_uid_that_nobody_knows);
	tcase_add_test(t, a_name_service_that_is_away);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
