#!/usr/bin/env python3
"""Hostile token endpoints: for each answer of hostile_answers.py the exit code,
no secret and no control character on stderr or in the log, nothing sent with
what is no token, a message kept or refused as the exit code says, within bounded
time."""
import concurrent.futures
import pathlib
import tempfile
import unittest

import hostile_answers
from harness import PROGRAM, SECRET, SIMPLE, SharedCase, run, secret_in
from hostile_certificates import Certificates
from hostile_server import Server
from test_hostile_server import UNPRINTABLE

AT_ONCE = 4
MEMORY = 64 * 1024      # KB of data: libcurl's too


class HostileEndpoint(SharedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        place = cls.top / "certificates"
        place.mkdir()
        cls.certificates = Certificates(place)
        cls.ca_file = cls.top / "trusted.pem"
        cls.ca_file.write_text(
            pathlib.Path(cls.sandbox.ca_file).read_text() +
            pathlib.Path(cls.certificates.ca_file).read_text())

    def play(self, row, spool):
        here = pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        for name in ("state", "spool"):
            (here / name).mkdir(mode=0o750)
        token = self.sandbox.token().encode()
        server = Server(self.certificates, tuple(
            step.replace(b"@TOKEN@", token) if isinstance(step, bytes)
            else step for step in row.script))
        config = self.sandbox.write_config(
            here / "mailbearer.conf", spool=spool, log=str(here / "log"),
            authority=f"https://localhost:{server.port}", send_timeout="2s",
            state_directory=str(here / "state"), messages_per_minute=0,
            spool_directory=str(here / "spool"), ca_file=str(self.ca_file))
        recipient = f"{here.name}@example.net"
        try:
            result = run(
                ["sh", "-c", f'ulimit -d {MEMORY}; exec "$@"', "sh",
                 str(PROGRAM), "sendmail", "-C", config, recipient], SIMPLE)
        finally:
            server.stop()
        log = (here / "log").read_bytes() if (here / "log").exists() else b""
        kept = [sum(1 for _ in (here / "spool").glob(f"{place}/*"))
                for place in ("new", "failed")]
        return result, server, log, kept, recipient

    def judge(self, row, spool, played):
        result, server, log, (waiting, failed), recipient = played
        told = f"{result}, heard {server.heard}, log {log[-400:]!r}"
        self.assertEqual(server.complaints, [], told)
        self.assertIsNone(secret_in(log), told)
        for text in (result.stderr, log.decode("utf-8", "replace")):
            self.assertIsNone(UNPRINTABLE.search(text), told)
            for n in range(len(SECRET) - 7):
                self.assertNotIn(SECRET[n:n + 8].lower(), text.lower(), told)
        self.assertEqual(result.stdout, "", told)
        self.assertLessEqual(len(result.stderr), 8000, told)
        sent = sum(r.address == recipient for m in self.sandbox.messages()
                   for r in m.recipients)
        if not spool:
            if row.code is not None:
                self.assertEqual(result.code, row.code, told)
            self.assertRegex(result.stderr, row.says or "(?s).+", told)
            self.assertEqual(sent, result.code == 0, told)
            return
        self.assertEqual(result.code, 0, told)
        self.assertEqual((waiting, failed, sent),
                         (0, 0, 1) if row.code == 0 else (1, 0, 0), told)

    def table(self, rows):
        jobs = [(row, spool) for row in rows for spool in (False, True)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            played = pool.map(lambda job: self.play(*job), jobs)
            for (row, spool), outcome in zip(jobs, played):
                with self.subTest(row.name, spool=spool):
                    self.judge(row, spool, outcome)
        self.assertEqual(self.sandbox.violations(), [])

    def test_tokens(self):
        self.table(hostile_answers.TOKENS)

    def test_lives(self):
        self.table(hostile_answers.LIVES)

    def test_bodies(self):
        self.table(hostile_answers.BODIES)

    def test_the_secret_comes_back(self):
        self.table(hostile_answers.ECHOES)

    def test_http(self):
        self.table(hostile_answers.HTTP)

    def test_connections(self):
        self.table(hostile_answers.CUTS)


if __name__ == "__main__":
    unittest.main()
