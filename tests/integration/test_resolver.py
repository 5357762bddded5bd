#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Name servers that do not answer cost a caller no more than they may: each is
asked once for each name, not as often as the resolver would by itself.  In a
network and a file system view of the test's own."""
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import harness

SERVERS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
# The name as it is and with the search domain, each for A and AAAA.
QUESTIONS = 4
CONFIG = """account "relay" {
    mailbox = "a@example.com"
    preset  = "smtp"
    host    = "mail.example"
    auth    = "none"
}
spool = false
state-directory = "%s"
log = "%s"
send-timeout = 2s
"""


def inside(directory):
    """In a network of its own, where nothing is up yet.  Prints what came of
    sending, and how often each server was asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914,     # SIOCSIFFLAGS: IFF_UP, running
                    struct.pack("16sh14x", b"lo", 0x41))
    servers = []
    for address in SERVERS:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((address, 53))
        server.setblocking(False)
        servers.append(server)
    done = subprocess.run(
        [str(harness.PROGRAM), "sendmail", "-C",
         str(directory / "mailbearer.conf"), "b@example.net"],
        input=harness.SIMPLE, capture_output=True, check=False, timeout=90)
    print(done.returncode, *(asked(server) for server in servers))
    print(done.stderr.decode())


def asked(server):
    """How many questions wait there unread."""
    count = 0
    try:
        while server.recv(4096):
            count += 1
    except BlockingIOError:
        return count


def may_unshare():
    return os.getuid() == 0 and subprocess.run(
        ["unshare", "-n", "-m", "true"], check=False,
        stderr=subprocess.DEVNULL).returncode == 0


@unittest.skipUnless(may_unshare(), "needs a network of its own: root, unshare")
@unittest.skipUnless(sys.platform == "linux" and
                     os.confstr("CS_GNU_LIBC_VERSION"), "glibc's resolver")
class Resolver(unittest.TestCase):
    def test_silent_name_servers(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="mbtest."))
        self.addCleanup(shutil.rmtree, directory)
        (directory / "state").mkdir(mode=0o750)
        (directory / "resolv.conf").write_text(
            "".join(f"nameserver {s}\n" for s in SERVERS) +
            "search corp.example\n", encoding="utf-8")
        (directory / "mailbearer.conf").write_text(
            CONFIG % (directory / "state", directory / "log"),
            encoding="utf-8")
        done = subprocess.run(
            ["unshare", "-n", "-m", "sh", "-c",
             'mount --bind "$1/resolv.conf" /etc/resolv.conf && exec "$2" "$3" '
             '--inside "$1"', "sh", str(directory), sys.executable, __file__],
            capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        code, *counts = map(int, done.stdout.splitlines()[0].split())
        self.assertEqual(code, 75, done.stdout)
        self.assertIn("looking up mail.example", done.stdout)
        self.assertGreater(sum(counts), 0)
        self.assertLessEqual(max(counts), QUESTIONS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(pathlib.Path(sys.argv[2]))
    else:
        unittest.main()
