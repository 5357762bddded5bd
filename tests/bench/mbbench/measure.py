"""One run of one client, looked at from outside."""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from . import callgrind, trace

# A program that is not dumpable keeps its strings from a tracer that is not root.
TRACE = ["strace", "-ff", "-qq", "-e", "inject=prctl:retval=0"]
TIMEOUT = 900                      # seconds; valgrind with 30 MB is slow
ENVIRONMENT = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"),
               "HOME": "/nonexistent", "LANG": "C"}


class Failed(Exception):
    """A client did not deliver: then its numbers mean nothing."""


@dataclasses.dataclass
class Cost:
    wall_ms: float
    cpu_ms: float
    peak_kib: int
    flights: int = 0               # to the 250, as the sandbox counts
    token_requests: int = 0


def accepting_session(client, before, stderr):
    """The one session since then that delivered, once it is over: what the
    server still does for it would disturb the next client."""
    until = time.monotonic() + 5
    while True:
        accepted = [one for one in client.world.sessions()[before:]
                    if one["messages"]]
        if len(accepted) != 1:
            raise Failed("%s delivered %d messages: %s" % (
                client.name, len(accepted), stderr.strip() or "no reason"))
        if accepted[0]["ended"] or time.monotonic() > until:
            return accepted[0]
        time.sleep(0.005)


def start(client, wrapper, port, cold, message, environment=None):
    """Run the client under `wrapper` to its end."""
    command = client.command(port, cold, message)
    if cold:
        client.make_cold()
    with open(client.stdin(message), "rb") as stdin:
        return subprocess.run([*wrapper, *command], stdin=stdin, text=True,
                              capture_output=True, timeout=TIMEOUT,
                              env={**ENVIRONMENT, **(environment or {})},
                              check=False)


def run(client, wrapper, port, cold, message, environment=None):
    """The same against the sandbox; (process, session, token requests)."""
    world = client.world
    sessions, requests = len(world.sessions()), world.token_requests()
    done = start(client, wrapper, port, cold, message, environment)
    session = accepting_session(client, sessions, done.stderr)
    return done, session, world.token_requests() - requests


def cost_of(client, done):
    """What `timed` says."""
    wall, cpu, peak, status = map(int, done.stdout.split())
    if status != 0:
        raise Failed("%s: exit code %d: %s" % (client.name, status,
                                               done.stderr.strip()))
    return Cost(wall / 1000, cpu / 1000, peak)


class Tools:
    """What there is to measure with; `absent` says what there is not."""

    def __init__(self, directory):
        self.timed = pathlib.Path(directory) / "timed"
        self.scratch = tempfile.TemporaryDirectory(prefix="mbbench-tools.")
        self.absent = []
        self.strace = self._usable("strace", ["-f", "-c", "-o", "/dev/null"],
                                   "system calls")
        self.valgrind = self._usable("valgrind", ["-q", "--tool=none"],
                                     "instructions")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.scratch.cleanup()

    def _usable(self, name, options, what):
        if not shutil.which(name):
            self.absent.append("no %s: %s are not counted" % (name, what))
            return False
        works = subprocess.run([name, *options, "true"], capture_output=True,
                               check=False).returncode == 0
        if not works:
            self.absent.append("%s does not work here: %s are not counted"
                               % (name, what))
        return works

    def cost(self, client, port, cold=False, message="small"):
        """Wall clock, CPU and memory of one send to the sandbox."""
        done, session, requests = run(
            client, [self.timed, client.stdin(message)], port, cold, message)
        cost = cost_of(client, done)
        cost.flights = session["flights_to_accept"]
        cost.token_requests = requests
        return cost

    def weigh(self, client, sink, message):
        """The same to a sink, which counts nothing but messages."""
        sink.take()
        done = start(client, [self.timed, client.stdin(message)], sink.port,
                     False, message)
        cost = cost_of(client, done)
        if sink.await_messages(1)[0] != 1:
            raise Failed("%s did not deliver: %s" % (client.name, done.stderr))
        return cost

    def system_calls(self, client, port, cold=False, message="small"):
        if not self.strace:
            return None
        out = os.path.join(self.scratch.name, "calls")
        run(client, ["strace", "-f", "-c", "-o", out], port, cold, message)
        total = re.search(r"^\s*100\.00\s+\S+\s+\S+\s+(\d+).*total$",
                          pathlib.Path(out).read_text(), re.M)
        return int(total.group(1)) if total else None

    def instructions(self, client, port, cold=False, message="small"):
        """Of all its programs, as callgrind counts them.  A process that was
        forked has its parent's count to begin with: it must not tell its own."""
        if not self.valgrind:
            return None
        logs = tempfile.mkdtemp(dir=self.scratch.name)
        run(client, ["valgrind", "--tool=callgrind", "--trace-children=yes",
                     "--child-silent-after-fork=yes",
                     "--callgrind-out-file=/dev/null",
                     "--log-file=" + logs + "/%p"], port, cold, message)
        counts = [re.search(r"Collected : (\d+)", log.read_text())
                  for log in pathlib.Path(logs).iterdir()]
        return sum(int(one.group(1)) for one in counts if one) or None

    def own_calls(self, client, port, cold=False):
        """(system calls of the program itself, of what it starts)."""
        if not self.strace:
            return None, None
        logs = tempfile.mkdtemp(dir=self.scratch.name)
        run(client, TRACE + ["-o", logs + "/t"], port, cold, "small")
        return trace.read(logs)

    def own_instructions(self, client, port, message="small"):
        """(instructions in the program's own file, in all of its process)."""
        if not self.valgrind:
            return None, None
        out = os.path.join(self.scratch.name, "callgrind")
        run(client, ["valgrind", "-q", "--tool=callgrind",
                     "--callgrind-out-file=" + out], port, False, message,
            callgrind.CPU if message == "small" else None)
        costs = callgrind.by_object(out)
        return (costs[str(client.program.resolve())], sum(costs.values()))

    def trace(self, client, port, calls, **more):
        """The lines of an strace of these calls."""
        out = os.path.join(self.scratch.name, "trace")
        run(client, ["strace", "-f", "-o", out, "-e", "trace=" + calls], port,
            more.get("cold", False), more.get("message", "small"))
        return pathlib.Path(out).read_text(errors="replace").splitlines()
