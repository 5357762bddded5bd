"""With the spool on a caller's message is sent, kept or refused: never lost,
never twice but where an answer was lost."""
import collections
import os
import resource
import signal
import subprocess
import time
import unittest

import harness
from harness import Case, PROGRAM, SIMPLE, run


class NothingLost(Case):
    def setUp(self):
        super().setUp()
        self.spool = self.directory / "spool"
        self.state = self.directory / "state"
        for path in (self.spool, self.state):
            path.mkdir(mode=0o750)
        self.spooling()

    def spooling(self, **changes):
        return self.config(
            spool=True, spool_directory=str(self.spool),
            state_directory=str(self.state), messages_per_minute=10000,
            **changes)

    def waiting(self):
        return sorted((self.spool / "new").glob("*"))

    def failed(self):
        return sorted((self.spool / "failed").glob("*"))

    def run_queue(self):
        """As root's run: whatever waits is due; no account pauses any more."""
        for pause in self.state.glob("pause-*"):
            pause.unlink()
        result = self.sendmail("-q", stdin=None)
        self.assertEqual(result.code, 0, result.stderr)

    def assert_kept(self, result, count=1):
        self.assertEqual((result.code, result.stdout, result.stderr),
                         (0, "", ""))
        self.assertEqual(len(self.waiting()), count)
        self.assertIn(" spooled ", self.log_text())

    def deliveries(self):
        return collections.Counter(
            r.address for m in self.sandbox.messages() for r in m.recipients)

    def test_what_is_kept_and_what_is_refused(self):
        """Design section 8, column "spool on"."""
        rows = [("smtp_auth_off_tenant", 0), ("bad_token", 0), ("prx4", 0),
                ("auth_temporary", 0), ("not_available", 0),
                ("no_full_access", 0), ("too_many_connections", 0),
                ("send_as_denied", 0), ("daily_quota", 0),
                ("mailbox_full", 0), ("outbound_spam", 0), ("mrh1", 0),
                ("no_starttls", 0), ("old_tls", 0), ("too_large", 65),
                ("unauthenticated_at_mail", 0),
                ("reply@rcpt=550 5.1.1 User unknown", 67),
                ("reply@rcpt=550 5.1.2 Host unknown", 68),
                ("reply@rcpt=451 4.3.0 Later", 0),
                ("reply@end-of-data=554 5.0.0 No", 69)]
        for scenario, code in rows:
            with self.subTest(scenario=scenario):
                self.sandbox.clear()
                for path in (*self.state.glob("pause-*"), *self.waiting(),
                             *self.failed()):
                    path.unlink()
                self.sandbox.scenario(scenario)
                result = self.sendmail("b@example.net")
                self.assertEqual(result.code, code, result.stderr)
                self.assertEqual(len(self.waiting()), 1 if code == 0 else 0)
                self.assertEqual(len(self.failed()), 0 if code == 0 else 1)
                self.assertEqual(result.stderr == "", code == 0)

    def test_partial_acceptance(self):
        """Accepted, deferred and refused go their own ways."""
        self.sandbox.scenario("reply@rcpt:bad@x.example=550 5.1.1 Unknown")
        self.sandbox.scenario("reply@rcpt:later@x.example=451 4.3.0 Later")
        result = self.sendmail("good@x.example", "bad@x.example",
                               "later@x.example")
        self.assertEqual(result.code, 0)
        self.assertIn("bad@x.example", result.stderr)
        self.assertEqual((len(self.waiting()), len(self.failed())), (1, 1))
        self.assertRegex(self.log_text(), r" spooled .* nrcpt=1\b")
        self.sandbox.clear()
        self.run_queue()
        self.assertEqual(self.deliveries(),
                         {"good@x.example": 1, "later@x.example": 1})
        self.assertEqual((len(self.waiting()), len(self.failed())), (0, 1))
        self.assertNotIn("given-up", self.log_text())

    def test_partial_acceptance_where_failed_is_full(self):
        """Nobody has what was refused: that is no success."""
        if run(["strace", "-qq", "-o", "/dev/null", "-e",
                "inject=chdir:error=EIO", "true"]).code != 0:
            self.skipTest("strace may not trace here")
        self.sandbox.scenario("reply@rcpt:bad@x.example=550 5.1.1 Unknown")
        result = run([
            "strace", "-qq", "-f", "-o", "/dev/null",
            "-e", "inject=linkat:error=ENOSPC", str(PROGRAM), "sendmail", "-C",
            str(self.directory / "mailbearer.conf"), "good@x.example",
            "bad@x.example"], SIMPLE)
        self.assertEqual(result.code, 67, result.stderr)
        self.assertIn("bad@x.example", result.stderr)
        self.assertEqual(self.deliveries(), {"good@x.example": 1})
        self.assertEqual((self.waiting(), self.failed()), ([], []))

    def test_cut_off_at_each_step(self):
        for step in ("connect", "banner", "ehlo", "starttls", "tls", "ehlo2",
                     "auth", "mail", "rcpt", "data", "end-of-data"):
            with self.subTest(step=step):
                self.sandbox.clear()
                self.sandbox.reset()
                self.sandbox.scenario("no_chunking")
                self.sandbox.scenario("close@" + step, times=1)
                self.assertEqual(self.sendmail("b@example.net").code, 0)
                self.run_queue()
                self.assertEqual(self.waiting(), [])
                self.assertEqual(self.deliveries(), {"b@example.net": 1})

    def test_a_lost_answer_may_duplicate_and_is_named(self):
        self.sandbox.scenario("no_answer", action="close", accepted="yes",
                              times=1)
        self.assert_kept(self.sendmail("b@example.net"))
        self.assertIn("may have been delivered", self.log_text())
        self.assertIn("possible-duplicate", self.log_text())
        self.run_queue()
        self.assertEqual(self.deliveries(), {"b@example.net": 2})
        ids = {harness.field(m.data, "Message-ID")[0]
               for m in self.sandbox.messages()}
        self.assertEqual(len(ids), 1)

    def test_the_token_endpoint_is_down(self):
        self.sandbox.scenario("http_503")
        for number in range(1, 4):
            self.assert_kept(self.sendmail(f"b{number}@example.net"), number)
        self.sandbox.clear()
        for cache in self.state.glob("token-*.json"):
            cache.unlink()      # an hour passes
        self.run_queue()
        self.assertEqual(len(self.deliveries()), 3)

    def test_a_wrong_config_is_told_and_a_missing_one_too(self):
        """Under -C there is no compiled-in spool to fall back on."""
        path = self.directory / "mailbearer.conf"
        path.write_text("nonsense = 1\n", encoding="utf-8")
        self.assertEqual(self.sendmail("b@example.net").code, 78)

    def test_a_sender_killed_at_any_time(self):
        """It was kept, sent, or the caller saw it die: never half of it."""
        self.sandbox.scenario("latency", seconds=0.01)
        for delay in [n * 0.012 for n in range(30)]:
            self.sandbox.reset()
            process = subprocess.Popen(
                [str(harness.PROGRAM), "sendmail", "-C",
                 str(self.directory / "mailbearer.conf"), "b@example.net"],
                stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            process.stdin.write(SIMPLE)
            process.stdin.close()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            code = process.wait()
            if code == 0:
                self.assertEqual(self.deliveries()["b@example.net"] +
                                 len(self.waiting()), 1)
            self.run_queue()
            self.assertEqual(self.waiting(), [])
            self.assertLessEqual(self.deliveries()["b@example.net"], 1)

    def test_the_spool_cannot_be_written(self):
        for path in self.spool.iterdir() if self.spool.exists() else []:
            path.rmdir()
        self.spool.rmdir()
        self.spool.write_text("")       # no directory at all
        self.sandbox.scenario("prx4")
        result = self.sendmail("b@example.net")
        self.assertEqual(result.code, 73)
        self.assertRegex(result.stderr, "PRX4|AUTH")
        self.sandbox.clear()
        # What can be sent at once needs no spool.
        self.assertEqual(self.sendmail("b@example.net").code, 0)

    def test_a_caller_without_room_for_a_file(self):
        def no_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        self.sandbox.scenario("prx4")
        result = self.sendmail("b@example.net", preexec_fn=no_files)
        self.assertEqual(result.code, 73, result.stderr)
        self.assertEqual(self.waiting(), [])
        self.sandbox.clear()
        self.assertEqual(self.sendmail("b@example.net").code, 0)

    def test_a_hundred_megabytes(self):
        """Through the spool and out, byte for byte, in little memory."""
        line = b"0123456789" * 7 + b"\n"
        count = 100 * 1024 * 1024 // len(line)
        path = self.directory / "large"
        with open(path, "wb") as f:
            f.write(b"Subject: large\n\n")
            for _ in range(count // 1000):
                f.write(line * 1000)
        with open(path, "rb") as f:
            self.assert_kept(self.sendmail("-i", "-odq", "b@example.net",
                                           stdin=f))
        self.run_queue()
        self.assertEqual(self.waiting(), [])
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        body = self.delivered()[0].data.partition(b"\r\n\r\n")[2]
        self.assertEqual(body, (line[:-1] + b"\r\n") * (count // 1000 * 1000))
        if "ASAN_OPTIONS" not in os.environ:
            self.assertLess(peak, 64 * 1024)    # Python's own, before exec

    def test_a_thousand_waiting(self):
        for _ in range(4):
            self.assertEqual(run(
                ["sh", "-c", 'i=0; while [ $i -lt 250 ]; do i=$((i+1)); '
                 'printf "Subject: x\\n\\nx\\n" | "$@" r$i@example.net || '
                 "exit 1; done", "sh", str(harness.PROGRAM), "sendmail", "-C",
                 str(self.directory / "mailbearer.conf"), "-odq"]).code, 0)
        self.assertEqual(len(self.waiting()), 1000)
        self.run_queue()
        self.assertEqual(self.waiting(), [])
        self.assertEqual(set(self.deliveries().values()), {4})
        self.assertEqual(len(self.sandbox.messages()), 1000)
        self.assertLessEqual(len(self.sandbox.sessions()), 2)


if __name__ == "__main__":
    unittest.main()
