"""Bad input: for each the exit code, both lines on stderr, and nothing sent."""
import os
import time
import unittest

import harness
from harness import Case, SIMPLE, run


class Config(Case):
    def test_no_config(self):
        self.assert_failed(
            self.sendmail("b@example.net",
                          config=self.directory / "missing.conf"),
            78, "missing.conf", "")

    def test_a_directory_as_config(self):
        self.assert_failed(
            self.sendmail("b@example.net", config=self.directory),
            78, str(self.directory), "")

    def test_faulty_configs(self):
        """text -> what the error must name."""
        cases = {
            'mailbx = "a@b.example"\n': "line|1",
            'account "a" {\n  mailbox = "a@contoso.com"\n': "brace|end",
            'account "a" {\n  app = "nowhere"\n  mailbox = "a@contoso.com"\n'
            '}\n': "nowhere",
            'send-timeout = "soon"\n': "send-timeout",
            'hostname = "${HOME}"\n': r"\$\{",
            'spool = true\nspool = false\n': "spool",
            '\ufeffspool = true\n': "BOM|byte order",
            'account "a" { mailbox = "a" }\n': "mailbox",
        }
        path = self.directory / "mailbearer.conf"
        for text, what in cases.items():
            with self.subTest(text=text):
                path.write_text(text)
                os.chmod(path, 0o600)
                result = self.sendmail("b@example.net", config=path)
                self.assertEqual(result.code, 78, result.stderr)
                self.assertRegex(result.lines()[0], what)
                self.assertIn(str(path), result.lines()[0])
        self.assertEqual(self.sandbox.messages(), [])

    def test_an_unknown_key_names_the_nearest(self):
        self.config(extra_account='mailbx = "x@contoso.com"')
        self.assert_failed(self.sendmail("b@example.net"), 78,
                           r"mailbearer\.conf:\d+", "mailbox")

    def test_a_config_that_others_may_write(self):
        os.chmod(self.config(), 0o666)
        self.assert_failed(self.sendmail("b@example.net"), 78,
                           "mailbearer.conf", "chmod")

    def test_a_config_directory_that_others_may_write(self):
        self.config()
        os.chmod(self.directory, 0o777)
        self.assert_failed(self.sendmail("b@example.net"), 78,
                           "mbtest", "chmod")

    def test_a_library_that_cannot_be_loaded(self):
        """It is loaded for such a domain; nobody is left out for lack of it."""
        self.config()
        (self.directory / "libidn2.so.0").write_bytes(b"")
        result = self.sendmail(
            "-t", stdin="To: a@b\u00fccher.example, b@example.net\n\nx\n".encode(),
            env={"LD_LIBRARY_PATH": str(self.directory)})
        # 127: a library that was linked, as a sanitizer's, wants it at once.
        self.assertIn(result.code, (71, 127))
        self.assertIn("libidn2.so.0", result.stderr)
        if result.code == 71:
            self.assertIn("hint: install libidn2", result.stderr)
            self.assertIn("libidn2.so.0", self.log_text())
        self.delivered(0)

    def test_a_secret_that_others_may_read(self):
        self.config()
        os.chmod(self.sandbox.secret_file, 0o644)
        self.assert_failed(self.sendmail("b@example.net"), 78,
                           "client-secret", "chmod")
        self.assertEqual(self.sandbox.token_requests(), [])

    def test_a_missing_secret(self):
        self.config(client_secret_file=str(self.directory / "nothing"))
        self.assert_failed(self.sendmail("b@example.net"), 78, "nothing", "")

    def test_an_empty_secret(self):
        empty = self.directory / "empty"
        empty.touch(mode=0o600)
        self.config(client_secret_file=str(empty))
        self.assert_failed(self.sendmail("b@example.net"), 78, "empty", "")

    @unittest.skipUnless(os.getuid() == 0, "needs root to give files away")
    def test_a_config_of_somebody_else(self):
        os.chown(self.config(), 65534, 65534)
        self.assert_failed(self.sendmail("b@example.net"), 78,
                           "mailbearer.conf", "chown")


