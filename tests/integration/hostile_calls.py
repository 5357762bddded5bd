"""What a local user may try when he starts the installed, set-user-ID sendmail:
one row each.

name, codes that it may end with, and what he does: flags, environment, argv[0],
stdin, a function to run in his process before the program starts.  Whatever it
ends with, test_hostile_caller.py looks for the same things afterwards: a message
that is there once for exit 0 and not at all otherwise, no file but ours, nothing
of a secret, and that another user can send.
"""
import collections
import ctypes
import fcntl
import os
import resource
import signal
import socket

Try = collections.namedtuple("Try", "name codes flags env argv0 before hold",
                             defaults=((0,), ("bob@example.net",), {},
                                       "sendmail", None, 0))
SENT = (0,)
# What a process that is starved may end with, besides success: it said why.
# 127 is the dynamic linker's.
STARVED = (0, 71, 73, 74, 75, 78, 127, -signal.SIGKILL, -signal.SIGXCPU,
           -signal.SIGSEGV)
LIBC = ctypes.CDLL(None, use_errno=True)
LONG = "x" * 100000


def prctl(option, value):
    return lambda: LIBC.prctl(option, value, 0, 0, 0)


def limit(which, soft, hard=None):
    return lambda: resource.setrlimit(which, (soft, soft if hard is None
                                              else hard))


def close(*descriptors):
    def act():
        for descriptor in descriptors:
            os.close(descriptor)
    return act


def replace(descriptor, path, flags):
    return lambda: os.dup2(os.open(path, flags), descriptor)


def swap_standard_descriptors():
    keep = os.dup(0)
    os.dup2(2, 0)
    os.dup2(1, 2)
    os.dup2(keep, 1)


def open_many():
    with_room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 10
    for number in range(3, min(with_room, 1000)):
        os.set_inheritable(os.open("/dev/null", os.O_RDWR), True)
    pair = socket.socketpair()
    for one in pair:
        os.dup2(one.fileno(), 900 + one.fileno() % 50)


def dead_directory():
    os.mkdir("/tmp/mailbearer-gone.%d" % os.getpid())
    os.chdir("/tmp/mailbearer-gone.%d" % os.getpid())
    os.rmdir(os.getcwd())


def ignore_all_signals():
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue


def block_all_signals():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))


def soon(which, seconds):
    return lambda: signal.setitimer(which, seconds, seconds)


def lowest_priority():
    os.nice(19)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def idle_disk():
    LIBC.syscall(251, 1, 0, (3 << 13))      # ioprio_set on x86-64: idle


def own_session():
    os.setsid()


def own_group():
    os.setpgid(0, 0)


def write_lock_the_program():
    """Nobody may read-lock what is only readable; harmless if refused."""
    try:
        fcntl.flock(os.open("/etc/passwd", os.O_RDONLY), fcntl.LOCK_EX)
    except OSError:
        pass


def oom_first():
    LIBC.prctl(4, 1, 0, 0, 0)       # else /proc/self is root's
    os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"1000")


