"""The token endpoints: Entra v2.0 over HTTPS, managed identity over HTTP.

What is checked and how errors read follows entra-tokens.md sections 1 and 3
and exchange-online.md section 8.  Where those are silent the stricter
reading is taken.
"""

import base64
import email.utils
import hashlib
import hmac
import json
import re
import secrets
import socket
import ssl
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import jwt
from .record import Recorder
from .scenario import Active
from .tenant import OUTLOOK, RESOURCES, App, Tenant

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SECRET_FIELDS = ("client_secret", "client_assertion", "refresh_token",
                 "device_code")
FORM_LIMIT = 65536

# AADSTS number -> (HTTP status, error, description).
ERRORS = {
    50013: (401, "invalid_client", "Assertion failed replay check: the "
            "assertion with this jti was presented before."),
    50027: (401, "invalid_client", "JWT token is invalid or malformed."),
    53003: (400, "invalid_grant", "Access has been blocked by Conditional "
            "Access policies. The access policy does not allow token "
            "issuance."),
    65001: (400, "invalid_grant", "The user or administrator has not "
            "consented to use the application with ID '{app}'. Send an "
            "interactive authorization request for this user and resource."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported "
            "grant type '{grant}'."),
    70008: (400, "invalid_grant", "The provided authorization code or "
            "refresh token has expired due to inactivity. Send a new "
            "interactive authorization request for this user and resource."),
    70011: (400, "invalid_scope", "The provided request must include a "
            "'scope' input parameter. The provided value for the input "
            "parameter 'scope' is not valid. The scope {scope} is not "
            "valid."),
    70016: (400, "authorization_pending", "OAuth 2.0 device flow error. "
            "Authorization is pending. Continue polling."),
    70018: (400, "bad_verification_code", "Invalid verification code due to "
            "User typing in wrong user code for device code flow."),
    70020: (400, "expired_token", "The provided value for the input "
            "parameter 'device_code' is not valid. This device code has "
            "expired."),
    90002: (400, "invalid_request", "Tenant '{tenant}' not found. Check to "
            "make sure you have the correct tenant ID and are signing into "
            "the correct cloud. Check with your subscription administrator, "
            "this may happen if there are no active subscriptions for the "
            "tenant."),
    90033: (503, "temporarily_unavailable", "A transient error has occurred. "
            "Please try again."),
    90055: (429, "temporarily_unavailable", "Tenant throttled: too many "
            "requests were sent."),
    50196: (400, "invalid_grant", "The server terminated an operation "
            "because it encountered a client request loop. Please contact "
            "your app vendor."),
    500011: (400, "invalid_resource", "The resource principal named {scope} "
             "was not found in the tenant named {name}. This can happen if "
             "the application has not been installed by the administrator of "
             "the tenant or consented to by any user in the tenant. You "
             "might have sent your authentication request to the wrong "
             "tenant."),
    700016: (400, "unauthorized_client", "Application with identifier "
             "'{app}' was not found in the directory '{name}'. This can "
             "happen if the application has not been installed by the "
             "administrator of the tenant or consented to by any user in the "
             "tenant. You may have sent your authentication request to the "
             "wrong tenant."),
    700021: (401, "invalid_client", "Client assertion application identifier "
             "doesn't match 'client_id' parameter."),
    700023: (401, "invalid_client", "Client assertion audience claim does "
             "not match Realm issuer."),
    700024: (401, "invalid_client", "Client assertion is not within its "
             "valid time range. Current time: {now}, assertion valid from "
             "{begins}, expiry time of assertion {ends}."),
    700027: (401, "invalid_client", "The certificate with identifier used to "
             "sign the client assertion is not registered on application. "
             "[Reason - {reason}, Thumbprint of key used by client: "
             "'{thumbprint}', Please visit the Azure Portal, Graph Explorer "
             "or directly use MS Graph to see configured keys for app Id "
             "'{app}'.]"),
    700082: (400, "invalid_grant", "The refresh token has expired due to "
             "inactivity. The token was inactive for 90.00:00:00."),
    900144: (400, "invalid_request", "The request body must contain the "
             "following parameter: '{parameter}'."),
    900561: (400, "invalid_request", "The endpoint only accepts POST "
             "requests. Received a {method} request."),
    1002012: (400, "invalid_scope", "The provided value for scope {scope} is "
              "not valid. Client credential flows must have a scope value "
              "with /.default suffixed to the resource identifier "
              "(application ID URI)."),
    5002730: (400, "invalid_request", "Invalid JWT token. Unsupported key "
              "for the signing algorithm."),
    7000112: (400, "unauthorized_client", "Application '{app}'(mailbearer "
              "sandbox) is disabled."),
    7000215: (401, "invalid_client", "Invalid client secret provided. Ensure "
              "the secret being sent in the request is the client secret "
              "value, not the client secret ID, for a secret added to app "
              "'{app}'."),
    7000218: (401, "invalid_client", "The request body must contain the "
              "following parameter: 'client_assertion' or 'client_secret'."),
    7000222: (401, "invalid_client", "The provided client secret keys for "
              "app '{app}' are expired. Visit the Azure portal to create new "
              "keys for your app: https://aka.ms/NewClientSecret, or "
              "consider using certificate credentials for added security: "
              "https://aka.ms/certCreds."),
    9000411: (400, "invalid_request", "The request is not properly "
              "formatted. The parameter '{parameter}' is duplicated."),
    9001023: (400, "invalid_request", "The grant type is not supported over "
              "the /common or /consumers endpoints. Please use the "
              "/organizations or tenant-specific endpoint."),
}


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

    def success(self, token: str, extra: dict | None = None) -> Answer:
        board = self.tenant.switchboard
        seconds = self.tenant.token_lifetime()
        content = {"token_type": "Bearer", "expires_in": seconds,
                   "ext_expires_in": seconds, **(extra or {}),
                   "access_token": token}
        override = board.get("expires_in")
        if override:
            content["expires_in"] = int(override.number("seconds"))
        refresh = board.get("refresh_in")
        if refresh:
            content["refresh_in"] = int(refresh.number("seconds"))
        if board.get("string_numbers"):
            content.update({name: str(value) for name, value
                            in content.items() if isinstance(value, int)})
        if board.get("no_expires"):
            del content["expires_in"], content["ext_expires_in"]
        return Answer.json(200, content)

    def planned_fault(self, request_id: str) -> Answer | None:
        """The answer of a scenario that is on, instead of a token."""
        board = self.tenant.switchboard
        for name in ("error", "token_error"):
            fault = board.get(name)
            if fault:
                return self.error(Refusal(int(fault.get("code")),
                                          app="unknown"), request_id)
        fault = board.at("token", names=("garbage", "truncated", "huge",
                                         "redirect", "reply") + HTTP_FAULTS)
        return self._fault_answer(fault) if fault else None

    @staticmethod
    def _fault_answer(fault: Active) -> Answer:
        html = "text/html; charset=utf-8"
        if fault.name == "garbage":
            return Answer(200, b"<!DOCTYPE html>\n<html><head><title>Sign in "
                          b"to the proxy</title></head><body>\xff</body>"
                          b"</html>\n", html)
        if fault.name == "truncated":
            return Answer(200, b'{"token_type":"Bearer","expires_in":3599,'
                          b'"access_token":"eyJ0eXAiOiJKV1QiLCJub25')
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
        return self.success(token)

    def _default_scope(self, scope: str) -> str:
        """The resource of `RESOURCE/.default`, the only scope of this grant."""
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
        if algorithm == "PS256" and self.tenant.switchboard.get("no_ps256"):
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
        return self.success(token, extra)

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


