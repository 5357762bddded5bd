"""What our own code asked of the kernel, read from `strace -ff`.

How often the loader, the allocator, OpenSSL's locks and the name service call
it depends on the machine and says nothing about us: all that is left out.
"""
import pathlib
import re

# Name, first argument if it is a descriptor, path, what came back.
CALL = re.compile(r'(\w+)\((?:(?:AT_FDCWD|(\d+)(?=[,)]))(?:, )?)?(?:"([^"]*)")?'
                  r".*?\)\s+= (-?\d+|\?)")
# What stands before main(): it ends with the first call that is none of these.
LOADER = frozenset(
    "access arch_prctl brk close execve fstat getrandom mmap mprotect munmap "
    "newfstatat openat pread64 prlimit64 read rseq set_robust_list "
    "set_tid_address stat statx".split())
# Memory, locks, random numbers; getpid is OpenSSL's way to notice a fork.
NOISE = frozenset(
    "brk exit exit_group futex getpid getrandom gettid madvise mmap mprotect "
    "mremap munmap restart_syscall rseq rt_sigreturn sched_yield "
    "set_robust_list sysinfo".split())
SYSTEMS = re.compile(r"\.so(\.|$)|^/etc/|^/usr/|^/lib|^/dev/u?random|^/run/|"
                     r"^/var/run/|^/sys/")
# A socket of the name service's: whose it is shows only when it is connected.
SERVICE = re.compile(r"connect\((\d+), .*(?:sun_path|sa_family=AF_NETLINK)")


class Reader:
    """Counts the calls of one process, in their order."""

    def __init__(self):
        self.count = 0
        self.started = False
        self.foreign = set()       # descriptors of the system's files

    def line(self, text):
        call = CALL.match(text)
        if not call:
            return
        name, descriptor, path, result = call.groups()
        self.started |= name not in LOADER
        if self.started and name not in NOISE:
            self.count += self._is_ours(name, descriptor, path, result, text)

    def _is_ours(self, name, descriptor, path, result, text):
        service = SERVICE.match(text)
        if service:
            self.foreign.add(service.group(1))
            return -1              # its socket() was counted
        if path and not descriptor and SYSTEMS.search(path):
            if name == "openat" and not result.startswith("-"):
                self.foreign.add(result)
            return 0
        ours = descriptor not in self.foreign
        if name == "close":
            self.foreign.discard(descriptor)
        return int(ours)


def read(directory):
    """(calls of the program itself, calls of what it started)."""
    counts = {}
    for path in pathlib.Path(directory).iterdir():
        reader = Reader()
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                reader.line(line)
        counts[int(path.suffix[1:])] = reader.count
    if not counts:
        return 0, 0
    ours = counts.pop(min(counts))     # process numbers grow, but for wrapping
    return ours, sum(counts.values())
