/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/rewrite.h"
#include "check_main.h"
#include "../header_text.h"

/* The host web1 (web1.lan) and the account alerts@contoso.com of design 6. */
#define MAILBOX	"alerts@contoso.com"
#define DATE	"Sat, 21 Nov 2026 10:00:00 +0000"

struct row {
	const char *name;
	const char *in;			/* header, LF */
	const char *out;		/* header, LF */
	const char *send_as;		/* what ends so may be sent as, too */
	const char *sender;		/* -f */
	const char *full_name;		/* -F */
	const char *user, *gecos;	/* "backup", "" */
	const char *mail_from;		/* NULL: the mailbox */
	const char *charset;
	bool rewritten, dkim_dropped;
};

static bool
is_host_name(const void *context, const char *domain)
{
	(void)context;
	return strcmp(domain, "localhost") == 0 ||
	    strcmp(domain, "web1") == 0 || strcmp(domain, "web1.lan") == 0;
}

/* As the patterns of config/account.h: "@b" for all of it, or a bare name. */
static bool
may_send_as(const void *context, const char *address)
{
	const struct row *row = context;
	const char *at = strchr(address, '@');
	size_t local = strcspn(address, "@");

	if (strcasecmp(address, MAILBOX) == 0)
		return true;
	if (row->send_as == NULL)
		return false;
	if (row->send_as[0] == '@')
		return at != NULL && strcasecmp(at, row->send_as) == 0;
	return strlen(row->send_as) == local &&
	    strncmp(address, row->send_as, local) == 0 &&
	    (at == NULL || is_host_name(NULL, at + 1));
}

static void
drop_cr(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++)
		if (*text != '\r')
			*to++ = *text;
	*to = '\0';
}

/* Rewrites the row's header; what it is then, LF, is to be freed. */
static char *
rewritten(const struct row *row, struct rewrite_result *result)
{
	struct rewrite_rules rules = {
		.mailbox = MAILBOX, .host = "web1", .domain = "web1.lan",
		.user = row->user != NULL ? row->user : "backup",
		.gecos = row->gecos != NULL ? row->gecos : "",
		.date = DATE, .message_id = "id1", .charset = row->charset,
		.may_send_as = may_send_as, .is_host_name = is_host_name,
		.context = row,
	};
	struct envelope e = ENVELOPE_INIT;
	struct header h = HEADER_INIT;
	struct status st = STATUS_INIT;
	struct buf out;
	char *in = with_crlf(row->in);

	e.sender = row->sender != NULL ? strdup(row->sender) : NULL;
	e.full_name = row->full_name != NULL ? strdup(row->full_name) : NULL;
	buf_init(&out, 64 * HEADER_MAX);
	ck_assert_int_eq(header_parse(&h, in, strlen(in), &st), 0);
	ck_assert_int_eq(rewrite_header(&h, &e, &rules, result, &st), 0);
	header_text(&h, &out);
	drop_cr(out.data);
	header_release(&h);
	envelope_release(&e);
	free(in);
	return buf_detach(&out);
}

static void
check_row(const struct row *row)
{
	struct rewrite_result result;
	char *out = rewritten(row, &result);

	ck_assert_msg(strcmp(out, row->out) == 0,
	    "%s: expected\n%s\nbut got\n%s", row->name, row->out, out);
	ck_assert_str_eq(result.mail_from,
	    row->mail_from != NULL ? row->mail_from : MAILBOX);
	ck_assert_msg(result.from_rewritten == row->rewritten, "%s: rewritten",
	    row->name);
	ck_assert_int_eq(result.dkim_dropped, row->dkim_dropped);
	rewrite_result_release(&result);
	free(out);
}

/* Date, Message-ID and To stand in the way of reading the rows below. */
#define REST	"Date: d\nMessage-ID: <m@x.example>\nTo: a@b.example\n"

