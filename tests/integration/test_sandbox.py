"""The sandbox, tested with clients that are not ours.

A test double that is wrong makes every test above it worthless, so it is
held against smtplib, urllib, curl, msmtp, swaks and openssl, and against
raw sockets where a rule has to be broken on purpose.

    python3 -m unittest discover -s tests/integration -p 'test_sandbox.py'
"""

import base64
import http.client
import json
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid
import warnings
from pathlib import Path

SANDBOX = Path(__file__).resolve().parent.parent / "sandbox"
sys.path.insert(0, str(SANDBOX))

from mbsandbox import Records, Sandbox, UnknownScenario  # noqa: E402
from mbsandbox import jwt, message, scenario  # noqa: E402

SCOPE = "https://outlook.office365.com/.default"
MESSAGE = (b"From: alerts@contoso.com\r\nTo: bob@example.net\r\n"
           b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
           b"Message-ID: <1@web1.contoso.com>\r\nSubject: hello\r\n\r\n"
           b"It works.\r\n")


def needs(program):
    return unittest.skipUnless(shutil.which(program),
                               "%s is not installed" % program)


def xoauth2(user, token):
    return "user=%s\1auth=Bearer %s\1\1" % (user, token)


class Raw:
    """A client that does what it is told, right or wrong."""

    def __init__(self, sandbox, greet=True):
        self.sandbox = sandbox
        self.socket = socket.create_connection(("127.0.0.1",
                                                sandbox.smtp_port), timeout=10)
        self.buffer = b""
        self.banner = self.reply() if greet else ""

    def reply(self):
        """One reply, its lines joined by LF; "" at the end."""
        lines = []
        while True:
            while b"\n" not in self.buffer:
                data = self.socket.recv(65536)
                if not data:
                    return ""
                self.buffer += data
            line, _, self.buffer = self.buffer.partition(b"\n")
            lines.append(line.decode("utf-8", "replace").rstrip("\r"))
            if lines[-1][3:4] != "-":
                return "\n".join(lines)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes)
                            else data.encode())

    def ask(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def tls(self, context=None):
        self.ask("EHLO web1.contoso.com")
        self.ask("STARTTLS")
        self.wrap(context)
        return self.ask("EHLO web1.contoso.com")

    def wrap(self, context=None):
        context = context or ssl.create_default_context(
            cafile=self.sandbox.ca_file)
        self.socket = context.wrap_socket(self.socket,
                                          server_hostname="localhost")

    def auth(self, user=None, token=None):
        blob = xoauth2(user or self.sandbox.mailbox,
                       token or self.sandbox.token())
        self.ask("AUTH XOAUTH2")
        return self.ask(base64.b64encode(blob.encode()).decode())

    def login(self, user=None):
        self.tls()
        return self.auth(user)

    def deliver(self, message=MESSAGE, sender=None,
                recipients=("bob@example.net",), options=""):
        """The reply after the data, or the first refusal."""
        lines = ["MAIL FROM:<%s>%s" % (sender or self.sandbox.mailbox,
                                       options)]
        lines += ["RCPT TO:<%s>" % one for one in recipients] + ["DATA"]
        self.send("".join(line + "\r\n" for line in lines))
        for reply in [self.reply() for _ in lines]:
            if reply[:1] not in ("2", "3"):
                return reply
        self.send(message + b".\r\n")
        return self.reply()

    def close(self):
        self.socket.close()


class Case(unittest.TestCase):
    """One sandbox per class, clean for every test."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.sandbox = Sandbox(cls.directory.name).start()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.stop()
        cls.directory.cleanup()

    def setUp(self):
        self.sandbox.clear()
        self.sandbox.reset()

    def raw(self, greet=True):
        client = Raw(self.sandbox, greet)
        self.addCleanup(client.close)
        return client

    def logged_in(self, user=None):
        client = self.raw()
        self.assertTrue(client.login(user).startswith("235 "))
        return client

    def context(self):
        return ssl.create_default_context(cafile=self.sandbox.ca_file)

    def post(self, form, url=None, headers=None):
        """(status, headers, body) of a POST; no redirect is followed."""
        data = form if isinstance(form, bytes) \
            else urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(url or self.sandbox.token_endpoint,
                                         data, headers or {})
        return self.open(request)

    def open(self, request):
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *arguments):
                return None
        opener = urllib.request.build_opener(
            Stay, urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=self.context()))
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def secret_form(self, **changes):
        form = {"grant_type": "client_credentials", "scope": SCOPE,
                "client_id": self.sandbox.client_id,
                "client_secret": self.sandbox.secret, **changes}
        return {name: value for name, value in form.items()
                if value is not None}

    def ask_token(self, **changes):
        status, _, body = self.post(self.secret_form(**changes))
        return status, json.loads(body)

    def assert_aadsts(self, code, status, error, answer):
        self.assertEqual((answer[0], answer[1]["error"],
                          answer[1]["error_codes"]), (status, error, [code]))
        self.assertRegex(answer[1]["error_description"],
                         r"^AADSTS%d: .+ Trace ID: [0-9a-f-]{36} "
                         r"Correlation ID: [0-9a-f-]{36} Timestamp: "
                         r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$" % code)


class TokenEndpoint(Case):
    """Entra as exchange-online.md section 8 has it."""

    def test_success(self):
        status, answer = self.ask_token()
        self.assertEqual(status, 200)
        self.assertEqual({**answer, "access_token": ""}, {
            "token_type": "Bearer", "expires_in": 3599,
            "ext_expires_in": 3599, "access_token": ""})
        self.assertGreaterEqual(len(answer["access_token"]), 1500)
        claims = jwt.decode(answer["access_token"]).claims
        self.assertEqual(claims["aud"], "https://outlook.office365.com")
        self.assertEqual(claims["roles"], ["SMTP.SendAsApp"])
        self.assertEqual(claims["appidacr"], "1")
        self.assertEqual(claims["sub"], claims["oid"])
        self.assertNotIn("upn", claims)
        for name in ("iss", "tid", "wids", "uti", "rh", "aio", "ver", "nbf",
                     "iat", "exp", "idp", "appid", "app_displayname"):
            self.assertIn(name, claims)

    def test_tenant_id_does_too(self):
        url = "%s/%s/oauth2/v2.0/token" % (self.sandbox.authority,
                                           self.sandbox.tenant_id)
        self.assertEqual(self.post(self.secret_form(), url)[0], 200)

    @needs("openssl")
    def test_openssl_verifies_the_signature(self):
        token = self.ask_token()[1]["access_token"]
        signed, _, signature = token.rpartition(".")
        url = "%s/%s/discovery/v2.0/keys" % (self.sandbox.authority,
                                             self.sandbox.tenant)
        (key,), = (json.loads(self.open(url)[2])["keys"],)
        self.assertEqual(jwt.decode(token).header["kid"], key["kid"])
        where = Path(tempfile.mkdtemp(dir=self.directory.name))
        (where / "signed").write_text(signed)
        (where / "signature").write_bytes(jwt.b64url_decode(signature))
        public = "asn1=SEQUENCE:key\n[key]\na=SEQUENCE:alg\n" \
            "b=BITWRAP,SEQUENCE:rsa\n[alg]\no=OID:rsaEncryption\nn=NULL\n" \
            "[rsa]\nn=INTEGER:0x%s\ne=INTEGER:0x%s\n" % tuple(
                jwt.b64url_decode(key[name]).hex() for name in ("n", "e"))
        (where / "key.cnf").write_text(public)
        subprocess.run(["openssl", "asn1parse", "-genconf",
                        where / "key.cnf", "-noout", "-out", where / "der"],
                       check=True, capture_output=True)
        done = subprocess.run(
            ["openssl", "dgst", "-sha256", "-verify", where / "der",
             "-keyform", "DER", "-signature", where / "signature",
             where / "signed"], capture_output=True, text=True)
        self.assertEqual(done.stdout.strip(), "Verified OK", done.stderr)

    def test_errors(self):
        for code, status, error, changes in (
                (7000215, 401, "invalid_client", {"client_secret": "no"}),
                (7000218, 401, "invalid_client", {"client_secret": None}),
                (700016, 400, "unauthorized_client",
                 {"client_id": str(uuid.uuid4())}),
                (900144, 400, "invalid_request", {"scope": None}),
                (900144, 400, "invalid_request", {"grant_type": None}),
                (70003, 400, "unsupported_grant_type",
                 {"grant_type": "password_"}),
                (1002012, 400, "invalid_scope",
                 {"scope": "https://outlook.office365.com/SMTP.Send"}),
                (70011, 400, "invalid_scope", {"scope": SCOPE + " openid"}),
                (500011, 400, "invalid_resource",
                 {"scope": "https://outlook.example/.default"})):
            with self.subTest(code=code, **changes):
                self.assert_aadsts(code, status, error,
                                   self.ask_token(**changes))

    def test_tenants(self):
        for tenant, code in (("nobody.example", 90002), ("common", 9001023)):
            url = "%s/%s/oauth2/v2.0/token" % (self.sandbox.authority, tenant)
            status, _, body = self.post(self.secret_form(), url)
            self.assert_aadsts(code, 400, "invalid_request",
                               (status, json.loads(body)))

    def test_app_states(self):
        self.sandbox.add_app("app-2", secret="s", disabled=True)
        self.sandbox.add_app("app-3", expired_secrets=["old"])
        self.assert_aadsts(7000112, 400, "unauthorized_client", self.ask_token(
            client_id="app-2", client_secret="s"))
        self.assert_aadsts(7000222, 401, "invalid_client", self.ask_token(
            client_id="app-3", client_secret="old"))

    def test_form_is_read_strictly(self):
        good = urllib.parse.urlencode(self.secret_form())
        raw = good.replace(urllib.parse.quote_plus(self.sandbox.secret),
                           self.sandbox.secret)
        for body in (good + "&scope=x", good + "&x=%zz", raw):
            self.assertNotEqual(self.post(body.encode())[0], 200, body)
        status, _, body = self.post(good.encode(), headers={
            "Content-Type": "application/json"})
        self.assertEqual((status, json.loads(body)["error_codes"]),
                         (400, [900144]))
        status, _, body = self.open(self.sandbox.token_endpoint)
        self.assertEqual((status, json.loads(body)["error_codes"]),
                         (400, [900561]))

    def test_http_basic(self):
        pair = "%s:%s" % tuple(map(urllib.parse.quote_plus, (
            self.sandbox.client_id, self.sandbox.secret)))
        status, _, _ = self.post(
            self.secret_form(client_id=None, client_secret=None), headers={
                "Authorization": "Basic "
                + base64.b64encode(pair.encode()).decode()})
        self.assertEqual(status, 200)

    def test_headers(self):
        name = str(uuid.uuid4())
        _, headers, _ = self.post(self.secret_form(), headers={
            "client-request-id": name})
        self.assertEqual(headers["client-request-id"], name)
        self.assertRegex(headers["Date"], r"\w{3}, \d\d \w{3} \d{4} .* GMT")
        _, _, body = self.post(self.secret_form(client_secret="no"), headers={
            "client-request-id": name})
        self.assertEqual(json.loads(body)["correlation_id"], name)

    def test_records_hold_no_secret(self):
        self.ask_token()
        self.ask_token(client_secret="wrong-one")
        for path in (Path(self.directory.name) / "record").glob("*.jsonl"):
            text = path.read_text()
            self.assertNotIn(json.dumps(self.sandbox.secret)[1:-1], text)
            self.assertNotIn("wrong-one", text)
        first, second = self.sandbox.token_requests()
        self.assertEqual((first["status"], second["status"]), (200, 401))
        self.assertTrue(first["form"]["client_secret"]["correct"])
        self.assertFalse(second["form"]["client_secret"]["correct"])
        self.assertEqual(second["aadsts"], 7000215)

    def test_many_at_once(self):
        results = []
        threads = [threading.Thread(target=lambda: results.append(
            self.ask_token()[0])) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [200] * 40)
        self.assertEqual(len(self.sandbox.token_requests()), 40)

    @needs("curl")
    def test_curl(self):
        fields = [("--data-urlencode", "%s=%s" % pair)
                  for pair in self.secret_form().items()]
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "--cacert", self.sandbox.ca_file]
            + [word for pair in fields for word in pair]
            + [self.sandbox.token_endpoint], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertIn("access_token", json.loads(done.stdout))


@needs("openssl")
class Assertions(Case):
    """private_key_jwt, signed by openssl and not by our own code."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pem = cls.sandbox.make_certificate("app")

    def openssl(self, *arguments, data=b""):
        return subprocess.run(("openssl",) + arguments, input=data, check=True,
                              capture_output=True).stdout

    def assertion(self, algorithm="PS256", pem=None, header=None, **claims):
        pem = pem or self.pem
        digest = "sha256" if algorithm == "PS256" else "sha1"
        der = self.openssl("x509", "-in", pem, "-outform", "DER")
        print_ = self.openssl("dgst", "-" + digest, "-binary", data=der)
        name = "x5t#S256" if algorithm == "PS256" else "x5t"
        now = int(time.time())
        claims = {"aud": self.sandbox.token_endpoint, "nbf": now,
                  "exp": now + 600, "jti": str(uuid.uuid4()),
                  "iss": self.sandbox.client_id,
                  "sub": self.sandbox.client_id, **claims}
        header = {"alg": algorithm, "typ": "JWT", name: jwt.b64url(print_),
                  **(header or {})}
        signed = ".".join(jwt.b64url(json.dumps(one).encode())
                          for one in (header, claims))
        pss = ("-sigopt", "rsa_padding_mode:pss", "-sigopt",
               "rsa_pss_saltlen:32") if algorithm == "PS256" else ()
        return signed + "." + jwt.b64url(self.openssl(
            "dgst", "-sha256", "-sign", pem, *pss, data=signed.encode()))

    def present(self, assertion, **changes):
        return self.ask_token(
            client_secret=None, client_assertion=assertion,
            client_assertion_type="urn:ietf:params:oauth:"
            "client-assertion-type:jwt-bearer", **changes)

    def test_both_algorithms(self):
        for algorithm in ("PS256", "RS256"):
            status, answer = self.present(self.assertion(algorithm))
            self.assertEqual(status, 200, answer)
            claims = jwt.decode(answer["access_token"]).claims
            self.assertEqual(claims["appidacr"], "2")
        self.assertEqual(self.sandbox.violations(), [])
        request = self.sandbox.token_requests()[0]
        self.assertEqual(request["assertion"]["header"]["alg"], "PS256")
        self.assertTrue(request["form"]["client_assertion"]["correct"])

    def test_refused(self):
        now = int(time.time())
        stranger = Path(self.directory.name) / "stranger.pem"
        if not stranger.exists():
            self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes",
                         "-keyout", str(stranger), "-out",
                         str(stranger) + ".crt", "-subj", "/CN=stranger")
            stranger.write_text(stranger.read_text()
                                + Path(str(stranger) + ".crt").read_text())
        good = self.assertion()
        head, _, tail = good.rpartition(".")
        flipped = head + "." + ("B" if tail[0] == "A" else "A") + tail[1:]
        for code, text in (
                (700027, self.assertion(pem=str(stranger))),
                (700027, flipped),
                (700023, self.assertion(aud="https://login.example/token")),
                (700021, self.assertion(iss="x", sub="x")),
                (700024, self.assertion(nbf=now - 7200, exp=now - 3600)),
                (700024, self.assertion(nbf=now + 3600, exp=now + 4200)),
                (50027, "a.b"), (50027, self.assertion(exp=str(now + 60))),
                (50027, self.assertion(jti=""))):
            status, answer = self.present(text)
            self.assertEqual((status, answer["error"], answer["error_codes"]),
                             (401, "invalid_client", [code]))

    def test_used_twice(self):
        text = self.assertion()
        self.assertEqual(self.present(text)[0], 200)
        self.assert_aadsts(50013, 401, "invalid_client", self.present(text))
        self.assertEqual(len(self.sandbox.violations()), 1)

    def test_no_ps256(self):
        self.sandbox.scenario("no_ps256")
        self.assertEqual(self.present(self.assertion())[1]["error_codes"],
                         [5002730])
        self.assertEqual(self.present(self.assertion("RS256"))[0], 200)

    def test_thumbprints_are_not_mixed(self):
        text = self.assertion(header={"x5t#S256": None, "x5t": "AAAA"})
        self.assertNotEqual(self.present(text)[0], 200)

    def test_federated(self):
        self.sandbox.app().federated.append("text-of-the-file")
        self.assertEqual(self.present("text-of-the-file")[0], 200)

    def test_clock_skew(self):
        self.sandbox.scenario("clock_skew", seconds=3600)
        status, answer = self.present(self.assertion())
        self.assert_aadsts(700024, 401, "invalid_client", (status, answer))


