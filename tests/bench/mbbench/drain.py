"""How fast a queue empties, beside a program that only writes.

The queue is made once, by -bs with -odq, in memory; each run gets a copy, on the
disk or in memory.  Beside it runs writer.c with as many connections: on the disk
it reads, syncs and removes a file for each message, as a queue must; in memory
it has no files at all.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import series
from .clients import RECIPIENT
from .measure import ENVIRONMENT, Failed, cost_of

MEMORY = pathlib.Path("/dev/shm")
PATIENCE = 600                     # seconds for one run
ENOUGH = 120                       # seconds after which no other run begins
ROW = "  %8s %-16s %-19s %5s %-16s %5s"


class Drain:
    def __init__(self, tools, ours, writer):
        self.tools = tools
        self.ours = ours
        self.world = ours.world
        self.writer = pathlib.Path(writer)
        self.in_memory = MEMORY if os.access(MEMORY, os.W_OK) else None
        self.rows = []

    def __enter__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(
            prefix="mbbench-queue.", dir=self.in_memory))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.scratch, ignore_errors=True)

    # ------------------------------------------------------- the queue

    def fill(self, port, count):
        """A spool of so many messages in the scratch directory."""
        world, spool = self.world, self.scratch / "full"
        spool.mkdir(mode=0o750)
        message = world.crlf("small").read_bytes()
        envelope = "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (
            world.mailbox, RECIPIENT)
        session = world.directory / "session"
        with open(session, "wb") as out:
            out.write(b"EHLO localhost\r\n" + count *
                      (envelope.encode() + message + b".\r\n") + b"QUIT\r\n")
        with open(session, "rb") as stdin:
            subprocess.run([self.ours.program, "sendmail", "-C",
                            self._config(port, spool), "-odq", "-bs"],
                           stdin=stdin, stdout=subprocess.DEVNULL, check=True,
                           env=ENVIRONMENT, timeout=PATIENCE)
        session.unlink()
        made = len(list((spool / "new").iterdir()))
        if made != count:
            raise Failed("%d of %d messages were queued" % (made, count))

    def _config(self, port, spool):
        return self.ours.config(port, spool=True, spool_directory=str(spool),
                                user_messages_per_hour=0)

    def _copy(self, count, to):
        """A spool with the first `count` messages."""
        (to / "new").mkdir(parents=True)
        to.chmod(0o750)
        (to / "new").chmod(0o750)
        names = sorted((self.scratch / "full" / "new").iterdir())
        for path in names[:count]:
            shutil.copy2(path, to / "new")
        os.sync()

    # ------------------------------------------------------- one run

    def _run_queue(self, sink, count, spool):
        """(seconds, connections at once) until all has arrived."""
        config = self._config(sink.port, spool)
        sink.take()
        seconds = 0.0
        arrived = at_once = 0
        while arrived < count and seconds < PATIENCE:
            seconds += self._run_once(config)
            now = sink.take()
            arrived, at_once = arrived + now[0], max(at_once, now[3])
        if arrived != count:
            raise Failed("%d of %d messages were sent" % (arrived, count))
        return seconds, at_once

    def _run_once(self, config):
        """By the clock of `timed`: Python looks for a child's end every 50 ms
        only, a tenth of what a thousand messages take."""
        done = subprocess.run(
            [self.tools.timed, os.devnull, self.ours.program, "sendmail", "-C",
             config, "-q"], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=PATIENCE, check=True)
        return cost_of(self.ours, done).wall_ms / 1000

    def _write(self, sink, count, connections, directory):
        """Seconds of the raw writer."""
        world, files = self.world, []
        if directory:
            directory.mkdir()
            files = [directory]
        with open(world.crlf("small"), "rb") as stdin:
            done = subprocess.run(
                [self.writer, str(sink.port), world.hashed,
                 world.directory / "session-writer", world.mailbox,
                 world.token_file, RECIPIENT, str(connections), str(count),
                 *files], stdin=stdin, capture_output=True, text=True,
                check=True, timeout=PATIENCE)
        sink.take()
        return int(done.stdout) / 1e6

    def _side_by_side(self, sink, count, place):
        with tempfile.TemporaryDirectory(prefix="mbbench-queue.",
                                         dir=place) as directory:
            directory = pathlib.Path(directory)
            self._copy(count, directory / "spool")
            ours, connections = self._run_queue(sink, count,
                                                directory / "spool")
            return ours, self._write(
                sink, count, connections,
                None if place else directory / "files"), connections

    # ------------------------------------------------------- all of them

    def measure(self, sinks, counts, runs, say):
        say("filling the queue")
        self.fill(sinks[0].port, max(counts))
        for count in counts:
            for sink in sinks:
                for place in (None, self.in_memory):
                    if place is None or not sink.milliseconds:
                        say("draining %d" % count)
                        self._repeat(sink, count, place, runs)

    def _repeat(self, sink, count, place, runs):
        times, start = [], time.monotonic()
        while len(times) < runs and (not times or time.monotonic() - start <
                                     ENOUGH):
            times.append(self._side_by_side(sink, count, place))
        self.rows.append((count, sink.milliseconds, place, times))

    def table(self):
        lines = ["Draining a queue of 2 KB messages: median (quartiles)",
                 ROW % ("", "spool, what each", "", "sess-", "% of the", ""),
                 ROW % ("messages", "takes the server", "a second", "ions",
                        "raw writer", "runs")]
        lines += [self._row(*one) for one in self.rows]
        return "\n".join(map(str.rstrip, lines))

    @staticmethod
    def _row(count, milliseconds, place, times):
        where = "in memory" if place else "on disk"
        return ROW % (
            count, where + (", %d ms" % milliseconds if milliseconds else ""),
            series.spread([count / ours for ours, _, _ in times], 0),
            max(one[2] for one in times),
            series.spread([100 * raw / ours for ours, raw, _ in times], 0),
            len(times))
