#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What can fail is made to fail in turn: each allocation, and each system call
of the program's, with the errors that it may have.

Whatever comes of it: who is told 0 finds his message delivered or in the spool,
who is told anything else is told why, nothing crashes, and what lay in the spool
is there still or has arrived.  At the end the queue is run without faults, and
everything that was promised must have arrived; twice only where the log has said
that it might.

MAILBEARER_FAULTS says how many of each kind, or "all" (make faults); without it
a sample, evenly spread.
"""
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import harness
from harness import PREFIX, PROGRAM, SIMPLE

HELPER = PREFIX / "libexec" / "mailbearer" / "mailbearer-token"
SHIM = pathlib.Path("tests/faults/fail_alloc.so").resolve()
WANTED = os.environ.get("MAILBEARER_FAULTS")
SKIP = 77
LARGE = b"Subject: large\n\n" + 12000 * (b"x" * 69 + b"\n")
ALLOCATIONS = 40        # of a mode, in a sample
CASES = 60              # of system calls, in a sample

# What each call may say (its manual page), as far as we are to live with it.  Not
# brk: the kernel says no by an old address, which strace cannot feign.
ERRORS = {
    "openat": ("EMFILE", "EIO"), "mkdirat": ("ENOSPC",),
    "read": ("EIO", "EINTR"), "pread64": ("EIO",), "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC",), "lseek": ("EIO",), "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO",), "ftruncate": ("EIO",), "fallocate": ("ENOSPC",),
    "linkat": ("ENOSPC", "EIO"), "renameat": ("ENOSPC", "EIO"),
    "renameat2": ("ENOSPC",), "unlinkat": ("EIO",), "fchown": ("EPERM",),
    "fchmod": ("EPERM",), "fcntl": ("ENOLCK", "EINTR"), "fstat": ("EIO",),
    "newfstatat": ("EIO", "EACCES"), "statx": ("EIO",), "statfs": ("EIO",),
    "fstatfs": ("EIO",), "getdents64": ("EIO",), "readlinkat": ("EIO",),
    "readlink": ("EIO",), "access": ("EIO",), "faccessat2": ("EIO",),
    "close": ("EIO",), "dup": ("EMFILE",), "dup2": ("EMFILE",),
    "dup3": ("EMFILE",), "pipe2": ("EMFILE",), "socketpair": ("EMFILE",),
    "socket": ("EMFILE", "EAFNOSUPPORT"), "bind": ("EADDRINUSE",),
    "connect": ("ENETUNREACH", "ECONNREFUSED"), "getsockname": ("ENOBUFS",),
    "getsockopt": ("ENOBUFS",), "setsockopt": ("ENOPROTOOPT",),
    "getpeername": ("ENOTCONN",), "sendto": ("ECONNRESET", "ENOBUFS"),
    "recvfrom": ("ECONNRESET",), "sendmsg": ("ENOBUFS",),
    "recvmsg": ("ECONNRESET",), "sendmmsg": ("ENOBUFS",),
    "poll": ("ENOMEM", "EINTR"), "ppoll": ("ENOMEM",), "mmap": ("ENOMEM",),
    "mprotect": ("ENOMEM",), "getrandom": ("EAGAIN",),
    "clone": ("EAGAIN",), "clone3": ("EAGAIN",), "fork": ("EAGAIN",),
    "vfork": ("EAGAIN",), "wait4": ("ECHILD", "EINTR"), "waitid": ("ECHILD",),
    "prctl": ("EINVAL",), "prlimit64": ("EPERM",), "close_range": ("ENOSYS",),
    "chdir": ("EACCES",), "uname": ("EFAULT",), "rt_sigaction": ("EINVAL",),
    "clock_nanosleep": ("EINTR",), "sched_getaffinity": ("EPERM",),
    "setresuid": ("EAGAIN",), "setresgid": ("EAGAIN",),
    "setgroups": ("EPERM",), "seccomp": ("EINVAL",),
    "landlock_create_ruleset": ("ENOSYS",), "landlock_add_rule": ("EINVAL",),
    "landlock_restrict_self": ("E2BIG",),
}
CALL = re.compile(r"^(\w+)\(")


def spread(cases, most):
    """So many of them, or as many as were asked for, evenly spread."""
    if WANTED == "all":
        return cases
    most = int(WANTED or most)
    if len(cases) <= most:
        return cases
    step = len(cases) / most
    return [cases[int(i * step)] for i in range(most)]


def strace_works():
    try:
        return subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "-e",
             "inject=chdir:error=EIO", "true"], check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


class Faults(harness.Case):
    """One spool and one state directory, put back before each case."""

    injected = collections.Counter()

    @classmethod
    def tearDownClass(cls):
        for kind, count in sorted(Faults.injected.items()):
            print(f"{kind}: {count} faults injected", file=sys.stderr)
        Faults.injected.clear()

    def setUp(self):
        super().setUp()
        self.spool = self.directory / "spool"
        self.state = self.directory / "state"
        for path in (self.spool, self.state):
            path.mkdir(mode=0o750)
        self.config(spool=True, spool_directory=str(self.spool),
                    state_directory=str(self.state), spool_reserve="0",
                    messages_per_minute=100000, send_timeout="5s")
        # The token is cached from now on.
        result = self.sendmail("first@example.net")
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.token = self.directory / "token"
        shutil.copytree(self.state, self.token)
        self.fault_file = self.directory / "fault"
        self.trace = self.directory / "trace"
        self.number = 0
        self.promised, self.problems = [], []

    # ------------------------------------------------------- the modes
    # Each gives (command, stdin), and what is promised if it ends with 0.

    def conf(self):
        return str(self.directory / "mailbearer.conf")

    def address(self):
        return f"n{self.number}@example.net"

    def submit(self, *flags):
        return [str(PROGRAM), "sendmail", "-C", self.conf(), *flags,
                self.address()]

    def send(self):
        return self.submit(), SIMPLE

    def keep(self):
        return self.submit("-odq"), LARGE

    def cold(self):
        """Without a token: the helper is started."""
        for path in self.state.glob("token-*.json"):
            path.unlink()
        return self.submit(), SIMPLE

    def run_queue(self):
        """What waits is promised already."""
        self.assertEqual(self.sendmail("-odq", self.address()).code, 0)
        self.promised.append(self.address())
        return [str(PROGRAM), "sendmail", "-C", self.conf(), "-q"], b""

    def helper(self):
        return [str(HELPER), "-C", self.conf(), "contoso"], b""

    # ------------------------------------------------------- one case

    def fresh(self):
        """The state as it was; what is in the spool stays."""
        shutil.rmtree(self.state)
        shutil.copytree(self.token, self.state)
        self.number += 1

    def run_case(self, command, stdin, env=None):
        with tempfile.TemporaryFile() as source:
            source.write(stdin)
            source.seek(0)
            try:
                return subprocess.run(
                    command, stdin=source, timeout=30, check=False,
                    capture_output=True,
                    env={"PATH": os.environ["PATH"], **(env or {})})
            except subprocess.TimeoutExpired:
                return None

    def judge(self, mode, where, done):
        """Whatever `done` says must be true, and it must say something."""
        problem = None
        if done is None:
            # Who started the helper ends it in time.
            problem = "hangs" if mode != self.helper else None
        elif done.returncode == -signal.SIGABRT and b"Assertion" in done.stderr:
            pass    # libconfuse's way to say that it has no memory
        elif done.returncode < 0 or done.returncode in (134, 139):
            if not self.is_a_librarys(done.args, where):
                problem = f"crashed: {done}"
        elif mode == self.helper:
            problem = self.judge_helper(done)
        elif done.returncode == 0:
            self.promised.append(self.address())
        elif not done.stderr and not where.startswith("write"):
            problem = f"{done.returncode}, and not a word"
        if done is not None and harness.secret_in(done.stderr):
            problem = "wrote a secret"
        if problem:
            self.problems.append(f"{mode.__name__}: {where}: {problem}")

    def is_a_librarys(self, command, where):
        """Whether a library crashed on its own account when memory ran out:
        OpenSSL 3.0 takes a lock then that it could not make.  The debugger says
        so; where there is none, memory that runs out has the benefit of doubt."""
        if not where.startswith("allocation"):
            return False
        if not shutil.which("gdb"):
            return True
        self.fault_file.write_bytes(
            struct.pack("qq", int(where.split()[1]), 0))
        source = self.directory / "stdin"
        source.write_bytes(SIMPLE)
        words = " ".join(map(str, command[1:]))
        told = subprocess.run(
            ["gdb", "-q", "-batch", "-ex",
             f"set exec-wrapper env LD_PRELOAD={SHIM} "
             f"FAULT_FILE={self.fault_file}", "-ex", f"run {words} <{source}",
             "-ex", "bt 12", str(command[0])], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, check=False, timeout=60).stdout
        for frame in re.findall(r"^#\d+ .*", told, re.M):
            if not re.search(r"libc\.so|/ld-|\./(nptl|malloc|string)/|\.\./sys",
                             frame):
                return " from " in frame
        return False

    def judge_helper(self, done):
        """One JSON object, with a token or a reason, or words and a code."""
        if done.returncode != 0:
            return None
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            return f"no JSON: {done}"
        if answer.get("access_token"):
            return None
        error = answer.get("error", {})
        if error.get("exit", 0) == 0 or not error.get("text"):
            return f"a failure without a reason: {error}"
        return None

    def conclude(self):
        """Without faults, all that was promised arrives."""
        self.fresh()
        end = time.monotonic() + 60
        while os.listdir(self.spool / "new") and time.monotonic() < end:
            harness.run([str(PROGRAM), "queue", "-C", self.conf(), "retry"])
        arrived = collections.Counter(
            r.address for m in self.sandbox.messages() for r in m.recipients)
        lost = [a for a in self.promised if a not in arrived]
        twice = sum(n - 1 for n in arrived.values())
        said = self.log_text().count("possible-duplicate")
        self.assertEqual(self.problems, [])
        self.assertEqual(lost, [])
        self.assertLessEqual(twice, said)
        self.assertEqual(list((self.spool / "failed").glob("*")), [])
        self.assertEqual(self.sandbox.violations(), [])

    # ------------------------------------------------------- allocations

    def count_allocations(self, mode, wanted):
        """Runs it with that fault; how many allocations there were."""
        self.fresh()
        command, stdin = mode()
        self.fault_file.write_bytes(struct.pack("qq", wanted, 0))
        done = self.run_case(command, stdin, {
            "LD_PRELOAD": str(SHIM), "FAULT_FILE": str(self.fault_file)})
        self.judge(mode, f"allocation {wanted}", done)
        return struct.unpack("qq", self.fault_file.read_bytes())[1]

    def fail_allocations(self, mode):
        self.assertTrue(SHIM.exists(), "make check builds it")
        count = self.count_allocations(mode, 0)
        self.assertGreater(count, 50)
        self.assertEqual(self.problems, [])
        for number in spread(range(1, count + 1), ALLOCATIONS):
            self.count_allocations(mode, number)
            self.injected["allocations"] += 1
        # Memory that has run out mostly stays so.
        for number in spread(range(1, count + 1, 10), ALLOCATIONS // 4):
            self.count_allocations(mode, -number)
            self.injected["allocations"] += 1
        self.conclude()

    # ------------------------------------------------------- system calls

    def trace_calls(self, mode):
        """(call, n) of what is called from main() on, in order."""
        self.fresh()
        command, stdin = mode()
        done = self.run_case(["strace", "-qq", "-o", str(self.trace), "-e",
                              "signal=none", *command], stdin)
        self.judge(mode, "no fault", done)
        self.assertEqual(self.problems, [])
        seen, calls, started = collections.Counter(), [], False
        for line in self.trace.read_text(errors="replace").splitlines():
            match = CALL.match(line)
            if not match:
                continue
            seen[match.group(1)] += 1
            started = started or "PR_SET_DUMPABLE" in line
            if started:
                calls.append((match.group(1), seen[match.group(1)]))
        self.assertGreater(len(calls), 50)
        return calls

    def fail_calls(self, mode):
        cases = [(name, error, number)
                 for name, number in self.trace_calls(mode)
                 for error in ERRORS.get(name, ())]
        for name, error, number in spread(cases, CASES):
            self.fresh()
            command, stdin = mode()
            done = self.run_case(
                ["strace", "-qq", "-o", str(self.trace), "-e", f"trace={name}",
                 "-e", "signal=none", "-e",
                 f"inject={name}:error={error}:when={number}", *command],
                stdin)
            self.judge(mode, f"{name} {number} {error}", done)
            self.injected["system calls"] += 1
        self.conclude()


class Allocations(Faults):
    def test_sending(self):
        self.fail_allocations(self.send)

    def test_keeping(self):
        self.fail_allocations(self.keep)

    def test_sending_without_a_token(self):
        self.fail_allocations(self.cold)

    def test_the_queue(self):
        self.fail_allocations(self.run_queue)

    def test_the_helper(self):
        self.fail_allocations(self.helper)


@unittest.skipUnless(strace_works(), "strace is missing or may not trace")
class Calls(Faults):
    def test_sending(self):
        self.fail_calls(self.send)

    def test_keeping(self):
        self.fail_calls(self.keep)

    def test_sending_without_a_token(self):
        self.fail_calls(self.cold)

    def test_the_queue(self):
        self.fail_calls(self.run_queue)

    def test_the_helper(self):
        self.fail_calls(self.helper)


if __name__ == "__main__":
    if "ASAN_OPTIONS" in os.environ:
        print("skipped: the sanitizers have an allocator of their own")
        sys.exit(SKIP)
    unittest.main()
