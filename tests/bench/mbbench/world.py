"""Everything that stands around the clients: sandbox, trust, messages, wires.

The sandbox runs in a process of its own, so that its work is not ours.
"""
import base64
import multiprocessing
import operator
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TESTS / "sandbox"))
from mbsandbox import Records, Sandbox  # noqa: E402

SYSTEM_DIRECTORY = pathlib.Path("/etc/ssl/certs")
SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt",
                  "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
SIZES = {"small": 2 << 10, "30 MB": 30 << 20, "150 MB": 150 << 20}
LONG_HEADER = "long header"
LONGEST_HEADER = "the longest header"
HEADERS = {LONG_HEADER: 240 << 10,             # Exchange Online takes 256 KB
           LONGEST_HEADER: 500 << 10}          # we, twice that
MANY = "many recipients"
MORE = "5,000 recipients"
RECIPIENTS = {MANY: 1000, MORE: 5000}          # of the small message
LINE = "The quick brown fox jumps over the lazy dog, over and over.\n"
HEADER = ("From: alerts@contoso.com\nTo: bob@example.net\n"
          "Subject: bench\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n"
          "Message-ID: <%s@bench.contoso.com>\nMIME-Version: 1.0\n"
          "Content-Type: text/plain; charset=us-ascii\n\n")


def serve(pipe, directory):
    """The sandbox's process: names and arguments come in, answers go out."""
    with Sandbox(directory) as sandbox:
        pipe.send(None)
        while True:
            try:
                name, arguments, options = pipe.recv()
            except EOFError:
                return
            value = operator.attrgetter(name)(sandbox)
            pipe.send(value(*arguments, **options) if callable(value)
                      else value)


class World:
    """A tenant, and a directory where everything lies.  For counting it has as
    little as can be of this machine: no names to look up, no authorities."""

    def __init__(self, for_counting=False):
        self.system_trust = not for_counting
        self.host = "127.0.0.1" if for_counting else "localhost"
        # As deep everywhere: each directory on the way to the config is looked
        # at, and counted.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="mbbench.",
                                                       dir="/tmp"))
        self.records = Records(self.directory / "sandbox" / "record")
        self.proxies = []
        self._token_ports = {}     # SMTP port: how its clients get tokens
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(
            target=serve, args=(theirs, self.directory / "sandbox"),
            daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def __enter__(self):
        self.port = self.ask("smtp_port")
        self.mailbox = self.ask("mailbox")
        self._make_trust()
        self.token_file = self.write("token", self.ask("token") + "\n")
        return self

    def __exit__(self, *_):
        for process in self.proxies:
            process.kill()
            process.communicate()
        self._pipe.close()
        self._process.terminate()
        self._process.join()
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, name, *arguments, **options):
        """Call a method of the sandbox, or read an attribute."""
        self._pipe.send((name, arguments, options))
        return self._pipe.recv()

    def write(self, name, content):
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(content)
        return path

    # ------------------------------------------------------- surroundings

    def _make_trust(self):
        """The system's authorities and the sandbox's, as bundle and as hashed
        directory: who parses bundles has as much to parse as in real life."""
        own = pathlib.Path(self.ask("ca_file"))
        bundle = next(filter(os.path.exists, SYSTEM_BUNDLES), None) \
            if self.system_trust else None
        self.has_system_trust = bundle is not None
        system = pathlib.Path(bundle).read_text() if bundle else ""
        self.bundle = self.write("bundle.pem", system + own.read_text())
        self.hashed = self.directory / "hashed"
        shutil.copytree(self.ask("ca_directory"), self.hashed, symlinks=False)
        if self.system_trust and SYSTEM_DIRECTORY.is_dir():
            for link in SYSTEM_DIRECTORY.glob("????????.[0-9]"):
                if not (self.hashed / link.name).exists():
                    (self.hashed / link.name).symlink_to(link.resolve())

    def message(self, name):
        """The file of a message with LF, as programs write them."""
        path = self.directory / (name + ".eml")
        if not path.exists():
            head = HEADER % name.replace(" ", "-")
            if name in HEADERS:
                head = "X-Long:" + (" " + LINE) * (
                    HEADERS[name] // len(" " + LINE)) + head
            lines = (SIZES.get(name, 4 << 10) - len(head)) // len(LINE)
            path.write_text(head + LINE * max(lines, 1))
        return path

    def crlf(self, name):
        """The same as it goes over the wire."""
        path = self.directory / (name + ".crlf")
        if not path.exists():
            path.write_bytes(self.message(name).read_bytes().replace(
                b"\n", b"\r\n"))
        return path

    def xoauth2(self):
        """What stands behind AUTH XOAUTH2."""
        clear = "user=%s\1auth=Bearer %s\1\1" % (
            self.mailbox, self.token_file.read_text().strip())
        return base64.b64encode(clear.encode()).decode()

    def proxy(self, rtt, port=None):
        """The port of the SMTP server behind a wire of that round trip, or of
        another server."""
        process = subprocess.Popen(
            [sys.executable, TESTS / "bench" / "delay.py", str(rtt),
             str(port or self.port)], stdout=subprocess.PIPE, text=True)
        self.proxies.append(process)
        return int(process.stdout.readline())

    def far(self, rtt):
        """The SMTP server behind such a wire, and its tenant's token endpoint
        for whoever asks token_port_of() that port."""
        port = self.proxy(rtt)
        self._token_ports[port] = self.proxy(rtt, self.ask("token_port"))
        return port

    def token_port_of(self, port):
        return self._token_ports.get(port) or self.ask("token_port")

    # ------------------------------------------------------- records

    def sessions(self):
        return self.records.sessions()

    def token_requests(self):
        return len(self.records.token_requests())

    def delivered(self):
        return len(list((self.directory / "sandbox" / "record" / "messages")
                        .glob("[0-9]*.json")))
