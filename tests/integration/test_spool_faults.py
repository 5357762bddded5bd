#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The spool when the process dies, or the disk fails, at each system call.

strace kills spool_probe before, or makes fail, one call after the other: of
those that it makes once it has opened the spool.  Whatever happens, afterwards
there is the whole message or none, and who was told that it is kept finds it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import strace_works

PROBE = os.path.abspath("tests/integration/spool_probe")
SKIP = 77
SMALL = b"Subject: x\n\nenvelope version=1 recipients=1\n"
LARGE = b"Subject: x\n\n" + 20000 * b"attempt number=1 next=12345 #0123\n"
CALLS = ("openat,mkdirat,read,write,pread64,pwrite64,lseek,fsync,fdatasync,"
         "ftruncate,fallocate,linkat,renameat,renameat2,unlinkat,fcntl,"
         "fstat,newfstatat,fstatfs,statfs,getdents64,getrandom,close")
# A leak checker traces too, and only one can.
NO_LEAKS = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\(")


class Spool(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="spool_faults.")
        self.addCleanup(shutil.rmtree, self.top)
        self.count = 0
        self.fresh()

    def fresh(self):
        """A new, empty spool."""
        self.count += 1
        self.directory = os.path.join(self.top, f"spool{self.count}")
        os.mkdir(self.directory, 0o750)

    def probe(self, *words, message=b"", strace=()):
        command = [PROBE, self.directory, *words]
        if strace:
            command = ["strace", "-f", "-qq", "-e", f"trace={CALLS}",
                       "-o", os.path.join(self.top, "trace"),
                       *strace, *command]
        # From a file: a pipe would be read in pieces of no certain number.
        with tempfile.TemporaryFile() as stdin:
            stdin.write(message)
            stdin.seek(0)
            return subprocess.run(
                command, stdin=stdin, timeout=60, check=False, env=NO_LEAKS,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def messages(self):
        """What lies in the spool, whole and readable: a list of rows."""
        done = self.probe("list")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split() for line in done.stdout.decode().splitlines()]

    def commit(self, message=SMALL):
        done = self.probe("commit", message=message)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode().strip()

    def calls(self, *words, message=b"", inject=()):
        """The calls that the probe makes from opening the spool on, each as
        (name, how many of that name came before it, plus one)."""
        self.probe(*words, message=message, strace=[*inject, "-e", "signal=none"])
        seen, found, started = {}, [], False
        with open(os.path.join(self.top, "trace"), encoding="latin-1") as lines:
            for line in lines:
                started = started or self.directory in line
                match = CALL.match(line)
                if not match:
                    continue
                name = match.group(1)
                seen[name] = seen.get(name, 0) + 1
                if started:
                    found.append((name, seen[name]))
        self.assertTrue(found)
        return found

    def test_the_first_message_finds_its_directory_on_the_disk(self):
        self.fresh()
        first = [name for name, _ in self.calls("commit", message=SMALL)]
        second = [name for name, _ in self.calls("commit", message=SMALL)]
        self.assertEqual(first.count("fsync"), second.count("fsync") + 2)

    def temporary(self):
        return [name for name in os.listdir(self.directory)
                if name not in ("new", "failed")]

    def digest(self, message):
        self.fresh()
        self.commit(message)
        return self.messages()[0][2:4]

    # Committing.

    def commit_faults(self, message, fault, inject=()):
        """Each call in turn goes wrong.  Yields what came of it."""
        whole = self.digest(message)
        self.fresh()
        calls = self.calls("commit", message=message, inject=inject)
        for name, number in calls:
            if inject and name == "linkat":
                continue
            self.fresh()
            done = self.probe("commit", message=message, strace=[
                *inject, "-e", f"inject={name}:{fault}:when={number}"])
            where = f"{name} {number}: {done}"
            rows = self.messages()
            self.assertLessEqual(len(rows), 1, where)
            for row in rows:
                self.assertEqual(row[2:4], whole, where)
                self.assertEqual(row[0], "new", where)
            told = done.stdout.decode().split()
            if told:
                self.assertEqual([row[1] for row in rows], told, where)
            yield done, rows, where

    def kill_at_each_call(self, message, inject=()):
        kept = 0
        for done, rows, where in self.commit_faults(
                message, "signal=KILL", inject):
            self.assertNotEqual(done.returncode, 0, where)
            kept += len(rows)
            if self.temporary():
                self.assertTrue(inject, where)
                self.probe("sweep")
            self.assertEqual(self.temporary(), [], where)
        self.assertGreater(kept, 0)     # the last calls come too late

    def test_killed_while_committing(self):
        self.kill_at_each_call(SMALL)

    def test_killed_while_committing_a_large_message(self):
        self.kill_at_each_call(LARGE)

    def test_killed_where_nothing_can_be_linked(self):
        self.kill_at_each_call(SMALL, ("-e", "inject=linkat:error=ENOENT"))

    def fail_at_each_call(self, message, error, inject=()):
        failures = 0
        for done, rows, where in self.commit_faults(
                message, f"error={error}", inject):
            self.assertIn(done.returncode, (0, 65, 71, 73, 74), where)
            if done.returncode == 0:
                self.assertEqual(len(rows), 1, where)
            else:
                failures += 1
                self.assertEqual(rows, [], where)
                self.assertNotEqual(done.stderr, b"", where)
            self.assertEqual(self.temporary(), [], where)
        self.assertGreater(failures, 0)

    def test_errors_while_committing(self):
        for error in ("ENOSPC", "EIO"):
            self.fail_at_each_call(SMALL, error)

    def test_errors_while_committing_a_large_message(self):
        for error in ("EDQUOT", "EIO"):
            self.fail_at_each_call(LARGE, error)

    def test_errors_where_nothing_can_be_linked(self):
        self.fail_at_each_call(
            SMALL, "ENOSPC", ("-e", "inject=linkat:error=ENOENT"))

    # Handling.

    def handle_faults(self, verb, fault):
        self.fresh()
        template = self.directory
        id_ = self.commit()
        if verb == "requeue":
            self.probe("fail", id_)
        before = self.messages()
        calls = None
        while calls is None or calls:
            self.fresh()
            shutil.copytree(template, self.directory, dirs_exist_ok=True)
            if calls is None:
                calls = self.calls(verb, id_)
                continue
            name, number = calls.pop(0)
            done = self.probe(verb, id_, strace=[
                "-e", f"inject={name}:{fault}:when={number}"])
            where = f"{verb}: {name} {number}: {done}"
            rows = self.messages()
            if verb != "remove":
                self.assertEqual(len(rows), 1, where)
            for row in rows:
                self.assertEqual(row[1:4], before[0][1:4], where)
            self.assertEqual(self.temporary(), [], where)
            broken = [name for part in ("new", "failed") for name in
                      os.listdir(os.path.join(self.directory, part))
                      if name.endswith(".broken")]
            self.assertEqual(broken, [], where)
            # And the next one who comes can work with it.
            for row in rows:
                again = self.probe(
                    "attempt" if row[0] == "new" else "requeue", id_)
                if again.returncode != 0:
                    # A crash while failing: the move has now been completed.
                    self.assertEqual(verb, "fail", where)
                    self.assertEqual(self.messages()[0][0], "failed", where)
            yield done, rows, where

    def test_killed_while_handling(self):
        for verb in ("attempt", "remove", "fail", "requeue"):
            for done, _, where in self.handle_faults(verb, "signal=KILL"):
                self.assertNotEqual(done.returncode, 0, where)

    def test_errors_while_handling(self):
        for verb in ("attempt", "remove", "fail", "requeue"):
            for error in ("ENOSPC", "EIO", "EMFILE"):
                for done, rows, where in self.handle_faults(
                        verb, f"error={error}"):
                    if done.returncode == 0 and verb == "attempt":
                        self.assertEqual(rows[0][4], "1", where)

    # A disk that is full in earnest.

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small disk")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=750",
                           "none", self.directory], check=False,
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("tmpfs cannot be mounted here")
        try:
            kept = 0
            while True:
                done = self.probe("commit", message=SMALL)
                if done.returncode != 0:
                    break
                kept += 1
            self.assertEqual(done.returncode, 73, done.stderr)
            done = self.probe("commit", message=LARGE)
            self.assertEqual(done.returncode, 73, done.stderr)
            rows = self.messages()
            self.assertEqual(len(rows), kept)
            # No room to know it as sent: then it is not sent.
            done = self.probe("attempt", rows[0][1])
            self.assertIn(done.returncode, (0, 73), done.stderr)
            for row in rows:
                self.assertEqual(self.probe("remove", row[1]).returncode, 0)
            self.assertEqual(self.messages(), [])
            self.commit()
        finally:
            subprocess.run(["umount", self.directory], check=True)


if __name__ == "__main__":
    if not strace_works():
        print("skipped: strace is missing or may not trace")
        sys.exit(SKIP)
    unittest.main()