HTTP_FAULTS = tuple("http_%d" % status for status in range(300, 600))


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


class HttpServer(ThreadingHTTPServer):
    """A threading server that wraps TLS in the connection's own thread, so
    that one slow handshake holds up nobody."""

    daemon_threads = True
    request_queue_size = 512
    context_for = None             # () -> SSLContext, None for plain HTTP

    def __init__(self, port: int, handler, service):
        self.service = service
        self.stopping = threading.Event()
        self._killers: dict[int, socket.socket] = {}
        super().__init__(("127.0.0.1", port), handler)

    @property
    def port(self) -> int:
        return self.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.1,),
                         daemon=True).start()

    def finish_request(self, request, client_address):
        killer = request.dup()     # a handle to wake the thread with
        self._killers[id(killer)] = killer
        try:
            request.settimeout(60)
            if self.context_for:
                request = self.context_for().wrap_socket(request,
                                                         server_side=True)
            super().finish_request(request, client_address)
        except (OSError, ssl.SSLError, ValueError):
            pass                   # the client went away; nothing to say
        finally:
            self._killers.pop(id(killer), None)
            killer.close()
            request.close()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        for killer in list(self._killers.values()):
            try:
                killer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Handler(BaseHTTPRequestHandler):
    """HTTP for the Entra endpoints."""

    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    service: TokenService

    def setup(self):
        super().setup()
        self.service = self.server.service

    def log_message(self, *arguments):
        """Requests are recorded, not printed."""

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(timestamp or self.service.tenant.now(),
                                      usegmt=True)

    def do_GET(self):
        self._handle("GET")

    def do_POST(self):
        self._handle("POST")

    def _handle(self, method: str) -> None:
        request_id = self.headers.get("client-request-id") or str(uuid.uuid4())
        facts = {"method": method, "path": self.path,
                 "headers": {name.lower(): "(recorded as sha256) "
                             + sha256(value)
                             if name.lower() in ("authorization",
                                                 "x-identity-header")
                             else value
                             for name, value in self.headers.items()},
                 "form": {}, "violations": []}
        try:
            answer = self._route(method, request_id, facts)
        except Refusal as refusal:
            answer = self.service.error(refusal, request_id)
            facts["aadsts"] = refusal.code
        if answer is None:
            facts["status"] = 0
            self._record(facts)
            self.close_connection = True
            return
        facts["status"] = answer.status
        self._record(facts)
        self._send(answer, request_id)

    def _record(self, facts: dict) -> None:
        if "/discovery/" in facts["path"]:
            return
        facts["form"] = recordable(facts["form"], "authenticated" in facts
                                   or "token" in facts)
        recorder = self.service.recorder
        recorder.append("token-requests", **facts)
        for text in facts["violations"]:
            recorder.violation("token endpoint", text)

    def _route(self, method: str, request_id: str,
               facts: dict) -> Answer | None:
        path = urllib.parse.urlsplit(self.path)
        facts["tenant"] = path.path.split("/")[1]
        body = self._read_body()
        match = re.fullmatch(r"/([^/]+)/(oauth2/v2\.0/token"
                             r"|oauth2/v2\.0/devicecode"
                             r"|discovery/v2\.0/keys)", path.path)
        if not match:
            return Answer(404, b"Not Found", "text/plain")
        tenant_name, what = match.groups()
        if what == "discovery/v2.0/keys":
            return self.service.keys()
        if method != "POST":
            raise Refusal(900561, method=method)
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind.lower() != "application/x-www-form-urlencoded":
            raise Refusal(900144, parameter="grant_type")
        facts["form"] = form = parse_form(body.decode("latin-1"))
        stay_silent, fault = self._faults(request_id)
        if stay_silent or fault:
            return fault
        if what == "oauth2/v2.0/devicecode":
            return self.service.devicecode(tenant_name, form)
        return self.service.token(tenant_name, form,
                                  self.headers.get("Authorization", ""), facts)

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > FORM_LIMIT:
            self.close_connection = True
            return b""
        return self.rfile.read(int(length))

    def _faults(self, request_id: str) -> tuple[bool, Answer | None]:
        """(no answer at all, answer instead) of the scenarios that are on."""
        board = self.service.tenant.switchboard
        if board.at("token", names=("close",)):
            return True, None
        if board.at("token", names=("hang",)):
            self.server.stopping.wait(3600)
            return True, None
        slow = board.get("slow")
        if slow:
            self.server.stopping.wait(slow.number("seconds"))
        return False, self.service.planned_fault(request_id)

    def _send(self, answer: Answer, request_id: str) -> None:
        self.send_response(answer.status)
        headers = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache",
                   "Content-Type": answer.content_type,
                   "Content-Length": str(len(answer.body)),
                   "x-ms-request-id": str(uuid.uuid4()), **answer.headers}
        if "client-request-id" in self.headers:
            headers["client-request-id"] = request_id
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)


