"""Counts that do not wobble, kept in counts.json and compared with it.

Flights and token requests are the same on every machine; what else is counted
leaves out what the machine decides (trace.py, callgrind.py).  What is left of
that is named with each count: it is compared only where that is the same.
"""
import json
import re
import subprocess

from .world import LONG_HEADER, MANY

RTT = 20                           # ms: no answer is there before it is awaited
SENDS_EACH = 5
GROWTH_KIB = 512                   # over the small message's: 8 MiB in all
SENDS = (("warm", False, "small"), ("cold", True, "small"),
         ("large", False, "30 MB"))
PEAKS = (LONG_HEADER, MANY)        # of these only the memory counts

KEPT_OPTION = re.compile(r"[^-]|-[mO]|-f(lto|sanitize|profile|test-coverage)")

# What is counted -> by how much more is worse, and on what it depends.
RULES = {
    "flights": (1.0, None),
    "token_requests": (1.0, None),
    "system_calls": (1.0, "system"),
    "cold_calls": (1.03, "system"),        # token and server come as they like
    "helper_calls": (1.1, "system"),       # libcurl waits in a loop
    "instructions": (1.05, "compiler"),
    "all_instructions": (1.1, "system"),   # an update of OpenSSL is no fault
    "peak_growth_kib": (None, None),
}


def system():
    """Whose libraries: "debian 12"."""
    try:
        with open("/etc/os-release", encoding="utf-8") as lines:
            release = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)',
                                      lines.read(), re.M))
    except OSError:
        release = {}
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True,
                             check=False).stdout.strip()
    return " ".join((release.get("ID", "?"), release.get("VERSION_ID", "?"),
                     machine))


def compiler(program):
    """What made the program, as its debugging information says; of the options
    those that are not for configure.ac to decide: a flag of ours that costs
    something is to be seen."""
    info = subprocess.run(
        ["readelf", "--debug-dump=info", "--dwarf-depth=1", str(program)],
        capture_output=True, text=True, check=False).stdout
    found = re.search(r"DW_AT_producer.*?: (?:\(.*?\): )?(.*)", info)
    words = found.group(1).split() if found else ["unknown"]
    kept = [word for word in words if KEPT_OPTION.match(word)]
    return " ".join(dict.fromkeys(kept))   # -O2 stands there twice


def surroundings(ours):
    return {"system": system(), "compiler": compiler(ours.program)}


def fewest_calls(tools, ours, port, cold):
    """Of some sends: a late octet costs a wait more, never one less."""
    pairs = [tools.own_calls(ours, port, cold) for _ in range(SENDS_EACH)]
    if pairs[0][0] is None:
        return pairs[0]
    return tuple(map(min, zip(*pairs)))


def take_one(tools, ours, far, cold, message):
    cost = tools.cost(ours, ours.world.port, cold, message)
    taken = {"flights": cost.flights, "token_requests": cost.token_requests}
    if message == "small":
        own, helper = fewest_calls(tools, ours, far, cold)
        taken["cold_calls" if cold else "system_calls"] = own
        if cold:
            taken["helper_calls"] = helper
    if not cold:
        taken["instructions"], everything = tools.own_instructions(
            ours, ours.world.port, message)
        if message == "small":     # of a large one it is ciphers
            taken["all_instructions"] = everything
    return taken, cost.peak_kib


def take(tools, ours):
    """{send: {count: value}}; None where a tool is missing."""
    far, counts, peaks = ours.world.proxy(RTT), {}, {}
    tools.cost(ours, ours.world.port)      # the first one keeps a TLS session
    tools.cost(ours, far)
    for name, cold, message in SENDS:
        counts[name], peaks[name] = take_one(tools, ours, far, cold, message)
    for message in PEAKS:
        counts[message] = {}
        peaks[message] = tools.cost(ours, ours.world.port,
                                    message=message).peak_kib
    for name in ("large", *PEAKS):
        counts[name]["peak_growth_kib"] = max(0, peaks[name] - peaks["warm"])
    return counts


def record(path, ours, counts):
    for values in counts.values():
        values.pop("peak_growth_kib", None)
    with open(path, "w", encoding="utf-8") as out:
        json.dump({**surroundings(ours), "counts": {
            name: values for name, values in counts.items() if values}},
            out, indent=4)
        out.write("\n")


def load(path):
    with open(path, encoding="utf-8") as kept:
        return json.load(kept)


def verdict(kept, here, send, what, now):
    """(worse, better, same or skipped; before; why skipped)."""
    factor, dependence = RULES[what]
    before = GROWTH_KIB if factor is None else kept["counts"][send][what]
    if now is None or before is None:
        return "skipped", before, "no tool to count with"
    if dependence and kept[dependence] != here[dependence]:
        return "skipped", before, "recorded with %s, here is %s" % (
            kept[dependence], here[dependence])
    if now > before * (factor or 1):
        return "WORSE", before, ""
    better = factor and now * factor < before
    return "better" if better else "same", before, ""


def check(path, ours, counts):
    """Print the comparison; whether nothing got worse."""
    kept, here, worse = load(path), surroundings(ours), 0
    for send, values in counts.items():
        for what, now in values.items():
            word, before, why = verdict(kept, here, send, what, now)
            worse += word == "WORSE"
            print("%-6s %-17s %11s -> %11s  %s%s" % (
                send, what, before, now, word, ": " + why if why else ""))
    return worse == 0
