"""From a caller's pipe to Exchange Online: the main job on real input."""
import base64
import concurrent.futures
import email
import email.policy
import os
import time
import unittest

import harness
from harness import Case, field, split_message

CRON = (b"From: root (Cron Daemon)\nTo: root\n"
        b"Subject: Cron <root@web1> job\n\noutput\n")


class MainJob(Case):
    def addresses(self, message):
        return sorted(getattr(r, "address", r) for r in message.recipients)

    def test_cron_with_a_local_name(self):
        self.config(local_mail_to="it@contoso.com")
        message = self.assert_sent(self.sendmail(
            "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root", stdin=CRON))
        self.assertEqual(message.mail_from, "alerts@contoso.com")
        self.assertEqual(self.addresses(message), ["it@contoso.com"])
        self.assertEqual(field(message.data, "From"),
                         ['"Cron Daemon" <alerts@contoso.com>'])
        self.assertEqual(field(message.data, "X-Original-From"),
                         ["root (Cron Daemon)"])
        self.assertEqual(split_message(message.data)[1], b"output\r\n")

    def test_cronie_with_t_and_f(self):
        self.config(local_mail_to="it@contoso.com")
        message = self.assert_sent(self.sendmail(
            "-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root",
            stdin=CRON))
        self.assertEqual(self.addresses(message), ["it@contoso.com"])

    def test_a_heredoc_with_t(self):
        message = self.assert_sent(self.sendmail(
            "-t", stdin=b"To: Bob <bob@example.net>, carol@example.net\n"
            b"Cc: dave@example.net\nBcc: eve@example.net\n"
            b"From: alerts@contoso.com\nSubject: x\n\nbody\n"))
        self.assertEqual(self.addresses(message), [
            "bob@example.net", "carol@example.net", "dave@example.net",
            "eve@example.net"])
        self.assertEqual(field(message.data, "Bcc"), [])
        self.assertNotIn(b"eve@", message.data)
        self.assertEqual(len(field(message.data, "Date")), 1)
        self.assertRegex(field(message.data, "Message-ID")[0],
                         r"^<[^<>@ ]+@contoso\.com>$")

    def test_php_mixed_line_ends(self):
        message = self.assert_sent(self.sendmail(
            "-t", "-i", stdin=b"To: bob@example.net\r\nSubject: s\r\n"
            b"X-PHP-Originating-Script: 33:index.php\r\n"
            b"From: alerts@contoso.com\r\n\r\nline 1\nline 2\n.\nline 3"))
        self.assertTrue(message.data.endswith(
            b"\r\n\r\nline 1\r\nline 2\r\n.\r\nline 3\r\n"))
        self.assertIn("script=33:index.php", self.log_text())

    def test_a_lone_dot_ends_the_message_without_i(self):
        message = self.assert_sent(self.sendmail(
            "bob@example.net", stdin=b"Subject: s\n\nkept\n.\ndropped\n"))
        self.assertTrue(message.data.endswith(b"\r\n\r\nkept\r\n"))

    def test_dots_are_stuffed_for_the_wire_only(self):
        body = b".\n..\n.x\n...\nend.\n"
        message = self.assert_sent(self.sendmail(
            "-i", "bob@example.net", stdin=b"Subject: s\n\n" + body))
        self.assertTrue(message.data.endswith(
            b"\r\n\r\n" + body.replace(b"\n", b"\r\n")))

    def test_the_recordings_of_the_main_callers(self):
        """argv and stdin as recorded; delivered, readable, no Bcc."""
        callers = harness.TOP / "tests" / "callers"
        names = ["debian-cron", "cronie", "php-mail", "bsd-mailx", "s-nail",
                 "mutt", "git-send-email"]
        self.config(local_mail_to="it@contoso.com")
        for name in names:
            with self.subTest(caller=name):
                self.sandbox.reset()
                argv = (callers / name / "argv").read_text().splitlines()[1:]
                stdin = (callers / name / "stdin.eml").read_bytes()
                message = self.assert_sent(self.sendmail(*argv, stdin=stdin))
                parsed = email.message_from_bytes(
                    message.data, policy=email.policy.default)
                self.assertEqual(parsed.defects, [])
                self.assertIn("alerts@contoso.com", parsed["From"])
                self.assertNotIn(b"\nBcc:", message.data)

    def test_the_token_is_asked_for_once(self):
        for _ in range(3):
            self.assertEqual(self.sendmail("bob@example.net").code, 0)
        self.delivered(3)
        self.assertEqual(len(self.sandbox.token_requests()), 1)
        sent = [line for line in self.log_text().splitlines()
                if " sent " in line]
        self.assertIn("token=new", sent[0])
        self.assertIn("token=cached", sent[-1])

    def test_one_token_request_for_many_at_once(self):
        self.config()
        self.sandbox.scenario("concurrency", limit=100)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            codes = list(pool.map(
                lambda n: self.sendmail(f"bob{n}@example.net").code,
                range(20)))
        self.assertEqual(codes, [0] * 20)
        self.delivered(20)
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    def test_another_secret_is_another_token(self):
        self.assertEqual(self.sendmail("bob@example.net").code, 0)
        secret = self.directory / "second"
        secret.touch(mode=0o600)
        secret.write_text(self.sandbox.secret)
        self.config(client_secret_file=str(secret))
        self.assertEqual(self.sendmail("bob@example.net").code, 0)
        self.assertEqual(len(self.sandbox.token_requests()), 2)

    def test_a_refused_cached_token_is_renewed_once(self):
        self.assertEqual(self.sendmail("bob@example.net").code, 0)
        self.sandbox.scenario("bad_token", times=1)
        self.assertEqual(self.sendmail("bob@example.net").code, 0)
        self.delivered(2)
        self.assertEqual(len(self.sandbox.token_requests()), 2)

    def test_a_refused_new_token_is_not(self):
        self.sandbox.scenario("bad_token")
        self.assert_failed(self.sendmail("bob@example.net"), 77,
                           "535 5.7.3", "service principal")
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    def test_a_line_limit_on_auth_leads_to_the_two_step_form(self):
        self.sandbox.scenario("auth_line_limit")
        self.assert_sent(self.sendmail("bob@example.net"))

    def test_a_334_challenge_is_answered(self):
        self.sandbox.scenario("challenge_334")
        self.sandbox.scenario("bad_token")
        result = self.sendmail("bob@example.net")
        self.assert_failed(result, 77, "535 5.7.3", "service principal")
        self.assertEqual(self.sandbox.violations(), [])

    def test_flights(self):
        """EHLO, STARTTLS, EHLO, AUTH, MAIL+RCPT+BDAT: as few as
        the standards allow; TCP and TLS come on top (HACKING counts them)."""
        self.assert_sent(self.sendmail("bob@example.net", "eve@example.net"))
        session = self.sandbox.sessions()[0]
        commands = [c for _, c in self.sandbox.commands()]
        verbs = [c.split()[0].upper() for c in commands]
        self.assertEqual(verbs[:8], ["EHLO", "STARTTLS", "EHLO", "AUTH",
                                     "MAIL", "RCPT", "RCPT", "BDAT"])
        self.assertIn("SIZE=", commands[4])
        self.assertLessEqual(session["flights_to_250"]
                             if "flights_to_250" in session
                             else session["flights"], 10)

    def test_a_server_without_extensions(self):
        for name in ("no_pipelining", "no_size", "no_8bitmime", "no_dsn",
                     "no_chunking"):
            self.sandbox.scenario(name)
        message = self.assert_sent(self.sendmail(
            "bob@example.net", "eve@example.net",
            stdin="Subject: s\n\nGrüße\n".encode()))
        parsed = email.message_from_bytes(message.data)
        self.assertEqual(parsed.get_payload(decode=True).decode(),
                         "Grüße\n".replace("\n", "\r\n")
                         if b"\r\n" in parsed.get_payload(decode=True)
                         else "Grüße\n")

    def test_the_charset_of_unlabelled_text(self):
        """Valid UTF-8 is that; else the locale's charset, else Latin-1."""
        for body, locale, charset in [
                ("10 \u20ac".encode(), "de_DE.ISO-8859-15@euro", "utf-8"),
                (b"10 \xa4", "de_DE.ISO-8859-15@euro", "iso-8859-15"),
                (b"Gr\xfc\xdfe", "C", "iso-8859-1"),
                (b"Gr\xfc\xdfe", "x.y\r\nBcc: a@b", "iso-8859-1"),
                (b"Gr\xfc\xdfe", "de_DE.UTF-8", "iso-8859-1")]:
            with self.subTest(body=body, locale=locale):
                self.sandbox.reset()
                message = self.assert_sent(self.sendmail(
                    "bob@example.net", stdin=b"Subject: x\n\n" + body + b"\n",
                    env={"LANG": locale}))
                parsed = email.message_from_bytes(message.data)
                self.assertEqual(parsed.get_content_charset(), charset)
                self.assertEqual(parsed["Bcc"], None)

    def test_partial_refusal(self):
        self.sandbox.scenario("reply@rcpt:bad@example.net="
                              "550 5.1.1 User unknown")
        result = self.sendmail("good@example.net", "bad@example.net")
        self.assertEqual(result.code, 67)
        message = self.delivered()[0]
        self.assertEqual(self.addresses(message), ["good@example.net"])
        self.assertIn("bad@example.net: refused: User unknown", result.stderr)
        self.assertIn("good@example.net: delivered", result.stderr)

    def test_who_can_do_without_smtputf8_gets_a_header_without(self):
        """It is offered and refused: his server need not know it."""
        text = ("To: \u00fc@example.net, b@example.net\n"
                "Subject: x\n\nbody\n").encode()
        both = self.assert_sent(self.sendmail("-t", stdin=text))
        self.assertIn("\u00fc@example.net".encode(), both.data)
        self.sandbox.reset()
        self.sandbox.scenario("smtputf8_refused")
        result = self.sendmail("-t", stdin=text)
        self.assertEqual(result.code, 67, result.stderr)
        self.assertIn("no SMTPUTF8", result.stderr)
        message, = self.sandbox.messages()
        self.assertEqual(self.addresses(message), ["b@example.net"])
        self.assertTrue(message.data.isascii(), message.data)
        self.assertEqual(self.sandbox.violations(), [])

    def test_who_has_his_turn_later_needs_no_smtputf8_either(self):
        """Nor is it asked for again and again."""
        self.config(max_recipients=2)
        self.sandbox.scenario("smtputf8_refused")
        result = self.sendmail("a@example.net", "b@example.net",
                               "c@example.net", "\u00fc@example.net")
        self.assertEqual(result.code, 67, result.stderr)
        self.assertEqual([self.addresses(m) for m in self.sandbox.messages()],
                         [["a@example.net", "b@example.net"],
                          ["c@example.net"]])

    def test_partial_deferral(self):
        self.sandbox.scenario("reply@rcpt:later@example.net="
                              "451 4.3.0 Later")
        result = self.sendmail("good@example.net", "later@example.net")
        self.assertEqual(result.code, 75)
        self.assertIn("good@example.net: delivered", result.stderr)
        self.delivered()

    def test_many_recipients_go_in_several_transactions(self):
        self.config(max_recipients=10)
        to = [f"r{n}@example.net" for n in range(25)]
        result = self.sendmail(*to)
        self.assertEqual((result.code, result.stderr), (0, ""))
        messages = self.delivered(3)
        self.assertEqual(sorted(a for m in messages
                                for a in self.addresses(m)), sorted(to))

    def test_verbose_shows_the_dialogue_and_no_secret(self):
        result = self.sendmail("-v", "bob@example.net")
        self.assertEqual(result.code, 0)
        self.assertEqual(result.stdout, "")
        self.assertIn(">>> MAIL FROM:<alerts@contoso.com>", result.stderr)
        self.assertIn("250 2.0.0 OK", result.stderr)
        for secret in (self.sandbox.secret, "eyJ", "Hello."):
            self.assertNotIn(secret, result.stderr)

    def test_a_large_message_is_the_first(self):
        """It goes through a file, in a directory that is not there yet."""
        self.config(state_directory=str(self.directory / "new"))
        body = b"A line.\n" * 50000
        result = self.sendmail("bob@example.net",
                               stdin=b"Subject: x\n\n" + body)
        message = self.assert_sent(result)
        self.assertEqual(split_message(message.data)[1],
                         body.replace(b"\n", b"\r\n"))

    def test_a_large_message(self):
        body = b"".join(b"line %d of the large body\n" % n
                        for n in range(200000))
        message = self.assert_sent(self.sendmail(
            "-i", "bob@example.net", stdin=b"Subject: large\n\n" + body))
        self.assertEqual(split_message(message.data)[1],
                         body.replace(b"\n", b"\r\n"))

    def test_stdin_that_comes_slowly_holds_no_connection(self):
        self.config()
        process = harness.subprocess.Popen(
            [str(harness.PROGRAM), "sendmail", "-C",
             str(self.directory / "mailbearer.conf"), "bob@example.net"],
            stdin=harness.subprocess.PIPE, stderr=harness.subprocess.PIPE)
        process.stdin.write(b"Subject: slow\n\n")
        process.stdin.flush()
        time.sleep(1)
        self.assertEqual(self.sandbox.sessions(), [])
        process.communicate(b"done\n", timeout=60)
        self.assertEqual(process.returncode, 0)
        self.delivered()

    def test_a_seekable_stdin_is_put_back_after_a_failure(self):
        path = self.directory / "draft"
        path.write_bytes(b"Subject: x\n\nbody\n")
        self.config()
        with open(path, "rb") as f:
            f.seek(2)
            os.lseek(f.fileno(), 2, os.SEEK_SET)
            result = self.sendmail("-kbad", stdin=f)
            self.assertEqual(result.code, 64)
        self.sandbox.scenario("bad_token")
        with open(path, "rb") as f:
            os.lseek(f.fileno(), 2, os.SEEK_SET)
            self.assertEqual(self.sendmail("b@example.net", stdin=f).code, 77)
            self.assertEqual(os.lseek(f.fileno(), 0, os.SEEK_CUR), 2)

    def test_the_log_line(self):
        self.sendmail("bob@example.net", "eve@example.net")
        line = self.log_text().splitlines()[-1]
        for wanted in (" sent ", "account=alerts", "uid=%d" % os.getuid(),
                       "from=alerts@contoso.com", "nrcpt=2",
                       "to=bob@example.net,eve@example.net", "message-id=<",
                       "reply=250"):
            self.assertIn(wanted, line)

    def test_the_search_for_secrets_finds_them(self):
        """Every test looks for them in all that is written (harness)."""
        token = self.sandbox.token()
        blob = base64.b64encode(
            b"user=alerts@contoso.com\1auth=Bearer " + token.encode())
        for secret in (self.sandbox.secret.encode(), token.encode(), blob):
            self.assertIsNotNone(harness.secret_in(b"x " + secret + b" y"))
        self.assertIsNone(harness.secret_in(b"nothing here"))

    def test_no_secret_in_what_we_write(self):
        self.sandbox.scenario("bad_token")
        result = self.sendmail("-v", "bob@example.net")
        written = result.stderr + self.log_text()
        self.assertNotIn(self.sandbox.secret, written)
        self.assertNotIn("eyJ", written)


