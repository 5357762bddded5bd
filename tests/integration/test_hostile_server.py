#!/usr/bin/env python3
"""Hostile mail servers: for each dialogue of hostile_dialogues.py the exit code,
a named reason, nothing of a secret, no control character, and a message that is
kept or refused as the exit code says, within bounded time and memory."""
import concurrent.futures
import shutil
import unittest

import harness
import hostile_dialogues
from harness import PROGRAM, run
from hostile_case import HostileCase

# KB of data: what a message alone needs, and some more.  Sanitizers need theirs.
MEMORY = "unlimited" if harness.sanitizer_environment() else 24 * 1024
AT_ONCE = 12            # most of them just wait


class HostileServer(HostileCase):
    def warm(self):
        """A state directory with a token, so that only SMTP is left."""
        state = self.directory / "state"
        state.mkdir(mode=0o750)
        result = self.sendmail("bob@example.net", config=self.config(
            state_directory=str(state), ca_file=str(self.ca_file)))
        self.assertEqual((result.code, result.stderr), (0, ""))
        return [path for path in state.iterdir()
                if path.name.startswith("token-") and path.is_file()]

    def play(self, row, spool, tokens):
        """One call against one server.  Returns what came of it."""
        played = self.server(row.script)
        for token in tokens:
            shutil.copy2(token, played.here / "state")
        config = self.sandbox.write_config(
            played.here / "mailbearer.conf", port=played.server.port,
            spool=spool, ca_file=str(self.ca_file),
            send_timeout="1s" if "no answer" in row.says else "20s",
            **played.settings(), **(row.config or {}))
        try:
            played.result = run(
                ["sh", "-c", f'ulimit -d {MEMORY}; exec "$@"', "sh",
                 str(PROGRAM), "sendmail", "-C", config, "bob@example.net"],
                harness.SIMPLE, timeout=60)
        finally:
            played.server.stop()
        return played

    def judge(self, row, spool, played):
        self.judge_words(played)
        result, told = played.result, str(played)
        kept = spool and row.code in hostile_dialogues.KEPT
        if row.code is not None:
            self.assertEqual(result.code, 0 if kept else row.code, told)
        if not spool:
            self.assertRegex(result.stderr, row.says, told)
            self.assertLessEqual(len(result.lines()), 3, told)
            return
        if result.code != 0:
            self.assertEqual(played.kept(), (0, 1), told)
        elif row.code != 0:
            self.assertEqual(played.kept(), (1, 0), told)
        else:
            self.assertEqual(played.kept(), (0, 0), told)
            self.assertEqual(
                len({one.rstrip() for one in played.server.messages}), 1, told)

    def table(self, rows):
        tokens = self.warm()
        jobs = [(row, spool) for row in rows for spool in (False, True)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            played = pool.map(lambda job: self.play(*job, tokens), jobs)
            for (row, spool), outcome in zip(jobs, played):
                with self.subTest(row.name, spool=spool):
                    self.judge(row, spool, outcome)

    def test_an_honest_server(self):
        self.table(hostile_dialogues.CONTROLS)

    def test_starttls_is_stripped_or_forestalled(self):
        self.table(hostile_dialogues.STRIPPING)

    def test_tls_is_weak_or_abused(self):
        self.table(hostile_dialogues.VERSIONS)

    def test_certificates(self):
        self.table(hostile_dialogues.CERTIFICATES)

    def test_replies_are_malformed(self):
        self.table(hostile_dialogues.REPLIES)

    def test_replies_out_of_turn(self):
        self.table(hostile_dialogues.OUT_OF_TURN)

    def test_authentication(self):
        self.table(hostile_dialogues.AUTHENTICATION)

    def test_the_envelope(self):
        self.table(hostile_dialogues.ENVELOPE)

    def test_the_end_comes_at_every_step(self):
        self.table(hostile_dialogues.ENDS)

    def test_there_are_enough_of_them(self):
        names = [row.name for row in hostile_dialogues.TABLE]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(names), 80)


if __name__ == "__main__":
    unittest.main()