/* Design section 6, its table word for word. */
static const struct row design[] = {
	{ "cron", .rewritten = true,
	    .in = "From: root (Cron Daemon)\n" REST,
	    .out = "From: \"Cron Daemon\" <alerts@contoso.com>\n" REST
	    "X-Original-From: root (Cron Daemon)\n" },
	{ "host's own address", .rewritten = true,
	    .in = "From: www-data@web1.lan\n" REST,
	    .out = "From: \"www-data on web1\" <alerts@contoso.com>\n" REST
	    "X-Original-From: www-data@web1.lan\n" },
	{ "no From",
	    .in = REST,
	    .out = REST "From: \"backup on web1\" <alerts@contoso.com>\n" },
	{ "shop", .rewritten = true,
	    .in = "From: Shop <noreply@shop.example>\n" REST,
	    .out = "From: Shop <alerts@contoso.com>\n" REST
	    "Reply-To: noreply@shop.example\n" },
	{ "send-as", .send_as = "@contoso.com",
	    .in = "From: a@contoso.com\n" REST,
	    .out = "From: a@contoso.com\n" REST },
	{ "forwarded mail", .rewritten = true, .sender = "x@far.example",
	    .in = "Received: from far\nFrom: \"Far, A\" <x@far.example>\n" REST,
	    .out = "Received: from far\n"
	    "From: \"Far, A\" <alerts@contoso.com>\n" REST
	    "Reply-To: x@far.example\n" },
};

START_TEST(the_design_table)
{
	check_row(&design[_i]);
}
END_TEST

