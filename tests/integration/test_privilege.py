#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The set-user-ID program as a hostile caller would start it.

Needs root, to install a set-id copy of privilege_probe and to call it as
somebody else.  No user needs to exist: ids are numbers.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

PROBE = os.path.abspath("tests/integration/privilege_probe")
USER = 42420        # the installation's user and group
CALLER = 42421
GROUPS = [42422, 42423]
SKIP = 77

HOSTILE = {
    "PATH": "/tmp/evil:.",
    "LD_PRELOAD": "/tmp/evil.so",
    "LD_LIBRARY_PATH": "/tmp",
    "LD_AUDIT": "/tmp/evil.so",
    "SSLKEYLOGFILE": "/tmp/keys",
    "OPENSSL_CONF": "/tmp/openssl.cnf",
    "OPENSSL_MODULES": "/tmp",
    "OPENSSL_ENGINES": "/tmp",
    "SSL_CERT_FILE": "/tmp/ca.pem",
    "SSL_CERT_DIR": "/tmp",
    "http_proxy": "http://127.0.0.1:1/",
    "HTTPS_PROXY": "http://127.0.0.1:1/",
    "ALL_PROXY": "socks5://127.0.0.1:1/",
    "CURL_HOME": "/tmp",
    "CURL_CA_BUNDLE": "/tmp/ca.pem",
    "HOME": "/tmp",
    "TZ": "/etc/shadow",
    "TZDIR": "/tmp",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "LOCPATH": "/tmp",
    "NLSPATH": "/tmp/%N",
    "GCONV_PATH": "/tmp",
    "MALLOC_PERTURB_": "1",
    "MALLOC_CHECK_": "3",
    "GLIBC_TUNABLES": "glibc.malloc.check=3",
    "RES_OPTIONS": "debug",
    "LOCALDOMAIN": "evil.example",
    "HOSTALIASES": "/tmp/hosts",
    "RESOLV_HOST_CONF": "/etc/shadow",
    "TMPDIR": "/tmp/evil",
    "IFS": "x",
    "BASH_ENV": "/tmp/evil.sh",
    "TERM": "../../tmp/evil",
    "NOTIFY_SOCKET": "/tmp/socket",
    "LISTEN_FDS": "3",
}
ONLY_PATH = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]


class Installed(unittest.TestCase):
    """A directory with a set-id copy of the probe in it."""

    MODE = 0o6755
    OWNER = (USER, USER)

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="privilege.")
        os.chmod(cls.directory, 0o755)
        cls.program = os.path.join(cls.directory, "probe")
        shutil.copy(PROBE, cls.program)
        os.chown(cls.program, *cls.OWNER)
        os.chmod(cls.program, cls.MODE)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def start(self, *arguments, uid=CALLER, gid=CALLER, groups=GROUPS,
              environment=HOSTILE, before=None, **options):
        def become_caller():
            if before is not None:
                before()
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("cwd", "/tmp")
        return subprocess.Popen([self.program, *arguments], env=environment,
                                stdout=subprocess.PIPE, close_fds=False,
                                preexec_fn=become_caller, **options)

    def probe(self, *arguments, **options):
        process = self.start(*arguments, **options)
        output, _ = process.communicate(timeout=20)
        return json.loads(output)


