"""HTTP around the token service: Entra over TLS, managed identity without.
"""

import email.utils
import re
import secrets
import socket
import ssl
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .entra import Answer, Refusal, TokenService, parse_form, recordable, \
    sha256
from .tenant import OUTLOOK, RESOURCES

FORM_LIMIT = 65536


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
        self._keep_waiting(facts)
        stay_silent, fault = self._faults(request_id,
                                         form.get("client_id", ""))
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

    def _keep_waiting(self, facts: dict) -> None:
        """Scenarios in which the test, or the mail server, says when."""
        board = self.service.tenant.switchboard
        if not board.meet():
            facts["violations"].append("asked for a token, and nobody has got "
                                       "to EHLO under TLS")
        while board.get("held") and not self.server.stopping.is_set():
            self.service.held.set()
            self.server.stopping.wait(0.02)
        self.service.held.clear()

    def _faults(self, request_id: str,
                client: str) -> tuple[bool, Answer | None]:
        """(no answer at all, answer instead) of the scenarios that are on."""
        board = self.service.tenant.switchboard
        if board.at("token", client, ("close",)):
            return True, None
        if board.at("token", client, ("hang",)):
            self.server.stopping.wait(3600)
            return True, None
        slow = board.get("slow", client)
        if slow:
            self.server.stopping.wait(slow.number("seconds"))
        return False, self.service.planned_fault(request_id, client)

    def _send(self, answer: Answer, request_id: str) -> None:
        self.send_response(answer.status)
        headers = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache",
                   "Content-Type": answer.content_type,
                   "Content-Length": str(len(answer.body) + answer.missing),
                   "x-ms-request-id": str(uuid.uuid4()), **answer.headers}
        if "client-request-id" in self.headers:
            headers["client-request-id"] = request_id
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = self.close_connection or answer.missing > 0


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
        stay_silent, fault = self._faults(request_id,
                                         query.get("client_id", ""))
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
        seconds = tenant.token_lifetime(app)
        ends = int(tenant.now()) + seconds
        return Answer.json(200, {
            "access_token": token, "client_id": app.client_id,
            "expires_in": str(seconds), "expires_on": str(ends),
            "ext_expires_in": str(seconds), "not_before": str(ends - seconds),
            "resource": resource, "token_type": "Bearer"})