class Token(Case):
    def fails(self, code, what, hint=""):
        """At most a session that was begun meanwhile, and ended."""
        self.assert_failed(self.sendmail("b@example.net"), code, what, hint)
        verbs = {line.split()[0] for _, line in self.sandbox.commands()}
        self.assertLessEqual(verbs, {"EHLO", "STARTTLS", "QUIT"})

    def test_a_wrong_secret(self):
        wrong = self.directory / "wrong"
        wrong.touch(mode=0o600)
        wrong.write_text("not the secret\n")
        self.config(client_secret_file=str(wrong))
        self.fails(77, "AADSTS7000215", "Value")

    def test_errors_of_the_endpoint(self):
        for code, exit_code, hint in [("700016", 77, "client-id"),
                                      ("90002", 77, "tenant"),
                                      ("7000222", 77, "secret"),
                                      ("53003", 77, "Conditional|policy"),
                                      ("90033", 75, "passes")]:
            with self.subTest(code=code):
                self.sandbox.clear()
                self.sandbox.scenario("error", code=code)
                # A changed config is a new question.
                self.config(client_secret_file=self.sandbox.write_secret(
                    "s3cret" + code, "secret" + code))
                self.fails(exit_code, "AADSTS" + code, hint)

    def test_the_endpoint_is_down(self):
        self.sandbox.scenario("http_503")
        self.fails(75, "503")

    def test_too_many_requests(self):
        self.sandbox.scenario("http_429", retry_after=30)
        self.fails(75, "429")
        seen = len(self.sandbox.token_requests())
        self.fails(75, "429")
        self.assertEqual(len(self.sandbox.token_requests()), seen)

    def test_nonsense_from_the_endpoint(self):
        for fault in ("garbage", "truncated", "huge", "close", "redirect"):
            with self.subTest(fault=fault):
                self.sandbox.clear()
                self.sandbox.scenario(fault)
                self.config(client_secret_file=self.sandbox.write_secret(
                    self.sandbox.secret, "secret-" + fault))
                result = self.sendmail("b@example.net")
                self.assertIn(result.code, (75, 77), result.stderr)
                self.assertEqual(self.sandbox.messages(), [])

    def test_wrong_claims(self):
        for fault in ("wrong_audience", "expired_token", "other_tenant"):
            with self.subTest(fault=fault):
                self.sandbox.clear()
                self.sandbox.reset()
                self.sandbox.scenario(fault)
                self.config(client_secret_file=self.sandbox.write_secret(
                    self.sandbox.secret, "secret-" + fault))
                self.assert_failed(self.sendmail("b@example.net"), 77,
                                   "535 5.7.3", "")

    def test_the_endpoint_has_a_wrong_certificate(self):
        for kind in ("wrong-name", "expired", "self-signed", "unknown-ca"):
            with self.subTest(kind=kind):
                self.sandbox.clear()
                self.sandbox.scenario("certificate", kind=kind, where="token")
                result = self.sendmail("b@example.net")
                self.assertIn(result.code, (75, 76), result.stderr)
                self.assertEqual(self.sandbox.token_requests(), [])


