"""What the program is made to fail at: one class a mode.  Each says how it is
called, and what somebody may rely on afterwards."""
import dataclasses
import json
import os
import re
import signal
import subprocess
import tempfile
import threading

from harness import PREFIX, PROGRAM, SIMPLE

HELPER = PREFIX / "libexec" / "mailbearer" / "mailbearer-token"
# More than is kept in memory (MESSAGE_MEMORY_MAX).
LARGE = b"Subject: large\n\n" + 12000 * (b"x" * 69 + b"\n")
SILENT = "not a word"
PATIENCE = 60
CLIENTS_PATIENCE = 5


@dataclasses.dataclass
class Done:
    """How it ended.  `promised`: addresses that must get their message."""
    code: int | None            # None: it had to be killed
    stdout: bytes = b""
    stderr: bytes = b""
    promised: list = dataclasses.field(default_factory=list)
    told: bool = False          # of a failure, otherwise than by code


def start(command, environment, stdin, **options):
    return subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment, start_new_session=True, **options)


class Patience:
    """Ends a process, and those that it started, when it takes too long: a
    tracer would leave what it traces behind."""

    def __init__(self, process):
        self.timer = threading.Timer(PATIENCE, self.end)
        self.process, self.is_over = process, False

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *exception):
        self.timer.cancel()

    def end(self):
        self.is_over = True
        os.killpg(self.process.pid, signal.SIGKILL)


class Mode:
    """One message, sent at once with a token from the cache."""

    flags = ()
    stdin = SIMPLE
    leaves = False      # a process that works on
    repeats = False     # what it does

    def __init__(self, case):
        self.case = case
        self.number = 0

    @property
    def name(self):
        return type(self).__name__

    def addresses(self):
        return [f"{self.name}{self.number}@example.net".lower()]

    def command(self):
        return [str(PROGRAM), "sendmail", "-C", self.case.conf(), *self.flags,
                *self.addresses()]

    def prepare(self):
        """Before each case."""
        self.number += 1

    def run(self, before, environment):
        """`before` stands in front of the command: a tracer."""
        with tempfile.TemporaryFile() as source:
            source.write(self.stdin)
            source.seek(0)
            process = start([*before, *self.command()], environment,
                            stdin=source)
            with process, Patience(process) as patience:
                stdout, stderr = process.communicate()
        if patience.is_over:
            return Done(None)
        return Done(process.returncode, stdout, stderr,
                    self.promises(process.returncode))

    def promises(self, code):
        return self.addresses() if code == 0 else []

    def problem(self, done):
        """What is wrong with such an end, or None."""
        if done.code != 0 and not done.stderr and not done.told:
            return SILENT
        return None


class Sending(Mode):
    pass


class Aging(Mode):
    """With a token that is good, but to be renewed when the message is out."""

    leaves = True

    def prepare(self):
        super().prepare()
        for path in self.case.state.glob("token-*.json"):
            token = json.loads(path.read_text())
            path.write_text(json.dumps({**token, "refresh_after": 1}))


class Background(Mode):
    """Kept, and a runner started that sends it."""

    flags = ("-odb",)
    leaves = True


class Local(Mode):
    """A local name that stands for three addresses, one of an included file."""

    def addresses(self):
        return self.case.team(self.number)

    def command(self):
        return [str(PROGRAM), "sendmail", "-C", self.case.conf("local"),
                f"team{self.number}"]

    def prepare(self):
        super().prepare()
        self.case.teams = self.number
        self.case.write_aliases([self.number])


class Large(Mode):
    stdin = LARGE


class Keeping(Mode):
    flags = ("-odq",)
    stdin = LARGE


class Cold(Mode):
    """Without a token: the helper is started."""

    def prepare(self):
        super().prepare()
        for path in self.case.state.glob("token-*.json"):
            path.unlink()


class Many(Mode):
    """-t with more recipients than one transaction takes."""

    flags = ("-t", "-i")

    def addresses(self):
        return [f"many{self.number}.{i}@example.net" for i in range(24)]

    def command(self):
        return [str(PROGRAM), "sendmail", "-C", self.case.conf("many"),
                *self.flags]

    @property
    def stdin(self):
        to = self.addresses()
        return "\n".join([
            f"To: {', '.join(to[:10])}", "Cc: " + ",\n ".join(to[10:20]),
            f"Bcc: {', '.join(to[20:])}", "Subject: x", "", "x", ""]).encode()


