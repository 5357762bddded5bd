"""What a caller waits for, and what he does not wait for."""
import json
import subprocess
import sys
import time
import unittest

import harness
from harness import SharedCase

PATIENCE = 30                      # seconds, for what happens elsewhere
REFUSED = "error:7000215"          # the client secret is wrong


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


class Farewell(SharedCase):
    """After the 250 there is nothing left to wait for."""

    def test_the_answer_to_quit_is_not_awaited(self):
        """It is there at once, and nobody reads it."""
        result = self.sendmail("-v", "bob@example.net")
        self.assertEqual(result.code, 0)
        self.assertEqual(result.lines()[-1].split()[-2:], [">>>", "QUIT"])
        self.assertNotIn("221", result.stderr)
        session, = self.sandbox.sessions()
        self.assertEqual(session["ended"], "quit")
        self.delivered()

    def test_a_server_that_never_says_goodbye(self):
        self.sandbox.scenario("hang@quit")
        self.assert_sent(self.sendmail("bob@example.net"))
        session, = self.sandbox.sessions()
        self.assertEqual(session["ended"], "quit")


class ColdStart(SharedCase):
    """Token and connection side by side: the slower of them decides."""

    def verbs(self):
        return [line.split()[0].upper() for _, line in self.sandbox.commands()]

    def test_neither_waits_for_the_other(self):
        """The sandbox answers each when it has seen the other."""
        self.sandbox.scenario("side_by_side", times=2)
        self.assert_sent(self.sendmail("bob@example.net"))
        self.assertEqual(len(self.sandbox.sessions()), 1)
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    def test_no_token_ends_the_session_properly(self):
        self.sandbox.scenario("side_by_side", times=2)
        self.sandbox.scenario(REFUSED)
        self.assert_failed(self.sendmail("bob@example.net"), 77, "7000215",
                           "secret")
        session, = self.sandbox.sessions()
        self.assertEqual(session["ended"], "quit")
        self.assertEqual(self.verbs(), ["EHLO", "STARTTLS", "EHLO", "QUIT"])
        self.assertEqual(self.sandbox.violations(), [])

    def test_nobody_connects_when_there_will_be_no_token(self):
        """Refused a moment ago: it is not asked for again yet."""
        self.sandbox.scenario(REFUSED)
        self.sendmail("bob@example.net")
        self.sandbox.reset()
        self.assert_failed(self.sendmail("bob@example.net"), 77,
                           "7000215", "not asked again")
        self.assertEqual(self.sandbox.sessions(), [])
        self.assertEqual(self.sandbox.token_requests(), [])

    def test_nobody_connects_without_a_credential(self):
        missing = str(self.directory / "missing")
        data = self.directory / "data"     # no program
        data.write_text("#!/bin/sh\necho token\n")
        data.chmod(0o644)
        for settings in (
                {"client_secret_file": missing},
                {"client_secret_file": None, "certificate": missing},
                {"client_secret_file": None, "federated_token_file": missing},
                {"client_secret_file": None, "delegated": True},
                {"client_secret_file": None, "tenant": None,
                 "client_id": None, "authority": None,
                 "token_command": [missing]},
                {"client_secret_file": None, "tenant": None,
                 "client_id": None, "authority": None,
                 "token_command": [str(data)]}):
            with self.subTest(settings):
                self.config(**settings)
                self.assert_failed(self.sendmail("bob@example.net"), 78,
                                   "missing|nobody has signed in|data", "")
                self.assertEqual(self.sandbox.sessions(), [])
                self.assertEqual(self.sandbox.token_requests(), [])

    def test_no_connection_and_the_token_is_kept(self):
        self.config(port=1)
        self.assert_failed(self.sendmail("bob@example.net"), 75,
                           "Connection refused", "`port`")
        self.assertEqual(len(self.sandbox.token_requests()), 1)
        self.config()
        self.assert_sent(self.sendmail("bob@example.net"))
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    def test_of_two_failures_the_token_s_is_told(self):
        self.config(port=1)
        self.sandbox.scenario(REFUSED)
        self.assert_failed(self.sendmail("bob@example.net"), 77, "7000215",
                           "secret")

    def test_a_server_that_loses_patience_is_called_again(self):
        """It hangs up while the token is still to come."""
        self.config(send_timeout="60s")
        self.sandbox.scenario("held")
        self.sandbox.scenario("idle_close", seconds=1)
        with subprocess.Popen(
                [str(harness.PROGRAM), "sendmail", "-C",
                 str(self.directory / "mailbearer.conf"), "bob@example.net"],
                stdin=subprocess.PIPE, stderr=subprocess.PIPE) as sender:
            sender.stdin.write(harness.SIMPLE)
            sender.stdin.close()
            self.assertTrue(wait_until(lambda: any(
                one["ended"] == "idle" for one in self.sandbox.sessions())))
            self.sandbox.clear()
            self.assertEqual((sender.stderr.read(), sender.wait()), (b"", 0))
        self.delivered()
        self.assertEqual([one["ended"] for one in self.sandbox.sessions()],
                         ["idle", "quit"])
        self.assertEqual(len(self.sandbox.token_requests()), 1)


class Renewal(SharedCase):
    """A token near its end is renewed by a send that has said all to its
    caller: neither his pipes nor his waitpid(2) know of it."""

    def cache(self):
        return next(self.directory.rglob("token-contoso.json"))

    def age(self):
        cached = json.loads(self.cache().read_text())
        cached["refresh_after"] = int(time.time()) - 1
        self.cache().write_text(json.dumps(cached))
        return cached["access_token"]

    def token(self):
        return json.loads(self.cache().read_text())["access_token"]

    def test_the_caller_does_not_wait_for_it(self):
        self.assert_sent(self.sendmail("bob@example.net"))
        old = self.age()
        self.sandbox.scenario("held")
        for count in (2, 3):       # one asks, the other finds it asking
            result = self.sendmail("bob@example.net")
            self.assertEqual((result.code, result.stderr), (0, ""))
            self.delivered(count)
            self.assertTrue(wait_until(self.sandbox.tokens.held.is_set))
        self.assertEqual(self.token(), old)
        self.sandbox.clear()
        self.assertTrue(wait_until(lambda: self.token() != old))
        self.assertEqual(len(self.sandbox.token_requests()), 2)
        self.assertEqual(self.sendmail("bob@example.net").code, 0)
        self.assertEqual(len(self.sandbox.token_requests()), 2)

    def test_only_the_renewer_is_left_to_process_1(self):
        """It waits for those whom it has started, for process 1 of a container
        may be one that waits for nobody."""
        self.assert_sent(self.sendmail("bob@example.net"))
        old = self.age()
        script = ("import ctypes, os, subprocess, sys\n"
                  "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"
                  "subprocess.run(sys.argv[1:], input=b'\\nx\\n', check=True)\n"
                  "try:\n"
                  "    while True:\n"
                  "        print(os.wait()[1])\n"
                  "except ChildProcessError:\n"
                  "    pass\n")
        result = harness.run(
            [sys.executable, "-c", script, str(harness.PROGRAM), "sendmail",
             "-C", str(self.directory / "mailbearer.conf"), "bob@example.net"])
        self.assertEqual((result.stdout, result.stderr), ("0\n", ""))
        self.assertNotEqual(self.token(), old)


if __name__ == "__main__":
    unittest.main()
