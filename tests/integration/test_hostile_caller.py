#!/usr/bin/env python3
"""Hostile callers: unprivileged users of a real set-user-ID installation.  What
they try when they start it is in hostile_calls.py; here is what they try with
the running program and its files, and what comes of stopping or killing it at
each step."""
import contextlib
import ctypes
import email.utils
import errno
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

import hostile_calls
import inherited
from foreign_servers import may_mount
from harness import SIMPLE, field, run, secret_in
from setuid_case import OWNER, SetUidCase

HOSTILE, OTHER = 1000, 33
MADE = pathlib.Path("/tmp/mailbearer-made")
# Calls that are steps: something exists, is locked, is said or is over by them.
STEPS = {"openat", "fcntl", "write", "pwrite64", "fsync", "fdatasync",
         "linkat", "renameat", "renameat2", "ftruncate", "unlinkat", "connect",
         "sendto", "recvfrom", "clone", "clone3", "vfork", "execve",
         "setresuid", "setresgid", "prctl", "chdir", "seccomp"}
MOST = 45       # of the steps: evenly spread
CALL = re.compile(r"^(\d+) +(\w+)\((.*)")


class HostileCaller(SetUidCase):
    def setUp(self):
        super().setUp()
        self.configure()
        self.seen = 0
        self.place = self.directory / "place"
        self.place.mkdir()
        os.chmod(self.place, 0o777)

    def configure(self, **changes):
        changes = {"spool": True, "messages_per_minute": 0, **changes}
        super().configure(**changes)

    def clean(self):
        self.sandbox.reset()
        for name in ("new", "failed"):
            for path in (self.spool / name).glob("*"):
                path.unlink()

    def start_afresh(self):
        """All files will be made by the next to call."""
        for path in self.state.iterdir():
            path.unlink()
        self.log.unlink(missing_ok=True)

    def waiting(self):
        return len(list((self.spool / "new").glob("*")))

    def safe(self):
        """How many messages are delivered or wait."""
        return len(self.sandbox.messages()) + self.waiting()

    def assert_nothing_is_left(self):
        self.assert_only_the_owner_was_here()
        self.assertEqual(list(self.place.iterdir()), [])
        self.assertFalse(MADE.exists())
        self.assertEqual(self.sandbox.violations(), [])
        if self.log.exists():
            self.assert_log()

    def assert_log(self):
        """Lines of its own, in this host's time and with nothing secret, and
        a file that it can write to and others cannot read."""
        text = self.log.read_bytes()
        self.assertIsNone(secret_in(text))
        zone = time.strftime("%z")
        for line in text.decode().splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:]{8}" +
                             re.escape(f"{zone[:3]}:{zone[3:]} ") +
                             r"mailbearer\[\d+\]: \w")
        status = self.log.stat()
        self.assertEqual((status.st_uid, status.st_mode & 0o777),
                         (OWNER, 0o640))

    def assert_others_can_send(self):
        self.clean()
        result = self.as_user(OTHER, "other@example.net", timeout=60)
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertEqual(self.safe(), 1)

    # ------------------------------------------------------- the table

    def attempt(self, row):
        """The call of one row, in the caller's place."""
        started = time.monotonic()
        process = subprocess.Popen(
            [row.argv0, *row.flags], executable=str(self.program),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=self.place, user=HOSTILE,
            group=HOSTILE, extra_groups=[], preexec_fn=row.before,
            close_fds=False, env={"PATH": "/usr/bin:/bin", **row.env})
        self.addCleanup(process.kill)
        wrong, waited = [], inherited.await_it(process, OWNER)
        if waited:
            self.seen += 1
            wrong = inherited.look(process.pid, self.directory)
            time.sleep(max(0, row.hold - time.monotonic() + started))
        # Who reads nothing may be gone before all is written.
        stdout, stderr = process.communicate(SIMPLE, timeout=60)
        self.assertEqual(wrong, [])
        if waited and row.codes is not hostile_calls.STARVED:
            self.assertGreaterEqual(process.returncode, 0)
        return process.returncode, stdout, stderr

    def judge(self, row, code, stdout, stderr):
        self.assertIsNone(secret_in(stdout + stderr))
        if row.codes is not None:
            self.assertIn(code, row.codes, stderr)
        self.assertLessEqual(self.safe(), 1)
        if "bob@example.net" in row.flags:
            if code == 0:
                self.assertEqual(self.safe(), 1, stderr)
            elif code > 0:
                self.assertEqual(self.safe(), 0, stderr)
        if code > 5 and not row.name.startswith(("closed", "swapped")):
            self.assertNotEqual(stdout + stderr, b"")
        for message in self.sandbox.messages():
            self.assertNotIn("evil", str(message.recipients))
            self.assertRegex(" ".join(field(message.data, "Date")),
                             f" {re.escape(time.strftime('%z'))}$")

    def play(self, rows, least):
        """At least so many of them get as far as to wait for their stdin."""
        for row in rows:
            with self.subTest(row.name):
                self.clean()
                if row.name.startswith("umask"):
                    self.start_afresh()
                if row.name.startswith("limit"):    # the helper's as well
                    self.forget_the_token()
                code, stdout, stderr = self.attempt(row)
                self.judge(row, code, stdout, stderr)
                self.assert_nothing_is_left()
                if not row.env:
                    self.assert_others_can_send()
        self.assertGreaterEqual(self.seen, least)

    def test_environment(self):
        self.play(hostile_calls.ENVIRONMENT, 60)
        self.assert_others_can_send()

    def test_descriptors(self):
        self.play(hostile_calls.DESCRIPTORS, 7)

    def test_arguments(self):
        self.play(hostile_calls.ARGUMENTS, 20)

    def test_limits(self):
        self.play(hostile_calls.LIMITS, 12)

    def test_process(self):
        self.play(hostile_calls.PROCESS, 18)

    def test_no_arguments_at_all(self):
        """execve() with an empty argv, as CVE-2021-4034 had it."""
        done = subprocess.run(
            ["perl", "-e", "my $p = shift; exec { $p } () or die",
             str(self.program)], input=b"x", capture_output=True,
            user=HOSTILE, group=HOSTILE, extra_groups=[], check=False,
            timeout=60)
        self.assertGreater(done.returncode, 0)
        self.assertEqual(self.safe(), 0)

    @unittest.skipUnless(may_mount(), "cannot make a mount namespace")
    def test_full_names(self):
        """One line of a header, whoever it is that it names."""
        passwd = self.directory / "passwd"
        for gecos in hostile_calls.GECOS:
            with self.subTest(gecos):
                self.clean()
                passwd.write_bytes(
                    b"mallory:x:%d:%d:%s:/:/bin/sh\n" % (
                        HOSTILE, HOSTILE, gecos.encode(
                            "utf-8" if "\u202e" in gecos else "latin-1")) +
                    pathlib.Path("/etc/passwd").read_bytes())
                result = run(
                    ["unshare", "-m", "sh", "-ec",
                     f'mount --bind {passwd} /etc/passwd; exec "$@"', "sh",
                     "setpriv", f"--reuid={HOSTILE}", f"--regid={HOSTILE}",
                     "--clear-groups", str(self.program), "bob@example.net"],
                    SIMPLE)
                # Some servers decode it, find a line end and refuse.
                if "=0D" in gecos and result.code == 65:
                    continue
                self.assertEqual((result.code, result.stderr), (0, ""))
                [message] = self.delivered()
                self.assertEqual([r.address for r in message.recipients],
                                 ["bob@example.net"])
                [author] = field(message.data, "From")
                self.assertEqual([address for _, address in
                                  email.utils.getaddresses([author])],
                                 ["alerts@contoso.com"])
                self.assertEqual(field(message.data, "Bcc"), [])

    # ------------------------------------------------------- other ways in

    def test_other_names_for_the_program(self):
        """A link has no rights that the file has not; a copy has none."""
        self.clean()
        link, copy = self.place / "mailq-not", self.place / "copy"
        link.symlink_to(self.program)
        shutil.copy(self.program, copy)
        os.chown(copy, HOSTILE, HOSTILE)
        os.chmod(copy, 0o6755)
        for command, codes in (([link], (0,)), ([copy], (70, 73, 75, 77, 78))):
            result = run([str(command[0]), "bob@example.net"], SIMPLE,
                         user=HOSTILE, group=HOSTILE, extra_groups=[])
            self.assertIn(result.code, codes, result.stderr)
        self.assertEqual(len(self.sandbox.messages()), 1)

    def test_through_a_descriptor(self):
        """fexecve(): the name in /proc/self/fd is not what decides."""
        descriptor = os.open(self.program, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        done = subprocess.run(
            ["sendmail", "bob@example.net"], input=SIMPLE, user=HOSTILE,
            group=HOSTILE, extra_groups=[], capture_output=True, check=False,
            executable=f"/proc/self/fd/{descriptor}", timeout=60,
            pass_fds=[descriptor])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.safe(), 1)

    def test_files_are_closed_to_him(self):
        """State, spool, token, secret and log."""
        self.as_user(OTHER, "-odq", "secret-recipient@example.net")
        self.as_user(OTHER, "bob@example.net")
        for top in (self.state, self.spool, self.secret, self.log.parent):
            for path in (top, *(top.rglob("*") if top.is_dir() else ())):
                for mode in ("-r", "-w"):
                    self.assertNotEqual(subprocess.run(
                        ["test", mode, str(path)], user=HOSTILE,
                        group=HOSTILE, extra_groups=[], check=False
                    ).returncode, 0, path)
        for flags, argv0 in ((("-bp",), "sendmail"), ((), "mailq"),
                             (("-bp", "-v"), "sendmail")):
            done = subprocess.run(
                [argv0, *flags], executable=str(self.program), user=HOSTILE,
                group=HOSTILE, extra_groups=[], capture_output=True,
                check=False, timeout=60)
            self.assertNotIn(b"secret-recipient", done.stdout + done.stderr)

    def test_the_mail_of_others_is_not_his(self):
        """No command under any name shows or removes it."""
        self.as_user(OTHER, "-odq", "secret-recipient@example.net")
        [path] = (self.spool / "new").iterdir()
        for words in (("show", path.name), ("remove", path.name),
                      ("retry", path.name), ("list",), ("list", "--json"),
                      ("remove", "--all"), ("requeue", path.name),
                      ("check",)):
            done = subprocess.run(
                ["mailbearer", "queue", *words], user=HOSTILE, group=HOSTILE,
                executable=str(self.program), extra_groups=[],
                capture_output=True, check=False, timeout=60)
            self.assertNotIn(b"secret-recipient", done.stdout + done.stderr)
            self.assertTrue(path.exists(), words)

    # ------------------------------------------------------- while it runs

    @contextlib.contextmanager
    def running(self):
        """It has all its rights, and waits for the rest of its stdin."""
        process = subprocess.Popen(
            [str(self.program), "bob@example.net"], stdin=subprocess.PIPE,
            stderr=subprocess.PIPE, user=HOSTILE, group=HOSTILE,
            extra_groups=[])
        process.stdin.write(b"Subject: x\n\n")
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and f"Uid:\t{OWNER}\t{OWNER}" not \
                in pathlib.Path(f"/proc/{process.pid}/status").read_text():
            time.sleep(0.01)
        try:
            yield process
        finally:
            process.communicate(timeout=60)

    def as_caller(self, action):
        """Runs in a process of the caller's: the error's name, "" if none."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(HOSTILE)
                os.setuid(HOSTILE)
                action()
            except OSError as error:
                os.write(writer, errno.errorcode[error.errno].encode())
            except Exception as error:      # our own mistake
                os.write(writer, repr(error).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as f:
            answer = f.read()
        os.waitpid(child, 0)
        return answer

    def test_the_running_program_is_out_of_reach(self):
        def system_call(number, *arguments):
            def act():
                if hostile_calls.LIBC.syscall(number, *arguments) == -1:
                    raise OSError(ctypes.get_errno(), "")
            return act

        def read(name):
            def act():
                path = f"/proc/{process.pid}/{name}"
                if os.path.isdir(path) and not os.path.islink(path):
                    os.listdir(path)
                elif os.path.islink(path):
                    os.readlink(path)
                else:
                    with open(path, "rb") as f:
                        f.read(1)
            return act

        def write(name, text):
            def act():
                with open(f"/proc/{process.pid}/{name}", "w",
                          encoding="utf-8") as f:
                    f.write(text)
            return act

        with self.running() as process:
            pid, room = process.pid, ctypes.create_string_buffer(200)
            tries = {f"read {name}": read(name) for name in (
                "mem", "environ", "maps", "smaps", "fd", "fdinfo", "cwd",
                "root", "exe", "auxv", "stack", "syscall", "map_files",
                "pagemap", "io", "personality", "task/%d/mem" % pid,
                "task/%d/environ" % pid, "ns")}
            tries.update({f"signal {number}": lambda number=number: os.kill(
                pid, number) for number in range(1, signal.NSIG)
                if number != signal.SIGCONT})
            tries.update({
                "write oom_score_adj": write("oom_score_adj", "1000"),
                "write mem": write("mem", "x"),
                "write timerslack_ns": write("timerslack_ns", "1"),
                "nice": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
                "group": lambda: os.setpgid(pid, 0),
                "affinity": lambda: os.sched_setaffinity(pid, {0}),
                "scheduler": lambda: os.sched_setscheduler(
                    pid, os.SCHED_IDLE, os.sched_param(0)),
                "ptrace attach": lambda: ptrace(16, pid),
                "ptrace seize": lambda: ptrace(0x4206, pid),
                "prlimit": lambda: prlimit(pid),
                "read memory": lambda: process_vm(pid, room)})
            if os.uname().machine == "x86_64":
                tries["steal a descriptor"] = steal_descriptor(pid)
                tries["ioprio"] = system_call(251, 1, pid, 3 << 13)
            for name, action in tries.items():
                with self.subTest(name):
                    self.assertIn(self.as_caller(action),
                                  ("EPERM", "EACCES", "ESRCH"))
            self.assertGreater(len(tries), 60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.safe(), 1)

    # ------------------------------------------------------- at every step

    def trace(self, *inject):
        return ["strace", "-f", "-qq", "-u", "daemon", "-o",
                str(self.directory / "trace"), "-e", "trace=all", *inject,
                str(self.program), "bob@example.net"]

    def steps(self):
        """(call, how many of that name until then, its line) of a send
        without a token, by the process that the caller started."""
        self.clean()
        self.forget_the_token()
        result = run(self.trace(), SIMPLE)
        self.assertEqual((result.code, result.stderr), (0, ""))
        seen, found, first = {}, [], None
        for line in (self.directory / "trace").read_text(
                encoding="latin-1").splitlines():
            match = CALL.match(line)
            if match is None:
                continue
            pid, name, rest = match.groups()
            first = first or pid
            if pid != first:
                continue
            seen[name] = seen.get(name, 0) + 1
            if name in STEPS:
                found.append((name, seen[name], rest))
        return found

    def forget_the_token(self):
        for path in self.state.glob("token-*.json"):
            path.unlink()

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_killed_at_every_step(self):
        steps = self.steps()
        stride = -(-len(steps) // MOST)
        for name, number, _ in steps[::stride]:
            with self.subTest(call=name, number=number):
                self.clean()
                self.forget_the_token()
                done = subprocess.run(
                    self.trace("-e",
                               f"inject={name}:signal=KILL:when={number}"),
                    input=SIMPLE, capture_output=True, check=False,
                    timeout=60)
                self.assertLessEqual(self.safe(), 1)
                if done.returncode == 0:
                    self.assertEqual(self.safe(), 1)
                self.assert_others_can_send()
                self.assert_nothing_is_left()

    @unittest.skipIf("MAILBEARER_COVERAGE" in os.environ,
                     "who is frozen may hold a lock of gcov's")
    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_frozen_at_every_lock(self):
        """As by a cgroup, which no limit of ours reaches: whatever lock it
        holds, others go on in bounded time."""
        self.configure(send_timeout="5s")
        locks = [(name, number) for name, number, rest in self.steps()
                 if name in ("fcntl", "flock") and "F_OFD_SETLK" in rest]
        self.assertGreater(len(locks), 2)
        stopped = 0
        for name, number in locks:
            with self.subTest(call=name, number=number):
                self.clean()
                self.forget_the_token()
                frozen = subprocess.Popen(
                    self.trace("-e",
                               f"inject={name}:signal=STOP:when={number}"),
                    stdin=subprocess.PIPE, stderr=subprocess.PIPE)
                frozen.stdin.write(SIMPLE)
                frozen.stdin.close()
                target = self.await_stop(frozen)
                stopped += target is not None
                try:
                    self.assert_others_can_send()
                finally:
                    if target:
                        os.kill(target, signal.SIGKILL)
                    frozen.wait(60)
                    frozen.stderr.close()
        self.assertGreater(stopped, 2)

    @staticmethod
    def await_stop(tracer):
        """The stopped process, or None if it ended.  Traced, it stops at each
        call: what lasts is no call."""
        deadline, lasts = time.monotonic() + 30, 0
        children = pathlib.Path(
            f"/proc/{tracer.pid}/task/{tracer.pid}/children")
        while time.monotonic() < deadline and tracer.poll() is None:
            time.sleep(0.02)
            first = (children.read_text().split() or ["self"])[0]
            status = pathlib.Path(f"/proc/{first}/status").read_text()
            lasts = lasts + 1 if "State:\tt" in status else 0
            if lasts == 20:
                return int(first)
        return None


def ptrace(request, pid):
    if hostile_calls.LIBC.ptrace(request, pid, 0, 0) == -1:
        raise OSError(ctypes.get_errno(), "")


def prlimit(pid):
    hostile_calls.resource.prlimit(pid, hostile_calls.resource.RLIMIT_NOFILE,
                                   (0, 0))


def process_vm(pid, room):
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    here = Piece(ctypes.addressof(room), 100)
    there = Piece(0x400000, 100)
    if hostile_calls.LIBC.process_vm_readv(
            pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == -1:
        raise OSError(ctypes.get_errno(), "")


def steal_descriptor(pid):
    def act():
        handle = os.pidfd_open(pid)
        if hostile_calls.LIBC.syscall(438, handle, 0, 0) == -1:
            raise OSError(ctypes.get_errno(), "")
    return act


if __name__ == "__main__":
    unittest.main()
