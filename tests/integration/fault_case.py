"""A spool, a state directory and a sandbox for faults, and the judgement of what
came of one.

Whatever fails: who is told 0 finds his message delivered or in the spool, who is
told anything else is told why, nothing crashes or hangs, nothing is left lying
about, no descriptor is left open, and what is freed holds no secret.  After some
hundred faults the queue is run without any, and everything that was promised must
have arrived; twice only where the log has said that it might.
"""
import base64
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import time

import harness
from fault_file import FaultFile
from fault_modes import Done
from harness import PROGRAM, SIMPLE

BATCH = 400             # cases after which all must have arrived
WAITING = 30            # messages in the spool, after which it is emptied
SYSTEM = re.compile(r"^(libc|ld-linux|libpthread)\b")
# What crashes in the C library when its tables could not be had.
NAME_SERVICE = re.compile(r"^libc\S*:(getpw|getgr|getaddrinfo|gethost)")
# What lies about in the spool and beside it for good.
SPOOL = {"new", "failed", "lock"}
TEMPORARY = re.compile(r"\.tmp|^tmp\.|\.new")


class Faults(harness.Case):
    def setUp(self):
        super().setUp()
        self.spool = self.directory / "spool"
        self.state = self.directory / "state"
        for path in (self.spool, self.state):
            path.mkdir(mode=0o750)
        self.write_configs()
        # The token is cached from now on.
        result = self.sendmail("first@example.net")
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.token = self.directory / "token"
        shutil.copytree(self.state, self.token)
        self.faults = FaultFile(self.directory / "fault", self.secrets())
        self.addCleanup(self.faults.close)
        self.trace = self.directory / "trace"
        self.promised, self.problems = [], []
        self.done = 0
        self.report, self.began = None, time.monotonic()
        if "FAULTS_LOG" in os.environ:
            self.report = open(os.environ["FAULTS_LOG"], "a", encoding="utf-8")
            self.addCleanup(self.report.close)

    def conf(self, name="mailbearer"):
        return str(self.directory / f"{name}.conf")

    def write_configs(self):
        common = {"spool": True, "spool_directory": str(self.spool),
                  "state_directory": str(self.state), "spool_reserve": "0",
                  "messages_per_minute": 100000, "send_timeout": "5s",
                  "log": str(self.log)}
        self.config(**common)
        self.sandbox.write_config(self.conf("many"), max_recipients=9, **common)
        self.certificate = self.sandbox.make_certificate()
        self.sandbox.write_config(
            self.conf("signing"), client_secret_file=None,
            certificate=self.certificate, **common)

    def secrets(self):
        """Pieces of each that tell them from everything else."""
        path, = self.state.glob("token-*.json")
        token = json.loads(path.read_text())["access_token"].encode()
        payload = token.index(b".") + 1
        key = pathlib.Path(self.certificate).read_bytes().partition(
            b"PRIVATE KEY-----\n")[2].splitlines()
        line = b"user=" + self.sandbox.mailbox.encode() + b"\1auth=Bearer "
        return [b"kPz8Q~sandbox", b"kPz8Q%7Esandbox", key[2], key[8],
                base64.b64decode(key[8]),
                line + b"ey",
                base64.b64encode(line)[:len(line) // 3 * 4],
                token[:payload + 20],           # of any token of this app
                *(token[at:at + 60] for at in
                  range(payload + 100, len(token) - 60, 400)),
                token[-60:]]

    # ------------------------------------------------------- one case

    def keep(self, address):
        result = self.sendmail("-odq", address)
        self.assertEqual((result.code, result.stderr), (0, ""))

    def waiting(self):
        return os.listdir(self.spool / "new")

    def fresh(self, mode):
        """The state as it was; what is in the spool stays."""
        shutil.rmtree(self.state)
        shutil.copytree(self.token, self.state)
        mode.prepare()

    def run_case(self, mode, where, before=()):
        """Once, with the fault that self.faults or the tracer was told."""
        environment = {"PATH": os.environ["PATH"]}
        if not before:
            environment.update(self.faults.environment)
        else:
            before = [*before, *(word for name, value in
                                 self.faults.environment.items()
                                 for word in ("-E", f"{name}={value}"))]
        done = mode.run(before, environment)
        self.promised += done.promised
        problem = self.judge(mode, done, where)
        if problem:
            self.problems.append(f"{mode.name}: {where}: {problem}")
        self.write_report(mode, where, done, problem)
        self.done += 1
        if self.done % BATCH == 0:
            self.conclude()
        elif len(self.waiting()) > WAITING:
            self.empty_queue()

    def judge(self, mode, done, where):
        """Whatever `done` says must be true, and it must say something."""
        if done.code is None:
            return "hangs"
        if done.code < 0 or done.code in (134, 139):
            return self.judge_crash(done)
        if harness.secret_in(done.stderr):
            return "wrote a secret"
        if self.faults.freed and not self.is_openssls(self.faults.freed):
            return "a secret in what is freed: " + " ".join(self.faults.freed)
        if self.faults.descriptors > self.most_descriptors:
            return f"{self.faults.descriptors} descriptors are open at the end"
        left = self.left_over()
        if left:
            return f"left lying about: {left}"
        # Who cannot write cannot say why.
        return None if where.startswith("write") else mode.problem(done)

    def is_openssls(self, freed):
        """A line of AUTH that it had taken in, and no memory to encrypt it."""
        return bool(self.faults.failed) and freed[0].startswith("libssl")

    def judge_crash(self, done):
        """Not where a library crashed on its own account when memory ran out:
        OpenSSL 3.0 takes a lock then that it could not make, libconfuse's lexer
        gives up by assert(3), glibc's name service by that or worse."""
        if not self.faults.failed or not self.faults.crashed:
            return f"crashed: {done}"
        if done.code == -signal.SIGABRT and b"Assertion" in done.stderr:
            return None
        for frame in self.faults.crashed:
            if NAME_SERVICE.match(frame):
                return None
            if not SYSTEM.match(frame):
                break
        return None if not frame.startswith("program") else \
            "crashed: " + " ".join(self.faults.crashed)

    def left_over(self):
        """What no later process would use or remove."""
        return sorted(set(os.listdir(self.spool)) - SPOOL) + sorted(
            name for name in os.listdir(self.state)
            if TEMPORARY.search(name))

    def answer_problem(self, stdout):
        """One JSON object, with a token or a reason."""
        try:
            answer = json.loads(stdout)
        except ValueError:
            return f"no JSON: {stdout!r}"
        if answer.get("access_token"):
            return None
        error = answer.get("error", {})
        if error.get("exit", 0) == 0 or not error.get("text"):
            return f"a failure without a reason: {error}"
        return None

    def write_report(self, mode, where, done: Done, problem):
        """For who wants to see what was said: all of it, `make faults`."""
        if self.report is None:
            return
        said = done.stderr.decode(errors="replace").splitlines() or [""]
        own = next((frame for frame in self.faults.failed
                    if frame.startswith("program")), "")
        print(f"{time.monotonic() - self.began:.1f}", mode.name, where, own,
              done.code, said[0], problem or "", sep="\t", file=self.report,
              flush=True)

    # ------------------------------------------------------- the end of many

    def empty_queue(self):
        end = time.monotonic() + 120
        while self.waiting() and time.monotonic() < end:
            harness.run([str(PROGRAM), "queue", "-C", self.conf(), "retry"])

    def conclude(self):
        """Without faults, all that was promised arrives."""
        shutil.rmtree(self.state)
        shutil.copytree(self.token, self.state)
        self.empty_queue()
        arrived = collections.Counter(
            r.address for m in self.sandbox.messages() for r in m.recipients)
        lost = [a for a in self.promised if a not in arrived]
        twice = sum(n - 1 for address, n in arrived.items()
                    if address != "listed@example.net")
        said = self.log_text().count("possible-duplicate")
        self.assertEqual(self.problems, [])
        self.assertEqual(lost, [])
        self.assertLessEqual(twice, said)
        self.assertEqual(list((self.spool / "failed").glob("*")), [])
        self.assertEqual(self.sandbox.violations(), [])
        self.assert_no_secret_in_the_log()
        self.promised.clear()
        self.sandbox.reset()
        self.log.write_bytes(b"")