class Delegated(Case):
    """Device code and refresh token."""

    def setUp(self):
        super().setUp()
        self.sandbox.add_app("device-app", public=True, roles=[])
        self.sandbox.tokens.device_interval = 0
        self.scope = "https://outlook.office.com/SMTP.Send offline_access"

    def start(self):
        url = self.sandbox.token_endpoint.replace("/token", "/devicecode")
        status, _, body = self.post({"client_id": "device-app",
                                     "scope": self.scope}, url)
        self.assertEqual(status, 200)
        return json.loads(body)

    def poll(self, code):
        status, _, body = self.post({
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "client_id": "device-app", "device_code": code["device_code"]})
        return status, json.loads(body)

    def test_device_code_and_refresh(self):
        code = self.start()
        self.assertIn(code["user_code"], code["message"])
        self.assertEqual(self.poll(code)[1]["error"], "authorization_pending")
        self.sandbox.tokens.approve_device("alerts@contoso.com")
        status, answer = self.poll(code)
        self.assertEqual(status, 200)
        claims = jwt.decode(answer["access_token"]).claims
        self.assertEqual((claims["upn"], claims["scp"]),
                         ("alerts@contoso.com", "SMTP.Send"))
        client = self.raw()
        client.tls()
        self.assertEqual(client.auth(token=answer["access_token"])[:3], "235")
        form = {"grant_type": "refresh_token", "scope": self.scope,
                "client_id": "device-app",
                "refresh_token": answer["refresh_token"]}
        status, _, body = self.post(form)
        self.assertEqual(status, 200)
        self.assertNotEqual(json.loads(body)["refresh_token"],
                            answer["refresh_token"])
        status, _, body = self.post(form)      # rotated away
        self.assert_aadsts(700082, 400, "invalid_grant",
                           (status, json.loads(body)))

    def test_declined(self):
        code = self.start()
        self.sandbox.tokens.approve_device("x", decline=True)
        self.assertEqual(self.poll(code)[1]["error"], "authorization_declined")

    def test_another_users_token(self):
        self.sandbox.scenario("device_approved", user="shop@contoso.com")
        token = self.poll(self.start())[1]["access_token"]
        client = self.raw()
        client.tls()
        self.assertEqual(client.auth(token=token)[:9], "535 5.7.3")


