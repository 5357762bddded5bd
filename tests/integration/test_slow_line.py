# SPDX-License-Identifier: ISC
"""A message that is large for its line: who waits for it is told what happened,
and a queue run, for which nobody waits, takes the time that it needs."""
import socket
import unittest

import harness
from harness import PROGRAM, run
from hostile_case import HostileCase
from hostile_server import Sip, STALL, WAIT

OPENING = ("<220 slow", ">EHLO", "<250-slow\r\n250 8BITMIME", ">MAIL",
           "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go")
# More than sockets hold, which is 4 MB.
LARGE = harness.SIMPLE + (b"x" * 71 + b"\n") * 110000
RATE = 1 << 20          # four seconds for what they do not hold
TIME = "3s"


class SlowLine(HostileCase):
    def serve(self, scripts, **config):
        played = self.server(scripts)
        self.addCleanup(played.server.stop)
        self.addCleanup(played.server.may_go_on.set)
        played.server.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                          32 << 10)
        return played, self.sandbox.write_config(
            played.here / "mailbearer.conf", port=played.server.port,
            tls="none", auth="none", app=None, send_timeout=TIME,
            **played.settings(), **config)

    def test_who_waits_is_told(self):
        played, config = self.serve(OPENING + (STALL,), spool=False)
        result = run([str(PROGRAM), "sendmail", "-C", config,
                      "bob@example.net"], LARGE, timeout=60)
        self.assertEqual(result.code, 75)
        self.assertRegex(result.stderr, r"send-timeout was over with \d+ of "
                         r"\d{7} octets handed to localhost\n")
        self.assertRegex(result.stderr, "hint: .* raise send-timeout")
        self.assertEqual(played.server.complaints, [])

    def test_a_run_takes_its_time(self):
        played, config = self.serve(
            [OPENING + (STALL, WAIT),
             OPENING + (Sip(RATE), "<250 2.0.0 ok", ">QUIT")], spool=True)
        result = run([str(PROGRAM), "sendmail", "-C", config,
                      "bob@example.net"], LARGE, timeout=60)
        self.assertEqual((result.code, played.kept()), (0, (1, 0)))
        self.assertIn(b"send-timeout was over with", played.log())
        played.server.may_go_on.set()
        result = run([str(PROGRAM), "sendmail", "-C", config, "-q"], b"",
                     timeout=120)
        self.assertEqual((result.code, result.stderr, played.kept()),
                         (0, "", (0, 0)), played.log())
        self.assertEqual(len(played.server.messages), 1)


if __name__ == "__main__":
    unittest.main()
