#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Queue runs against the sandbox: what waits is sent, once."""

import email
import os
import re
import resource
import signal
import subprocess
import time
import unittest

import harness

PROBE = os.path.abspath("tests/integration/runner_probe")
IN_FLIGHT = 8       # messages on their way on one connection
READY = 8           # messages that are locked to follow them


class Queue(harness.Case):
    """A spool, and the probe that runs it."""

    def setUp(self):
        super().setUp()
        self.spool = self.directory / "spool"
        self.spool.mkdir(mode=0o750)
        self.use()

    def use(self, **changes):
        settings = {"spool": True, "spool_directory": str(self.spool),
                    "spool_reserve": "0", "send_timeout": "5s",
                    "messages_per_minute": 100000, **changes}
        return self.config(**settings)

    def queue(self, count=1, recipient="bob@example.net", body=b"x"):
        """Spools messages without trying to send them."""
        for number in range(count):
            done = self.sendmail(
                "-odq", "-f", "alerts@contoso.com", recipient,
                stdin=b"Subject: %d\n\n%s\n" % (number, body))
            self.assertEqual(done.code, 0, done.stderr)

    def command(self, *words):
        return [PROBE, str(self.directory / "mailbearer.conf"), *words]

    def run_queue(self, linger=0, *words):
        """(tried, delivered, deferred, failed)"""
        done = harness.run(self.command(str(linger), *words))
        self.assertEqual(done.code, 0, done.stderr)
        return tuple(map(int, done.stdout.split()))

    def waiting(self, part="new"):
        return sorted(os.listdir(self.spool / part))


