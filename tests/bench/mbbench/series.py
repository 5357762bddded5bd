"""Many runs, interleaved, and what they come to."""
import os
import statistics

from .clients import OURS


def interleaved(tools, clients, port_of, runs, cold=False, message="small"):
    """{name: [Cost, ...]}: one run of each in turn, so that whatever else the
    machine does hits all alike."""
    able = [one for one in clients
            if not cold or one.command(port_of(one), cold, message)]
    costs = {one.name: [] for one in able}
    for one in able:               # caches of the machine, and our token
        tools.cost(one, port_of(one), cold, message)
    for _ in range(runs):
        for one in able:
            costs[one.name].append(
                tools.cost(one, port_of(one), cold, message))
        able[0].world.ask("reset")
    return costs


def median(costs, what):
    return statistics.median(getattr(one, what) for one in costs)


def ratios(costs, name):
    """(median, lower and upper quartile) of a client's time in times of ours,
    of the runs that lay side by side; ours in times of its own median."""
    ours = [one.wall_ms for one in costs[OURS]]
    if name == OURS:
        ours = [statistics.median(ours)] * len(ours)
    times = [one.wall_ms / other
             for one, other in zip(costs[name], ours)]
    if len(times) < 2:
        return times[0], times[0], times[0]
    low, _, high = statistics.quantiles(times, n=4, method="inclusive")
    return statistics.median(times), low, high


def load():
    return "load %.1f on %d processors" % (os.getloadavg()[0], os.cpu_count())
