"""The clients: how each is told to hand one message to the sandbox.

All read the same file, verify the server's certificate with the system's
authorities and the sandbox's, and use XOAUTH2.  Only mailbearer gets tokens by
itself; for the others a warm token is a file, and a cold one is what people
write around them: a script that asks the endpoint with curl.
"""
import pathlib
import re
import shutil
import subprocess

from .world import RECIPIENTS

RECIPIENT = "bob@example.net"
OURS = "mailbearer"

GET_TOKEN = """\
#!/bin/sh
curl -s --cacert '{bundle}' -d client_id='{id}' \\
    --data-urlencode client_secret@'{secret}.raw' \\
    -d grant_type=client_credentials \\
    --data-urlencode scope=https://outlook.office365.com/.default \\
    '{endpoint}' | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/'
"""

MSMTPRC = """\
account default
host localhost
port {port}
from {mailbox}
tls on
tls_starttls on
tls_trust_file {bundle}
auth xoauth2
user {mailbox}
passwordeval {token}
"""

CURLRC = """\
silent
show-error
ssl-reqd
crlf
sasl-ir
url = "smtp://localhost:{port}"
cacert = "{bundle}"
login-options = "AUTH=XOAUTH2"
user = "{mailbox}"
mail-from = "{mailbox}"
mail-rcpt = "{recipient}"
"""


class Client:
    """One way to send.  command() gives argv for (port, cold, message)."""

    name = ""

    def __init__(self, world):
        self.world = world

    def missing(self):
        """Why this client cannot take part, or ""."""
        return "" if shutil.which(self.name) else "not installed"

    def version(self):
        first = subprocess.run([self.name, "--version"], text=True,
                               capture_output=True, check=False).stdout
        return " ".join(re.findall(r"^(\S+) (?:version )?(\S+)", first)[0])

    def make_cold(self):
        """Forget what makes the next send cheap."""

    def stdin(self, message):
        return self.world.message(message)

    def _file(self, name, template, port, **more):
        world = self.world
        return world.write("%s-%d" % (name, port), template.format(
            port=port, mailbox=world.mailbox, bundle=world.bundle,
            recipient=RECIPIENT, **more))

    def token_script(self, port):
        world = self.world
        world.write("secret.raw", world.ask("secret"))
        endpoint = world.ask("token_endpoint").replace(
            ":%d/" % world.ask("token_port"),
            ":%d/" % world.token_port_of(port))
        script = world.write("get-token-%d" % port, GET_TOKEN.format(
            bundle=world.bundle, id=world.ask("client_id"),
            secret=world.directory / "secret", endpoint=endpoint))
        script.chmod(0o700)
        return script


class Mailbearer(Client):
    name = OURS

    def __init__(self, world, prefix):
        super().__init__(world)
        self.program = pathlib.Path(prefix) / "sbin" / "mailbearer"

    def missing(self):
        return "" if self.program.exists() else "%s is not there" % self.program

    def version(self):
        return self.name

    def config(self, port, **changes):
        """The config for a port; its state is the same for all of them."""
        world = self.world
        settings = dict(ca_file=None, ca_directory=str(world.hashed),
                        host=world.host, port=port,
                        authority="https://%s:%d" % (
                            world.host, world.token_port_of(port)),
                        log=str(world.directory / "log"),
                        state_directory=str(world.directory / "state"),
                        send_timeout="30m", messages_per_minute=100000,
                        max_recipients=10000,
                        max_message_size="200M")
        settings.update(changes)
        (world.directory / "state").mkdir(mode=0o750, exist_ok=True)
        return world.ask("write_config",
                         world.directory / ("mailbearer-%d.conf" % port),
                         **settings)

    def command(self, port, cold, message):
        path = self.world.directory / ("mailbearer-%d.conf" % port)
        if not path.exists():
            self.config(port)
        recipients = [RECIPIENT] if message not in RECIPIENTS else [
            "number%d@example.net" % i for i in range(RECIPIENTS[message])]
        return [self.program, "sendmail", "-C", path, "-i", *recipients]

    def make_cold(self):
        for path in (self.world.directory / "state").rglob("*"):
            if path.is_file() and "token" in str(path):
                path.unlink()


class Msmtp(Client):
    name = "msmtp"

    def command(self, port, cold, message):
        token = "cat %s" % self.world.token_file if not cold else \
            str(self.token_script(port))
        rc = self._file("msmtprc-cold" if cold else "msmtprc", MSMTPRC, port,
                        token=token)
        return ["msmtp", "-C", rc, RECIPIENT]


class Curl(Client):
    name = "curl"

    def command(self, port, cold, message):
        rc = self._file("curlrc", CURLRC, port)
        bearer = self.token_script(port) if cold else self._bearer()
        command = ["curl", "-K", rc, "-T", self.world.message(message)]
        if not cold:
            return command + ["-K", bearer]
        return ["sh", "-c", 'printf \'oauth2-bearer = "%s"\\n\' "$(' +
                str(bearer) + ')" | "$@" -K -', "sh"] + command

    def _bearer(self):
        return self.world.write("curl-token", 'oauth2-bearer = "%s"\n' %
                                self.world.token_file.read_text().strip())


class Floor(Client):
    """The yardstick, see floor.c: no program for people, only a lower bound."""
    name = "(floor)"

    def __init__(self, world, program):
        super().__init__(world)
        self.program = pathlib.Path(program)

    def missing(self):
        return "" if self.program.exists() else "not built"

    def version(self):
        return "tests/bench/floor.c"

    def stdin(self, message):
        return self.world.crlf(message)

    def command(self, port, cold, message):
        if cold:
            return None
        world = self.world
        return [self.program, str(port), world.hashed,
                world.directory / ("session-%d" % port), world.mailbox,
                world.token_file, RECIPIENT]


class Push(Client):
    """openssl s_client, with all that is to be said in one file: no client, but
    as fast as TLS goes.  Only the sink listens to that."""
    name = "(s_client)"

    def missing(self):
        return "" if shutil.which("openssl") else "openssl is not installed"

    def stdin(self, message):
        world = self.world
        script = world.directory / (message + ".script")
        if not script.exists():
            octets = world.crlf(message).stat().st_size
            with open(script, "wb") as out:
                out.write(("EHLO localhost\r\nAUTH XOAUTH2 %s\r\n"
                           "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n"
                           "BDAT %d LAST\r\n" % (
                               world.xoauth2(), world.mailbox, RECIPIENT,
                               octets)).encode())
                out.write(world.crlf(message).read_bytes())
                out.write(b"QUIT\r\n")
        return script

    def command(self, port, cold, message):
        return ["openssl", "s_client", "-quiet", "-starttls", "smtp",
                "-connect", "localhost:%d" % port, "-CApath",
                self.world.hashed, "-verify_return_error", "-verify_quiet"]


def line_up(world, prefix, tools):
    """(those that can take part, [what to say about the others])."""
    clients = [Mailbearer(world, prefix), Msmtp(world), Curl(world),
               Floor(world, pathlib.Path(tools) / "floor")]
    absent = ["%s takes no part: %s" % (one.name, one.missing())
              for one in clients if one.missing()]
    return [one for one in clients if not one.missing()], absent
