"""Postfix and Exim, as tests/foreign-servers unpacked them: each on a port of
the loopback, with everything below one directory, in a mount namespace that knows
their users.  Whatever is sent to any address is stored, one file a message."""
import base64
import os
import pathlib
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time

ROOT = pathlib.Path(os.environ.get("MAILBEARER_SERVERS",
                                   "tests/servers")).resolve() / "root"
USERS = "mbpostfix:x:61001:61001::/:/bin/false\n" \
    "Debian-exim:x:61003:61003::/:/bin/false\n"
GROUPS = "mbpostfix:x:61001:\nmbpostdrop:x:61002:\nDebian-exim:x:61003:\n"
POSTFIX, EXIM = 61001, 61003


def are_there():
    return (ROOT.parent / "complete").exists()


def may_mount():
    """Whether a mount namespace can be had: root, and not every container's."""
    return os.getuid() == 0 and subprocess.run(
        ["unshare", "-m", "mount", "--bind", "/etc/passwd", "/etc/group"],
        capture_output=True, check=False).returncode == 0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Server:
    """One of them.  `chunking` False takes CHUNKING out of its EHLO answer."""

    def __init__(self, directory, certificate, key, chunking):
        self.directory = directory
        self.chunking = chunking
        self.port = free_port()
        self.mail = directory / "mail" / "new"
        directory.mkdir(mode=0o755)
        self.certificate = shutil.copy(certificate, directory / "chain.pem")
        self.key = shutil.copyfile(key, directory / "key.pem")
        for name, text in (("passwd", USERS), ("group", GROUPS)):
            system = pathlib.Path("/etc", name).read_text(encoding="utf-8")
            (directory / name).write_text(system + text, encoding="utf-8")
        for name in ("cur", "new", "tmp"):
            self.own_directory("mail/" + name, self.user)
        self.prepare()
        self.log = open(directory / "output", "wb")
        self.process = self.start()
        try:
            self.await_greeting()
        except AssertionError:
            self.stop()
            raise

    def own_directory(self, name, user, mode=0o700):
        path = self.directory / name
        path.mkdir(parents=True, exist_ok=True)
        while path != self.directory:
            os.chown(path, user, user)
            os.chmod(path, mode)
            path = path.parent

    def start(self):
        libraries = ":".join(map(str, [
            ROOT / "usr/lib/postfix", *ROOT.glob("usr/lib/*-linux-*"),
            *ROOT.glob("lib/*-linux-*")]))
        return subprocess.Popen(
            ["unshare", "-m", "sh", "-ec",
             f"mount --bind {self.directory}/passwd /etc/passwd\n"
             f"mount --bind {self.directory}/group /etc/group\n"
             'exec "$@"', "sh", *self.command()],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                 "LD_LIBRARY_PATH": libraries},
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True)

    def await_greeting(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port),
                                              10) as s:
                    if s.recv(3) == b"220":
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"{type(self).__name__} does not start: "
                             f"{self.words()}")

    def words(self):
        return "".join(path.read_text("utf-8", "replace")[-4000:] for path in
                       (*self.directory.glob("log*"),
                        self.directory / "output") if path.is_file())

    def stop(self):
        """The server and what it started: its session is its own."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)
        self.log.close()

    def stored(self, count):
        """{recipient: [message]} once there are so many, and no more come."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if len(os.listdir(self.mail)) >= count and self.is_idle():
                break
            time.sleep(0.05)
        found = {}
        for path in self.mail.iterdir():
            recipient, message = self.without_trace(path.read_bytes())
            found.setdefault(recipient, []).append(message)
        return found

    @staticmethod
    def without_trace(data):
        """What the server put before the message: the recipient and the first
        Received, the last thing that it adds."""
        recipient = re.search(
            rb"^(?:X-Original-To|Envelope-to): (.*)$", data, re.M)
        trace = re.match(rb"(?s).*?^Received:.*?\n(?![ \t])", data, re.M)
        return recipient.group(1).decode(), data[trace.end():]


