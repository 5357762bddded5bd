#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mailbearer check against each mistake that an administrator can make: the
transcripts in tests/golden/check-*.txt are what he reads.  Times and ids in them
are placeholders, and where a line breaks is not compared.  After a change,

    UPDATE_GOLDEN=1 tests/integration/test_check.py

writes them anew, to be read before they are committed."""
import json
import os
import re
import sys
import unittest

from harness import PROGRAM, TOP, SharedCase, run

GOLDEN = TOP / "tests" / "golden"
PLACEHOLDERS = (
    (r"\[\w+\s*\.namprd00\.prod\.outlook\.com\s+\S+\s+\w+\]",
     "[HOST TIME ID]"),
    (r"\[Hostname=\S+\]", "[Hostname=HOST]"),
    (r"<[0-9a-f]+\.[0-9a-f]+@contoso\.com>", "<ID>"),
    (r"runs\s+as\s+.*?\(uid\s+\d+\)", "runs as USER (uid N)"),
    (r"owner\s+\S+,", "owner OWNER,"),
    (r"belongs\s+to\s+\S+", "belongs to OWNER"),
    (r"uid\s+\d+\)", "uid N)"),
    (r"until\s+\d\d:\d\d", "until HH:MM"),
    (r"\d+\s+MB\s+free", "N MB free"),
    (r"\b(?:in\s+)?\d+\s+(?:second|minute|hour|day)s?(?:\s+ago)?\b", "SPAN"),
    (r"\d{4}-\d\d-\d\d(?:\s+\d\d:\d\d:\d\dZ)?", "DATE"),
    (r"(port|localhost:)(\s*)\d+", r"\1\2PORT"),
    (r"((?:Trace|Correlation)\s+ID:)\s+\S+", r"\1 ID"),
    # What the sandbox is made of is the kernel's.
    (r"^ok      sandbox     [^\n]*\n(?: {20}[^\n]*\n)*",
     "ok      sandbox     PARTS\n"),
    # Whether "localhost" has an IPv6 address is this host's affair.
    (r"(?:ok     |\?\?     ) network .*?(?=^(?:ok|\?\?|FAILED|-) )",
     "ok      network     localhost port PORT: ADDRESS\n"),
    (r"^\d+ steps well, [^\n]*$|^\d+ steps, all well\.$", "(summary)"),
)


def normalised(text, directory):
    text = text.replace(str(directory), "DIR")
    for pattern, placeholder in PLACEHOLDERS:
        text = re.sub(pattern, placeholder, text, flags=re.M | re.S)
    return text


class CheckTest(SharedCase):
    def setUp(self):
        super().setUp()
        self.sandbox.add_app(self.sandbox.client_id,
                             secret=self.sandbox.secret)

    def config(self, **changes):
        changes.setdefault("local_mail_to", "it@contoso.com")
        changes.setdefault("aliases", "")
        return super().config(**changes)

    def check(self, *arguments, config=None, **options):
        path = config or self.config()
        return run([str(PROGRAM), "check", "-C", str(path), *arguments],
                   **options)

    def transcript(self, name, result, code):
        """Compares it with the golden one; and looks at its form."""
        self.assertEqual(result.code, code, result.stdout + result.stderr)
        self.assertEqual(result.stderr, "")
        for line in result.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)
            self.assertNotIn("\033", line)
        got = normalised(result.stdout, self.directory)
        got = got.replace(str(self.top), "TOP")
        path = GOLDEN / ("check-%s.txt" % name)
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(got)
        want = path.read_text()
        self.assertEqual(got.split(), want.split(), "\n" + got)
        return result.stdout

    def expect(self, name, code, *words, arguments=(), **config):
        result = self.check(*arguments, config=self.config(**config))
        text = " ".join(self.transcript(name, result, code).split())
        for word in words:
            self.assertIn(word, text)
        return text

    # --------------------------------------------- the nine causes of 535

    def test_service_principal_is_not_registered(self):
        self.sandbox.app().registered = False
        self.expect("unregistered", 77, "New-ServicePrincipal ` -AppId "
                    + self.sandbox.client_id,
                    "-ObjectId " + self.sandbox.app().object_id)

    def test_service_principal_has_the_registrations_object_id(self):
        self.sandbox.app().exchange_object_id = \
            "abcdabcd-0000-4111-8222-333344445555"
        self.expect("wrong-object-id", 77, "Remove-ServicePrincipal",
                    "-ObjectId " + self.sandbox.app().object_id)

    def test_no_roles(self):
        self.sandbox.scenario("no_roles")
        self.expect("no-roles", 77, "the token has no roles",
                    "Grant admin consent")

    def test_role_of_another_api(self):
        self.sandbox.app().roles = ["Mail.Send"]
        self.expect("wrong-role", 77, "the roles Mail.Send, and not "
                    "SMTP.SendAsApp")

    def test_no_permission_on_the_mailbox(self):
        """AUTH succeeds; only a message shows it."""
        self.sandbox.add_mailbox(self.sandbox.mailbox, full_access=False)
        self.expect("no-mailbox-permission", 75, "Add-MailboxPermission "
                    "-Identity alerts@contoso.com",
                    "-User " + self.sandbox.app().object_id,
                    arguments=("--send", "bob@example.net"))
        self.assertEqual(self.sandbox.messages(), [])

    def test_smtp_auth_is_off_for_the_tenant(self):
        self.sandbox.scenario("smtp_auth_off_tenant")
        self.expect("auth-off-tenant", 77, "off for the organisation",
                    "Set-CASMailbox -Identity alerts@contoso.com")

    def test_smtp_auth_is_off_for_the_mailbox(self):
        self.sandbox.scenario("smtp_auth_off_mailbox")
        self.expect("auth-off-mailbox", 77, "off for this mailbox",
                    "Set-CASMailbox -Identity alerts@contoso.com")

    def test_security_defaults(self):
        self.sandbox.scenario("security_defaults")
        self.expect("security-defaults", 77, "security defaults")

    def test_conditional_access(self):
        self.sandbox.scenario("criteria")
        self.expect("conditional-access", 77, "Conditional Access")

    def test_wrong_audience(self):
        self.sandbox.scenario("wrong_audience")
        self.expect("wrong-audience", 77, "not for Exchange Online",
                    "https://outlook.office365.com/.default")

    def test_mailbox_is_an_alias(self):
        """The same app works for another mailbox: so it is this one."""
        path = self.config(mailbox="it@contoso.com")
        with open(path, "a", encoding="utf-8") as config:
            config.write('account "shop" {\n    app = "contoso"\n'
                         '    mailbox = "shop@contoso.com"\n'
                         '    host = "localhost"\n    port = %d\n}\n'
                         'default-account = "alerts"\n'
                         % self.sandbox.smtp_port)
        result = self.check("alerts", config=path)
        text = self.transcript("wrong-mailbox", result, 77)
        self.assertIn("primary address", text)

    def test_auth_user_is_another(self):
        self.expect("auth-user", 77, "remove auth-user",
                    auth_user="admin@contoso.com")

    def delegated(self, user, scopes):
        token = self.sandbox.tokens.tenant.user_token(
            self.sandbox.app(), user, "https://outlook.office365.com", scopes)
        command = self.directory / "token"
        command.write_text("#!/bin/sh\necho %s\n" % token)
        command.chmod(0o700)
        return {"token_command": [str(command)], "client_secret_file": None,
                "authority": None}

    def test_another_person_has_signed_in(self):
        self.expect("other-user", 77, "admin@contoso.com has signed in",
                    **self.delegated("admin@contoso.com", "SMTP.Send"))

    def test_sign_in_without_smtp(self):
        self.expect("no-scope", 77, "does not cover SMTP.Send",
                    **self.delegated("alerts@contoso.com", "IMAP.Access"))

    def test_token_from_before_the_consent(self):
        """Asked again at once, as a send does."""
        path = self.config()
        self.sandbox.scenario("no_roles", times=1)
        self.assertEqual(self.check(config=path).code, 77)
        result = self.check(config=path)
        self.transcript("new-token", result, 0)

    def test_password_after_basic_authentication(self):
        (self.directory / "password").write_text("secret\n")
        (self.directory / "password").chmod(0o600)
        self.expect("password", 77, "forbids passwords", "auth = xoauth2",
                    auth="login", app=None,
                    password_file=str(self.directory / "password"))

    def test_token_of_another_tenant(self):
        self.sandbox.scenario("other_tenant")
        self.expect("other-tenant", 77, "the token is of tenant",
                    tenant=self.sandbox.tenant_id)

    def test_clock_is_wrong(self):
        self.sandbox.scenario("expired_token")
        self.expect("clock", 77, "by this host's clock")

    # ------------------------------------------------ what else goes wrong

    def test_all_is_well(self):
        self.expect("ok", 0, "235 2.7.0", "250 2.1.5 Recipient OK",
                    arguments=("--from", "alerts@contoso.com", "--to",
                               "bob@example.net", "--send",
                               "carol@example.net"))
        self.assertEqual([r.address for m in self.sandbox.messages()
                          for r in m.recipients], ["carol@example.net"])

    def test_the_message_is_in_the_log(self):
        """Which was opened before the sandbox was closed, and lies where
        none can be from within."""
        config = self.config(state_directory=str(self.directory / "state"))
        result = self.check("--send", "carol@example.net", config=config)
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertIn("]: sent ", self.log_text())

    def test_secret_has_expired(self):
        self.sandbox.scenario("error:7000222")
        self.expect("secret-expired", 77, "make a new secret")

    def test_certificate_of_another_server(self):
        self.sandbox.scenario("certificate", where="smtp")
        self.expect("certificate", 76, "for other names")

    def test_starttls_is_stripped(self):
        self.sandbox.scenario("no_starttls")
        self.expect("no-starttls", 76, "does not offer STARTTLS")

    def test_nothing_listens(self):
        path = self.config(port=1)
        result = self.check(config=path)
        self.assertEqual(result.code, 75)
        self.assertIn("Connection refused", " ".join(result.stdout.split()))
        self.assertRegex(result.stdout, r"(?m)^-       AUTH        not tried")
        words = " ".join(result.stdout.split())
        self.assertRegex(words, "host` and `port` of the account are right.*"
                         "firewall.*provider.*25 and 587")

    def test_sender_is_refused(self):
        self.sandbox.scenario("permission_at_mail")
        self.expect("sender-refused", 77, "Add-RecipientPermission",
                    arguments=("--from", "ceo@contoso.com", "--to",
                               "bob@example.net"), send_as="*@contoso.com")

    def test_secret_is_readable_by_all(self):
        secret = self.directory / "secret"
        secret.write_text("x\n")
        secret.chmod(0o644)
        self.expect("secret-mode", 78, "chmod",
                    client_secret_file=str(secret))

    def test_secret_ends_soon(self):
        result = self.check(config=self.config(
            client_secret_expires="2020-01-01"))
        self.assertEqual(result.code, 77)
        self.assertIn("has expired", result.stdout)

    def test_certificate_of_the_token_endpoint_has_expired(self):
        self.sandbox.scenario("certificate", where="token", kind="expired")
        self.expect("token-expired-certificate", 76, "check this host's clock")

    def test_authority_of_the_token_endpoint_is_unknown(self):
        self.sandbox.scenario("certificate", where="token", kind="unknown-ca")
        self.expect("token-unknown-authority", 76, "package ca-certificates")

    def test_a_failure_from_the_cache(self):
        """Who looks by hand has mended something; monitoring has not, and a
        send has not."""
        path = self.config()
        self.sandbox.scenario("error:7000222")
        for _ in range(3):
            line = self.check("--nagios", config=path)
            self.assertRegex(line.stdout, "^MAILBEARER CRITICAL - alerts: token")
        self.assertEqual(len(self.sandbox.token_requests()), 1)
        self.assert_failed(self.sendmail("bob@example.net", config=path), 77,
                           "app contoso: 401 AADSTS7000222",
                           r"make a new secret .*; not asked again until "
                           r"\d\d:\d\d, or at once by mailbearer token alerts "
                           "--renew$")
        self.assertEqual(len(self.sandbox.token_requests()), 1)
        self.sandbox.clear()
        self.assertEqual(self.check("--json", config=path).code, 77)
        self.assertEqual(self.check(config=path).code, 0)

    def test_throttling_is_heeded_by_hand_too(self):
        path = self.config()
        self.sandbox.scenario("http_429", retry_after=60)
        for _ in range(2):
            self.assertEqual(self.check(config=path).code, 75)
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    # ------------------------------------------- senders and recipients

    def test_senders_that_no_account_serves(self):
        path = self.config()
        for sender in ("noreply@shop.example", "x@SHOP.example", "root",
                       "cron@localhost", "it@other.example"):
            self.assertEqual(self.sendmail(
                "-f", sender, "bob@example.net", config=path, stdin=b"From: %s"
                b"\n\nHello.\n" % sender.encode()).code, 0)
        result = self.check(config=path)
        text = self.transcript("stray", result, 0)
        self.assertIn("shop.example (noreply@shop.example", text)
        self.assertIn("other.example", text)
        self.assertNotIn("localhost (", text)
        line = self.check("--nagios", config=path)
        self.assertEqual(line.code, 1)
        self.assertRegex(line.stdout, "^MAILBEARER WARNING - senders: no ")
        found = json.loads(self.check("--json", config=path).stdout)
        self.assertEqual(found["host"]["senders"]["result"], "doubtful")
        # What is served now is no news any more.
        path = self.config(serves=["*@shop.example", "*@other.example"])
        result = self.check(config=path)
        self.assertRegex(result.stdout, r"(?m)^ok      senders     no mail")

    def test_one_user_has_few_places_for_senders(self):
        path = self.config()
        for i in range(12):
            self.sendmail("bob@example.net", config=path,
                          stdin=b"From: a@d%d.example\n\nHello.\n" % i)
        text = self.check(config=path).stdout
        self.assertEqual(len(re.findall(r"@d\d+\.example", text)), 3)
        self.assertIn("d11.example", text)

    def test_mail_for_root_goes_nowhere(self):
        path = self.config(local_mail_to=None, domain="contoso.com")
        result = self.check(config=path)
        self.transcript("root", result, 0)
        aliases = self.directory / "aliases"
        aliases.write_text("root: it@contoso.com\n")
        result = self.check(config=self.config(local_mail_to=None,
                                               aliases=str(aliases)))
        self.assertRegex(result.stdout, r"(?m)^ok      local mail  mail for "
                         r"root goes to it@contoso\.com$")

    def test_config_is_wrong(self):
        path = self.directory / "wrong.conf"
        path.write_text("acount \"x\" {\n}\n")
        path.chmod(0o640)
        result = self.check(config=path)
        self.transcript("config", result, 78)

    def doubt(self, step, **changes):
        """What a step says that is in doubt."""
        path = self.config(**changes)
        result = run([str(PROGRAM), "check", "-C", str(path), "--json"])
        self.assertEqual(result.code, 0, result.stdout + result.stderr)
        found = json.loads(result.stdout)["host"][step]
        self.assertEqual(found["result"], "doubtful", found)
        return found

    def test_allow_users_that_lets_in_nobody(self):
        for entries, what in ((["daemon,root"], 'has "daemon,root"'),
                              (["daemon", "no-such-user"], "no such user"),
                              (["@no-such-group"], "no such group")):
            found = self.doubt("users", allow_users=entries)
            self.assertIn(what, found["cause"])
            self.assertIn('{ "www-data", "@users" }', found["do"])
        result = self.check(config=self.config(
            allow_users=["daemon", "4242", "@daemon"]))
        self.assertRegex(result.stdout, "(?m)^ok      users ")

    def test_a_host_name_that_is_none(self):
        result = self.check(config=self.config(hostname="web_1"))
        self.assertEqual(result.code, 0, result.stdout)

    def test_a_host_name_that_is_refused(self):
        self.sandbox.scenario("name_refused")
        result = self.check("--json")
        found = json.loads(result.stdout)["accounts"]["alerts"]["SMTP"]
        self.assertEqual((result.code, found["exit"]), (77, 77))
        self.assertIn("does not accept our EHLO name", found["cause"])
        self.assertIn("set hostname", found["do"])
        explained = run([str(PROGRAM), "explain"],
                        found["seen"].encode()).stdout
        self.assertIn("does not accept our EHLO name", explained)

    def test_a_log_that_cannot_be_opened(self):
        found = self.doubt("config", log="/nonexistent/log")
        self.assertIn("cannot open log file /nonexistent/log", found["cause"])
        self.assertIn("create /nonexistent/log", found["do"])

    def test_spool_without_a_runner(self):
        (self.directory / "spool").mkdir(mode=0o750)
        result = self.check(config=self.config(
            spool=True, spool_directory=str(self.directory / "spool")))
        self.assertEqual(result.code, 0, result.stdout)
        self.assertRegex(result.stdout, r"(?m)^\?\?      timer ")

    # ------------------------------------------------------ other forms

    def test_json(self):
        self.sandbox.scenario("no_roles")
        result = self.check("--json")
        self.assertEqual(result.code, 77)
        found = json.loads(result.stdout)
        self.assertEqual((found["result"], found["exit"]), ("failed", 77))
        self.assertEqual(found["host"]["config"]["result"], "ok")
        auth = found["accounts"]["alerts"]["AUTH"]
        self.assertEqual((auth["result"], auth["exit"]), ("failed", 77))
        self.assertIn("no roles", auth["cause"])
        self.assertIn("consent", auth["do"])

    def test_nagios(self):
        good = self.check("--nagios")
        self.assertEqual((good.code, good.stderr), (0, ""))
        self.assertRegex(good.stdout, r"^MAILBEARER OK - \d+ steps are well\n$")
        self.sandbox.scenario("smtp_auth_off_tenant")
        bad = self.check("--nagios")
        self.assertEqual(bad.code, 2)
        self.assertRegex(bad.stdout, r"^MAILBEARER CRITICAL - alerts: AUTH: "
                         r"SMTP AUTH is switched off[^\n|]*\n$")
        self.sandbox.clear()
        (self.directory / "spool").mkdir(mode=0o750)
        soon = self.check("--nagios", config=self.config(
            spool=True, spool_directory=str(self.directory / "spool")))
        self.assertEqual(soon.code, 1)
        self.assertRegex(soon.stdout, r"^MAILBEARER WARNING - timer: ")
        wrong = self.check("--nagios", "a", "b")
        self.assertEqual(wrong.code, 3)
        self.assertRegex(wrong.stdout, r"^MAILBEARER UNKNOWN - ")

    def test_usage(self):
        self.assertEqual(self.check("nobody").code, 64)
        self.assertEqual(self.check("--json", "--nagios").code, 3)
        self.assertEqual(self.check("--colour").code, 64)
        self.assertEqual(self.check("alerts@contoso.com").code, 0)

    def test_explain_names_the_account(self):
        path = self.config()
        result = run([str(PROGRAM), "explain", "-C", str(path),
                      "535 5.7.139 Authentication unsuccessful, "
                      "SmtpClientAuthentication is disabled for the Tenant."])
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertIn("-Identity alerts@contoso.com", result.stdout)
        result = run([str(PROGRAM), "explain", "-C", str(path)],
                     b"nothing here\n")
        self.assertEqual((result.code, result.stdout), (1, ""))

    def test_explain_json(self):
        path = self.config()

        def explain(*arguments, code=0, **options):
            result = run([str(PROGRAM), "explain", "-C", str(path), "--json",
                          *arguments], **options)
            self.assertEqual((result.code, result.stderr == ""),
                             (code, code == 0))
            return json.loads(result.stdout)
        one, = explain("535 5.7.139 Authentication unsuccessful, "
                       "SmtpClientAuthentication is disabled for the Tenant.")
        self.assertEqual((one["failure"], one["reply"], one["enhanced"]),
                         (True, 535, "5.7.139"))
        meaning, = one["meanings"]
        self.assertEqual((meaning["class"], meaning["exit"]), ("config", 77))
        self.assertIn("-Identity alerts@contoso.com", meaning["do"])
        several, = explain("5.7.139")
        self.assertGreater(len(several["meanings"]), 3)
        two = explain(stdin=b"451 4.7.0 Temporary server error. PRX4 \xff\n"
                      b"AADSTS7000222: expired\n")
        self.assertEqual([e.get("aadsts") for e in two], [None, 7000222])
        self.assertEqual(two[0]["meanings"][0]["passes"], "yes")
        self.assertEqual(explain("75")[0]["meanings"][0]["exit"], 75)
        self.assertEqual(explain("nothing", code=1), [])


if __name__ == "__main__":
    if not PROGRAM.exists():
        sys.exit(77)
    unittest.main()
