/* SPDX-License-Identifier: ISC
 *
 * Which of its causes a 535 5.7.3 has, from claims and config.
 */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "cli/check_cause.h"

#define NOW	1795000000
#define EXCHANGE .aud = "https://outlook.office365.com"
#define TIMES	.nbf = NOW - 300, .exp = NOW + 3600
#define APP	.appid = "00001111-aaaa-2222-bbbb-3333cccc4444"
#define OID	.oid = "78d6a2d6-d97f-5429-b1d8-9fc1dc9b851c"
#define GOOD	EXCHANGE, TIMES, APP, OID, .tid = "t", .roles = "SMTP.SendAsApp"
#define PERSON	EXCHANGE, TIMES, APP, OID, .tid = "t"

static const struct {
	struct claims	 claims;
	bool		 certain;	/* seen in the claims alone */
	const char	*what, *fix;	/* parts of them */
	const char	*preset, *auth_user, *other, *tenant;
} cases[] = {
	{ { GOOD }, false, "does not know the app",
	  "New-ServicePrincipal -AppId 00001111-AAAA-2222-bbbb-3333cccc4444 "
	  "-ObjectId 78d6a2d6-d97f-5429-b1d8-9fc1dc9b851c",
	  NULL, NULL, NULL, NULL },
	{ { GOOD }, false, "shop@x works", "PrimarySmtpAddress", NULL, NULL,
	  "shop@x", NULL },
	{ { GOOD }, false, "auth-user admin@x", "remove auth-user", NULL,
	  "admin@x", NULL, NULL },
	{ { GOOD }, true, "of tenant t, but",
	  "client-id", NULL, NULL, NULL,
	  "99999999-8888-4777-8666-555555555555" },
	{ { GOOD }, false, "does not know", "New-", NULL, NULL, NULL,
	  "contoso.onmicrosoft.com" },
	{ { GOOD }, false, "not Mail.Send", "Mail.Send", "high-volume-email",
	  NULL, NULL, NULL },
	{ { EXCHANGE, APP, .exp = NOW - 60 }, true, "expired 1 minutes ago",
	  "clock", NULL, NULL, NULL, NULL },
	{ { EXCHANGE, APP, .exp = NOW }, true, "expired", "clock", NULL, NULL,
	  NULL, NULL },
	{ { EXCHANGE, APP, .nbf = NOW + 600, .exp = NOW + 4000 }, true,
	  "valid in 11 minutes", "clock", NULL, NULL, NULL, NULL },
	{ { TIMES, APP, .aud = "https://graph.microsoft.com" }, true,
	  "for https://graph.microsoft.com", "/.default", NULL, NULL, NULL,
	  NULL },
	{ { TIMES, APP, .aud = "https://outlook.office365.com.evil.example" },
	  true, "not for Exchange", "/.default", NULL, NULL, NULL, NULL },
	{ { TIMES, APP, .aud = "https://outlook.office.com/" }, false,
	  "no roles", "Grant admin consent", NULL, NULL, NULL, NULL },
	{ { EXCHANGE, TIMES, .appid = "other" }, true, "of app other",
	  "token-command", NULL, NULL, NULL, NULL },
	{ { EXCHANGE, TIMES, APP, OID }, false, "no roles",
	  "Test-ServicePrincipalAuthorization -Identity 78d6", NULL, NULL, NULL,
	  NULL },
	{ { EXCHANGE, TIMES, APP, .roles = "Mail.Send SMTP.SendAsApp2" },
	  false, "roles Mail.Send SMTP.SendAsApp2, and not",
	  "Application permissions", NULL, NULL, NULL, NULL },
	{ { PERSON, .upn = "alerts@x", .scp = "IMAP.Access" }, true,
	  "does not cover SMTP.Send", "mailbearer login alerts", NULL, NULL,
	  NULL, NULL },
	{ { PERSON, .upn = "admin@x", .scp = "openid SMTP.Send" }, false,
	  "admin@x has signed in", "-User admin@x", NULL, NULL, NULL, NULL },
	{ { PERSON, .upn = "Alerts@X", .scp = "SMTP.Send" }, false,
	  "does not know the app", "", NULL, NULL, NULL, NULL },
};

