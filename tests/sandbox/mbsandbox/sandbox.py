"""The sandbox as tests use it: everything together, in one object."""

import shutil
import ssl
from pathlib import Path

from . import pki, scenario
from .entra import TokenService
from .exchange import ExchangeServer
from .jwt import PrivateKey
from .record import Message, Recorder, Records
from .tenant import App, Certificate, Mailbox, Tenant
from .web import Handler, HttpServer, IdentityHandler

DOMAIN = "contoso.onmicrosoft.com"
CLIENT_ID = "00001111-aaaa-2222-bbbb-3333cccc4444"
# Entra's secrets are 40 characters with dots and tildes.  This one also has
# what a form must escape, because forgetting that is a real fault.
SECRET = "kPz8Q~sandbox+secret&50%=not.a/real_one."

TOP_KEYS = ("default-account", "domain", "hostname", "local-mail-to",
            "aliases", "deliver-all-to", "spool", "spool-directory",
            "state-directory", "spool-reserve", "spool-per-user", "retry-for",
            "keep-failed", "max-message-size", "send-timeout",
            "user-messages-per-hour", "log", "ca-file", "ca-directory",
            "proxy")
APP_KEYS = ("cloud", "authority", "scope", "token-endpoint", "tenant",
            "client-id", "client-secret-file", "certificate", "private-key",
            "passphrase-file", "assertion-algorithm", "federated-token-file",
            "managed-identity", "delegated", "token-command",
            "client-secret-expires")


