"""make bench-check as a test: no count is worse than the recorded one.

A count that has to grow is recorded anew with `make bench-record`, in the commit
that makes it grow and says why.
"""
import os
import sys
import unittest

import harness

sys.path.insert(0, str(harness.TOP / "tests" / "bench"))
from mbbench import clients, counts, measure  # noqa: E402
from mbbench.world import World  # noqa: E402

RECORDED = harness.TOP / "tests" / "bench" / "counts.json"
# Where `timed` was built.
TOOLS = os.environ.get("MAILBEARER_BENCH",
                       str(harness.TOP / "build" / "tests" / "bench"))


class Counts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with World(for_counting=True) as world, \
                measure.Tools(TOOLS) as tools:
            ours = clients.Mailbearer(world, harness.PREFIX)
            cls.taken = counts.take(tools, ours)
            cls.here = counts.surroundings(ours)
        cls.kept = counts.load(RECORDED)

    def compare(self, what):
        sends = [send for send in self.taken if what in self.taken[send]]
        self.assertNotEqual(sends, [])
        for send in sends:
            now = self.taken[send][what]
            word, before, why = counts.verdict(self.kept, self.here, send,
                                               what, now)
            if word == "skipped":
                self.skipTest(why)
            self.assertNotEqual(word, "WORSE", "%s, %s: %s -> %s" % (
                what, send, before, now))


def add_tests():
    """One test for each rule, so that what is skipped is counted."""
    for what in counts.RULES:
        setattr(Counts, "test_" + what,
                lambda self, what=what: self.compare(what))


add_tests()

if __name__ == "__main__":
    unittest.main()
