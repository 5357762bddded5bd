#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Queue runs against mail servers that read from a script: several messages in
flight, and answers that a server may give to them."""
import collections
import re
import subprocess
import time
import unittest

from harness import PROGRAM, run, strace_works
from hostile_case import HostileCase
from hostile_dialogues import CHUNKS, SECURE
from hostile_server import CHUNK, Drip, END, HALF, Pause, RESET, WAIT

PATIENCE = 30       # seconds, for what happens elsewhere

# One letter for each message: d delivered, w waits, f failed; in capitals if the
# log says that it may be a duplicate.
Row = collections.namedtuple("Row", "name script states")
OK = "<250 2.0.0 ok"
SAID = (">MAIL", ">RCPT", ">BDAT", CHUNK)
TAKEN = (OK, OK, OK)
FIRST = SECURE + (CHUNKS, ">AUTH", "<235 ok") + SAID + TAKEN
# The second and the third are on their way.
BOTH = FIRST + SAID + (">RSET",) + SAID


def row(name, states, *answers):
    """What follows BOTH; nobody answers on another connection."""
    return Row(name, [BOTH + answers, (END,)], states)


def at_each_answer(name, states, *answers):
    """The same in place of each answer to the second message."""
    return [row(f"{name}, for {step} of the second", states,
                *TAKEN[:number], *answers)
            for number, step in enumerate(("MAIL", "RCPT", "BDAT"))]


def at_first(name, states, answer):
    """In place of the first recipient, while nothing else is in flight: whether
    the others have their turn is the runner's to say."""
    return Row(f"{name}, for the first", [
        SECURE + (CHUNKS, ">AUTH", "<235 ok") + SAID +
        (OK, answer, "<503 5.5.1 no", ">RSET") + SAID + (OK,) + TAKEN + SAID +
        TAKEN, (END,)], states)


UNSERVED = (OK, "<530 5.7.1 Authentication required", "<503 5.5.1 no")
TABLE = [
    # What is said of one recipient stops nobody else's mail.
    at_first("no such user", "fdd", "<550 5.1.1 no"),
    at_first("a full mailbox", "wdd", "<552 5.2.2 Quota exceeded (mailbox for "
             "user is full)"),
    at_first("a full mailbox with another code", "wdd",
             "<554 5.2.2 mailbox full"),
    at_first("a sender's domain that is not known", "wdd",
             "<550 5.1.8 Sender address rejected: Domain not found"),
    at_first("one domain that is not relayed", "wdd",
             "<554 5.7.1 <r0@example.net>: Relay access denied"),
    # And what is the host's fault gives up nobody's.
    Row("a relay that has forgotten this host", [
        SECURE + (CHUNKS, ">AUTH", "<235 ok") + SAID + UNSERVED +
        ((">RSET",) + SAID + (OK,) + UNSERVED) * 2, (END,)], "www"),
    at_first("no connector", "wdd",
             "<550 5.7.64 TenantAttribution; Relay Access Denied"),
    row("an honest server", "ddd", *TAKEN, OK, *TAKEN),
    row("drop by drop", "ddd", Drip(b"250-2.0.0 a\r\n250 2.0.0 b\r\n" * 3),
        OK, *TAKEN),
    row("the second is put off", "dwd", OK, OK, "<451 4.3.0 later", OK,
        *TAKEN),
    row("the second is refused", "dfd", OK, OK, "<554 5.6.0 no", OK, *TAKEN),
    row("its recipient is refused", "dfd", OK, "<550 5.1.1 no",
        "<503 5.5.1 no", OK, *TAKEN),
    row("its recipient is one too many", "dwd", OK, "<452 4.5.3 enough",
        "<503 5.5.1 no", OK, *TAKEN),
    *at_each_answer("421", "dww", "<421 4.3.2 bye", END),
    *at_each_answer("closed", "dWW", END),
    *at_each_answer("reset", "dWW", RESET),
    *at_each_answer("half closed", "dWW", HALF, WAIT),
    *at_each_answer("354", "dWW", "<354 go", *TAKEN, *TAKEN),
    *at_each_answer("199", "dWW", "<199 go", *TAKEN, *TAKEN),
    *at_each_answer("999", "dWW", "<999 go", *TAKEN, *TAKEN),
    *at_each_answer("another code in the next line", "dWW",
                    "<250-ok\r\n550 no", *TAKEN, *TAKEN),
    row("taken although its sender was refused", "dWW", "<451 4.1.8 no",
        "<503 5.5.1 no", *TAKEN, *TAKEN),
    row("RSET is not answered", "ddW", *TAKEN, *TAKEN, END),
    row("RSET is refused", "ddw", *TAKEN, "<502 5.5.1 what?",
        "<503 5.5.1 nested", "<503 5.5.1 no", "<503 5.5.1 no"),
    row("the answers come once, for both", "ddW", *TAKEN, END),
    # Where its end comes a moment too late the others have been said.
    Row("closed when the second is to begin", [
        FIRST + (END,),
        SECURE + (CHUNKS, ">AUTH", "<235 ok") + SAID + TAKEN + SAID + TAKEN],
        r"d(dd|W[.W])"),
    Row("half closed when the second is to begin", [
        FIRST + (HALF, END),
        SECURE + (CHUNKS, ">AUTH", "<235 ok") + SAID + TAKEN + SAID + TAKEN],
        r"d(dd|W[.W])"),
    Row("no CHUNKING any more", [
        FIRST + SAID + ("<250 ok", "<250 ok", "<502 5.5.1 what?", WAIT),
        (END,)], "d.."),
]


