#!/usr/bin/env python3
"""sendmail -bs: the SMTP server on stdin and stdout, as its callers use it."""
import os
import re
import subprocess
import tempfile
import unittest

from harness import PROGRAM, Case, SharedCase, field, limit_memory, run, \
    split_message

MESSAGE = (b"From: Web App <alerts@contoso.com>\r\nTo: bob@example.net\r\n"
           b"Subject: x\r\nDate: Sat, 21 Nov 2026 20:43:53 +0000\r\n\r\n"
           b"one\r\n..\r\ntwo\r\n")
TRANSACTION = (b"MAIL FROM:<alerts@contoso.com>\r\n"
               b"RCPT TO:<bob@example.net>\r\nDATA\r\n" + MESSAGE + b".\r\n")


class Talk:
    """A client that waits for each reply; stderr comes through the same pipe,
    as with Alpine and nmh."""

    def __init__(self, test, *flags, greeting="220 "):
        config = test.directory / "mailbearer.conf"
        if not config.exists():
            test.config()
        self.process = subprocess.Popen(
            [str(PROGRAM), "sendmail", "-C", str(config), "-bs", *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        test.addCleanup(self.close)
        self.test = test
        self.expect(greeting)

    def close(self):
        self.process.kill()
        self.process.communicate()

    def reply(self):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self.process.stdout.readline().decode()
            self.test.assertRegex(line, r"^\d{3}[ -].*\r\n$")
            self.test.assertLessEqual(len(line), 512)
            lines.append(line.rstrip())
        return "\n".join(lines)

    def expect(self, start):
        reply = self.reply()
        self.test.assertTrue(reply.splitlines()[-1].startswith(start),
                             f"{reply!r}, wanted {start}")
        return reply

    def say(self, line, start):
        self.process.stdin.write(line.encode() + b"\r\n")
        self.process.stdin.flush()
        return self.expect(start)

    def data(self, start="250 ", message=MESSAGE):
        self.say("DATA", "354 ")
        self.process.stdin.write(message)
        return self.say(".", start)

    def end(self, code=0):
        rest, _ = self.process.communicate(timeout=60)
        self.test.assertEqual((self.process.returncode, rest), (code, b""))


class Helpers:
    def blind(self, stdin, *flags):
        """A whole session in one write, whose replies nobody reads."""
        if not (self.directory / "mailbearer.conf").exists():
            self.config()
        result = run([str(PROGRAM), "sendmail", "-C",
                      str(self.directory / "mailbearer.conf"), "-bs", *flags],
                     stdin)
        self.assertEqual(result.stderr, "")
        return result

    def codes(self, result):
        for line in result.stdout.splitlines():
            self.assertRegex(line, r"^\d{3}[ -]")
        return re.findall(r"^(\d{3}) ", result.stdout, re.M)

    def recipients(self, message):
        return sorted(r.address for r in message.recipients)


class Smtpd(Helpers, SharedCase):
    # ------------------------------------------------------- clients

    def test_symfony(self):
        """HELO, several messages without RSET, NOOP and RSET in between."""
        talk = Talk(self)
        talk.say("HELO [127.0.0.1]", "250 ")
        for number in range(3):
            talk.say("MAIL FROM:<from@example.com>", "250 ")
            for name in ("alice", "carol"):
                talk.say(f"RCPT TO:<{name}{number}@example.com>", "250 ")
            self.assertIn("Hostname=", talk.data())
            talk.say("NOOP", "250 ")
        talk.say("RSET", "250 ")
        talk.say("QUIT", "221 ")
        talk.end()
        messages = self.delivered(3)
        self.assertEqual([self.recipients(m)[0] for m in messages],
                         [f"alice{n}@example.com" for n in range(3)])
        self.assertEqual(split_message(messages[0].data)[1],
                         b"one\r\n.\r\ntwo\r\n")
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    def test_alpine(self):
        talk = Talk(self, "-odb", "-oem")
        reply = talk.say("EHLO localhost", "250 ")
        for keyword in ("SIZE 157286400", "PIPELINING", "8BITMIME",
                        "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN"):
            self.assertRegex(reply, f"(?m)^250[ -]{keyword}$")
        talk.say("MAIL FROM:<tester@host.example.org>", "250 2.1.0")
        talk.say("RCPT TO:<alice@example.com>", "250 2.1.5")
        talk.say("RCPT TO:<alice@@example.com>", "553 5.1.3")
        talk.say("RSET", "250 2.0.0")
        talk.say("QUIT", "221 2.0.0")
        talk.end(64)
        self.assertEqual(self.sandbox.messages(), [])

    def test_nmh(self):
        """All recipients are tried and reset before the message is sent."""
        talk = Talk(self, "-odi", "-oem", "-om", "-ov")
        talk.say("EHLO host.example.org", "250 ")
        talk.say("VERB on", "500 ")
        for _ in range(2):
            talk.say("MAIL FROM:<tester> BODY=8BITMIME", "250 ")
            talk.say("RCPT TO:<alice@example.com>", "250 ")
            talk.say("RCPT TO:<root>", "250 ")
            talk.say("RSET", "250 ")
        talk.say("MAIL FROM:<tester> BODY=8BITMIME", "250 ")
        talk.say("RCPT TO:<alice@example.com>", "250 ")
        talk.say("RSET", "250 ")
        talk.say("QUIT", "221 ")
        talk.end()
        self.assertEqual(self.sandbox.messages(), [])

    def test_nmh_verbose(self):
        """-ov must not put a dialogue into the dialogue."""
        talk = Talk(self, "-odi", "-oem", "-ov")
        talk.say("EHLO host.example.org", "250 ")
        talk.say("MAIL FROM:<alerts@contoso.com>", "250 ")
        talk.say("RCPT TO:<alice@example.com>", "250 ")
        talk.data()
        talk.say("QUIT", "221 ")
        talk.end()
        self.delivered()

    def test_mailto_writes_all_at_once(self):
        result = self.blind(b"HELO localhost\r\n" + TRANSACTION +
                            b"QUIT\r\n")
        self.assertEqual(result.code, 0)
        self.assertEqual(self.codes(result), ["220", "250", "250", "250",
                                              "354", "250", "221"])
        self.delivered()

    def test_pipelined_transactions(self):
        """Input behind the dot is the next command, and is not lost."""
        result = self.blind(b"EHLO x\r\n" + TRANSACTION * 3 + b"QUIT\r\n")
        self.assertEqual(self.codes(result), ["220", "250"] +
                         ["250", "250", "354", "250"] * 3 + ["221"])
        self.delivered(3)

    def test_lines_that_end_in_lf_only(self):
        result = self.blind((b"HELO x\r\n" + TRANSACTION + b"QUIT\r\n")
                            .replace(b"\r\n", b"\n"))
        self.assertEqual(result.code, 0)
        self.assertEqual(split_message(self.delivered()[0].data)[1],
                         b"one\r\n.\r\ntwo\r\n")

    def test_no_greeting_is_needed(self):
        self.assertEqual(self.blind(TRANSACTION + b"QUIT\r\n").code, 0)
        self.delivered()

    def test_a_bare_cr_ends_no_message(self):
        """The end of data is a dot between line ends, however a hostile text
        is cut: nothing behind it becomes a command."""
        for inside in (b"a\r.\r\nMAIL FROM:<x@y.example>\r\n",
                       b"a\r.\rQUIT\r\n", b"\r\r.\r\r\nb\r\n"[:3] + b"b\r\n"):
            with self.subTest(inside=inside):
                self.sandbox.reset()
                result = self.blind(
                    b"HELO x\r\nMAIL FROM:<alerts@contoso.com>\r\n"
                    b"RCPT TO:<bob@example.net>\r\nDATA\r\n"
                    b"Subject: x\r\n\r\n" + inside + b".\r\nQUIT\r\n")
                self.assertEqual(self.codes(result)[-2:], ["250", "221"])
                self.delivered()

    def test_a_bare_lf_ends_no_message_where_commands_end_in_crlf(self):
        """A library stuffs dots behind CRLF only: the rest is what a stranger
        typed into a form, and must not become a second message."""
        smuggled = (b"MAIL FROM:<alerts@contoso.com>%sRCPT TO:<victim@x.example>"
                    b"%sDATA%sSubject: y%s%sspam%s.%s")
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n"):
            for line in (b"\n", b"\r\n"):
                with self.subTest(end=end, line=line):
                    self.sandbox.reset()
                    self.blind(
                        b"EHLO x\r\nMAIL FROM:<alerts@contoso.com>\r\n"
                        b"RCPT TO:<bob@example.net>\r\nDATA\r\n"
                        b"Subject: x\r\n\r\na" + end +
                        (smuggled % ((line,) * 7)).replace(b"\r\n.", b"\r\n..")
                        + b"\r\n.\r\nQUIT\r\n")
                    message, = self.delivered()
                    self.assertEqual(self.recipients(message),
                                     ["bob@example.net"])

    def test_local_names_and_display_forms(self):
        self.config(local_mail_to="it@contoso.com")
        result = self.blind(
            b"HELO x\r\nmail from: <alerts@contoso.com>\r\n"
            b"rcpt to: <root>\r\nRcpt To:bob@example.net\r\n"
            b'RCPT TO:<"a b"@example.net> NOTIFY=NEVER\r\n'
            b"data\r\n" + MESSAGE + b".\r\nquit\r\n")
        self.assertEqual(result.code, 0, result.stdout)
        self.assertEqual(self.recipients(self.delivered()[0]),
                         ['"a b"@example.net', "bob@example.net",
                          "it@contoso.com"])

    def test_null_sender(self):
        result = self.blind(b"HELO x\r\n" + TRANSACTION.replace(
            b"<alerts@contoso.com>", b"<>", 1) + b"QUIT\r\n")
        self.assertEqual(result.code, 0)
        message = self.delivered()[0]
        self.assertEqual(message.mail_from, "alerts@contoso.com")
        self.assertEqual(field(message.data, "Auto-Submitted"),
                         ["auto-generated"])

    def test_dsn_is_passed_on(self):
        self.blind(b"EHLO x\r\nMAIL FROM:<alerts@contoso.com> RET=HDRS "
                   b"ENVID=QQ314159\r\nRCPT TO:<bob@example.net> "
                   b"NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@example.net\r\n"
                   b"DATA\r\n" + MESSAGE + b".\r\nQUIT\r\n")
        message = self.delivered()[0]
        self.assertEqual(message.mail_params.get("RET"), "HDRS")
        self.assertEqual(message.mail_params.get("ENVID"), "QQ314159")
        self.assertEqual(message.recipients[0].params.get("NOTIFY"),
                         "SUCCESS,FAILURE")

    def test_bad_dsn_parameters(self):
        """None of them reaches the server, to fail there or worse."""
        talk = Talk(self)
        for parameter in ("RET=", "RET=some", "ENVID=", "ENVID=a+zz",
                          "ENVID=" + "x" * 101, "ENVID=a\rRSET",
                          "BODY=BINARYMIME", "SIZE=many", "SIZE=-1"):
            talk.say("MAIL FROM:<a@b.example> " + parameter, "501 5.5.4")
        talk.say("MAIL FROM:<a@b.example> RET=full ENVID=a+2B BODY=7bit "
                 "SMTPUTF8", "250 ")
        for parameter in ("NOTIFY=", "NOTIFY=never,success",
                          "NOTIFY=always", "ORCPT=bob\rRSET"):
            talk.say("RCPT TO:<bob@example.net> " + parameter, "501 5.5.4")
        talk.say("RCPT TO:<bob@example.net> NOTIFY=success,delay", "250 ")
        talk.data()
        talk.say("QUIT", "221 ")
        talk.end(65)
        message = self.delivered()[0]
        self.assertEqual(message.mail_params.get("RET"), "FULL")
        self.assertEqual(message.recipients[0].params.get("NOTIFY"),
                         "SUCCESS,DELAY")

    def test_dsn_parameters_belong_to_their_command(self):
        talk = Talk(self)
        for parameter in ("NOTIFY=NEVER", "ORCPT=rfc822;a@b.example"):
            talk.say("MAIL FROM:<a@b.example> " + parameter, "555 5.5.4")
        talk.say("MAIL FROM:<a@b.example>", "250 ")
        for parameter in ("SIZE=1", "RET=FULL", "ENVID=x", "BODY=7BIT"):
            talk.say("RCPT TO:<bob@example.net> " + parameter, "555 5.5.4")
        talk.end(65)

    def test_nobody_loses_his_notification_to_another(self):
        """An envelope of ours has one NOTIFY for all its recipients."""
        for number, (one, other, joined) in enumerate((
                ("FAILURE", "NEVER", "FAILURE"), ("NEVER", "FAILURE", "FAILURE"),
                ("SUCCESS", "", "SUCCESS,FAILURE"), ("", "NEVER", None),
                ("NEVER", "", None), ("NEVER", "NEVER", "NEVER"),
                ("SUCCESS,DELAY", "FAILURE", "SUCCESS,FAILURE,DELAY")), 1):
            with self.subTest(one=one, other=other):
                talk = Talk(self)
                talk.say("MAIL FROM:<alerts@contoso.com>", "250 ")
                talk.say("RCPT TO:<no one> NOTIFY=SUCCESS", "5")
                for name, notify in (("bob", one), ("carol", other)):
                    talk.say(f"RCPT TO:<{name}@example.net>" +
                             (f" NOTIFY={notify}" if notify else ""), "250 ")
                talk.data()
                talk.say("QUIT", "221 ")
                talk.end(64)
                message = self.delivered(number)[-1]
                self.assertEqual([recipient.params.get("NOTIFY")
                                  for recipient in message.recipients],
                                 [joined, joined])

    def test_text_is_no_command_whatever_failed_before(self):
        """What -f says cannot be used; the text may be a stranger's."""
        result = self.blind(
            b"MAIL FROM:<alerts@contoso.com>\r\nRCPT TO:<bob@example.net>\r\n"
            b"DATA\r\nRSET\r\nMAIL FROM:<alerts@contoso.com>\r\n"
            b"RCPT TO:<victim@example.net>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
            "-f", "bad address@@x y")
        self.assertEqual(self.codes(result),
                         ["220", "250", "250", "354", "553", "221"])
        self.assertNotEqual(result.code, 0)
        self.delivered(0)

    # ------------------------------------------------------- order

    def test_commands_out_of_order(self):
        talk = Talk(self)
        talk.say("EHLO x", "250 ")
        talk.say("DATA", "503 ")
        talk.say("RSET", "250 ")
        talk.say("MAIL FROM:<a@b.example>", "250 ")
        talk.say("DATA", "554 5.5.1")
        talk.say("MAIL FROM:<a@b.example>", "503 ")
        talk.say("RSET", "250 ")
        talk.say("RCPT TO:<bob@example.net>", "503 ")
        talk.say("MAIL", "501 ")
        talk.say("RCPT bob", "503 ")
        talk.say("VRFY bob", "252 ")
        talk.say("EXPN all", "500 ")
        talk.say("HELP", "214 ")
        talk.say("EHLO x", "250 ")
        talk.say("RCPT TO:<bob@example.net>", "503 ")
        talk.say("MAIL FROM:<a@b.example> FOO=BAR", "555 ")
        talk.say("MAIL FROM:<a@b.example> SIZE=999999999999", "552 5.3.4")
        talk.say("MAIL FROM:<a@b.example> SIZE=1000", "250 ")
        talk.say("QUIT", "221 ")
        talk.end(76)
        self.assertEqual(self.sandbox.messages(), [])

    def test_a_blind_text_is_never_taken_for_commands(self):
        """A client that reads no replies sends its text although MAIL or RCPT
        was refused; a web form's user wrote that text."""
        text = (b"Subject: form\r\n\r\nMAIL FROM:<alerts@contoso.com>\r\n"
                b"RCPT TO:<victim@example.net>\r\nDATA\r\nspam\r\n.\r\n")
        for sender, recipient in ((b"<a b c>", b"<bob@example.net>"),
                                  (b"<a@b.example>", b"<bob@@example.net>"),
                                  (b"<a@b.example> SIZE=99999999999",
                                   b"<bob@example.net>")):
            with self.subTest(sender=sender, recipient=recipient):
                self.sandbox.reset()
                result = self.blind(
                    b"HELO x\r\nMAIL FROM:" + sender + b"\r\nRCPT TO:" +
                    recipient + b"\r\nDATA\r\n" + text + b"QUIT\r\n")
                self.assertNotEqual(result.code, 0)
                self.assertEqual(self.codes(result)[-3:], ["354", "554",
                                                           "221"])
                self.assertEqual(self.sandbox.messages(), [])

    # ------------------------------------------------------- outcomes

    def test_the_outcome_is_the_reply(self):
        """What the administrator can mend is temporary: so the client keeps
        it.  scenario, reply, exit status of the whole session."""
        for scenario, start, code in [
                ("reply@rcpt=550 5.1.1 User unknown", "554 5.1.1", 67),
                ("reply@end-of-data=451 4.3.0 Later", "451 4.3.0", 75),
                ("send_as_denied", "451 4.", 77),
                ("not_available", "451 4.3.2", 75),
                ("bad_token", "451 4.", 77)]:
            with self.subTest(scenario=scenario):
                self.sandbox.clear()
                self.sandbox.scenario(scenario)
                result = self.blind(b"EHLO x\r\n" + TRANSACTION +
                                    b"QUIT\r\n")
                self.assertEqual(result.code, code, result.stdout)
                reply = result.stdout.splitlines()[-2]
                self.assertEqual(reply[:3], start[:3], reply)
                self.assertRegex(reply, r"^(451 4|554 5)\.\d+\.\d+ \S")
        self.assertEqual(self.sandbox.messages(), [])

    def test_a_failed_transaction_does_not_cost_the_next(self):
        self.sandbox.scenario("reply@rcpt:bad@example.net=550 5.1.1 No")
        result = self.blind(b"EHLO x\r\n" + TRANSACTION.replace(
            b"bob@", b"bad@", 1) + TRANSACTION + b"QUIT\r\n")
        self.assertEqual(self.codes(result)[-6:], ["554", "250", "250", "354",
                                                   "250", "221"])
        self.assertEqual(result.code, 67)
        self.delivered()

    def test_partial_refusal_says_who_was_served(self):
        self.sandbox.scenario("reply@rcpt:bad@example.net=550 5.1.1 Unknown")
        result = self.blind(b"EHLO x\r\n" + TRANSACTION.replace(
            b"DATA\r\n", b"RCPT TO:<bad@example.net>\r\nDATA\r\n", 1) +
            b"QUIT\r\n")
        self.assertRegex(result.stdout, r"(?m)^554 5\.1\.1 1 recipient was "
                         r"served, not all: .*Unknown")
        self.assertEqual(result.code, 67)
        self.assertEqual(self.recipients(self.delivered()[0]),
                         ["bob@example.net"])

    def test_a_wrong_config_is_a_421(self):
        path = self.directory / "mailbearer.conf"
        path.touch(mode=0o600)
        path.write_text("nonsense = 1\n")
        result = self.blind(b"EHLO x\r\n" + TRANSACTION + b"QUIT\r\n")
        self.assertEqual(result.code, 78)
        self.assertRegex(result.stdout, r"^421 4\.3\.5 .*mailbearer\.conf")

    def test_who_waits_for_our_end_gets_it(self):
        """With his own end of the pipe open."""
        path = self.directory / "mailbearer.conf"
        path.touch(mode=0o600)
        path.write_text("nonsense = 1\n")
        talk = Talk(self, greeting="421 ")
        self.assertEqual(talk.process.wait(60), 78)
        path.unlink()
        talk = Talk(self)
        talk.say("QUIT", "221 ")
        self.assertEqual(talk.process.wait(60), 0)

    # ------------------------------------------------------- bounds

    def test_who_never_stops_writing_is_left(self):
        """After the last reply; he gets a SIGPIPE."""
        self.config()
        writer = subprocess.Popen(
            ["sh", "-c", "printf 'QUIT\\r\\n'; exec yes"],
            stdout=subprocess.PIPE)
        self.addCleanup(writer.kill)
        session = subprocess.Popen(
            [str(PROGRAM), "sendmail", "-C",
             str(self.directory / "mailbearer.conf"), "-bs"],
            stdin=writer.stdout, stdout=subprocess.PIPE)
        self.addCleanup(session.kill)
        writer.stdout.close()
        replies, _ = session.communicate(timeout=60)
        self.assertEqual(session.returncode, 0)
        self.assertRegex(replies, b"^220 .*\r\n221 .*\r\n$")
        self.assertNotEqual(writer.wait(60), 0)

    def test_too_many_recipients(self):
        """The first thousand are taken, the next gets 452."""
        talk = Talk(self)
        talk.say("EHLO x", "250 ")
        talk.say("MAIL FROM:<alerts@contoso.com>", "250 ")
        for number in range(1000):
            talk.say(f"RCPT TO:<r{number}@example.net>", "250 ")
        talk.say("RCPT TO:<late@example.net>", "452 4.5.3")
        talk.data()
        talk.say("QUIT", "221 ")
        talk.end(75)        # nobody is left out silently
        self.assertEqual(sum(len(m.recipients)
                             for m in self.sandbox.messages()), 1000)

    def test_a_long_line(self):
        talk = Talk(self)
        talk.say("EHLO " + "x" * 3000, "250 ")
        talk.say("MAIL FROM:<" + "x" * 200000 + "@b.example>", "500 5.5.2")
        talk.say("MAIL FROM:<" + "x" * 3000 + "@b.example>", "553 ")
        talk.say("NOOP", "250 ")
        talk.say("QUIT", "221 ")

    def test_a_message_too_large(self):
        """Read to its end and refused; the session goes on."""
        self.config(max_message_size="1M")
        huge = MESSAGE + b"x" * 70 * 20000 + b"\r\n"
        result = self.blind(
            b"EHLO x\r\nMAIL FROM:<alerts@contoso.com>\r\nRCPT TO:"
            b"<bob@example.net>\r\nDATA\r\n" + huge + b".\r\n" + TRANSACTION +
            b"QUIT\r\n")
        self.assertEqual(self.codes(result)[-6:], ["552", "250", "250", "354",
                                                   "250", "221"])
        self.assertEqual(result.code, 65)
        self.delivered()

    def test_garbage(self):
        garbage = bytes(range(256)) * 400
        result = self.blind(garbage)
        self.assertNotEqual(result.code, 0)
        self.assertRegex(result.stdout, r"(?m)^421 ")
        result = self.blind(b"\r\n" * 10000)
        self.assertNotEqual(result.code, 0)
        self.assertLess(len(result.stdout), 10000)

    def test_a_message_instead_of_a_dialogue(self):
        """sendmail -bs < message: no success for mail that went nowhere."""
        result = self.blind(b"To: bob@example.net\nSubject: x\n\nHello.\n")
        self.assertNotEqual(result.code, 0)
        self.assertEqual(self.sandbox.messages(), [])

    def test_nul_in_a_command(self):
        talk = Talk(self)
        talk.say("NOOP\0QUIT", "500 ")
        talk.say("MAIL FROM:<a\0@b.example>", "500 ")
        talk.say("QUIT", "221 ")

    def test_nul_and_8bit_in_a_message(self):
        result = self.blind(b"EHLO x\r\nMAIL FROM:<alerts@contoso.com> "
                            b"BODY=8BITMIME\r\nRCPT TO:<bob@example.net>\r\n"
                            b"DATA\r\nSubject: x\r\n\r\na\0b\xc3\xa9\r\n"
                            b".\r\nQUIT\r\n")
        self.assertEqual(result.code, 0)
        message = self.delivered()[0]
        self.assertIn(b"ab\xc3\xa9", message.data)
        self.assertIn(b"charset=UTF-8", message.data)

    def test_control_characters_in_paths(self):
        talk = Talk(self)
        talk.say("MAIL FROM:<a\rb@b.example>", "553 ")
        talk.say("MAIL FROM:<a@b.example>", "250 ")
        talk.say("RCPT TO:<a\x01@b.example>", "553 ")
        talk.say("RCPT TO:<a@b.example>\rRCPT TO:<c@b.example>", "55")
        talk.say("QUIT", "221 ")

    # ------------------------------------------------------- ends

    def test_eof_in_the_middle_of_data(self):
        """Half a message is no message."""
        for cut in (MESSAGE, MESSAGE + b".", MESSAGE + b".\r", b""):
            with self.subTest(cut=cut[-3:]):
                result = self.blind(b"EHLO x\r\nMAIL FROM:<alerts@contoso.com>"
                                    b"\r\nRCPT TO:<bob@example.net>\r\n"
                                    b"DATA\r\n" + cut)
                self.assertNotEqual(result.code, 0)
                self.assertEqual(self.sandbox.messages(), [])

    def test_eof_without_quit(self):
        """A PHP worker that ends closes the pipe and nothing else."""
        for said in (b"", b"EHLO x\r\n", b"EHLO x\r\n" + TRANSACTION):
            with self.subTest(said=said):
                result = self.blind(said)
                self.assertEqual(result.code, 0)
        self.delivered()

    def test_stdin_cannot_be_read(self):
        """That is not its end: there may be messages that nobody will see."""
        with tempfile.TemporaryDirectory() as directory:
            fd = os.open(directory, os.O_RDONLY)
            result = self.sendmail("-bs", stdin=fd)
            os.close(fd)
        self.assertEqual(result.code, 74)
        self.assertRegex(result.stdout, "\n421 4.3.0 .*directory\r?\n$")
        self.assertIn("directory", self.log_text())

    def test_who_waits_for_the_greeting_is_told(self):
        """Before there is a session: a client that has our stdin open, and waits
        for a word, must not be waited for."""
        talk = Talk(self, "--no-such-flag", greeting="421 4.3.5 ")
        self.assertEqual(talk.process.wait(60), 64)

    def test_eof_in_a_transaction(self):
        result = self.blind(b"EHLO x\r\nMAIL FROM:<alerts@contoso.com>\r\n"
                            b"RCPT TO:<bob@example.net>\r\n")
        self.assertEqual(result.code, 0)
        self.assertEqual(self.sandbox.messages(), [])

    def test_nobody_reads_the_replies(self):
        """A client that is gone, or closed our stdout, harms nobody."""
        self.config()
        command = [str(PROGRAM), "sendmail", "-C",
                   str(self.directory / "mailbearer.conf"), "-bs"]
        result = run(["sh", "-c", 'exec "$@" >&-', "sh", *command],
                     b"EHLO x\r\n" + TRANSACTION + b"QUIT\r\n")
        self.assertEqual((result.code, result.stderr), (0, ""))
        process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        process.stdout.close()
        process.stdin.write(b"EHLO x\r\n" + TRANSACTION + b"QUIT\r\n")
        process.stdin.close()
        self.assertEqual(process.wait(60), 0)
        self.delivered(2)

    def test_memory_is_bounded(self):
        """A line without end, and a message of 100 MB, in 24 MB of data."""
        self.config(state_directory=str(self.directory / "state"))
        (self.directory / "state").mkdir(mode=0o750)
        for code, said in (
                (76, b"A" * (100 << 20)),
                (0, b"EHLO x\r\nMAIL FROM:<alerts@contoso.com>\r\n"
                 b"RCPT TO:<bob@example.net>\r\nDATA\r\n" + MESSAGE +
                 (b"y" * 998 + b"\r\n") * 100000 + b".\r\nQUIT\r\n")):
            result = run([str(PROGRAM), "sendmail", "-C",
                          str(self.directory / "mailbearer.conf"), "-bs"],
                         said, preexec_fn=limit_memory(24 << 20))
            self.assertEqual((result.code, result.stderr), (code, ""))


class SpoolingSmtpd(Helpers, Case):
    """With a sandbox of its own: what is spooled may leave late."""

    def test_what_is_spooled_is_accepted(self):
        for name in ("spool", "state"):
            (self.directory / name).mkdir(mode=0o750)
        self.config(spool=True, spool_directory=str(self.directory / "spool"),
                    state_directory=str(self.directory / "state"))
        self.sandbox.scenario("not_available")
        result = self.blind(b"EHLO x\r\n" + TRANSACTION + b"QUIT\r\n")
        self.assertEqual(result.code, 0)
        self.assertRegex(result.stdout, r"(?m)^250 2\.0\.0 Spooled as \S+")
        self.assertEqual(
            len(list((self.directory / "spool" / "new").iterdir())), 1)


if __name__ == "__main__":
    unittest.main()
