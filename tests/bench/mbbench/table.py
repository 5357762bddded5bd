"""The table: one block for each kind of send, 80 columns."""
from . import series
from .clients import OURS

HEADING = """\
           round   ms at   times ours      ms at RTT   CPU    peak system instr.
client     trips   RTT 0  (quartiles)     20    100     ms     KiB  calls  10^6
"""
ROW = "%-10s %5d %7s %-14s %6s %6s %6s %7d %6s %6s"


class Block:
    """Everything that is measured for one kind of send."""

    def __init__(self, title, cold=False, message="small"):
        self.title = title
        self.cold = cold
        self.message = message
        self.costs = {}            # name: [Cost, ...]
        self.delayed = {}          # rtt: costs
        self.calls = {}
        self.instructions = {}

    def measure(self, tools, clients, runs, proxies, say):
        world = clients[0].world
        say(self.title)
        self.costs = series.interleaved(tools, clients, lambda _: world.port,
                                        runs, self.cold, self.message)
        for rtt, port in proxies.items():
            say("%s, RTT %d ms" % (self.title, rtt))
            self.delayed[rtt] = series.interleaved(
                tools, clients, lambda _, port=port: port,
                max(3, runs // 3), self.cold, self.message)
        for one in clients:
            if one.name not in self.costs:
                continue
            say("%s, counting %s" % (self.title, one.name))
            self.calls[one.name] = tools.system_calls(
                one, world.port, self.cold, self.message)
            self.instructions[one.name] = tools.instructions(
                one, world.port, self.cold, self.message)
            world.ask("reset")

    def round_trips(self, name):
        """The sandbox counts flights, and the SYN and the ACK that brings the
        banner as one of them, though each takes a round trip."""
        return self.costs[name][-1].flights + 1

    def _delayed(self, name, rtt):
        costs = self.delayed.get(rtt, {}).get(name)
        return "%.0f" % series.median(costs, "wall_ms") if costs else ""

    def row(self, name):
        costs = self.costs[name]
        ratio, low, high = series.ratios(self.costs, name)
        counted = self.instructions.get(name)
        return ROW % (
            name, self.round_trips(name), digits(
                series.median(costs, "wall_ms")),
            "%4s (%s-%s)" % (digits(ratio), digits(low), digits(high)),
            self._delayed(name, 20), self._delayed(name, 100),
            digits(series.median(costs, "cpu_ms")),
            series.median(costs, "peak_kib"), self.calls.get(name) or "-",
            digits(counted / 1e6) if counted else "-")

    def text(self):
        runs = len(self.costs[OURS])
        lines = ["%-56s%24s" % (self.title, "medians of %d runs" % runs)]
        return "\n".join(lines + [self.row(name) for name in self.costs])


def digits(value):
    """Three significant digits, and no more than that."""
    if value >= 100:
        return "%.0f" % value
    return "%.1f" % value if value >= 10 else "%.2f" % value


def render(blocks):
    rule = "-" * 80
    return "\n".join([rule, HEADING.rstrip(), rule] +
                     [line for block in blocks
                      for line in (block.text(), rule)])
