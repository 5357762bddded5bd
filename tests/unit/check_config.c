/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "config/config.h"
#include "config/credential.h"
#include "config/hostname.h"
#include "config/keys.h"

#define COUNT(array)	((int)(sizeof array / sizeof *array))

static const struct host_source web1 = {
	.node = "web1", .hosts = "/dev/null", .mailname = "/dev/null"
};

static int
parse(struct config *c, const char *text, bool given, struct status *st)
{
	struct config_source source = {
		.path = given ? "/home/ann/m.conf" : "/x.conf", .given = given
	};

	*st = (struct status)STATUS_INIT;
	return config_parse_on(c, &source, &web1, text, strlen(text), st);
}

/* The part of a config that most tests do not care about. */
#define APP	"app a { managed-identity = imds }\n"
#define ACCOUNT	"account x { app = a mailbox = x@contoso.com }\n"
#define SECRET	"tenant = t client-id = c client-secret-file = \"/s\"\n"

static const struct {
	const char *text;
	int line;		/* 0: none is named */
	const char *wrong;	/* part of the text */
	const char *hint;	/* part of the hint */
} errors[] = {
	/* What libconfuse would let pass or misread. */
	{ "\xef\xbb\xbf" APP ACCOUNT, 1, "byte order mark", "UTF-8" },
	{ "\xff\xfe" APP ACCOUNT, 1, "byte order mark", "UTF-8" },
	{ "# a\n\n# b\x01\n", 3, "control character", "" },
	{ "domain = \"${HOME}\"\n", 1, "environment", "" },
	{ "\ndomain = ${HOME}\n", 2, "unexpected \"$\"", "quotes" },
	{ "domain = a$b\n", 1, "unexpected \"$\"", "quotes" },
	{ APP "account x { serves = *@contoso.com }\n", 2,
	    "unexpected \"*\"", "quotes" },
	{ "/* a\n\n*/ # b\n// c\n\ndomain = a*b\n", 6, "unexpected \"*\"",
	    "quotes" },
	{ APP "account x {\n app = a\n mailbox = x@contoso.com\n", 2,
	    "has no }", "" },
	{ APP "account x {\n app = a\n\naccount y { app = a }\n", 5,
	    "of line 2 has no }", "" },
	{ APP ACCOUNT "}\n", 3, "a } without a block", "" },
	{ "domain = a.b\ndomain = a.c\n", 2, "given twice, first in line 1", "" },
	{ APP "account x {\n app = a\n app = b\n}\n", 4, "given twice", "" },
	{ "app a {\n}\n\napp a { }\n", 4, "two blocks app \"a\"", "" },
	{ APP ACCOUNT ACCOUNT, 3, "two blocks account \"x\"", "" },
	{ "domain = \"a.b\nhostname = b\n", 1, "no closing \"", "" },
	{ "\ndomain = \"a.b\\", 2, "backslash", "" },
	{ "domain = \"a\\x2eb\"", 1, "backslash", "" },
	{ "\n\n/* never", 3, "never ends", "" },
	{ "domain += a.b", 1, "unexpected \"+\"", "" },
	{ "include(\"/etc/passwd\")", 1, "unexpected \"(\"", "" },
	{ "domain = a.b;", 1, "unexpected \";\"", "" },
	{ "\ndomain = \xe2\x80\x9c""a.b\xe2\x80\x9d\n", 2, "typographic quote",
	    "anew" },
	{ "domain =\n\xc2\xa0\"a.b\"\n", 2, "no-break space", "anew" },
	{ "domain\xc2\xa0= a.b\n", 1, "not ASCII", "anew" },
	{ "domain = b\xc3\xbc.de\n", 1, "not ASCII", "double quotes" },
	{ "domain a.b", 1, "\"=\" is missing", "" },
	{ "domain =", 1, "a value is missing", "" },
	{ "domain = = a", 1, "a value is missing", "" },
	{ "\ndomain =\nhostname = a.b\n", 2, "domain: a value is missing", "" },
	{ "domain =\n\n# none\nhostname # this one\n = a.b\n", 1,
	    "domain: a value is missing", "" },
	{ "\ndomain =\n" APP, 2, "domain: a value is missing", "" },
	{ "domain =\naccount \"x\" {\n}\n", 1, "domain: a value is missing",
	    "" },
	{ "domain =\n\n", 1, "domain: a value is missing", "" },
	{ "domain = hostname = a.b", 1, "expected", "" },
	{ "app a {\n tenant =\n client-id = c\n}", 2,
	    "tenant: a value is missing", "" },
	{ APP "account x {\n app = a\n mailbox =\n}", 4,
	    "mailbox: a value is missing", "" },
	{ "= a", 1, "expected", "" },
	{ "\"domain\" = a", 1, "expected", "" },
	{ "domain = {a.b}", 1, "one value, not a list", "" },
	{ "domain = a.b, a.c", 1, "one value, not a list", "" },
	{ APP "account x {\n send-as = \"a@b.cc\", \"d@e.ff\"\n}", 3,
	    "send-as: several values", "a list is written { \"a\", \"b\" }" },
	{ "app { }", 1, "a value is missing", "" },
	{ "app a b { }", 1, "\"{\" is missing", "" },
	{ "app \"a b\" { }", 1, "cannot be \"a b\"", "letters" },
	{ "app \"\" { }", 1, "cannot be \"\"", "letters" },
	{ "app \"..\" { }", 1, "cannot be \"..\"", "letters" },
	{ APP "account x {\n send-as = {}\n}", 3, "list is empty", "" },
	{ APP "account x { send-as = {,} }", 2, "between commas", "" },
	{ APP "account x { send-as = {a b} }", 2, "between commas", "" },
	{ APP "account x { send-as = {a, b", 2, "between commas", "" },
	/* Keys. */
	{ "domian = a.b", 1, "unknown key domian", "did you mean domain?" },
	{ "acount x { }", 1, "unknown key acount", "did you mean account?" },
	{ APP "account x { malbox = a@b }", 2, "unknown key malbox",
	    "did you mean mailbox?" },
	{ "app a { client-secret = x }", 1, "unknown key client-secret",
	    "client-secret-file" },
	{ "xyzzy = 1", 1, "unknown key xyzzy", "mailbearer.conf(5)" },
	{ "Domain = a.b", 1, "unknown key Domain", "did you mean domain?" },
	{ "mailbox = a@b.c", 1, "mailbox does not belong here",
	    "account NAME" },
	{ APP "account x { tenant = t }", 2, "not belong into the block account",
	    "app NAME" },
	{ APP "account x { spool = no }", 2, "not belong", "outside" },
	/* Values. */
	{ "spool = maybe", 1, "\"maybe\" is no boolean", "true or false" },
	{ "retry-for = 5", 1, "\"5\" is no duration", "5d" },
	{ "retry-for = 0s", 1, "too small", "from 1s to 90d" },
	{ "retry-for = 99w", 1, "too large", "" },
	{ "send-timeout = 2h", 1, "too large", "" },
	{ "max-message-size = 150MB", 1, "is no size", "150M" },
	{ "max-message-size = 3G", 1, "too large", "from 1K to 2G" },
	{ "domain = \"a b\"", 1, "is no domain name", "" },
	{ "domain = 192.0.2.1", 1, "is no domain name", "" },
	{ "local-mail-to = root", 1, "is no complete mail address", "" },
	{ "aliases = etc/aliases", 1, "is no absolute path", "\"\"" },
	{ "spool-directory = \"\"", 1, "is no absolute path", "" },
	{ "state-directory = state", 1, "is no absolute path", "/" },
	{ "log = mail.log", 1, "is no log", "syslog" },
	{ "log = \"\"", 1, "is no log", "syslog" },
	{ "proxy = \"http://u:p@proxy:3128\"", 1, "is no proxy", "http" },
	{ "user-messages-per-hour = -1", 1, "is no number", "" },
	{ APP "account x { port = 0 }", 2, "too small", "" },
	{ APP "account x { port = 65536 }", 2, "too large", "from 1 to 65535" },
	{ APP "account x { port = 587x }", 2, "is no number", "" },
	{ APP "account x { tls = yes }", 2, "not one of its values",
	    "starttls, implicit or none" },
	{ APP "account x { tls-minimum = 1.4 }", 2, "not one of its values",
	    "1.0, 1.1, 1.2 or 1.3" },
	{ APP "account x { auth = cram-md5 }", 2, "not one of its values",
	    "xoauth2" },
	{ APP "account x { preset = gmail }", 2, "not one of its values",
	    "exchange-online" },
	{ APP "account x { max-connections = 0 }", 2, "too small", "" },
	{ APP "account x { source-address = web1 }", 2, "no IP address", "" },
	{ APP "account x { host = \"a b\" }", 2, "no host name", "" },
	{ APP "account x { serves = { a, \"x*@y.z\" } }", 2, "whole local part",
	    "" },
	{ APP "account x { serves = \"*\" }", 2, "default-account", "" },
	{ APP "account x { allow-users = \"@\" }", 2, "is no user", "@GROUP" },
	{ APP "account x { allow-users = \"a b\" }", 2, "is no user", "" },
	{ "app a { cloud = mars }", 1, "not one of its values",
	    "public, usgov, usgov-dod or china" },
	{ "app a { tenant = \"../x\" }", 1, "is no id", "" },
	{ "app a { client-secret-expires = 31.12.2027 }", 1, "is no date",
	    "2027-01-31" },
	{ "app a { authority = \"http://login.example\" }", 1, "no https URL",
	    "http" },
	{ "app a { token-endpoint = \"http://localhost@evil/\" }", 1,
	    "no https URL", "" },
	{ "app a { client-secret-file = secret }", 1, "no absolute path",
	    "credential:NAME" },
	{ "app a { client-secret-file = {\"/a\",\n\"credential:../x\"} }", 1,
	    "client-secret-file: its value is no absolute path", "" },
	{ "app a { certificate = credential:.x }", 1, "no absolute path", "" },
	{ "app a { token-command = { token, -v } }", 1, "no command",
	    "absolute path" },
	/* Apps. */
	{ "\napp a {\n}\n", 2, "app \"a\" has no credential",
	    "client-secret-file, certificate" },
	{ "app a { delegated = false }\n", 1, "no credential", "" },
	{ "app a {\n client-secret-file = \"/s\"\n certificate = \"/c\"\n}", 3,
	    "two credentials, client-secret-file and certificate", "" },
	{ "app a {\n managed-identity = imds\n client-secret-file = \"/s\"\n}",
	    3, "two credentials", "" },
	{ "app a {\n tenant = t client-id = c certificate = \"file:/c\"\n}", 2,
	    "certificate", "pkcs11:" },
	{ "app a {\n token-command = \"/t\"\n delegated = yes\n}", 3,
	    "two credentials", "" },
	{ "app a { client-id = c client-secret-file = \"/s\" }", 1,
	    "has no tenant", "Entra" },
	{ "app a { tenant = t client-secret-file = \"/s\" }", 1,
	    "has no client-id", "Entra" },
	{ "app a {\n tenant = common client-id = c\n federated-token-file = "
	    "\"/f\"\n}", 2, "no single tenant", "" },
	{ "app a { " SECRET "private-key = \"/k\" }", 2,
	    "private-key goes with certificate", "" },
	{ "app a { managed-identity = imds\nclient-secret-expires = 2027-01-31"
	    " }", 2, "goes with client-secret-file", "" },
	{ "app a { " SECRET "authority = \"https://x/tenant\" }", 2,
	    "more than https://HOST", "token-endpoint" },
	/* Accounts. */
	{ "", 0, "no account", "account" },
	{ APP, 0, "no account", "account" },
	{ APP "account x { app = a }", 2, "has no mailbox", "mailbox =" },
	{ APP "account x { mailbox = x }", 2, "no complete mail address", "" },
	{ APP "account x {\nmailbox = \"*@b.c\" }", 3,
	    "mailbox: \"*@b.c\" is no complete mail address", "without \"*\"" },
	{ "deliver-all-to = \"*@b.c\"", 1, "no complete mail address", "" },
	{ APP "account x { app = b mailbox = a@b.c }", 2, "no app \"b\"",
	    "\"a\"" },
	{ "account x { app = b mailbox = a@b.c }", 1, "no app \"b\"",
	    "app \"b\" {" },
	{ APP "account x { mailbox = a@b.c }", 2, "names no app", "app =" },
	{ APP "account x { app = a mailbox = a@b.c\nauth = none }", 2,
	    "needs no token", "remove app" },
	{ "account x { mailbox = a@b.c host = h.example auth = plain }", 1,
	    "no password-file", "password" },
	{ "account x { mailbox = a@b.c preset = relay\n password-file = \"/p\""
	    " }", 2, "needs no password", "" },
	{ "account x { mailbox = a@b.c preset = relay\n auth-user = u }", 2,
	    "no authentication", "" },
	{ APP "account x { app = a mailbox = a@b.c\ntls = none }", 3,
	    "in the clear", "localhost" },
	{ APP "account x { app = a mailbox = a@b.c\ntls = none\nhost = "
	    "localhost.evil.example }", 3, "in the clear", "" },
	{ "account x { mailbox = a@b.c preset = smtp auth = none }", 1,
	    "has no host", "" },
	{ "account x { mailbox = a@b-c.d preset = relay }", 1, "has no host",
	    "MX" },
	{ "account x { mailbox = a@b.c preset = relay\ntls-private-key = \"/k\""
	    " }", 2, "without a tls-certificate", "" },
	{ APP ACCOUNT "default-account = y", 3, "no account \"y\"", "\"x\"" },
	{ APP ACCOUNT "account y { app = a mailbox = y@b.c\n"
	    "preset = azure-communication-services }", 4,
	    "another kind of server", "second app" },
	/* Ties. */
	{ APP ACCOUNT "account y { app = a\nmailbox = X@contoso.com }", 4,
	    "\"x\" in line 2 (mailbox)", "one account only" },
	{ APP ACCOUNT "account y { app = a mailbox = y@b.c\n"
	    "serves = { c, x@CONTOSO.com } }", 4, "\"y\" here (serves)", "" },
	{ APP "account x { app = a mailbox = x@b.c\nserves = \"*@*.lan\" }\n"
	    "account y { app = a mailbox = y@b.c\nsend-as = \"*@*.LAN\" }", 5,
	    "\"x\" in line 3 (serves)", "" },
};

