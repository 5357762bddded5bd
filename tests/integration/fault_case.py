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
from fault_modes import PATIENCE, SILENT, Done
from harness import PROGRAM, SIMPLE

BATCH = 400             # cases after which all must have arrived
PUBLIC_CLIENT = "99998888-7777-4666-8555-444433332222"
SIGN_IN = b"1.AfaultsSignedIn"      # what each refresh token begins with
WAITING = 30            # messages in the spool, after which it is emptied
SYSTEM = re.compile(r"^(libc|ld-linux|libpthread)\b")
OPENSSL = re.compile(r"^lib(crypto|ssl)\b")
# What crashes in the C library when its tables could not be had.
NAME_SERVICE = re.compile(r"^libc\S*:(getpw|getgr|getaddrinfo|gethost)")
# Killed by a signal; not by the alarm, which is how the helper keeps time.
CRASHED = {code for n in signal.valid_signals() if n != signal.SIGALRM
           for code in (-n, 128 + n)}
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
        self.done = self.teams = 0
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
        self.sandbox.write_config(
            self.conf("local"), aliases=str(self.directory / "aliases"),
            **common)
        self.sandbox.add_app(PUBLIC_CLIENT, public=True)
        self.sandbox.write_config(
            self.conf("renewing"), client_secret_file=None, delegated=True,
            client_id=PUBLIC_CLIENT, **common)
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
        return [SIGN_IN, b"kPz8Q~sandbox", b"kPz8Q%7Esandbox", key[2], key[8],
                # A NUL would end it, and what is short is in every memory.
                max(base64.b64decode(b"".join(key[8:10])).split(b"\0"),
                    key=len),
                line + b"ey",
                base64.b64encode(line)[:len(line) // 3 * 4],
                token[:payload + 20],           # of any token of this app
                *(token[at:at + 60] for at in
                  range(payload + 100, len(token) - 60, 400)),
                token[-60:]]

    # ------------------------------------------------------- for modes

    def team(self, number):
        return [f"local{number}.{i}@example.net" for i in range(3)]

    def write_aliases(self, teams):
        lines = []
        for number in teams:
            addresses = self.team(number)
            included = self.directory / f"team{number}"
            included.write_text(addresses[2] + "\n")
            included.chmod(0o644)
            lines += [f"team{number}: one{number}, :include:{included}",
                      f"one{number}: {addresses[0]}, {addresses[1]}"]
        aliases = self.directory / "aliases"
        aliases.write_text("\n".join(lines) + "\n")
        aliases.chmod(0o644)

    def sign_in(self):
        """As `mailbearer login` leaves it."""
        tokens, mailbox = self.sandbox.tokens, self.sandbox.mailbox
        issue = type(tokens).issue_refresh_token
        scope = "https://outlook.office.com/SMTP.Send offline_access"

        def marked(*arguments):
            text = issue(tokens, *arguments)
            known = tokens._refresh_tokens
            known[SIGN_IN.decode() + text] = known.pop(text)
            return SIGN_IN.decode() + text

        tokens.issue_refresh_token = marked
        hash_ = 0xcbf29ce484222325
        for octet in mailbox.encode() + b"\0":
            hash_ = (hash_ ^ octet) * 0x100000001b3 % (1 << 64)
        self.signed_in = self.state / f"refresh-contoso@{hash_:016x}.json"
        self.signed_in.write_text(json.dumps({
            "mailbox": mailbox, "stored": int(time.time()),
            "refresh_token": marked(PUBLIC_CLIENT, mailbox, scope)}))
        self.signed_in.chmod(0o600)

    def sign_in_problem(self, is_said):
        """Of the refresh token that is kept."""
        try:
            token = json.loads(self.signed_in.read_text())["refresh_token"]
        except (OSError, ValueError, KeyError) as error:
            return f"the refresh token is not there: {error!r}"
        if token in self.sandbox.tokens._refresh_tokens or is_said:
            return None
        return "the refresh token is used up, and nothing was said"

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
        is_over = not mode.leaves or self.settle()
        self.promised += done.promised
        problem = self.judge(mode, done, where) if is_over else \
            "a process that it left behind hangs"
        if problem:
            self.problems.append(f"{mode.name}: {where}: {problem}")
        self.write_report(mode, where, done, problem)
        self.done += 1
        if self.done % BATCH == 0:
            self.conclude()
        elif len(self.waiting()) > WAITING:
            self.empty_queue()

    def settle(self):
        """Waits for whom it has left behind: false if that takes for ever."""
        own = str(self.directory).encode()
        end = time.monotonic() + PATIENCE
        while self.at_work(own):
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    @staticmethod
    def at_work(words):
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if words in path.read_bytes():
                    return True
            except OSError:
                pass
        return False

    def judge(self, mode, done, where):
        """Whatever `done` says must be true, and it must say something."""
        if done.code is None:
            return "hangs"
        if done.code in CRASHED:
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
        problem = mode.problem(done)
        # Who cannot write cannot say why.
        return None if problem == SILENT and where.startswith("write") else \
            problem

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
        return None if OPENSSL.match(frame) else \
            "crashed: " + " ".join(self.faults.crashed)

    def manifests(self):
        """What queue runs that died have left for the next one."""
        return set(map(str, self.spool.glob("manifest.*")))

    def left_over(self):
        """What no later process would use or remove."""
        in_spool = set(map(str, self.spool.glob("*"))) - self.manifests()
        return sorted(in_spool - {str(self.spool / name) for name in SPOOL}) + \
            sorted(name for name in os.listdir(self.state)
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
        # Some wait as local names, until these can be read.
        self.write_aliases(range(1, self.teams + 1))
        end = time.monotonic() + 120
        while (self.waiting() or self.manifests()) and time.monotonic() < end:
            harness.run([str(PROGRAM), "queue", "-C", self.conf("local"),
                         "retry"])

    def conclude(self):
        """Without faults, all that was promised arrives."""
        shutil.rmtree(self.state)
        shutil.copytree(self.token, self.state)
        self.empty_queue()
        arrived = collections.Counter(
            r.address for m in self.sandbox.messages() for r in m.recipients)
        lost = [a for a in self.promised if a not in arrived]
        # A line for each message: those of `many` differ behind a dot.
        twice = {re.sub(r"^(many\d+)\..*", r"\1", address)
                 for address, n in arrived.items() if n > 1 and
                 address != "listed@example.net"}
        said = self.log_text().count("possible-duplicate")
        failed = list((self.spool / "failed").glob("*"))
        # Of hours of faults, the rest is worth to be seen, too.
        with self.subTest(faults=self.done):
            self.assertEqual(self.problems, [])
            self.assertEqual(lost, [])
            self.assertLessEqual(len(twice), said, twice)
            self.assertEqual(failed, [])
            self.assertEqual(self.manifests(), set())
            self.assertEqual(self.sandbox.violations(), [])
            self.assert_no_secret_in_the_log()
        for path in failed:
            path.unlink()
        self.problems.clear()
        self.promised.clear()
        self.sandbox.reset()
        self.log.write_bytes(b"")
