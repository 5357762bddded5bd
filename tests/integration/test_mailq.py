#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mailq, mailbearer queue and sendmail -q, as administrators, monitoring and
other users meet them."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import Case, PREFIX, PROGRAM, SIMPLE, installed_config, run

USER = 42420            # the installation's user and group: need not exist
ALICE, BOB = 42421, 42422
SECRET = b"Subject: the secret subject\n\nthe secret text\n"


class Queue(Case):
    """A spool in the test's own directory."""

    def setUp(self):
        super().setUp()
        self.spool = self.directory / "spool"
        self.spool.mkdir(mode=0o750)
        self.config()

    def config(self, **changes):
        changes.setdefault("spool", True)
        changes.setdefault("spool_directory", str(self.spool))
        return super().config(**changes)

    def mailq(self):
        result = self.sendmail("-bp")
        self.assertEqual((result.code, result.stderr), (0, ""))
        return result.stdout

    def queue(self, *arguments, code=0):
        result = run([str(PROGRAM), "queue", "-C",
                      str(self.directory / "mailbearer.conf"), *arguments])
        self.assertEqual(result.code, code, result.stderr + result.stdout)
        return result

    def json(self, *arguments, code=0):
        return json.loads(self.queue(*arguments, "--json", code=code).stdout)

    def keep(self, *flags, stdin=SECRET):
        """Spool a message without trying it; returns its id."""
        before = set(self.ids())
        result = self.sendmail("-odq", *flags, stdin=stdin)
        self.assertEqual((result.code, result.stderr), (0, ""))
        new = set(self.ids()) - before
        self.assertEqual(len(new), 1)
        return new.pop()

    def ids(self, part="new"):
        directory = self.spool / part
        return sorted(os.listdir(directory)) if directory.exists() else []

    def fail_one(self):
        """Have a message refused: it lies in failed/.  Returns its id."""
        self.sandbox.scenario("reply@rcpt=550 5.1.1 User unknown")
        self.assertEqual(self.sendmail("nobody@example.net").code, 67)
        self.sandbox.clear()
        self.assertEqual(len(self.ids("failed")), 1)
        return self.ids("failed")[0]


class Mailq(Queue):
    def test_empty(self):
        self.assertEqual(self.mailq(), "Mail queue is empty\n")

    def test_without_a_spool(self):
        self.config(spool=False, spool_directory=str(self.directory / "none"))
        self.assertEqual(self.mailq(), "Mail queue is empty\n")

    def test_left_behind_by_a_spool_that_was_switched_off(self):
        self.keep("b@example.net")
        self.config(spool=False)
        self.assertIn("<b@example.net>", self.mailq())

    def test_a_spool_that_cannot_be_opened(self):
        self.config(spool_directory=str(self.directory / "none"))
        self.assert_failed(self.sendmail("-bp"), 73, "none", "")

    def test_layout(self):
        one = self.keep("-f", "a@example.com", "b@example.net",
                        "c@example.org")
        two = self.keep("d@example.net")
        text = self.mailq()
        lines = text.splitlines()
        # check_mailq -M sendmail, and -M postfix.
        self.assertRegex(lines[0], r"\s\((\d*)\srequest")
        self.assertIn(" (2 requests)", lines[0])
        self.assertRegex(lines[-1], r"^-- \d+ Kbytes in 2 Requests\.$")
        self.assertIn("-Q-ID-", lines[1])
        self.assertRegex(text, r"(?m)^%s +\d+ \w{3} \w{3} [ \d]\d \d\d:\d\d "
                         r"<a@example\.com>$" % one)
        for address in ("b@example.net", "c@example.org", "d@example.net"):
            self.assertRegex(text, r"(?m)^ +<%s>$" % re.escape(address))
        self.assertLess(text.index(one), text.index(two))
        self.assertIn("Not tried yet", text)
        self.assertNotIn("secret", text)

    def test_reason_and_next_attempt(self):
        self.sandbox.scenario("reply@rcpt=451 4.3.0 Try later")
        self.assertEqual(self.sendmail("b@example.net").code, 0)
        text = self.mailq()
        self.assertRegex(text, r"\(Deferred: .*451 4\.3\.0 Try\s+later")
        self.assertRegex(text, r"\(Attempts: 1, next: \w{3} \w{3} ")
        for line in text.splitlines()[:2]:
            self.assertLess(len(line), 80)

    def test_served_recipients_are_not_listed(self):
        self.sandbox.scenario("reply@rcpt:c@example.org=451 4.3.0 Try later")
        self.assertEqual(self.sendmail("b@example.net",
                                       "c@example.org").code, 0)
        text = self.mailq()
        self.assertIn("<c@example.org>", text)
        self.assertNotIn("<b@example.net>", text)

    def test_nothing_reaches_the_terminal(self):
        self.sandbox.scenario("control_bytes")
        self.sendmail("b@example.net")
        self.keep("-L", "a\u009bb", "-F", "\u009b2J", "\u0433@example.net")
        for text in (self.mailq(), *(self.queue("show", name).stdout
                                     for name in self.ids())):
            self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f]")

    def test_a_broken_file_among_good_ones(self):
        one = self.keep("b@example.net")
        bad = self.keep("c@example.net")
        (self.spool / "new" / bad).write_bytes(b"\x1b[2J" + os.urandom(300))
        text = self.mailq()
        self.assertIn("(Unreadable: ", text)
        self.assertIn("<b@example.net>", text)
        self.assertNotIn("\x1b", text)
        self.assertEqual(self.ids(), sorted([one, bad]))
        self.assertEqual({entry["id"]: entry["state"]
                          for entry in self.json()},
                         {one: "waiting", bad: "unreadable"})