class Keep(Installed):
    def test_all_ids_are_the_installations(self):
        seen = self.probe("keep")
        self.assertEqual(seen["uids"], [USER] * 3)
        self.assertEqual(seen["gids"], [USER] * 3)
        self.assertEqual(seen["caller"], [CALLER, CALLER])
        self.assertEqual(seen["now"], [USER, USER])
        self.assertIs(seen["special"], True)
        self.assertEqual(int(seen["CapPrm"], 16), 0)
        self.assertEqual(seen["no_new_privs"], 1)
        self.assertEqual(seen["cwd"], "/")
        self.assertEqual(seen["umask"], 0o027)

    def test_root_leaves_all_of_root_behind(self):
        seen = self.probe("keep", uid=0, gid=0, groups=[0, 4])
        self.assertEqual(seen["uids"], [USER] * 3)
        self.assertEqual(seen["gids"], [USER] * 3)
        self.assertEqual(seen["caller"], [0, 0])
        self.assertIs(seen["special"], True)
        self.assertNotIn(0, seen["groups"])
        self.assertEqual(int(seen["CapPrm"], 16), 0)
        self.assertEqual(int(seen["CapEff"], 16), 0)
        self.assertEqual(seen["dumpable"], 0)

    def test_the_installations_user_may_call(self):
        seen = self.probe("keep", uid=USER, gid=USER)
        self.assertEqual(seen["uids"], [USER] * 3)
        self.assertIs(seen["special"], False)

    def test_a_member_of_the_installations_group_may_call(self):
        seen = self.probe("keep", gid=USER)
        self.assertEqual(seen["uids"], [USER] * 3)
        self.assertEqual(seen["gids"], [USER] * 3)
        self.assertIs(seen["special"], True)

    def test_the_environment_is_rebuilt(self):
        self.assertEqual(self.probe("keep")["environment"], ONLY_PATH)
        self.assertEqual(self.probe("keep", environment={})["environment"],
                         ONLY_PATH)
        harmless = dict(HOSTILE, TERM="xterm", TZ="Europe/Berlin")
        self.assertEqual(
            self.probe("keep", environment=harmless)["environment"], ONLY_PATH)

    def test_missing_standard_descriptors_are_plugged(self):
        def close_some():
            os.close(0)
            os.close(2)
        seen = self.probe("keep", before=close_some)
        self.assertEqual(seen["descriptors"], [0, 1, 2])
        self.assertEqual(seen["stdin_mode"], os.O_WRONLY)

    def test_other_descriptors_are_closed(self):
        def open_many():
            os.close(3)     # the loader needs one
            for fd in range(4, 201):
                os.dup2(0, fd)
                os.set_inheritable(fd, True)
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 1024))
        self.assertEqual(self.probe("keep", before=open_many)["descriptors"],
                         [0, 1, 2])

    def test_a_full_table_of_descriptors_is_emptied(self):
        def fill():
            os.close(3)
            for fd in range(4, 64):
                os.dup2(0, fd)
                os.set_inheritable(fd, True)
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        self.assertEqual(self.probe("keep", before=fill)["descriptors"],
                         [0, 1, 2])

    def test_signals_are_reset(self):
        def block_and_ignore():
            for number in signal.valid_signals() - {9, 19}:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
            signal.setitimer(signal.ITIMER_REAL, 100)
        seen = self.probe("keep", before=block_and_ignore)
        self.assertEqual(seen["ignored"], [
            signal.SIGPIPE, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
            signal.SIGXFSZ])
        self.assertEqual(seen["blocked"], [])
        self.assertEqual(seen["timer"], 0)

    def test_timer_slack_is_reset(self):
        def slacken():
            with open("/proc/self/timerslack_ns", "w") as slack:
                slack.write("1000000000")
        self.assertEqual(self.probe("keep", before=slacken)["slack"], 50000)

    def test_limits_are_raised_as_far_as_they_go(self):
        def lower():
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 1 << 30))
            resource.setrlimit(resource.RLIMIT_NOFILE, (10, 512))
            resource.setrlimit(resource.RLIMIT_CORE,
                               (resource.RLIM_INFINITY,) * 2)
        seen = self.probe("keep", before=lower)
        self.assertEqual(seen["core"], [0, 0])
        self.assertEqual(seen["fsize"], [1 << 30, 1 << 30])
        self.assertEqual(seen["nofile"], [512, 512])

    def test_no_descriptor_to_be_had_is_said(self):
        def forbid():
            os.close(2)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        process = self.start("keep", before=forbid)
        output, _ = process.communicate(timeout=20)
        # The loader may fail before us; what counts is that nobody goes on.
        self.assertNotEqual(process.returncode, 0)
        if output:
            self.assertIn("/dev/null", json.loads(output)["error"])


class CallerAgainstProcess(Installed):
    """What the caller may do to the process while it works."""

    def as_caller(self, action):
        """Runs `action` as the caller; True if it was allowed."""
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups(GROUPS)
                os.setresgid(CALLER, CALLER, CALLER)
                os.setresuid(CALLER, CALLER, CALLER)
                action()
                os._exit(0)
            except OSError:
                os._exit(1)
            finally:
                os._exit(2)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    def setUp(self):
        self.process = self.start("keep", "wait", stdin=subprocess.PIPE)
        self.seen = json.loads(self.process.stdout.readline())
        self.addCleanup(self.process.communicate)

    def test_it_cannot_be_signalled(self):
        for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM,
                       signal.SIGINT, signal.SIGUSR1, 0):
            self.assertFalse(self.as_caller(
                lambda n=number: os.kill(self.process.pid, n)), number)
        self.assertIsNone(self.process.poll())

    def test_its_memory_and_descriptors_cannot_be_read(self):
        for name in ("mem", "fd/0", "environ", "maps", "cwd"):
            path = f"/proc/{self.process.pid}/{name}"
            self.assertFalse(self.as_caller(
                lambda p=path: os.close(os.open(p, os.O_RDONLY))), name)

    def test_it_cannot_be_traced(self):
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        ptrace_seize = 0x4206

        def trace():
            if libc.ptrace(ptrace_seize, self.process.pid, None, None) == -1:
                raise OSError(ctypes.get_errno(), "ptrace")
        self.assertFalse(self.as_caller(trace))

    def test_its_limits_and_priority_cannot_be_changed(self):
        self.assertFalse(self.as_caller(lambda: resource.prlimit(
            self.process.pid, resource.RLIMIT_FSIZE, (0, 0))))
        self.assertFalse(self.as_caller(lambda: os.setpriority(
            os.PRIO_PROCESS, self.process.pid, 19)))

    def test_it_cannot_be_traced_by_its_own_user(self):
        self.assertEqual(self.seen["dumpable"], 0)