static const struct row from_rows[] = {
	{ "the mailbox itself, as written",
	    .in = "From: \"It's us\"\n <Alerts@Contoso.com>\n" REST,
	    .out = "From: \"It's us\"\n <Alerts@Contoso.com>\n" REST },
	{ "-f may be used, too", .send_as = "@contoso.com",
	    .sender = "bounce@contoso.com", .mail_from = "bounce@contoso.com",
	    .in = "From: a@contoso.com\n" REST,
	    .out = "From: a@contoso.com\n" REST },
	{ "-f may not be used", .sender = "me@far.example",
	    .in = "From: alerts@contoso.com\n" REST,
	    .out = "From: alerts@contoso.com\n" REST },
	{ "From is foreign: -f does not matter", .send_as = "@contoso.com",
	    .sender = "bounce@contoso.com", .rewritten = true,
	    .in = "From: Bob <b@far.example>\n" REST,
	    .out = "From: Bob <alerts@contoso.com>\n" REST
	    "Reply-To: b@far.example\n" },
	{ "a bare -f that matches gets the domain", .send_as = "backup",
	    .sender = "backup", .mail_from = "backup@web1.lan",
	    .in = REST,
	    .out = REST "From: \"backup on web1\" <backup@web1.lan>\n" },
	{ "cronie", .rewritten = true,
	    .in = "From: \"(Cron Daemon)\" <tester>\n" REST,
	    .out = "From: \"(Cron Daemon)\" <alerts@contoso.com>\n" REST
	    "X-Original-From: \"(Cron Daemon)\" <tester>\n" },
	{ "there is a Reply-To", .rewritten = true,
	    .in = "From: b@far.example\nReply-To: c@far.example\n" REST,
	    .out = "From: \"b on web1\" <alerts@contoso.com>\n"
	    "Reply-To: c@far.example\n" REST
	    "X-Original-From: b@far.example\n" },
	{ "an empty Reply-To is none", .rewritten = true,
	    .in = "From: b@far.example\nReply-To: \n" REST,
	    .out = "From: \"b on web1\" <alerts@contoso.com>\n" REST
	    "Reply-To: b@far.example\n" },
	{ "a domain without a dot", .rewritten = true,
	    .in = "From: Bob <b@intranet>\n" REST,
	    .out = "From: Bob <alerts@contoso.com>\n" REST
	    "X-Original-From: Bob <b@intranet>\n" },
	{ "an address literal", .rewritten = true,
	    .in = "From: Bob <b@[192.0.2.1]>\n" REST,
	    .out = "From: Bob <alerts@contoso.com>\n" REST
	    "X-Original-From: Bob <b@[192.0.2.1]>\n" },
	{ "no address at all", .rewritten = true,
	    .in = "From: <<>>\n" REST,
	    .out = "From: \"backup on web1\" <alerts@contoso.com>\n" REST
	    "X-Original-From: <<>>\n" },
	{ "an address that stays 8-bit is text afterwards", .rewritten = true,
	    .in = "From: J <j\xc3\xbc@web1.lan>\n" REST,
	    .out = "From: J <alerts@contoso.com>\n" REST
	    "X-Original-From: J =?UTF-8?Q?=3Cj=C3=BC=40web1=2Elan=3E?=\n" },
	{ "an 8-bit address elsewhere cannot be answered", .rewritten = true,
	    .in = "From: J <j\xc3\xbc@far.example>\n" REST,
	    .out = "From: J <alerts@contoso.com>\n" REST
	    "X-Original-From: J =?UTF-8?Q?=3Cj=C3=BC=40far=2Eexample=3E?=\n" },
	{ "an 8-bit domain can", .rewritten = true,
	    .in = "From: J <j@f\xc3\xbcr.example>\n" REST,
	    .out = "From: J <alerts@contoso.com>\n" REST
	    "Reply-To: j@xn--fr-xka.example\n" },
	{ "an empty From is none",
	    .in = "From: \n" REST,
	    .out = REST "From: \"backup on web1\" <alerts@contoso.com>\n" },
	{ "kept though bare, and completed", .send_as = "www-data",
	    .in = "From: Web <www-data>\n" REST,
	    .out = "From: Web <www-data@web1.lan>\n" REST },
	{ "an @ in the name is quoted",
	    .in = "From: alerts@contoso.com <alerts@contoso.com>\n" REST,
	    .out = "From: \"alerts@contoso.com\" <alerts@contoso.com>\n" REST },
	{ "encoded names stay encoded", .rewritten = true,
	    .in = "From: =?UTF-8?Q?J=C3=BCrgen?= X <j@far.example>\n" REST,
	    .out = "From: =?UTF-8?Q?J=C3=BCrgen?= X <alerts@contoso.com>\n"
	    REST "Reply-To: j@far.example\n" },
	{ "8-bit names become encoded", .rewritten = true,
	    .in = "From: J\xc3\xbcrgen <j@far.example>\n" REST,
	    .out = "From: =?UTF-8?Q?J=C3=BCrgen?= <alerts@contoso.com>\n" REST
	    "Reply-To: j@far.example\n" },
	{ "a quoted local part as name", .rewritten = true,
	    .in = "From: \"john doe\"@web1\n" REST,
	    .out = "From: \"john doe on web1\" <alerts@contoso.com>\n" REST
	    "X-Original-From: \"john doe\"@web1\n" },
	{ "two authors, both usable", .send_as = "@contoso.com",
	    .in = "From: a@contoso.com, b@contoso.com\n" REST,
	    .out = "From: a@contoso.com, b@contoso.com\n" REST
	    "Sender: alerts@contoso.com\n" },
	{ "two authors, the second usable", .send_as = "@contoso.com",
	    .rewritten = true,
	    .in = "From: x@far.example, Bob <b@contoso.com>\n" REST,
	    .out = "From: Bob <b@contoso.com>\n" REST
	    "Reply-To: x@far.example, b@contoso.com\n" },
	{ "two authors, one without a domain", .send_as = "@contoso.com",
	    .rewritten = true,
	    .in = "From: root, Bob <b@contoso.com>\n" REST,
	    .out = "From: Bob <b@contoso.com>\n" REST
	    "X-Original-From: root, Bob <b@contoso.com>\n" },
	{ "two authors, none usable", .rewritten = true,
	    .in = "From: X <x@far.example>, y@far.example\n" REST,
	    .out = "From: X <alerts@contoso.com>\n" REST
	    "Reply-To: x@far.example, y@far.example\n" },
	{ "Sender goes with a rewritten From", .rewritten = true,
	    .in = "From: root\nSender: alerts@contoso.com\n" REST,
	    .out = "From: \"root on web1\" <alerts@contoso.com>\n" REST
	    "X-Original-From: root\n" },
	{ "a foreign Sender goes anyway",
	    .in = "From: alerts@contoso.com\nSender: root@web1\n" REST,
	    .out = "From: alerts@contoso.com\n" REST },
	{ "a Sender that may be used stays", .send_as = "@contoso.com",
	    .in = "From: a@contoso.com\nSender: alerts@contoso.com\n" REST,
	    .out = "From: a@contoso.com\nSender: alerts@contoso.com\n" REST },
	{ "DKIM of a kept From stays",
	    .in = "DKIM-Signature: v=1; h=from\nFrom: alerts@contoso.com\n"
	    REST,
	    .out = "DKIM-Signature: v=1; h=from\nFrom: alerts@contoso.com\n"
	    REST },
	{ "DKIM of a rewritten From goes", .rewritten = true,
	    .dkim_dropped = true,
	    .in = "DKIM-Signature: v=1; h=from\nFrom: X <x@far.example>\n"
	    "dkim-signature: v=1;\n" REST,
	    .out = "From: X <alerts@contoso.com>\n" REST
	    "Reply-To: x@far.example\n" },
	{ "resent by us", .rewritten = true,
	    .in = "Resent-From: alerts@contoso.com\nResent-To: z@z.example\n"
	    "From: X <x@far.example>\n" REST,
	    .out = "Resent-From: alerts@contoso.com\nResent-To: z@z.example\n"
	    "From: X <alerts@contoso.com>\n" REST
	    "Reply-To: x@far.example\n" },
	{ "resent by somebody else", .rewritten = true,
	    .sender = "alerts@contoso.com",
	    .in = "Resent-From: zoe (Zoe)\nResent-Sender: root\n"
	    "From: X <x@far.example>\n" REST,
	    .out = "Resent-From: Zoe <alerts@contoso.com>\n"
	    "From: X <alerts@contoso.com>\n" REST
	    "X-Original-Resent-From: zoe (Zoe)\n"
	    "Reply-To: x@far.example\n" },
};