# The dynamic linker itself ends with 5 where it is asked to list libraries.
ENVIRONMENT = [Try(f"environment: {name}={value[:20]}", (0, 5) if name ==
                   "LD_TRACE_LOADED_OBJECTS" else SENT,
                   env={name: value}) for name, value in [
    ("LD_PRELOAD", "/nonexistent.so"), ("LD_LIBRARY_PATH", "/tmp"),
    ("LD_AUDIT", "/nonexistent.so"), ("LD_DEBUG", "all"),
    ("LD_DEBUG_OUTPUT", "/tmp/mailbearer-made"), ("LD_PROFILE", "libc.so.6"),
    ("LD_SHOW_AUXV", "1"), ("LD_BIND_NOW", "1"), ("LD_TRACE_LOADED_OBJECTS",
                                                  "1"),
    ("GLIBC_TUNABLES", "glibc.malloc.check=3:" + "x=" * 5000),
    ("MALLOC_CHECK_", "3"), ("MALLOC_PERTURB_", "255"),
    ("MALLOC_ARENA_MAX", "0"), ("MALLOC_TRACE", "/tmp/mailbearer-made"),
    ("GCONV_PATH", "/tmp"), ("LOCPATH", "/tmp"), ("NLSPATH", "/tmp/%N"),
    ("LANG", "../../../../tmp/x"), ("LC_ALL", "x" * 5000),
    ("LANGUAGE", "/tmp"), ("CHARSET", "UTF-7"),
    ("RES_OPTIONS", "ndots:15 attempts:0 timeout:0"),
    ("LOCALDOMAIN", "victim.example"), ("HOSTALIASES", "/etc/shadow"),
    ("RESOLV_HOST_CONF", "/etc/shadow"), ("GETCONF_DIR", "/tmp"),
    ("TZ", "/etc/shadow"), ("TZ", ":/etc/shadow"), ("TZDIR", "/tmp"),
    ("TZ", "HIS-5:17"),         # in dates and in the log
    ("TMPDIR", "/nonexistent"), ("HOME", "/root"), ("USER", "root"),
    ("LOGNAME", "root"), ("MAIL", "/etc/shadow"), ("PATH", ""),
    ("PATH", "/tmp"), ("IFS", "/"), ("SHELL", "/nonexistent"),
    ("ENV", "/tmp/x"), ("BASH_ENV", "/tmp/x"),
    ("OPENSSL_CONF", "/tmp/x"), ("OPENSSL_MODULES", "/tmp"),
    ("OPENSSL_ENGINES", "/tmp"), ("OPENSSL_ia32cap", "0"),
    ("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/nonexistent"),
    ("SSLKEYLOGFILE", "/tmp/mailbearer-made"), ("QLOGDIR", "/tmp"),
    ("http_proxy", "http://127.0.0.1:1"),
    ("https_proxy", "http://127.0.0.1:1"), ("HTTPS_PROXY",
                                            "http://127.0.0.1:1"),
    ("ALL_PROXY", "socks5://127.0.0.1:1"), ("NO_PROXY", "*"),
    ("CURL_HOME", "/tmp"), ("CURL_CA_BUNDLE", "/dev/null"),
    ("NETRC", "/tmp/netrc"), ("XDG_CONFIG_HOME", "/tmp"),
    ("KRB5_CONFIG", "/tmp/x"), ("CREDENTIALS_DIRECTORY", "/tmp"),
    ("IDENTITY_ENDPOINT", "http://127.0.0.1:1"),
    ("IDENTITY_HEADER", "x"), ("NOTIFY_SOCKET", "/tmp/x"),
    ("MAILBEARER_CONFIG", "/tmp/x"), ("MAILBEARER_PREFIX", "/tmp"),
    ("TERM", "\x1b[2J"), ("COLUMNS", "-1"), ("POSIXLY_CORRECT", "1"),
    ("_", "/tmp/x"), ("A" * 5000, "b"), ("X", LONG),
    ("BASH_FUNC_x%%", "() { :; }; touch /tmp/mailbearer-made")]]

DESCRIPTORS = [
    # A stdin that cannot be read is no message; stdout is not needed.  For a
    # set-user-ID program the C library plugs what is closed, before we do.
    Try("closed: stdin", (65, 74), before=close(0)),
    Try("closed: stdout", SENT, before=close(1)),
    Try("closed: stderr", SENT, before=close(2)),
    Try("closed: stdout and stderr", SENT, before=close(1, 2)),
    Try("closed: all three", (65, 74), before=close(0, 1, 2)),
    Try("swapped", (65, 74), before=swap_standard_descriptors),
    Try("stdin: a directory", (74,), before=replace(0, "/", os.O_RDONLY)),
    Try("stdin: open for writing only", (74,),
        before=replace(0, "/dev/null", os.O_WRONLY)),
    Try("stdin: nothing", (65,), before=replace(0, "/dev/null", os.O_RDONLY)),
    Try("stdin: a path only", (74,), before=replace(0, "/", os.O_PATH)),
    Try("stderr: full", SENT, before=replace(2, "/dev/full", os.O_WRONLY)),
    Try("stderr: for reading only", SENT,
        before=replace(2, "/dev/null", os.O_RDONLY)),
    Try("a thousand open files", SENT, before=open_many),
    Try("an open directory of his", SENT,
        before=replace(9, "/tmp", os.O_RDONLY)),
]

