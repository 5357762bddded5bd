#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What can fail is made to fail in turn: memory at each place that asks for it,
and each system call of the program's, with the errors that it may have.

MAILBEARER_FAULTS=sites (make faults) fails each place that asks for memory, told
apart by all return addresses up to main(), =all each single allocation, and both
each system call with each error.  Without it, as in make check, places are told
apart by the addresses in our own code only, of errors one is tried, and of what
no earlier mode has tried each has SAMPLE faults of a kind, evenly spread.
"""
import collections
import os
import re
import subprocess
import sys
import threading
import time
import unittest

import fault_modes as modes
from fault_case import Faults
from fault_file import SHIM

WANTED = os.environ.get("MAILBEARER_FAULTS")
SAMPLE = 12
SKIP = 77

# What each call may say (its manual page), as far as we are to live with it.  Not
# brk: the kernel says no by an old address, which strace cannot feign; nor close,
# which closes even where it says that it did not.
ERRORS = {
    "openat": ("EMFILE", "EIO"), "mkdirat": ("ENOSPC",), "mkdir": ("ENOSPC",),
    "read": ("EIO", "EINTR"), "pread64": ("EIO",), "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC",), "lseek": ("EIO",), "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO",), "ftruncate": ("EIO",), "fallocate": ("ENOSPC",),
    "linkat": ("ENOSPC", "EIO"), "renameat": ("ENOSPC", "EIO"),
    "renameat2": ("ENOSPC",), "unlinkat": ("EIO",), "fchown": ("EPERM",),
    "fchmod": ("EPERM",), "fcntl": ("ENOLCK", "EINTR"), "fstat": ("EIO",),
    "ioctl": ("EINVAL",), "munmap": ("ENOMEM",),
    "newfstatat": ("EIO", "EACCES"), "statx": ("EIO",), "statfs": ("EIO",),
    "fstatfs": ("EIO",), "getdents64": ("EIO",), "readlinkat": ("EIO",),
    "readlink": ("EIO",), "access": ("EIO",), "faccessat2": ("EIO",),
    "dup": ("EMFILE",), "dup2": ("EMFILE",),
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
    "setgroups": ("EPERM",), "setsid": ("EPERM",), "setpgid": ("EPERM",),
    "execve": ("EACCES", "E2BIG"), "seccomp": ("EINVAL",),
    "landlock_create_ruleset": ("ENOSYS",), "landlock_add_rule": ("EINVAL",),
    "landlock_restrict_self": ("E2BIG",),
}
CALL = re.compile(r"^(\w+)\(")
FRAME = re.compile(r"^ > (\S+?)\((\S*)\) \[0x")


def strace_works():
    try:
        return subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "-e",
             "inject=chdir:error=EIO", "true"], check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


class Counted(Faults):
    """Says in the end what was done."""

    injected = collections.Counter()

    @classmethod
    def tearDownClass(cls):
        for what, count in cls.injected.items():
            print(f"{cls.__name__}: {what}: {count}", file=sys.stderr)
        cls.injected.clear()

    def note(self, mode, what, count):
        self.injected[f"{mode.name}, {what}"] += count


class Modes:
    """A test for each mode, of whatever the class does to it."""

    def test_sending(self):
        self.check(modes.Sending(self))

    def test_large(self):
        self.check(modes.Large(self))

    def test_keeping(self):
        self.check(modes.Keeping(self))

    def test_cold(self):
        self.check(modes.Cold(self))

    def test_many(self):
        self.check(modes.Many(self))

    def test_queue(self):
        self.check(modes.Queue(self))

    def test_dialogue(self):
        self.check(modes.Dialogue(self))

    def test_aging(self):
        self.check(modes.Aging(self))

    def test_background(self):
        self.check(modes.Background(self))

    def test_local(self):
        self.check(modes.Local(self))

    def test_check(self):
        self.check(modes.Check(self))

    def test_listing(self):
        self.check(modes.Listing(self))

    def test_helper(self):
        self.check(modes.Helper(self))

    def test_signing(self):
        self.check(modes.Signing(self))

    def test_renewing(self):
        self.check(modes.Renewing(self))


tried = set()


def choose(places, most=None):
    """Of pairs of a place and what is to be done there the latter, once for a
    place in this run, in whatever mode; of many in a sample a part, always the
    same."""
    new = {}
    for place, what in places:
        if place not in tried:
            new.setdefault(place, what)
    step = 1 if WANTED else max(1, -(-len(new) // (most or SAMPLE)))
    chosen = list(new.items())[::step]
    tried.update(place for place, _ in chosen)
    return [what for _, what in chosen]


class Allocations(Modes, Counted):
    def setUp(self):
        super().setUp()
        self.assertTrue(SHIM.exists(), "make check builds it")

    def sites(self, mode):
        """(site, number of its first allocation or 0 where that is a child's,
        whether all that follow shall fail too).  Memory that has run out mostly
        stays so."""
        self.fresh(mode)
        self.faults.want(record=True)
        self.most_descriptors = 99
        self.run_case(mode, "no fault")
        self.assertEqual(self.problems, [])
        self.most_descriptors = max(self.faults.descriptors, 0)
        sites, places = self.faults.sites(), []
        self.assertGreater(len(sites), 50)
        self.note(mode, "allocations", len(sites))
        for site, own, number in sites:
            key = {"all": (mode.name, number), "sites": site}.get(
                WANTED, (mode.name, own) if mode.repeats else own)
            places += [(("allocation", key), (site, number, False)),
                       (("from there on", own), (site, number, True))]
        if mode.repeats:
            return choose(places[::2], len(places)) + choose(places[1::2])
        return choose(places)

    def fail_at(self, mode, lasting, **which):
        self.fresh(mode)
        self.faults.want(lasting=lasting, **which)
        where = " ".join(f"{name} {value}" for name, value in which.items())
        self.run_case(mode, f"allocation {where}{' on' * lasting}")
        return self.faults.hit

    def check(self, mode):
        """By number, which is quick; by site, where it was another's turn."""
        sites = self.sites(mode)
        self.note(mode, "faults", len(sites))
        missed = 0
        for site, number, lasting in sites:
            hit = number and self.fail_at(mode, lasting, number=number)
            if hit != site and WANTED != "all":
                missed += not self.fail_at(mode, lasting, site=site)
        self.note(mode, "places that did not come again", missed)
        self.conclude()


