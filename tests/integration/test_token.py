#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The token layer against the sandbox: entra-tokens.md section 9, one test for
each of its twenty behaviours, and what issue 5 asks for beside them.

    cd BUILD-DIRECTORY && python3 SOURCE/tests/integration/test_token.py

The layer is driven by token_probe, which names tokens by their SHA-256.
"""

import base64
import concurrent.futures
import contextlib
import email.utils
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests" / "sandbox"))
from mbsandbox import Sandbox, pki  # noqa: E402

BUILD = pathlib.Path.cwd()
PROBE = BUILD / "tests" / "integration" / "token_probe"
HELPER = BUILD / "mailbearer-token"

RETRY, CONFIG, POLICY = 1, 2, 3            # enum status_class
EX_TEMPFAIL, EX_PROTOCOL, EX_NOPERM, EX_CONFIG = 75, 76, 77, 78
PUBLIC_CLIENT = "22223333-bbbb-4444-cccc-5555dddd6666"
SMTP_SEND = "https://outlook.office.com/SMTP.Send offline_access"


def environment():
    """What a caller may have set, and must not matter."""
    return {"PATH": os.environ["PATH"], "https_proxy": "http://127.0.0.1:1",
            "HTTPS_PROXY": "http://127.0.0.1:1", "ALL_PROXY":
            "http://127.0.0.1:1", "SSL_CERT_FILE": "/dev/null",
            **{name: value for name, value in os.environ.items()
               if name.endswith("SAN_OPTIONS")}}


TEMPLATE = tempfile.TemporaryDirectory(prefix="mbtoken.")


def make_sandbox(directory):
    """A sandbox whose keys were made once for all tests: RSA takes time."""
    keys = pathlib.Path(TEMPLATE.name) / "pki"
    if not keys.exists():
        with Sandbox(TEMPLATE.name):
            pass
    directory.mkdir()
    shutil.copytree(keys, directory / "pki")
    return Sandbox(directory)


def closed_port():
    """A port of this host that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Case(unittest.TestCase):
    """A sandbox, a config, and at the end a search for secrets."""

    maxDiff = 4000

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="mbtoken."))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.sandbox = make_sandbox(self.directory / "sandbox").start()
        self.addCleanup(self.sandbox.stop)
        self.state = self.directory / "state"
        self.log = self.directory / "log"
        self.cache = self.state / "token-contoso.json"
        self.written = []
        self.tokens = set()
        self.remember_tokens()
        self.write()

    def remember_tokens(self):
        """Have the sandbox tell what must never be seen."""
        success = self.sandbox.tokens.success

        def remembering(*arguments):
            answer = success(*arguments)
            self.tokens.update(value for name, value
                               in json.loads(answer.body).items()
                               if name in ("access_token", "refresh_token"))
            return answer
        self.sandbox.tokens.success = remembering

    def tearDown(self):
        text = "".join(self.written) + self.log_text()
        secrets = {self.sandbox.secret, self.sandbox.identity_header,
                   *self.tokens}
        for secret in secrets:
            # A piece of one is too much already.
            self.assertNotIn(secret[-24:], text)
        self.assertEqual(self.sandbox.violations(), [])

    # ------------------------------------------------------- doing

    def write(self, **changes):
        changes.setdefault("log", str(self.log))
        changes.setdefault("state_directory", str(self.state))
        self.config = self.sandbox.write_config(
            self.directory / "mailbearer.conf", **changes)

    def start(self, verb="get", seconds=40, config=None):
        return subprocess.Popen(
            [str(PROBE), config or self.config, "alerts", verb, str(seconds)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment())

    def finish(self, process):
        out, errors = process.communicate(timeout=120)
        self.written += [out, errors]
        self.assertEqual(process.returncode, 0, errors)
        return json.loads(out)

    def probe(self, verb="get", seconds=40, config=None):
        return self.finish(self.start(verb, seconds, config))

    def helper(self, *arguments):
        done = subprocess.run([str(HELPER), "-C", self.config, "-o",
                               *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=environment(), timeout=60)
        self.written.append(done.stderr)
        return done

    # ------------------------------------------------------- looking

    def requests(self):
        return self.sandbox.token_requests()

    def log_text(self):
        return self.log.read_text() if self.log.exists() else ""

    def cached(self):
        return json.loads(self.cache.read_text())

    def age(self, **changes):
        """Change members of the cache file; `failure_*` go into "failure"."""
        data = self.cached()
        for name, value in changes.items():
            if name.startswith("failure_"):
                data["failure"][name[8:]] = value
            else:
                data[name] = value
        self.cache.write_text(json.dumps(data))

    def left(self, seconds):
        """Make the cached token one that has lived, and has so much left."""
        now = int(time.time())
        self.age(obtained=now + seconds - 3599, expires=now + seconds)

    # ------------------------------------------------------- judging

    def assert_token(self, result, cached=None, requests=None):
        self.assertIn("sha256", result, result)
        if cached is not None:
            self.assertEqual(result["cached"], cached)
        if requests is not None:
            self.assertEqual(len(self.requests()), requests)
        return result["sha256"]

    def assert_failed(self, result, code, words="", hint="", requests=None):
        self.assertEqual(result.get("exit"), code, result)
        said = result["text"] + ": " + result["remote"]
        self.assertRegex(said, words or ".")
        self.assertRegex(result["hint"], hint or ".")
        if requests is not None:
            self.assertEqual(len(self.requests()), requests)


class Behaviours(Case):
    """entra-tokens.md section 9."""

    def storm(self, count=100, **options):
        running = [self.start(**options) for _ in range(count)]
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return list(pool.map(self.finish, running))

    def test_behaviour_01_one_request_for_a_hundred_processes(self):
        old = self.assert_token(self.probe())
        self.left(-1)
        self.sandbox.reset()
        results = self.storm()
        new = {self.assert_token(one) for one in results}
        self.assertEqual(len(new), 1)
        self.assertNotIn(old, new)
        self.assertEqual(len(self.requests()), 1)
        self.assertEqual([one["cached"] for one in results].count(False), 1)

    def test_behaviour_01_one_request_when_the_endpoint_throttles(self):
        self.sandbox.scenario("http_429", retry_after=60)
        for one in self.storm():
            self.assert_failed(one, EX_TEMPFAIL, "Too Many Requests")
        self.assertEqual(len(self.requests()), 1)

    def test_behaviour_01_few_requests_when_the_endpoint_hangs(self):
        self.sandbox.scenario("hang")
        began = time.monotonic()
        for one in self.storm(seconds=3):
            self.assert_failed(one, EX_TEMPFAIL)
        self.assertLess(time.monotonic() - began, 30)
        self.assertLessEqual(len(self.requests()), 2)

    def test_behaviour_01_a_hundred_fail_soon_when_the_endpoint_is_down(self):
        self.write(authority="https://localhost:%d" % closed_port())
        began = time.monotonic()
        for one in self.storm(seconds=10):
            self.assert_failed(one, EX_TEMPFAIL)
        self.assertLess(time.monotonic() - began, 40)

    def test_behaviour_02_never_hang(self):
        self.sandbox.scenario("hang")
        began = time.monotonic()
        self.assert_failed(self.probe(seconds=2), EX_TEMPFAIL, "too long")
        self.assertLess(time.monotonic() - began, 6)

    def test_behaviour_02_no_wait_for_a_lock_while_the_token_lives(self):
        old = self.assert_token(self.probe())
        self.left(120)
        self.sandbox.scenario("hang")
        slow = self.start(seconds=20)
        deadline = time.monotonic() + 5
        while len(self.requests()) < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        began = time.monotonic()
        self.assertEqual(self.assert_token(self.probe(), cached=True), old)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.assert_token(self.finish(slow)), old)

    def test_behaviour_03_margin(self):
        self.probe()
        self.left(400)         # 300 s, and up to a fifth of jitter
        self.assert_token(self.probe(), cached=True, requests=1)
        self.left(250)
        self.assert_token(self.probe(), cached=False, requests=2)
        self.write(token_margin="600s")
        self.left(550)
        self.assert_token(self.probe(), cached=False, requests=3)

    def test_behaviour_03_jitter(self):
        self.probe()
        self.sandbox.reset()
        # Nobody answers, so nothing is stored: each process decides alone.
        self.sandbox.scenario("close")
        for _ in range(30):
            self.left(330)
            self.assert_token(self.probe())
        self.assertGreater(len(self.requests()), 0)
        self.assertLess(len(self.requests()), 30)

    def test_behaviour_04_the_old_token_outlives_a_passing_failure(self):
        for fault in ("http_503", "close", "garbage", "http_429"):
            with self.subTest(fault):
                self.sandbox.clear()
                self.probe("forget")
                old = self.assert_token(self.probe())
                self.left(100)
                self.sandbox.scenario(fault)
                for _ in range(2):
                    self.assertEqual(self.assert_token(
                        self.probe(), cached=True), old)
                self.assertEqual(self.cached()["access_token"] != "", True)
                self.left(20)          # too short for the dialogue
                self.assert_failed(self.probe(), EX_TEMPFAIL)

    def test_behaviour_05_a_refused_token_is_dropped_once(self):
        self.assertFalse(self.probe("reject")["worth"])   # it was fresh
        old = self.assert_token(self.probe(), cached=True)
        result = self.probe("reject")
        self.assertTrue(result["cached"])
        self.assertTrue(result["worth"])
        self.assertNotEqual(self.assert_token(self.probe(), cached=False,
                                              requests=2), old)
        self.assertFalse(self.probe("reject")["worth"])
        self.assert_token(self.probe(), cached=True, requests=2)
        self.age(rejected=int(time.time()) - 301)
        self.assertTrue(self.probe("reject")["worth"])

    def test_behaviour_05_a_managed_identity_is_never_asked_again(self):
        self.write(client_secret_file=None, authority=None, tenant=None,
                   client_id=None, managed_identity="imds",
                   token_endpoint=self.sandbox.identity_endpoint
                   + "/metadata/identity/oauth2/token")
        self.assert_token(self.probe())
        self.assertFalse(self.probe("reject")["worth"])
        self.assert_token(self.probe(), cached=True, requests=1)

    def test_behaviour_06_classes_follow_status_and_error(self):
        for scenario, code, kind in (
                ("error:7000215", EX_NOPERM, CONFIG),
                ("error:700016", EX_NOPERM, CONFIG),
                ("error:53003", EX_NOPERM, POLICY),
                ("error:50196", EX_TEMPFAIL, RETRY),
                ("error:90055", EX_TEMPFAIL, RETRY),
                ("error:90033", EX_TEMPFAIL, RETRY),
                ("http_500", EX_TEMPFAIL, RETRY),
                ("http_408", EX_TEMPFAIL, RETRY),
                ('reply@token=401 {"error":"invalid_client","error_codes":'
                 '[123456789],"error_description":"AADSTS123456789: new"}',
                 EX_NOPERM, CONFIG),
                ('reply@token=400 {"error":"temporarily_unavailable"}',
                 EX_TEMPFAIL, RETRY)):
            with self.subTest(scenario):
                self.probe("forget")
                self.sandbox.clear()
                self.sandbox.scenario(scenario)
                result = self.probe()
                self.assertEqual((result["exit"], result["class"]),
                                 (code, kind), result)

    def test_behaviour_07_failures_are_kept(self):
        self.sandbox.scenario("error:7000215")
        self.assert_failed(self.probe(), EX_NOPERM, "7000215", requests=1)
        self.assert_failed(self.probe(), EX_NOPERM,
                           r"^(?!.*not asked).*7000215",
                           r"Value.*; not asked again until \d\d:\d\d, or at "
                           r"once by mailbearer token alerts --renew",
                           requests=1)
        pauses = []
        for _ in range(6):
            failure = self.cached()["failure"]
            pauses.append(failure["not_before"] - failure["at"])
            self.age(failure_at=failure["at"] - pauses[-1],
                     failure_not_before=failure["at"])
            self.probe()
        self.assertEqual(pauses, [60, 120, 240, 480, 900, 900])

    def test_behaviour_07_a_new_secret_clears_a_failure(self):
        self.sandbox.write_secret("wrong")
        self.assert_failed(self.probe(), EX_NOPERM, requests=1)
        self.sandbox.write_secret(self.sandbox.secret)
        self.assert_token(self.probe(), requests=2)

    def test_behaviour_07_a_new_config_clears_a_failure(self):
        self.write(client_id="99990000-aaaa-4222-8bbb-3333cccc4444")
        self.assert_failed(self.probe(), EX_NOPERM, requests=1)
        self.write()
        self.assert_token(self.probe(), requests=2)

    def test_behaviour_07_retry_after(self):
        date = email.utils.formatdate(time.time() + 90, usegmt=True)
        for value, least, most in (("45", 45, 45), ("86400", 3600, 3600),
                                   (date, 80, 91), ("0", 1, 1)):
            with self.subTest(value):
                self.probe("forget")
                self.sandbox.clear()
                self.sandbox.scenario("http_429", retry_after=value)
                self.assert_failed(self.probe(), EX_TEMPFAIL)
                failure = self.cached()["failure"]
                pause = failure["not_before"] - failure["at"]
                self.assertGreaterEqual(pause, least)
                self.assertLessEqual(pause, most)

    def test_behaviour_07_our_own_trouble_silences_nobody(self):
        self.sandbox.scenario("close", times=1)
        self.assert_failed(self.probe(), EX_TEMPFAIL)
        self.assert_token(self.probe(), requests=2)

    def test_behaviour_08_the_log_has_what_support_asks_for(self):
        self.sandbox.scenario("error:7000222")
        self.probe()
        line = [one for one in self.log_text().splitlines()
                if "token-failed" in one][0]
        uuid = r"[0-9a-f]{8}-[0-9a-f-]{27}"
        for what in (r"app=contoso", r"oauth_error=invalid_client",
                     r"aadsts=7000222", r"request=" + uuid,
                     r"correlation=" + uuid, r"trace=" + uuid, r"hint="):
            self.assertRegex(line, what)
        sent = self.requests()[0]["headers"]["client-request-id"]
        self.assertIn("request=" + sent, line)

    def test_behaviour_08_an_endpoint_that_repeats_the_secret(self):
        for body in ('{"error":"x","error_description":"you sent %s"}',
                     "<html>%s</html>"):
            self.probe("forget")
            self.sandbox.clear()
            self.sandbox.scenario("reply@token=400 " + body
                                  % self.sandbox.secret)
            self.assert_failed(self.probe(), EX_NOPERM, "repeat the secret")

    def test_behaviour_09_the_key_covers_config_and_credential(self):
        self.sandbox.add_app("77778888-aaaa-4222-8bbb-3333cccc4444",
                             secret=self.sandbox.secret)
        self.probe()
        count = 1
        for changes in ({"tenant": self.sandbox.tenant_id},
                        {"client_id": "77778888-aaaa-4222-8bbb-3333cccc4444"},
                        {"scope": "https://outlook.office.com/.default"},
                        {"client_secret_file":
                         self.sandbox.write_secret(self.sandbox.secret,
                                                   "other")}):
            with self.subTest(changes):
                self.write(**changes)
                count += 1
                self.assert_token(self.probe(), cached=False, requests=count)
                self.assert_token(self.probe(), cached=True, requests=count)
        # The same bytes, written again, may be another secret: not read.
        self.sandbox.write_secret(self.sandbox.secret, "other")
        self.assert_token(self.probe(), cached=False, requests=count + 1)

    def test_behaviour_10_secrets_are_encoded_and_trimmed(self):
        # The sandbox's secret has + & % = / in it.
        path = pathlib.Path(self.sandbox.secret_file)
        for end in ("", "\n", "\r\n"):
            with self.subTest(end):
                path.write_text(self.sandbox.secret + end)
                self.assert_token(self.probe(), cached=False)
        for text, words in (("", "is empty"), ("\n", "is empty"),
                            (self.sandbox.secret + "\n\n", "more than one"),
                            ("\n" + self.sandbox.secret, "more than one"),
                            ("\ufeff" + self.sandbox.secret, "byte order"),
                            (f'"{self.sandbox.secret}"', "in quotes"),
                            (f"'{self.sandbox.secret}'\r\n", "in quotes")):
            with self.subTest(text):
                path.write_text(text, encoding="utf-8")
                self.assert_failed(self.probe(), EX_CONFIG, words, ".")

    def test_behaviour_10_a_secret_id_is_recognised(self):
        self.sandbox.write_secret("11112222-3333-4444-5555-666677778888")
        self.assert_failed(self.probe(), EX_NOPERM, "7000215", "secret's ID")

    def certificate(self, **changes):
        path = self.sandbox.make_certificate()
        self.write(client_secret_file=None, certificate=path, **changes)
        return path

    def test_behaviour_11_ps256_unless_told_otherwise(self):
        self.certificate()
        self.assert_token(self.probe(), requests=1)
        header = self.requests()[0]["assertion"]["header"]
        self.assertEqual((header["alg"], sorted(header)),
                         ("PS256", ["alg", "typ", "x5t#S256"]))
        self.assertNotIn("=", header["x5t#S256"])

    def test_behaviour_11_rs256_where_ps256_is_refused(self):
        self.certificate()
        self.sandbox.scenario("no_ps256")
        self.assert_token(self.probe(), requests=2)
        header = self.requests()[1]["assertion"]["header"]
        self.assertEqual((header["alg"], sorted(header)),
                         ("RS256", ["alg", "typ", "x5t"]))
        self.assertIn("assertion-algorithm = RS256", self.log_text())

    def test_behaviour_11_an_algorithm_that_is_given_stays(self):
        self.certificate(assertion_algorithm="RS256")
        self.assert_token(self.probe(), requests=1)
        self.assertEqual(self.requests()[0]["assertion"]["header"]["alg"],
                         "RS256")
        self.certificate(assertion_algorithm="PS256")
        self.sandbox.scenario("no_ps256")
        self.assert_failed(self.probe(), EX_NOPERM, "5002730", requests=2)

    def test_behaviour_11_key_and_certificate_must_match(self):
        path = self.certificate()
        key = pki.rsa_key(self.directory / "other.key")
        self.write(client_secret_file=None, certificate=path,
                   private_key=str(key))
        self.assert_failed(self.probe(), EX_CONFIG, "does not belong to",
                           ".", requests=0)

    def test_behaviour_11_the_thumbprint_is_said(self):
        path = self.certificate()
        self.sandbox.app().certificates.clear()
        shown = subprocess.run(["openssl", "x509", "-noout", "-fingerprint",
                                "-sha1", "-in", path], check=True, text=True,
                               capture_output=True).stdout
        digits = shown.strip().partition("=")[2].replace(":", "")
        self.assert_failed(self.probe(), EX_NOPERM, "700027", digits)

    def test_behaviour_12_each_assertion_is_fresh(self):
        self.certificate()
        self.probe()
        self.probe("forget")
        self.probe()
        claims = [one["assertion"]["claims"] for one in self.requests()]
        self.assertEqual(len({one["jti"] for one in claims}), 2)
        for one in claims:
            self.assertEqual(one["exp"] - one["nbf"], 600)
            self.assertEqual((one["iss"], one["sub"], one["aud"]),
                             (self.sandbox.client_id, self.sandbox.client_id,
                              self.sandbox.token_endpoint))

    def test_behaviour_12_a_federated_token_is_read_each_time(self):
        path = self.directory / "federated"
        self.write(client_secret_file=None, federated_token_file=str(path))
        for text in ("header.first.signature", "header.second.signature"):
            path.write_text(text)
            self.sandbox.app().federated = [text]
            self.probe("forget")
            self.assert_token(self.probe(), cached=False)

    def test_behaviour_13_unsafe_files_are_refused(self):
        secret = pathlib.Path(self.sandbox.secret_file)
        secret.chmod(0o644)
        self.assert_failed(self.probe(), EX_CONFIG, "client-secret", "chmod",
                           requests=0)
        secret.chmod(0o620)
        self.assertIn("exit", self.probe())
        secret.chmod(0o600)
        self.assert_token(self.probe(), requests=1)
        self.assertEqual(stat.S_IMODE(self.cache.stat().st_mode), 0o640)

    def test_behaviour_13_an_unsafe_state_directory_is_not_used(self):
        self.state.mkdir()
        self.state.chmod(0o777)
        self.assert_token(self.probe(), cached=False)
        self.assert_token(self.probe(), cached=False, requests=2)
        self.assertEqual(list(self.state.iterdir()), [])
        self.assertIn("no token cache", self.log_text())

    def test_behaviour_13_a_planted_cache_is_not_followed(self):
        self.state.mkdir()
        target = self.directory / "target"
        target.write_text("untouched")
        self.cache.symlink_to(target)
        self.assert_token(self.probe(), cached=False)
        self.assertEqual(target.read_text(), "untouched")
        self.assert_token(self.probe(), cached=True, requests=1)

    def test_behaviour_14_a_cache_from_the_future_is_distrusted(self):
        self.probe()
        now = int(time.time())
        for changes in ({"obtained": now + 900, "expires": now + 4000},
                        {"obtained": now - 10, "expires": now + 29 * 3600}):
            with self.subTest(changes):
                count = len(self.requests())
                self.age(**changes)
                self.assert_token(self.probe(), cached=False,
                                  requests=count + 1)

    def test_behaviour_14_a_wrong_clock_is_said(self):
        self.certificate()
        self.sandbox.scenario("clock_skew", seconds=3600)
        self.assert_failed(self.probe(), EX_NOPERM,
                           "(59|60) minutes behind that server's")
        self.probe("forget")
        self.sandbox.clear()
        self.sandbox.scenario("clock_skew", seconds=-7200)
        self.assert_failed(self.probe(), EX_NOPERM, "minutes ahead of")

    def test_behaviour_15_odd_answers_with_a_token(self):
        for name, params, life in (
                ("string_numbers", {}, 3599), ("no_expires", {}, 300),
                ("expires_in", {"seconds": 0}, 300),
                ("expires_in", {"seconds": -5}, 300),
                ("expires_in", {"seconds": 999999999}, 28 * 3600)):
            with self.subTest(name, **params):
                self.probe("forget")
                self.sandbox.clear()
                self.sandbox.scenario(name, **params)
                result = self.probe()
                self.assert_token(result)
                self.assertEqual(result["expires"] - result["obtained"], life)
                self.assert_token(self.probe(), cached=True)

    def test_behaviour_15_odd_answers_without_one(self):
        for scenario, words in (
                ("garbage", "<!DOCTYPE html>"),
                ("truncated", "a token in it that cannot be read"),
                ("huge", "more than 256 KiB"),
                ("reply@token=200 ", "empty answer"),
                ("reply@token=200 []", r"\[\]"),
                ('reply@token=200 {"access_token":7}', ""),
                ('reply@token=200 {"access_token":"a b"}', ""),
                ('reply@token=200 {"access_token":"a","token_type":"mac"}',
                 "")):
            with self.subTest(scenario):
                self.probe("forget")
                self.sandbox.clear()
                self.sandbox.scenario(scenario)
                self.assert_failed(self.probe(), EX_TEMPFAIL, words, ".")

    def test_behaviour_15_an_error_with_status_200(self):
        self.sandbox.scenario('reply@token=200 {"error":"invalid_client",'
                              '"error_description":"AADSTS7000215: no"}')
        self.assert_failed(self.probe(), EX_NOPERM, "AADSTS7000215")

    # 16 (XOAUTH2 on the wire) is the SMTP session's.

    def test_behaviour_17_claims_are_read_and_opaque_tokens_work(self):
        result = self.probe()
        self.assertEqual((result["aud"], result["roles"], result["appid"]),
                         ("https://outlook.office365.com", "SMTP.SendAsApp",
                          self.sandbox.client_id))
        self.probe("forget")
        self.sandbox.scenario("opaque_token")
        result = self.probe()
        self.assert_token(result, cached=False)
        self.assertFalse(result["jwt"])

    def test_behaviour_18_no_redirects(self):
        self.sandbox.scenario("redirect",
                              location=self.sandbox.token_endpoint)
        self.assert_failed(self.probe(), EX_NOPERM, hint="redirect",
                           requests=1)

    def test_behaviour_18_https_only(self):
        self.write(token_endpoint=self.sandbox.identity_endpoint + "/token")
        self.assertIn(self.probe()["exit"], (EX_CONFIG,))
        self.assertEqual(self.requests(), [])

    def test_behaviour_18_certificates_are_verified(self):
        for kind, hint in (("wrong-name", "authority and token-endpoint"),
                           ("expired", "clock"), ("self-signed", "ca-file"),
                           ("unknown-ca", "ca-certificates")):
            with self.subTest(kind):
                self.sandbox.clear()
                self.sandbox.scenario("certificate", kind=kind)
                self.assert_failed(self.probe(), EX_PROTOCOL, hint=hint,
                                   requests=0)

    def test_behaviour_18_proxy_from_the_config_only(self):
        # environment() names a dead proxy in every case here.
        self.assert_token(self.probe(), requests=1)
        port = closed_port()
        self.write(proxy="http://127.0.0.1:%d" % port)
        self.assert_failed(self.probe(), EX_TEMPFAIL, str(port),
                           "check proxy in the config", requests=1)

    def refusing_proxy(self, status):
        """A proxy that gives this answer to one CONNECT; its URL."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def refuse():
            with contextlib.suppress(OSError), listener.accept()[0] as one:
                one.settimeout(20)
                said = b"x"
                while said and not said.endswith(b"\r\n\r\n"):
                    said = one.recv(4096)
                if status is not None:
                    one.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n"
                                % status)
        threading.Thread(target=refuse, daemon=True).start()
        return "http://127.0.0.1:%d" % listener.getsockname()[1]

    def test_behaviour_18_a_proxy_that_refuses_is_named(self):
        for status, hint in ((407, "proxy wants a user and a password"),
                             (403, "have the proxy allow"),
                             (502, "check proxy in the config"),
                             (None, "check proxy in the config")):
            with self.subTest(status):
                self.write(proxy=self.refusing_proxy(status))
                self.assert_failed(self.probe(), EX_TEMPFAIL, "", hint,
                                   requests=0)

    def test_behaviour_18_no_proxy_for_identity_endpoints(self):
        self.write(client_secret_file=None, authority=None, tenant=None,
                   client_id=None, managed_identity="imds",
                   proxy="http://127.0.0.1:%d" % closed_port(),
                   token_endpoint=self.sandbox.identity_endpoint
                   + "/metadata/identity/oauth2/token")
        self.assert_token(self.probe(), requests=1)

    def test_behaviour_19_mailboxes_of_one_app_share_its_token(self):
        self.write()
        text = pathlib.Path(self.config).read_text()
        pathlib.Path(self.config).write_text(
            text + 'account "shop" {\n    app = "contoso"\n'
            '    mailbox = "shop@contoso.com"\n    host = "localhost"\n'
            '    port = %d\n}\n' % self.sandbox.smtp_port)
        first = self.assert_token(self.probe())
        done = subprocess.run([str(PROBE), self.config, "shop", "get"],
                              capture_output=True, text=True, check=True,
                              env=environment())
        self.assertEqual(json.loads(done.stdout)["sha256"], first)
        self.assertEqual(len(self.requests()), 1)

    def test_behaviour_20_no_token_failure_loses_mail(self):
        for fault in ("http_400", "http_401", "http_403", "http_404",
                      "http_429", "http_500", "http_503", "garbage", "huge",
                      "truncated", "close", "redirect", "error:7000215",
                      "error:7000222", "error:700016", "error:90002",
                      "error:65001", "error:53003", "error:500011"):
            with self.subTest(fault):
                self.probe("forget")
                self.sandbox.clear()
                self.sandbox.scenario(fault)
                result = self.probe()
                self.assertIn(result["class"], (RETRY, CONFIG, POLICY))
                self.assertEqual(result["scope"], 1)     # SCOPE_ACCOUNT
                self.assertIn(result["exit"], (EX_TEMPFAIL, EX_PROTOCOL,
                                               EX_NOPERM, EX_CONFIG))
                self.assertNotEqual(result["hint"], "")


class Kinds(Case):
    """Credential kinds, one by one."""

    def test_secrets_are_tried_in_order(self):
        wrong = self.sandbox.write_secret("wrong", "old")
        self.write(client_secret_file=[wrong, self.sandbox.secret_file])
        self.assert_token(self.probe(), requests=2)

    def test_the_next_secret_is_for_invalid_client_only(self):
        other = self.sandbox.write_secret("wrong", "old")
        self.write(client_secret_file=[self.sandbox.secret_file, other])
        self.sandbox.scenario("http_503")
        self.assert_failed(self.probe(), EX_TEMPFAIL, requests=1)
        self.probe("forget")
        self.sandbox.clear()
        self.sandbox.scenario("error:700016")
        self.assert_failed(self.probe(), EX_NOPERM, requests=2)

    def verified_by_openssl(self, algorithm, *options):
        """Whether openssl, given the certificate alone, takes the signature
        of the assertion that the endpoint got."""
        seen = []
        check = self.sandbox.tokens._check_signature
        self.sandbox.tokens._check_signature = lambda app, token: (
            seen.append(token), check(app, token))
        path = self.sandbox.make_certificate()
        self.write(client_secret_file=None, certificate=path,
                   assertion_algorithm=algorithm)
        self.probe("forget")
        self.assert_token(self.probe(), cached=False)
        files = {name: self.directory / name
                 for name in ("key.pub", "signed", "signature")}
        files["key.pub"].write_text(pki.public_key_pem(
            pathlib.Path(path).read_text()))
        files["signed"].write_bytes(seen[0].signed)
        files["signature"].write_bytes(seen[0].signature)
        done = subprocess.run(
            ["openssl", "dgst", "-sha256", *options, "-verify",
             str(files["key.pub"]), "-signature", str(files["signature"]),
             str(files["signed"])], capture_output=True, text=True)
        return done.stdout.strip()

    def test_openssl_verifies_ps256(self):
        self.assertEqual(self.verified_by_openssl(
            "PS256", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
            "rsa_pss_saltlen:32", "-sigopt", "rsa_mgf1_md:sha256"),
            "Verified OK")

    def test_openssl_verifies_rs256(self):
        self.assertEqual(self.verified_by_openssl("RS256"), "Verified OK")

    def split(self, path):
        """The key and the certificate of a PEM file, in files of their own."""
        text = pathlib.Path(path).read_text()
        at = text.index("-----BEGIN CERTIFICATE")
        key, certificate = self.directory / "key", self.directory / "cert"
        key.touch(mode=0o600)
        key.write_text(text[:at])
        certificate.write_text(text[at:])
        return str(key), str(certificate)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True,
                       capture_output=True)

    def test_key_and_certificate_in_two_files(self):
        key, certificate = self.split(self.sandbox.make_certificate())
        self.write(client_secret_file=None, certificate=certificate,
                   private_key=key)
        self.assert_token(self.probe())
        pathlib.Path(key).chmod(0o644)
        self.assert_failed(self.probe(), EX_CONFIG, "key", "chmod")

    def test_an_encrypted_key(self):
        key, certificate = self.split(self.sandbox.make_certificate())
        locked, passphrase = self.directory / "locked", \
            self.directory / "passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_text("a long way to Tipperary\n")
        self.openssl("pkcs8", "-topk8", "-in", key, "-out", str(locked),
                     "-passout", "file:" + str(passphrase))
        locked.chmod(0o600)
        changes = {"client_secret_file": None, "certificate": certificate,
                   "private_key": str(locked)}
        self.write(passphrase_file=str(passphrase), **changes)
        self.assert_token(self.probe())
        self.write(**changes)
        self.assert_failed(self.probe(), EX_CONFIG, "locked",
                           "passphrase-file")
        passphrase.write_text("wrong\n")
        self.write(passphrase_file=str(passphrase), **changes)
        self.assert_failed(self.probe(), EX_CONFIG, "locked",
                           "check the passphrase")

    def test_pkcs12(self):
        path = self.sandbox.make_certificate()
        box, passphrase = self.directory / "box.p12", \
            self.directory / "passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_text("sesame\n")
        self.openssl("pkcs12", "-export", "-in", path, "-out", str(box),
                     "-passout", "file:" + str(passphrase))
        box.chmod(0o600)
        self.write(client_secret_file=None, certificate=str(box),
                   passphrase_file=str(passphrase))
        self.assert_token(self.probe())
        self.write(client_secret_file=None, certificate=str(box))
        self.assert_failed(self.probe(), EX_CONFIG, "box.p12",
                           "passphrase-file")

    def test_certificates_that_cannot_do(self):
        key, certificate = self.split(self.sandbox.make_certificate())
        curve = self.directory / "curve.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
                     "-keyout", str(curve) + ".key", "-out", str(curve))
        curve.write_text(curve.read_text()
                         + pathlib.Path(str(curve) + ".key").read_text())
        curve.chmod(0o600)
        rubbish = self.directory / "rubbish"
        rubbish.touch(mode=0o600)
        rubbish.write_text("nothing of the kind\n")
        pathlib.Path(certificate).chmod(0o600)
        for path, words in ((curve, "no RSA key"),
                            (certificate, "no private key"),
                            (key, "no certificate"),
                            (rubbish, "no private key")):
            with self.subTest(words):
                self.write(client_secret_file=None, certificate=str(path))
                self.assert_failed(self.probe(), EX_CONFIG, words,
                                   requests=0)

    def test_managed_identity_waits_for_imds(self):
        self.write(client_secret_file=None, authority=None, tenant=None,
                   managed_identity="imds",
                   token_endpoint=self.sandbox.identity_endpoint
                   + "/metadata/identity/oauth2/token")
        self.sandbox.scenario("http_404", times=1)
        began = time.monotonic()
        result = self.probe()
        self.assert_token(result, requests=2)
        self.assertGreater(time.monotonic() - began, 0.9)
        request = self.requests()[1]
        self.assertEqual(request["query"]["resource"],
                         "https://outlook.office365.com")
        self.assertEqual(request["query"]["client_id"],
                         self.sandbox.client_id)
        self.assertEqual(request["headers"]["metadata"], "true")

    def app_service(self, header):
        secret = self.sandbox.write_secret(header, "identity-header")
        self.write(client_secret_file=secret, authority=None, tenant=None,
                   client_id=None, managed_identity="app-service",
                   token_endpoint=self.sandbox.identity_endpoint
                   + "/msi/token")

    def test_managed_identity_of_app_service(self):
        self.app_service(self.sandbox.identity_header)
        self.assert_token(self.probe(), requests=1)
        self.app_service("something else")
        self.assert_failed(self.probe(), EX_NOPERM, "X-IDENTITY-HEADER",
                           requests=2)

    def arc(self, key_file):
        """One request of the helper that looks below BUILD for its key."""
        self.addCleanup(shutil.rmtree, BUILD / "tests" / "arc-tokens",
                        ignore_errors=True)
        self.sandbox._identity.arc_key_file = key_file
        self.addCleanup(key_file.unlink, missing_ok=True)
        self.write(client_secret_file=None, authority=None, tenant=None,
                   client_id=None, managed_identity="azure-arc",
                   token_endpoint=self.sandbox.identity_endpoint
                   + "/metadata/identity/oauth2/token")
        done = subprocess.run(
            [str(BUILD / "tests/integration/token_arc"), "-C", self.config,
             "-o", "contoso"], capture_output=True, text=True, timeout=60)
        self.written.append(done.stderr)
        return json.loads(done.stdout)

    def test_managed_identity_of_azure_arc(self):
        directory = BUILD / "tests" / "arc-tokens"
        directory.mkdir(exist_ok=True)
        answer = self.arc(directory / ("%d.key" % os.getpid()))
        self.assertIn("access_token", answer)
        self.assertEqual(len(self.requests()), 2)

    def test_azure_arc_names_a_file_elsewhere(self):
        """Or else whoever has its port could read our files."""
        directory = BUILD / "tests" / "arc-tokens"
        (directory / "sub").mkdir(parents=True, exist_ok=True)
        for count, path in enumerate((
                self.directory / "x.key", directory / "x.txt",
                directory / "sub" / "x.key",
                directory / ".." / "arc-tokens2" / "x.key")):
            answer = self.arc(path)
            self.assertIn("names no file", answer["error"]["text"])
            self.assertEqual(len(self.requests()), count + 1)

    def test_azure_arc_key_with_a_line_end(self):
        """It would be a header of its own; nothing is asked with half of it."""
        class Spoilt(type(pathlib.Path())):
            def write_text(self, text):
                return super().write_text(text[:9] + "\r\nX-Other: 1\r\n")

        directory = BUILD / "tests" / "arc-tokens"
        directory.mkdir(exist_ok=True)
        answer = self.arc(Spoilt(directory / ("%d.key" % os.getpid())))
        self.assertIn("is no key file", answer["error"]["text"])
        self.assertEqual(len(self.requests()), 1)

    def test_managed_identity_is_of_this_machine(self):
        self.write(client_secret_file=None, authority=None, tenant=None,
                   managed_identity="imds",
                   token_endpoint="https://login.example.net/token")
        self.assert_failed(self.probe(), EX_CONFIG, "no endpoint of this",
                           "loopback")

    def command(self, text):
        path = self.directory / "command"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        self.write(client_secret_file=None, authority=None, tenant=None,
                   client_id=None, token_command=[str(path), "an argument"])
        return path

    def test_token_command(self):
        token = self.sandbox.token()
        self.tokens.add(token)
        digest = hashlib.sha256(token.encode()).hexdigest()
        bare = "test $# = 1 -a \"$1\" = 'an argument' || exit 1\n" \
            "test -z \"$HOME$https_proxy\" || exit 2\n" \
            "read line && exit 3\n" \
            "ls /proc/self/fd | grep -qE '^([5-9]|1.)$' && exit 4\n" \
            "echo %s\n" % token
        self.command(bare)
        result = self.probe()
        self.assertEqual(self.assert_token(result, cached=False), digest)
        self.assertLessEqual(abs(result["expires"] - time.time() - 3599), 310)
        self.assert_token(self.probe(), cached=True)
        self.command("echo '{\"access_token\":\"%s\",\"expires_in\":1234,"
                     "\"token_type\":\"Bearer\"}'" % token)
        result = self.probe()
        self.assertEqual(result["expires"] - result["obtained"], 1234)

    def test_a_token_command_that_fails(self):
        for text, words, hint in (
                ("exit 3", "command printed nothing and exited with 3",
                 "by hand"),
                ("kill -9 $$", "nothing and was killed by signal 9", "by hand"),
                ("echo two words; exit 4", "no token and exited with 4",
                 "by hand.*nothing else"),
                ("echo two words; kill -9 $$",
                 "no token and was killed by signal 9", "by hand"),
                ("echo '{\"error\":\"x\"}'", "no token and exited with 0",
                 "by hand"),
                ("yes", "more than 65536 bytes", "^"),
                ("sleep 60", "too long", ".")):
            with self.subTest(text):
                self.command(text)
                began = time.monotonic()
                result = self.probe(seconds=2)
                self.assertRegex(result["text"], words)
                self.assertRegex(result["hint"], hint)
                self.assertNotIn("two words", result["text"])
                self.assertLess(time.monotonic() - began, 10)

    def test_a_token_command_written_as_in_a_shell(self):
        path = self.command("echo x")
        self.write(client_secret_file=None, authority=None, tenant=None,
                   client_id=None, token_command=f"{path} --quiet")
        self.assert_failed(self.probe(), EX_CONFIG, "does not exist",
                           f'{{ "{path}", "..." }}')

    def test_a_token_command_that_others_may_write(self):
        self.command("echo x").chmod(0o777)
        self.assert_failed(self.probe(), EX_CONFIG, "token-command.*command",
                           "chmod")

    def delegated(self):
        self.sandbox.add_app(PUBLIC_CLIENT, public=True)
        self.sandbox.tokens.device_interval = 1
        self.write(client_secret_file=None, delegated=True,
                   client_id=PUBLIC_CLIENT)
        self.state.mkdir(exist_ok=True)

    def refresh_files(self):
        return list(self.state.glob("refresh-*"))

    def test_delegated_sign_in_and_rotation(self):
        self.delegated()
        self.assert_failed(self.probe(), EX_CONFIG, "nobody has signed in",
                           "mailbearer login", requests=0)
        waiter = self.sandbox.tokens.user_at_device(self.sandbox.mailbox)
        done = self.helper("--login", "contoso", self.sandbox.mailbox)
        waiter.join()
        self.written.append(done.stdout)       # not even there
        news, end = map(json.loads, done.stdout.splitlines())
        self.assertRegex(news["verification_uri"], "^https://")
        self.assertRegex(news["user_code"], "^[A-Z0-9]+$")
        self.assertTrue(end["signed_in"])
        stored = self.refresh_files()
        self.assertEqual(len(stored), 1)
        self.assertEqual(stat.S_IMODE(stored[0].stat().st_mode), 0o600)
        before = stored[0].read_text()
        result = self.probe()
        self.assert_token(result, cached=False)
        self.assertEqual(result["upn"], self.sandbox.mailbox)
        self.assertNotEqual(stored[0].read_text(), before)
        self.probe("forget")
        self.assert_token(self.probe(), cached=False)
        self.assertEqual(self.refresh_files(), stored)

    def test_delegated_sign_in_that_is_declined(self):
        self.delegated()
        waiter = self.sandbox.tokens.user_at_device(self.sandbox.mailbox,
                                                    decline=True)
        done = self.helper("--login", "contoso", self.sandbox.mailbox)
        waiter.join()
        error = json.loads(done.stdout.splitlines()[-1])["error"]
        self.assertEqual(error["oauth_error"], "authorization_declined")
        self.assertEqual(self.refresh_files(), [])

    def test_delegated_refresh_token_that_died(self):
        self.delegated()
        self.sandbox.scenario("device_approved", user=self.sandbox.mailbox)
        self.helper("--login", "contoso", self.sandbox.mailbox)
        self.sandbox.tokens._refresh_tokens.clear()
        self.assert_failed(self.probe(), EX_NOPERM, "700082",
                           "mailbearer login")


class Life(Case):
    """Cache, lock, log and the processes around them."""

    def test_early_renewal_in_the_background(self):
        old = self.assert_token(self.probe())
        self.assertFalse(self.probe()["wants_renewal"])
        self.age(refresh_after=int(time.time()) - 1)
        result = self.probe()
        self.assertEqual((result["sha256"], result["wants_renewal"]),
                         (old, True))
        self.assertEqual(len(self.requests()), 1)
        self.probe("renew")
        self.probe("renew")
        self.assertEqual(len(self.requests()), 2)
        self.assertNotEqual(self.assert_token(self.probe(), cached=True), old)

    def test_refresh_in_is_honoured(self):
        self.sandbox.scenario("refresh_in", seconds=1000)
        result = self.probe()
        self.assertEqual(self.cached()["refresh_after"] - result["obtained"],
                         1000)

    def test_early_renewal_that_fails_keeps_the_token(self):
        old = self.assert_token(self.probe())
        self.age(refresh_after=int(time.time()) - 1)
        self.sandbox.scenario("error:7000215")
        self.probe("renew")
        result = self.probe()
        self.assertEqual((result["sha256"], result["wants_renewal"]),
                         (old, False))
        self.probe("renew")
        self.assertEqual(len(self.requests()), 2)

    def test_broken_caches_are_replaced(self):
        self.probe()
        good = self.cache.read_bytes()
        count = 1
        for bad in (b"", b"{", b"\0" * 100, good[:-20], b"[]", b"{}",
                    good.replace(b'"version":1', b'"version":2'),
                    good.replace(b'"access_token":"', b'"access_token":"\\n'),
                    b"x" * 100000):
            with self.subTest(bad[:40]):
                self.cache.write_bytes(bad)
                count += 1
                self.assert_token(self.probe(), cached=False, requests=count)

    def test_without_a_state_directory(self):
        blocked = self.directory / "file"
        blocked.write_text("")
        self.write(state_directory=str(blocked / "state"))
        self.assert_token(self.probe(), cached=False)
        self.assertIn("no token cache", self.log_text())

    def test_a_state_directory_that_cannot_be_written(self):
        if os.geteuid() == 0:
            # Root may write everywhere but here.
            self.write(state_directory="/proc")
        else:
            self.state.mkdir()
            self.state.chmod(0o500)
            self.addCleanup(self.state.chmod, 0o700)
        self.assert_token(self.probe(), cached=False)
        self.assertRegex(self.log_text(), "no lock|not kept")

    def test_a_credential_that_ends_soon_is_said_once_a_day(self):
        for days, said in ((100, 0), (20, 1), (5, 1), (0.5, 1)):
            with self.subTest(days):
                self.log.write_text("")
                date = time.strftime("%Y-%m-%d", time.gmtime(
                    time.time() + days * 86400))
                self.write(client_secret_expires=date)
                for _ in range(2):
                    self.left(10) if self.cache.exists() else None
                    self.probe()
                self.assertEqual(self.log_text().count("put a new one"), said)
                self.probe("forget")

    def test_a_certificate_says_its_own_end(self):
        path = self.sandbox.make_certificate(days=10)
        self.write(client_secret_file=None, certificate=path)
        result = self.probe()
        self.assertAlmostEqual(result["credential_expires"],
                               time.time() + 10 * 86400, delta=3600)
        self.assertIn("expires on", self.log_text())

    def test_callers_with_strange_habits(self):
        """SIGCHLD ignored, descriptors closed or leaked, no directory."""
        self.write()
        gone = self.directory / "gone"
        gone.mkdir()
        for prelude in ("trap '' CHLD HUP PIPE", "exec 0<&- 2>&-",
                        "exec 5</dev/null 9</dev/null",
                        "ulimit -c unlimited", "cd %s && rmdir %s"
                        % (gone, gone)):
            with self.subTest(prelude):
                self.probe("forget")
                done = subprocess.run(
                    ["sh", "-c", prelude + '; exec "$@"', "sh", str(PROBE),
                     self.config, "alerts", "get"], capture_output=True,
                    text=True, env=environment())
                self.assertIn("sha256", json.loads(done.stdout))

    def test_the_helper_alone(self):
        done = self.helper("contoso")
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(answer["expires_in"], 3599)
        for arguments, code in ((["nosuch"], EX_CONFIG), ([], 64),
                                (["contoso", "a@b", "c"], 64),
                                (["contoso", "a@b"], 64)):
            with self.subTest(arguments):
                done = self.helper(*arguments)
                self.assertEqual(json.loads(done.stdout)["error"]["exit"],
                                 code)
                self.assertEqual(done.stderr, "")

    def test_nothing_secret_in_arguments_or_environment(self):
        self.sandbox.scenario("slow", seconds=2)
        running = self.start()
        seen = b""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and b"mailbearer-token" not in seen:
            for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = entry.read_bytes()
                    if line.split(b"\0")[0].endswith(b"mailbearer-token"):
                        seen += line
                        # Root's to read only: it is not dumpable.
                        seen += (entry.parent / "environ").read_bytes()
                except OSError:
                    pass
        self.assertIn(b"contoso", seen)
        self.assertNotIn(self.sandbox.secret.encode(), seen)
        self.assertNotIn(b"proxy", seen)
        self.finish(running)


if __name__ == "__main__":
    if not PROBE.exists() or not shutil.which("openssl"):
        print("token_probe or openssl is missing")
        sys.exit(77)
    unittest.main()