class TokenFaults(Case):
    """Row 16 of section 9, and its relatives."""

    def answer(self, name, **params):
        self.sandbox.clear()
        self.sandbox.scenario(name, **params)
        return self.post(self.secret_form())

    def test_9_16_errors(self):
        status, _, body = self.answer("token_error")
        self.assert_aadsts(7000215, 401, "invalid_client",
                           (status, json.loads(body)))
        status, _, body = self.answer("error:90033")
        self.assert_aadsts(90033, 503, "temporarily_unavailable",
                           (status, json.loads(body)))

    def test_9_16_throttled(self):
        status, headers, body = self.answer("http_429", retry_after=60)
        self.assertEqual((status, headers["Retry-After"], body,
                          headers.get_content_type()),
                         (429, "60", b"Too Many Requests", "text/plain"))
        status, headers, _ = self.answer("http-503")
        self.assertEqual((status, headers["Retry-After"]), (503, None))

    def test_9_16_garbage(self):
        for name in ("garbage", "truncated"):
            status, _, body = self.answer(name)
            self.assertEqual(status, 200)
            with self.assertRaises(ValueError):
                json.loads(body)
        with self.assertRaises(http.client.IncompleteRead):
            self.answer("cut")
        self.assertGreater(len(self.answer("huge")[2]), 1 << 20)

    def test_9_16_slow_hang_close(self):
        begun = time.monotonic()
        self.assertEqual(self.answer("slow", seconds=0.3)[0], 200)
        self.assertGreater(time.monotonic() - begun, 0.3)
        with self.assertRaises((OSError, urllib.error.URLError)):
            self.answer("close")
        self.sandbox.clear()
        self.sandbox.scenario("hang")
        with socket.create_connection(
                ("127.0.0.1", self.sandbox.token_port)) as plain, \
                self.context().wrap_socket(
                    plain, server_hostname="localhost") as connection:
            connection.settimeout(0.5)
            body = urllib.parse.urlencode(self.secret_form())
            connection.sendall((
                "POST /x/oauth2/v2.0/token HTTP/1.1\r\nHost: localhost\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
                "Content-Length: %d\r\n\r\n%s" % (len(body), body)).encode())
            with self.assertRaises(socket.timeout):
                connection.recv(1)

    def test_redirect(self):
        status, headers, _ = self.answer("redirect")
        self.assertEqual((status, headers["Location"]),
                         (302, "https://login.example.net/"))

    def test_odd_numbers(self):
        self.assertEqual(json.loads(self.answer("string_numbers")[2])
                         ["expires_in"], "3599")
        self.assertNotIn("expires_in",
                         json.loads(self.answer("no_expires")[2]))
        self.assertEqual(json.loads(self.answer("refresh_in")[2])
                         ["refresh_in"], 1800)
        self.assertEqual(json.loads(self.answer("expires_in", seconds=-1)[2])
                         ["expires_in"], -1)

    def test_date_is_shifted(self):
        _, headers, _ = self.answer("clock_skew", seconds=-86400)
        there = email_date(headers["Date"])
        self.assertAlmostEqual(there, time.time() - 86400, delta=5)

    def test_tokens_that_exchange_refuses(self):
        for name in ("wrong_audience", "no_roles", "other_tenant",
                     "expired_token", "opaque_token"):
            with self.subTest(name):
                token = json.loads(self.answer(name)[2])["access_token"]
                client = self.raw()
                client.tls()
                self.assertRegex(client.auth(token=token), FRONT % re.escape(
                    "535 5.7.3 Authentication unsuccessful"))

    def test_short_lifetime_ends(self):
        token = json.loads(self.answer("short_lifetime", seconds=1)[2])
        self.assertEqual(token["expires_in"], 1)
        time.sleep(1.1)
        client = self.raw()
        client.tls()
        self.assertEqual(client.auth(token=token["access_token"])[:3], "535")

    def test_one_app_only(self):
        self.sandbox.add_app("other", secret="s")
        self.sandbox.scenario("http_503", mailbox="other")
        self.assertEqual(self.post(self.secret_form())[0], 200)
        self.assertEqual(self.post(self.secret_form(
            client_id="other", client_secret="s"))[0], 503)

    def test_times_and_after(self):
        self.sandbox.scenario("http_503", after=1, times=2)
        self.assertEqual([self.post(self.secret_form())[0] for _ in range(4)],
                         [200, 503, 503, 200])

    def test_certificates(self):
        for kind in ("wrong-name", "expired", "self-signed", "unknown-ca"):
            with self.subTest(kind):
                with self.assertRaises(urllib.error.URLError) as caught:
                    self.answer("certificate", kind=kind)
                self.assertIsInstance(caught.exception.reason,
                                      ssl.SSLCertVerificationError)


def email_date(text):
    import email.utils
    return email.utils.parsedate_to_datetime(text).timestamp()


# How the front end and the back end sign their replies (facts 1.2).
FRONT = (r"^%s \[[A-Z0-9]+\.namprd00\.prod\.outlook\.com "
         r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 08D[0-9A-F]{13}\]$")
BACK = r"^%s \[Hostname=[A-Z0-9]+\.NAMPRD00\.PROD\.OUTLOOK\.COM\]$"
EXTENSIONS = ("SIZE 157286400\nPIPELINING\nDSN\nENHANCEDSTATUSCODES\n%s\n"
              "8BITMIME\nBINARYMIME\nCHUNKING\nSMTPUTF8")


