"""Counts that do not wobble, kept in counts.json and compared with it.

Flights and token requests are the same on every machine, and an integration
test holds them.  System calls depend on the C library and OpenSSL, instructions
on the processor too (libcrypto picks its code by what it finds), so these are
compared only where they were recorded.
"""
import json
import platform
import subprocess

TOLERANCE = 1.05
RTT = 20                           # ms: no answer is there before it is awaited
GROWTH_KIB = 1024                  # of 30 MB over 2 KB: noise of the allocator
SENDS = (("warm", False, "small"), ("cold", True, "small"),
         ("large", False, "large"))
EXACT = ("flights", "token_requests")


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines
                        if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def surroundings():
    openssl = subprocess.run(["openssl", "version"], capture_output=True,
                             text=True, check=False).stdout.split()[:2]
    return {"machine": platform.machine(),
            "libc": " ".join(platform.libc_ver()),
            "openssl": " ".join(openssl), "processor": processor()}


def take(tools, ours):
    """{send: {count: value}}; None where a tool is missing."""
    world, counts = ours.world, {}
    far = world.proxy(RTT)
    tools.cost(ours, world.port)
    for name, cold, message in SENDS:
        cost = tools.cost(ours, world.port, cold, message)
        counts[name] = {"flights": cost.flights,
                        "token_requests": cost.token_requests,
                        "peak_kib": cost.peak_kib}
        if name != "large":        # there the wire decides how often we write
            counts[name]["system_calls"] = min(
                (tools.system_calls(ours, far, cold, message)
                 for _ in range(3)), key=lambda n: n or 0)
        if not cold:               # the helper waits in loops
            counts[name]["instructions"] = tools.instructions(
                ours, world.port, cold, message)
    return counts


def record(path, counts):
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"surroundings": surroundings(), "counts": counts}, out,
                  indent=4)
        out.write("\n")


def foreign(recorded, what):
    """Why this count of another machine says nothing here, or ""."""
    keys = {"system_calls": ("machine", "libc", "openssl"),
            "instructions": ("machine", "libc", "openssl", "processor")}
    here = surroundings()
    for key in keys.get(what, ()):
        if recorded[key] != here[key]:
            return "recorded with %s, here is %s" % (recorded[key], here[key])
    return ""


def compare_one(recorded, what, before, now):
    """(verdict, remark): worse, better, same, or skipped."""
    if now is None or before is None:
        return "skipped", "no tool to count with"
    reason = foreign(recorded, what)
    if reason:
        return "skipped", reason
    limit = before if what in EXACT else before * TOLERANCE
    if now > limit:
        return "WORSE", ""
    return ("better" if now * (1 if what in EXACT else TOLERANCE) < before
            else "same"), ""


def check(path, counts):
    """Print the comparison; whether nothing got worse."""
    with open(path, encoding="utf-8") as kept:
        kept = json.load(kept)
    worse = 0
    for send, values in counts.items():
        for what, now in values.items():
            if what == "peak_kib":
                continue
            before = kept["counts"][send].get(what)
            verdict, remark = compare_one(kept["surroundings"], what, before,
                                          now)
            worse += verdict == "WORSE"
            print("%-6s %-15s %12s -> %12s  %s%s" % (
                send, what, before, now, verdict,
                ": " + remark if remark else ""))
    grown = counts["large"]["peak_kib"] - counts["warm"]["peak_kib"]
    verdict = "WORSE" if grown > GROWTH_KIB else "same"
    print("%-6s %-15s %12s -> %12s  %s" % ("large", "KiB above warm",
                                           "< %d" % GROWTH_KIB, grown, verdict))
    return worse == 0 and verdict == "same"