START_TEST(an_error_names_line_and_remedy)
{
	char where[30] = "/x.conf: ";
	struct status st;
	struct config c;

	ck_assert_int_eq(parse(&c, errors[_i].text, false, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	if (errors[_i].line != 0)
		snprintf(where, sizeof where, "/x.conf:%d: ", errors[_i].line);
	if (strncmp(st.text, where, strlen(where)) != 0 ||
	    strstr(st.text, errors[_i].wrong) == NULL ||
	    strstr(st.hint, errors[_i].hint) == NULL)
		ck_abort_msg("%s\nhint: %s\nwanted line %d, %s, %s", st.text,
		    st.hint, errors[_i].line, errors[_i].wrong, errors[_i].hint);
}
END_TEST

/* People put a secret where its file belongs. */
static const char *const blunders[] = {
	"app a { client-secret-file = \"Abc8Q~Hush\" }",
	"app a { client-secret = \"Abc8Q~Hush\" }",
	"app a { client-secret-file = Abc8Q~Hush }",
	"app a { client-secret-file = {\"/a\", \"Abc8Q~Hush\"} }",
	"app a { passphrase-file = Hush }",
	"account x { password-file = Hush }",
	"account x { password = Hush }",
	"proxy = \"http://user:Hush@proxy:3128\"",
	"proxy = \"Hush\"",
	"app a { token-command = {\"Hush\"} }",
	"app a { client-secret-file = \"/a\\Hush\" }",
};

START_TEST(a_secret_in_the_wrong_place_is_not_repeated)
{
	struct status st;
	struct config c;

	ck_assert_int_eq(parse(&c, blunders[_i], false, &st), -1);
	ck_assert_ptr_null(strstr(st.text, "Hush"));
	ck_assert_ptr_null(strstr(st.hint, "Hush"));
}
END_TEST

static const char *const wrapped[] = {
	"domain =\n\n a.b # here\n" APP ACCOUNT,
	"domain\n=\na.b\nhostname = web1.a.b\n" APP ACCOUNT,
	"default-account =\nx\n" APP ACCOUNT,
	"domain =\na.b " APP ACCOUNT,
	APP "account x { app =\n a mailbox =\nx@a.b\nsend-as =\n{ a@a.b,\n"
	    "b@a.b } tls =\nstarttls }\n",
};

START_TEST(a_value_may_stand_on_a_later_line)
{
	struct status st = STATUS_INIT;
	struct config c;

	if (parse(&c, wrapped[_i], false, &st) == -1)
		ck_abort_msg("%s", st.text);
	config_release(&c);
}
END_TEST

START_TEST(nul_and_length)
{
	static char text[CONFIG_FILE_MAX + 2];
	struct config_source source = { .path = "/x.conf" };
	struct status st = STATUS_INIT;
	struct config c;

	memset(text, '\n', sizeof text);
	memcpy(text, APP ACCOUNT, strlen(APP ACCOUNT));
	ck_assert_int_eq(config_parse_on(&c, &source, &web1, text,
	    CONFIG_FILE_MAX, &st), 0);
	config_release(&c);
	ck_assert_int_eq(config_parse_on(&c, &source, &web1, text,
	    CONFIG_FILE_MAX + 1, &st), -1);
	text[strlen(APP ACCOUNT) + 3] = '\0';
	ck_assert_int_eq(config_parse_on(&c, &source, &web1, text,
	    CONFIG_FILE_MAX, &st), -1);
	ck_assert_str_eq(st.text,
	    "/x.conf:6: a control character or NUL byte");
}
END_TEST

/* The example of the manual and of the design. */
START_TEST(two_blocks_are_a_whole_config)
{
	static const char text[] =
	    "app \"contoso\" {   # an Entra app registration\n"
	    "    tenant      = \"contoso.onmicrosoft.com\"\n"
	    "    client-id   = \"00001111-aaaa-2222-bbbb-3333cccc4444\"\n"
	    "    certificate = \"/etc/mailbearer/contoso.pem\"\n"
	    "}\n"
	    "account \"alerts\" {\r\n"
	    "    app     = \"contoso\"\r\n"
	    "    mailbox = \"alerts@Contoso.com\"\r\n"
	    "}\n"
	    "local-mail-to = \"it@contoso.com\"\n";
	const struct account *a;
	struct status st;
	struct config c;

	ck_assert_int_eq(parse(&c, text, false, &st), 0);
	ck_assert_int_eq(st.sysexit, EX_OK);
	ck_assert_uint_eq(c.app_count, 1);
	ck_assert_int_eq(c.apps[0].credential, CREDENTIAL_CERTIFICATE);
	ck_assert_str_eq(c.apps[0].token_endpoint, "https://login."
	    "microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token");
	ck_assert_str_eq(c.apps[0].scope,
	    "https://outlook.office365.com/.default");
	ck_assert_str_eq(c.apps[0].assertion_algorithm, "PS256");
	ck_assert(!c.apps[0].assertion_fixed);
	ck_assert_uint_eq(c.account_count, 1);
	a = c.default_account;
	ck_assert_ptr_eq(a, &c.accounts[0]);
	ck_assert_ptr_eq(a->app, &c.apps[0]);
	ck_assert_str_eq(a->mailbox, "alerts@contoso.com");
	ck_assert_str_eq(a->auth_user, "alerts@contoso.com");
	ck_assert_str_eq(a->host, "smtp.office365.com");
	ck_assert_int_eq(a->port, 587);
	ck_assert_int_eq(a->tls, TLS_STARTTLS);
	ck_assert_int_eq(a->tls_minimum, 12);
	ck_assert_int_eq(a->auth, AUTH_XOAUTH2);
	ck_assert_int_eq(a->max_connections, 3);
	ck_assert_int_eq(a->messages_per_minute, 30);
	ck_assert_int_eq(a->max_recipients, 500);
	ck_assert_int_eq(a->token_margin, 300);
	ck_assert_int_eq(a->line, 6);
	ck_assert_str_eq(c.local_mail_to, "it@contoso.com");
	ck_assert_str_eq(c.aliases, "/etc/aliases");
	ck_assert(c.spool);
	ck_assert_int_eq(c.spool_reserve, 100 << 20);
	ck_assert_int_eq(c.spool_per_user, 1 << 30);
	ck_assert_int_eq(c.retry_for, 5 * 86400);
	ck_assert_int_eq(c.keep_failed, 14 * 86400);
	ck_assert_int_eq(c.max_message_size, 150 << 20);
	ck_assert_int_eq(c.send_timeout, 20);
	ck_assert_str_eq(c.log, "syslog");
	config_release(&c);
}
END_TEST

START_TEST(every_value_arrives)
{
	static const char text[] =
	    "aliases = \"\" spool = off log = '/var/log/a\"b\\'c\\\\d'\n"
	    "user-messages-per-hour = 20\n"
	    "app a { cloud = usgov " SECRET "client-secret-expires=2027-01-31 }\n"
	    "app b { token-command = { \"/bin/t\", \"a \\\"b\\\"\", \"\", } }\n"
	    "app c { token-endpoint = \"http://[::1]:1/{tenant}/x/{tenant}\"\n"
	    " tenant = T client-id = i client-secret-file={\"/1\",credential:n} }\n"
	    "app d { tenant = common client-id = i delegated = on }\n"
	    "app e { authority = \"https://h:1/\" " SECRET " scope = \"a b\" }\n"
	    "account a { app = a mailbox = \"a@b\xc3\xbc" "cher.example\"\n"
	    " send-as = \"*@B\xc3\xbc" "cher.example\" serves = {u,v,}\n"
	    " allow-users = {w, \"@g\", 12} tls = implicit tls-minimum = 1.3 }\n"
	    "account b { app = b mailbox = b@c.d preset = high-volume-email }\n"
	    "account c { mailbox = c@c.d preset = direct-send tls-certificate = "
	    "\"/c\" }\n"
	    "account d { mailbox = d@c.d preset = smtp host = \"[::1]\" tls=none"
	    " port = 25 auth-user = u password-file = \"/p\" }\n";
	const struct account *a;
	struct status st;
	struct config c;

	if (parse(&c, text, false, &st) == -1)
		ck_abort_msg("%s", st.text);
	ck_assert_ptr_null(c.aliases);
	ck_assert(!c.spool);
	ck_assert_str_eq(c.log, "/var/log/a\"b'c\\d");
	ck_assert_int_eq(c.user_messages_per_hour, 20);
	ck_assert(c.apps[3].delegated);
	ck_assert_int_eq(c.apps[0].secret_expires, 1801353600);
	ck_assert_str_eq(c.apps[0].authority, "https://login.microsoftonline.us");
	ck_assert_str_eq(c.apps[0].scope, "https://outlook.office365.us/.default");
	ck_assert_str_eq(c.apps[1].token_command[1], "a \"b\"");
	ck_assert_str_eq(c.apps[1].token_command[2], "");
	ck_assert_ptr_null(c.apps[1].token_command[3]);
	ck_assert_ptr_null(c.apps[1].token_endpoint);
	ck_assert_str_eq(c.apps[2].token_endpoint, "http://[::1]:1/T/x/T");
	ck_assert_str_eq(c.apps[2].secret_files[1], "credential:n");
	ck_assert_ptr_null(c.apps[2].secret_files[2]);
	ck_assert_int_eq(c.apps[3].credential, CREDENTIAL_DELEGATED);
	ck_assert_ptr_nonnull(strstr(c.apps[3].scope, "SMTP.Send"));
	ck_assert_str_eq(c.apps[4].token_endpoint,
	    "https://h:1/t/oauth2/v2.0/token");
	ck_assert_str_eq(c.apps[4].scope, "a b");
	a = &c.accounts[0];
	ck_assert_str_eq(a->mailbox, "a@xn--bcher-kva.example");
	ck_assert_str_eq(a->send_as[0], "*@xn--bcher-kva.example");
	ck_assert_str_eq(a->serves[1], "v");
	ck_assert_ptr_null(a->serves[2]);
	ck_assert_str_eq(a->allow_users[2], "12");
	ck_assert_str_eq(a->host, "smtp.office365.us");
	ck_assert_int_eq(a->port, 465);
	ck_assert_int_eq(a->tls_minimum, 13);
	ck_assert_int_eq(c.accounts[1].token_margin, 600);
	ck_assert_str_eq(c.accounts[1].host, "smtp.hve.mx.microsoft");
	ck_assert_str_eq(c.accounts[2].host, "c-d.mail.protection.outlook.com");
	ck_assert_int_eq(c.accounts[2].port, 25);
	ck_assert_ptr_null(c.accounts[2].auth_user);
	ck_assert_str_eq(c.accounts[3].host, "::1");
	ck_assert_str_eq(c.accounts[3].auth_user, "u");
	ck_assert_ptr_null(c.default_account);
	config_release(&c);
}
END_TEST

START_TEST(under_c_paths_start_at_the_file)
{
	static const char text[] =
	    APP ACCOUNT "spool-directory = spool log = x.log\n"
	    "app s { tenant = t client-id = c client-secret-file = secret }\n";
	struct status st;
	struct config c;

	ck_assert_int_eq(parse(&c, text, false, &st), -1);
	ck_assert_int_eq(parse(&c, text, true, &st), 0);
	ck_assert(!c.spool);
	ck_assert_str_eq(c.state_directory, "/home/ann");
	ck_assert_str_eq(c.spool_directory, "/home/ann/spool");
	ck_assert_str_eq(c.log, "/home/ann/x.log");
	ck_assert_str_eq(c.apps[1].secret_files[0], "/home/ann/secret");
	config_release(&c);
	ck_assert_int_eq(parse(&c, APP ACCOUNT "spool = on state-directory = "
	    "\"/s\"", true, &st), 0);
	ck_assert(c.spool);
	ck_assert_str_eq(c.state_directory, "/s");
	config_release(&c);
}
END_TEST

/* Files of a test, in a directory of its own. */
static char directory[] = "/tmp/check_config.XXXXXX";
static char path[3][100];

static const char *
write_file(int i, const char *name, const char *content)
{
	FILE *f;

	snprintf(path[i], sizeof path[i], "%s/%s", directory, name);
	f = fopen(path[i], "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(content, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	return path[i];
}

static void
make_directory(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void
remove_directory(void)
{
	static const char *const names[] = {
		"hosts", "mailname", "a.service/one", "a.service/two",
		"b.service/two", "a.service", "b.service", "m.conf", ""
	};
	char name[100];
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(name, sizeof name, "%s/%s", directory, names[i]);
		remove(name);
	}
}

static const struct {
	const char *node, *hosts, *mailname, *keys;
	const char *hostname, *shorter, *domain;
	const char *ours, *others;	/* names, by comma */
} hosts[] = {
	{ "web1", "", "", "", NULL, "web1", "web1",
	    "web1,WEB1,localhost,localhost.localdomain",
	    "web1.corp.lan,web2,contoso.com," },
	{ "web1.corp.lan", "127.0.0.1 a\n", "contoso.com\n", "",
	    "web1.corp.lan", "web1", "contoso.com",
	    "web1,web1.corp.lan,localhost,a", "contoso.com,corp.lan" },
	{ "web1", "127.0.0.1 localhost lo.example # x\n"
	    "::1\tlocalhost ip6-localhost\n\n#10.0.0.9 web1 no.example\n"
	    "10.0.0.1 WEB1.corp.lan web1 www.corp.lan\n10.0.0.2 web2.corp.lan\n",
	    "contoso.com\nother.example\n", "",
	    "web1.corp.lan", "web1", "contoso.com",
	    "web1.corp.lan,www.corp.lan,lo.example,ip6-localhost",
	    "web2.corp.lan,no.example,contoso.com" },
	{ "web1", "127.0.1.1 localhost.localdomain web1 web1.lan\n", "", "",
	    "web1.lan", "web1", "web1.lan", "web1.lan", "" },
	{ "web1", "10.0.0.1 web1.lan web1\n", "mail.example\n",
	    "hostname = Mail.Contoso.com domain = \"d\xc3\xbc.example\"\n",
	    "mail.contoso.com", "mail", "xn--d-eha.example",
	    "mail.contoso.com,web1,web1.lan", "mail.example,d.example" },
	{ "Web1", "10.0.0.1 web1.lan web1 bad/name\n", "not a/domain\n", "",
	    "web1.lan", "web1", "not", "web1,web1.lan", "" },
	{ "", "", " \n", "", NULL, "localhost", "localhost", "localhost", "" },
};

static void
assert_names(const struct config *c, const char *list, bool ours)
{
	char copy[200], *rest = copy, *name;

	snprintf(copy, sizeof copy, "%s", list);
	while ((name = strsep(&rest, ",")) != NULL)
		if (*name != '\0' && config_is_host_name(c, name) != ours)
			ck_abort_msg("%s", name);
}

START_TEST(names_of_the_host)
{
	struct config_source source = { .path = "/x.conf" };
	struct host_source host = { .node = hosts[_i].node };
	struct status st = STATUS_INIT;
	struct config c;
	char text[500];

	host.hosts = write_file(0, "hosts", hosts[_i].hosts);
	host.mailname = write_file(1, "mailname", hosts[_i].mailname);
	snprintf(text, sizeof text, "%s" APP ACCOUNT, hosts[_i].keys);
	ck_assert_int_eq(config_parse_on(&c, &source, &host, text, strlen(text),
	    &st), 0);
	if (hosts[_i].hostname == NULL)
		ck_assert_ptr_null(c.hostname);
	else
		ck_assert_str_eq(c.hostname, hosts[_i].hostname);
	ck_assert_str_eq(c.short_hostname, hosts[_i].shorter);
	ck_assert_str_eq(c.domain, hosts[_i].domain);
	assert_names(&c, hosts[_i].ours, true);
	assert_names(&c, hosts[_i].others, false);
	config_release(&c);
}
END_TEST

static void
make_credential(const char *unit, const char *name)
{
	char where[80];

	snprintf(where, sizeof where, "%s/%s", directory, unit);
	if (mkdir(where, 0700) == -1)
		ck_assert_int_eq(errno, EEXIST);
	snprintf(where, sizeof where, "%s/%s", unit, name);
	write_file(2, where, "x");
}

START_TEST(a_credential_is_found_below_its_unit)
{
	char expected[100], *found = NULL;
	struct status st = STATUS_INIT;

	make_credential("a.service", "one");
	make_credential("a.service", "two");
	make_credential("b.service", "two");
	ck_assert_int_eq(credential_find(directory, getuid(), "one", &found,
	    &st), 0);
	snprintf(expected, sizeof expected, "%s/a.service/one", directory);
	ck_assert_str_eq(found, expected);
	free(found);
	ck_assert_int_eq(credential_find(directory, getuid(), "two", &found,
	    &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "a.service/two"));
	ck_assert_ptr_nonnull(strstr(st.text, "b.service/two"));
	ck_assert_int_eq(credential_find(directory, getuid(), "three", &found,
	    &st), -1);
	ck_assert_ptr_nonnull(strstr(st.hint, "LoadCredential=three"));
}
END_TEST

START_TEST(a_credential_in_a_directory_that_others_write_is_none)
{
	char *found, unit[100];
	struct status st = STATUS_INIT;

	make_credential("a.service", "one");
	snprintf(unit, sizeof unit, "%s/a.service", directory);
	ck_assert_int_eq(chmod(unit, 0777), 0);
	ck_assert_int_eq(credential_find(directory, getuid(), "one", &found,
	    &st), -1);
	ck_assert_int_eq(chmod(unit, 0700), 0);
	ck_assert_int_eq(chmod(directory, 0777), 0);
	ck_assert_int_eq(credential_find(directory, getuid(), "one", &found,
	    &st), -1);
	ck_assert_ptr_nonnull(strstr(st.text, "does not belong to root"));
}
END_TEST

START_TEST(a_path_is_resolved_to_itself)
{
	struct status st = STATUS_INIT;
	char *found;

	ck_assert_int_eq(config_resolve_file("/a/credential:b", &found, &st), 0);
	ck_assert_str_eq(found, "/a/credential:b");
	free(found);
	ck_assert_int_eq(config_resolve_file("credential:a/b", &found, &st), -1);
	ck_assert_int_eq(config_resolve_file("credential:", &found, &st), -1);
	ck_assert_int_eq(config_resolve_file("credential:..", &found, &st), -1);
}
END_TEST

START_TEST(a_file_is_loaded_or_refused)
{
	struct config_source source = { .trust = { .owner = getuid() } };
	struct status st = STATUS_INIT;
	struct config c;

	source.path = write_file(0, "m.conf", APP ACCOUNT);
	ck_assert_int_eq(chmod(path[0], 0644), 0);
	ck_assert_int_eq(config_load(&c, &source, &st), 0);
	ck_assert_str_eq(c.path, path[0]);
	ck_assert_uint_eq(c.trust.owner, getuid());
	config_release(&c);
	ck_assert_int_eq(chmod(path[0], 0666), 0);
	ck_assert_int_eq(config_load(&c, &source, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	ck_assert_int_ne(errno, ENOENT);
	config_release(&c);
	ck_assert_int_eq(remove(path[0]), 0);
	ck_assert_int_eq(config_load(&c, &source, &st), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
	source.path = directory;
	ck_assert_int_eq(config_load(&c, &source, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_CONFIG);
}
END_TEST

START_TEST(keys_are_sound)
{
	const struct key *k;
	int level;
	size_t i;

	for (level = 0; level < LEVEL_COUNT; level++)
		for (i = 0; i < key_tables[level].count; i++) {
			k = &key_tables[level].keys[i];
			ck_assert_ptr_eq(key_find((enum key_level)level,
			    k->name), k);
			ck_assert_str_eq(key_nearest((enum key_level)level,
			    k->name), k->name);
			ck_assert_ptr_nonnull(k->help);
			if (k->type == KEY_WORD || k->type == KEY_CHOICE)
				ck_assert_ptr_nonnull(k->words);
			if (k->type == KEY_NUMBER || k->type == KEY_SIZE ||
			    k->type == KEY_DURATION)
				ck_assert_int_gt(k->max, k->min);
		}
}
END_TEST

/* A file of the source tree. */
static char *
read_source(const char *name)
{
	const char *top = getenv("srcdir");
	static char text[CONFIG_FILE_MAX];
	char where[500];
	size_t len;
	FILE *f;

	snprintf(where, sizeof where, "%s/%s", top != NULL ? top : ".", name);
	f = fopen(where, "r");
	if (f == NULL)
		ck_abort_msg("%s", where);
	len = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[len] = '\0';
	return text;
}

static void
assert_parses(const char *text)
{
	struct status st;
	struct config c;

	if (parse(&c, text, false, &st) == -1)
		ck_abort_msg("%s\n%s", st.text, text);
	config_release(&c);
}

START_TEST(the_sample_is_good)
{
	assert_parses(read_source("etc/mailbearer.conf"));
}
END_TEST

/* Each literal block of the page, with what it takes for granted. */
START_TEST(the_examples_of_the_page_are_good)
{
	static const char *const before[] = {
		"", "account x { app = secret mailbox = x@contoso.com }\n",
		"app contoso { managed-identity = imds }\n", ""
	};
	char *page = read_source("man/mailbearer.conf.5"), *end;
	char text[4000];
	int i = 0;

	while ((page = strstr(page, ".Bd -literal")) != NULL) {
		ck_assert_int_lt(i, COUNT(before));
		page = strchr(page, '\n') + 1;
		end = strstr(page, "\n.Ed");
		ck_assert_ptr_nonnull(end);
		snprintf(text, sizeof text, "%s%.*s", before[i++],
		    (int)(end - page), page);
		assert_parses(text);
		page = end;
	}
	ck_assert_int_eq(i, COUNT(before));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config"), *f = tcase_create("files");

	tcase_add_loop_test(t, an_error_names_line_and_remedy, 0,
	    COUNT(errors));
	tcase_add_loop_test(t, a_secret_in_the_wrong_place_is_not_repeated, 0,
	    COUNT(blunders));
	tcase_add_loop_test(t, a_value_may_stand_on_a_later_line, 0,
	    COUNT(wrapped));
	tcase_add_test(t, nul_and_length);
	tcase_add_test(t, two_blocks_are_a_whole_config);
	tcase_add_test(t, every_value_arrives);
	tcase_add_test(t, under_c_paths_start_at_the_file);
	tcase_add_test(t, a_path_is_resolved_to_itself);
	tcase_add_test(t, keys_are_sound);
	tcase_add_test(t, the_sample_is_good);
	tcase_add_test(t, the_examples_of_the_page_are_good);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(f, make_directory, remove_directory);
	tcase_add_loop_test(f, names_of_the_host, 0, COUNT(hosts));
	tcase_add_test(f, a_credential_is_found_below_its_unit);
	tcase_add_test(f,
	    a_credential_in_a_directory_that_others_write_is_none);
	tcase_add_test(f, a_file_is_loaded_or_refused);
	suite_add_tcase(s, f);
	return s;
}

CHECK_MAIN(suite)