class Dialogue(Case):
    """Sections 1.1 to 1.3, with clients of others."""

    def test_9_1_normal(self):
        client = self.raw()
        self.assertRegex(client.banner, r"^220 \S+ Microsoft ESMTP MAIL "
                         r"Service ready at \w{3}, \d.*\d \[08D[0-9A-F]+\]$")
        before = client.ask("EHLO web1.contoso.com")
        self.assertEqual([line[4:] for line in before.split("\n")][1:],
                         (EXTENSIONS % "STARTTLS").split("\n"))
        self.assertEqual(client.ask("STARTTLS"),
                         "220 2.0.0 SMTP server ready")
        client.wrap()
        after = client.ask("EHLO web1.contoso.com")
        self.assertEqual([line[4:] for line in after.split("\n")][1:],
                         (EXTENSIONS % "AUTH LOGIN XOAUTH2").split("\n"))
        self.assertEqual(client.ask("AUTH XOAUTH2"), "334 ")
        blob = xoauth2(self.sandbox.mailbox, self.sandbox.token())
        self.assertEqual(client.ask(base64.b64encode(blob.encode()).decode()),
                         "235 2.7.0 Authentication successful")
        self.assertEqual(client.ask("MAIL FROM:<alerts@contoso.com> "
                                    "SIZE=1234"), "250 2.1.0 Sender OK")
        self.assertEqual(client.ask("RCPT TO:<bob@example.net>"),
                         "250 2.1.5 Recipient OK")
        self.assertEqual(client.ask("DATA"), "354 Start mail input; end with "
                         "<CRLF>.<CRLF>")
        client.send(MESSAGE + b".\r\n")
        self.assertRegex(client.reply(), BACK % re.escape(
            "250 2.0.0 OK <1@web1.contoso.com>"))
        self.assertEqual(client.ask("QUIT"),
                         "221 2.0.0 Service closing transmission channel")
        self.assertEqual(client.reply(), "")
        message, = self.sandbox.messages()
        self.assertEqual(message.data, MESSAGE)
        self.assertEqual((message.mail_from, message.mail_params,
                          message.recipients, message.mailbox),
                         ("alerts@contoso.com", {"SIZE": "1234"},
                          [("bob@example.net", {})], "alerts@contoso.com"))
        session, = self.sandbox.sessions()
        self.assertEqual((session["flights_to_accept"], session["ended"],
                          session["auth"]["result"]), (11, "quit", "ok"))
        self.assertEqual(self.sandbox.violations(), [])

    def test_flights(self):
        """Pipelined commands are one flight; TLS 1.2 costs one more, and
        not when its session is resumed."""
        for version, costs in ((ssl.TLSVersion.TLSv1_3, (9, 9)),
                               (ssl.TLSVersion.TLSv1_2, (10, 9))):
            context = self.context()
            context.maximum_version = version
            session = None
            for cost in costs:
                self.sandbox.reset()
                client = self.raw()
                client.ask("EHLO web1.contoso.com")
                client.ask("STARTTLS")
                client.socket = context.wrap_socket(
                    client.socket, server_hostname="localhost",
                    session=session)
                client.ask("EHLO web1.contoso.com")
                client.auth()
                self.assertEqual(client.deliver()[:3], "250")
                session = client.socket.session
                message, = self.sandbox.messages()
                self.assertEqual(message.envelope["flights"], cost)
                client.ask("QUIT")
            self.assertTrue(self.sandbox.sessions()[-1]["resumed"])

    def test_smtplib(self):
        with smtplib.SMTP("localhost", self.sandbox.smtp_port) as client:
            client.starttls(context=self.context())
            client.ehlo()
            client.auth("XOAUTH2", lambda challenge=None: xoauth2(
                self.sandbox.mailbox, self.sandbox.token()))
            refused = client.sendmail(
                self.sandbox.mailbox, ["bob@example.net", "eve@example.net"],
                MESSAGE + b".\r\n..\r\n.dots\r\n", ["BODY=8BITMIME"],
                ["NOTIFY=NEVER"])
        self.assertEqual(refused, {})
        message, = self.sandbox.messages()
        self.assertEqual(message.data, MESSAGE + b".\r\n..\r\n.dots\r\n")
        self.assertEqual(message.recipients[1],
                         ("eve@example.net", {"NOTIFY": "NEVER"}))
        self.assertEqual(self.sandbox.violations(), [])
        self.assertTrue(self.sandbox.sessions()[0]["auth"]
                        ["initial_response"])

    @needs("curl")
    def test_curl(self):
        path = Path(self.directory.name) / "curl.eml"
        path.write_bytes(MESSAGE)
        done = subprocess.run(
            ["curl", "-sS", "--ssl-reqd", "--cacert", self.sandbox.ca_file,
             "--user", "alerts@contoso.com", "--oauth2-bearer",
             self.sandbox.token(), "--mail-from", "alerts@contoso.com",
             "--mail-rcpt", "bob@example.net", "--upload-file", str(path),
             "smtp://localhost:%d/web1.contoso.com" % self.sandbox.smtp_port],
            capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.sandbox.messages()[0].data, MESSAGE)
        self.assertEqual(self.sandbox.violations(), [])

    @needs("msmtp")
    def test_msmtp(self):
        done = subprocess.run(
            ["msmtp", "-C", "/dev/null", "--host=localhost",
             "--port=%d" % self.sandbox.smtp_port, "--auth=xoauth2",
             "--user=alerts@contoso.com", "--tls=on",
             "--passwordeval=echo " + self.sandbox.token(),
             "--tls-trust-file=" + self.sandbox.ca_file,
             "--domain=web1.contoso.com",
             "--from=alerts@contoso.com", "bob@example.net"],
            input=MESSAGE, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(self.sandbox.messages()[0].data, MESSAGE)
        self.assertEqual(self.sandbox.violations(), [])

    @needs("swaks")
    def test_swaks_speaks_until_auth(self):
        """swaks knows no XOAUTH2: its LOGIN is refused, as is Basic."""
        done = subprocess.run(
            ["swaks", "--server", "localhost:%d" % self.sandbox.smtp_port,
             "--tls", "--auth", "LOGIN", "--auth-user", "alerts@contoso.com",
             "--auth-password", "secret", "--from", "alerts@contoso.com",
             "--to", "bob@example.net", "--ehlo", "web1.contoso.com"],
            capture_output=True, text=True)
        if "not available" in done.stderr:
            self.skipTest("swaks without TLS: " + done.stderr.split("\n")[0])
        self.assertIn("535 5.7.139 Authentication unsuccessful, basic "
                      "authentication is disabled.", done.stdout)
        self.assertEqual(self.sandbox.violations(), [])

    def test_bdat(self):
        client = self.logged_in()
        half = len(MESSAGE) // 2
        client.send(b"MAIL FROM:<alerts@contoso.com>\r\n"
                    b"RCPT TO:<bob@example.net>\r\nBDAT %d\r\n" % half
                    + MESSAGE[:half] + b"BDAT %d LAST\r\n"
                    % (len(MESSAGE) - half) + MESSAGE[half:])
        replies = [client.reply() for _ in range(4)]
        self.assertEqual([one[:3] for one in replies], ["250"] * 4)
        message, = self.sandbox.messages()
        self.assertEqual((message.data, message.envelope["transfer"],
                          message.envelope["flights"]), (MESSAGE, "BDAT", 8))
        self.assertEqual(self.sandbox.violations(), [])

    def test_several_messages_and_rset(self):
        client = self.logged_in()
        self.assertEqual(client.deliver()[:3], "250")
        client.ask("MAIL FROM:<alerts@contoso.com>")
        self.assertEqual(client.ask("RSET"), "250 2.0.0 Resetting")
        self.assertEqual(client.deliver()[:3], "250")
        self.assertEqual(len(self.sandbox.messages()), 2)

    def test_a_message_without_id_gets_one(self):
        client = self.logged_in()
        self.assertRegex(client.deliver(b"From: alerts@contoso.com\r\n\r\n"),
                         BACK % r"250 2\.0\.0 OK <[^<>@]+@[^<>@]+>")

    def test_several_mailboxes(self):
        self.sandbox.add_mailbox("it@contoso.com", ["help@contoso.com"],
                                 send_as=["boss@contoso.com"])
        client = self.logged_in("it@contoso.com")
        for sender in ("it", "help", "boss"):
            message = MESSAGE.replace(b"alerts@", sender.encode() + b"@")
            self.assertEqual(client.deliver(message, "it@contoso.com")[:3],
                             "250")
        self.assertEqual(client.deliver(MESSAGE, "it@contoso.com")[:11],
                         "554 5.2.252")

    def test_send_as_pattern(self):
        self.sandbox.add_mailbox("any@contoso.com",
                                 send_as=["*@contoso.com"])
        client = self.logged_in("any@contoso.com")
        self.assertEqual(client.deliver(MESSAGE, "any@contoso.com")[:3],
                         "250")

    def test_rbac_needs_no_role(self):
        self.sandbox.add_app("rbac", secret="s", roles=[])
        self.sandbox.add_mailbox("rbac@contoso.com", full_access=False,
                                 rbac_apps=["rbac"])
        token = self.sandbox.token(client_id="rbac")
        self.assertNotIn("roles", jwt.decode(token).claims)
        client = self.raw()
        client.tls()
        self.assertEqual(client.auth("rbac@contoso.com", token)[:3], "235")
        message = MESSAGE.replace(b"alerts@", b"rbac@")
        self.assertEqual(client.deliver(message, "rbac@contoso.com")[:3],
                         "250")


class Section9(Case):
    """The recommended faults, row by row (1: Dialogue, 16: TokenFaults)."""

    def after_auth(self, user=None):
        client = self.raw()
        client.tls()
        return client, client.auth(user)

    def test_9_2_bad_token(self):
        forged = jwt.encode({"alg": "RS256", "kid": "x"}, {}, jwt.PrivateKey
                            .from_pem((Path(self.directory.name)
                                       / "token-signing.key").read_text()))
        tokens = (self.sandbox.token("https://graph.microsoft.com"), forged,
                  self.sandbox.token()[:-8] + "AAAAAAAA", "abc")
        for token in tokens:
            client = self.raw()
            client.tls()
            self.assertRegex(client.auth(token=token), FRONT % re.escape(
                "535 5.7.3 Authentication unsuccessful"))
        self.sandbox.scenario("bad_token")
        self.assertEqual(self.after_auth()[1][:9], "535 5.7.3")

    def test_9_3_smtp_auth_off(self):
        for which in ("tenant", "mailbox"):
            self.sandbox.clear()
            self.sandbox.scenario("smtp_auth_off_" + which,
                                  mailbox="alerts@contoso.com")
            self.assertRegex(self.after_auth()[1], FRONT % re.escape(
                "535 5.7.139 Authentication unsuccessful, "
                "SmtpClientAuthentication is disabled for the %s. Visit "
                "https://aka.ms/smtp_auth_disabled for more information."
                % which.capitalize()))
            self.assertEqual(self.after_auth("shop@contoso.com")[1][:3],
                             "235")

    def test_9_4_basic_retired(self):
        self.sandbox.add_mailbox("old@contoso.com", password="geheim")
        answers = [base64.b64encode(one).decode()
                   for one in (b"old@contoso.com", b"geheim")]

        def log_in():
            client = self.raw()
            client.tls()
            self.assertEqual(client.ask("AUTH LOGIN"), "334 VXNlcm5hbWU6")
            self.assertEqual(client.ask(answers[0]), "334 UGFzc3dvcmQ6")
            return client.ask(answers[1])
        self.assertEqual(log_in()[:3], "235")
        self.sandbox.scenario("basic_retired")
        self.assertRegex(log_in(), FRONT % re.escape(
            "550 5.7.30 Basic authentication is not supported for Client "
            "Submission."))
        self.assertEqual(self.after_auth()[1][:3], "235")

    def test_9_5_no_full_access(self):
        self.sandbox.add_mailbox("closed@contoso.com", full_access=False)
        client, reply = self.after_auth("closed@contoso.com")
        self.assertEqual(reply[:3], "235")
        message = MESSAGE.replace(b"alerts@", b"closed@")
        self.assertRegex(client.deliver(message, "closed@contoso.com"),
                         BACK % r"430 4\.2\.0 STOREDRV; mailbox logon "
                         r"failure; .*Cannot open mailbox\..*")
        self.sandbox.scenario("no_full_access", "alerts@contoso.com")
        self.assertEqual(self.logged_in().deliver()[:9], "430 4.2.0")

    def test_9_6_fourth_connection(self):
        clients = [self.logged_in() for _ in range(4)]
        replies = [client.deliver() for client in reversed(clients)]
        self.assertRegex(replies[0], BACK % re.escape(
            "432 4.3.2 Concurrent connections limit exceeded. Visit "
            "https://aka.ms/concurrent_sending for more information."))
        self.assertEqual([one[:3] for one in replies[1:]], ["250"] * 3)
        self.assertEqual(self.sandbox.peak_connections(), 4)
        clients[0].ask("QUIT")
        self.assertEqual(clients[3].deliver()[:3], "250")
        # Another mailbox has connections of its own.
        other = self.logged_in("shop@contoso.com")
        message = MESSAGE.replace(b"alerts@", b"shop@")
        self.assertEqual(other.deliver(message, "shop@contoso.com")[:3],
                         "250")

    def test_9_7_from_not_allowed(self):
        client = self.logged_in()
        message = MESSAGE.replace(b"alerts@contoso.com", b"ceo@contoso.com")
        self.assertRegex(client.deliver(message), BACK % (
            r"554 5\.2\.252 SendAsDenied; alerts@contoso\.com not allowed to "
            r"send as ceo@contoso\.com; STOREDRV\.Submission\.Exception:"
            r"SendAsDeniedException\.MapiExceptionSendAsDenied; .*"))
        self.assertEqual(client.deliver(sender="ceo@contoso.com")[:11],
                         "554 5.2.252")
        self.assertEqual(self.sandbox.messages(), [])

    def test_9_8_daily_quota(self):
        self.sandbox.scenario("daily_quota", times=1)
        client = self.logged_in()
        self.assertRegex(client.deliver(), BACK % (
            r"554 5\.2\.0 STOREDRV\.Submission\.Exception:"
            r"SubmissionQuotaExceededException; .* quota was exceeded\."))
        self.assertEqual(client.deliver()[:3], "250")

    def test_9_9_mailbox_full(self):
        self.sandbox.scenario("mailbox_full")
        self.assertRegex(self.logged_in().deliver(), BACK % (
            r"554 5\.2\.2 mailbox full; STOREDRV\..*QuotaExceeded"))

    def test_9_10_prx4(self):
        self.sandbox.scenario("prx4")
        self.assertRegex(self.after_auth()[1], FRONT % re.escape(
            "451 4.7.0 Temporary server error. Please try again later. PRX4"))

    def test_9_11_old_tls(self):
        context = self.context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        client = self.raw()
        client.tls(context)
        self.assertEqual(client.socket.version(), "TLSv1.1")
        self.assertRegex(client.auth(), FRONT % re.escape(
            "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please "
            "upgrade/update your client to support TLS 1.2. Visit "
            "https://aka.ms/smtp_auth_tls."))
        self.assertEqual(client.reply(), "")
        self.sandbox.scenario("old_tls")
        self.assertEqual(self.after_auth()[1][:10], "421 4.7.66")

    def test_9_12_no_starttls(self):
        self.sandbox.scenario("no_starttls")
        client = self.raw()
        self.assertNotIn("STARTTLS", client.ask("EHLO web1.contoso.com"))
        self.assertRegex(client.ask("MAIL FROM:<alerts@contoso.com>"),
                         FRONT % "451 5.7.3 STARTTLS is required to send mail")

    def test_9_13_smtputf8_refused(self):
        self.sandbox.scenario("smtputf8_refused")
        client = self.logged_in()
        self.assertRegex(
            client.ask("MAIL FROM:<alerts@contoso.com> BODY=8BITMIME "
                       "SMTPUTF8"),
            FRONT % "502 5.3.3 Command not implemented")
        self.assertEqual(client.deliver()[:3], "250")

    def test_9_14_no_answer(self):
        self.sandbox.scenario("no_answer")
        self.assertEqual(self.logged_in().deliver(), "")
        self.assertEqual(len(self.sandbox.messages()), 1)
        self.sandbox.clear()
        self.sandbox.scenario("no_answer", action="hang", accepted="no")
        client = self.logged_in()
        client.socket.settimeout(0.5)
        with self.assertRaises(socket.timeout):
            client.deliver()
        self.assertEqual(len(self.sandbox.messages()), 1)

    def test_9_15_idle(self):
        self.sandbox.scenario("idle_close", seconds=0.5)
        client = self.logged_in()
        self.assertEqual(client.reply()[:9], "421 4.4.1")
        self.assertEqual(client.reply(), "")

    def test_9_17_challenge(self):
        self.sandbox.scenario("challenge_334")
        client, reply = self.after_auth("nobody@contoso.com")
        challenge = json.loads(base64.b64decode(reply[4:]))
        self.assertEqual((reply[:4], challenge["status"]), ("334 ", "401"))
        self.assertEqual(client.ask("")[:9], "535 5.7.3")
        self.assertEqual(self.sandbox.violations(), [])
        self.assertEqual(self.after_auth()[1][:3], "235")

    def test_9_18_rate(self):
        self.sandbox.add_mailbox("fast@contoso.com")
        message = MESSAGE.replace(b"alerts@", b"fast@")
        self.sandbox.scenario("over_rate", limit=1, delay=0.3)
        client = self.logged_in("fast@contoso.com")
        client.deliver(message, "fast@contoso.com")
        begun = time.monotonic()
        self.assertEqual(client.deliver(message, "fast@contoso.com")[:3],
                         "250")
        self.assertGreater(time.monotonic() - begun, 0.3)
        self.sandbox.clear()
        self.sandbox.scenario("over_rate", limit=1,
                              reply="451 4.3.2 Slow down")
        self.assertEqual(client.deliver(message, "fast@contoso.com"),
                         "451 4.3.2 Slow down")

    def test_9_19_unauthenticated_at_mail(self):
        self.sandbox.scenario("unauthenticated_at_mail")
        client = self.logged_in()
        self.assertRegex(client.deliver(), FRONT % re.escape(
            "530 5.7.57 Client not authenticated to send mail."))

    def test_9_20_hve(self):
        self.sandbox.add_app("hve", secret="s", roles=["Mail.Send"])
        self.sandbox.scenario("hve")
        self.assertEqual(self.after_auth()[1][:9], "535 5.7.3")
        client = self.raw()
        client.tls()
        client.auth(token=self.sandbox.token(client_id="hve"))
        self.assertRegex(client.deliver(), BACK % re.escape(
            "550 5.5.105 External sending is not supported for High Volume "
            "Email accounts"))
        self.assertEqual(client.deliver(recipients=["it@contoso.com"])[:3],
                         "250")
        self.sandbox.scenario("short_lifetime", seconds=300)
        client = self.raw()
        client.tls()
        self.assertEqual(client.auth(token=self.sandbox.token(
            client_id="hve"))[:12], "501 5.5.127 ")

    def test_further_replies(self):
        """Rows with a reply need no code, so one loop tests them."""
        for row in scenario.TABLE:
            if not row.reply or row.step in ("auth-login", "mail-smtputf8",
                                             "banner", "ehlo"):
                continue
            with self.subTest(row.name):
                self.sandbox.clear()
                self.sandbox.scenario(row.name)
                client, reply = self.after_auth()
                if row.step != "auth":
                    self.assertEqual(reply[:3], "235")
                    reply = client.deliver()
                self.assertEqual(reply[:9], row.reply[:9])
                client.close()


    def test_name_refused(self):
        self.sandbox.scenario("name_refused")
        self.assertRegex(self.raw().ask("EHLO web1.contoso.com"),
                         FRONT % "501 5.5.4 Invalid domain name")


class Strictness(Case):
    """Where the RFCs are strict, so is the sandbox."""

    def violation(self):
        texts = [text for _, text in self.sandbox.violations()]
        self.assertEqual(len(texts), 1, texts)
        return texts[0]

    def test_before_tls(self):
        client = self.raw()
        client.ask("EHLO web1.contoso.com")
        self.assertEqual(client.ask("AUTH XOAUTH2 YQ==")[:9], "530 5.7.0")
        self.assertEqual(self.violation(), "AUTH before TLS")
        self.assertNotIn("YQ==", str(self.sandbox.commands()))

    def test_mail_without_auth(self):
        client = self.raw()
        client.tls()
        self.assertRegex(client.ask("MAIL FROM:<alerts@contoso.com>"), FRONT
                         % "530 5.7.57 Client not authenticated to send mail.")
        self.sandbox.scenario("smtp_auth_off_tenant")
        client.auth()
        self.assertRegex(client.ask("MAIL FROM:<alerts@contoso.com>"), FRONT
                         % ("530 5.7.57 Client not authenticated to send "
                            "mail. Error: 535 5.7.139 Auth.*"))

    def test_helo_has_no_extensions(self):
        client = self.raw()
        self.assertNotIn("\n", client.ask("HELO web1.contoso.com"))
        self.assertEqual(client.ask("STARTTLS")[:3], "503")

    def test_unknown_and_plain(self):
        client = self.raw()
        client.tls()
        self.assertRegex(client.ask("XCLIENT a=b"), FRONT % (
            "500 5.3.3 Unrecognized command 'unknown'"))
        self.assertEqual(client.ask("AUTH PLAIN AGEAYg==")[:9], "504 5.7.4")

    def test_order(self):
        client = self.logged_in()
        for line in ("RCPT TO:<bob@example.net>", "DATA",
                     "AUTH XOAUTH2", "STARTTLS"):
            self.assertEqual(client.ask(line)[:9], "503 5.5.1", line)
        self.assertEqual(client.ask("XYZ")[:9], "421 4.7.0")  # the fifth
        self.assertEqual(client.reply(), "")

    def test_pipelining(self):
        for lines in ("EHLO web1.contoso.com\r\nNOOP\r\n",
                      "NOOP\r\nNOOP\r\n", "QUIT\r\nQUIT\r\n"):
            with self.subTest(lines):
                self.sandbox.reset()
                client = self.logged_in()
                client.send(lines)
                self.assertEqual(client.reply()[:9], "554 5.5.0")
                self.assertRegex(self.violation(), "^pipelined after")
        self.sandbox.reset()
        client = self.raw()
        client.ask("EHLO web1.contoso.com")
        client.send("STARTTLS\r\nEHLO web1.contoso.com\r\n")
        self.assertEqual(client.reply()[:9], "554 5.5.0")
        self.assertEqual(client.reply(), "")
        self.sandbox.reset()
        client = self.logged_in()
        client.send(b"MAIL FROM:<alerts@contoso.com>\r\nRCPT TO:<a@b.c>\r\n"
                    b"DATA\r\n" + MESSAGE + b".\r\n")
        self.assertEqual([client.reply()[:3] for _ in range(3)],
                         ["250", "250", "554"])

    def test_last_reply_arrives(self):
        """Even if the client has sent more than anybody will read."""
        client = self.raw()
        client.send("EHLO a.b\r\n" + "NOOP\r\n" * 50000)
        self.assertEqual(client.reply()[:9], "554 5.5.0")
        self.assertEqual(client.reply(), "")

    def test_quit_may_follow_the_message(self):
        client = self.logged_in()
        client.send("MAIL FROM:<alerts@contoso.com>\r\nRCPT TO:<a@b.c>\r\n"
                    "DATA\r\n")
        for _ in range(3):
            client.reply()
        client.send(MESSAGE + b".\r\nQUIT\r\n")
        self.assertEqual([client.reply()[:3] for _ in range(2)],
                         ["250", "221"])
        self.assertEqual(self.sandbox.violations(), [])

    def test_speaking_first(self):
        client = self.raw(greet=False)
        client.send("EHLO web1.contoso.com\r\n")
        # The server looks once; on a slow machine it may look too early.
        self.assertIn(client.reply()[:3], ("554", "220"))

    def test_no_pipelining(self):
        self.sandbox.scenario("no_pipelining")
        client = self.logged_in()
        client.send("MAIL FROM:<alerts@contoso.com>\r\nRCPT TO:<a@b.c>\r\n")
        self.assertEqual(client.reply()[:9], "554 5.5.0")

    def test_refused_mail_ends_no_session(self):
        """500 pipelined RCPT after a refused MAIL are no protocol errors."""
        self.sandbox.scenario("reply@mail=452 4.2.2 Later", times=1)
        client = self.logged_in()
        self.assertEqual(client.deliver(recipients=["a@b.c"] * 20)[:9],
                         "452 4.2.2")
        self.assertEqual(client.deliver()[:3], "250")
        self.assertEqual(self.sandbox.violations(), [])

    def test_line_lengths(self):
        client = self.logged_in()
        self.assertEqual(client.ask("NOOP " + "x" * 505)[:3], "250")
        self.assertEqual(client.ask("NOOP " + "x" * 506)[:9], "500 5.5.2")
        self.assertEqual(client.ask("NOOP " + "x" * 20000)[:9], "500 5.5.2")
        self.assertEqual(client.ask("NOOP")[:3], "250")
        self.assertEqual(len(self.sandbox.violations()), 2)

    def test_auth_line_length(self):
        client = self.raw()
        client.tls()
        self.assertEqual(client.ask("AUTH XOAUTH2 " + "A" * 12274)[:9],
                         "500 5.5.2")
        self.sandbox.scenario("auth_line_limit")
        self.assertEqual(client.ask("AUTH XOAUTH2 " + "A" * 600),
                         "500 5.5.2 Line too long")
        self.assertEqual(client.auth()[:3], "235")

    def test_malformed_xoauth2(self):
        for blob in ("user=a\1auth=Bearer t\1", "user=alerts@contoso.com",
                     "user=a\1auth=bearer t\1\1", "\1\1"):
            client = self.raw()
            client.tls()
            client.ask("AUTH XOAUTH2")
            self.assertEqual(client.ask(base64.b64encode(
                blob.encode()).decode())[:9], "535 5.7.3")
        client = self.raw()
        client.tls()
        client.ask("AUTH XOAUTH2")
        self.assertEqual(client.ask("*")[:9], "501 5.7.0")

    def test_bare_line_ends(self):
        client = self.logged_in()
        client.send("NOOP\n")
        self.assertEqual(client.reply()[:10], "550 5.6.11")
        for bad in (b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b"\r\r\n",
                    b"x\n.\nMAIL FROM:<b@c.d>\n\r\n"):
            with self.subTest(bad):
                self.sandbox.reset()
                self.assertRegex(client.deliver(MESSAGE + bad),
                                 BACK % r"550 5\.6\.11 .*")
                self.assertNotEqual(self.sandbox.violations(), [])
        self.sandbox.scenario("accept_bare_lf")
        self.assertEqual(client.deliver(MESSAGE + b"a\nb\r\n")[:3], "250")

    def test_bare_lf_is_found_across_blocks(self):
        """A CR and its LF in two TLS records are no bare CR."""
        client = self.logged_in()
        client.send("MAIL FROM:<alerts@contoso.com>\r\nRCPT TO:<a@b.c>\r\n"
                    "DATA\r\n")
        for _ in range(3):
            client.reply()
        for octet in MESSAGE + b"..a\r\n.\r\n":
            client.send(bytes([octet]))
        self.assertEqual(client.reply()[:3], "250")
        self.assertEqual(self.sandbox.messages()[0].data, MESSAGE + b".a\r\n")
        self.assertEqual(self.sandbox.violations(), [])

    def test_long_lines_and_eight_bit(self):
        client = self.logged_in()
        client.deliver(MESSAGE + b"x" * 998 + b"\r\n")
        self.assertEqual(self.sandbox.violations(), [])
        self.assertEqual(client.deliver(MESSAGE + b"x" * 999 + b"\r\n")[:3],
                         "250")
        self.assertEqual(self.violation(), "line over 998 octets")
        self.sandbox.scenario("refuse_long_lines")
        self.assertEqual(client.deliver(MESSAGE + b"x" * 999 + b"\r\n")[:3],
                         "550")
        self.sandbox.reset()
        client.deliver(MESSAGE + b"\xc3\xa4\r\n", options=" BODY=8BITMIME")
        self.assertEqual(self.sandbox.violations(), [])
        client.deliver(MESSAGE + b"\xc3\xa4\r\n")
        self.assertEqual(self.violation(),
                         "8 bit octets without BODY=8BITMIME")

    def test_paths(self):
        for good in ("<bob@example.net>", '<"bob b"@example.net>',
                     "<postmaster>", "<a@[127.0.0.1]>", "<a'b+c@x.y>"):
            client = self.logged_in()
            client.ask("MAIL FROM:<alerts@contoso.com>")
            self.assertEqual(client.ask("RCPT TO:" + good)[:3], "250", good)
            client.ask("QUIT")
        for bad in ("bob@example.net", "<bob>", "<bob@>", "<@a:b@c.d>",
                    "<bob@ex ample.net>", "<>", "<b\u00e9@example.net>",
                    "<bob@-x.net>", "<a..b@c.d>", "<%s@c.d>" % ("x" * 65),
                    "<bob@example.net"):
            client = self.logged_in()
            client.ask("MAIL FROM:<alerts@contoso.com>")
            self.assertEqual(client.ask("RCPT TO:" + bad)[:1], "5", bad)
            client.ask("QUIT")

    def test_space_after_the_colon(self):
        client = self.logged_in()
        self.assertEqual(client.ask("MAIL FROM: <alerts@contoso.com>")[:3],
                         "250")
        self.assertEqual(self.violation(), "space after the colon in MAIL")

    def test_parameters(self):
        for bad, code in (("SIZE=x", "501"), ("FOO=1", "555"),
                          ("SIZE=1 SIZE=1", "501"), ("BODY=9BIT", "501"),
                          ("SMTPUTF8=1", "501"), ("SIZE=157286401", "552"),
                          ("NOTIFY=NEVER", "555")):
            client = self.logged_in()
            self.assertEqual(client.ask("MAIL FROM:<alerts@contoso.com> "
                                        + bad)[:3], code, bad)
            client.ask("QUIT")
        for name, option in (("no_size", "SIZE=1"), ("no_dsn", "RET=HDRS"),
                             ("no_8bitmime", "BODY=8BITMIME")):
            self.sandbox.scenario(name)
            client = self.logged_in()
            self.assertEqual(client.ask("MAIL FROM:<alerts@contoso.com> "
                                        + option)[:9], "555 5.5.4")
            client.ask("QUIT")

    def test_null_sender(self):
        self.assertEqual(self.logged_in().ask("MAIL FROM:<>")[:10],
                         "550 5.7.60")

    def test_from_fields(self):
        client = self.logged_in()
        for header, code in (
                (b"To: a@b.c\r\n", "550 5.7.512"),
                (b"From: alerts@contoso.com\r\n" * 2, "550 5.7.512"),
                (b"From: alerts\r\n", "550 5.7.512"),
                (b"From: me@home <alerts@contoso.com>\r\n", "550 5.7.512"),
                (b"nonsense\r\nFrom: alerts@contoso.com\r\n", "550 5.7.512"),
                (b"From: a@contoso.com, b@contoso.com\r\n", "550 5.1.20"),
                (b"From: alerts@contoso.com\r\nSender: x@contoso.com\r\n",
                 "554 5.2.252"),
                (b'From: "me@home" <alerts@contoso.com>\r\n', "250 2.0.0"),
                (b"From: =?utf-8?q?K=C3=BCche?=\r\n <alerts@contoso.com>\r\n",
                 "250 2.0.0")):
            with self.subTest(header):
                reply = client.deliver(header + b"Date: x\r\n\r\nbody\r\n")
                self.assertEqual(reply[:len(code)], code)

    def test_bcc_is_noted(self):
        self.logged_in().deliver(b"Bcc: x@y.z\r\n" + MESSAGE)
        self.assertRegex(self.sandbox.messages()[0].envelope["notes"][0],
                         "^bcc")

    def test_bdat_rules(self):
        client = self.logged_in()
        client.ask("MAIL FROM:<alerts@contoso.com> BODY=BINARYMIME")
        client.ask("RCPT TO:<bob@example.net>")
        self.assertEqual(client.ask("DATA")[:9], "503 5.5.1")
        client.send(b"BDAT 5\r\nFrom:")
        self.assertEqual(client.reply()[:3], "250")
        self.assertEqual(client.ask("DATA")[:9], "503 5.5.1")
        client.send(b"BDAT 22 LAST\r\n alerts@contoso.com\n\n\n")
        self.assertEqual(client.reply()[:3], "550")   # the header needs CRLF
        client.send(b"BDAT 4 LAST\r\nQUIT")
        self.assertEqual(client.reply()[:9], "503 5.5.1")
        self.assertEqual(client.ask("BDAT x")[:3], "501")
        self.assertEqual(client.reply(), "")

    def test_limits(self):
        self.sandbox.scenario("size_limit", octets=200)
        client = self.logged_in()
        self.assertEqual(client.deliver(options=" SIZE=201")[:9], "552 5.3.4")
        self.assertEqual(client.deliver(MESSAGE + b"x" * 200 + b"\r\n")[:9],
                         "552 5.3.4")
        self.sandbox.clear()
        self.sandbox.scenario("max_recipients", limit=2)
        reply = client.deliver(recipients=["a@b.c", "b@b.c", "c@b.c"])
        self.assertEqual(reply[:9], "452 4.5.3")

    def test_two_hundred_recipients_in_one_flight(self):
        client = self.logged_in()
        names = ["user%03d@example.net" % number for number in range(400)]
        self.assertEqual(client.deliver(recipients=names)[:3], "250")
        message, = self.sandbox.messages()
        self.assertEqual([one.address for one in message.recipients], names)
        self.assertEqual(message.envelope["flights"], 9)


class ServerFaults(Case):
    """hang, close, garbage and reply, at every step."""

    def walk(self):
        """Talk until something unusual comes; returns (step, reply)."""
        try:
            client = self.raw(greet=False)
        except OSError as error:    # closed as soon as it was there
            return "banner", type(error).__name__
        try:
            return self.talk(client)
        finally:
            client.close()

    def talk(self, client):
        client.socket.settimeout(0.4)
        blob = base64.b64encode(xoauth2(self.sandbox.mailbox,
                                        self.sandbox.token()).encode())
        steps = (("banner", None, "220"), ("ehlo", "EHLO a.b", "250"),
                 ("starttls", "STARTTLS", "220"), ("tls", None, ""),
                 ("ehlo2", "EHLO a.b", "250"),
                 ("auth", "AUTH XOAUTH2 " + blob.decode(), "235"),
                 ("mail", "MAIL FROM:<alerts@contoso.com>", "250"),
                 ("rcpt", "RCPT TO:<bob@x.y>", "250"),
                 ("data", "DATA", "354"),
                 ("end-of-data", MESSAGE.decode() + ".", "250"),
                 ("quit", "QUIT", "221"))
        for step, line, code in steps:
            try:
                if step == "tls":
                    client.wrap()
                    continue
                reply = client.ask(line) if line else client.reply()
            except (OSError, ssl.SSLError) as error:
                return step, type(error).__name__
            if reply[:3] != code:
                return step, reply
        return "", ""

    def test_every_step(self):
        self.assertEqual(self.walk(), ("", ""))
        for step in scenario.STEPS[:-1]:
            seen = "banner" if step == "connect" else step
            for fault in ("hang", "close", "garbage"):
                with self.subTest(step=step, fault=fault):
                    self.sandbox.clear()
                    self.sandbox.scenario("%s@%s" % (fault, step))
                    where, reply = self.walk()
                    self.assertEqual(where, seen)
                    if fault == "hang":
                        self.assertRegex(reply, "(?i)timeout")
            if step in ("connect", "tls"):
                continue
            with self.subTest(step=step, fault="reply"):
                self.sandbox.clear()
                self.sandbox.scenario("reply@%s=499 4.9.9 As told" % step)
                self.assertEqual(self.walk(), (step, "499 4.9.9 As told"))

    def test_one_recipient(self):
        self.sandbox.scenario("reply@rcpt:Bob@x.y", text="550-5.1.1 No\n"
                              "550 5.1.1 really")
        client = self.logged_in()
        client.ask("MAIL FROM:<alerts@contoso.com>")
        self.assertEqual(client.ask("RCPT TO:<bob@x.y>"),
                         "550-5.1.1 No\n550 5.1.1 really")
        self.assertEqual(client.ask("RCPT TO:<eve@x.y>")[:3], "250")

    def test_positive_replies_count_as_accepted(self):
        self.sandbox.scenario("reply@end-of-data=250 2.6.0 <x@y> "
                              "[InternalId=1] Queued mail for delivery")
        self.assertEqual(self.logged_in().deliver()[:9], "250 2.6.0")
        self.assertEqual(len(self.sandbox.messages()), 1)

    def test_421_closes(self):
        self.sandbox.scenario("reply@mail=421 4.3.2 Service not active")
        client = self.logged_in()
        self.assertEqual(client.ask("MAIL FROM:<alerts@contoso.com>")[:3],
                         "421")
        self.assertEqual(client.reply(), "")

    def test_malformed_replies(self):
        client = self.raw()
        self.sandbox.scenario("code_change")
        self.assertEqual(client.ask("EHLO a.b"), "250-first\n599 5.5.0 second")
        self.sandbox.clear()
        self.sandbox.scenario("long_line", octets=5000)
        self.assertEqual(len(client.ask("EHLO a.b")), 5004)
        self.sandbox.clear()
        self.sandbox.scenario("drip", interval=0.001)
        self.assertEqual(client.ask("EHLO a.b")[:3], "250")
        self.sandbox.clear()
        self.sandbox.scenario("control_bytes", step="ehlo")
        self.assertIn("\x1b[31m", client.ask("EHLO a.b"))
        self.sandbox.clear()
        self.sandbox.scenario("endless_reply")
        client.send("EHLO a.b\r\n")
        for _ in range(20):
            self.assertTrue(client.socket.recv(4096))

    def test_injected_after_starttls(self):
        self.sandbox.scenario("injected_after_starttls")
        client = self.raw()
        client.ask("EHLO a.b")
        client.ask("STARTTLS")
        self.assertEqual(client.buffer[:4], b"250-")

    def test_certificates_and_versions(self):
        for kind in ("wrong-name", "expired", "self-signed", "unknown-ca"):
            self.sandbox.clear()
            self.sandbox.scenario("certificate", kind=kind, where="smtp")
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.raw().tls()
            self.assertEqual(self.post(self.secret_form())[0], 200)
        self.sandbox.clear()
        self.sandbox.scenario("tls_max", version="1.1")
        with self.assertRaises(ssl.SSLError):
            self.raw().tls()
        self.sandbox.clear()
        self.sandbox.scenario("tls_max", version="1.2")
        client = self.raw()
        client.tls()
        self.assertEqual(client.socket.version(), "TLSv1.2")

    def test_tarpit_and_latency(self):
        for name in ("tarpit", "latency"):
            self.sandbox.clear()
            self.sandbox.scenario(name, seconds=0.3)
            client = self.raw()
            begun = time.monotonic()
            client.ask("XYZ")
            self.assertGreater(time.monotonic() - begun, 0.28)

    def test_unknown_names(self):
        for name in ("nonsense", "hang@nowhere", "reply@mail"):
            with self.assertRaises(UnknownScenario):
                self.sandbox.scenario(name)
        with self.assertRaises(UnknownScenario):
            self.sandbox.scenario("slow", minutes=5)
        for name in ("hang@ehlo", "no_dsn", "http_429"):
            with self.assertRaises(UnknownScenario):
                self.sandbox.scenario(name, mailbox="alerts@contoso.com")


class Identity(Case):
    """Managed identity endpoints, entra-tokens.md 1.5."""

    def get(self, path, **headers):
        url = self.sandbox.identity_endpoint + path
        status, head, body = self.open(urllib.request.Request(
            url, headers={name.replace("_", "-"): value
                          for name, value in headers.items()}))
        return status, head, json.loads(body)

    def test_imds(self):
        path = "/metadata/identity/oauth2/token?api-version=2018-02-01" \
            "&resource=https://outlook.office365.com"
        self.assertEqual(self.get(path)[0], 400)
        status, _, answer = self.get(path, Metadata="true")
        self.assertEqual(status, 200)
        self.assertEqual(answer["expires_in"], "3599")
        self.assertRegex(answer["expires_on"], r"^\d+$")
        client = self.raw()
        client.tls()
        self.assertEqual(client.auth(token=answer["access_token"])[:3], "235")

    def test_arc(self):
        path = "/metadata/identity/oauth2/token?api-version=2020-06-01" \
            "&resource=https://outlook.office365.com"
        status, head, _ = self.get(path, Metadata="true")
        self.assertEqual(status, 401)
        name = head["WWW-Authenticate"].removeprefix("Basic realm=")
        self.assertEqual(Path(name), self.sandbox.arc_key_file)
        key = Path(name).read_text()
        status, _, answer = self.get(path, Metadata="true",
                                     Authorization="Basic " + key)
        self.assertEqual((status, answer["token_type"]), (200, "Bearer"))
        self.assertNotIn(key, (Path(self.directory.name) / "record"
                               / "token-requests.jsonl").read_text())

    def test_app_service(self):
        path = "/msi/token?api-version=2019-08-01" \
            "&resource=https://outlook.office365.com"
        self.assertEqual(self.get(path)[0], 401)
        self.assertEqual(self.get(
            path, X_IDENTITY_HEADER=self.sandbox.identity_header)[0], 200)

    def test_gone(self):
        self.sandbox.scenario("http_410", times=1)
        with self.assertRaises(ValueError):
            self.get("/metadata/identity/oauth2/token", Metadata="true")


class Load(Case):
    """Many connections, large messages."""

    def test_two_hundred_connections(self):
        self.sandbox.scenario("concurrency", limit=1000)
        results = []

        def send():
            client = Raw(self.sandbox)
            try:
                client.login()
                results.append(client.deliver()[:3])
                client.ask("QUIT")
            finally:
                client.close()
        threads = [threading.Thread(target=send) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, ["250"] * 200)
        self.assertEqual(len(self.sandbox.messages()), 200)
        self.assertEqual(self.sandbox.violations(), [])

    def test_large_message(self):
        body = (b"x" * 70 + b"\r\n") * (20 * 1024 * 1024 // 72)
        client = self.logged_in()
        client.socket.settimeout(60)
        self.assertEqual(client.deliver(MESSAGE + body)[:3], "250")
        message, = self.sandbox.messages()
        self.assertEqual(message.envelope["size"], len(MESSAGE + body))
        self.assertEqual(message.data, MESSAGE + body)
        self.assertEqual(message.envelope["flights"], 9)


class Unstuffing(unittest.TestCase):
    """The end of the data, wherever the octets are torn apart."""

    def test_every_split(self):
        wire = b"..a\r\n...\r\n\r\n.b\r\n\r\n.\r\nQUIT\r\n"
        for size in range(1, len(wire)):
            pieces = [wire[at:at + size]
                      for at in range(0, len(wire), size)]
            stream = types.SimpleNamespace(incoming=bytearray())
            stream.read_octets = lambda most: pieces.pop(0)
            taken = []
            message.unstuff(stream, taken.append)
            self.assertEqual(b"".join(taken), b".a\r\n..\r\n\r\nb\r\n\r\n")
            self.assertEqual(bytes(stream.incoming) + b"".join(pieces),
                             b"QUIT\r\n")


class Restart(unittest.TestCase):
    """A second run in the same directory starts afresh and works."""

    def test_same_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            for _ in range(2):
                with Sandbox(directory) as sandbox:
                    self.assertEqual(sandbox.commands(), [])
                    client = Raw(sandbox)
                    self.assertEqual(client.login()[:3], "235")
                    self.assertEqual(client.deliver()[:3], "250")
                    client.close()
                    self.assertEqual(len(sandbox.messages()), 1)


class Standalone(unittest.TestCase):
    """The sandbox as a program."""

    PROGRAM = str(SANDBOX / "sandbox")

    def test_help_fits_the_terminal(self):
        for option in ("--help", "--list-scenarios"):
            done = subprocess.run([self.PROGRAM, option], capture_output=True,
                                  text=True, check=True)
            self.assertLessEqual(max(map(len, done.stdout.split("\n"))), 80)
        for row in scenario.TABLE:
            self.assertIn("\n" + row.name, done.stdout)

    def test_wrong_scenario(self):
        done = subprocess.run([self.PROGRAM, "--scenario", "nonsense"],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (64, ""))
        self.assertIn("nonsense", done.stderr)

    def test_session_from_another_process(self):
        with tempfile.TemporaryDirectory() as directory:
            process = subprocess.Popen(
                [self.PROGRAM, "--directory", directory,
                 "--until-stdin-closes", "--scenario",
                 "reply@rcpt:eve@example.net=550 5.1.1 User unknown",
                 "--scenario", "http_503@nobody:times=1"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                text = ""
                while "\n}" not in text.replace("  }", "}").rstrip() + "\n" \
                        or text.count("}") < 2:
                    text += process.stdout.readline()
                self.converse(directory, text)
            finally:
                process.stdin.close()
                self.assertEqual(process.wait(10), 0)
                process.stdout.close()

    def converse(self, directory, text):
        port = int(re.search(r"port = (\d+)", text).group(1))
        url = re.search(r"https://\S+/token", text).group()
        secret = (Path(directory) / "client-secret").read_text()[:-1]
        config = Path(directory) / "mailbearer.conf"
        self.assertEqual(config.stat().st_mode & 0o137, 0)
        client_id = re.search(r'client-id = "(.*)"', text).group(1)
        context = ssl.create_default_context(
            cafile=os.path.join(directory, "ca.pem"))
        form = urllib.parse.urlencode({
            "grant_type": "client_credentials", "client_id": client_id,
            "client_secret": secret, "scope": SCOPE})
        with urllib.request.urlopen(url, form.encode(),
                                    context=context) as answer:
            token = json.load(answer)["access_token"]
        with smtplib.SMTP("localhost", port) as client:
            client.starttls(context=context)
            client.ehlo()
            client.auth("XOAUTH2", lambda challenge=None: xoauth2(
                "shop@contoso.com", token))
            refused = client.sendmail(
                "shop@contoso.com", ["bob@example.net", "eve@example.net"],
                MESSAGE.replace(b"alerts@", b"shop@"))
        self.assertEqual(refused, {"eve@example.net": (
            550, b"5.1.1 User unknown")})
        records = Records(Path(directory) / "record")
        self.assertEqual(records.messages()[0].recipients,
                         [("bob@example.net", {})])
        self.assertEqual(len(records.token_requests()), 1)
        self.assertIn("STARTTLS", [one for _, one in records.commands()])


if __name__ == "__main__":
    unittest.main()
