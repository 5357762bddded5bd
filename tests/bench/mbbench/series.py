"""Many runs, interleaved, and what they come to."""
import os
import statistics


def interleaved(clients, take, runs, between=None):
    """{name: [Cost, ...]}: one run of each client in turn, so that whatever else
    the machine does hits all alike.  take(client) runs one."""
    costs = {one.name: [] for one in clients}
    for one in clients:            # caches of the machine, tokens, TLS sessions
        take(one)
    for _ in range(runs):
        for one in clients:
            costs[one.name].append(take(one))
        if between:
            between()
    return costs


def median(costs, what):
    return statistics.median(getattr(one, what) for one in costs)


def quartiles(values):
    """(median, lower, upper)"""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def digits(value):
    """Three significant digits, and no more than that."""
    if value >= 100:
        return "%.0f" % value
    return "%.1f" % value if value >= 10 else "%.2f" % value


def spread(values, width):
    """The median, and the quartiles in parentheses."""
    middle, low, high = map(digits, quartiles(values))
    return "%s %-*s" % (middle, width, "(%s-%s)" % (low, high))


def load():
    return "load %.1f on %d processors" % (os.getloadavg()[0], os.cpu_count())