START_TEST(from_is_judged)
{
	check_row(&from_rows[_i]);
}
END_TEST

static const struct row names[] = {
	{ "-F", .full_name = "Nightly Backup", .gecos = "Not Me",
	    .in = REST,
	    .out = REST "From: \"Nightly Backup\" <alerts@contoso.com>\n" },
	{ "-F in cron's spelling", .full_name = "CronDaemon",
	    .in = REST, .out = REST "From: CronDaemon <alerts@contoso.com>\n" },
	{ "GECOS ends at a comma", .gecos = "Ann B. Admin,Room 1,555",
	    .in = REST,
	    .out = REST "From: \"Ann B. Admin\" <alerts@contoso.com>\n" },
	{ "GECOS with &", .user = "ann", .gecos = "& Admin",
	    .in = REST,
	    .out = REST "From: \"Ann Admin\" <alerts@contoso.com>\n" },
	{ "GECOS that is only a comma", .user = "ann", .gecos = ",,,",
	    .in = REST,
	    .out = REST "From: \"ann on web1\" <alerts@contoso.com>\n" },
	{ "GECOS that is the login name", .user = "backup", .gecos = "backup,,,",
	    .in = REST,
	    .out = REST "From: \"backup on web1\" <alerts@contoso.com>\n" },
	{ "-F that is the login name", .user = "backup", .full_name = "backup",
	    .in = REST, .out = REST "From: backup <alerts@contoso.com>\n" },
	{ "-F injects nothing",
	    .full_name = "a\r\nBcc: x@y.example\r\n\r\nbody\x01\x7f",
	    .in = REST,
	    .out = REST "From: \"a Bcc: x@y.example body\" "
	    "<alerts@contoso.com>\n" },
	{ "GECOS injects nothing", .gecos = "a\"<x@y.example>\nX: \\y",
	    .in = REST,
	    .out = REST "From: \"a\\\"<x@y.example> X: \\\\y\" "
	    "<alerts@contoso.com>\n" },
	{ "8-bit GECOS", .gecos = "J\xc3\xbcrgen M",
	    .in = REST,
	    .out = REST "From: =?UTF-8?Q?J=C3=BCrgen_M?= "
	    "<alerts@contoso.com>\n" },
	{ "-f injects nothing", .sender = "a@contoso.com>\r\nRCPT TO:<b",
	    .send_as = "@contoso.com",
	    .in = REST,
	    .out = REST "From: \"backup on web1\" <alerts@contoso.com>\n" },
	{ "an empty -F says nothing", .full_name = " ",
	    .in = REST,
	    .out = REST "From: \"backup on web1\" <alerts@contoso.com>\n" },
};