class Queue(Mode):
    """A queue run; what waits is promised already."""

    flags = ("-q",)
    stdin = b""

    def prepare(self):
        super().prepare()
        for address in self.addresses():
            self.case.keep(address)

    def addresses(self):
        return [f"queue{self.number}.{i}@example.net" for i in range(3)]

    def command(self):
        return super().command()[:-3]

    def promises(self, code):
        return self.addresses()


class Dialogue(Mode):
    """-bs, two messages; each 250 is a promise.  What fails for the first must not
    stand in the way of the second."""

    def command(self):
        return super().command()[:-1]

    flags = ("-bs",)
    repeats = True

    def problem(self, done):
        """Success and no reply that says otherwise: all has been taken."""
        if done.code == 0 and not done.told and len(done.promised) < 2:
            return SILENT
        return super().problem(done)

    def run(self, before, environment):
        done = Done(None)
        # What a buffer has taken in is lost for communicate().
        process = start([*before, *self.command()], environment,
                        stdin=subprocess.PIPE, bufsize=0)
        # Where a reply cannot be written the client waits, and then goes.
        giving_up = threading.Timer(CLIENTS_PATIENCE, process.stdin.close)
        giving_up.start()
        with process, Patience(process) as patience:
            try:
                self.converse(process, done)
            except (OSError, EOFError, ValueError):
                pass        # one of the two has closed the pipe
            giving_up.cancel()
            giving_up.join()
            if process.stdin.closed:
                process.stdin = None
            rest, done.stderr = process.communicate()
        done.told = done.told or re.search(rb"(?m)^[45]", rest) is not None
        done.code = None if patience.is_over else process.returncode
        return done

    def converse(self, process, done):
        def say(line):
            process.stdin.write(line + b"\r\n")
            process.stdin.flush()
            return hear()

        def hear():
            while True:
                line = process.stdout.readline()
                if not line:
                    raise EOFError
                done.stdout += line
                done.told = done.told or line[:1] in b"45"
                if line[3:4] != b"-":
                    return line[:3]

        hear()
        say(b"EHLO me")
        for i in range(2):
            address = f"dialogue{self.number}.{i}@example.net"
            say(b"MAIL FROM:<a@example.com>")
            say(f"RCPT TO:<{address}>".encode())
            if say(b"DATA") == b"354" and \
                    say(b"Subject: x\r\n\r\nx\r\n.") == b"250":
                done.promised.append(address)
        say(b"QUIT")


class Check(Mode):
    def command(self):
        return [str(PROGRAM), "check", "-C", self.case.conf()]

    lines = 0           # without a fault

    def promises(self, code):
        return []

    def problem(self, done):
        lines = done.stdout.count(b"\n")
        self.lines = self.lines or lines
        if done.code == 0 and lines < self.lines and \
                b"(Unreadable: " not in done.stdout:
            return f"success, and {lines} of {self.lines} lines"
        return None if done.code == 0 or done.stdout or done.stderr else SILENT


class Listing(Check):
    def prepare(self):
        super().prepare()
        if not self.case.waiting():
            self.case.keep("listed@example.net")

    def command(self):
        return [str(PROGRAM), "sendmail", "-C", self.case.conf(), "-bp"]


class Helper(Mode):
    """The helper by itself: a token or a reason, or words and a code."""

    stdin = b""

    def command(self):
        return [str(HELPER), "-C", self.case.conf(), "contoso"]

    def promises(self, code):
        return []

    def problem(self, done):
        if done.code is None or done.code != 0:
            return None         # who started it says so, and ends it in time
        return self.case.answer_problem(done.stdout)


class Signing(Helper):
    """With a certificate: a signed assertion instead of a secret."""

    def command(self):
        return [str(HELPER), "-C", self.case.conf("signing"), "contoso"]


class Renewing(Helper):
    """With the refresh token of a user, which is good for one use."""

    def command(self):
        return [str(HELPER), "-C", self.case.conf("renewing"), "contoso",
                self.case.sandbox.mailbox]

    def prepare(self):
        super().prepare()
        self.case.sign_in()

    def problem(self, done):
        """What is kept is whole, and the next use of it, or it is said."""
        is_said = done.code != 0 or b'"warning"' in done.stdout or \
            b'"error"' in done.stdout
        return self.case.sign_in_problem(is_said) or super().problem(done)
