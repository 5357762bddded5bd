# SPDX-License-Identifier: ISC
"""What a server cannot do costs nobody a message: it is gone around within the
attempt, and the processes that come after know (src/queue/peer.c)."""
import collections
import unittest

import harness
from harness import PROGRAM, run
from hostile_case import HostileCase
from hostile_dialogues import AUTH, BEFORE_TLS, HONEST_END
from hostile_server import END, HELLO

HONEST = AUTH + ("<235 ok",) + HONEST_END
CLOSES_AT_HELLO = BEFORE_TLS + ("<220 go", HELLO, END)
NOBODY = (END,)         # comes as often as that

# A script for each connection that so many sends are to make.
Row = collections.namedtuple("Row", "name sends scripts learned")

TABLE = (
    Row("nothing to go around", 2, [HONEST, HONEST], False),
    Row("a session that is to be resumed", 4,
        [HONEST, CLOSES_AT_HELLO, HONEST, HONEST, HONEST], True),
)


class Detours(HostileCase):
    def play(self, row):
        played = self.server(row.scripts + [NOBODY])
        self.addCleanup(played.server.stop)
        config = self.sandbox.write_config(
            played.here / "mailbearer.conf", port=played.server.port,
            spool=False, ca_file=str(self.ca_file), **played.settings())
        for _ in range(row.sends):
            played.result = run(
                [str(PROGRAM), "sendmail", "-C", config, "bob@example.net"],
                harness.SIMPLE, timeout=60)
            self.assertEqual((played.result.code, played.result.stderr),
                             (0, ""), str(played))
        self.judge_words(played)
        self.assertEqual(played.server.script, [NOBODY], str(played))
        self.assertEqual(len(played.server.messages), row.sends)
        self.assertEqual(any((played.here / "state").glob("peer-*[0-9a-f]")),
                         row.learned)

    def test_they_are_made_once(self):
        for row in TABLE:
            with self.subTest(row.name):
                self.play(row)


if __name__ == "__main__":
    unittest.main()
