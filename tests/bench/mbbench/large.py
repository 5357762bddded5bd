"""Large messages to a server that does nothing with them."""
from . import series
from .clients import Push
from .world import LONGEST_HEADER, MORE

ROW = "  %-12s %9s %-15s %10s %8s %8s"


class Large:
    def __init__(self, tools, sink, clients):
        self.tools = tools
        self.sink = sink
        push = Push(clients[0].world)
        self.clients = clients + ([] if push.missing() else [push])
        self.costs = {}

    def measure(self, sizes, runs, say):
        for size in sizes:
            say(size)
            self.costs[size] = series.interleaved(
                self.clients, lambda one, size=size:
                self.tools.weigh(one, self.sink, size), runs)

    def table(self):
        runs = len(next(iter(next(iter(self.costs.values())).values())))
        lines = ["A large message to tests/bench/sink.c: median (quartiles) of "
                 "%d runs" % runs,
                 ROW % ("", "ms", "", "x s_client", "CPU ms", "peak KiB")]
        for size, costs in self.costs.items():
            lines.append(size)
            lines += [self._row(name, costs) for name in costs]
        return "\n".join(map(str.rstrip, lines))

    def _row(self, name, costs):
        times = [one.wall_ms for one in costs[name]]
        middle, low, high = map(series.digits, series.quartiles(times))
        least = costs.get(Push.name)
        return ROW % (
            name, middle, "(%s-%s)" % (low, high),
            series.digits(series.quartiles(
                [one / other.wall_ms for one, other in zip(times, least)])[0])
            if least else "-",
            series.digits(series.median(costs[name], "cpu_ms")),
            "%d" % series.median(costs[name], "peak_kib"))

    def peaks(self, client):
        """Of the sizes measured, and of what is large in another way."""
        peaks = {size: series.median(costs[client.name], "peak_kib")
                 for size, costs in self.costs.items()}
        for message in (LONGEST_HEADER, MORE):
            peaks[message] = self.tools.weigh(client, self.sink,
                                              message).peak_kib
        return peaks