class IdentityHandler(Handler):
    """The managed identity endpoints (entra-tokens.md 1.5), plain HTTP.

    On real machines they live at three addresses.  Here they share a port:
    the api-version tells IMDS (2018-02-01) from Azure Arc (2020-06-01), the
    path /msi/token is App Service.
    """

    def _route(self, method: str, request_id: str,
               facts: dict) -> Answer | None:
        path = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(path.query))
        facts.update(tenant="", query=query)
        self._read_body()
        stay_silent, fault = self._faults(request_id)
        if stay_silent or fault:
            return fault
        if method != "GET":
            return self._bad("invalid_request", "use GET", 405)
        version = query.get("api-version")
        if path.path == "/msi/token" and version == "2019-08-01":
            return self._app_service(query, facts)
        if path.path != "/metadata/identity/oauth2/token":
            return Answer(404, b"Not Found", "text/plain")
        if self.headers.get("Metadata") != "true":
            return self._bad("bad_request_102",
                             "Required metadata header not specified")
        if "X-Forwarded-For" in self.headers or "Via" in self.headers:
            return self._bad("bad_request_101", "no proxy may be used", 403)
        if version == "2020-06-01":
            return self._arc(query, facts)
        if version == "2018-02-01":
            return self._token(query, facts)
        return self._bad("bad_request_100", "unknown api-version")

    @staticmethod
    def _bad(error: str, text: str, status: int = 400) -> Answer:
        return Answer.json(status, {"error": error, "error_description": text})

    def _app_service(self, query: dict, facts: dict) -> Answer:
        if self.headers.get("X-IDENTITY-HEADER") != \
                self.server.identity_header:
            return self._bad("unauthorized", "wrong X-IDENTITY-HEADER", 401)
        return self._token(query, facts)

    def _arc(self, query: dict, facts: dict) -> Answer:
        """401 names a file that only members of himds may read; its content
        is the password of the second request."""
        path = self.server.arc_key_file
        given = self.headers.get("Authorization", "")
        expected = path.read_text() if path.exists() else None
        if expected and given == "Basic " + expected:
            path.unlink()
            return self._token(query, facts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_urlsafe(48))
        answer = self._bad("unauthorized", "Missing Basic Authorization "
                           "header", 401)
        answer.headers["WWW-Authenticate"] = "Basic realm=%s" % path
        return answer

    def _token(self, query: dict, facts: dict) -> Answer:
        tenant = self.service.tenant
        client_id = query.get("client_id", self.server.identity_client_id)
        app = tenant.find_app(client_id)
        resource = query.get("resource", "")
        if app is None:
            return self._bad("invalid_request", "Identity not found")
        if resource not in RESOURCES:
            return self._bad("invalid_resource", "AADSTS500011: The resource "
                             "principal named %s was not found in the tenant."
                             % (resource or OUTLOOK))
        token = tenant.app_token(app, resource, False, managed=True)
        facts["token"] = sha256(token)
        seconds = tenant.token_lifetime()
        ends = int(tenant.now()) + seconds
        return Answer.json(200, {
            "access_token": token, "client_id": app.client_id,
            "expires_in": str(seconds), "expires_on": str(ends),
            "ext_expires_in": str(seconds), "not_before": str(ends - seconds),
            "resource": resource, "token_type": "Bearer"})