class Runner(Queue):

    def test_what_waits_is_sent_over_one_connection(self):
        self.queue(20)
        self.assertEqual(self.run_queue(), (20, 20, 0, 0))
        self.delivered(20)
        self.assertEqual(self.waiting(), [])
        self.assertEqual(len(self.sandbox.sessions()), 1)
        self.assertEqual(len(self.sandbox.token_requests()), 1)
        self.assertEqual(len(re.findall(r"^.*\bsent\b.*id=", self.log_text(),
                                        re.M)), 20)

    def test_what_is_deferred_waits_and_is_not_asked_again_at_once(self):
        self.queue()
        self.sandbox.scenario("mrh1", times=1)
        self.assertEqual(self.run_queue(), (1, 0, 1, 0))
        self.assertEqual(len(self.waiting()), 1)
        self.assertEqual(self.run_queue(), (0, 0, 0, 0))
        self.assertEqual(self.run_queue(0, "force")[:2], (1, 1))
        self.delivered(1)

    def test_what_is_refused_goes_to_failed(self):
        self.queue(body=10 * b"y")
        self.sandbox.scenario("too_large", times=1)
        self.assertEqual(self.run_queue(), (1, 0, 0, 1))
        self.assertEqual(self.waiting(), [])
        self.assertEqual(len(self.waiting("failed")), 1)
        self.assertIn("given-up", self.log_text())

    def test_a_refused_credential_stops_asking_for_that_account(self):
        self.queue(5)
        self.sandbox.scenario("smtp_auth_off_mailbox")
        self.assertEqual(self.run_queue(), (1, 0, 1, 0))
        self.assertEqual(len(self.waiting()), 5)
        self.assertEqual(len(self.sandbox.sessions()), 1)
        self.assertEqual(self.run_queue(), (0, 0, 0, 0))
        self.assertEqual(len(self.sandbox.sessions()), 1)

    def test_a_sender_that_is_refused_stops_no_other(self):
        """send-as may name more than the mailbox may: the caller's choice."""
        self.use(extra_account='send-as = "*@contoso.com"')
        self.sendmail("-odq", "bob@example.net",
                      stdin=b"From: nobody@contoso.com\n\nx\n")
        self.queue(3)
        self.assertEqual(self.run_queue(), (4, 3, 1, 0))
        self.delivered(3)
        self.assertEqual(self.sendmail("bob@example.net").code, 0)
        self.delivered(4)

    def test_a_432_pauses_the_account(self):
        self.queue(3)
        self.sandbox.scenario("too_many_connections", times=1)
        self.assertEqual(self.run_queue(), (1, 0, 1, 0))
        self.assertEqual(self.run_queue(), (0, 0, 0, 0))
        self.assertEqual(len(self.waiting()), 3)

    def test_what_became_of_some_is_logged_once(self):
        done = self.sendmail("-odq", "bob@example.net", "gone@example.net",
                             "late@example.net")
        self.assertEqual(done.code, 0, done.stderr)
        self.sandbox.scenario("reply@rcpt:late@example.net=450 4.2.1 Later")
        self.sandbox.scenario("reply@rcpt:gone@example.net=550 5.1.1 Unknown")
        for _ in range(3):
            self.assertEqual(self.run_queue(0, "force"), (1, 0, 1, 0))
        self.assertEqual(
            re.findall(r" (sent|failed|deferred) .*\bto=(\w+)",
                       self.log_text()),
            [("sent", "bob"), ("failed", "gone"), ("deferred", "late"),
             ("deferred", "late"), ("deferred", "late")])

    def test_a_432_pauses_whoever_was_served_before(self):
        self.sendmail("-odq", "bob@example.net", "late@example.net")
        self.sandbox.scenario("reply@rcpt:late@example.net=450 4.2.1 Later",
                              times=1)
        self.assertEqual(self.run_queue(0, "force"), (1, 0, 1, 0))
        self.sandbox.scenario("too_many_connections", times=1)
        self.assertEqual(self.run_queue(0, "force"), (1, 0, 1, 0))
        self.assertEqual(self.run_queue(0, "force"), (0, 0, 0, 0))
        self.sandbox.clear()
        self.queue()
        self.assertEqual(self.run_queue(), (0, 0, 0, 0))

    def test_an_unreachable_server_is_not_asked_for_each_message(self):
        self.queue(5)
        self.use(port=1)
        self.assertEqual(self.run_queue(), (1, 0, 1, 0))
        self.assertEqual(len(self.waiting()), 5)

    def test_the_minute_is_kept(self):
        self.use(messages_per_minute=4)
        self.queue(7)
        self.assertEqual(self.run_queue(), (4, 4, 0, 0))
        self.assertEqual(len(self.waiting()), 3)

    def test_what_was_said_before_the_minute_was_full_is_written_down(self):
        self.use(messages_per_minute=1, max_recipients=1)
        done = self.sendmail("-odq", "nobody@example.net", "bob@example.net")
        self.assertEqual(done.code, 0, done.stderr)
        self.sandbox.scenario("reply@rcpt=550 5.1.1 User unknown", times=1)
        self.assertEqual(self.run_queue(), (1, 0, 1, 0))
        self.use(max_recipients=1)
        self.assertEqual(self.run_queue(0, "force"), (1, 0, 0, 1))
        message, = self.delivered()
        self.assertEqual([r.address for r in message.recipients],
                         ["bob@example.net"])
        said = [line for _, line in self.sandbox.commands()
                if line.upper().startswith("RCPT TO:<NOBODY")]
        self.assertEqual(len(said), 1)
        self.assertNotIn("possible-duplicate", self.log_text())

    def test_without_limits_a_run_has_one_connection_too(self):
        (self.directory / "nothing").write_text("")
        self.use(state_directory=str(self.directory / "nothing" / "state"))
        self.queue(3)
        self.assertEqual(self.run_queue(), (3, 3, 0, 0))
        self.assertEqual(len(self.sandbox.sessions()), 1)

    def test_a_broken_file_stops_nobody(self):
        self.queue(3)
        victim = self.spool / "new" / self.waiting()[1]
        data = bytearray(victim.read_bytes())
        data[-200] ^= 1
        victim.write_bytes(data + b"more\n")
        (self.spool / "new" / "stranger").write_text("x")
        self.assertEqual(self.run_queue(), (2, 2, 0, 0))
        self.delivered(2)
        self.assertEqual(self.waiting("failed"), [victim.name + ".broken"])
        self.assertIn("broken", self.log_text())

    def test_what_killed_processes_leave_is_swept(self):
        self.queue()
        state = self.directory / "state"
        paths = [self.spool / ".unnamed.0123456789abcdef",
                 state / ".token-contoso.json.0123456789abcdef",
                 state / ".young.0123456789abcdef"]
        self.use(state_directory=str(state))
        state.mkdir(mode=0o750, exist_ok=True)
        for path in paths:
            path.touch(mode=0o640)
        for path in paths[:2]:
            os.utime(path, (time.time() - 90000,) * 2)
        self.run_queue()
        self.assertEqual([path.exists() for path in paths],
                         [False, False, True])

    def test_filters(self):
        self.queue(2)
        self.queue(1, "carol@example.net")
        self.assertEqual(self.run_queue(0, "force", "CAROL"), (1, 1, 0, 0))
        self.assertEqual(len(self.waiting()), 2)

    def test_many_runners_send_each_message_once(self):
        self.queue(40)
        runners = [subprocess.Popen(self.command("15000"),
                                    stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
                   for _ in range(6)]
        for runner in runners:
            self.assertEqual(runner.wait(timeout=60), 0)
        self.delivered(40)
        self.assertEqual(self.waiting(), [])
        self.assertLessEqual(self.sandbox.peak_connections(), 3)
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    def test_a_third_detached_runner_is_none(self):
        self.queue(4)
        self.sandbox.scenario("latency", seconds=0.5)
        runners = [subprocess.Popen(self.command("0", "detached"),
                                    stdout=subprocess.DEVNULL)
                   for _ in range(2)]
        time.sleep(0.7)
        self.assertEqual(self.run_queue(0, "detached"), (0, 0, 0, 0))
        self.assertNotEqual(self.waiting(), [])
        self.sandbox.clear()
        for runner in runners:
            self.assertEqual(runner.wait(timeout=60), 0)
        self.delivered(4)

    def test_a_detached_runner_has_nothing_of_its_caller(self):
        self.queue(2)
        self.sandbox.scenario("latency", seconds=0.3)
        before = time.monotonic()
        # Ends when nobody has the pipe any more.
        done = harness.run(self.command("0", "start"), cwd="/tmp")
        self.assertEqual((done.code, done.stdout), (0, "0\n"))
        self.assertLess(time.monotonic() - before, 0.5)
        self.assertEqual(len(self.waiting()), 2)
        self.sandbox.clear()
        end = time.monotonic() + 20
        while self.waiting() and time.monotonic() < end:
            time.sleep(0.1)
        self.delivered(2)

    def test_no_runner_under_limits_too_low_for_one(self):
        done = harness.run(
            self.command("0", "start"), preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
        self.assertEqual((done.code, done.stdout), (0, "1\n"))

    def test_killed_runners_lose_and_repeat_nothing_silently(self):
        """Killed at any time: delivered once, or twice with a warning."""
        self.queue(30)
        self.sandbox.scenario("latency", seconds=0.01)
        for number in range(12):
            runner = subprocess.Popen(self.command("0", "force"),
                                      stdout=subprocess.DEVNULL)
            time.sleep(0.05 + 0.035 * number)
            runner.send_signal(signal.SIGKILL)
            runner.wait()
        self.sandbox.clear()
        self.run_queue(0, "force")
        self.assertEqual(self.waiting(), [])
        self.assertEqual(self.waiting("failed"), [])
        subjects = [harness.field(message.data, "Subject")[0]
                    for message in self.sandbox.messages()]
        self.assertEqual(len(set(subjects)), 30)
        repeated = len(subjects) - 30
        warned = self.log_text().count("possible-duplicate")
        self.assertLessEqual(repeated, warned)

    def kill_at(self, call, number):
        """Kills a runner before the n-th call of that name.  False if it does
        not make so many."""
        done = harness.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e",
             f"inject={call}:signal=KILL:when={number}", *self.command("0")],
            timeout=60)
        return done.code != 0

    def test_killed_at_each_call_that_touches_the_spool(self):
        """Delivered once; or twice, and the log has a line that says so."""
        self.may_trace()
        for count in (1, 3):        # alone, and together in a list
            for call in ("fstatfs", "pwrite64", "fdatasync", "unlinkat",
                         "fsync"):
                for number in range(1, 13):
                    with self.subTest(count=count, call=call, number=number):
                        if not self.killed_at(call, number, count):
                            break
                self.assertGreater(number, 1, call)

    def killed_at(self, call, number, count):
        self.sandbox.reset()
        self.log.unlink(missing_ok=True)
        self.queue(count)
        was_killed = self.kill_at(call, number)
        self.run_queue(0, "force")
        self.assertEqual(self.waiting(), [])
        self.assertEqual(sorted(os.listdir(self.spool)), ["failed", "new"])
        warned = self.log_text().count("possible-duplicate")
        subjects = [harness.field(message.data, "Subject")[0]
                    for message in self.sandbox.messages()]
        self.assertEqual(len(set(subjects)), count)
        self.assertLessEqual(len(subjects) - count, warned)
        return was_killed

    def may_trace(self):
        if harness.run(["strace", "-qq", "-o", "/dev/null", "-e",
                        "inject=chdir:error=EIO", "true"]).code != 0:
            self.skipTest("strace may not trace here")

    def calls(self, name, *injected):
        """How often a run does it."""
        trace = self.directory / "trace"
        done = harness.run(["strace", "-qq", "-o", str(trace), "-e",
                            "trace=" + name, *injected,
                            *self.command("0", "force")], timeout=60)
        self.assertEqual(done.code, 0, done.stderr)
        return len(re.findall("^" + name, trace.read_text(), re.M))

    def syncs(self, *injected):
        """How often a run syncs a file."""
        return self.calls("fdatasync", *injected)

    def test_a_write_that_fails_keeps_nobody_waiting(self):
        """It is the end of the connection, whatever the server still says to
        what had left before."""
        self.may_trace()
        for number in range(8, 18):
            with self.subTest(number=number):
                self.sandbox.reset()
                self.log.unlink(missing_ok=True)
                for _ in range(4):
                    self.queue()
                    self.queue(body=(b"y" * 70 + b"\n") * 126)
                harness.run(["strace", "-qq", "-o", "/dev/null", "-e",
                             "trace=sendto", "-e",
                             "inject=sendto:error=ECONNRESET:when=%d" % number,
                             *self.command("0", "force")], timeout=20)
                self.run_queue(0, "force")
                self.assertEqual(self.waiting(), [])
                self.assertLessEqual(
                    len(self.sandbox.messages()) - 8,
                    self.log_text().count("possible-duplicate=yes"))

    def test_one_sync_for_eight_messages(self):
        self.may_trace()
        self.queue(24)
        self.assertEqual(self.syncs(), 3)
        self.delivered(24)
        self.assertEqual(sorted(os.listdir(self.spool)), ["failed", "new"])

    def test_those_that_are_ready_leave_together(self):
        self.may_trace()
        self.queue(24)
        # Seven up to the first message and two for the end; 24 each on its own.
        self.assertLessEqual(self.calls("sendto"), 9 + 24 / 2)
        self.delivered(24)

    def test_who_was_served_is_on_the_disk_before_the_others_are(self):
        self.may_trace()
        for _ in range(4):
            done = self.sendmail("-odq", "bob@example.net", "late@example.net")
            self.assertEqual(done.code, 0, done.stderr)
        self.sandbox.scenario("reply@rcpt:late@example.net=450 4.2.1 Later")
        self.assertEqual(self.syncs(), 1 + 4)   # list, attempts
        self.sandbox.clear()
        self.assertEqual(self.syncs(), 1 + 4)   # list, records of data sent
        self.delivered(8)

    def test_a_list_that_cannot_be_written_costs_a_sync_each(self):
        self.may_trace()
        self.queue(8)
        self.assertEqual(
            self.syncs("-e", "inject=fdatasync:error=EIO:when=1"), 9)
        self.delivered(8)
        self.assertEqual(sorted(os.listdir(self.spool)), ["failed", "new"])

    def test_who_has_to_wait_is_not_listed(self):
        """The first eight, or a few more, until the limit is found reached."""
        self.may_trace()
        self.use(messages_per_minute=5)
        self.queue(50)
        self.assertEqual(self.run_queue(0, "force")[1], 5)
        self.assertLessEqual(self.syncs(), 2)
        self.assertEqual(len(self.waiting()), 45)

    def lists_after(self, fault):
        """Lists that a run leaves behind in which a call fails; what waits is
        then sent, and the next run sees to them."""
        self.may_trace()
        self.queue(4)
        harness.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e",
                     "inject=" + fault, *self.command("0")])
        lists = [name for name in os.listdir(self.spool)
                 if name.startswith("manifest.")]
        self.sandbox.clear()
        self.run_queue(0, "force")
        self.assertEqual(sorted(os.listdir(self.spool)), ["failed", "new"])
        self.assertEqual(self.waiting(), [])
        return len(lists)

    def test_what_may_come_back_stays_listed(self):
        """The removals are not on the disk: fsync is of the new list, its
        directory, and then of new/."""
        self.assertEqual(self.lists_after("fsync:error=EIO:when=3+"), 1)
        self.delivered(4)

    def test_what_cannot_be_written_down_stays_listed(self):
        """Deferred, and nothing but the list is on the disk."""
        self.sandbox.scenario("mrh1")
        self.assertGreaterEqual(
            self.lists_after("fdatasync:error=EIO:when=2+"), 1)
        self.delivered(4)

    def test_a_stopped_runner_keeps_what_it_has_begun_only(self):
        self.queue(30)
        self.sandbox.scenario("latency", seconds=0.2)
        stopped = subprocess.Popen(self.command("0"),
                                   stdout=subprocess.DEVNULL)
        self.addCleanup(stopped.kill)
        end = time.monotonic() + 30
        while not self.sandbox.messages() and time.monotonic() < end:
            time.sleep(0.05)
        stopped.send_signal(signal.SIGSTOP)
        self.sandbox.clear()
        self.run_queue(3000, "plain")
        self.assertLessEqual(len(self.waiting()), IN_FLIGHT + READY)
        stopped.send_signal(signal.SIGCONT)
        self.assertEqual(stopped.wait(timeout=30), 0)
        self.run_queue(0, "force")
        self.delivered(30)

    def test_a_lost_answer_is_named(self):
        self.queue(1)
        self.sandbox.scenario("no_answer", action="close", accepted="yes",
                              times=1)
        self.assertEqual(self.run_queue(), (1, 0, 1, 0))
        self.assertEqual(self.run_queue(0, "force")[1], 1)
        self.assertEqual(len(self.sandbox.messages()), 2)

    def test_a_disk_that_takes_nothing_ends_the_run(self):
        """Or each message would be said to the server once a minute."""
        if harness.run(["strace", "-qq", "-o", "/dev/null", "-e",
                        "inject=chdir:error=EIO", "true"]).code != 0:
            self.skipTest("strace may not trace here")
        self.queue(3)
        done = harness.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e",
             "inject=pwrite64,fallocate:error=ENOSPC", *self.command("0")])
        self.assertEqual((done.code, done.stdout.split()[:2]),
                         (0, ["1", "0"]), done.stderr)
        self.assertEqual(self.sandbox.messages(), [])
        self.assertEqual(self.run_queue(), (3, 3, 0, 0))
        self.delivered(3)

    def test_a_file_that_takes_nothing_stops_no_other(self):
        """The oldest, and so the first in each run, cannot be written down."""
        def no_large_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (700000, 700000))

        self.queue(1, body=b"x" * 70 + b"\n" + b"y\n" * 500000)
        self.queue(3)
        for expected in ["4 3 1 0", "1 0 1 0"]:
            done = harness.run(self.command("0"), preexec_fn=no_large_files)
            self.assertEqual(done.stdout.strip(), expected, done.stderr)
        self.assertEqual(len(self.waiting()), 1)
        self.assertEqual(self.run_queue(), (1, 1, 0, 0))
        self.delivered(4)

    def test_a_message_too_old_is_given_up(self):
        self.use(retry_for="1s")
        self.queue(1)
        self.sandbox.scenario("mrh1")
        for _ in range(7):
            self.assertEqual(self.run_queue(0, "force")[3], 0)
        time.sleep(1.1)
        self.run_queue(0, "force")
        self.assertEqual(self.waiting(), [])
        self.assertEqual(len(self.waiting("failed")), 1)


