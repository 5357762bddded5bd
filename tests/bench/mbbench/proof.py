"""What a warm send touches: shared libraries, files, sockets."""
import re
import subprocess

FORBIDDEN = ("libcurl", "libgnutls", "libnghttp2", "libldap", "libssh")
BUNDLE = re.compile(r"(ca-certificates|ca-bundle|cert)\.(crt|pem)$")
OPENED = re.compile(r'open(?:at)?\((?:[A-Z_]+, )?"([^"]+)".*\) = (\d+)')


def output(*command):
    return subprocess.run(command, capture_output=True, text=True,
                          check=False).stdout


def libraries(program):
    """What the program names itself, and how many are loaded in the end."""
    needed = re.findall(r"\(NEEDED\).*\[([^\]]+)\]",
                        output("readelf", "-d", str(program)))
    loaded = re.findall(r"^\s*(\S+) (?:=> (?!not)|\()",
                        output("ldd", str(program)), re.M)
    return needed, loaded


def short(path, world):
    return path.replace(str(world.directory), "$DIR")


def files(trace, world):
    """Paths that were opened, in order, libraries left out."""
    found = []
    for line in trace:
        opened = OPENED.search(line)
        if opened and not re.search(r"\.so(\.|$)|ld\.so\.cache",
                                    opened.group(1)):
            found.append(short(opened.group(1), world))
    return found


def destinations(trace):
    """Where sockets were connected to, or sent to without that."""
    found = []
    for line in trace:
        call = re.search(r"(?:connect|sendto|sendmmsg)\(.*sa_family=(\w+)(.*)",
                         line)
        if not call:
            continue
        port = re.search(r"sin6?_port=htons\((\d+)\)", call.group(2))
        path = re.search(r'sun_path=@?"([^"]*)"', call.group(2))
        result = line.rsplit("= ", 1)[-1].split(" (")[0]
        found.append((call.group(1), port.group(1) if port else
                      path.group(1) if path else "", result))
    return found


def rows(tools, ours):
    """[(what, whether it is as it should be, evidence)]"""
    world = ours.world
    needed, loaded = libraries(ours.program)
    names = " ".join(loaded)
    result = [
        ("warm path links no libcurl", needed and not any(
            one in names for one in FORBIDDEN),
         "%d shared libraries; NEEDED: %s" % (len(loaded), " ".join(needed)))]
    if not tools.strace:
        return result
    tools.cost(ours, world.port)
    trace = tools.trace(ours, world.port, "open,openat,connect,sendto,"
                        "sendmmsg")
    opened = files(trace, world)
    result.append(("no certificate bundle is opened",
                   opened and not any(BUNDLE.search(one) for one in opened),
                   "%d files: %s" % (len(opened), ", ".join(opened))))
    asked = destinations(trace)
    result.append(("no DNS, one TCP connection",
                   not any(port == "53" for _, port, _ in asked) and
                   [port for family, port, _ in asked
                    if family == "AF_INET"].count(str(world.port)) == 1,
                   "; ".join("%s %s -> %s" % one for one in asked)))
    return result


def memory(peaks):
    """Peak of each size of message."""
    return ("at most 8 MiB whatever the size", max(peaks.values()) <= 8192,
            ", ".join("%d KiB for %s" % (peak, size)
                      for size, peak in peaks.items()))
