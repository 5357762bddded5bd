#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The sandbox around the installed programs: when they close it, who starts what,
and that mail is sent where a kernel has none.  What it refuses is tried one by
one in tests/unit/check_sandbox.c."""

import contextlib
import ctypes
import pathlib
import platform
import re
import struct
import subprocess
import sys
import unittest

from fault_modes import HELPER
from harness import PROGRAM, SIMPLE, SharedCase, run, strace_works
from test_smtpd import Talk

CLOSE = ("prctl", "PR_SET_SECCOMP")     # the last step of closing it
FORKS = ("clone", "clone3", "fork", "vfork")


def kill_for_unlisted_calls():
    """A filter as systemd makes them: for seccomp and landlock_*, death."""
    def instruction(code, yes, no, k):
        return struct.pack("=HBBI", code, yes, no, k)

    numbers = (317, 444, 445, 446)
    code = instruction(0x20, 0, 0, 0)           # the call's number
    for place, number in enumerate(numbers):
        code += instruction(0x15, len(numbers) - place, 0, number)
    code += instruction(0x06, 0, 0, 0x7fff0000)     # allow
    code += instruction(0x06, 0, 0, 0x80000000)     # kill
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(code) // 8,
                          ctypes.addressof(buffer))
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)                  # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, program, 0, 0) != 0:   # PR_SET_SECCOMP
        raise OSError("no filter")


class Process:
    """What one process called, in order: (name, the rest of the line)."""

    def __init__(self):
        self.calls = []

    def names(self):
        return [name for name, _ in self.calls]

    def first(self, name, text=""):
        """The place of the first such call, or None."""
        for place, (called, rest) in enumerate(self.calls):
            if called == name and text in rest:
                return place
        return None


def read_trace(path):
    """The processes in the order in which they turn up."""
    processes, unfinished = {}, {}
    for line in path.read_text(errors="replace").splitlines():
        pid, rest = re.match(r"(\d+) +(.*)", line).groups()
        process = processes.setdefault(pid, Process())
        if rest.endswith("<unfinished ...>"):
            unfinished[pid] = rest[:-len("<unfinished ...>")]
            continue
        if rest.startswith("<..."):
            rest = unfinished.pop(pid, "") + rest.partition("resumed>")[2]
        call = re.match(r"(\w+)\((.*)", rest)
        if call:
            process.calls.append(call.groups())
    return list(processes.values())


@unittest.skipUnless(strace_works(), "needs strace that may trace")
class Confine(SharedCase):
    def traced(self, *words, program=None, inject=(), stdin=SIMPLE):
        """Result and processes of `mailbearer WORDS`."""
        trace = self.directory / "trace"
        command = ["strace", "-f", "-s", "2000", "-o", str(trace)]
        for what in inject:
            command += ["-e", "inject=" + what]
        result = run([*command, str(program or PROGRAM), *words], stdin)
        return result, read_trace(trace)

    def traced_sendmail(self, *flags, config=None, **options):
        config = config or self.config()
        return self.traced("sendmail", "-C", str(config), *flags, **options)

    def test_the_helper_ends_whatever_its_libraries_wait_for(self):
        """libcurl with a socket that it takes for a non-blocking one."""
        trace = self.directory / "trace"
        subprocess.run(
            ["strace", "-e", "trace=alarm", "-o", str(trace), str(HELPER), "-C",
             str(self.config()), "contoso"], check=True, timeout=60,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertRegex(trace.read_text(), r"alarm\((39|40)\)")

    def send(self, **options):
        return self.traced_sendmail("user@contoso.com", **options)

    def warm(self):
        """With a token in the cache."""
        self.config()
        self.assert_sent(self.sendmail("user@contoso.com"))
        self.sandbox.reset()

    def assert_closed_first(self, process, *others):
        """This process closed its sandbox, whole, before each of these."""
        place = process.first(*CLOSE)
        self.assertIsNotNone(place, process.names())
        self.assertIn("= 0", process.calls[place][1])
        files = process.first("landlock_restrict_self")
        self.assertIsNotNone(files)
        self.assertLess(files, place)
        for name, text in others:
            other = process.first(name, text)
            self.assertIsNotNone(other, (name, text))
            self.assertLess(place, other, (name, text))

    def assert_starts_nothing(self, process):
        """No program but itself, and after the sandbox no process."""
        names = process.names()
        place = process.first(*CLOSE)
        self.assertNotIn("execve", names[1:])
        for name in FORKS:
            self.assertNotIn(name, names[place:])

    # ------------------------------------------------------------- who, when

    def test_a_sender_closes_it_before_it_reads(self):
        self.warm()
        result, processes = self.send()
        self.assert_sent(result)
        self.assertEqual(len(processes), 2)
        self.assert_closed_first(processes[0], ("read", "0, "),
                                 ("connect", "AF_INET"))
        self.assert_starts_nothing(processes[0])

    def test_the_starter_of_a_warm_send_starts_nothing(self):
        self.warm()
        result, (_, starter) = self.send()
        self.assert_sent(result)
        names = starter.names()
        for name in ("execve", "connect", "read", *FORKS):
            self.assertNotIn(name, names)
        # Nothing of the caller's is left in its hands.
        kept = [rest for name, rest in starter.calls if name == "dup2"]
        self.assertEqual([re.search(r", (\d)", rest).group(1)
                          for rest in kept], ["0", "1", "2"])

    def test_the_helper_is_the_starters_and_confined(self):
        result, processes = self.send()
        self.assert_sent(result)
        sender = processes[0]
        self.assert_starts_nothing(sender)
        helpers = [process for process in processes[1:]
                   if process.first("execve", "mailbearer-token") is not None]
        self.assertEqual(len(helpers), 1)
        self.assert_closed_first(helpers[0], ("connect", "AF_INET"))

    def test_a_queue_run_is_confined(self):
        config = self.config(spool=True, spool_directory=str(self.spool()))
        self.sendmail("-odq", "user@contoso.com", config=config)
        self.assertEqual(len(self.sandbox.messages()), 0)
        result, processes = self.traced_sendmail("-q", config=config)
        self.assert_sent(result)
        self.assert_closed_first(processes[0], ("pread64", "hello"),
                                 ("connect", "AF_INET"))
        self.assert_starts_nothing(processes[0])

    def test_a_run_is_started_by_the_starter(self):
        config = self.config(spool=True, spool_directory=str(self.spool()))
        result, processes = self.traced_sendmail("-odb", "user@contoso.com",
                                                 config=config)
        self.assert_sent(result)
        self.assert_starts_nothing(processes[0])
        runners = [process for process in processes[1:]
                   if process.first("execve", '"-odb"') is not None]
        self.assertEqual(len(runners), 1)
        self.assert_closed_first(runners[0], ("connect", "AF_INET"))

    def test_a_list_of_the_queue_is_confined(self):
        config = self.config(spool=True, spool_directory=str(self.spool()))
        self.sendmail("-odq", "user@contoso.com", config=config)
        result, processes = self.traced_sendmail("-bp", config=config)
        self.assertIn("user@contoso.com", result.stdout)
        self.assertEqual(len(processes), 1)
        self.assert_closed_first(processes[0],
                                 ("pread64", "user@contoso.com"))

    def test_what_only_reads_is_confined_too(self):
        config = str(self.config())
        aliases = self.directory / "aliases"
        aliases.write_text("root: user@contoso.com\n")
        result, processes = self.traced("explain", "-C", config,
                                        stdin=b"535 5.7.3 no\n")
        self.assertEqual(result.code, 0)
        self.assert_closed_first(processes[0], ("read", "0, "))
        config = self.config(aliases=str(aliases))
        result, processes = self.traced_sendmail("-bi", config=config)
        self.assertIn("1 aliases", result.stdout)
        self.assert_closed_first(processes[0], ("read", "root: user@"))

    def spool(self):
        path = self.directory / "spool"
        path.mkdir()
        return path

    def test_nobodys_zombie_stays(self):
        """In a container process 1 may be one that waits for nobody."""
        script = ("import ctypes, os, subprocess, sys\n"
                  "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"
                  "done = subprocess.run(sys.argv[1:], input=b'\\nHello\\n')\n"
                  "try:\n"
                  "    os.waitpid(-1, os.WNOHANG)\n"
                  "except ChildProcessError:\n"
                  "    sys.exit(done.returncode)\n"
                  "sys.exit(99)\n")
        result = run([sys.executable, "-c", script, str(PROGRAM), "sendmail",
                      "-C", str(self.config()), "user@contoso.com"])
        self.assert_sent(result)

    # ----------------------------------------------------- where there is none

    def no_filter(self):
        """For `inject`: the prctl(2) that brings the filter fails."""
        _, processes = self.traced_sendmail("-bv", "user@contoso.com")
        calls = processes[0].calls[:processes[0].first(*CLOSE) + 1]
        count = [name for name, _ in calls].count("prctl")
        return f"prctl:error=EINVAL:when={count}"

    def test_a_service_whose_filter_kills(self):
        """SystemCallFilter=@system-service, which lists neither Landlock's
        calls nor seccomp(2), and no SystemCallErrorNumber."""
        if platform.machine() != "x86_64":
            self.skipTest("knows the numbers of x86_64 only")
        result = run([str(PROGRAM), "sendmail", "-C", str(self.config()),
                      "user@contoso.com"], SIMPLE,
                     preexec_fn=kill_for_unlisted_calls)
        self.assert_sent(result)

    def test_a_kernel_or_container_without(self):
        for error in ("ENOSYS", "EPERM", "EOPNOTSUPP"):
            with self.subTest(error):
                self.sandbox.reset()
                result, _ = self.send(inject=(
                    f"landlock_create_ruleset:error={error}",
                    self.no_filter()))
                self.assert_sent(result)

    def test_old_versions_of_landlock(self):
        """2 to 6 of them have less to give; 1 would break the spool."""
        for version in range(1, 7):
            with self.subTest(version):
                self.sandbox.reset()
                result, processes = self.send(inject=(
                    f"landlock_create_ruleset:retval={version}:when=1",))
                self.assert_sent(result)
                rulesets = processes[0].names().count(
                    "landlock_create_ruleset")
                self.assertEqual(rulesets, 1 if version == 1 else 2)

    def test_a_rule_that_cannot_be_made(self):
        """Better no sandbox than one that locks us out of our own spool."""
        result, processes = self.send(
            inject=("landlock_add_rule:error=EINVAL",))
        self.assert_sent(result)
        self.assertIsNone(processes[0].first("landlock_restrict_self"))

    def test_no_process_to_spare(self):
        """No starter: what needs none is sent, the rest waits and says why."""
        none = (",".join(FORKS) + ":error=EAGAIN:when=1",)
        result, _ = self.send(inject=none)
        self.assert_failed(result, 71, "no process that could start programs",
                           "")
        self.warm()
        result, _ = self.send(inject=none)
        self.assert_sent(result)

    @contextlib.contextmanager
    def starter_fails(self, session, *inject):
        """The starter of this session of Talk is traced, and so disturbed."""
        pid = session.process.pid
        [starter] = pathlib.Path(
            f"/proc/{pid}/task/{pid}/children").read_text().split()
        command = ["strace", "-p", starter]
        for what in inject:
            command += ["-e", "inject=" + what]
        with subprocess.Popen(command, stderr=subprocess.PIPE,
                              text=True) as tracer:
            self.assertIn("attached", tracer.stderr.readline())
            yield
            tracer.terminate()
            tracer.communicate()

    def test_a_helper_that_cannot_be_started(self):
        """Says why, and the next one is not kept from trying."""
        for what, why in ((FORKS, "EAGAIN"), (("pipe2",), "EMFILE")):
            with self.subTest(why):
                session = Talk(self)
                with self.starter_fails(session, ",".join(what) +
                                        f":error={why}:when=1"):
                    session.say("MAIL FROM:<alerts@contoso.com>", "250 ")
                    session.say("RCPT TO:<bob@example.net>", "250 ")
                    reply = session.data("4")
                self.assertIn("starting ", reply)
                self.assertIn("mailbearer-token", reply)
                session.say("MAIL FROM:<alerts@contoso.com>", "250 ")
                session.say("RCPT TO:<bob@example.net>", "250 ")
                session.data("250 ")
                session.say("QUIT", "221 ")
                self.assertEqual(len(self.sandbox.messages()), 1)
                self.sandbox.reset()
                next(self.directory.rglob("token-*.json")).unlink()

    def test_a_command_that_is_not_there(self):
        config = self.config(client_secret_file=None, tenant=None,
                             client_id=None, authority=None,
                             token_command=["/nonexistent/program"])
        result = self.sendmail("bob@example.net", config=config)
        self.assert_failed(result, 78, "token-command: ", "")
        self.assertIn("/nonexistent", result.stderr)

    # ------------------------------------------------------------------ check

    def check(self, inject=()):
        result, _ = self.traced("check", "-C", str(self.config()),
                                inject=inject)
        line = re.search(r"^(.{7}) sandbox +(.*)", result.stdout, re.M)
        return line.group(1), line.group(2)

    def test_check_says_what_holds(self):
        self.assertEqual(self.check(("landlock_create_ruleset:error=ENOSYS",
                                     self.no_filter()))[0], "ok     ")
        mark, text = self.check()
        self.assertEqual(mark, "ok     ")
        self.assertRegex(text, r"^system calls \(seccomp\), files "
                               r"\(Landlock [2-9]\d*\)$")
        _, text = self.check(("landlock_create_ruleset:error=ENOSYS",))
        self.assertEqual(text, "system calls (seccomp)")
        _, text = self.check((self.no_filter(),))
        self.assertRegex(text, r"^files \(Landlock \d+\)$")
        _, text = self.check(("landlock_create_ruleset:error=ENOSYS",
                              self.no_filter()))
        self.assertRegex(text, "^none: this kernel or container offers")


if __name__ == "__main__":
    unittest.main()