class Command(Queue):
    def test_list_and_show(self):
        self.assertEqual(self.json(), [])
        self.assertEqual(self.queue().stdout, "Mail queue is empty\n")
        one = self.keep("-f", "a@example.com", "b@example.net")
        self.assertIn(one, self.queue("list").stdout)
        entry, = self.json("list")
        self.assertEqual(entry, self.json("show", one))
        self.assertEqual(
            {key: entry[key] for key in ("id", "state", "sender", "uid",
                                         "attempts", "recipients")},
            {"id": one, "state": "waiting", "sender": "a@example.com",
             "uid": os.getuid(), "attempts": 0,
             "recipients": [{"address": "b@example.net",
                             "state": "waiting"}]})
        self.assertAlmostEqual(entry["received"], time.time(), delta=60)
        text = self.queue("show", one).stdout
        self.assertRegex(text, "(?m)^sender +<a@example.com>$")
        self.assertRegex(text, "(?m)^recipient +<b@example.net> waiting$")
        self.assertNotIn("secret", text + json.dumps(entry))

    def test_ids_may_be_abbreviated(self):
        one = self.keep("b@example.net")
        two = self.keep("c@example.net")
        common = os.path.commonprefix([one, two])
        self.assertEqual(self.json("show", one[:len(common) + 1])["id"], one)
        for text in (common, ""):
            result = self.queue("show", text, code=64)
            self.assertIn("2 messages", result.stderr)
        self.queue("show", "nothing", code=66)
        self.queue("show", "../failed", code=66)

    def test_remove(self):
        one, two = self.keep("b@example.net"), self.keep("c@example.net")
        self.assertEqual(self.queue("remove", one).stdout, one + " removed\n")
        self.assertEqual(self.ids(), [two])
        self.assertRegex(self.log_text(), "removed id=%s uid=%d by=%d" % (
            one, os.getuid(), os.getuid()))
        self.queue("remove", one, code=66)
        failed = self.fail_one()
        self.assertEqual(self.json("remove", failed),
                         {"id": failed, "result": "removed"})
        self.assertEqual(self.ids("failed"), [])

    def test_failed_and_requeue(self):
        self.assertEqual(self.queue("failed").stdout, "No failed messages\n")
        one = self.fail_one()
        self.assertRegex(self.queue("failed").stdout,
                         r"\(Failed: .*550 5\.1\.1 User\s+unknown")
        entry, = self.json("failed")
        self.assertEqual((entry["id"], entry["state"]), (one, "failed"))
        self.assertEqual(entry["recipients"][0]["reply"], 550)
        self.queue("retry", one, code=66)
        self.queue("requeue", one)
        self.assertEqual((self.ids(), self.ids("failed")), ([one], []))
        self.assertEqual(self.json("show", one)["recipients"][0]["state"],
                         "waiting")
        self.queue("requeue", one, code=66)

    def test_retry(self):
        one, two = self.keep("b@example.net"), self.keep("c@example.net")
        self.assertEqual(self.json("retry", two), {
            "tried": 1, "delivered": 1, "deferred": 0, "failed": 0})
        self.assertEqual(self.ids(), [one])
        self.sandbox.scenario("reply@rcpt=451 4.3.0 Try later")
        self.assertRegex(self.queue("retry", one).stdout,
                         r"^1 tried: 0 delivered, 1 deferred, 0 failed\n"
                         r".*451 4\.3\.0")
        self.sandbox.clear()
        # Not due for a while, and yet.
        self.queue("retry")
        self.assertEqual(self.ids(), [])
        self.delivered(2)

    def test_retry_forgets_that_a_token_was_refused(self):
        self.sandbox.scenario("error", code="7000215")
        self.assertEqual(self.sendmail("b@example.net").code, 0)
        self.sandbox.clear()
        self.assertEqual(self.sendmail("-q").code, 0)
        self.assertEqual(len(self.sandbox.token_requests()), 1)
        self.assertEqual(self.json("retry")["delivered"], 1)
        self.assertEqual(len(self.sandbox.token_requests()), 2)

    def test_files_that_cannot_be_understood_are_listed(self):
        one = self.keep("b@example.net")
        path = self.spool / "new" / one
        path.write_bytes(path.read_bytes()[:-60] + b"x" * 60 + b"more\n")
        self.queue("retry")
        self.assertEqual(self.ids("failed"), [one + ".broken"])
        self.assertRegex(self.queue("failed").stdout,
                         r"%s\.broken\n +\(Unreadable: " % one)
        self.assertEqual(self.json("failed")[0]["state"], "unreadable")
        self.assertIn("1 failed", self.queue("--check", code=1).stdout)
        for action in ("show", "remove", "requeue"):
            self.queue(action, one, code=66)
        self.assertEqual(self.ids("failed"), [one + ".broken"])

    def test_queue_run(self):
        self.keep("-f", "one@example.com", "b@example.net")
        two = self.keep("-f", "two@example.com", "c@example.org")
        self.keep("-f", "three@example.com", "d@example.net")
        for flags, left in ((["-qSone@"], 2), (["-qR.org"], 1),
                            (["-qI" + two], 1), (["-q5m"], 0), (["-q"], 0)):
            with self.subTest(flags=flags):
                result = self.sendmail(*flags)
                self.assertEqual((result.code, result.stdout, result.stderr),
                                 (0, "", ""))
                self.assertEqual(len(self.ids()), left)
        self.delivered(3)

    def test_usage(self):
        for arguments in (["nonsense"], ["show"], ["show", "a", "b"],
                          ["list", "a"], ["--nonsense"], ["requeue"],
                          ["--check", "list"], ["--check", "--oldest", "soon"],
                          ["--oldest", "1h"]):
            with self.subTest(arguments=arguments):
                code = 3 if "--check" in arguments else 64
                self.queue(*arguments, code=code)

    def test_a_message_that_somebody_works_on(self):
        one = self.keep("b@example.net")
        self.sandbox.scenario("no_chunking")
        self.sandbox.scenario("hang@data")
        self.config(send_timeout="5s")
        runner = subprocess.Popen(
            [str(PROGRAM), "queue", "-C",
             str(self.directory / "mailbearer.conf"), "retry"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(runner.wait)
        deadline = time.monotonic() + 20
        while "DATA" not in str(self.sandbox.commands()) and \
                time.monotonic() < deadline:
            time.sleep(0.05)
        result = self.queue("remove", one, code=75)
        self.assertIn("worked on", result.stderr)
        self.assertIn("hint: another process is sending it", result.stderr)
        self.assertIn(f"{one}: another queue run works on it\n",
                      self.queue("retry", one).stdout)
        self.assertEqual(self.ids(), [one])

    def test_a_message_that_nobody_tried(self):
        self.config(messages_per_minute=1)
        one, two = self.keep("b@example.net"), self.keep("c@example.net")
        self.queue("retry", one)
        self.assertRegex(self.queue("retry", two).stdout,
                         "%s: not tried yet\n.* goes on .*"
                         "messages-per-minute" % two)

    def test_a_spool_that_cannot_be_written(self):
        """Whoever asks is told why, and not that the queue tells why."""
        one = self.keep("b@example.net")
        read_only = ["unshare", "-m", "sh", "-ec",
                     'mount --bind "$0" "$0"\n'
                     'mount -o remount,ro,bind "$0"\nexec "$@"',
                     str(self.spool)]
        if shutil.which("unshare") is None or run([*read_only, "true"]).code:
            self.skipTest("needs a mount namespace")
        path = str(self.directory / "mailbearer.conf")
        for words in (["queue", "retry", "-C", path],
                      ["sendmail", "-C", path, "-q"]):
            with self.subTest(words=words):
                result = run([*read_only, str(PROGRAM), *words])
                self.assertEqual(result.code, 73)
                self.assertRegex(result.stderr, "mounted read-only\n.*hint: "
                                 ".*mount it for writing")
        self.assertEqual(self.ids(), [one])


class Meanwhile(Queue):
    """What was kept while the config was wrong, when it is mended: it lies where
    no config would have it."""

    def setUp(self):
        super().setUp()
        self.text = pathlib.Path(self.config()).read_text(encoding="utf-8")
        installed = installed_config("nonsense = 1\n" + self.text)
        self.installed = installed.__enter__()
        self.addCleanup(installed.__exit__, None, None, None)
        self.unnamed = PREFIX / "var/spool/mailbearer"
        for part in ("new", "failed"):
            (self.unnamed / part).mkdir(parents=True, exist_ok=True)
            for path in (self.unnamed / part).iterdir():
                path.unlink()
        result = run([str(PREFIX / "sbin/sendmail"), "b@example.net",
                      "c@@d.example"], SIMPLE)
        self.assertEqual(result.code, 0, result.stderr)
        self.assertEqual(self.left(), (1, 1))
        self.installed.write_text(self.text, encoding="utf-8")

    def left(self):
        return tuple(len(os.listdir(self.unnamed / part))
                     for part in ("new", "failed"))

    def command(self, *words):
        result = run([str(PROGRAM), *words])
        self.assertEqual(result.code, 0, result.stderr)
        return result.stdout

    def test_it_is_listed(self):
        self.assertIn("b@example.net", self.command("queue"))
        self.assertIn("c@@d.example", self.command("queue", "failed"))
        self.assertEqual(self.left(), (0, 0))

    def test_it_is_tried(self):
        self.assertIn("1 delivered", self.command("queue", "retry"))
        self.delivered()

    def test_a_queue_run_sends_it(self):
        self.command("sendmail", "-q")
        self.delivered()
        self.assertEqual(self.left(), (0, 0))
        self.assertEqual(len(self.ids("failed")), 1)


class Check(Queue):
    def test_states(self):
        result = self.queue("--check")
        self.assertRegex(result.stdout, r"^MAILBEARER OK - 0 waiting, 0 failed"
                         r" \| oldest=0s;3600;86400;0 waiting=0;100;1000;0 "
                         r"failed=0;1;;0\n$")
        self.keep("b@example.net")
        self.queue("--check")
        self.queue("--check", "--waiting=1", code=1)
        self.queue("--check", "--waiting", "1,1", code=2)
        self.queue("--check", "--waiting", "0,2", code=0)
        self.fail_one()
        self.assertIn("WARNING", self.queue("--check", code=1).stdout)
        self.queue("--check", "--failed", "0")
        self.assertEqual(self.json("--check", "--failed=0,1", code=2)["failed"],
                         1)

    def test_age(self):
        one = self.keep("b@example.net")
        time.sleep(1.1)
        result = self.queue("--check", "--oldest", "1s,1d", code=1)
        self.assertRegex(result.stdout, "the oldest for [1-9]s")
        self.assertTrue(one)

    def test_unknown(self):
        self.config(spool_directory=str(self.directory / "none"))
        result = self.queue("--check", code=3)
        self.assertRegex(result.stdout, "^MAILBEARER UNKNOWN - .*none")


@unittest.skipUnless(os.getuid() == 0, "needs root for a set-user-ID copy")
class SetUserId(Queue):
    """A set-user-ID copy of the program, which reads the compiled-in config."""

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o755)
        self.bin = self.directory / "bin"
        self.bin.mkdir(mode=0o755)
        program = self.bin / "mailbearer"
        shutil.copy(PROGRAM, program)
        os.chown(program, USER, USER)
        os.chmod(program, 0o6755)
        for name in ("sendmail", "mailq"):
            (self.bin / name).symlink_to("mailbearer")
        state = self.directory / "state"
        state.mkdir(mode=0o750)
        self.log.touch(mode=0o640)
        for path in (self.spool, state, self.log):
            os.chown(path, USER, USER)
        os.chown(self.sandbox.secret_file, 0, USER)
        os.chmod(self.sandbox.secret_file, 0o640)
        os.chmod(self.directory / "sandbox", 0o755)
        config = pathlib.Path(self.config(state_directory=str(state)))
        installed = installed_config(config.read_text(encoding="utf-8"))
        self.installed = installed.__enter__()
        self.addCleanup(installed.__exit__, None, None, None)

    def as_user(self, uid, name, *arguments, stdin=b""):
        return run([str(self.bin / name), *arguments], stdin, user=uid,
                   group=uid, extra_groups=[], cwd="/")

    def keep_as(self, uid, *flags):
        result = self.as_user(uid, "sendmail", "-odq", *flags, stdin=SECRET)
        self.assertEqual((result.code, result.stderr), (0, ""))

    def test_who_sees_what(self):
        self.keep_as(ALICE, "to-alices-friend@example.net")
        self.keep_as(BOB, "-f", "bob@example.com",
                     "to-bobs-friend@example.net")
        self.keep_as(0, "to-roots-friend@example.net")
        for uid, sees in ((ALICE, ["alices"]), (BOB, ["bobs"]),
                          (USER + 9, []), (0, ["alices", "bobs", "roots"]),
                          (USER, ["alices", "bobs", "roots"])):
            with self.subTest(uid=uid):
                result = self.as_user(uid, "mailq")
                self.assertEqual((result.code, result.stderr), (0, ""))
                self.assertEqual(re.findall(r"to-(\w+)-friend", result.stdout),
                                 sees)
                self.assertIn(" (3 requests)", result.stdout)
                self.assertIn("in 3 Requests.", result.stdout)
                self.assertEqual("not shown" in result.stdout, len(sees) < 3)

    def test_who_may_handle_it(self):
        self.keep_as(ALICE, "b@example.net")
        for arguments in ([], ["list", "--json"], ["retry"], ["remove", "0"]):
            result = self.as_user(ALICE, "mailbearer", "queue", *arguments)
            self.assert_failed(result, 77, "another user", "root.*mailq")
        self.assertEqual(
            self.as_user(ALICE, "mailbearer", "queue", "--check").code, 3)
        self.assertEqual(
            self.as_user(0, "mailbearer", "queue", "--check").code, 0)
        one, = self.ids()
        result = self.as_user(0, "mailbearer", "queue", "remove", one[:9])
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertEqual(self.ids(), [])

    def test_a_users_queue_run_is_not_his(self):
        """It shows him nothing, and goes on without him."""
        self.keep_as(BOB, "to-bobs-friend@example.net")
        result = self.as_user(ALICE, "sendmail", "-v", "-q")
        self.assertEqual((result.code, result.stdout, result.stderr),
                         (0, "", ""))
        deadline = time.monotonic() + 30
        while self.ids() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.delivered()

    def test_a_users_limits_are_not_the_runs(self):
        self.keep_as(BOB, "to-bobs-friend@example.net")
        result = run(["sh", "-c", "ulimit -t 1; exec %s/sendmail -q" %
                      self.bin], user=ALICE, group=ALICE, extra_groups=[],
                     cwd="/")
        self.assert_failed(result, 75, "limits", "ulimit")

    def test_the_timer(self):
        """User=mailbearer NoNewPrivileges=yes: its ids are all the same."""
        self.keep_as(BOB, "to-bobs-friend@example.net")
        result = run(["setpriv", "--no-new-privs", "--reuid", str(USER),
                      "--regid", str(USER), "--clear-groups",
                      str(self.bin / "sendmail"), "-q"], cwd="/")
        self.assertEqual((result.code, result.stdout, result.stderr),
                         (0, "", ""))
        self.delivered()
        self.assertEqual(self.ids(), [])

    def test_lost_rights_are_the_only_hint(self):
        """chown to the caller would break it for everybody else."""
        result = run(["setpriv", "--no-new-privs", "--reuid", str(ALICE),
                      "--regid", str(ALICE), "--clear-groups",
                      str(self.bin / "sendmail"), "bob@example.net"],
                     stdin=b"Subject: x\n\nx\n", cwd="/")
        self.assertNotEqual(result.code, 0)
        self.assertEqual(result.stderr.count("hint: "), 1, result.stderr)
        self.assertIn("NoNewPrivileges=no", result.stderr)
        for command in ("chown", "chgrp", "chmod", "install -d"):
            self.assertNotIn(command, result.stderr)

    def test_the_installations_user_trusts_root_alone(self):
        """What sendmail refuses the timer must not believe."""
        os.chown(self.installed, USER, USER)
        for uid in (ALICE, USER, 0):
            result = self.as_user(uid, "sendmail", "-bv", "b@example.net")
            self.assert_failed(result, 78, "mailbearer.conf", "chown")


TIMER = os.path.join(os.environ.get("srcdir", "."), "etc", "install-timer")


class InstallTimer(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="timer.")
        self.addCleanup(shutil.rmtree, self.top)

    def install(self, action, mode, unitdir):
        if not os.path.exists(TIMER) or not os.path.exists(
                "contrib/cron.d/mailbearer"):
            self.skipTest("not in a build directory")
        subprocess.run(["sh", TIMER, action, mode, self.top, unitdir,
                        "/etc/cron.d", os.environ.get("srcdir", ".")],
                       check=True)
        return sorted(os.path.relpath(os.path.join(where, name), self.top)
                      for where, _, names in os.walk(self.top)
                      for name in names)

    def test_with_destdir_files_are_copied_and_removed(self):
        for unitdir, files in (
                ("/lib/systemd/system",
                 ["lib/systemd/system/mailbearer-queue.service",
                  "lib/systemd/system/mailbearer-queue.timer"]),
                ("no", ["etc/cron.d/mailbearer"])):
            self.assertEqual(self.install("install", "no", unitdir), [])
            self.assertEqual(self.install("install", "auto", unitdir), files)
            for name in files:
                with open(os.path.join(self.top, name),
                          encoding="ascii") as text:
                    self.assertNotRegex(text.read(), "@[a-z]+@")
            self.assertEqual(self.install("uninstall", "auto", unitdir), [])


if __name__ == "__main__":
    unittest.main()
