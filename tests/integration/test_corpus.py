#!/usr/bin/env python3
"""Replays every recording in tests/callers and compares what arrives with the
expectation beside it (tests/callers/README).

    test_corpus.py                      compare
    test_corpus.py --update [NAME...]   write expected.json and expected*.eml
"""
import email.utils
import json
import pathlib
import pwd
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from harness import PROGRAM, TOP, Sandbox, run

CALLERS = TOP / "tests" / "callers"
MODES = {"mailq": ["-bp"], "newaliases": ["-bi"]}
OUR_ID = re.compile(rb"<[0-9a-f]+\.[0-9a-f]{20}@(?=contoso\.com>|example\.com>)")
DATE = re.compile(rb"(?m)^Date: (.*)\r$")
FROM = re.compile(rb'(?m)^From: (.*?) (<[^<>\r]*>\r)$')


def caller_names():
    """What the program may call us where a message has no From."""
    user = pwd.getpwuid(os.getuid())
    gecos = user.pw_gecos.split(",")[0]
    yield gecos.replace("&", user.pw_name.capitalize()).encode()
    yield b"%s on host" % user.pw_name.encode()


def normalise(data, given):
    """Placeholders for what depends on the time or the user."""
    data = OUR_ID.sub(rb"<{id}@", data)
    found = DATE.search(data)
    if found and found[1] not in given:
        when = email.utils.parsedate_to_datetime(found[1].decode())
        if abs(when.timestamp() - time.time()) < 3600:
            data = data.replace(found[0], b"Date: {date}\r", 1)
    found = FROM.search(data)
    if found and b"From:" not in given and found[1].strip(b'"') in caller_names():
        data = data.replace(found[0], b"From: {caller} " + found[2], 1)
    return data


def smtp_input(directory):
    """All that the client of an -bs recording said, in one piece."""
    messages = [directory / "stdin.eml", directory / "stdin2.eml"]
    said = b""
    for line in (directory / "smtp.txt").read_text().splitlines():
        if line.startswith("C: "):
            said += line[3:].replace("\\r", "\r").replace("\\n", "\n").encode()
        elif line.startswith("[DATA end"):
            text = messages.pop(0).read_bytes()
            said += re.sub(rb"(?m)^\.", b"..", text) + b".\r\n"
    return said


class Corpus(unittest.TestCase):
    maxDiff = 6000

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="mbtest."))
        cls.sandbox = Sandbox(cls.directory / "sandbox").start()
        aliases = cls.directory / "aliases"
        aliases.write_text("postmaster: root\n")
        # One mailbox which may also send as Tess: her From stays, all others
        # are rewritten.
        cls.sandbox.add_mailbox("alerts@contoso.com",
                                proxy_addresses=["tess@example.com"])
        cls.config = cls.sandbox.write_config(
            cls.directory / "mailbearer.conf", domain="contoso.com",
            hostname="host.example.org", local_mail_to="it@contoso.com",
            aliases=str(aliases), log=str(cls.directory / "log"),
            send_as="tess@example.com", spool=False,
            messages_per_minute=0)

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.stop()
        shutil.rmtree(cls.directory)

    @classmethod
    def replay(cls, directory):
        """Returns the facts for expected.json and the messages."""
        cls.sandbox.reset()
        argv = (directory / "argv").read_text().split("\n")[:-1]
        name = argv[0].rsplit("/", 1)[-1]
        command = [str(PROGRAM), "sendmail", "-C", cls.config,
                   *MODES.get(name, []), *argv[1:]]
        stdin = directory / "stdin.eml"
        given = stdin.read_bytes() if stdin.exists() else b""
        if "closed" in directory.name:
            result = run(["sh", "-c", 'exec "$@" <&-', "sh", *command])
        elif (directory / "smtp.txt").exists():
            result = run(command, smtp_input(directory))
        else:
            result = run(command, given if stdin.exists()
                         else subprocess.DEVNULL)
        messages = cls.sandbox.messages()
        facts = {
            "exit": result.code,
            "stdout": cls.printed(result.stdout),
            "stderr": [line for line in cls.printed(result.stderr)
                       if not line.startswith((">>> ", "220", "250", "235",
                                               "221", "354"))],
            "envelopes": [{"from": message.mail_from,
                           "to": sorted(r.address
                                        for r in message.recipients)}
                          for message in messages],
        }
        return facts, [normalise(m.data, given) for m in messages]

    @classmethod
    def printed(cls, text):
        text = re.sub(r"<[^<> ]+@[^<> ]+>.*\.OUTLOOK\.COM\]", "{server's id}",
                      text.replace(str(cls.directory), "{directory}"))
        return text.splitlines()

    def check(self, directory):
        facts, messages = self.replay(directory)
        self.assertEqual(facts, json.loads(
            (directory / "expected.json").read_text()))
        for message, path in zip(messages, expectations(directory)):
            self.assertEqual(message.decode("latin-1").splitlines(True),
                             path.read_bytes().decode("latin-1")
                             .splitlines(True))
        self.assertEqual(self.sandbox.violations(), [])


def expectations(directory):
    yield directory / "expected.eml"
    yield directory / "expected2.eml"


def recordings(names=()):
    return [path.parent for path in sorted(CALLERS.glob("*/argv"))
            if not names or path.parent.name in names]


def update(names):
    Corpus.setUpClass()
    try:
        for directory in recordings(names):
            facts, messages = Corpus.replay(directory)
            (directory / "expected.json").write_text(
                json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
            for message, path in zip(messages, expectations(directory)):
                path.write_bytes(message)
            if Corpus.sandbox.violations():
                print(directory.name, Corpus.sandbox.violations())
    finally:
        Corpus.tearDownClass()


def add_tests():
    for directory in recordings():
        def test(self, directory=directory):
            self.check(directory)
        setattr(Corpus, "test_" + directory.name.replace("-", "_"), test)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--update"]:
        update(sys.argv[2:])
    else:
        add_tests()
        unittest.main()
