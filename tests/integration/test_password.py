#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Accounts with a password, for servers that are not Exchange Online: what is in
the file goes to the server, and nowhere else."""
import base64
import unittest

from harness import PROGRAM, SIMPLE, run
from hostile_case import CertifiedCase
from hostile_dialogues import SECURE
from hostile_server import DATA, END, Server, WAIT

USER = "alerts@contoso.com"
PASSWORD = "Pässword with spaces # and \"quotes\""
TAKEN = ("<235 2.7.0 ok", ">MAIL FROM:<alerts@contoso.com>", "<250 ok",
         ">RCPT TO:<bob@example.net>", "<250 ok", ">DATA", "<354 go", DATA,
         "<250 2.0.0 ok")
OFFER = "<250-mx hello\r\n250 AUTH LOGIN PLAIN XOAUTH2"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


ON_THE_WIRE = {"plain": encoded(f"\0{USER}\0{PASSWORD}"),
               "login": encoded(PASSWORD)}
PLAIN = SECURE + (OFFER, f">AUTH PLAIN {ON_THE_WIRE['plain']}")
LOGIN = SECURE + (OFFER, ">AUTH LOGIN", "<334 VXNlcm5hbWU6",
                  f">{encoded(USER)}", "<334 UGFzc3dvcmQ6",
                  f">{ON_THE_WIRE['login']}")
SCRIPTS = {"plain": PLAIN, "login": LOGIN}


class Password(CertifiedCase):
    def setUp(self):
        super().setUp()
        self.file = self.directory / "password"
        self.write(PASSWORD + "\n")

    def write(self, text, mode=0o600):
        self.file.write_text(text, encoding="utf-8")
        self.file.chmod(mode)

    def serve(self, script):
        server = Server(self.certificates, script)
        self.addCleanup(server.stop)
        return server

    def send(self, server, auth, *flags):
        config = self.config(
            auth=auth, app=None, port=server.port, spool=False,
            ca_file=self.certificates.ca_file,
            password_file=str(self.file))
        return self.sendmail(*flags, "bob@example.net", config=config)

    def assert_hidden(self, auth, *texts):
        for text in texts:
            self.assertNotIn(PASSWORD, text)
            self.assertNotIn(ON_THE_WIRE[auth], text)

    def test_it_is_sent(self):
        for auth, script in SCRIPTS.items():
            for end in ("", "\n"):
                with self.subTest(auth=auth, end=end):
                    self.write(PASSWORD + end)
                    server = self.serve(script + TAKEN)
                    result = self.send(server, auth, "-v")
                    self.assertEqual((result.code, server.complaints),
                                     (0, []), result.stderr)
                    self.assertEqual(len(server.messages), 1)
                    self.assertIn("AUTH", result.stdout + result.stderr)
                    self.assert_hidden(auth, result.stdout, result.stderr,
                                       self.log_text())

    def test_only_one_newline_is_not_part_of_it(self):
        """Nor may any other be: it would end the command."""
        self.write(PASSWORD + "\n\n")
        result = self.send(self.serve(PLAIN[:-1] + (WAIT,)), "plain")
        self.assertEqual(result.code, 78)
        self.assertIn("control characters in the token or password",
                      result.stderr)
        self.assert_hidden("plain", result.stderr, self.log_text())

    def test_it_is_refused(self):
        for auth, script in SCRIPTS.items():
            with self.subTest(auth=auth):
                server = self.serve(script + (
                    f"<535 5.7.8 no: {PASSWORD} {ON_THE_WIRE[auth]}", END))
                result = self.send(server, auth)
                self.assertEqual(result.code, 77, result.stderr)
                self.assertEqual(server.complaints, [])
                self.assertIn("5.7.8", result.stderr)
                self.assert_hidden(auth, result.stderr, self.log_text())

    def test_nothing_is_no_password(self):
        self.write("\n")
        result = self.send(self.serve(SECURE + (OFFER, WAIT)), "plain")
        self.assertEqual(result.code, 78)
        self.assertIn(f"no token or password for {USER}", result.stderr)

    def test_a_file_that_cannot_be_used(self):
        """Nobody connects for it."""
        server = self.serve(SECURE + (OFFER, WAIT))
        for what, says in ((lambda: self.write("x" * 2000), "longer than 1024"),
                           (lambda: self.write(PASSWORD, 0o644), "0644"),
                           (lambda: self.write("\ufeff" + PASSWORD),
                            "byte order mark"),
                           (self.file.unlink, "does not exist")):
            with self.subTest(says=says):
                what()
                result = self.send(server, "plain")
                self.assertEqual(result.code, 78)
                self.assertIn(str(self.file), result.stderr)
                self.assertIn(says, result.stderr)
        self.assertIn("hint: make it, or correct its name", result.stderr)
        self.assertEqual(server.heard, [])

    def test_check_reads_the_same(self):
        for auth, script in SCRIPTS.items():
            with self.subTest(auth=auth):
                server = self.serve(script + ("<235 2.7.0 ok",))
                self.config(auth=auth, app=None, port=server.port,
                            ca_file=self.certificates.ca_file,
                            password_file=str(self.file))
                result = run([str(PROGRAM), "check", "-C",
                              str(self.directory / "mailbearer.conf")])
                self.assertEqual(result.code, 0, result.stdout)
                self.assertEqual(server.complaints, [])
                self.assert_hidden(auth, result.stdout, result.stderr)


if __name__ == "__main__":
    unittest.main()
