#!/usr/bin/env python3
"""The torture suite: every file in tests/torture is a test (its README)."""

import os
import pathlib
import pwd
import re
import shlex
import shutil
import sys
import tempfile
import unittest

from harness import PROGRAM, TOP, Sandbox, run

CASES = TOP / "tests" / "torture"
ESCAPE = re.compile(r"\\(?:(?P<letter>[rnt0\\])|x(?P<hex>[0-9a-fA-F]{2})"
                    r"|\{(?P<count>\d+)\*(?P<text>[^}]*)\})")
LETTERS = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
PLACEHOLDERS = {
    b"{date}": rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} "
               rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
               rb"\d{4} \d\d:\d\d:\d\d [+-]\d{4}",
    b"{id}": rb"<[0-9A-Za-z.]+@contoso\.com>",
    b"{host}": rb"web1",     # of the hostname in the config
    b"{user}": re.escape(pwd.getpwuid(os.getuid()).pw_name.encode()),
}


def unescape(text: str) -> bytes:
    out, at = b"", 0
    for found in ESCAPE.finditer(text):
        out += text[at:found.start()].encode()
        at = found.end()
        if found["letter"]:
            out += LETTERS[found["letter"]]
        elif found["hex"]:
            out += bytes([int(found["hex"], 16)])
        else:
            out += unescape(found["text"]) * int(found["count"])
    return out + text[at:].encode()


def joined(lines: list[str], end: bytes) -> bytes:
    """A block as bytes; a last \\ that is no escape takes the line end away."""
    out = b""
    for line in lines:
        bare = re.search(r"(?<!\\)(?:\\\\)*\\$", line)
        out += unescape(line[:-1]) if bare else unescape(line) + end
    return out


class CaseFile:
    """One file, parsed: see tests/torture/README."""

    KEYS = ("args", "stdin", "sender", "to", "message", "exit", "stderr",
            "stdout", "config", "account", "aliases")

    def __init__(self, path: pathlib.Path):
        self.name = path.stem
        self.args, self.stdin, self.exit = [], None, 0
        self.stderr, self.stdout = [], None
        self.config, self.account, self.aliases = [], [], []
        self.messages = []
        key, block = None, []
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if line.startswith("|"):
                block.append(line[1:])
                continue
            self.finish(key, block)
            key, block = None, []
            if line == "" or line.startswith("#"):
                continue
            key, colon, value = line.partition(":")
            if not colon or key not in self.KEYS:
                raise ValueError("%s:%d: no key" % (path, number))
            if value.strip():
                self.take(key, value.strip())
                key = None
        self.finish(key, block)

    def message(self) -> dict:
        """The message that is being described."""
        if not self.messages:
            self.messages.append({"sender": "alerts@contoso.com"})
        return self.messages[-1]

    def take(self, key: str, value: str) -> None:
        if key == "args":
            self.args = [unescape(word) for word in shlex.split(value)]
        elif key == "exit":
            self.exit = int(value)
        elif key == "sender":
            self.messages.append({"sender": value})
        elif key == "to":
            self.message()["to"] = sorted(value.split())
        elif key == "stdout":
            self.stdout = value.split()
        else:
            getattr(self, key).append(value)

    def finish(self, key, block) -> None:
        if key == "stdin":
            self.stdin = joined(block, b"\n")
        elif key == "message":
            self.message()["bytes"] = joined(block, b"\r\n")
        elif key == "aliases":
            self.aliases = block
        elif key is not None:
            raise ValueError("%s: %s is no block" % (self.name, key))


def pattern(expected: bytes) -> re.Pattern:
    text = re.escape(expected)
    for name, expression in PLACEHOLDERS.items():
        text = text.replace(re.escape(name), expression)
    return re.compile(text, re.S)


class Torture(unittest.TestCase):
    maxDiff = 6000

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="mbtest."))
        cls.sandbox = Sandbox(cls.directory / "sandbox").start()
        cls.sandbox.add_mailbox("alerts@contoso.com",
                                proxy_addresses=["sales@contoso.com"])

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.stop()
        shutil.rmtree(cls.directory)

    def run_case(self, case: CaseFile):
        self.sandbox.reset()
        aliases = self.directory / "aliases"
        aliases.write_text("".join(line + "\n" for line in case.aliases))
        config = self.sandbox.write_config(
            self.directory / "mailbearer.conf", domain="contoso.com",
            hostname="web1.contoso.com", local_mail_to="it@contoso.com",
            aliases=str(aliases), log=str(self.directory / "log"),
            send_as="sales@contoso.com",
            messages_per_minute=10000,      # we are faster than 30
            extra_top="\n".join(case.config),
            extra_account="\n".join(case.account))
        command = [PROGRAM, "sendmail", "-C", config, *case.args]
        return run(command, case.stdin if case.stdin is not None else b"")

    def check(self, case: CaseFile) -> None:
        result = self.run_case(case)
        self.assertEqual(result.code, case.exit, result.stderr)
        if case.stdout is None:
            self.assertEqual(result.stdout, "")
        else:
            self.assertEqual(re.findall(r"^(\d{3})(?: |$)", result.stdout,
                                        re.M), case.stdout, result.stdout)
        for expression in case.stderr:
            self.assertRegex(result.stderr, expression)
        if not case.stderr:
            self.assertEqual(result.stderr, "")
        self.assertEqual(self.sandbox.violations(), [])
        self.check_messages(case)

    def check_messages(self, case: CaseFile) -> None:
        sent = self.sandbox.messages()
        self.assertEqual(len(sent), len(case.messages))
        for got, wanted in zip(sent, case.messages):
            self.assertEqual(got.mail_from, wanted["sender"])
            self.assertEqual(sorted(one.address for one in got.recipients),
                             wanted["to"])
            if not pattern(wanted["bytes"]).fullmatch(got.data):
                self.assertEqual(got.data, wanted["bytes"])


def add_tests() -> None:
    for path in sorted(CASES.glob("*.case")):
        def test(self, path=path):
            self.check(CaseFile(path))
        setattr(Torture, "test_" + path.stem.replace("-", "_"), test)


def show(name: str) -> None:
    """What a case really does, in its own words as far as possible."""
    Torture.setUpClass()
    result = Torture().run_case(CaseFile(CASES / (name + ".case")))
    print("exit: %d" % result.code)
    print(result.stdout + result.stderr, end="")
    for message in Torture.sandbox.messages():
        print("sender: %s\nto: %s\nmessage:" % (message.mail_from, " ".join(
            one.address for one in message.recipients)))
        for line in message.data.split(b"\r\n")[:-1]:
            print("|" + repr(line)[2:-1])
    for violation in Torture.sandbox.violations():
        print("violation:", violation)
    Torture.tearDownClass()


def main() -> None:
    add_tests()
    if sys.argv[1:2] == ["--show"]:
        show(sys.argv[2])
        return
    prefixes = ["test_" + one.replace("-", "_") for one in sys.argv[1:]
                if not one.startswith("-")]
    names = [name for name in unittest.TestLoader().getTestCaseNames(Torture)
             if not prefixes or name.startswith(tuple(prefixes))]
    suite = unittest.TestSuite(map(Torture, names))
    done = unittest.TextTestRunner().run(suite)
    sys.exit(not done.wasSuccessful())


if __name__ == "__main__":
    main()