START_TEST(names_are_found)
{
	check_row(&names[_i]);
}
END_TEST

#define FROM	"From: alerts@contoso.com\n"

static const struct row field_rows[] = {
	{ "everything missing", .in = "",
	    .out = "From: \"backup on web1\" <alerts@contoso.com>\n"
	    "Date: " DATE "\nMessage-ID: <id1@contoso.com>\n"
	    "To: undisclosed-recipients:;\n" },
	{ "Message-ID in the domain that sends", .send_as = "@sub.example",
	    .sender = "a@sub.example", .mail_from = "a@sub.example",
	    .in = "Date: d\nCc: a@b.example\n",
	    .out = "Date: d\nCc: a@b.example\n"
	    "From: \"backup on web1\" <a@sub.example>\n"
	    "Message-ID: <id1@sub.example>\n" },
	{ "empty ones are missing", .in = FROM "Date:\nMessage-ID: \nTo: \n",
	    .out = FROM "Date: " DATE "\nMessage-ID: <id1@contoso.com>\n"
	    "To: undisclosed-recipients:;\n" },
	{ "Bcc in every spelling",
	    .in = FROM "Bcc: x@y.example\nBCC : x@y.example,\n z@y.example\n"
	    "bcc:x\nResent-Bcc: r\nRESENT-BCC\t: r\n" REST, .out = FROM REST },
	{ "fields of a mailbox file",
	    .in = FROM "Return-Path: <x@y.example>\nContent-Length: 12\n"
	    "Status: RO\nX-Status: A\n" REST,
	    .out = FROM "X-Status: A\n" REST },
	{ "the first stays", .in = FROM "Subject: one\nSubject: two\n"
	    "From: root\nDate: d\nDate: e\nMessage-ID: <m@x.example>\n"
	    "To: a@b.example\nMessage-ID: <n@x.example>\n",
	    .out = FROM "Subject: one\n" REST },
	{ "the first that says something",
	    .in = FROM "Subject:\nSubject: two\nSubject: three\n" REST,
	    .out = FROM "Subject: two\n" REST },
	{ "an empty subject may be", .in = FROM "Subject:\n" REST,
	    .out = FROM "Subject:\n" REST },
	{ "To and Cc are joined", .in = FROM
	    "To: a@b.example\nCc: c@d.example\nTo: \"E, F\" <e@b.example>,\n"
	    "Cc: d@d.example\nTO: a@b.example\n" "Date: d\n"
	    "Message-ID: <m@x.example>\n",
	    .out = FROM "To: a@b.example, \"E, F\" <e@b.example>, a@b.example\n"
	    "Cc: c@d.example, d@d.example\n"
	    "Date: d\nMessage-ID: <m@x.example>\n" },
	{ "the same list twice", .in = FROM REST "To: a@b.example\n",
	    .out = FROM REST },
	{ "a list of commas is empty", .in = FROM "To: ,\nTo: , ;\n" REST,
	    .out = FROM REST },
	{ "PHP's empty To", .in = FROM "To: \n" REST, .out = FROM REST },
	{ "Resent-To is somebody", .in = FROM "Date: d\n"
	    "Message-ID: <m@x.example>\nResent-To: a@b.example\n",
	    .out = FROM "Date: d\nMessage-ID: <m@x.example>\n"
	    "Resent-To: a@b.example\n" },
	{ "null sender", .sender = "", .in = FROM REST,
	    .out = FROM REST "Auto-Submitted: auto-generated\n" },
	{ "null path", .sender = "<>", .in = FROM REST,
	    .out = FROM REST "Auto-Submitted: auto-generated\n" },
	{ "already marked", .sender = "<>",
	    .in = FROM "Auto-Submitted: auto-replied\n" REST,
	    .out = FROM "Auto-Submitted: auto-replied\n" REST },
	{ "8-bit subject", .in = FROM "Subject: Gr\xc3\xbc\xc3\x9f""e aus K\n"
	    REST,
	    .out = FROM "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= aus K\n" REST },
	{ "8-bit subject that is not UTF-8",
	    .in = FROM "Subject: Gr\xfc\xdf""e\n" REST,
	    .out = FROM "Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\n" REST },
	{ "8-bit subject in the charset given", .charset = "ISO-8859-2",
	    .in = FROM "Subject: Gr\xfc\xdf""e\n" REST,
	    .out = FROM "Subject: =?ISO-8859-2?Q?Gr=FC=DFe?=\n" REST },
	{ "8-bit name in Cc",
	    .in = FROM "Cc: \"M\xc3\xbcller, J\" <m@b.example>, x\n" REST,
	    .out = FROM "Cc: =?UTF-8?Q?M=C3=BCller=2C_J?= <m@b.example>, x\n"
	    REST },
	{ "8-bit bytes in a parameter",
	    .in = FROM "Content-Type: text/plain; name=\"\xc3\xbc\"\n" REST,
	    .out = FROM "Content-Type: text/plain; name=\"=?UTF-8?Q?=C3=BC?=\"\n"
	    REST },
};

