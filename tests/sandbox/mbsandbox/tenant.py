"""The imitated tenant: its mailboxes, its apps, and the tokens it issues.

Both services share one `Tenant`: Entra signs a token with the tenant's key
and Exchange verifies it with the same key, so a token that passes here
passed on its signature and claims and not on being remembered.
"""

import fnmatch
import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass, field

from . import jwt, pki
from .scenario import Switchboard

OUTLOOK = "https://outlook.office365.com"
GRAPH = "https://graph.microsoft.com"
# What Exchange takes as `aud` (exchange-online.md 2.1, check 3).
EXCHANGE_AUDIENCES = (OUTLOOK, "https://outlook.office.com",
                      "https://outlook.office365.us")
# Resources that Entra knows here; all others are AADSTS500011.
RESOURCES = EXCHANGE_AUDIENCES + (GRAPH, "https://ps.outlook.com",
                                  "https://communication.azure.com")
OTHER_TENANT_ID = "99999999-8888-4777-8666-555555555555"


def stable_uuid(name: str) -> str:
    """A UUID that is the same in every run, for readable records."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name + ".sandbox.invalid"))


@dataclass
class Mailbox:
    """One mailbox of the tenant."""
    address: str
    proxy_addresses: list = field(default_factory=list)
    send_as: list = field(default_factory=list)
    full_access: bool = True       # the apps' Add-MailboxPermission
    password: str = ""             # for AUTH LOGIN; none: Basic is off
    shared: bool = False           # others' delegated tokens may open it
    rbac_apps: list = field(default_factory=list)  # client ids, facts 6.3
    recipient_limit: int = 500

    def may_send_as(self, address: str) -> bool:
        """`send_as` may have patterns, such as *@contoso.com."""
        own = [self.address, *self.proxy_addresses, *self.send_as]
        return any(fnmatch.fnmatchcase(address.lower(), one.lower())
                   for one in own)


@dataclass
class Certificate:
    """A certificate that is registered on an app."""
    pem: str
    key: jwt.PublicKey
    sha1: bytes
    sha256: bytes

    @classmethod
    def from_pem(cls, pem: str) -> "Certificate":
        return cls(pem, jwt.PublicKey.from_pem(pki.public_key_pem(pem)),
                   pki.thumbprint(pem, "sha1"), pki.thumbprint(pem, "sha256"))


@dataclass
class App:
    """An app registration with its service principal."""
    client_id: str
    secrets: list = field(default_factory=list)
    expired_secrets: list = field(default_factory=list)
    certificates: list = field(default_factory=list)
    roles: list = field(default_factory=lambda: ["SMTP.SendAsApp"])
    federated: list = field(default_factory=list)  # accepted assertion texts
    public: bool = False           # device code without a credential
    disabled: bool = False         # 7000112
    registered: bool = True        # New-ServicePrincipal was run in Exchange
    exchange_object_id: str = ""   # with this id, and not the right one

    @property
    def object_id(self) -> str:
        return stable_uuid("sp-" + self.client_id)


class Tenant:
    """Mailboxes, apps and the signing key of one tenant."""

    def __init__(self, domain: str, key: jwt.PrivateKey,
                 switchboard: Switchboard):
        self.domain = domain
        self.id = stable_uuid(domain)
        self.display_name = "Contoso"
        self.key = key
        self.key_id = jwt.b64url(hashlib.sha1(
            b"%x" % key.public.modulus).digest())
        self.switchboard = switchboard
        self.lifetime = 3599
        self.mailboxes: dict[str, Mailbox] = {}
        self.apps: dict[str, App] = {}

    def now(self) -> float:
        """The service's clock, which is not always the client's."""
        skew = self.switchboard.get("clock_skew")
        return time.time() + (skew.number("seconds") if skew else 0)

    def is_called(self, name: str) -> bool:
        return name.lower() in (self.domain.lower(), self.id)

    def mailbox(self, address: str) -> Mailbox | None:
        return self.mailboxes.get(address.lower())

    def find_app(self, client_id: str) -> App | None:
        return self.apps.get(client_id.lower())

    def app_token(self, app: App, resource: str, by_certificate: bool,
                  managed: bool = False) -> str:
        """An app-only token with the claims of exchange-online.md 8.3."""
        board = self.switchboard
        if board.get("opaque_token", app.client_id):
            return "EwB" + secrets.token_urlsafe(1200)
        claims = self._common_claims(app, resource)
        claims.update({
            "app_displayname": "mailbearer sandbox", "appid": app.client_id,
            "appidacr": "2" if by_certificate or managed else "1",
            "idp": claims["iss"], "idtyp": "app", "oid": app.object_id,
            "sub": app.object_id})
        if claims["aud"] in EXCHANGE_AUDIENCES and app.roles \
                and not board.get("no_roles", app.client_id):
            claims["roles"] = list(app.roles)
        return self._sign(claims)

    def user_token(self, app: App, user: str, resource: str,
                   scopes: str) -> str:
        """A delegated token: `upn` and `scp` in the place of `roles`."""
        claims = self._common_claims(app, resource)
        claims.update({
            "acct": 0, "acr": "1", "amr": ["pwd", "mfa"],
            "app_displayname": "mailbearer sandbox", "appid": app.client_id,
            "appidacr": "0" if app.public else "1", "ipaddr": "127.0.0.1",
            "name": user.partition("@")[0], "oid": stable_uuid(user),
            "scp": scopes, "sub": secrets.token_urlsafe(32),
            "unique_name": user, "upn": user})
        return self._sign(claims)

    def token_lifetime(self, app: App) -> int:
        short = self.switchboard.get("short_lifetime", app.client_id)
        return int(short.number("seconds")) if short else self.lifetime

    def _common_claims(self, app: App, resource: str) -> dict:
        board = self.switchboard
        if board.get("wrong_audience", app.client_id):
            resource = GRAPH
        tenant = OTHER_TENANT_ID \
            if board.get("other_tenant", app.client_id) else self.id
        now = int(self.now())
        ends = now - 60 if board.get("expired_token", app.client_id) \
            else now + self.token_lifetime(app)
        # Entra dates its tokens five minutes back, so that a server whose
        # clock is behind takes them.
        begins = min(now, ends) - 300
        return {"aud": resource, "iss": "https://sts.windows.net/%s/" % tenant,
                "iat": begins, "nbf": begins, "exp": ends,
                "aio": secrets.token_urlsafe(300),
                "rh": "1." + secrets.token_urlsafe(48) + ".",
                "sid": str(uuid.uuid4()), "tid": tenant,
                "uti": secrets.token_urlsafe(16), "ver": "1.0",
                "wids": ["0997a1d0-0d1d-4acb-b408-d5ca73121e90"],
                "xms_ftd": secrets.token_urlsafe(48), "xms_idrel": "7 24",
                "xms_rd": secrets.token_urlsafe(60)}

    def _sign(self, claims: dict) -> str:
        header = {"typ": "JWT", "nonce": secrets.token_urlsafe(32),
                  "alg": "RS256", "x5t": self.key_id, "kid": self.key_id}
        return jwt.encode(header, claims, self.key)

    def judge(self, text: str, user: str, hve: bool = False) -> str:
        """Why Exchange refuses this token for this XOAUTH2 user; "" if it
        does not.  The order is that of exchange-online.md 2.1."""
        try:
            token = jwt.decode(text)
        except jwt.BadToken as error:
            return "malformed token: %s" % error
        claims, now = token.claims, self.now()
        if token.header.get("alg") != "RS256" or \
                token.header.get("kid") != self.key_id or \
                not self.key.public.verify("RS256", token.signed,
                                           token.signature):
            return "bad signature"
        if now >= claims["exp"]:
            return "expired token"
        if now < claims["nbf"]:
            return "token not valid yet"
        if claims["aud"] not in EXCHANGE_AUDIENCES:
            return "wrong audience %s" % claims["aud"]
        if claims["tid"] != self.id:
            return "wrong tenant %s" % claims["tid"]
        mailbox = self.mailbox(user)
        if mailbox is None:
            return "no mailbox %s" % user
        if "upn" in claims:
            return self._judge_delegated(claims, mailbox)
        return self._judge_app(claims, mailbox, hve)

    @staticmethod
    def _judge_delegated(claims: dict, mailbox: Mailbox) -> str:
        if "SMTP.Send" not in claims.get("scp", "").split():
            return "scp has no SMTP.Send"
        if claims["upn"].lower() != mailbox.address.lower() \
                and not mailbox.shared:
            return "token of another user %s" % claims["upn"]
        return ""

    def _judge_app(self, claims: dict, mailbox: Mailbox, hve: bool) -> str:
        app = self.find_app(claims["appid"])
        if app is None or not app.registered \
                or claims["oid"] != (app.exchange_object_id
                                     or app.object_id):
            return "service principal not registered in Exchange"
        wanted = "Mail.Send" if hve else "SMTP.SendAsApp"
        if wanted in claims.get("roles", ()):
            return ""
        if not claims.get("roles") and app.client_id in mailbox.rbac_apps:
            return ""
        return "no role %s" % wanted
