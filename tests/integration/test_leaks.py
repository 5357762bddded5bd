#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Nothing is left over: no memory and no descriptor when a program ends, no
secret in memory that does not need it."""
import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest

import harness
from harness import PREFIX, PROGRAM, SIMPLE

HELPER = PREFIX / "libexec" / "mailbearer" / "mailbearer-token"
SMTP = (b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n"
        b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n")


class Spooling(harness.Case):
    def setUp(self):
        super().setUp()
        self.spool = self.directory / "spool"
        self.spool.mkdir(mode=0o750)
        self.conf = self.config(spool=True, spool_reserve="0",
                                spool_directory=str(self.spool))

    def command(self, *words):
        return [str(PROGRAM), words[0], "-C", str(self.conf), *words[1:]]


@unittest.skipUnless(shutil.which("valgrind"), "valgrind is missing")
@unittest.skipIf("ASAN_OPTIONS" in os.environ, "one checker at a time")
class Leaks(Spooling):
    """valgrind's word on memory and descriptors, at the end of each mode."""

    def check(self, command, stdin=b"", code=0):
        log = self.directory / "valgrind"
        result = harness.run(
            ["valgrind", "-q", "--leak-check=full", "--track-fds=yes",
             "--child-silent-after-fork=yes",
             "--show-leak-kinds=definite,indirect",
             "--errors-for-leak-kinds=definite,indirect",
             "--error-exitcode=99", f"--log-file={log}", *command], stdin)
        said = log.read_text(errors="replace")
        self.assertEqual(result.code, code, result.stderr + said)
        # What it has from us it may leave open, and the log is for all its life.
        blocks = re.split(r"(?=Open (?:file descriptor|\w+ socket) )", said)
        left = [block for block in blocks[1:]
                if "<inherited from parent>" not in block and
                " log_open " not in block]
        self.assertEqual(left, [])

    def test_sending(self):
        self.check(self.command("sendmail", "b@example.net"), SIMPLE)
        self.check(self.command("sendmail", "b@example.net"), SIMPLE)
        self.delivered(2)

    def test_refused(self):
        self.sandbox.scenario("reply@rcpt=550 5.1.1 User unknown")
        self.check(self.command("sendmail", "b@example.net"), SIMPLE, 67)

    def test_keeping_and_the_queue(self):
        self.sandbox.scenario("prx4")
        self.check(self.command("sendmail", "b@example.net"), SIMPLE)
        self.check(self.command("sendmail", "-odq", "b@example.net"), SIMPLE)
        self.sandbox.clear()
        self.check(self.command("sendmail", "-bp"))
        self.check(self.command("queue", "--json"))
        self.check(self.command("queue", "retry"))
        self.assertEqual(os.listdir(self.spool / "new"), [])

    def test_a_dialogue(self):
        self.check(self.command("sendmail", "-bs"), SMTP)
        self.delivered(1)

    def test_the_helper(self):
        command = [str(HELPER), "-C", str(self.conf), "contoso"]
        log = self.directory / "valgrind"
        # Its stdout is a token: not for harness.run().
        done = subprocess.run(
            ["valgrind", "-q", "--leak-check=full", "--error-exitcode=99",
             "--errors-for-leak-kinds=definite", f"--log-file={log}",
             *command], capture_output=True, check=False, timeout=90)
        self.assertEqual(done.returncode, 0, log.read_text())
        self.assertIn(b"access_token", done.stdout)

    def test_a_wrong_config(self):
        pathlib.Path(self.conf).write_text('app "x" { tenant = 1\n',
                                           encoding="utf-8")
        self.check(self.command("sendmail", "b@example.net"), SIMPLE, 78)


@unittest.skipUnless(os.getuid() == 0, "needs root to look into a process")
class Memory(Spooling):
    """What lies in the sender's memory while it waits for the last answer."""

    @staticmethod
    def memory(pid):
        """All that the process may write to."""
        parts = []
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
                open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
            for line in maps:
                span, rights = line.split()[:2]
                if not rights.startswith("rw") or "[v" in line:
                    continue
                start, end = (int(n, 16) for n in span.split("-"))
                mem.seek(start)
                parts.append(mem.read(end - start))
        return b"\n".join(parts)

    def pause(self, sent):
        """A sender that waits for the answer to its data, and its memory."""
        self.sandbox.scenario("hang@end-of-data", times=1)
        process = subprocess.Popen(
            self.command("sendmail", "b@example.net"), stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.stdin.write(SIMPLE)
        process.stdin.close()
        end = time.monotonic() + 30
        while time.monotonic() < end and not any(
                line.startswith("(message,")
                for _, line in self.sandbox.records.commands()[sent:]):
            time.sleep(0.05)
        time.sleep(0.2)
        return self.memory(process.pid)

    def token(self):
        done = subprocess.run(
            [str(PROGRAM), "token", "-C", str(self.conf),
             "--print-access-token"], capture_output=True, check=False,
            timeout=60)
        return done.stdout.strip()

    def test_the_client_secret_never_comes_near_the_sender(self):
        memory = self.pause(0)
        self.assertIn(b"b@example.net", memory)
        self.assertNotIn(b"kPz8Q~sandbox", memory)
        self.assertNotIn(b"kPz8Q%7Esandbox", memory)

    def test_no_copy_of_the_token_is_left_about(self):
        """But the one to know it by in what the server says: no AUTH line, no
        answer of the helper, no text of the cache."""
        self.assertEqual(harness.run(self.command(
            "sendmail", "b@example.net"), SIMPLE).code, 0)
        token = self.token()
        self.assertGreater(len(token), 200)
        for cold in (False, True):
            with self.subTest(cold=cold):
                if cold:
                    for path in self.directory.rglob("token-*.json"):
                        path.unlink()
                memory = self.pause(len(self.sandbox.records.commands()))
                if cold:
                    token = self.token()
                self.assertEqual(memory.count(token[-100:]), 1)
                self.assertNotIn(b"auth=Bearer " + token[:20], memory)
                self.assertNotIn(b'access_token": "' + token[:20], memory)


if __name__ == "__main__":
    unittest.main()