class Accounts(Case):
    """Which account, and who may use it."""

    def two_accounts(self, **more):
        config = self.config(**more)
        with open(config, "a", encoding="utf-8") as f:
            f.write('account "shop" {\n  app = "contoso"\n'
                    '  mailbox = "shop@contoso.com"\n  host = "localhost"\n'
                    f'  port = {self.sandbox.smtp_port}\n'
                    '  serves = { "*@shop.example", "www-data" }\n}\n')
        return config

    def test_the_sender_chooses(self):
        self.two_accounts(extra_top='default-account = "alerts"')
        for sender, mailbox in [("x@shop.example", "shop@contoso.com"),
                                ("shop@contoso.com", "shop@contoso.com"),
                                ("www-data", "shop@contoso.com"),
                                ("who@example.org", "alerts@contoso.com")]:
            with self.subTest(sender=sender):
                self.sandbox.reset()
                message = self.assert_sent(self.sendmail(
                    "-t", stdin=f"From: {sender}\nTo: b@example.net\n\nx\n"
                    .encode()))
                self.assertEqual(message.mail_from, mailbox)

    def test_without_a_default_an_unknown_sender_is_an_error(self):
        self.two_accounts()
        self.assert_failed(
            self.sendmail("-f", "who@example.org", "b@example.net",
                          stdin=b"From: who@example.org\n\nx\n"),
            78, "no account", "who@example.org.*default-account")
        self.assertEqual(self.sandbox.token_requests(), [])

    def test_account_by_name(self):
        self.two_accounts(extra_top='default-account = "alerts"')
        message = self.assert_sent(self.sendmail(
            "--account", "shop", "b@example.net"))
        self.assertEqual(message.mail_from, "shop@contoso.com")

    @unittest.skipUnless(os.getuid() == 0, "needs root to become another user")
    def test_allow_users(self):
        config = self.config(extra_account='allow-users = { "daemon" }')
        for path in (self.directory, self.directory / "sandbox"):
            os.chmod(path, 0o755)
        os.chmod(config, 0o644)
        result = self.sendmail("b@example.net", user="nobody")
        self.assertEqual(result.code, 77, result.stderr)
        self.assertEqual(self.sandbox.messages(), [])
        self.assertEqual(self.sandbox.token_requests(), [])


if __name__ == "__main__":
    unittest.main()