class HostileRun(HostileCase):
    def queue(self, script, *bodies, **settings):
        """A spool with messages for a server with this script; the command
        that sends them."""
        played = self.server(script)
        settings = {"messages_per_minute": 0, **settings}
        config = self.sandbox.write_config(
            played.here / "mailbearer.conf", port=played.server.port,
            spool=True, ca_file=str(self.ca_file), **played.settings(),
            **settings)
        for number, body in enumerate(bodies):
            done = self.sendmail(
                "-odq", f"r{number}@example.net", config=config,
                stdin=b"Subject: %d\n\n" % number + body)
            self.assertEqual((done.code, done.stderr), (0, ""))
        return played, [str(PROGRAM), "sendmail", "-C", config, "-q"]

    def states(self, played, count):
        letters = {"sent": "d", "deferred": "w", "failed": "f"}
        states = ["."] * count
        for line in played.log().decode().splitlines():
            seen = re.search(r" (sent|deferred|failed) .*\bto=r(\d)@", line)
            if seen:
                letter = letters[seen[1]]
                states[int(seen[2])] = letter.upper() \
                    if "possible-duplicate=yes" in line else letter
        return "".join(states)

    def test_the_table(self):
        for case in TABLE:
            with self.subTest(case.name):
                played, command = self.queue(case.script, *[b"x\n"] * 3)
                try:
                    played.result = run(command, timeout=60)
                finally:
                    played.server.stop()
                self.judge_words(played)
                states = self.states(played, 3)
                self.assertRegex(states, f"^{case.states}$", str(played))
                waiting = sum(letter in "wW." for letter in states)
                self.assertEqual(played.kept(), (waiting, states.count("f")),
                                 str(played))

    def test_a_late_transaction_is_not_said_in_vain(self):
        """The first of three takes longer than there is time for all: what is
        begun then would be delivered, not be heard, and come again."""
        late = (OK, OK, Drip(b"250-2.0.0 " + b"x" * 60 + b"\r\n"), OK)
        first = SECURE + (CHUNKS, ">AUTH", "<235 ok") + SAID + late
        for name, verbs in (("a caller", (">QUIT",)), ("a run", (SAID + TAKEN) * 2)):
            with self.subTest(name):
                played = self.server([first + verbs, (END,)])
                config = self.sandbox.write_config(
                    played.here / "mailbearer.conf", send_timeout="2s",
                    port=played.server.port, spool=True, max_recipients=1,
                    messages_per_minute=0, ca_file=str(self.ca_file),
                    **played.settings())
                people = [f"r{n}@example.net" for n in range(3)]
                is_run = name == "a run"
                played.result = self.sendmail(
                    *(("-odq",) if is_run else ()), *people, config=config)
                if is_run:
                    run([str(PROGRAM), "sendmail", "-C", config, "-q"])
                played.server.stop()
                self.judge_words(played)
                self.assertEqual(played.result.code, 0)
                self.assertNotIn(b"possible-duplicate", played.log())
                self.assertEqual(
                    (len(played.server.messages), *played.kept()),
                    (3, 0, 0) if is_run else (1, 1, 0), str(played))

    def test_those_behind_a_slow_answer_have_all_their_time(self):
        """The first answer takes longer than send-timeout, which the second
        spends waiting for its turn."""
        late = (OK, OK, Drip(b"250-2.0.0 " + b"x" * 100 + b"\r\n"), OK)
        played, command = self.queue([
            SECURE + (CHUNKS, ">AUTH", "<235 ok") + SAID + late + SAID +
            (">RSET",) + SAID + TAKEN + (OK,) + TAKEN, (END,)],
            *[b"x\n"] * 3, send_timeout="4s")
        played.result = run(command)
        played.server.stop()
        self.judge_words(played)
        self.assertEqual((self.states(played, 3), played.kept()),
                         ("ddd", (0, 0)), str(played))

    @unittest.skipUnless(strace_works(), "needs strace that may trace")
    def test_who_never_left_and_has_to_wait_was_not_sent(self):
        """The server hangs up while others are held, and when they would go
        again the minute is full."""
        again = FIRST[:-len(SAID + TAKEN)] + (SAID + TAKEN) * 3
        played, command = self.queue([FIRST + (Pause(0.1), END), again, again],
                                     *[b"x\n"] * 4, messages_per_minute=4)
        played.result = run(["strace", "-f", "-qq", "-o", "/dev/null", "-e",
                             "trace=fstatfs", "-e",
                             "inject=fstatfs:delay_enter=80000", *command])
        played.server.stop()
        self.assertNotIn(b"possible-duplicate", played.log())
        queue = run([str(PROGRAM), "queue", *command[2:4]])
        self.assertEqual(queue.code, 0, queue.stderr)
        self.assertNotIn("answer unknown", queue.stdout)

    def test_what_was_answered_is_written_down_before_a_long_message(self):
        """Half a minute of data, and then the machine may go down."""
        played, command = self.queue(
            BOTH + TAKEN + (OK,) + TAKEN +
            (">MAIL", ">RCPT", OK, OK, ">BDAT", WAIT),
            *[b"x\n"] * 3, (b"0123456789" * 7 + b"\n") * 30000)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as runner:
            try:
                end = time.monotonic() + PATIENCE
                while not any(line.startswith(b"BDAT 2") for line in
                              played.server.heard) and time.monotonic() < end:
                    time.sleep(0.01)
                waiting, _ = played.kept()
            finally:
                runner.kill()
        played.server.stop()
        self.assertEqual(played.server.complaints, [])
        self.assertEqual((waiting, self.states(played, 4)), (1, "ddd."))


if __name__ == "__main__":
    unittest.main()
