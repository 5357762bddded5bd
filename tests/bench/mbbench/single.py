"""One small message: how long it takes near and far, and what it costs."""
import statistics

from . import series

RTTS = (0, 20, 100)                # milliseconds
TIMES = "  %-12s %5s  %-17s %-17s %-17s"
COSTS = "  %-12s %7s %6s %9s %6s %8s %9s"


class Single:
    """What was measured; {(cold, rtt): {name: [Cost, ...]}}."""

    def __init__(self, tools, clients):
        self.tools = tools
        self.clients = clients
        self.world = clients[0].world
        self.costs = {}
        self.calls = {}
        self.instructions = {}

    def measure(self, runs, say):
        ports = {rtt: self.world.far(rtt) if rtt else self.world.port
                 for rtt in RTTS}
        for cold in (False, True):
            able = [one for one in self.clients if not cold or
                    one.command(self.world.port, cold, "small")]
            for rtt, port in ports.items():
                say("2 KB, %s, round trip %d ms" % (
                    "no token yet" if cold else "warm token", rtt))
                self.costs[cold, rtt] = series.interleaved(
                    able, lambda one, port=port, cold=cold:
                    self.tools.cost(one, port, cold),
                    3 * runs if rtt == 0 else max(3, runs // 2),
                    lambda: self.world.ask("reset"))
        self._count(say)

    def _count(self, say):
        for one in self.clients:
            say("counting what %s does" % one.name)
            self.tools.cost(one, self.world.port)      # a token from here
            self.calls[one.name] = self.tools.system_calls(one,
                                                           self.world.port)
            self.instructions[one.name] = self.tools.instructions(
                one, self.world.port)
            self.world.ask("reset")

    # ------------------------------------------------------- tables

    def times(self):
        runs = len(self.costs[False, 0][self.clients[0].name])
        lines = ["One 2 KB message: ms until the program ends, median "
                 "(quartiles); %d runs" % runs,
                 TIMES % ("", "round", "round trip of", "", ""),
                 TIMES % ("", "trips", *("%d ms" % rtt for rtt in RTTS))]
        for cold, title in ((False, "warm token"), (True, "no token yet")):
            lines.append(title)
            lines += [self._times_row(name, cold)
                      for name in self.costs[cold, 0]]
        return "\n".join(map(str.rstrip, lines))

    def _times_row(self, name, cold):
        """The sandbox counts flights: the SYN and what brings the banner are
        one of them, though each takes a round trip."""
        flights = self.costs[cold, 0][name][-1].flights
        return TIMES % (name, flights + 1, *(
            series.spread([one.wall_ms for one in self.costs[cold, rtt][name]],
                          0) for rtt in RTTS))

    def expense(self):
        lines = ["What it costs, warm token",
                 COSTS % ("", "CPU ms", "times", "million", "times", "system",
                          "peak"),
                 COSTS % ("", "", "floor", "instr.", "floor", "calls", "KiB")]
        return "\n".join(lines + [self._expense_row(one.name)
                                  for one in self.clients])

    def _expense_row(self, name):
        """CPU beside the floor's of the same round: what else the machine did
        then cost both."""
        costs, floor = self.costs[False, 0], self.clients[-1].name
        cpu = series.median(costs[name], "cpu_ms")
        times = statistics.median(one.cpu_ms / bare.cpu_ms for one, bare
                                  in zip(costs[name], costs[floor]))
        counted, least = self.instructions[name], self.instructions[floor]
        return COSTS % (
            name, series.digits(cpu), series.digits(times),
            series.digits(counted / 1e6) if counted else "-",
            series.digits(counted / least) if counted else "-",
            self.calls[name] or "-",
            "%d" % series.median(costs[name], "peak_kib"))

    def peak(self, name):
        return series.median(self.costs[False, 0][name], "peak_kib")
