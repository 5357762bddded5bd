#!/usr/bin/env python3
"""Hostile token endpoints: for each answer of hostile_answers.py the exit code,
no secret and no control character on stderr or in the log, nothing sent with
what is no token, a message kept or refused as the exit code says, within bounded
time."""
import concurrent.futures
import unittest

import hostile_answers
from harness import PROGRAM, SECRET, SIMPLE, run
from hostile_case import HostileCase

AT_ONCE = 4
MEMORY = 64 * 1024      # KB of data: libcurl's too


class HostileEndpoint(HostileCase):
    def play(self, row, spool):
        token = self.sandbox.token().encode()
        played = self.server(tuple(
            step.replace(b"@TOKEN@", token) if isinstance(step, bytes)
            else step for step in row.script))
        config = self.sandbox.write_config(
            played.here / "mailbearer.conf", spool=spool, send_timeout="2s",
            authority=f"https://localhost:{played.server.port}",
            messages_per_minute=0, ca_file=str(self.ca_file),
            **played.settings())
        recipient = f"{played.here.name}@example.net"
        try:
            played.result = run(
                ["sh", "-c", f'ulimit -d {MEMORY}; exec "$@"', "sh",
                 str(PROGRAM), "sendmail", "-C", config, recipient], SIMPLE)
        finally:
            played.server.stop()
        return played, recipient

    def judge(self, row, spool, played, recipient):
        self.judge_words(played)
        result, told = played.result, str(played)
        for text in (result.stderr, played.log().decode("utf-8", "replace")):
            for n in range(len(SECRET) - 7):
                self.assertNotIn(SECRET[n:n + 8].lower(), text.lower(), told)
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
        self.assertEqual((*played.kept(), sent),
                         (0, 0, 1) if row.code == 0 else (1, 0, 0), told)

    def table(self, rows):
        jobs = [(row, spool) for row in rows for spool in (False, True)]
        # Each has a state directory, and so connections, of its own.
        self.sandbox.scenario("concurrency", limit=AT_ONCE)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            played = pool.map(lambda job: self.play(*job), jobs)
            for (row, spool), outcome in zip(jobs, played):
                with self.subTest(row.name, spool=spool):
                    self.judge(row, spool, *outcome)
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
