"""Many at once: nothing lost, nothing twice, and the mailbox's limits kept."""
import collections
import concurrent.futures
import time
import unittest

from harness import Case


class Storm(Case):
    SENDERS = 100

    def setUp(self):
        super().setUp()
        for name in ("spool", "state"):
            (self.directory / name).mkdir(mode=0o750)

    def waiting(self):
        return list((self.directory / "spool" / "new").glob("*"))

    def test_a_hundred_processes_against_three_connections(self):
        """The sandbox refuses the fourth connection with a 432."""
        self.config(spool=True, messages_per_minute=10000,
                    spool_directory=str(self.directory / "spool"),
                    state_directory=str(self.directory / "state"))
        with concurrent.futures.ThreadPoolExecutor(self.SENDERS) as pool:
            results = list(pool.map(
                lambda n: self.sendmail(f"r{n}@example.net"),
                range(self.SENDERS)))
        self.assertEqual([(r.code, r.stderr) for r in results],
                         [(0, "")] * self.SENDERS)
        deadline = time.monotonic() + 120
        while self.waiting() and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(self.waiting(), [])
        counts = collections.Counter(
            r.address for m in self.delivered(self.SENDERS)
            for r in m.recipients)
        self.assertEqual(set(counts.values()), {1})
        self.assertEqual(len(counts), self.SENDERS)
        self.assertEqual(len(self.sandbox.token_requests()), 1)
        self.assertLessEqual(self.sandbox.peak_connections(), 3)
        # Nor does anybody connect and wait outside for a token.
        self.assertLessEqual(self.sandbox.peak_open(), 3)
        self.assertNotIn("reply=432", self.log_text())

    def test_in_the_background(self):
        """-odb: the caller does not wait, and the mail goes at once."""
        self.config(spool=True,
                    spool_directory=str(self.directory / "spool"),
                    state_directory=str(self.directory / "state"))
        result = self.sendmail("-odb", "b@example.net")
        self.assertEqual((result.code, result.stderr), (0, ""))
        deadline = time.monotonic() + 60
        while self.waiting() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.delivered()

    def test_only_spooled(self):
        """-odq: it waits for a queue run."""
        self.config(spool=True,
                    spool_directory=str(self.directory / "spool"),
                    state_directory=str(self.directory / "state"))
        self.assertEqual(self.sendmail("-odq", "b@example.net").code, 0)
        time.sleep(1)
        self.assertEqual(self.sandbox.sessions(), [])
        self.assertEqual(len(self.waiting()), 1)
        self.assertEqual(self.sendmail("-q", stdin=None).code, 0)
        self.delivered()
        self.assertEqual(self.waiting(), [])


if __name__ == "__main__":
    unittest.main()