static char tenant[64], auth_user[64], preset[64], name[] = "alerts",
    app_name[] = "contoso", mailbox[] = "alerts@x",
    client_id[] = "00001111-AAAA-2222-bbbb-3333cccc4444";

/* A copy that is not const, as a config has it. */
static char *
copy(char to[64], const char *from)
{
	if (from == NULL)
		return NULL;
	snprintf(to, 64, "%s", from);
	return to;
}

static void
set_up(struct account *a, struct app *app, size_t i)
{
	*app = (struct app){ .name = app_name, .client_id = client_id,
	    .tenant = copy(tenant, cases[i].tenant) };
	*a = (struct account){ .name = name, .mailbox = mailbox, .app = app,
	    .auth_user = copy(auth_user, cases[i].auth_user),
	    .preset = copy(preset, cases[i].preset != NULL ?
	    cases[i].preset : "exchange-online") };
}

START_TEST(the_cause_is_found)
{
	struct cause_facts f = { .claims = &cases[_i].claims, .now = NOW,
	    .other_mailbox = cases[_i].other };
	struct account a;
	struct cause c;
	struct app app;

	set_up(&a, &app, (size_t)_i);
	f.account = &a;
	ck_assert_int_eq(cause_in_claims(&c, &f), cases[_i].certain);
	cause_of_refusal(&c, &f);
	ck_assert_msg(strstr(c.what, cases[_i].what) != NULL, "%s", c.what);
	ck_assert_msg(strstr(c.fix, cases[_i].fix) != NULL, "%s", c.fix);
}
END_TEST

/* Nothing overflows, and nothing is needed that may be missing. */
START_TEST(a_token_that_cannot_be_read)
{
	struct cause_facts f = { .now = NOW };
	struct account a;
	struct cause c;
	struct app app;

	set_up(&a, &app, 0);
	app.client_id = NULL;
	f.account = &a;
	ck_assert(!cause_in_claims(&c, &f));
	cause_of_refusal(&c, &f);
	ck_assert_ptr_nonnull(strstr(c.what, "cannot be read"));
	ck_assert_ptr_nonnull(strstr(c.fix, "<object id of the Enterprise"));
}
END_TEST

START_TEST(claims_as_long_as_they_may_be)
{
	struct claims long_ones;
	struct cause_facts f = { .claims = &long_ones, .now = NOW };
	struct account a;
	struct cause c;
	struct app app;

	memset(&long_ones, 'x', sizeof long_ones);
	long_ones.aud[sizeof long_ones.aud - 1] = '\0';
	long_ones.tid[sizeof long_ones.tid - 1] = '\0';
	long_ones.appid[sizeof long_ones.appid - 1] = '\0';
	long_ones.oid[sizeof long_ones.oid - 1] = '\0';
	long_ones.upn[0] = long_ones.scp[0] = '\0';
	long_ones.roles[sizeof long_ones.roles - 1] = '\0';
	long_ones.nbf = 0;
	long_ones.exp = NOW + 1;
	set_up(&a, &app, 0);
	app.client_id = NULL;
	f.account = &a;
	ck_assert(cause_in_claims(&c, &f));
	snprintf(long_ones.aud, sizeof long_ones.aud,
	    "https://outlook.office365.com");
	cause_of_refusal(&c, &f);
	ck_assert_ptr_nonnull(strstr(c.what, "and not SMTP.SendAsApp"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("cause");
	TCase *t = tcase_create("cause");

	tcase_add_loop_test(t, the_cause_is_found, 0,
	    sizeof cases / sizeof *cases);
	tcase_add_test(t, a_token_that_cannot_be_read);
	tcase_add_test(t, claims_as_long_as_they_may_be);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