class DovecotAuth(socketserver.ThreadingTCPServer):
    """Dovecot's authentication protocol (1.1), as Postfix asks it: a yes to
    every XOAUTH2 that is there from its first octet to its last.  Postfix cuts a
    line after 2048 and asks all the same."""

    allow_reuse_address = daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"VERSION\t1\t1\nMECH\tXOAUTH2\nSPID\t1\n"
                             b"CUID\t1\nCOOKIE\tnone\nDONE\n")
            for line in self.rfile:
                words = line.rstrip(b"\n").split(b"\t")
                if words[0] == b"AUTH" and \
                        not words[-1].startswith(b"resp="):
                    self.wfile.write(b"CONT\t" + words[1] + b"\t\n")
                elif words[0] in (b"AUTH", b"CONT"):
                    self.wfile.write(
                        b"%s\t%s\tuser=alerts\n" %
                        (b"OK" if self.is_whole(words[-1]) else b"FAIL",
                         words[1]))

        @staticmethod
        def is_whole(response):
            blob = response.removeprefix(b"resp=")
            try:
                raw = base64.b64decode(blob, validate=True)
            except ValueError:
                return False
            return re.fullmatch(
                rb"user=[^\x01]+\x01auth=Bearer [^\x01]+\x01\x01", raw) \
                is not None

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Postfix(Server):
    user = POSTFIX

    def prepare(self):
        for name in ("active", "bounce", "corrupt", "defer", "deferred",
                     "flush", "hold", "incoming", "private", "public",
                     "maildrop", "saved", "trace"):
            self.own_directory("queue/" + name, POSTFIX)
        (self.directory / "queue" / "pid").mkdir()
        os.chown(self.directory / "queue", 0, 0)
        os.chmod(self.directory / "queue", 0o755)
        self.own_directory("data", POSTFIX)
        self.auth = DovecotAuth()
        config = self.directory / "etc"
        config.mkdir()
        (config / "main.cf").write_text(self.main_cf(), encoding="ascii")
        (config / "master.cf").write_text(self.master_cf(), encoding="ascii")

    def main_cf(self):
        here, lib = self.directory, ROOT / "usr/lib/postfix"
        return f"""\
compatibility_level = 3.6
myhostname = postfix.example.org
queue_directory = {here}/queue
data_directory = {here}/data
command_directory = {ROOT}/usr/sbin
daemon_directory = {lib}/sbin
shlib_directory = {lib}
meta_directory = {here}/etc
import_environment = MAIL_CONFIG LD_LIBRARY_PATH TZ
mail_owner = mbpostfix
setgid_group = mbpostdrop
maillog_file = {here}/log
maillog_file_prefixes = {here}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
mynetworks =
alias_maps =
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:mail/
virtual_mailbox_base = {here}
virtual_minimum_uid = {POSTFIX}
virtual_uid_maps = static:{POSTFIX}
virtual_gid_maps = static:{POSTFIX}
local_recipient_maps =
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{self.auth.port}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {self.key}, {self.certificate}
smtpd_discard_ehlo_keywords = {"" if self.chunking else "chunking"}
smtpd_client_connection_count_limit = 0
message_size_limit = 0
mailbox_size_limit = 0
virtual_mailbox_limit = 0
"""

    def master_cf(self):
        alone = ("qmgr", "tlsmgr", "anvil", "postlog")
        rows = [(f"127.0.0.1:{self.port}", "inet", "n", "smtpd"),
                ("cleanup", "unix", "n", "cleanup"),
                ("qmgr", "unix", "n", "qmgr"),
                ("postlog", "unix-dgram", "n", "postlogd")]
        rows += [(name, "unix", "y", program) for name, program in (
            ("rewrite", "trivial-rewrite"), ("bounce", "bounce"),
            ("defer", "bounce"), ("trace", "bounce"), ("verify", "verify"),
            ("proxymap", "proxymap"), ("anvil", "anvil"),
            ("virtual", "virtual"), ("error", "error"), ("retry", "error"),
            ("tlsmgr", "tlsmgr"))]
        return "".join(
            f"{name} {kind} {private} "
            f"{'n' if name in ('virtual', 'postlog') else '-'} n - "
            f"{1 if name in alone else 0} {program}\n"
            for name, kind, private, program in rows)

    def command(self):
        return [str(ROOT / "usr/lib/postfix/sbin/master"), "-d", "-c",
                str(self.directory / "etc")]

    def is_idle(self):
        return not any(any((self.directory / "queue" / name).iterdir())
                       for name in ("incoming", "active"))

    def stop(self):
        super().stop()
        self.auth.shutdown()
        self.auth.server_close()


class Exim(Server):
    user = EXIM

    def prepare(self):
        for name in ("spool/input", "spool/msglog", "log"):
            self.own_directory(name, EXIM)
        (self.directory / "exim.conf").write_text(f"""\
primary_hostname = exim.example.org
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port}
spool_directory = {self.directory}/spool
log_file_path = {self.directory}/log/%slog
pid_file_path = {self.directory}/spool/pid
tls_advertise_hosts = *
tls_certificate = {self.certificate}
tls_privatekey = {self.key}
auth_advertise_hosts = *
chunking_advertise_hosts = {"*" if self.chunking else ""}
acl_smtp_rcpt = accept authenticated = *
acl_smtp_data = accept
acl_smtp_vrfy = deny
smtp_accept_max = 0
message_size_limit = 0
accept_8bitmime = true
deliver_drop_privilege = true
host_lookup =
keep_environment =
rfc1413_query_timeout = 0s
never_users = root
begin routers
all:
  driver = accept
  transport = store
begin transports
store:
  driver = appendfile
  directory = {self.directory}/mail
  maildir_format
  envelope_to_add
  user = {EXIM}
  group = {EXIM}
begin authenticators
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = ${{if match{{$auth1}}{{auth=Bearer}}}}
""", encoding="ascii")
        os.chown(self.key, EXIM, EXIM)

    def command(self):
        return [str(ROOT / "usr/sbin/exim4"), "-bdf", "-C",
                str(self.directory / "exim.conf")]

    def is_idle(self):
        return not any((self.directory / "spool/input").rglob("*-D"))