class Closing(Modes, Counted):
    most_descriptors = 99

    def check(self, mode):
        self.fresh(mode)
        self.faults.want()
        self.run_case(mode, "no fault")
        count = self.faults.closed
        self.assertGreater(count, 5)
        numbers = choose(((mode.name, "close", number), number)
                         for number in range(1, count + 1))
        self.note(mode, "calls", count)
        self.note(mode, "faults", len(numbers))
        for number in numbers:
            self.fresh(mode)
            self.faults.want(closing=number)
            self.run_case(mode, f"close {number} EIO")
        self.conclude()


@unittest.skipUnless(strace_works(), "strace is missing or may not trace")
class Traced(Counted):
    most_descriptors = 99

    def calls(self, mode):
        """(call, n, where in our code it is from) of what is called from main()
        on, in order."""
        self.fresh(mode)
        self.faults.want()
        self.run_case(mode, "no fault", (
            "strace", "-k", "-qq", "-o", str(self.trace), "-e", "signal=none"))
        self.assertEqual(self.problems, [])
        calls = self.traced("PR_SET_DUMPABLE")
        self.assertGreater(len(calls), 50)
        return calls

    def traced(self, first, last=None):
        """What the tracer saw, from the line with `first` to that with `last`."""
        seen, calls, started = collections.Counter(), [], False
        for line in self.trace.read_text(errors="replace").splitlines():
            call, frame = CALL.match(line), FRAME.match(line)
            if frame and calls and "/mailbearer" in frame.group(1):
                calls[-1][2].append(frame.group(2))
            if not call:
                continue
            seen[call.group(1)] += 1
            started = started or first in line
            if started:
                calls.append((call.group(1), seen[call.group(1)], []))
            if last is not None and last in line:
                break
        return calls

    def cases(self, mode):
        """Each call with each error; in a sample, one of each place with one."""
        places = []
        for name, number, stack in self.calls(mode):
            for error in ERRORS.get(name, ())[:None if WANTED else 1]:
                case = (name, error, number)
                places.append(((mode.name, *case) if WANTED else
                               (name, *stack), case))
        return choose(places)

    def check(self, mode):
        cases = self.cases(mode)
        self.note(mode, "faults", len(cases))
        for name, error, number in cases:
            self.fresh(mode)
            self.faults.want()
            self.run_case(mode, f"{name} {number} {error}", (
                "strace", "-qq", "-o", str(self.trace), "-e", f"trace={name}",
                "-e", "signal=none", "-e",
                f"inject={name}:error={error}:when={number}"))
        self.conclude()


class Calls(Modes, Traced):
    pass


class Children(Traced):
    """The calls of a child up to what it becomes, the starter's to its end."""

    def setUp(self):
        super().setUp()
        self.tracer = None

    def run_held(self, mode, where, *options):
        """A case in which the tracer has one child, from its first call on."""
        self.faults.want(held=self.generation)
        self.trace.write_bytes(b"")
        self.is_over = False
        tracing = threading.Thread(target=self.attach, args=(options,))
        tracing.start()
        self.run_case(mode, where)
        self.is_over = True
        tracing.join()

    def attach(self, options):
        while not self.faults.waiting:
            if self.is_over:
                return
            time.sleep(0.001)
        with subprocess.Popen(["strace", "-qq", "-o", str(self.trace), "-e",
                               "signal=none", *options, "-p",
                               str(self.faults.waiting)],
                              stderr=subprocess.DEVNULL) as tracer:
            while not self.trace.stat().st_size and tracer.poll() is None:
                time.sleep(0.001)
            self.faults.let_go()

    def calls(self, mode):
        self.fresh(mode)
        self.run_held(mode, "no fault", "-k")
        self.assertEqual(self.problems, [])
        calls = [call for call in self.traced("", "execve(")
                 if call[0] not in ("sched_yield", "clock_nanosleep")]
        self.assertGreater(len(calls), 2)
        return calls

    def check(self, mode, *generations):
        mode.leaves = True
        for self.generation in generations:
            cases = self.cases(mode)
            self.note(mode, f"faults of child {self.generation}", len(cases))
            for name, error, number in cases:
                self.fresh(mode)
                self.run_held(
                    mode, f"child {self.generation} {name} {number} {error}",
                    "-e", f"trace=sched_yield,{name}", "-e",
                    f"inject={name}:error={error}:when={number}")
                self.note(mode, "calls that did not come again",
                          "(INJECTED)" not in self.trace.read_text())
        self.conclude()

    def test_starter_and_helper(self):
        self.check(modes.Cold(self), 1, 2)

    def test_session_and_runner(self):
        self.check(modes.Background(self), 2, 3)

    def test_renewal(self):
        """Its parent, itself, and what it starts."""
        self.check(modes.Aging(self), 2, 3, 4, 5)


if __name__ == "__main__":
    if "ASAN_OPTIONS" in os.environ:
        print("skipped: the sanitizers have an allocator of their own")
        sys.exit(SKIP)
    unittest.main()
