"""What root sees of a set-user-ID process that waits for its stdin: whether
anything is left of what its caller handed down (src/base/inherited.h)."""
import os
import pathlib
import signal
import time

IGNORED = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTSTP, signal.SIGTTIN,
           signal.SIGTTOU}
# Raised to what is allowed, or to what helps; see raise_limits().
WANTED = {"Max file size": None, "Max cpu time": None, "Max data size": None,
          "Max address space": None, "Max processes": None,
          "Max open files": 1024, "Max stack size": 8 << 20}
OPEN_MAX = 12


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="latin-1")
    return dict(line.split(":\t", 1) for line in text.splitlines())


def await_it(process, owner):
    """True when it waits for its stdin as the installation's user, False when it
    does so as somebody else, or has ended."""
    deadline, sleeps, status = time.monotonic() + 30, 0, {}
    while process.poll() is None and sleeps < 3 and \
            time.monotonic() < deadline:
        time.sleep(0.01)
        status = status_of(process.pid)
        sleeps = sleeps + 1 if status["State"].startswith("S") else 0
    return sleeps == 3 and status.get("NoNewPrivs") == "1" and \
        status["Uid"] == "\t".join([str(owner)] * 4)


def signals(mask):
    """Those of the program: the C library keeps 32 and 33 to itself, and lets
    nobody change what it was started with."""
    return {number for number in range(1, signal.NSIG)
            if int(mask, 16) >> (number - 1) & 1} - {32, 33}


def limits_of(pid):
    """Name -> (soft, hard); None for unlimited."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/limits").read_text(
            encoding="latin-1").splitlines()[1:]:
        words = line[26:].split()
        found[line[:26].strip()] = tuple(
            None if word == "unlimited" else int(word) for word in words[:2])
    return found


def is_raised(name, soft, hard):
    wanted = WANTED[name]
    if hard is None:
        return soft is None or wanted is not None and soft >= wanted
    return soft >= (hard if wanted is None else min(wanted, hard))


def look(pid, directory):
    """What is wrong with it, as words: nothing should be."""
    status, wrong = status_of(pid), []
    place = pathlib.Path(f"/proc/{pid}")

    def expect(what, found, wanted):
        if found != wanted:
            wrong.append(f"{what}: {found!r}")

    expect("umask", status["Umask"], "0027")
    expect("blocked", signals(status["SigBlk"]), set())
    expect("ignored", signals(status["SigIgn"]), IGNORED)
    expect("capabilities", int(status["CapPrm"], 16), 0)
    expect("directory", os.readlink(place / "cwd"), "/")
    expect("owner of /proc/PID/mem", (place / "mem").stat().st_uid, 0)
    expect("timer slack", (place / "timerslack_ns").read_text().strip(),
           "50000")
    for name, (soft, hard) in limits_of(pid).items():
        if name == "Max core file size":
            expect(name, (soft, hard), (0, 0))
        elif name in WANTED and not is_raised(name, soft, hard):
            wrong.append(f"{name}: {soft} of {hard}")
    return wrong + look_at_descriptors(place / "fd", directory)


def look_at_descriptors(place, directory):
    """0 to 2 are open; the others are few, and files of its own."""
    wrong = []
    found = {int(name): os.readlink(place / name)
             for name in os.listdir(place)}
    for number in (0, 1, 2):
        target = found.pop(number, None)
        if target is None or target.startswith(str(directory)):
            wrong.append(f"descriptor {number}: {target}")
    for number, target in found.items():
        if not target.startswith((str(directory), "socket:")) or \
                number > OPEN_MAX:
            wrong.append(f"descriptor {number}: {target}")
    return wrong