class Sandbox:
    """A tenant with its token endpoint and its submission endpoint.

    Use it as a context manager; the servers listen on 127.0.0.1 and are
    ready when it is entered.  Everything lies below `directory`.
    """

    def __init__(self, directory, smtp_port: int = 0, token_port: int = 0,
                 identity_port: int = 0):
        self.directory = Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.switchboard = scenario.Switchboard()
        self.recorder = Recorder(self.directory / "record")
        self.records = Records(self.directory / "record")
        self.recorder.reset()      # an earlier run's, in the same directory
        for name in ("pki", "ca"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        self.pki = pki.Authority(self.directory / "pki")
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._make_tenant()
        self._make_servers(smtp_port, token_port, identity_port)
        self._make_files()

    def _make_tenant(self) -> None:
        key = pki.rsa_key(self.directory / "token-signing.key")
        self._tenant = Tenant(DOMAIN, PrivateKey.from_pem(key.read_text()),
                              self.switchboard)
        self.tenant = DOMAIN
        self.tenant_id = self._tenant.id
        self.client_id = CLIENT_ID
        self.secret = SECRET
        self.mailbox = "alerts@contoso.com"
        self.add_app(CLIENT_ID, secret=SECRET)
        self.add_mailbox(self.mailbox)
        self.add_mailbox("shop@contoso.com")

    def _make_servers(self, smtp_port: int, token_port: int,
                      identity_port: int) -> None:
        self.smtp = ExchangeServer(self._tenant, self.recorder,
                                   self.switchboard, self.pki, smtp_port)
        self.tokens = TokenService(self._tenant, self.recorder)
        self._https = HttpServer(token_port, Handler, self.tokens)
        self._https.context_for = self._token_context
        self._identity = HttpServer(identity_port, IdentityHandler,
                                    self.tokens)
        self._identity.identity_client_id = CLIENT_ID
        self._identity.identity_header = self.identity_header = \
            "5F1C0A7E9D7B4C55A1D1E6F2B3C4D5E6"
        self._identity.arc_key_file = self.arc_key_file = \
            self.directory / "arc" / "tokens" / "challenge.key"
        self.smtp_port = self.smtp.port
        self.token_port = self._https.port
        self.identity_port = self._identity.port
        self.authority = "https://localhost:%d" % self.token_port
        self.tokens.base = self.authority
        self.token_endpoint = "%s/%s/oauth2/v2.0/token" % (self.authority,
                                                           self.tenant)
        self.identity_endpoint = "http://127.0.0.1:%d" % self.identity_port

    def _make_files(self) -> None:
        self.ca_file = str(self.directory / "ca.pem")
        shutil.copyfile(self.pki.certificate, self.ca_file)
        self.ca_directory = str(self.pki.hashed_directory(
            self.directory / "ca"))
        self.secret_file = self.write_secret(SECRET)

    def _token_context(self) -> ssl.SSLContext:
        option = self.switchboard.get("certificate")
        kind = option.get("kind") if option and option.get("where") != "smtp" \
            else "good"
        if kind not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, self.pki.server(kind)))
            self._contexts[kind] = context
        return self._contexts[kind]

    # ------------------------------------------------------- life

    def start(self) -> "Sandbox":
        self.smtp.start()
        self._https.start()
        self._identity.start()
        return self

    def stop(self) -> None:
        self.smtp.stop()
        self._https.stop()
        self._identity.stop()
        self.recorder.close()

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(self, *exception) -> None:
        self.stop()

    # ------------------------------------------------------- the tenant

    def add_mailbox(self, address: str, proxy_addresses=(), send_as=(),
                    full_access: bool = True, **more) -> Mailbox:
        """Make or replace a mailbox.  `more`: password, shared, rbac_apps,
        recipient_limit.  The Mailbox may be changed at any time."""
        mailbox = Mailbox(address, list(proxy_addresses), list(send_as),
                          full_access, **more)
        self._tenant.mailboxes[address.lower()] = mailbox
        return mailbox

    def add_app(self, client_id: str, secret: str | None = None,
                certificate_pem: str | None = None, roles=("SMTP.SendAsApp",),
                **more) -> App:
        """Make or replace an app.  `more`: expired_secrets, federated,
        public, disabled, registered, exchange_object_id.  The App may be
        changed at any time."""
        app = App(client_id, [secret] if secret else [], roles=list(roles),
                  **more)
        if certificate_pem:
            app.certificates.append(Certificate.from_pem(certificate_pem))
        self._tenant.apps[client_id.lower()] = app
        return app

    def mailboxes(self) -> list[str]:
        return [one.address for one in self._tenant.mailboxes.values()]

    def app(self, client_id: str = CLIENT_ID) -> App:
        return self._tenant.apps[client_id.lower()]

    def make_certificate(self, name: str = "app", client_id: str = CLIENT_ID,
                         **options) -> str:
        """Make a certificate with its key (one PEM file, mode 0600) and
        register it on the app.  Options: days, bits."""
        path = pki.app_certificate(self.directory / (name + ".pem"), name,
                                   **options)
        self.app(client_id).certificates.append(
            Certificate.from_pem(path.read_text()))
        return str(path)

    def write_secret(self, secret: str, name: str = "client-secret") -> str:
        """A file with mode 0600 that holds a secret and a newline."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(secret + "\n")
        return str(path)

    @property
    def lifetime(self) -> int:
        """How long tokens live from now on, in seconds."""
        return self._tenant.lifetime

    @lifetime.setter
    def lifetime(self, seconds: int) -> None:
        self._tenant.lifetime = seconds

    def token(self, resource: str = "https://outlook.office365.com",
              client_id: str = CLIENT_ID) -> str:
        """An app-only token without asking the endpoint for it."""
        return self._tenant.app_token(self.app(client_id), resource, False)

    # ------------------------------------------------------- scenarios

    def scenario(self, name: str, mailbox: str | None = None,
                 **params) -> None:
        """Switch a scenario on; `times=N` for the next N occasions only,
        `after=N` to let N occasions pass first."""
        self.switchboard.add(scenario.build(name, mailbox, **params))

    def clear(self) -> None:
        """Switch all scenarios off."""
        self.switchboard.clear()

    # ------------------------------------------------------- records

    def _settled(self) -> Records:
        self.smtp.settle()
        return self.records

    def messages(self) -> list[Message]:
        return self._settled().messages()

    def commands(self) -> list[tuple[str, str]]:
        return self._settled().commands()

    def sessions(self) -> list[dict]:
        return self._settled().sessions()

    def violations(self) -> list[tuple[str, str]]:
        return self._settled().violations()

    def token_requests(self) -> list[dict]:
        return self.records.token_requests()

    def peak_connections(self, mailbox: str | None = None) -> int:
        """Most connections that were authenticated at the same time."""
        return self.smtp.peak[mailbox or self.mailbox]

    def peak_open(self) -> int:
        """Most connections that were open at the same time, whoever closed
        them first."""
        return self.smtp.peak_open

    def reset(self) -> None:
        """Forget all records; scenarios stay as they are."""
        self.smtp.settle()
        self.recorder.reset()
        self.smtp.peak.clear()
        self.smtp.peak_open = 0

    # ------------------------------------------------------- config

    def write_config(self, path=None, extra_top: str = "",
                     extra_app: str = "", extra_account: str = "",
                     **changes) -> str:
        """Write a complete mailbearer.conf and return its path.

        `changes` are config keys with _ for -; a key goes into the block
        that it belongs to, None leaves it out, a list becomes one.
        """
        top = {"ca-file": self.ca_file}
        app = {"tenant": self.tenant, "client-id": self.client_id,
               "client-secret-file": self.secret_file,
               "authority": self.authority}
        account = {"app": "contoso", "mailbox": self.mailbox,
                   "host": "localhost", "port": self.smtp_port}
        for name, value in changes.items():
            name = name.replace("_", "-")
            block = top if name in TOP_KEYS else app if name in APP_KEYS \
                else account
            block[name] = value
        text = config_lines(top, extra_top, "") \
            + 'app "contoso" {\n' + config_lines(app, extra_app) + "}\n" \
            + 'account "alerts" {\n' + config_lines(account, extra_account) \
            + "}\n"
        path = Path(path or self.directory / "mailbearer.conf")
        path.touch(mode=0o640)
        path.write_text(text)
        return str(path)


def config_lines(settings: dict, extra: str, indent: str = "    ") -> str:
    lines = ["%s = %s" % (name, config_value(value))
             for name, value in settings.items() if value is not None]
    lines += extra.splitlines()
    return "".join(indent + line + "\n" for line in lines)


def config_value(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(map(config_value, value)) + "}"
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"')
