"""What is neither sent nor kept is told twice: to the caller, and in one line
of the log, for cron and PHP show nobody what is on stderr."""
import json
import re
import unittest

from harness import PROGRAM, SIMPLE, SharedCase, run
from test_rules import Helpers


class Refusals(Helpers, SharedCase):
    def lines(self):
        """The log without its heads, and what it says of messages."""
        lines = [re.sub(r"^\S+ \S+: ", "", line)
                 for line in self.log_text().splitlines()]
        return [line for line in lines if not line.startswith("token ")]

    def assert_line(self, event, *wanted):
        """The log is this one line, with all of that in it."""
        lines = self.lines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(event + " "), lines)
        for part in (r"\buid=\d+ ", r" hint=\S", *wanted):
            self.assertRegex(lines[0], part)
        return lines[0]

    def test_before_anything_is_tried(self):
        for code, flags, text, what in [
                (64, [], SIMPLE, "no recipients"),
                (64, ["-t"], SIMPLE, "no recipients"),
                (64, ["-f", "a b c", "bob@example.net"], SIMPLE, "-f"),
                (64, ["-N", "bogus", "bob@example.net"], SIMPLE, "bogus"),
                (64, ["-Z"], SIMPLE, "-Z"),
                (64, ["x y z"], SIMPLE, "x y z"),
                (65, ["bob@example.net"], b"", "stdin is empty"),
                (65, ["bob@example.net"], SIMPLE + 3000 * b"x", "larger"),
                (65, ["bob@example.net"], 2002 * b"A: b\n", "2000")]:
            with self.subTest(flags=flags):
                self.log.unlink(missing_ok=True)
                self.config(max_message_size="2K" if what == "larger" else
                            "150M")
                self.assert_failed(self.sendmail(*flags, stdin=text), code,
                                   what, "")
                self.assert_line("refused", f"exit={code} ", re.escape(what))

    def test_who_only_asks_is_not_logged(self):
        self.config()
        self.assertEqual(self.sendmail("-bp", "-Z").code, 64)
        self.assertEqual(self.sendmail("-bi", "-N", "bogus").code, 64)
        self.assertEqual(self.lines(), [])

    # ---------------------------------- unusable ones among usable ones

    def queue(self, *words):
        result = run([str(PROGRAM), "queue", *words, "-C",
                      str(self.directory / "mailbearer.conf")], b"")
        self.assertEqual(result.code, 0, result.stderr)
        return json.loads(result.stdout) if "--json" in words else \
            result.stdout

    def assert_left_out(self, result, to, *unusable):
        """Who is usable has his mail; all others are on stderr and in the log;
        and those who were meant for somebody are in failed/."""
        self.assertEqual((result.code, result.stdout), (0, ""))
        message, = self.sandbox.messages()
        self.assertEqual(sorted(r.address for r in message.recipients), to)
        logged = [line for line in self.lines()
                  if line.startswith("unusable-recipient ")]
        said = result.stderr.splitlines()
        self.assertEqual(len(said), len(logged))
        for line, entry in zip(said, logged):
            head, names = line.split(": ", 2)[1:]
            self.assertEqual(head, f"left out {len(unusable)} unusable "
                             f"recipient{'s' * (len(unusable) > 1)}")
            self.assertRegex(entry, rf" uid=\d+ count={len(unusable)} "
                             rf'given="?{re.escape(names)}"?$')
        names = ", ".join(line.split(": ", 2)[2] for line in said)
        self.assertEqual(names, ", ".join(unusable))
        for line in self.lines():
            if line not in logged:
                self.assertNotIn(unusable[0], line)
        meant = [text for text in unusable if "@" in text]
        failed = self.queue("failed", "--json")
        self.assertEqual(len(failed), bool(meant))
        for message in failed:
            self.assertEqual(
                [(r["address"], r["state"], r["enhanced"])
                 for r in message["recipients"]],
                [(text, "unusable", "5.1.3") for text in meant])
            self.assertTrue(message["reason"]["hint"])

    def test_each_unusable_argument_is_named(self):
        self.spooling()
        self.assert_left_out(
            self.sendmail("bob@example.net", "a@b@c", "x y z"),
            ["bob@example.net"], "a@b@c", "x y z")

    def test_each_unusable_entry_of_a_header_is_named(self):
        self.spooling()
        self.assert_left_out(
            self.sendmail("-t", stdin=b"To: a@x b@y; c@z.example\n"
                          b"Cc: <bob@example.net\n" + SIMPLE),
            ["c@z.example"], "a@x b@y", "<bob@example.net")

    def test_what_is_nobody_s_is_not_in_failed(self):
        self.spooling()
        self.assert_left_out(
            self.sendmail("-t", stdin=b"To: bob@example.net, set escape,\n"
                          b" van Gogh, Jo <jo@example.net>\n" + SIMPLE),
            ["bob@example.net", "jo@example.net"], "set escape", "van Gogh")

    def test_requeued_it_comes_back_for_those_who_are_no_address(self):
        """Nobody else is told of them, and who was refused is tried again."""
        self.spooling()
        self.sandbox.scenario("reply@rcpt=550 5.1.1 no such person", times=1)
        result = self.sendmail("bob@example.net", "a@b@c")
        self.assertEqual(result.code, 67)
        self.assertIn("no such person", result.stderr)
        message, = self.queue("failed", "--json")
        states = {r["address"]: r["state"] for r in message["recipients"]}
        self.assertEqual(states, {"bob@example.net": "refused",
                                  "a@b@c": "unusable"})
        listed = self.queue("failed")
        self.assertRegex(listed, r"<bob@example\.net>")
        self.assertRegex(listed, r"<a@b@c>")
        self.queue("requeue", message["id"])
        self.assertEqual(self.sendmail("-q").code, 0)
        delivered, = self.sandbox.messages()
        self.assertEqual([r.address for r in delivered.recipients],
                         ["bob@example.net"])
        message, = self.queue("failed", "--json")
        states = {r["address"]: r["state"] for r in message["recipients"]}
        self.assertEqual(states, {"bob@example.net": "delivered",
                                  "a@b@c": "unusable"})
        self.assertRegex(self.log_text(), r"(?m): given-up id=\S+ exit=64 "
                         r'.*error="the recipient is no address"')
        # With nobody left to try it stays.
        log = self.log_text()
        refused = run([str(PROGRAM), "queue", "-C",
                       str(self.directory / "mailbearer.conf"), "requeue",
                       message["id"]], b"")
        self.assertEqual(refused.code, 65, refused.stderr)
        self.assertIn("has nobody left who could be tried", refused.stderr)
        self.assertIn("hint: ", refused.stderr)
        self.assertEqual(len(self.queue("failed", "--json")), 1)
        self.assertEqual(self.spooled(), [])
        self.assertEqual(self.log_text(), log)

    def test_who_waits_waits_without_them(self):
        self.spooling()
        self.sandbox.scenario("reply@mail=421 4.3.2 Closing for tea", times=1)
        self.assertEqual(self.sendmail("bob@example.net", "a@b@c").code, 0)
        message, = self.queue("--json")
        self.assertEqual([r["address"] for r in message["recipients"]],
                         ["bob@example.net"])
        self.queue("retry")
        self.assertEqual((len(self.spooled()), len(self.spooled("failed"))),
                         (0, 1))
        self.assertNotIn("given-up", self.log_text())

    def test_they_change_no_exit_code(self):
        """Neither without a spool nor where failed/ takes nothing."""
        self.config()
        self.assertEqual(self.sendmail("bob@example.net", "a@b@c").code, 0)
        self.spooling(spool_reserve="1024G")
        self.assertEqual(self.sendmail("bob@example.net", "a@b@c").code, 0)
        self.assertIn("refused message not kept in failed/", self.log_text())

    def test_many_unusable_ones_take_several_lines(self):
        self.spooling()
        unusable = [f"no {i} {100 * 'x'}" for i in range(60)]
        result = self.sendmail("bob@example.net", *unusable)
        self.assert_left_out(result, ["bob@example.net"], *unusable)
        self.assertGreater(len(result.stderr.splitlines()), 1)

    def test_a_full_spool(self):
        self.spooling(spool_reserve="1024G")
        self.assert_failed(self.sendmail("-odq", "bob@example.net"), 73,
                           "cannot be kept: the spool's disk is full", "free")
        self.assert_line("refused", "to=bob@example.net", "exit=73 ",
                         "cannot be kept: the spool's disk is full")

    def test_a_full_spool_and_a_server_that_is_busy(self):
        """The server's words are there, and that the mail is not kept."""
        self.spooling(spool_reserve="1024G")
        self.sandbox.scenario("reply@mail=421 4.3.2 Closing for tea")
        result = self.sendmail("bob@example.net")
        self.assert_failed(result, 73, "cannot be kept: .*421 4.3.2 Closing "
                           "for tea", "free space")
        self.assert_line("refused", "to=bob@example.net", "exit=73 ",
                         "reply=421 ", "cannot be kept", "Closing for tea")

    def test_a_temporary_failure_is_one_line(self):
        self.spooling()
        self.sandbox.scenario("reply@rcpt:bob@example.net=451 4.2.1 Later")
        result = self.sendmail("bob@example.net", "carol@example.net")
        self.assertEqual((result.code, result.stderr), (0, ""))
        sent, spooled = sorted(self.lines())
        self.assertRegex(sent, r"^sent .* to=carol@example.net nrcpt=1 ")
        self.assertRegex(spooled, r"^spooled id=\S+ uid=\d+ account=alerts .* "
                         r"to=bob@example.net nrcpt=1 .*reply=451 .*hint=")

    def test_without_a_spool_the_line_says_that_it_went_back(self):
        self.config()
        self.sandbox.scenario("not_available")
        self.assertEqual(self.sendmail("bob@example.net").code, 75)
        self.assert_line("refused", "to=bob@example.net", "exit=75 ")

    def test_only_queued(self):
        self.spooling()
        self.assertEqual(self.sendmail("-odq", "a@example.net",
                                       "b@example.net").code, 0)
        line, = self.lines()
        self.assertRegex(line, r"^spooled id=\S+ uid=\d+ bytes=2\d .*"
                         r"to=a@example.net,b@example.net nrcpt=2$")

    # ------------------------------------------------------- -bs

    def smtp(self, *recipients, text=SIMPLE):
        dialogue = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\n" + b"".join(
            b"RCPT TO:<%s>\r\n" % r.encode() for r in recipients)
        return run(self.command("-bs"), dialogue + b"DATA\r\n" +
                   text.replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n")

    def test_an_smtp_client_whose_message_is_too_large(self):
        self.config(max_message_size="2K")
        result = self.smtp("bob@example.net", text=SIMPLE + 3000 * b"x" + b"\n")
        self.assertRegex(result.stdout, "(?m)^552 5.3.4 ")
        self.assertEqual(result.stderr, "")
        self.assert_line("refused", "exit=65 ", "larger")

    def test_an_smtp_client_hears_who_was_refused(self):
        self.spooling()
        self.sandbox.scenario("reply@rcpt:nobody@example.net="
                              "550 5.1.1 no such person")
        result = self.smtp("bob@example.net", "nobody@example.net")
        self.assertRegex(result.stdout, r"(?m)^250 2\.0\.0 1 delivered, 1 "
                         r"refused: .*nobody@example\.net.*no such person\r?$")
        self.assertEqual(len(self.spooled("failed")), 1)


if __name__ == "__main__":
    unittest.main()
