/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "cli/import.h"
#include "config/hostname.h"

#define OUTPUT_MAX (512 * 1024)

static struct import im;
static struct buf out;

static void
setup(void)
{
	import_init(&im, "theirs");
	buf_init(&out, OUTPUT_MAX);
}

static void
teardown(void)
{
	buf_release(&out);
	import_release(&im);
}

/* The config that comes of it, which ours must be able to read. */
static const char *
format(void)
{
	static const struct host_source hosts = { .node = "web1",
	    .hosts = "/dev/null", .mailname = "/dev/null" };
	struct config_source source = { .path = "/x.conf" };
	struct status st = STATUS_INIT;
	struct config c;

	import_format(&im, &out);
	ck_assert_msg(config_parse_on(&c, &source, &hosts, out.data, out.len,
	    &st) == 0, "%s in:\n%s", st.text, out.data);
	config_release(&c);
	return out.data;
}

#define READ(reader, text) reader(&im, text, sizeof text - 1)
#define HAS(words) ck_assert_msg(strstr(out.data, words) != NULL, \
	"no %s in:\n%s", words, out.data)
#define HAS_NOT(words) ck_assert_msg(strstr(out.data, words) == NULL, \
	"%s in:\n%s", words, out.data)

/* Where "host" of each format becomes host, port and TLS. */
static const struct {
	void	  (*read)(struct import *im, const char *text, size_t len);
	const char *text, *host, *port, *tls;
} servers[] = {
	{ import_msmtp, "host a.example\nport 587\ntls on\n",
	  "host = \"a.example\"", "port = 587", "tls = starttls" },
	{ import_msmtp, "host a.example\nport 465\ntls on\ntls_starttls off\n",
	  "host = \"a.example\"", "port = 465", "tls = implicit" },
	{ import_msmtp, "defaults\ntls on\ntls_starttls on\naccount a\n"
	  "host a.example\nport 26\ntls off\n",
	  "host = \"a.example\"", "port = 26", "tls = none" },
	{ import_ssmtp, "mailhub=a.example:2525\n",
	  "host = \"a.example\"", "port = 2525", "tls = starttls" },
	{ import_ssmtp, "mailhub=a.example:465\nUseTLS=YES\n",
	  "host = \"a.example\"", "port = 465", "tls = implicit" },
	{ import_dma, "SMARTHOST a.example\nPORT 25\n",
	  "host = \"a.example\"", "port = 25", "tls = none" },
	{ import_dma, "SMARTHOST a.example\nPORT 587\nSECURETRANSFER\nSTARTTLS\n",
	  "host = \"a.example\"", "port = 587", "tls = starttls" },
	{ import_nullmailer_remotes, "a.example smtp --port=465 --ssl\n",
	  "host = \"a.example\"", "port = 465", "tls = implicit" },
	{ import_nullmailer_remotes, "a.example --port=587 --starttls\n",
	  "host = \"a.example\"", "port = 587", "tls = starttls" },
	{ import_postfix, "relayhost =\n# the server\n\n  [a.example]:587\n"
	  "smtp_tls_wrappermode = no\nsmtp_tls_security_level =\n\tencrypt",
	  "host = \"a.example\"", "port = 587", "tls = starttls" },
	{ import_postfix, "relayhost = [a.example]:587\n"
	  "smtp_tls_security_level = encrypt\n",
	  "host = \"a.example\"", "port = 587", "tls = starttls" },
	{ import_postfix, "relayhost = [::1]:2525\n",
	  "host = \"::1\"", "port = 2525", "tls = none" },
};

START_TEST(a_server)
{
	servers[_i].read(&im, servers[_i].text, strlen(servers[_i].text));
	format();
	HAS(servers[_i].port);
	HAS(servers[_i].tls);
	if (servers[_i].host[8] != ':')
		HAS(servers[_i].host);
}
END_TEST

START_TEST(microsofts_hosts_need_an_app_and_no_password)
{
	READ(import_ssmtp, "mailhub=SMTP.office365.com:587\n"
	    "AuthUser=alerts@contoso.com\nAuthPass=s3cret\n");
	format();
	HAS("app \"microsoft\" {");
	HAS("mailbox = \"alerts@contoso.com\"");
	HAS("No password is needed any more (line 3 of theirs)");
	HAS_NOT("s3cret");
	HAS_NOT("password-file");
	HAS_NOT("host =");
}
END_TEST

START_TEST(a_password_is_never_kept)
{
	READ(import_msmtp, "host a.example\nuser web\npassword hunter2\n"
	    "pasword hunter2\npassword-typo hunter2 hunter2\n");
	READ(import_nullmailer_remotes, "b.example smtp --pass='hunter2 x' "
	    "--user=u\n");
	READ(import_dma_auth, "u|b.example:hunter2\n");
	format();
	HAS("password-file = ");
	HAS("(see line 3 of theirs)");
	HAS_NOT("hunter2");
}
END_TEST

