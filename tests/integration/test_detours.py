# SPDX-License-Identifier: ISC
"""What a server cannot do costs nobody a message: it is gone around within the
attempt, and the processes that come after know (src/queue/peer.c)."""
import collections
import unittest

import harness
from harness import PROGRAM, run
from hostile_case import HostileCase
from hostile_dialogues import AUTH, BEFORE_TLS, CHUNKS, HONEST_END, SECURE
from hostile_server import DATA, END, HELLO, RESET, WAIT

HONEST = AUTH + ("<235 ok",) + HONEST_END
CLOSES_AT_HELLO = BEFORE_TLS + ("<220 go", HELLO, END)
CLOSES_AT_AUTH = AUTH + ("<500 5.5.2 Line too long", END)
TO_MAIL = SECURE + (CHUNKS, ">AUTH", "<235 ok", ">MAIL", ">RCPT")
# A large one's BDAT follows the answers to its envelope.
TO_BDAT = TO_MAIL + ("<250 ok", "<250 ok", ">BDAT")
BY_DATA = TO_MAIL + (">DATA", "<250 ok", "<250 ok", "<354 go", DATA, "<250 ok")
NO_BDAT = TO_BDAT + ("<502 5.5.2 Error: command not recognized", WAIT)
TWO_STEPS = AUTH + ("<334 ", ">", "<235 ok") + HONEST_END
NOBODY = (END,)         # comes as often as that

LARGE = harness.SIMPLE + (b"x" * 70 + b"\n") * 40000

# The exit code of each send, and a script for each connection that they make.
Row = collections.namedtuple("Row", "name stdin codes scripts learned")

TABLE = (
    Row("nothing to go around", harness.SIMPLE, (0, 0), [HONEST, HONEST],
        False),
    Row("a session that is to be resumed", harness.SIMPLE, (0, 0, 0, 0),
        [HONEST, CLOSES_AT_HELLO, HONEST, HONEST, HONEST], True),
    Row("the end after a long line of AUTH", harness.SIMPLE, (0, 0),
        [CLOSES_AT_AUTH, TWO_STEPS, TWO_STEPS], True),
    Row("a long line of AUTH not answered", harness.SIMPLE, (0, 0),
        [AUTH + (END,), TWO_STEPS, TWO_STEPS], True),
    Row("a reset after a long line of AUTH", harness.SIMPLE, (0, 0),
        [AUTH + (RESET,), TWO_STEPS, TWO_STEPS], True),
    Row("nor is one that is said in two steps", harness.SIMPLE, (75, 0),
        [AUTH + (END,), AUTH + (END,), HONEST], False),
    Row("a long line of AUTH answered twice", harness.SIMPLE, (0, 0),
        [AUTH + (b"500 5.5.2 Line too long\r\n500 5.5.1 Unknown\r\n", WAIT),
         TWO_STEPS, TWO_STEPS], True),
    Row("BDAT refused while it is said", LARGE, (0, 0),
        [NO_BDAT, BY_DATA, BY_DATA], True),
    Row("hung up while BDAT is said", LARGE, (75, 0),
        [TO_BDAT + (RESET,), BY_DATA], True),
)


class Detours(HostileCase):
    def serve(self, scripts):
        """The server, and a config for it."""
        played = self.server(scripts + [NOBODY])
        self.addCleanup(played.server.stop)
        return played, self.sandbox.write_config(
            played.here / "mailbearer.conf", port=played.server.port,
            spool=False, ca_file=str(self.ca_file), **played.settings())

    def play(self, row):
        played, config = self.serve(row.scripts)
        for code in row.codes:
            played.result = run(
                [str(PROGRAM), "sendmail", "-C", config, "bob@example.net"],
                row.stdin, timeout=60)
            self.assertEqual(played.result.code, code, str(played))
            self.assertEqual(played.result.stderr == "", code == 0)
        self.judge_words(played)
        self.assertEqual(played.server.script, [NOBODY], str(played))
        self.assertEqual(len(played.server.messages),
                         row.codes.count(0))
        self.assertEqual(any((played.here / "state").glob("peer-*[0-9a-f]")),
                         row.learned)

    def test_they_are_made_once(self):
        for row in TABLE:
            with self.subTest(row.name):
                self.play(row)

    def test_check_makes_them_too(self):
        played, config = self.serve([
            CLOSES_AT_AUTH, AUTH + ("<334 ", ">", "<235 2.7.0 in", ">MAIL",
                                    "<250 ok", ">RSET", "<250 ok")])
        played.result = run([str(PROGRAM), "check", "-C", config], b"",
                            timeout=60)
        self.assertRegex(played.result.stdout, r"(?m)^ok +AUTH +235 2\.7\.0 in",
                         str(played))


if __name__ == "__main__":
    unittest.main()