ARGUMENTS = [
    Try(f"argv[0]: {name[:24]!r}", SENT, argv0=name)
    for name in ("", "-sendmail", "/", "../../etc/passwd", "a\nb", "\x1b[2J",
                 "%s%n%s", LONG, "sendmail.postfix", "exim4", "\xff")
] + [
    Try("argv[0]: mailbearer, which has no rights", (64,),
        argv0="mailbearer"),
    Try("argv[0]: x/mailbearer sendmail", (70, 73, 74, 75, 77, 78),
        flags=("sendmail", "bob@example.net"), argv0="x/mailbearer"),
    Try("argv[0]: mailbearer token", (64, 70, 73, 75, 77, 78),
        flags=("token", "--print-access-token"), argv0="mailbearer"),
    Try("argv[0]: mailbearer check", None, flags=("check",),
        argv0="mailbearer"),
    Try("argv[0]: mailbearer queue", None, flags=("queue", "list"),
        argv0="mailbearer"),
    Try("argv[0]: mailbearer explain a secret file", None,
        flags=("explain", "/etc/shadow"), argv0="mailbearer"),
    Try("argv[0]: mailq", SENT, flags=(), argv0="mailq"),
    Try("argv[0]: newaliases", SENT, flags=(), argv0="newaliases"),
    Try("a flag of 100 KB", (64,), flags=("-f", LONG, "bob@example.net")),
    Try("two megabytes of recipients", (64, 69, 65, 67), flags=(LONG,) * 18),
    Try("a thousand flags", SENT, flags=("-i",) * 1000 +
        ("bob@example.net",)),
    Try("no recipient", (64,), flags=()),
    Try("-C his file", SENT, flags=("-C", "/tmp/x", "bob@example.net")),
    Try("-X his file", SENT, flags=("-X", "/tmp/mailbearer-made",
                                    "bob@example.net")),
    Try("-D his file", SENT, flags=("-D", "/tmp/mailbearer-made",
                                    "bob@example.net")),
    Try("-oQ his directory", SENT, flags=("-oQ/tmp", "bob@example.net")),
    Try("-oA his aliases", SENT, flags=("-oA/tmp/x", "bob@example.net")),
    Try("-O QueueDirectory", SENT, flags=("-O", "QueueDirectory=/tmp",
                                          "bob@example.net")),
    Try("-O ConfigFile", SENT, flags=("-OConfigFile=/tmp/x",
                                      "bob@example.net")),
    Try("-O RunAsUser", SENT, flags=("-ORunAsUser=root", "bob@example.net")),
    Try("-p a protocol", SENT, flags=("-pSMTP:victim", "bob@example.net")),
    Try("-d everything", SENT, flags=("-d0-99.127", "bob@example.net")),
    Try("-f somebody else", SENT, flags=("-f", "root@localhost",
                                         "bob@example.net")),
    Try("-F with escapes", (64,), flags=("-F", "\x1b[2J", "bob@example.net")),
    Try("-bd", (64,), flags=("-bd",)), Try("-bD", (64,), flags=("-bD",)),
    Try("-bi", SENT, flags=("-bi",)), Try("-bp", SENT, flags=("-bp",)),
    Try("-bh", (64, 0), flags=("-bh",)), Try("-bt", None, flags=("-bt",)),
    Try("-q", None, flags=("-q",)), Try("-qf", None, flags=("-qf",)),
    Try("-qRbob", None, flags=("-qRbob",)),
    Try("-q1s", None, flags=("-q1s",)),
    Try("a program as recipient", None, flags=("|/bin/sh",)),
    Try("a file as recipient", None, flags=("/tmp/mailbearer-made",)),
    Try("an include as recipient", None, flags=(":include:/etc/shadow",)),
    Try("a path as recipient", None, flags=("../../etc/passwd",)),
    *[Try(f"-{flag} with a line end", (64,),
          flags=("-" + flag, "a\r\nBcc: evil@victim.example",
                 "bob@example.net")) for flag in "fFrNV"],
]