class Server(Case):
    """What the submission server may do to us."""

    def fails(self, code, what, hint=""):
        self.assert_failed(self.sendmail("b@example.net"), code, what, hint)

    def test_no_starttls(self):
        self.sandbox.scenario("no_starttls")
        self.fails(76, "STARTTLS", "")
        self.assertNotIn("AUTH", str(self.sandbox.commands()))

    def test_injection_after_starttls(self):
        self.sandbox.scenario("injected_after_starttls")
        self.fails(76, "STARTTLS", "")

    def test_certificates(self):
        for kind, what in [("wrong-name", "name"), ("expired", "expired"),
                           ("self-signed", "self-signed|trust"),
                           ("unknown-ca", "authority")]:
            with self.subTest(kind=kind):
                self.sandbox.clear()
                self.sandbox.scenario("certificate", kind=kind, where="smtp")
                self.fails(76, what)

    def test_old_tls(self):
        self.sandbox.scenario("tls_max", version="1.1")
        self.fails(76, "TLS")

    def test_replies(self):
        """scenario -> exit code with spool off, what the first line says."""
        for name, code, what in [
                ("smtp_auth_off_tenant", 77, "disabled for the Tenant"),
                ("smtp_auth_off_mailbox", 77, "disabled for the Mailbox"),
                ("criteria", 77, "criteria"),
                ("security_defaults", 77, "security defaults"),
                ("prx4", 75, "PRX4"), ("auth_temporary", 75, "454"),
                ("old_tls", 76, "4.7.66"), ("not_available", 75, "421"),
                ("no_full_access", 75, "430 4.2.0"),
                ("too_many_connections", 75, "432 4.3.2"),
                ("send_as_denied", 77, "5.2.252"),
                ("daily_quota", 75, "SubmissionQuotaExceeded"),
                ("mailbox_full", 75, "5.2.2"),
                ("outbound_spam", 77, "OutboundSpam"),
                ("mrh1", 75, "MRH1"), ("too_large", 65, "5.3.4"),
                ("unauthenticated_at_mail", 77, "5.7.57"),
                ("permission_at_mail", 77, "5.7.60")]:
            with self.subTest(scenario=name):
                self.sandbox.clear()
                for pause in self.directory.glob("pause-*"):
                    pause.unlink()  # what a 432 leaves behind
                self.sandbox.scenario(name)
                self.fails(code, what)

    def test_after_a_432_the_account_pauses(self):
        self.sandbox.scenario("too_many_connections", times=1)
        self.fails(75, "432 4.3.2")
        seen = len(self.sandbox.sessions())
        self.fails(75, "pauses until")
        self.assertEqual(len(self.sandbox.sessions()), seen)

    def test_a_message_too_large_is_refused_before_it_is_sent(self):
        self.sandbox.scenario("size_limit", octets=1000)
        result = self.sendmail("b@example.net",
                               stdin=b"Subject: x\n\n" + b"x" * 70 * 100)
        self.assert_failed(result, 65, "", "")
        self.assertNotIn("MAIL", str(self.sandbox.commands()))

    def test_all_recipients_refused(self):
        for reply, code in [("550 5.1.1 User unknown", 67),
                            ("550 5.1.10 Recipient not found", 67),
                            ("550 5.1.2 Host unknown", 68),
                            ("554 5.7.1 No", 69), ("451 4.3.0 Later", 75)]:
            with self.subTest(reply=reply):
                self.sandbox.clear()
                self.sandbox.scenario("reply@rcpt=" + reply)
                self.fails(code, reply[:3])

    def test_closing_at_each_step(self):
        for step in ("connect", "banner", "ehlo", "starttls", "tls", "ehlo2",
                     "auth", "mail", "rcpt", "data", "end-of-data"):
            with self.subTest(step=step):
                self.sandbox.clear()
                if step == "data":
                    self.sandbox.scenario("no_chunking")
                self.sandbox.scenario("close@" + step)
                self.fails(75, "closed|TLS|reset")

    def test_hanging_at_each_step(self):
        """The caller waits for send-timeout, and longer only for the answer to
        the data, whichever way it was sent."""
        self.config(send_timeout="2s")
        for step in ("connect", "banner", "ehlo", "starttls", "tls", "ehlo2",
                     "auth", "mail", "rcpt", "data"):
            with self.subTest(step=step):
                self.sandbox.clear()
                if step == "data":
                    self.sandbox.scenario("no_chunking")
                self.sandbox.scenario("hang@" + step)
                begun = time.monotonic()
                self.fails(75, "")
                self.assertLess(time.monotonic() - begun, 30)

    def test_garbage_at_each_step(self):
        for step in ("banner", "ehlo", "starttls", "ehlo2", "auth", "mail",
                     "rcpt", "data", "end-of-data"):
            with self.subTest(step=step):
                self.sandbox.clear()
                if step == "data":
                    self.sandbox.scenario("no_chunking")
                self.sandbox.scenario("garbage@" + step)
                result = self.sendmail("b@example.net")
                self.assertIn(result.code, (75, 76), result.stderr)
                self.assertGreaterEqual(len(result.lines()), 2)

    def test_hostile_replies(self):
        for name in ("endless_reply", "long_line", "code_change"):
            with self.subTest(name=name):
                self.sandbox.clear()
                self.sandbox.scenario(name)
                self.fails(76, "")

    def test_escape_sequences_never_reach_the_terminal(self):
        self.sandbox.scenario("control_bytes")
        result = self.sendmail("-v", "b@example.net")
        self.assertNotEqual(result.code, 0)
        self.assertNotRegex(result.stderr + self.log_text(),
                            "[\x00-\x08\x0b-\x1f\x7f-\x9f]")

    def test_nobody_listens(self):
        self.config(port=1)
        self.fails(75, "", "")