class Drop(Installed):
    def test_all_ids_are_the_callers(self):
        for mode in ("drop", "drop-root"):
            seen = self.probe(mode)
            self.assertEqual(seen["uids"], [CALLER] * 3)
            self.assertEqual(seen["gids"], [CALLER] * 3)
            self.assertEqual(seen["now"], [CALLER, CALLER])
            self.assertIs(seen["special"], False)
            self.assertEqual(seen["dumpable"], 0)
            self.assertEqual(seen["cwd"], "/tmp")

    def test_root_becomes_the_user_or_stays(self):
        seen = self.probe("drop-root", uid=0, gid=0, groups=[0])
        self.assertEqual(seen["uids"], [USER] * 3)
        self.assertEqual(seen["groups"], [])
        self.assertEqual(int(seen["CapPrm"], 16), 0)
        self.assertIs(seen["special"], True)
        seen = self.probe("drop", uid=0, gid=0)
        self.assertEqual(seen["uids"], [0] * 3)
        self.assertEqual(seen["gids"], [0] * 3)
        self.assertIs(seen["special"], False)
        self.assertNotEqual(int(seen["CapEff"], 16), 0)

    def test_a_harmless_environment_is_kept(self):
        harmless = {"TERM": "xterm-256color", "COLUMNS": "80", "NO_COLOR": "1",
                    "TZ": "Europe/Berlin", "HOME": "/root", "LC_ALL": "C"}
        seen = self.probe("drop", environment=harmless)
        self.assertEqual(sorted(seen["environment"]),
                         ["COLUMNS=80", "NO_COLOR=1"] + ONLY_PATH +
                         ["TERM=xterm-256color", "TZ=Europe/Berlin"])

    def test_a_hostile_environment_is_not(self):
        self.assertEqual(self.probe("drop")["environment"], ONLY_PATH)
        for zone in ("/etc/shadow", ":/etc/shadow", "../../etc/shadow", ":UTC",
                     "x" * 64, "a b", "UTC\n", "\u00fc", "Europe/../x", "."):
            seen = self.probe("drop", environment={"TZ": zone, "TERM": zone})
            self.assertEqual(seen["environment"], ONLY_PATH, zone)


class Refused(Installed):
    """Installations that the program does not run in."""

    def refused(self, owner, mode, words):
        os.chown(self.program, *owner)
        os.chmod(self.program, mode)
        for call in ("keep", "drop"):
            seen = self.probe(call)
            self.assertIn(words, seen.get("error", ""), (owner, oct(mode)))
            self.assertEqual(seen["exit"], os.EX_CONFIG)
            self.assertIn("chmod 6755", seen["hint"])

    def test_set_user_id_root(self):
        self.refused((0, USER), 0o6755, "set-user-ID root")
        self.refused((0, 0), 0o4755, "set-user-ID root")

    def test_set_group_id_root(self):
        self.refused((USER, 0), 0o6755, "set-group-ID root")

    def test_one_without_the_other(self):
        self.refused((USER, USER), 0o4755, "only one of")
        self.refused((USER, USER), 0o2755, "only one of")


class WithoutRights(Installed):
    MODE = 0o755

    def test_nothing_changes(self):
        for mode in ("keep", "drop", "drop-root"):
            seen = self.probe(mode)
            self.assertEqual(seen["uids"], [CALLER] * 3)
            self.assertEqual(sorted(seen["groups"]), GROUPS)
            self.assertIs(seen["special"], False)
            self.assertEqual(seen["no_new_privs"], 0)
            self.assertEqual(seen["cwd"], "/tmp")

    def test_missing_standard_descriptors_are_plugged(self):
        """Which the C library does as well where there are special rights."""
        def close_some():
            os.close(0)
            os.close(2)
        seen = self.probe("keep", before=close_some)
        self.assertEqual(seen["descriptors"], [0, 1, 2])
        self.assertEqual(seen["stdin_mode"], os.O_WRONLY)

    def test_rights_of_a_set_id_caller_are_dropped(self):
        def set_id_program():
            os.setgroups([])
            os.setresgid(CALLER, USER, USER)
            os.setresuid(CALLER, USER, USER)
        for mode in ("keep", "drop", "drop-root"):
            process = subprocess.run([self.program, mode], env={}, cwd="/tmp",
                                     stdin=subprocess.DEVNULL, timeout=20,
                                     stdout=subprocess.PIPE, check=True,
                                     preexec_fn=set_id_program)
            seen = json.loads(process.stdout)
            self.assertEqual(seen["uids"], [CALLER] * 3)
            self.assertEqual(seen["gids"], [CALLER] * 3)
            self.assertIs(seen["special"], False)


def set_id_works():
    """Whether the directory for temporary files is mounted without nosuid."""
    return not os.statvfs(tempfile.gettempdir()).f_flag & os.ST_NOSUID


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: only root can install set-user-ID programs")
        sys.exit(SKIP)
    if not set_id_works():
        print("skipped: set-user-ID has no effect in", tempfile.gettempdir())
        sys.exit(SKIP)
    unittest.main()
