"""A host on which nothing of mailbearer is installed, for as long as a process
lives: this machine's files below a layer that is thrown away, no network but a
loopback of its own, and Microsoft's names in /etc/hosts leading to the sandbox.

For test modules that are run by themselves: `enter(__file__)` starts the module
anew in namespaces of its own, where it may install, change /etc and listen on
any port.
"""
import ctypes
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

from harness import TOP

from mbsandbox import Sandbox, pki

INSIDE = "MAILBEARER_FRESH_HOST"
LAYERS = "/run"             # a place that no layer covers
NAMES = ("login.microsoftonline.com", "smtp.office365.com")
SKIP = 77


def is_inside():
    return os.environ.get(INSIDE) == str(os.getppid())


def missing():
    """What this machine cannot do, or None."""
    if os.getuid() != 0:
        return "needs root, to install"
    if shutil.which("unshare") is None:
        return "needs unshare"
    done = subprocess.run(
        ["unshare", "-m", "-n", "sh", "-c", "mount -t tmpfs none /mnt && cd "
         "/mnt && mkdir a b && mount -t overlay none -o lowerdir=/etc,upper"
         "dir=a,workdir=b /etc"], capture_output=True, check=False)
    return None if done.returncode == 0 else \
        "needs namespaces and overlay file systems"


def enter(module):
    """Run the module again, inside; returns only there."""
    if is_inside():
        return
    problem = missing()
    if problem:
        print("skipped:", problem)
        sys.exit(SKIP)
    os.environ[INSIDE] = str(os.getpid())
    sys.exit(subprocess.run(
        ["unshare", "--mount", "--net", "--uts", sys.executable, module,
         *sys.argv[1:]], check=False).returncode)


def bring_up_loopback():
    with socket.socket() as any_socket:
        number = any_socket.fileno()
        request = struct.pack("16sH22x", b"lo", 0x1 | 0x40)   # UP, RUNNING
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.ioctl(number, 0x8914, request) == -1:         # SIOCSIFFLAGS
            raise OSError(ctypes.get_errno(), "loopback")


class Host:
    """The layers, and a sandbox that answers for Microsoft."""

    def __init__(self):
        self.layers = pathlib.Path(tempfile.mkdtemp(dir=LAYERS))
        subprocess.run(["mount", "-t", "tmpfs", "none", self.layers],
                       check=True)
        # The source last: it may lie below one of the others.
        for directory in ("/usr", "/etc", "/var", str(TOP)):
            self.cover(directory)
        shutil.rmtree(TOP / "build", ignore_errors=True)
        (TOP / "Makefile").unlink(missing_ok=True)
        subprocess.run(["hostname", "web1"], check=True)
        bring_up_loopback()
        self.remove_what_is_there()
        with open("/etc/hosts", "w", encoding="utf-8") as hosts:
            hosts.write("127.0.0.1 localhost\n127.0.1.1 web1.example.net web1\n"
                        "127.0.0.1 %s\n" % " ".join(NAMES))
        pki.SERVER_NAMES = ",".join("DNS:" + name for name in NAMES)
        self.sandbox = Sandbox(self.layers / "sandbox", smtp_port=587,
                               token_port=443).start()
        self.sandbox.tokens.base = "https://" + NAMES[0]
        self.trust(self.sandbox.ca_file)

    def cover(self, directory):
        name = directory.replace("/", "_")
        upper, work = self.layers / ("u" + name), self.layers / ("w" + name)
        upper.mkdir()
        work.mkdir()
        shutil.copystat(directory, upper)
        subprocess.run(["mount", "-t", "overlay", "none", "-o",
                        "lowerdir=%s,upperdir=%s,workdir=%s" % (
                            directory, upper, work), directory], check=True)

    @staticmethod
    def remove_what_is_there():
        """Should this machine itself have a mailbearer."""
        for path in ("/etc/mailbearer.conf", "/etc/cron.d/mailbearer",
                     "/etc/aliases", "/etc/mailname", "/usr/sbin/sendmail"):
            pathlib.Path(path).unlink(missing_ok=True)
        for path in ("/etc/mailbearer", "/var/lib/mailbearer",
                     "/var/spool/mailbearer"):
            shutil.rmtree(path, ignore_errors=True)
        os.makedirs("/etc/cron.d", exist_ok=True)

    @staticmethod
    def trust(certificate):
        """The sandbox's authority among the system's: in the hashed directory
        and in the bundle, whichever a library reads."""
        with open(certificate, encoding="ascii") as file:
            text = file.read()
        digest = subprocess.run(
            ["openssl", "x509", "-noout", "-hash", "-in", certificate],
            capture_output=True, text=True, check=True).stdout.strip()
        directory = pathlib.Path("/etc/ssl/certs")
        (directory / (digest + ".0")).write_text(text, encoding="ascii")
        with open(directory / "ca-certificates.crt", "a",
                  encoding="ascii") as bundle:
            bundle.write(text)

    def leave(self):
        """Mounts end with the namespace; the place they were mounted on does
        not."""
        self.sandbox.stop()
        subprocess.run(["umount", "-l", self.layers], check=False)
        self.layers.rmdir()
