"""Mail for names of this host while the file that says whose it is cannot be
believed: it waits, and goes where the mended file says."""
import json
import re
import unittest

from harness import PROGRAM, SIMPLE, SharedCase, run
from test_rules import Helpers


class LocalMail(Helpers, SharedCase):
    def setUp(self):
        super().setUp()
        self.aliases = self.directory / "aliases"
        self.aliases.write_text("root: carol@example.net\n")
        self.aliases.chmod(0o666)

    def recipients(self):
        return sorted(r.address for m in self.sandbox.messages()
                      for r in m.recipients)

    def with_spool(self):
        self.spooling(aliases=str(self.aliases), local_mail_to="it@contoso.com")

    def retry(self):
        return run([str(PROGRAM), "queue", "retry", "-C",
                    str(self.directory / "mailbearer.conf")], b"")

    def keep_name(self):
        """A message waits for a name that stands for two by now."""
        self.aliases.write_text("root: carol@example.net, dave@example.net\n")
        self.aliases.chmod(0o666)
        self.with_spool()
        self.assertEqual(self.sendmail("root").code, 0)
        self.aliases.chmod(0o644)

    def test_it_waits_until_the_file_is_mended(self):
        self.with_spool()
        result = self.sendmail("root", "bob@example.net",
                               stdin=b"To: root, bob@example.net\n\nHi.\n")
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertEqual(self.recipients(), ["bob@example.net"])
        self.assertNotIn(b"To: root,", self.sandbox.messages()[0].data)
        self.assertEqual(len(self.spooled()), 1)
        self.assertRegex(
            self.log_text(), r"(?m): spooled .* uid=\d+ .* exit=78 "
            r'error="[^"]*aliases[^"]*others can write it[^"]*" hint="chmod ')
        # Retried before it is mended: no harm.
        self.assertEqual(self.sendmail("-q", stdin=b"").code, 0)
        self.assertEqual(self.recipients(), ["bob@example.net"])
        self.aliases.chmod(0o644)
        run([str(PROGRAM), "queue", "retry", "-C",
             str(self.directory / "mailbearer.conf")], b"")
        self.assertEqual(self.recipients(),
                         ["bob@example.net", "carol@example.net"])
        self.assertEqual(self.spooled(), [])

    def test_a_name_can_stand_for_several(self):
        self.aliases.write_text("root: carol@example.net, dave@example.net\n")
        self.aliases.chmod(0o666)
        self.with_spool()
        self.assertEqual(self.sendmail("root", "bob@example.net").code, 0)
        self.aliases.chmod(0o644)
        self.sandbox.scenario("reply@rcpt=451 4.3.0 Later", times=1)
        for _ in range(3):
            self.retry()
        self.assertEqual(self.recipients(), [
            "bob@example.net", "carol@example.net", "dave@example.net"])
        self.assertEqual((self.spooled(), self.spooled("failed")), ([], []))

    def test_who_is_named_himself_gets_it_once(self):
        self.aliases.write_text("root: bob@example.net, dave@example.net\n")
        self.aliases.chmod(0o666)
        self.with_spool()
        self.assertEqual(self.sendmail("root", "bob@example.net").code, 0)
        self.aliases.chmod(0o644)
        self.retry()
        self.assertEqual(self.recipients(),
                         ["bob@example.net", "dave@example.net"])

    def test_more_than_a_message_can_have(self):
        """The name waits, and says so; the journal stays one that is read."""
        to = ",\n ".join(f"b{i}@example.net" for i in range(10500))
        self.with_spool()
        self.assertEqual(self.sendmail(
            "-odq", "-t", stdin=f"Bcc: root, {to}\n\nHi.\n".encode()).code, 0)
        self.aliases.write_text("root: " + ",\n ".join(
            f"a{i}@example.net" for i in range(9500)) + "\n")
        self.aliases.chmod(0o644)
        self.sandbox.scenario("reply@mail=451 4.3.0 Later")
        self.retry()
        self.assertIn("root stands for 9500 addresses, more than this message "
                      "can still have", self.log_text())
        shown = run([str(PROGRAM), "queue", "--json", "-C",
                     str(self.directory / "mailbearer.conf")], b"").stdout
        recipients = json.loads(shown)[0]["recipients"]
        self.assertEqual(len(recipients), 10501)
        self.assertEqual({r["state"] for r in recipients}, {"deferred"})
        # One less, and it fits.
        self.aliases.write_text("root: " + ",\n ".join(
            f"a{i}@example.net" for i in range(9499)) + "\n")
        self.retry()
        shown = run([str(PROGRAM), "queue", "--json", "-C",
                     str(self.directory / "mailbearer.conf")], b"").stdout
        recipients = json.loads(shown)[0]["recipients"]
        self.assertEqual(len(recipients), 20000)
        self.assertEqual(recipients[0]["state"], "replaced")

    def test_the_log_names_whom_it_stands_for(self):
        """Whether they could be tried or not."""
        self.keep_name()
        self.log.unlink()
        for fault, event in (("http_503", "deferred"), (None, "sent")):
            with self.subTest(event=event):
                self.sandbox.clear()
                if fault is not None:
                    self.sandbox.scenario(fault)
                self.retry()
                told = re.findall(r"(?m): (\w+) id=.* to=(\S+) nrcpt=2 ",
                                  self.log_text())
                self.assertEqual(told[-1:], [
                    (event, "carol@example.net,dave@example.net")])
        self.assertEqual(len(told), 2)
        self.assertNotIn("to=root", self.log_text())

    def test_what_came_of_each_is_remembered(self):
        """The alias file says something else when the rest is tried again."""
        self.keep_name()
        self.sandbox.scenario("reply@rcpt:dave@example.net=451 4.3.0 Later")
        self.retry()
        self.assertEqual(self.recipients(), ["carol@example.net"])
        shown = run([str(PROGRAM), "queue", "show", "-C",
                     str(self.directory / "mailbearer.conf"),
                     self.spooled()[0].name], b"").stdout
        for line in ("<root> replaced", "<carol@example.net> delivered",
                     "<dave@example.net> deferred"):
            self.assertRegex(shown, rf"(?m)^recipient +{line}$")
        self.aliases.write_text("root: mallory@example.net\n")
        self.sandbox.clear()
        self.retry()
        self.assertEqual(self.recipients(),
                         ["carol@example.net", "dave@example.net"])
        self.assertEqual((self.spooled(), self.spooled("failed")), ([], []))

    def faults(self, fault):
        """A queue run with this fault at one call on the spool after the other,
        and then another run."""
        if run(["strace", "-qq", "-o", "/dev/null", "-e",
                "inject=chdir:error=EIO", "true"]).code != 0:
            self.skipTest("strace may not trace here")
        for call in ("pwrite64", "fdatasync", "unlinkat", "fsync"):
            for number in range(1, 20):
                self.sandbox.reset()
                self.log.unlink(missing_ok=True)
                self.keep_name()
                trace = self.directory / "trace"
                run(["strace", "-f", "-qq", "-o", str(trace), "-e",
                     f"trace={call}", "-e",
                     f"inject={call}:{fault}:when={number}",
                     *self.command("-q")], b"")
                hit = re.search("INJECTED|SIGKILL", trace.read_text())
                self.retry()
                where = f"{call} {number}"
                self.assertEqual(set(self.recipients()), {
                    "carol@example.net", "dave@example.net"}, where)
                self.assertEqual((self.spooled(), self.spooled("failed")),
                                 ([], []), where)
                yield where
                if not hit:
                    break

    def no_duplicates_but_named_ones(self, fault):
        count = 0
        for where in self.faults(fault):
            count += 1
            if "possible-duplicate" not in self.log_text():
                self.assertEqual(len(self.recipients()), 2, where)
        self.assertGreater(count, 6)

    def test_killed_where_a_name_becomes_several(self):
        self.no_duplicates_but_named_ones("signal=KILL")

    def test_errors_where_a_name_becomes_several(self):
        self.no_duplicates_but_named_ones("error=EIO")

    def test_who_is_on_an_included_list_is_not_forgotten(self):
        included = self.directory / "list"
        included.write_text("dave@example.net\n")
        self.aliases.write_text(
            f"root: carol@example.net, :include:{included}\n")
        self.aliases.chmod(0o644)
        self.with_spool()
        included.chmod(0o666)
        result = self.sendmail("root", "bob@example.net")
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertEqual(self.recipients(), ["bob@example.net"])
        self.assertRegex(self.log_text(), r": spooled .*others can write it")
        result = self.sendmail("-bv", "root", stdin=b"")
        self.assertEqual(result.code, 67)
        self.assertIn("others can write it", result.stderr)
        included.chmod(0o644)
        for _ in range(2):
            run([str(PROGRAM), "queue", "retry", "-C",
                 str(self.directory / "mailbearer.conf")], b"")
        self.assertEqual(self.recipients(), [
            "bob@example.net", "carol@example.net", "dave@example.net"])
        self.assertEqual(self.spooled(), [])

    def test_an_included_list_that_is_not_there_is_empty(self):
        self.aliases.write_text("root: carol@example.net, :include:/nowhere\n")
        self.aliases.chmod(0o644)
        self.with_spool()
        self.assertEqual(self.sendmail("root").code, 0)
        self.assertEqual(self.recipients(), ["carol@example.net"])
        self.assertIn("/nowhere", self.log_text())

    def test_a_staging_host_gets_it_once(self):
        """Where all mail goes to one address, nobody asks whose the name is."""
        self.spooling(aliases=str(self.aliases),
                      deliver_all_to="stage@contoso.com")
        result = self.sendmail("root", "bob@example.net")
        self.assertEqual((result.code, result.stderr), (0, ""))
        for _ in range(2):
            run([str(PROGRAM), "queue", "retry", "-C",
                 str(self.directory / "mailbearer.conf")], b"")
        self.assertEqual(self.recipients(), ["stage@contoso.com"])
        data = self.sandbox.messages()[0].data
        self.assertIn(b"X-Original-To: root\r\n", data)
        self.assertIn(b"X-Original-To: bob@example.net\r\n", data)
        self.assertEqual(self.spooled(), [])

    def test_without_a_spool_the_caller_is_told(self):
        self.config(aliases=str(self.aliases), local_mail_to="it@contoso.com")
        self.assert_failed(self.sendmail("root"), 78, "others can write it",
                           "chmod ")
        result = self.sendmail("root", "bob@example.net")
        self.assertEqual(result.code, 75)
        self.assertRegex(result.stderr, "(?m)^sendmail: root: not sent: ")
        self.assertEqual(self.recipients(), ["bob@example.net"])

    def test_mail_for_the_outside_does_not_need_it(self):
        self.config(aliases=str(self.aliases))
        self.assert_sent(self.sendmail("bob@example.net"))

    def test_a_file_that_is_not_there_is_no_aliases(self):
        self.config(aliases=str(self.directory / "none"),
                    local_mail_to="it@contoso.com")
        self.assert_sent(self.sendmail("root"))
        self.assertEqual(self.recipients(), ["it@contoso.com"])

    def test_an_smtp_client_is_told(self):
        self.with_spool()
        result = run(self.command("-bs"), b"EHLO x\r\nMAIL FROM:<a@b.example>"
                     b"\r\nRCPT TO:<root>\r\nDATA\r\n" +
                     SIMPLE.replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n")
        self.assertRegex(result.stdout, r"(?m)^250 2\.0\.0 Spooled as ")
        self.assertEqual((result.code, self.recipients()), (0, []))

    def test_verification_names_what_is_no_address(self):
        self.config(aliases=str(self.aliases))
        for text, what in (("c@@d", "no usable recipient: c@@d"),
                           ("bob@", "no usable recipient: bob@"),
                           ("x y", "no usable recipient: x y"),
                           ("", "no recipients")):
            result = self.sendmail("-bv", text)
            self.assertEqual((result.code, result.stdout), (67, ""), text)
            self.assertIn(what, result.stderr)
        result = self.sendmail("-bv", "a@b.cc,c@@d")
        self.assertEqual(result.code, 67)
        self.assertRegex(result.stdout, r"deliverable: .* to a@b\.cc\n$")
        self.assertIn("unusable: c@@d", result.stderr)

    def test_the_hint_names_the_header_where_the_recipients_are_from(self):
        self.config()
        result = self.sendmail("-t", stdin=b"To: c@@d\n\nx\n")
        self.assertEqual(result.code, 64)
        self.assertIn("hint: correct To, Cc or Bcc", result.stderr)
        result = self.sendmail("c@@d")
        self.assertIn("hint: correct the recipients", result.stderr)

    def test_verification_does_not_guess(self):
        self.with_spool()
        result = self.sendmail("-bv", "root")
        self.assertEqual((result.code, result.stdout), (67, ""))
        self.assertIn("others can write it", result.stderr)

    def check(self):
        return run([str(PROGRAM), "check", "-C",
                    str(self.directory / "mailbearer.conf")], b"")

    def test_check_says_so(self):
        self.with_spool()
        result = self.check()
        self.assertEqual(result.code, 78)
        self.assertRegex(result.stdout, r"(?m)^FAILED  local mail .*aliases")
        self.assertRegex(result.stdout, "chmod ")
        self.aliases.chmod(0o644)
        self.assertRegex(self.check().stdout, r"(?m)^ok      local mail  mail "
                         r"for root goes to carol@example\.net")

    def test_check_finds_lines_that_lead_nowhere(self):
        self.aliases.chmod(0o644)
        self.aliases.write_text("root: carol@example.net\na: b\nb: a\n")
        self.with_spool()
        result = self.check()
        self.assertEqual(result.code, 65)
        self.assertRegex(result.stdout, "(?m)^FAILED  local mail ")
        self.assertIn("line of the alias file is wrong", result.stdout)


if __name__ == "__main__":
    unittest.main()
