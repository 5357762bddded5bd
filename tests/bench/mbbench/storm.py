"""A hundred processes at once, where three connections are allowed."""
import subprocess
import time

from .measure import ENVIRONMENT

PROCESSES = 100
PATIENCE = 180                     # seconds for the queue to empty
COLUMNS = "  %-12s %9s %6s %7s %6s %8s %9s %8s"
HEADING = COLUMNS % ("", "delivered", "exit 0", "refused", "tokens", "sessions",
                     "s to last", "after -q")


class Outcome:
    def __init__(self, client):
        self.client = client
        self.codes = []
        self.delivered = self.drained = 0
        self.refused = self.tokens = self.peak = 0
        self.seconds = 0.0

    def row(self):
        return COLUMNS % (
            self.client.name, self.delivered, self.codes.count(0),
            self.refused, self.tokens, self.peak, "%.1f" % self.seconds,
            self.drained if self.client.name == "mailbearer" else "-")

    def lost(self):
        """Messages whose caller was told 0 and that never came."""
        return self.codes.count(0) - self.drained


def replies_with(world, code):
    return sum(1 for one in world.records.read("replies")
               if one["reply"].startswith(code))


def settle(world):
    """Wait until nothing has been delivered for two seconds."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 2:
        if world.delivered() != last:
            last, since = world.delivered(), time.monotonic()
        time.sleep(0.1)
    return last


def run_queue(client, config):
    """Whether there is a runner, and it ran."""
    return subprocess.run(
        [client.program, "sendmail", "-C", config, "-q"], env=ENVIRONMENT,
        capture_output=True, check=False, stdin=subprocess.DEVNULL,
        timeout=PATIENCE).returncode == 0


def drain(client, config, goal):
    """Run the queue until all that was promised is there."""
    world, until = client.world, time.monotonic() + PATIENCE
    while settle(world) < goal and time.monotonic() < until:
        if not run_queue(client, config):
            break
    return world.delivered()


def spooling(client):
    """A config with a spool."""
    spool = client.world.directory / "spool"
    spool.mkdir(mode=0o750, exist_ok=True)
    return client.config(client.world.port, spool=True,
                         spool_directory=str(spool))


def blow(client):
    """All at once; cold for the one client that fetches tokens itself."""
    world, outcome = client.world, Outcome(client)
    world.ask("reset")
    config = None
    if client.name == "mailbearer":
        config = spooling(client)
        client.make_cold()
    command = client.command(world.port, False, "small")
    start = time.monotonic()
    running = [subprocess.Popen(command, env=ENVIRONMENT,
                                stdin=open(client.stdin("small"), "rb"),
                                stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
               for _ in range(PROCESSES)]
    for process in running:
        outcome.codes.append(process.wait())
    outcome.seconds = time.monotonic() - start
    outcome.delivered = outcome.drained = settle(world)
    if config:
        outcome.drained = drain(client, config, outcome.codes.count(0))
        client.config(world.port)
    outcome.refused = replies_with(world, "432")
    outcome.tokens = world.token_requests()
    outcome.peak = world.ask("peak_connections")
    return outcome