START_TEST(msmtps_command_for_a_password)
{
	READ(import_msmtp, "host a.example\nuser web\n"
	    "passwordeval \"pass show mail\"\n");
	format();
	HAS("(see the command in line 3 of theirs)");
	HAS_NOT("pass show");
}
END_TEST

START_TEST(msmtps_wildcard_is_no_mailbox)
{
	READ(import_msmtp, "account a\nhost a.example\nfrom *@shop.example\n"
	    "user web@shop.example\n");
	format();
	HAS("mailbox = \"web@shop.example\"");
	HAS("serves = { \"*@shop.example\" }");
}
END_TEST

START_TEST(msmtps_defaults_and_parents)
{
	READ(import_msmtp, "defaults\nport 2525\naccount a\nhost a.example\n"
	    "from a@x.example\naccount b : a\nfrom b@x.example\nport 26\n"
	    "account default : b\n");
	format();
	HAS("default-account = \"b\"");
	HAS("port = 2525");
	HAS("port = 26");
	ck_assert_uint_eq(im.count, 2);
	ck_assert_str_eq(im.accounts[1].host, "a.example");
}
END_TEST

/* Postfix. */

static const char main_cf[] =
    "relayhost = [smtp.office365.com]:587\nsmtp_tls_security_level = may\n";

START_TEST(postfix_names_in_values)
{
	READ(import_postfix, "myhostname = web1.contoso.com\n"
	    "myorigin = $mydomain\nrelayhost = [$mydomain]\n"
	    "smtp_helo_name = ${myhostname}\n");
	format();
	HAS("domain = \"contoso.com\"");
	HAS("hostname = \"web1.contoso.com\"");
	HAS_NOT("$");
}
END_TEST

START_TEST(postfix_names_letter_case)
{
	READ(import_postfix, "smtp_tls_CAfile = /etc/ca.pem\n");
	format();
	HAS("ca-file = \"/etc/ca.pem\"");
}
END_TEST

START_TEST(postfix_parameters_in_paths)
{
	char *path;

	READ(import_postfix, "smtp_tls_CAfile = ${config_directory}/ca.pem\n"
	    "relayhost = [a.example]\nsmtp_tls_cert_file = $my_file\n"
	    "smtp_tls_key_file = $config_directory/$my_file\n");
	format();
	HAS("ca-file = \"/etc/postfix/ca.pem\"");
	HAS("Line 3: smtp_tls_cert_file speaks of another parameter");
	HAS("Line 4: smtp_tls_key_file speaks of another parameter");
	path = import_postfix_path("/a/main.cf", "$config_directory/b");
	ck_assert_str_eq(path, "/a/b");
	free(path);
	path = import_postfix_path("main.cf", "${config_directory}/b");
	ck_assert_str_eq(path, "b");
	free(path);
}
END_TEST

START_TEST(postfix_lines_that_go_on)
{
	READ(import_postfix, main_cf);
	READ(import_postfix_passwords, "\n[smtp.office365.com]:587\n"
	    "# whose password this is\n    alerts@contoso.com:pw\n");
	READ(import_postfix_generic, "# comment\nroot\n  alerts@contoso.com\n"
	    "nobody nowhere\n");
	format();
	HAS("mailbox = \"alerts@contoso.com\"");
	HAS("(line 2 of Postfix's sasl_passwd)");
	HAS("serves = { \"root\" }");
	HAS("# smtp_generic_maps: line 4 does not name one mailbox");
}
END_TEST

START_TEST(postfix_value_of_several_lines)
{
	static const char text[] = "smtp_generic_maps = x\n"
	    "smtp_generic_maps =\n  hash:a,\n# no\n\thash:b\n\nz = y\n";
	char *value;

	value = import_postfix_value(text, sizeof text - 1,
	    "smtp_generic_maps");
	ck_assert_str_eq(value, "hash:a, hash:b");
	free(value);
	ck_assert_ptr_null(import_postfix_value(text, sizeof text - 1, "maps"));
}
END_TEST

START_TEST(nullmailers_other_protocol)
{
	READ(import_nullmailer_remotes, "q.example qmqp\nm.example smtp "
	    "--port=587 --starttls\n");
	format();
	HAS("# Line 1: a remote that is not reached by SMTP");
	HAS("host = \"m.example\"");
	HAS_NOT("q.example");
}
END_TEST