class InFlight(Queue):
    """Messages that are said before the last one is answered."""

    def setUp(self):
        super().setUp()
        for number in range(12):
            self.queue(1, "r%d@example.net" % number)

    def arrived(self):
        """The recipient of each message that was accepted."""
        return [message.recipients[0].address.split("@")[0]
                for message in self.sandbox.messages()]

    def logged(self, event):
        """{recipient: line} of the log's lines about an attempt."""
        return {re.search(r"to=(r\d+)@", line)[1]: line
                for line in self.log_text().splitlines()
                if " %s " % event in line}

    everybody = {"r%d" % number for number in range(12)}

    def test_the_wire_is_kept_full(self):
        self.sandbox.scenario("latency", seconds=0.4)
        self.assertEqual(self.run_queue(), (12, 12, 0, 0))
        session, = self.sandbox.sessions()
        # Seven up to the first message; one for each would be eighteen.
        self.assertLessEqual(session["flights"], 13)
        self.delivered(12)

    def test_who_waited_for_room_is_what_he_was(self):
        """How a body is encoded is decided anew after each wait, from the
        header as it was."""
        self.assertEqual(self.run_queue(), (12, 12, 0, 0))
        line = b"a=3Db " * 400
        self.queue(3, body=line)
        self.sandbox.scenario("latency", seconds=0.2)
        # The second waits: not before the first is taken is BDAT known to work.
        self.assertEqual(self.run_queue(), (3, 3, 0, 0))
        for message in self.delivered(15)[-3:]:
            mail = email.message_from_bytes(message.data)
            self.assertEqual(mail["Content-Transfer-Encoding"],
                             "quoted-printable")
            self.assertEqual(mail.get_payload(decode=True).rstrip(),
                             line.rstrip())

    def test_each_has_his_own_answer(self):
        self.sandbox.scenario("reply@rcpt:r3@example.net=550 5.1.1 No r3 here")
        self.sandbox.scenario("reply@rcpt:r6@example.net=451 4.3.0 r6 is busy")
        self.sandbox.scenario("reply@end-of-data=554 5.6.0 Not this one",
                              times=1, after=7)
        self.assertEqual(self.run_queue(), (12, 9, 1, 2))
        failed, deferred = self.logged("failed"), self.logged("deferred")
        self.assertIn("No r3 here", failed.pop("r3"))
        self.assertIn("r6 is busy", deferred.pop("r6"))
        (other, line), = failed.items()
        self.assertIn("Not this one", line)
        self.assertEqual(deferred, {})
        self.assertEqual(sorted(self.arrived()),
                         sorted(self.everybody - {"r3", "r6", other}))
        self.assertEqual(set(self.logged("sent")), set(self.arrived()))
        self.assertEqual(len(self.sandbox.sessions()), 1)

    def test_a_refused_sender_is_refused_alone(self):
        self.sandbox.scenario("reply@mail=451 4.3.0 Not now", times=2,
                              after=4)
        self.assertEqual(self.run_queue(), (12, 10, 2, 0))
        self.assertEqual(len(self.sandbox.sessions()), 1)
        self.assertEqual(self.run_queue(0, "force")[1], 2)
        self.assertEqual(sorted(self.arrived()), sorted(self.everybody))

    def test_a_lost_connection_doubles_no_more_than_is_named(self):
        self.sandbox.scenario("no_answer", action="close", accepted="yes",
                              times=1, after=3)
        tried, delivered, deferred, failed = self.run_queue()
        self.assertEqual((delivered, failed), (3, 0))
        named = self.log_text().count("possible-duplicate=yes")
        self.assertEqual(named, deferred)
        self.assertTrue(1 <= named <= IN_FLIGHT, named)
        self.assertEqual(len(self.waiting()), 9)
        self.run_queue(0, "force")
        self.assertEqual(self.waiting(), [])
        self.assertEqual(set(self.arrived()), self.everybody)
        self.assertEqual(len(self.arrived()), 13)

    def test_after_421_nothing_is_unknown(self):
        self.sandbox.scenario("reply@rcpt=421 4.3.2 Shutting down", times=1,
                              after=4)
        tried, delivered, deferred, failed = self.run_queue()
        self.assertEqual((delivered, failed), (4, 0))
        self.assertLessEqual(deferred, IN_FLIGHT)
        self.run_queue(0, "force")
        self.assertNotIn("possible-duplicate", self.log_text())
        self.assertEqual(self.waiting(), [])
        self.assertEqual(sorted(self.arrived()), sorted(self.everybody))

    def test_who_was_not_begun_goes_on_the_next_connection(self):
        self.sandbox.scenario(
            "reply@end-of-data=250 2.0.0 Taken\n421 4.3.2 Enough", times=1)
        self.assertEqual(self.run_queue(), (12, 12, 0, 0))
        self.assertEqual(len(self.sandbox.sessions()), 2)
        self.assertEqual(sorted(self.arrived()), sorted(self.everybody))

    def test_a_throttled_account_gets_nothing_new(self):
        self.sandbox.scenario("too_many_connections", times=1, after=2)
        tried, delivered, deferred, failed = self.run_queue()
        self.assertLessEqual(tried, 3 + IN_FLIGHT)
        self.assertEqual((tried, failed), (delivered + deferred, 0))
        self.assertEqual(len(self.waiting()), 12 - delivered)
        self.assertEqual(self.run_queue(), (0, 0, 0, 0))
        self.assertEqual(len(self.arrived()), delivered)

    def test_the_minute_is_kept_in_flight(self):
        self.use(messages_per_minute=5)
        self.assertEqual(self.run_queue(), (5, 5, 0, 0))
        self.delivered(5)

    def test_large_ones_wait_for_their_turn(self):
        self.queue(1, "large@example.net", (b"0123456789" * 7 + b"\n") * 3000)
        self.queue(3, "after@example.net")
        self.assertEqual(self.run_queue(), (16, 16, 0, 0))
        self.assertEqual(len(self.sandbox.sessions()), 1)
        self.assertEqual(set(self.arrived()),
                         self.everybody | {"large", "after"})
        self.delivered(16)


if __name__ == "__main__":
    unittest.main()