LIMITS = [
    Try(f"limit: {name} {soft}", STARVED,
        before=limit(getattr(resource, "RLIMIT_" + name), soft))
    for name, values in {
        "FSIZE": (0, 1, 100, 1000), "NOFILE": (3, 4, 5, 6, 8, 12),
        "AS": (20000000, 40000000), "DATA": (4096, 500000, 4000000),
        "STACK": (65536, 200000), "CPU": (1,), "NPROC": (1, 2),
        "MEMLOCK": (0,), "SIGPENDING": (0,), "MSGQUEUE": (0,),
        "RTPRIO": (0,), "RSS": (0,)}.items() for soft in values
] + [
    Try("limit: CORE unlimited", SENT, before=limit(
        resource.RLIMIT_CORE, resource.RLIM_INFINITY)),
    Try("soft limit: FSIZE 0", SENT, before=limit(
        resource.RLIMIT_FSIZE, 0, resource.RLIM_INFINITY)),
    Try("soft limit: NOFILE 4", SENT, before=limit(
        resource.RLIMIT_NOFILE, 4, 1024)),
]

PROCESS = [
    Try("umask 0", SENT, before=lambda: os.umask(0)),
    Try("umask 777", SENT, before=lambda: os.umask(0o777)),
    Try("all signals ignored", SENT, before=ignore_all_signals),
    Try("all signals blocked", SENT, before=block_all_signals),
    # It may go off before main() does.
    Try("an alarm", (0, -signal.SIGALRM), before=soon(signal.ITIMER_REAL, 0.3),
        hold=0.6),
    Try("a timer of CPU time", (0, -signal.SIGPROF),
        before=soon(signal.ITIMER_PROF, 0.02)),
    Try("priority", SENT, before=lowest_priority),
    Try("disk priority", SENT, before=idle_disk),
    Try("a session of its own", SENT, before=own_session),
    Try("a process group of its own", SENT, before=own_group),
    Try("a deleted directory", SENT, before=dead_directory),
    Try("a death signal", SENT, before=prctl(1, signal.SIGKILL)),
    Try("lazy timers", SENT, before=prctl(29, 10 ** 12)),
    Try("dumpable", SENT, before=prctl(4, 1)),
    Try("kept capabilities", SENT, before=prctl(8, 1)),
    Try("a subreaper", SENT, before=prctl(36, 1)),
    Try("no new executable memory", SENT, before=prctl(65, 1)),
    # Where the C library tells the time by it, that is the end.
    Try("no time stamp counter", (0, -signal.SIGSEGV), before=prctl(26, 2)),
    Try("transparent huge pages off", SENT, before=prctl(41, 1)),
    Try("no new privileges", (70, 71, 73, 74, 75, 77, 78),
        before=prctl(38, 1)),
    Try("one processor", SENT, before=lambda: os.sched_setaffinity(
        0, {min(os.sched_getaffinity(0))})),
    Try("personality", SENT, before=lambda: LIBC.personality(
        0x0040000 | 0x0400000 | 0x0100000)),
    Try("the first to be killed", SENT, before=oom_first),
    Try("a lock on a system file", SENT, before=write_lock_the_program),
]

# Full names, which chfn(1) lets users choose, more or less.
GECOS = [
    "x\rBcc: evil@victim.example", "<evil@victim.example>", '"', "\\", "(",
    'x" <evil@victim.example>, "y', "&", ",,,", "=?utf-8?Q?=0D=0ABcc", "=?utf-8?Q?a,evil@victim.example?=",
    "\x1b[2J", "J\xf6rg", "x" * 5000, "\x01\x7f", "a@b, c@d", "\u202eevil",
    "\r\r.\r\r", " ", "group; evil@victim.example;",
]

TABLE = ENVIRONMENT + DESCRIPTORS + ARGUMENTS + LIMITS + PROCESS