START_TEST(postfix_relays_by_sender)
{
	READ(import_postfix, main_cf);
	READ(import_postfix_relays,
	    "# comment\n"
	    "news@example.org [mail.example.org]:465\n"
	    "@shop.example [smtp.office365.com]:587\n"
	    "@example.net smtp:[mail.example.org]:587\n"
	    "x@y.example DUNNO\n"
	    "nonsense [mail.example.org]\n");
	READ(import_postfix_passwords,
	    "[smtp.office365.com]:587 alerts@contoso.com:pw\n"
	    "news@example.org newsuser:pw\n");
	format();
	ck_assert_uint_eq(im.count, 3);
	HAS("default-account = \"default\"");
	HAS("account \"default\" {\n    mailbox = \"alerts@contoso.com\"\n"
	    "    serves = { \"*@shop.example\" }\n    app = ");
	HAS("account \"news-example.org\" {\n"
	    "    mailbox = \"news@example.org\"\n    preset = \"smtp\"\n"
	    "    host = \"mail.example.org\"\n    tls = implicit\n"
	    "    port = 465\n    auth = plain\n    auth-user = \"newsuser\"\n");
	HAS("serves = { \"*@example.net\" }");
	HAS("# sender_dependent_relayhost_maps: line 6 is not understood");
	HAS_NOT("y.example");
}
END_TEST

START_TEST(postfix_passwords_by_sender)
{
	READ(import_postfix, main_cf);
	READ(import_postfix_passwords, "shop@contoso.com shop@contoso.com:pw\n"
	    "[smtp.office365.com]:587 alerts@contoso.com:pw:with:colons\n"
	    "[other.example] nobody:pw\n");
	format();
	ck_assert_uint_eq(im.count, 2);
	HAS("mailbox = \"alerts@contoso.com\"");
	HAS("mailbox = \"shop@contoso.com\"");
	HAS_NOT("nobody");
	HAS_NOT("pw");
}
END_TEST

START_TEST(postfix_generic)
{
	READ(import_postfix, main_cf);
	READ(import_postfix_passwords,
	    "[smtp.office365.com]:587 alerts@contoso.com:pw\n");
	READ(import_postfix_generic, "root@web1 ALERTS@contoso.com\n"
	    "@web1.lan alerts@contoso.com\n"
	    "www-data shop@contoso.com\n"
	    "www-data alerts@contoso.com\n"
	    "alerts@contoso.com shop@contoso.com\n"
	    "@a.example @b.example\n");
	format();
	HAS("serves = { \"root@web1\",\n               \"*@web1.lan\" }");
	HAS("mailbox = \"shop@contoso.com\"\n    serves = { \"www-data\" }\n");
	HAS("# smtp_generic_maps: line 6 does not name one mailbox");
}
END_TEST

START_TEST(postfix_regular_expressions)
{
	READ(import_postfix, main_cf);
	READ(import_postfix_generic, "/^(.*)@web1$/ $1@contoso.com\n"
	    "/x/ y@z.example\n");
	format();
	HAS("are regular expressions");
	HAS_NOT("z.example");
}
END_TEST

START_TEST(more_than_there_is_room_for)
{
	char line[64];
	int i;

	READ(import_postfix, main_cf);
	for (i = 0; i < 2 * IMPORT_ACCOUNTS_MAX; i++) {
		snprintf(line, sizeof line, "u%d m%d@contoso.com\n", i, i);
		import_postfix_generic(&im, line, strlen(line));
	}
	for (i = 0; i < 2 * IMPORT_SERVES_MAX; i++) {
		snprintf(line, sizeof line, "w%d m0@contoso.com\n", i);
		import_postfix_generic(&im, line, strlen(line));
	}
	ck_assert_uint_eq(im.count, IMPORT_ACCOUNTS_MAX);
	format();
	HAS("one sender too many for serves");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("import");
	TCase *t = tcase_create("import");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_server, 0, sizeof servers / sizeof *servers);
	tcase_add_test(t, microsofts_hosts_need_an_app_and_no_password);
	tcase_add_test(t, a_password_is_never_kept);
	tcase_add_test(t, msmtps_command_for_a_password);
	tcase_add_test(t, msmtps_wildcard_is_no_mailbox);
	tcase_add_test(t, msmtps_defaults_and_parents);
	tcase_add_test(t, postfix_names_in_values);
	tcase_add_test(t, postfix_names_letter_case);
	tcase_add_test(t, postfix_parameters_in_paths);
	tcase_add_test(t, postfix_lines_that_go_on);
	tcase_add_test(t, postfix_value_of_several_lines);
	tcase_add_test(t, nullmailers_other_protocol);
	tcase_add_test(t, postfix_relays_by_sender);
	tcase_add_test(t, postfix_passwords_by_sender);
	tcase_add_test(t, postfix_generic);
	tcase_add_test(t, postfix_regular_expressions);
	tcase_add_test(t, more_than_there_is_room_for);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
