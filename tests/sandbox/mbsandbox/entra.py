"""The token service: what Entra v2.0 decides; web.py carries it.

What is checked and how errors read follows entra-tokens.md sections 1 and 3
and exchange-online.md section 8.  Where those are silent the stricter
reading is taken.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field

from . import jwt
from .aadsts import ERRORS
from .record import Recorder
from .scenario import Active
from .tenant import RESOURCES, App, Tenant

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BODY_FAULTS = ("garbage", "truncated", "cut", "huge", "redirect", "reply")
HTTP_FAULTS = tuple("http_%d" % status for status in range(300, 600))
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SECRET_FIELDS = ("client_secret", "client_assertion", "refresh_token",
                 "device_code")


class Refusal(Exception):
    """An AADSTS error, and what its text needs."""

    def __init__(self, code: int, **words):
        super().__init__(code)
        self.code = code
        self.words = words


@dataclass
class Answer:
    """An HTTP answer."""
    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict = field(default_factory=dict)
    missing: int = 0               # octets that are promised and not sent

    @classmethod
    def json(cls, status: int, content: dict) -> "Answer":
        return cls(status, json.dumps(content, separators=(",", ":")).encode())


@dataclass
class DeviceCode:
    """A device code that waits for its user."""
    client_id: str
    scope: str
    user_code: str
    ends: float
    interval: float
    polled: float = 0.0
    user: str = ""
    declined: bool = False


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class TokenService:
    """What the endpoints decide; the HTTP below only carries it."""

    def __init__(self, tenant: Tenant, recorder: Recorder):
        self.tenant = tenant
        self.recorder = recorder
        self.base = ""                     # https://localhost:PORT
        self.device_interval = 5.0
        self.rotate_refresh_tokens = True
        self.held = threading.Event()      # a request waits: scenario held
        self._lock = threading.Lock()
        self._assertion_ids: set[str] = set()
        self._refresh_tokens: dict[str, tuple[str, str, str]] = {}
        self._device_codes: dict[str, DeviceCode] = {}

    # ------------------------------------------------------- answers

    def error(self, refusal: Refusal, request_id: str) -> Answer:
        """Entra's error object, field by field (facts 8.2)."""
        code = refusal.code
        status, error, text = ERRORS.get(
            code, (400, "invalid_request", "The request was refused."))
        words = dict.fromkeys(re.findall(r"\{(\w+)\}", text), "unknown")
        words.update(name=self.tenant.display_name, **refusal.words)
        stamp = time.strftime("%Y-%m-%d %H:%M:%SZ",
                              time.gmtime(self.tenant.now()))
        trace = str(uuid.uuid4())
        description = ("AADSTS%d: %s Trace ID: %s Correlation ID: %s "
                       "Timestamp: %s" % (code, text.format(**words), trace,
                                          request_id, stamp))
        return Answer.json(status, {
            "error": error, "error_description": description,
            "error_codes": [code], "timestamp": stamp, "trace_id": trace,
            "correlation_id": request_id,
            "error_uri": "https://login.microsoftonline.com/error?code=%d"
                         % code})

    def success(self, app: App, token: str,
                extra: dict | None = None) -> Answer:
        board = self.tenant.switchboard
        seconds = self.tenant.token_lifetime(app)
        content = {"token_type": "Bearer", "expires_in": seconds,
                   "ext_expires_in": seconds, **(extra or {}),
                   "access_token": token}
        override = board.get("expires_in", app.client_id)
        if override:
            content["expires_in"] = int(override.number("seconds"))
        refresh = board.get("refresh_in", app.client_id)
        if refresh:
            content["refresh_in"] = int(refresh.number("seconds"))
        if board.get("string_numbers", app.client_id):
            content.update({name: str(value) for name, value
                            in content.items() if isinstance(value, int)})
        if board.get("no_expires", app.client_id):
            del content["expires_in"], content["ext_expires_in"]
        return Answer.json(200, content)

    def planned_fault(self, request_id: str, client: str) -> Answer | None:
        """The answer of a scenario that is on, instead of a token."""
        board = self.tenant.switchboard
        for name in ("error", "token_error"):
            fault = board.get(name, client)
            if fault:
                return self.error(Refusal(int(fault.get("code")),
                                          app="unknown"), request_id)
        fault = board.at("token", client, BODY_FAULTS + HTTP_FAULTS)
        return self._fault_answer(fault) if fault else None

    @staticmethod
    def _fault_answer(fault: Active) -> Answer:
        html = "text/html; charset=utf-8"
        if fault.name == "garbage":
            return Answer(200, b"<!DOCTYPE html>\n<html><head><title>Sign in "
                          b"to the proxy</title></head><body>\xff</body>"
                          b"</html>\n", html)
        if fault.name in ("truncated", "cut"):
            answer = Answer(200, b'{"token_type":"Bearer","expires_in":3599,'
                            b'"access_token":"eyJ0eXAiOiJKV1QiLCJub25')
            answer.missing = 1500 if fault.name == "cut" else 0
            return answer
        if fault.name == "huge":
            size = int(fault.number("octets"))
            return Answer(200, b'{"access_token":"' + b"A" * size + b'"}')
        if fault.name == "redirect":
            return Answer(302, b"", html,
                          {"Location": fault.get("location")})
        if fault.name == "reply":
            status, _, body = fault.reply.partition(" ")
            return Answer(int(status), body.encode(), "text/plain")
        status = int(fault.name[5:])
        body = {429: b"Too Many Requests", 503: b"Service Unavailable"}
        answer = Answer(status, body.get(status, b"Status %d" % status),
                        "text/plain")
        if fault.get("retry_after"):
            answer.headers["Retry-After"] = fault.get("retry_after")
        return answer

    # ------------------------------------------------------- requests

    def token(self, tenant_name: str, form: dict, authorization: str,
              facts: dict) -> Answer:
        """POST /{tenant}/oauth2/v2.0/token"""
        grant = self._need(form, "grant_type")
        if tenant_name in ("common", "consumers", "organizations"):
            if grant == "client_credentials":
                raise Refusal(9001023)
        elif not self.tenant.is_called(tenant_name):
            raise Refusal(90002, tenant=tenant_name)
        if authorization.startswith("Basic "):
            form = {**form, **self._basic(authorization)}
        app = self._app(form)
        grants = {"client_credentials": self._client_credentials,
                  "refresh_token": self._refresh, DEVICE_GRANT: self._device}
        if grant not in grants:
            raise Refusal(70003, grant=grant)
        return grants[grant](app, form, tenant_name, facts)

    @staticmethod
    def _need(form: dict, name: str) -> str:
        if not form.get(name):
            raise Refusal(900144, parameter=name)
        return form[name]

    @staticmethod
    def _basic(authorization: str) -> dict:
        """RFC 6749 section 2.3.1: both parts are form-encoded first."""
        try:
            text = base64.b64decode(authorization[6:], validate=True).decode()
        except ValueError as error:
            raise Refusal(7000218) from error
        client, _, secret = text.partition(":")
        return {"client_id": urllib.parse.unquote_plus(client),
                "client_secret": urllib.parse.unquote_plus(secret)}

    def _app(self, form: dict) -> App:
        client_id = self._need(form, "client_id")
        app = self.tenant.find_app(client_id)
        if app is None:
            raise Refusal(700016, app=client_id)
        if app.disabled:
            raise Refusal(7000112, app=client_id)
        return app

    def _client_credentials(self, app: App, form: dict, tenant_name: str,
                            facts: dict) -> Answer:
        scope = self._need(form, "scope")
        by_certificate = self._authenticate(app, form, tenant_name, facts)
        facts["authenticated"] = True
        resource = self._default_scope(scope)
        token = self.tenant.app_token(app, resource, by_certificate)
        facts["token"] = sha256(token)
        return self.success(app, token)

    def _default_scope(self, scope: str) -> str:
        """The resource of `RESOURCE/.default`, this grant's only scope."""
        if len(scope.split()) > 1:
            raise Refusal(70011, scope=scope)
        if not scope.endswith("/.default"):
            raise Refusal(1002012, scope=scope)
        resource = scope[:-len("/.default")]
        if resource not in RESOURCES:
            raise Refusal(500011, scope=resource)
        return resource

    def _authenticate(self, app: App, form: dict, tenant_name: str,
                      facts: dict) -> bool:
        """Check the credential; True if it was an assertion."""
        secret, assertion = (form.get("client_secret"),
                             form.get("client_assertion"))
        if secret and assertion:
            facts["violations"].append("two credentials in one request")
        if assertion:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise Refusal(900144, parameter="client_assertion_type")
            if assertion in app.federated:
                return True
            self._check_assertion(app, assertion, tenant_name, facts)
            return True
        if not secret:
            raise Refusal(7000218)
        if any(hmac.compare_digest(secret.encode(), known.encode())
               for known in app.secrets):
            return False
        if secret in app.expired_secrets:
            raise Refusal(7000222, app=app.client_id)
        raise Refusal(7000215, app=app.client_id)

    def _check_assertion(self, app: App, text: str, tenant_name: str,
                         facts: dict) -> None:
        """private_key_jwt as entra-tokens.md 1.4 has it."""
        try:
            token = jwt.decode(text)
        except jwt.BadToken as error:
            raise Refusal(50027) from error
        header, claims = token.header, token.claims
        facts["assertion"] = {"header": header, "claims": claims}
        self._check_signature(app, token)
        if claims.get("iss") != app.client_id or \
                claims.get("sub") != app.client_id:
            raise Refusal(700021)
        if claims.get("aud") != "%s/%s/oauth2/v2.0/token" % (self.base,
                                                             tenant_name):
            raise Refusal(700023)
        self._check_times(claims, facts)
        self._check_once(claims, facts)
        if header.get("typ") != "JWT":
            facts["violations"].append("assertion header has no typ JWT")

    def _check_signature(self, app: App, token: jwt.Token) -> None:
        header = token.header
        algorithm = header.get("alg")
        name = {"PS256": "x5t#S256", "RS256": "x5t"}.get(algorithm)
        if name is None:
            raise Refusal(5002730)
        if algorithm == "PS256" and self.tenant.switchboard.get(
                "no_ps256", app.client_id):
            raise Refusal(5002730)
        # The two must not be mixed (entra-tokens.md 1.4).
        try:
            thumbprint = jwt.b64url_decode(header.get(name))
        except jwt.BadToken as error:
            raise Refusal(50027) from error
        words = {"app": app.client_id, "thumbprint": thumbprint.hex().upper()}
        for one in app.certificates:
            if thumbprint == (one.sha256 if algorithm == "PS256"
                              else one.sha1):
                if one.key.verify(algorithm, token.signed, token.signature):
                    return
                raise Refusal(700027, reason="The key was found, but use of "
                              "the key to verify the signature failed.",
                              **words)
        raise Refusal(700027, reason="The key was not found.", **words)

    def _check_times(self, claims: dict, facts: dict) -> None:
        now, begins, ends = (self.tenant.now(), claims.get("nbf"),
                             claims.get("exp"))
        if not isinstance(begins, int) or not isinstance(ends, int):
            raise Refusal(50027)
        stamps = {word: time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z",
                                      time.gmtime(at))
                  for word, at in (("now", now), ("begins", begins),
                                   ("ends", ends))}
        # Entra allows for five minutes of clock difference.
        if now < begins - 300 or now >= ends + 300:
            raise Refusal(700024, **stamps)
        if not 0 < ends - begins <= 600 + 60:
            facts["violations"].append("assertion lives %d s, 600 are enough"
                                       % (ends - begins))

    def _check_once(self, claims: dict, facts: dict) -> None:
        identifier = str(claims.get("jti", ""))
        if not identifier:
            raise Refusal(50027)
        with self._lock:
            known = identifier in self._assertion_ids
            self._assertion_ids.add(identifier)
        if known:
            facts["violations"].append("assertion was used twice")
            raise Refusal(50013)

    # ------------------------------------------------------- delegated

    def devicecode(self, tenant_name: str, form: dict) -> Answer:
        """POST /{tenant}/oauth2/v2.0/devicecode"""
        if tenant_name not in ("common", "organizations") and \
                not self.tenant.is_called(tenant_name):
            raise Refusal(90002, tenant=tenant_name)
        app = self._app(form)
        code = DeviceCode(app.client_id, self._need(form, "scope"),
                          secrets.token_hex(5).upper()[:9],
                          self.tenant.now() + 900, self.device_interval)
        approved = self.tenant.switchboard.get("device_approved")
        if approved:
            code.user = approved.get("user") or next(
                iter(self.tenant.mailboxes.values())).address
        name = "BAQABAAEAAAA" + secrets.token_urlsafe(64)
        with self._lock:
            self._device_codes[name] = code
        page = "https://microsoft.com/devicelogin"
        return Answer.json(200, {
            "user_code": code.user_code, "device_code": name,
            "verification_uri": page, "expires_in": 900,
            "interval": int(code.interval),
            "message": "To sign in, use a web browser to open the page %s "
                       "and enter the code %s to authenticate."
                       % (page, code.user_code)})

    def approve_device(self, user: str, user_code: str | None = None,
                       decline: bool = False) -> None:
        """Act as the user who enters the code (all waiting codes if none
        is named)."""
        with self._lock:
            for code in self._device_codes.values():
                if user_code in (None, code.user_code):
                    code.user, code.declined = user, decline

    def user_at_device(self, user: str, decline: bool = False,
                       seconds: float = 60) -> threading.Thread:
        """A user who acts once a client has asked whether he did.  The
        thread, started; it gives up after so many seconds."""
        def act() -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                with self._lock:
                    if any(code.polled for code in self._device_codes.values()):
                        break
                time.sleep(0.02)
            self.approve_device(user, decline=decline)
        thread = threading.Thread(target=act)
        thread.start()
        return thread

    def _device(self, app: App, form: dict, tenant_name: str,
                facts: dict) -> Answer:
        name = self._need(form, "device_code")
        self._authenticate_delegated(app, form, tenant_name, facts)
        now = self.tenant.now()
        with self._lock:
            code = self._device_codes.get(name)
            if code is None or code.client_id != app.client_id:
                raise Refusal(70018)
            early = now - code.polled < code.interval - 0.1
            code.polled = now
        if now >= code.ends:
            raise Refusal(70020)
        if early and code.polled and not code.user:
            facts["violations"].append("polled before the interval was over")
        if code.declined:
            return Answer.json(400, {"error": "authorization_declined"})
        if not code.user:
            raise Refusal(70016)
        with self._lock:
            self._device_codes.pop(name, None)
        return self._delegated_success(app, code.user, code.scope, facts)

    def _refresh(self, app: App, form: dict, tenant_name: str,
                 facts: dict) -> Answer:
        text = self._need(form, "refresh_token")
        scope = self._need(form, "scope")
        self._authenticate_delegated(app, form, tenant_name, facts)
        with self._lock:
            known = self._refresh_tokens.get(text)
            if known and self.rotate_refresh_tokens:
                del self._refresh_tokens[text]
        if known is None or known[0] != app.client_id:
            raise Refusal(700082)
        return self._delegated_success(app, known[1], scope, facts)

    def issue_refresh_token(self, client_id: str, user: str,
                            scope: str) -> str:
        """A refresh token as if `user` had signed in."""
        text = "1.A" + secrets.token_urlsafe(600)
        with self._lock:
            self._refresh_tokens[text] = (client_id, user, scope)
        return text

    def _authenticate_delegated(self, app: App, form: dict, tenant_name: str,
                                facts: dict) -> None:
        """A public client has no credential and must not send one."""
        if not app.public:
            self._authenticate(app, form, tenant_name, facts)
        elif form.get("client_secret") or form.get("client_assertion"):
            facts["violations"].append("credential sent for a public client")

    def _delegated_success(self, app: App, user: str, scope: str,
                           facts: dict) -> Answer:
        resource, names = "", []
        for one in scope.split():
            host, slash, name = one.rpartition("/")
            if slash:
                resource, names = host, names + [name]
        if resource not in RESOURCES:
            raise Refusal(70011, scope=scope)
        token = self.tenant.user_token(app, user, resource, " ".join(names))
        facts["token"] = sha256(token)
        extra = {"scope": scope}
        if "offline_access" in scope.split():
            extra["refresh_token"] = self.issue_refresh_token(
                app.client_id, user, scope)
        return self.success(app, token, extra)

    # ------------------------------------------------------- published

    def keys(self) -> Answer:
        """GET /{tenant}/discovery/v2.0/keys"""
        public = self.tenant.key.public

        def number(value: int) -> str:
            return jwt.b64url(value.to_bytes((value.bit_length() + 7) // 8,
                                             "big"))
        return Answer.json(200, {"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256",
            "kid": self.tenant.key_id, "x5t": self.tenant.key_id,
            "n": number(public.modulus), "e": number(public.exponent)}]})


def parse_form(text: str) -> dict:
    """application/x-www-form-urlencoded, strictly: no field twice, no
    broken escapes, nothing that had to be escaped and was not."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text) or \
            re.search(r"[^!-~]", text):
        raise Refusal(9000411, parameter="malformed")
    form: dict[str, str] = {}
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True,
                                              encoding="utf-8"):
        if name in form:
            raise Refusal(9000411, parameter=name)
        form[name] = value
    return form


def recordable(form: dict, correct: bool) -> dict:
    """The form without its secrets: their digest and whether they passed."""
    return {name: {"sha256": sha256(value), "correct": correct}
            if name in SECRET_FIELDS else value
            for name, value in form.items()}