class CommandLine(Case):
    def fails(self, code, what, *flags, stdin=SIMPLE, hint=""):
        self.assert_failed(self.sendmail(*flags, stdin=stdin), code, what,
                           hint)
        self.assertEqual(self.sandbox.commands(), [])

    def test_no_recipients(self):
        self.fails(64, "recipient")
        self.fails(64, "recipient", "-t")
        self.fails(64, "recipient", "-t", stdin=b"To: undisclosed:;\n\nx\n")

    def test_empty_stdin(self):
        self.fails(65, "empty", "b@example.net", stdin=b"")
        self.fails(64, "recipient", "-t", stdin=b"")

    def test_an_empty_line_is_a_message(self):
        self.assert_sent(self.sendmail("b@example.net", stdin=b"\n"))

    def test_closed_stdin(self):
        self.config()
        result = run(["sh", "-c", '"$@" <&-', "sh", str(harness.PROGRAM),
                      "sendmail", "-C",
                      str(self.directory / "mailbearer.conf"),
                      "b@example.net"])
        self.assert_failed(result, 74, "input", "")

    def test_control_characters_in_addresses(self):
        for address in ("a\r\nRCPT TO:<x@y.example>@example.net",
                        "a\x01@example.net", "<a@b>\nDATA", "a\x7f@b.example"):
            with self.subTest(address=address):
                self.fails(64, "", "--", address)
        for sender in ("a\n@example.net", "x> SIZE=1\r\nRCPT TO:<e@v.example"):
            self.fails(64, "", "-f", sender, "b@example.net")

    def test_bad_addresses(self):
        self.fails(64, "", "a b c")
        self.fails(64, "", "-f", "two@a.example, x@b.example", "b@example.net")

    def test_one_bad_address_does_not_cost_the_others_their_mail(self):
        result = self.sendmail(
            "-t", stdin=b"To: ops@example.com, set escape\n\nx\n")
        self.assertEqual(result.code, 0, result.stderr)
        self.delivered()

    def test_unknown_options(self):
        self.fails(64, "-k", "-k", "b@example.net")
        self.fails(64, "-bd", "-bd")

    def test_stdin_is_read_to_its_end_on_every_error(self):
        """A caller that is still writing must not die of SIGPIPE."""
        big = b"x" * (1 << 20)
        for flags, code in [(["-k"], 64), ([], 64), (["-f", "a b", "c@d.e"],
                                                     64)]:
            with self.subTest(flags=flags):
                process = harness.subprocess.Popen(
                    [str(harness.PROGRAM), "sendmail", "-C", self.config(),
                     *flags], stdin=harness.subprocess.PIPE,
                    stderr=harness.subprocess.DEVNULL)
                process.stdin.write(big)
                process.stdin.close()
                self.assertEqual(process.wait(30), code)

    def test_too_large_for_the_config(self):
        self.config(max_message_size="1K")
        self.fails(65, "", "b@example.net", stdin=b"Subject: x\n\n" +
                   b"y\n" * 2000)

    def test_a_loop(self):
        self.fails(65, "loop|Received", "b@example.net",
                   stdin=b"Received: from a by b\n" * 30 + b"\nx\n")

    def test_unreadable_stdin(self):
        descriptor = os.open(self.directory, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        self.assert_failed(self.sendmail("b@example.net", stdin=descriptor),
                           74, "", "")


if __name__ == "__main__":
    unittest.main()
