"""What every integration test needs: an installed mailbearer, a sandbox, and a
way to call the one against the other as real callers do."""
import contextlib
import dataclasses
import fcntl
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests" / "sandbox"))
from mbsandbox import Sandbox  # noqa: E402
from mbsandbox.sandbox import SECRET  # noqa: E402, F401

# Where the program under test is installed: `make test-install` puts it there.
PREFIX = pathlib.Path(os.environ.get(
    "MAILBEARER_PREFIX", str(TOP / "build" / "tests" / "inst"))).resolve()
PROGRAM = PREFIX / "sbin" / "mailbearer"

SIMPLE = b"Subject: hello\n\nHello.\n"


@dataclasses.dataclass
class Result:
    code: int
    stdout: str
    stderr: str

    def lines(self):
        return self.stderr.splitlines()


# What must never be written: the sandbox's secrets, a token (a JWT, whole or
# within an AUTH line), an assertion.
SECRETS = re.compile(
    rb"kPz8Q~sandbox|kPz8Q%7Esandbox|eyJ[\w-]{20,}\.[\w-]{20,}"
    rb"|dXNlcj[\w+/]{40,}|auth=Bearer e|client_assertion=|BEGIN [A-Z ]*PRIVATE")


def secret_in(written):
    """The first secret in these bytes, or None."""
    found = SECRETS.search(written)
    return found.group(0)[:60] if found else None


def run(command, stdin=b"", **options):
    """Run a command to its end; stdin is bytes, a file, or None (closed).
    Whatever it writes is searched for secrets, in every test there is."""
    if isinstance(stdin, bytes):
        options["input"] = stdin
    else:
        options["stdin"] = stdin
    environment = {"PATH": os.environ["PATH"], **sanitizer_environment(),
                   **options.pop("env", {})}
    options.setdefault("timeout", 90)
    done = subprocess.run(command, capture_output=True, env=environment,
                          check=False, **options)
    leaked = secret_in(done.stdout + b"\n" + done.stderr)
    if leaked and "--print-access-token" not in command:
        raise AssertionError(f"{command} wrote a secret: {leaked!r}")
    return Result(done.returncode, done.stdout.decode("utf-8", "replace"),
                  done.stderr.decode("utf-8", "replace"))


def sanitizer_environment():
    return {name: value for name, value in os.environ.items()
            if name.endswith("SAN_OPTIONS")}


def strace_works():
    """strace is there, may trace, and can inject faults."""
    try:
        return subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e",
             "inject=chdir:error=EIO", "true"], check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def limit_memory(octets):
    """For preexec_fn: so much and no more for data.  Sanitizers need theirs."""
    def limit():
        if not sanitizer_environment():
            resource.setrlimit(resource.RLIMIT_DATA, (octets, octets))
    return limit


class Case(unittest.TestCase):
    """A test with a directory and a running sandbox of its own."""

    maxDiff = 4000

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="mbtest."))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.sandbox = Sandbox(self.directory / "sandbox")
        self.sandbox.start()
        self.addCleanup(self.sandbox.stop)
        self.log = self.directory / "log"
        self.addCleanup(self.assert_no_secret_in_the_log)

    def assert_no_secret_in_the_log(self):
        if self.log.exists():
            self.assertIsNone(secret_in(self.log.read_bytes()))

    def config(self, **changes):
        """Write a config for the sandbox; the log goes to self.log."""
        changes.setdefault("log", str(self.log))
        return self.sandbox.write_config(
            self.directory / "mailbearer.conf", **changes)

    def sendmail(self, *flags, stdin=SIMPLE, config=None, **options):
        if config is None:
            config = self.directory / "mailbearer.conf"
            if not config.exists():
                self.config()
        return run([str(PROGRAM), "sendmail", "-C", str(config), *flags],
                   stdin, **options)

    def log_text(self):
        return self.log.read_text() if self.log.exists() else ""

    # ------------------------------------------------------- judging

    def delivered(self, count=1):
        """The messages that arrived: that many, none malformed."""
        messages = self.sandbox.messages()
        self.assertEqual(len(messages), count)
        self.assertEqual(self.sandbox.violations(), [])
        return messages

    def assert_sent(self, result):
        """Exit 0, silence, and one message delivered: returns it."""
        self.assertEqual((result.code, result.stdout, result.stderr),
                         (0, "", ""))
        return self.delivered()[0]

    def assert_failed(self, result, code, what, hint, delivered=0):
        """That exit code, the two lines, and nothing sent."""
        self.assertEqual(result.code, code, result.stderr)
        self.assertEqual(result.stdout, "")
        lines = result.lines()
        self.assertGreaterEqual(len(lines), 2, result.stderr)
        self.assertRegex(lines[0], what or ".")
        self.assertRegex(lines[1], r"^[a-z-]+: hint: ")
        self.assertRegex(lines[1], hint or ".")
        for line in lines:
            self.assertNotRegex(line, r"[\x00-\x1f\x7f-\x9f]")
        self.assertEqual(len(self.sandbox.messages()), delivered)


@contextlib.contextmanager
def installed_config(text):
    """PREFIX/etc/mailbearer.conf for as long as it lasts: the config that the
    installed names read.  One test at a time may have it."""
    path = PREFIX / "etc" / "mailbearer.conf"
    with open(PREFIX / "etc" / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path.write_text(text, encoding="utf-8")
        os.chmod(path, 0o644)
        try:
            yield path
        finally:
            path.unlink()


class SharedCase(Case):
    """The same with one sandbox for all tests of the class: starting one takes
    over a second.  Each test has its own directory, and so its own tokens."""

    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="mbtest."))
        cls.addClassCleanup(shutil.rmtree, cls.top, ignore_errors=True)
        cls.sandbox = Sandbox(cls.top / "sandbox").start()
        cls.addClassCleanup(cls.sandbox.stop)

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.top))
        self.log = self.directory / "log"
        self.addCleanup(self.assert_no_secret_in_the_log)
        self.sandbox.clear()
        self.sandbox.reset()
        self.sandbox.add_mailbox(self.sandbox.mailbox)


def split_message(data):
    """Header section as a list of (name, unfolded value), and the body."""
    head, _, body = data.partition(b"\r\n\r\n")
    text = re.sub(r"\r\n(?=[ \t])", "", head.decode("utf-8", "replace"))
    fields = [tuple(part.strip() for part in line.split(":", 1))
              for line in text.split("\r\n") if line]
    return fields, body


def field(data, name):
    """All values of a field of the delivered message."""
    return [value for key, value in split_message(data)[0]
            if key.lower() == name.lower()]
