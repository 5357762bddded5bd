#!/usr/bin/env python3
"""Smuggling: what smuggling.py tries leaves as one message or not at all, and
two servers that share no code with each other or with us, Postfix and Exim, store
what the sandbox does, with BDAT and with DATA."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import foreign_servers
import smuggling
from foreign_servers import Exim, Postfix
from harness import PROGRAM, SharedCase, run

OWN_FIELDS = re.compile(rb"^(Date|Message-ID): .*$", re.M)


def reason_to_skip():
    if not foreign_servers.are_there():
        return "run tests/foreign-servers, as ./bootstrap check does"
    if not foreign_servers.may_mount():
        return "cannot make a mount namespace"
    return ""


def as_stored(data):
    """Without what differs from run to run; line ends are LF on disk."""
    return OWN_FIELDS.sub(rb"\1: some", data.replace(b"\r\n", b"\n"))


@unittest.skipIf(reason_to_skip(), reason_to_skip())
class Smuggling(SharedCase):
    def configure(self, name, port, **changes):
        state = self.directory / f"state-{name}"
        state.mkdir(mode=0o750)
        aliases = self.directory / "aliases"
        aliases.write_text(smuggling.ALIASES, encoding="ascii")
        return self.sandbox.write_config(
            self.directory / f"{name}.conf", port=port, spool=False,
            state_directory=str(state), messages_per_minute=0,
            log=str(self.log), aliases=str(aliases),
            local_mail_to="it@contoso.com", **changes)

    def send(self, config):
        """All rows, two at a time: the mailbox takes three.  Returns the exit
        codes."""
        def one(numbered):
            own = f"row{numbered[0]:03}@example.net"
            row = numbered[1]
            return run([str(PROGRAM), "sendmail", "-C", config] +
                       [flag.replace("{own}", own) for flag in row.flags],
                       row.stdin.replace(b"{own}", own.encode())).code
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, enumerate(smuggling.TABLE)))

    def reference(self):
        """What the sandbox got: {recipient: [message]}, and the exit codes."""
        codes = self.send(self.configure("sandbox", self.sandbox.smtp_port))
        self.assertEqual(self.sandbox.violations(), [])
        found = {}
        for message in self.sandbox.messages():
            for recipient in message.recipients:
                found.setdefault(recipient.address, []).append(
                    as_stored(message.data))
        return found, codes

    def judge_reference(self, found, codes):
        self.assertNotIn("evil@victim.example", found)
        for number, (row, code) in enumerate(zip(smuggling.TABLE, codes)):
            with self.subTest(row.name):
                if row.code is not None:
                    self.assertEqual(code, row.code)
                self.assertEqual(len(found.get(f"row{number:03}@example.net",
                                               ())), code == 0)

    def compare(self, name, server, expected, codes):
        self.assertEqual(self.send(self.configure(name, server.port)), codes)
        stored = server.stored(sum(map(len, expected.values())))
        self.assertEqual(sorted(stored), sorted(expected))
        for recipient, messages in expected.items():
            number = re.match(r"row(\d+)", recipient)
            with self.subTest(smuggling.TABLE[int(number.group(1))].name
                              if number else recipient, server=name):
                self.assertEqual(sorted(map(as_stored, stored[recipient])),
                                 sorted(messages))

    def differ(self, chunking):
        """Nowhere."""
        if not chunking:
            self.sandbox.scenario("no_chunking")
            self.addCleanup(self.sandbox.clear)
        expected, codes = self.reference()
        self.judge_reference(expected, codes)
        place = pathlib.Path(tempfile.mkdtemp(prefix="mbtest."))
        self.addCleanup(shutil.rmtree, place)
        os.chmod(place, 0o755)
        for kind in (Postfix, Exim):
            server = kind(place / kind.__name__,
                          *self.sandbox.pki.server(), chunking)
            self.addCleanup(server.stop)
            self.compare(kind.__name__, server, expected, codes)

    def test_with_bdat(self):
        self.differ(True)

    def test_with_data(self):
        self.differ(False)


if __name__ == "__main__":
    unittest.main()