START_TEST(fields_are_tidied)
{
	check_row(&field_rows[_i]);
}
END_TEST

START_TEST(a_rewritten_from_is_told)
{
	struct row row = { .in = "From: Bob <b@far.example>\n" };
	struct rewrite_result result;

	free(rewritten(&row, &result));
	ck_assert_str_eq(result.from, "b@far.example");
	rewrite_result_release(&result);
	row.in = "From: \n";
	free(rewritten(&row, &result));
	ck_assert_ptr_null(result.from);
	rewrite_result_release(&result);
}
END_TEST

/* Rewriting what was rewritten changes nothing: a retry through a relay. */
START_TEST(rewriting_is_idempotent)
{
	struct rewrite_result result;
	struct row again = { .name = from_rows[_i].name,
	    .send_as = from_rows[_i].send_as };
	char *once = rewritten(&from_rows[_i], &result), *twice;

	rewrite_result_release(&result);
	again.in = once;
	twice = rewritten(&again, &result);
	ck_assert_str_eq(once, twice);
	ck_assert(!result.from_rewritten);
	rewrite_result_release(&result);
	free(once);
	free(twice);
}
END_TEST

START_TEST(thirty_received_are_a_loop)
{
	struct rewrite_rules rules = { .mailbox = MAILBOX, .host = "web1",
	    .user = "u", .gecos = "", .domain = "web1.lan", .date = DATE,
	    .message_id = "m", .may_send_as = may_send_as,
	    .is_host_name = is_host_name, .context = &design[0] };
	struct envelope e = ENVELOPE_INIT;
	struct header h = HEADER_INIT;
	struct rewrite_result result;
	struct status st = STATUS_INIT;
	int i;

	for (i = 0; i < 29; i++)
		header_append(&h, "Received", "from a by b");
	ck_assert_int_eq(rewrite_header(&h, &e, &rules, &result, &st), 0);
	rewrite_result_release(&result);
	header_append(&h, "received", "from a by b");
	ck_assert_int_eq(rewrite_header(&h, &e, &rules, &result, &st), -1);
	ck_assert_int_eq(st.sysexit, EX_DATAERR);
	ck_assert_ptr_nonnull(strstr(st.text, "loop"));
	ck_assert_ptr_null(result.mail_from);
	header_release(&h);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

static Suite *
suite(void)
{
	Suite *s = suite_create("rewrite");
	TCase *t = tcase_create("rewrite");

	tcase_add_loop_test(t, the_design_table, 0, COUNT(design));
	tcase_add_loop_test(t, from_is_judged, 0, COUNT(from_rows));
	tcase_add_loop_test(t, names_are_found, 0, COUNT(names));
	tcase_add_loop_test(t, fields_are_tidied, 0, COUNT(field_rows));
	tcase_add_loop_test(t, rewriting_is_idempotent, 0, COUNT(from_rows));
	tcase_add_test(t, a_rewritten_from_is_told);
	tcase_add_test(t, thirty_received_are_a_loop);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
