#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The administrator's commands: token, route, accounts, config, login, setup
and import, as somebody at a terminal meets them."""
import contextlib
import json
import os
import pathlib
import pty
import re
import signal
import stat
import subprocess
import tempfile
import threading
import unittest

from harness import PROGRAM, TOP, SharedCase, run


def on_a_terminal(command, **environment):
    """What it writes to a terminal of 80 columns, with plain line ends."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, {"PATH": os.environ["PATH"],
                                        "TERM": "xterm", **environment})
    # Whatever goes wrong, the program does not outlive its patience.
    timer = threading.Timer(60, os.kill, (pid, signal.SIGKILL))
    timer.start()
    written = b""
    with contextlib.suppress(OSError):      # its end, as Linux says it
        while piece := os.read(terminal, 4096):
            written += piece
    os.close(terminal)
    os.waitpid(pid, 0)
    timer.cancel()
    return written.replace(b"\r\n", b"\n").decode()


class Admin(SharedCase):
    def setUp(self):
        super().setUp()
        self.config()

    def command(self, name, *arguments, code=0, stdin=b"", **options):
        """Run one with the test's config; every line fits a terminal unless
        one word of it does not."""
        result = run([str(PROGRAM), name, "-C",
                      str(self.directory / "mailbearer.conf"), *arguments],
                     stdin, **options)
        self.assertEqual(result.code, code, result.stdout + result.stderr)
        return result

    def json(self, *arguments, code=0):
        return json.loads(self.command(*arguments, "--json", code=code).stdout)

    def assert_fits(self, text):
        for line in text.splitlines():
            if len(line) > 80:
                self.assertLess(len(line.split()), 5, line)

    def assert_usage(self, *arguments):
        result = self.command(*arguments, code=64)
        self.assertEqual(result.stdout, "")
        self.assertIn("hint: ", result.stderr)


class Token(Admin):
    def test_nothing_yet(self):
        result = self.command("token")
        self.assertIn("none in the cache", result.stdout)
        self.assertEqual(self.sandbox.token_requests(), [])
        self.assert_fits(result.stdout)

    def test_claims_without_the_token(self):
        self.assertEqual(self.sendmail("a@example.net").code, 0)
        result = self.command("token", "alerts")
        for text in ("good", "SMTP.SendAsApp", self.sandbox.client_id,
                     "https://outlook.office365.com", "in 5", "expires"):
            self.assertIn(text, result.stdout)
        self.assert_fits(result.stdout)
        known = self.json("token")
        self.assertEqual(known["appid"], self.sandbox.client_id)
        self.assertEqual(known["roles"], "SMTP.SendAsApp")
        self.assertGreater(known["expires"], known["obtained"])
        cached = json.loads(next(self.directory.glob("token-*.json"))
                            .read_text())["access_token"]
        self.assertNotIn(cached, result.stdout)
        self.assertNotIn(cached.split(".")[2], json.dumps(known))

    def test_print_it(self):
        result = self.command("token", "--print-access-token")
        self.assertRegex(result.stdout, r"^eyJ[\w.-]+\n$")
        again = self.command("token", "--print-access-token")
        self.assertEqual(again.stdout, result.stdout)
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    def test_renew_and_forget(self):
        first = self.command("token", "--print-access-token").stdout
        self.command("token", "--renew")
        second = self.command("token", "--print-access-token").stdout
        self.assertNotEqual(first, second)
        self.assertEqual(len(self.sandbox.token_requests()), 2)
        self.assertIn("none in the cache",
                      self.command("token", "--forget").stdout)

    def test_renew_that_fails_keeps_the_old_one(self):
        first = self.command("token", "--print-access-token").stdout
        self.sandbox.scenario("error:7000222", times=1)
        result = self.command("token", "--renew", code=77)
        self.assertIn("7000222", result.stderr)
        self.assertIn("hint: ", result.stderr)
        shown = self.command("token").stdout
        self.assertIn("AADSTS7000222", shown)
        self.assertIn("next request", shown)
        self.assert_fits(shown)
        self.assertEqual(
            self.command("token", "--print-access-token").stdout, first)

    def test_rbac_token_has_no_roles_and_that_is_said(self):
        self.sandbox.app().roles = []
        self.addCleanup(setattr, self.sandbox.app(), "roles",
                        ["SMTP.SendAsApp"])
        shown = self.command("token", "--renew").stdout
        self.assertRegex(shown, r"no roles: as it\s+should be with RBAC")

    def test_called_wrongly(self):
        self.assert_usage("token", "--bad")
        self.assert_usage("token", "a", "b")
        result = self.command("token", "nope", code=64)
        self.assertIn("the accounts are alerts", result.stderr)

    def test_account_without_a_token(self):
        self.config(app=None, preset="direct-send", port=None)
        self.assertIn("needs no token", self.command("token", code=78).stderr)


class Route(Admin):
    def test_rewritten(self):
        self.config(serves="*@shop.example")
        shown = self.command("route", "noreply@shop.example").stdout
        self.assertRegex(shown, r"because +From matches a pattern of its serves")
        self.assertRegex(shown, r"MAIL FROM +alerts@contoso\.com\n")
        self.assertRegex(shown, r'From +"noreply on \S+" <alerts@contoso')
        self.assertRegex(shown, r"Reply-To +noreply@shop\.example\n")
        self.assertIn("everyone", shown)
        self.assert_fits(shown)

    def test_kept(self):
        self.config(send_as=["*@contoso.com"])
        known = self.json("route", "it@contoso.com")
        self.assertEqual((known["rewritten"], known["from"],
                          known["mail_from"], known["allowed"]),
                         (False, "it@contoso.com", "alerts@contoso.com", True))

    def test_a_name_of_this_host(self):
        shown = self.command("route", "root").stdout
        self.assertRegex(shown, r"X-Original-From +root\n")
        self.assertNotIn("Reply-To", shown)

    def test_who_may(self):
        self.config(allow_users=["daemon", "4242"])
        self.assertTrue(self.json("route", "x", "--user", "daemon")["allowed"])
        self.assertTrue(self.json("route", "x", "--user", "4242")["allowed"])
        self.assertTrue(self.json("route", "x", "--user", "root")["allowed"])
        result = self.command("route", "x", "--user", "bin", code=77)
        self.assertIn("user bin may not use", result.stdout)
        self.assertFalse(self.json("route", "x", "--user", "bin",
                                   code=77)["allowed"])

    def test_nobody_serves_it(self):
        text = pathlib.Path(self.config()).read_text()
        block = text[text.index("account "):].replace('"alerts"', '"second"') \
            .replace("alerts@", "second@")
        (self.directory / "mailbearer.conf").write_text(text + block)
        result = self.command("route", "x@elsewhere.example", code=78)
        self.assertIn("no account serves", result.stderr)
        self.assertIn("default-account", result.stderr)

    def test_called_wrongly(self):
        self.assert_usage("route")
        self.assert_usage("route", "x", "--user")
        self.command("route", "x", "--user", "no-such-user", code=67)
        self.command("route", "@,;", code=64)


    @unittest.skipUnless(os.geteuid() == 0, "needs root to be somebody else")
    def test_who_may_not_send_has_nothing_deliverable(self):
        self.config(allow_users=["root"])
        for path in (self.directory.parent, self.directory,
                     self.directory / "mailbearer.conf"):
            path.chmod(0o755)
        command = [str(PROGRAM), "sendmail", "-C",
                   str(self.directory / "mailbearer.conf"), "-bv", "a@b.example"]
        self.assertEqual(run(command).code, 0)
        refused = run(command, user=65533)
        self.assertEqual((refused.code, refused.stdout), (77, ""))
        self.assertIn("allow-users", refused.stderr)


class Config(Admin):
    def test_it_is_a_config_with_where_it_comes_from(self):
        text = self.command("config").stdout
        self.assertRegex(text, r"(?m)^    tenant = .* +# line \d+$")
        self.assertRegex(text, r"(?m)^    max-connections = 3 +# preset")
        self.assertRegex(text, r"(?m)^retry-for = 5d +# default$")
        self.assertRegex(text, r"(?m)^spool = false +# -C$")
        self.assertNotIn(self.sandbox.secret, text)
        self.assert_fits(text)
        # What it prints means the same as what it was made from.
        (self.directory / "mailbearer.conf").write_text(text)

        def values(printed):
            return [re.sub(r" *#.*", "", line) for line in printed.splitlines()
                    if not re.match(" *#", line)]
        self.assertEqual(values(self.command("config").stdout), values(text))

    def test_every_value_has_a_source(self):
        for row in self.json("config"):
            self.assertTrue(row.get("line", 0) > 0 or row["origin"], row)

    def test_arguments_and_pins_are_masked(self):
        self.config(client_secret_file=None,
                    token_command=["/bin/echo", "hunter2"])
        text = self.command("config").stdout
        self.assertIn('{"/bin/echo", "..."}', text)
        self.assertNotIn("hunter2", text)
        self.config(client_secret_file=None,
                    certificate="pkcs11:token=x?pin-value=1234")
        self.assertNotIn("1234", self.command("config").stdout
                         .replace(str(self.directory), ""))

    def test_a_config_with_a_fault(self):
        (self.directory / "mailbearer.conf").write_text("nonsense = 1\n")
        result = self.command("config", code=78)
        self.assertIn("mailbearer.conf:1: ", result.stderr)


class Accounts(Admin):
    def spooling(self, **changes):
        spool = self.directory / "spool"
        spool.mkdir(mode=0o750, exist_ok=True)
        self.config(spool=True, spool_directory=str(spool), **changes)

    def one(self):
        known = self.json("accounts")
        self.assertEqual(len(known), 1)
        return known[0]

    def test_well(self):
        shown = self.command("accounts").stdout
        self.assertRegex(shown, r"^ok +alerts +alerts@contoso\.com, no token\n$")
        self.sendmail("a@example.net")
        shown = self.command("accounts").stdout
        self.assertRegex(shown, r"^ok +alerts .*token ends in 5\d minutes\n$")
        self.assertEqual(self.one()["health"], "ok")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to be somebody else")
    def test_not_for_everybody_to_see(self):
        """A user who may not look hears that, and not that all is well."""
        self.spooling()
        self.sandbox.scenario("error:7000215")
        self.sendmail("a@example.net")
        for path in (self.directory.parent, self.directory,
                     self.directory / "mailbearer.conf"):
            path.chmod(0o755)
        spool = self.directory / "spool"
        spool.chmod(0o700)
        stranger = run([str(PROGRAM), "accounts", "-C",
                        str(self.directory / "mailbearer.conf"), "--json"],
                       user=65533)
        self.assertEqual(stranger.code, 0, stranger.stderr)
        self.assertEqual(json.loads(stranger.stdout)[0],
                         {"account": "alerts", "mailbox": "alerts@contoso.com",
                          "health": "unknown"})

    def test_a_message_waits(self):
        self.spooling()
        self.sandbox.scenario("reply@rcpt=451 4.3.0 Try later")
        self.assertEqual(self.sendmail("a@example.net").code, 0)
        shown = self.command("accounts").stdout
        self.assertRegex(shown, r"^\?\? +alerts +.* 1\s+waiting;\s+last")
        self.assertRegex(shown, r"Try\s+later")
        self.assert_fits(shown)
        known = self.one()
        self.assertEqual((known["health"], known["waiting"]), ("doubtful", 1))
        self.assertIn("451 4.3.0", known["problem"])

    def test_a_full_minute_holds_the_rest_back(self):
        self.spooling(messages_per_minute=1)
        for name in "abc":
            self.sendmail("-odq", name + "@example.net")
        shown = self.command("queue", "retry").stdout
        self.assertRegex(shown, r"\A1 tried: 1 delivered.*\n2 still waiting: "
                         r".*\nalerts goes on in .*: messages-per-minute\s+"
                         r"allows no\s+more\s+than\s+1\n\Z")
        self.assert_fits(shown)
        late = self.sendmail("d@example.net")
        self.assertEqual((late.code, late.stderr), (0, ""))
        self.assertRegex(self.log_text(), r'hint="[^"]*messages-per-minute')

    def test_no_token_to_be_had(self):
        self.spooling()
        self.sandbox.scenario("error:7000215")
        self.sendmail("a@example.net")
        shown = self.command("accounts").stdout
        self.assertRegex(shown, r"^FAILED +alerts")
        self.assertIn("AADSTS7000215", shown)
        self.assertEqual(self.one()["health"], "failed")
        self.sendmail("b@example.net")
        shown = self.command("queue", "retry").stdout
        self.assertRegex(shown, r"\A1 tried: .*\n2 still waiting: .*\n"
                         r"alerts pauses, goes on in .*\n +AADSTS7000215")
        self.assert_fits(shown)


PUBLIC_CLIENT = "22221111-aaaa-2222-bbbb-3333cccc4444"


class Login(Admin):
    def setUp(self):
        super().setUp()
        self.sandbox.add_app(PUBLIC_CLIENT, public=True)
        self.sandbox.tokens.device_interval = 1
        self.delegated()

    def delegated(self, **changes):
        self.config(client_secret_file=None, delegated=True,
                    client_id=PUBLIC_CLIENT, **changes)

    def approve(self, user=None):
        self.sandbox.scenario("device_approved",
                              user=user or self.sandbox.mailbox)

    def refresh_token(self):
        return next(self.directory.glob("refresh-*")).read_text()

    def test_sign_in_send_and_rotate(self):
        result = self.sendmail("a@example.net")
        self.assert_failed(result, 78, "nobody has signed in",
                           "mailbearer login")
        self.approve()
        result = self.command("login", "alerts")
        self.assertEqual(result.stderr, "")
        self.assertRegex(result.stdout, r"open +https://microsoft\.com/device")
        self.assertRegex(result.stdout, r"enter +[A-Z0-9]+\n")
        self.assertRegex(result.stdout, r"signed in +alerts@contoso\.com\n")
        self.assertRegex(result.stdout, r"may +SMTP\.Send\n")
        self.assert_fits(result.stdout)
        before = self.refresh_token()
        self.assert_sent(self.sendmail("a@example.net"))
        self.assertEqual(self.refresh_token(), before)     # nothing was asked
        self.command("token", "--forget")
        self.sandbox.reset()
        self.assert_sent(self.sendmail("a@example.net"))
        self.assertNotEqual(self.refresh_token(), before)
        requests = self.sandbox.token_requests()
        self.assertEqual([r["form"]["grant_type"] for r in requests],
                         ["refresh_token"])
        self.assertNotIn(json.loads(before)["refresh_token"],
                         result.stdout + self.log_text())

    def test_somebody_else_signs_in(self):
        self.approve("shop@contoso.com")
        result = self.command("login")
        self.assertIn("signed in", result.stdout)
        self.assertRegex(result.stdout, r"not the account's\s+mailbox")

    def test_json(self):
        self.approve()
        news, end = map(json.loads,
                        self.command("login", "--json").stdout.splitlines())
        self.assertRegex(news["open"], "^https://")
        self.assertGreater(news["seconds"], 60)
        self.assertEqual(end["signed_in"], "alerts@contoso.com")

    def test_declined(self):
        waiter = self.sandbox.tokens.user_at_device(self.sandbox.mailbox,
                                                    decline=True)
        result = self.command("login", code=77)
        waiter.join()
        self.assertIn("declined", result.stderr)
        self.assertIn("hint: ", result.stderr)
        self.assertEqual(list(self.directory.glob("refresh-*")), [])

    def test_one_sign_in_at_a_time(self):
        first = subprocess.Popen(
            [str(PROGRAM), "login", "-C",
             str(self.directory / "mailbearer.conf")],
            stdout=subprocess.PIPE, text=True)
        with first:
            self.assertIn("Sign in", first.stdout.readline())
            first.send_signal(signal.SIGINT)
        self.approve()
        self.command("login")       # the lock went with the process

    def test_an_app_with_a_credential(self):
        self.config()
        result = self.command("login", code=78)
        self.assertIn("credential of its own", result.stderr)


class Setup(Admin):
    def test_steps_have_the_enterprise_application_object_id(self):
        text = self.command("setup").stdout
        oid = self.json("token")["oid"]
        for line in ("New-ServicePrincipal", "-ObjectId " + oid,
                     "-App " + oid, "-AppId " + self.sandbox.client_id,
                     "Add-MailboxPermission -Identity alerts@contoso.com",
                     "SMTP.SendAsApp", "-SmtpClientAuthenticationDisabled "
                     "$false", "mailbearer check alerts"):
            self.assertIn(line, text)
        self.assertRegex(text, r"Only where From .*\s+\(send-as\):\n +"
                         r"Add-RecipientPermission")
        self.assertNotIn("OBJECT-ID", text)
        self.assert_fits(text)

    def test_steps_without_a_token(self):
        self.sandbox.scenario("error:7000215")
        text = self.command("setup").stdout
        self.assertIn("-ObjectId OBJECT-ID", text)
        self.assertIn("AADSTS7000215", text)
        self.assertRegex(text, r"not the one under App\s+registrations")
        self.assert_fits(text)

    def test_each_kind_has_its_steps(self):
        for changes, words in (
                ({"delegated": True, "client_secret_file": None},
                 "mailbearer login alerts"),
                ({"preset": "high-volume-email"}, "Add-HVEAppAccess"),
                ({"preset": "azure-communication-services"}, "EmailServices"),
                ({"preset": "relay", "app": None}, "New-InboundConnector"),
                ({"preset": "direct-send", "app": None}, "RejectDirectSend"),
                ({"preset": "smtp", "app": None, "auth": "none"},
                 "mailbearer check alerts.\n")):
            with self.subTest(words):
                self.config(**changes)
                text = self.command("setup").stdout
                self.assertIn(words, text)
                self.assert_fits(text)

    def test_powershell_takes_the_mailbox_as_one_word(self):
        self.config(mailbox="o'brien$(x)@contoso.com".replace("(x)", "x"))
        self.assertIn("-Identity 'o''brien$x@contoso.com'",
                      self.command("setup").stdout)


class SetupNew(Admin):
    ids = ("--tenant", "contoso.onmicrosoft.com", "--client-id", "1-2-3",
           "--mailbox", "alerts@contoso.com")

    def setUp(self):
        super().setUp()
        self.place = self.directory / "etc"
        self.place.mkdir()
        self.path = self.place / "mailbearer.conf"

    def new(self, *arguments, code=0, **options):
        result = run([str(PROGRAM), "setup", "--new", "-C", str(self.path),
                      *arguments], **options)
        self.assertEqual(result.code, code, result.stdout + result.stderr)
        return result

    def mode(self, path):
        return stat.S_IMODE(os.stat(path).st_mode)

    def test_a_secret_file(self):
        secret = self.place / "secret"
        secret.write_text("s3cret\n")
        secret.chmod(0o666)
        result = self.new(*self.ids, "--secret-file", str(secret),
                          "--local-mail-to", "it@contoso.com", "--no-check")
        self.assertEqual((self.mode(self.path), self.mode(secret)),
                         (0o644, 0o600))
        self.assertNotIn("s3cret", result.stdout + self.path.read_text())
        shown = run([str(PROGRAM), "config", "-C", str(self.path)])
        self.assertEqual(shown.code, 0, shown.stderr)
        self.assertIn('local-mail-to = "it@contoso.com"', shown.stdout)
        self.assertIn('app "alerts" {', shown.stdout)
        self.assertEqual(sorted(os.listdir(self.place)),
                         ["mailbearer.conf", "secret"])

    def test_a_certificate_that_the_endpoint_takes(self):
        result = self.new(*self.ids, "--generate-certificate", "--no-check")
        key, upload = self.place / "alerts.pem", self.place / "alerts.crt"
        self.assertEqual((self.mode(key), self.mode(upload)), (0o600, 0o644))
        self.assertNotIn("PRIVATE", upload.read_text() + result.stdout)
        printed = subprocess.run(
            ["openssl", "x509", "-in", upload, "-noout", "-fingerprint"],
            capture_output=True, text=True, check=True).stdout
        self.assertIn(printed.split("=")[1].strip().replace(":", ""),
                      result.stdout)
        self.sandbox.add_app("1-2-3", certificate_pem=upload.read_text())
        self.config(client_secret_file=None, certificate=str(key),
                    client_id="1-2-3")
        self.assert_sent(self.sendmail("a@example.net"))
        # A second one never takes the place of a key.
        self.new(*self.ids, "--generate-certificate", "--force", "--no-check",
                 code=73)

    def test_it_ends_in_check(self):
        secret = self.place / "secret"
        secret.write_text("s3cret\n")
        result = run([str(PROGRAM), "setup", "--new", "-C", str(self.path),
                      *self.ids, "--secret-file", str(secret)], timeout=120)
        self.assertIn("$ mailbearer check -C", result.stdout)
        self.assertRegex(result.stdout, r"(?m)^(ok|FAILED|\?\?) ")

    def test_nothing_is_overwritten(self):
        self.path.write_text("# precious\n")
        secret = self.place / "secret"
        secret.write_text("s3cret\n")
        result = self.new(*self.ids, "--secret-file", str(secret), code=73)
        self.assertIn("--force", result.stderr)
        self.new(*self.ids, "--generate-certificate", code=73)
        self.assertEqual(self.path.read_text(), "# precious\n")
        self.assertEqual(sorted(os.listdir(self.place)),
                         ["mailbearer.conf", "secret"])
        self.new(*self.ids, "--secret-file", str(secret), "--force",
                 "--no-check")
        self.assertIn("1-2-3", self.path.read_text())

    def test_bad_values(self):
        secret = self.place / "secret"
        secret.write_text("s3cret\n")
        rest = ("--secret-file", str(secret))
        for name, value in (("--tenant", 'x" y'), ("--client-id", "a b"),
                            ("--mailbox", "nobody"), ("--tenant", "common"),
                            ("--local-mail-to", "x"), ("--account", "..")):
            with self.subTest(name, value=value):
                arguments = [*self.ids, *rest]
                if name in arguments:
                    arguments[arguments.index(name) + 1] = value
                else:
                    arguments += [name, value]
                result = run([str(PROGRAM), "setup", "--new", "-C",
                              str(self.path), *arguments, "--no-check"])
                self.assertIn(result.code, (64, 78), result.stderr)
                self.assertFalse(self.path.exists())
        result = self.new("--tenant", "x", code=64)
        self.assertIn("--client-id --mailbox", result.stderr)
        self.new(*self.ids, *rest, "--generate-certificate", code=64)
        self.new(*self.ids, "--secret-file", "/nonexistent", code=66)

    def test_questions_at_a_terminal(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, [str(PROGRAM), "setup", "--new", "-C",
                               str(self.path), "--no-check"])
        text = b""
        # Whatever goes wrong, the program does not outlive its patience.
        timer = threading.Timer(60, os.kill, (pid, signal.SIGKILL))
        timer.start()
        self.addCleanup(timer.cancel)

        def answer(question, line):
            nonlocal text
            while question not in text:
                text += os.read(terminal, 4096)
            text = text.split(question, 1)[1]
            os.write(terminal, line + b"\n")
        answer(b"tenant) ID: ", b"contoso.onmicrosoft.com")
        answer(b"client) ID: ", b"not one")
        answer(b"client) ID: ", b"1-2-3")
        answer(b"sends: ", b"alerts@contoso.com")
        answer(b"or a path: ", b"2")
        answer(b"not shown): ", b"s3cret")
        answer(b"nowhere yet): ", b"")
        with contextlib.suppress(OSError):      # its end, as Linux says it
            while piece := os.read(terminal, 4096):
                text += piece
        os.close(terminal)
        status = os.waitpid(pid, 0)[1]
        timer.cancel()
        self.assertEqual(status, 0, text)
        self.assertNotIn(b"s3cret", text)
        secret = self.place / "alerts.secret"
        self.assertEqual(secret.read_text(), "s3cret\n")
        self.assertEqual(self.mode(secret), 0o600)
        self.assertNotIn("local-mail-to", self.path.read_text())


class Screen(Admin):
    """Whatever a person reads fits his screen, with values of the usual kind."""
    tenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
    mailbox = "notifications@subsidiary.contoso.com"

    def setUp(self):
        super().setUp()
        self.spool = self.directory / "spool"
        self.spool.mkdir(mode=0o750)
        self.sandbox.add_mailbox(self.mailbox)
        self.config(spool=True, spool_directory=str(self.spool),
                    mailbox=self.mailbox, client_secret_expires="2031-12-31",
                    serves=["*@shop.example", "noreply@subsidiary.example"],
                    local_mail_to="hostmaster@subsidiary.contoso.com",
                    tenant=self.sandbox.tenant_id)

    def assert_narrow(self, text):
        """Paths of this test alone are longer than those of a host."""
        text = text.replace(str(self.directory), "/etc").replace(
            str(self.top), "/etc")
        for line in text.splitlines():
            # A value of a config cannot be broken.
            if not re.match(r' +token-endpoint = "[^ ]+"$', line):
                self.assertLessEqual(len(line), 80, line)
        self.assertNotIn("\033", text)

    def spool_three(self):
        self.sandbox.scenario(
            "reply@end-of-data=451 4.7.0 Temporary server error. Please try again "
            "later. PRX5 [AM0PR0202CA0011.eurprd02.prod.outlook.com "
            "2026-11-22T02:00:00.000Z 08DE2A0A0B0C0D0E]")
        for sender in ("a@contoso.com", "accounts.receivable@subsidiary.co"
                       "ntoso.com", "x" * 50 + "@subsidiary.contoso.com"):
            self.sendmail("-f", sender, "somebody.with.a.long.name@"
                          "a.department.of.example.org", "bob@example.net")
        return sorted(path.name for path in (self.spool / "new").iterdir())

    def test_every_command(self):
        self.sendmail("bob@example.net")
        for name, *arguments in (
                ("check", "--from", self.mailbox, "--to", "bob@example.net"),
                ("setup",), ("token",), ("accounts",), ("config",),
                ("route", "noreply@somewhere.example.org"),
                ("explain", "535 5.7.3 Authentication unsuccessful"),
                ("explain", "5.7.139"), ("explain", "AADSTS700016")):
            with self.subTest(name, arguments=arguments):
                result = run([str(PROGRAM), name, "-C", str(
                    self.directory / "mailbearer.conf"), *arguments])
                self.assertEqual((result.code, result.stderr), (0, ""))
                self.assertGreater(len(result.stdout), 40)
                self.assert_narrow(result.stdout)

    def test_help(self):
        text = run([str(PROGRAM), "help"]).stdout
        self.assert_narrow(text)
        names = re.findall(r"(?m)^  ([a-z]+) ", text)
        self.assertIn("queue", names)
        for name in names:
            if name == "sendmail":
                continue
            for flag in ("--help", "-h"):
                one = run([str(PROGRAM), name, flag])
                self.assertEqual((one.code, one.stderr), (0, ""))
                self.assertRegex(one.stdout, r"\A.*\n  %s " % name)
                self.assertIn(one.stdout.splitlines()[1], text)

    def completions(self, *words):
        """What bash offers behind these words, the last of them begun."""
        script = TOP / "contrib" / "bash-completion" / "mailbearer"
        done = subprocess.run(
            ["bash", "-c", '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
             '_mailbearer; printf "%s\\n" "${COMPREPLY[@]}"', script, *words],
            capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    def test_completion_knows_what_help_does(self):
        text = run([str(PROGRAM), "help"]).stdout
        names = set(re.findall(r"(?m)^  ([a-z]+) ", text))
        self.assertEqual(self.completions("mailbearer", ""), names)
        for name in names - {"sendmail", "help", "version"}:
            with self.subTest(name):
                one = run([str(PROGRAM), name, "--help"]).stdout
                self.assertEqual(
                    self.completions("mailbearer", name, "--"),
                    set(re.findall(r"--[a-z-]+", one)))
        self.assertEqual(self.completions("mailbearer", "queue", "re"),
                         {"remove", "requeue", "retry"})
        self.assertEqual(self.completions("mailbearer", "import", "--format",
                                          "n"), {"nullmailer"})
        for word in self.completions("mailbearer", "sendmail", "-"):
            self.assertRegex(word, "^-[A-Za-z]|--account$")

    def test_the_queue(self):
        ids = self.spool_three()
        self.assertEqual(len(ids), 3)
        path = str(self.directory / "mailbearer.conf")
        for arguments in (["queue"], ["sendmail", "-bp"],
                          ["queue", "show", ids[1]]):
            split = 2 if arguments[0] == "sendmail" else 1
            command = [str(PROGRAM), arguments[0], "-C", path, *arguments[1:]]
            with self.subTest(arguments, split=split):
                text = run(command).stdout
                self.assert_narrow(text)
                self.assertIn("<accounts.receivable@subsidiary.contoso.com>",
                              text)
                self.assertRegex(text, r"PRX5\s+\[AM0PR0202CA0011")
                self.assertIn("a.department.of.example.org>", text)

    def test_monitoring_on_a_terminal(self):
        """One line for programs, as many as it takes for a person."""
        self.spool_three()
        for arguments in (("queue", "--check"), ("check", "--nagios")):
            command = [str(PROGRAM), *arguments, "-C",
                       str(self.directory / "mailbearer.conf")]
            line = run(command).stdout
            self.assertEqual(line.count("\n"), 1, line)
            screen = on_a_terminal(command)
            self.assert_narrow(screen)
            line, screen = (re.sub(r"oldest=\d+s", "oldest=Ns", text)
                            for text in (line, screen))
            self.assertEqual(screen.split(), line.replace(
                " |", "\n|").split())

    def on_screen(self, written):
        """What is left to see: a carriage return goes back to the start."""
        lines = []
        for line in written.split("\n"):
            shown = ""
            for piece in line.split("\r"):
                shown = piece + shown[len(piece):]
            lines.append(shown.rstrip())
        return "\n".join(lines)

    def test_progress_of_a_queue_run(self):
        self.spool_three()
        self.sandbox.clear()
        path = str(self.directory / "mailbearer.conf")
        for command, shown in (
                (["queue", "retry", "-C", path],
                 "3 tried: 3 delivered, 0 deferred, 0 failed\n"),
                (["sendmail", "-C", path, "-v", "-q"], "250 2.0.0 OK")):
            with self.subTest(command[0]):
                written = on_a_terminal([str(PROGRAM), *command])
                self.assertRegex(written, r"\rmessage \d of 3 ")
                screen = self.on_screen(written)
                self.assertIn(shown, screen)
                self.assertNotIn("of 3", screen)
                self.spool_three()
                self.sandbox.clear()
                result = run([str(PROGRAM), *command])
                self.assertEqual(result.code, 0)
                self.assertNotRegex(result.stdout + result.stderr, r"\r| of 3")
                self.spool_three()
                self.sandbox.clear()

    def test_progress_of_a_large_message(self):
        text = self.directory / "text"
        text.write_bytes(b"Subject: x\n\n" + 400000 * b"abcdefghi\n")
        command = ["sh", "-c", '"$0" "$@" <' + str(text), str(PROGRAM),
                   "sendmail", "-C", str(self.directory / "mailbearer.conf"),
                   "-v", "bob@example.net"]
        written = on_a_terminal(["/bin/sh", *command[1:]])
        self.assertRegex(written, r"\r\d of 4 MB sent ")
        screen = self.on_screen(written)
        self.assertIn(">>> EHLO", screen)
        self.assertNotIn("of 4 MB", screen)
        result = run(command)
        self.assertEqual(result.code, 0)
        self.assertNotRegex(result.stderr, r"\r|of 4 MB")

    def test_colour(self):
        command = [str(PROGRAM), "check", "-C",
                   str(self.directory / "mailbearer.conf")]
        self.assertIn("\033[32mok\033[0m", on_a_terminal(command))
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\033", on_a_terminal(command, **environment))


class Output(Admin):
    """What is printed must get there: it may be a config, or somebody's list."""

    def with_stdout(self, to, *command):
        done = subprocess.run([str(PROGRAM), *command], stdout=to,
                              stderr=subprocess.PIPE, check=False, timeout=60,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stderr.decode()

    def commands(self):
        conf = str(self.directory / "mailbearer.conf")
        msmtprc = self.directory / "msmtprc"
        msmtprc.write_text("account default\nhost smtp.office365.com\n")
        return (["version"], ["help"], ["check", "--help"],
                ["config", "-C", conf], ["accounts", "-C", conf],
                ["check", "-C", conf], ["import", str(msmtprc)],
                ["queue", "-C", conf], ["sendmail", "-C", conf, "-bp"],
                ["sendmail", "-C", conf, "-bv", "root"])

    def test_a_full_disk(self):
        for command in self.commands():
            with self.subTest(command=command), open("/dev/full", "wb") as full:
                code, said = self.with_stdout(full, *command)
                self.assertEqual(code, 74)
                self.assertIn("stdout is not all: No space left", said)

    def test_who_has_seen_enough(self):
        for command in self.commands():
            reading, writing = os.pipe()
            os.close(reading)
            with self.subTest(command=command):
                code, said = self.with_stdout(writing, *command)
                self.assertEqual(code, 74)
                self.assertNotIn("stdout", said)
            os.close(writing)

    def test_a_message_is_sent_all_the_same(self):
        """Who is told of a failure sends it again."""
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [str(PROGRAM), "sendmail", "-C",
                 str(self.directory / "mailbearer.conf"), "-v",
                 "a@example.net"], input=b"Subject: x\n\nx\n", stdout=full,
                stderr=full, check=False, timeout=60)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(self.sandbox.messages()), 1)


class Import(unittest.TestCase):
    """Golden output for each program's files in tests/import/NAME."""
    files = {"msmtp": "msmtprc", "ssmtp": "ssmtp.conf", "dma": "dma.conf",
             "nullmailer": "remotes", "postfix": "main.cf"}

    def imported(self, *arguments, code=0, **options):
        result = run([str(PROGRAM), "import", *arguments], **options)
        self.assertEqual(result.code, code, result.stderr)
        return result

    def test_each_program(self):
        for name, file in self.files.items():
            with self.subTest(name):
                top = TOP / "tests" / "import"
                text = self.imported(name + "/" + file, cwd=top).stdout
                self.assertEqual(text, (top / name / "expected").read_text())
                self.assertNotRegex(text, "s3cret|hunter2")
                self.assert_is_a_config(text)

    def assert_is_a_config(self, text):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "c"
            path.write_text(text)
            result = run([str(PROGRAM), "config", "-C", str(path)])
            self.assertEqual(result.code, 0, result.stderr)

    def test_tables_of_postfix(self):
        """All of a list are read, and what cannot be is said."""
        with tempfile.TemporaryDirectory() as directory:
            top = pathlib.Path(directory)
            (top / "main.cf").write_text(
                "relayhost = [smtp.office365.com]:587\n"
                "smtp_sasl_password_maps = static:u:hunter2,\n"
                "    hash:/nonexistent/pw hash:${config_directory}/pw\n"
                "smtp_generic_maps = inline:{ a=b@c.example, d=e@f.example }\n")
            (top / "pw").write_text(
                "[smtp.office365.com]:587\n   alerts@contoso.com:hunter2\n")
            text = self.imported(str(top / "main.cf")).stdout
            self.assertIn('mailbox = "alerts@contoso.com"', text)
            self.assertIn("# /nonexistent/pw: No such file", text)
            for key in ("smtp_sasl_password_maps", "smtp_generic_maps"):
                self.assertIn(f"# {key}: a table that is no file", text)
            self.assertNotRegex(text, "hunter2|f.example")
            self.assert_is_a_config(text)

    def test_two_accounts_of_one_mailbox(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "msmtprc"
            path.write_text("account a\nhost a.example\nfrom x@y.example\n"
                            "account b\nhost b.example\nfrom X@y.example\n"
                            "account default : b\n")
            text = self.imported(str(path)).stdout
            self.assertIn('\n# account "a" {\n', text)
            self.assertIn('\naccount "b" {\n', text)
            self.assert_is_a_config(text)

    def test_hostile_files(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "x"
            for text in (b"", b"\n\n", b"account", b"account :", b"=", b"\0",
                         b"host " + b"x" * 9000, b"host \x1b[2J\xff",
                         b"account a\n" * 5000, b"[a]:b c:d\n", b"a|b\n|:\n",
                         b"relayhost = [", b"x --=--\n--\n", b"host [::1",
                         b'from "a\\"b"@c.d\nhost h'):
                path.write_bytes(text)
                for name in self.files:
                    with self.subTest(text[:20], name=name):
                        result = self.imported("--format", name, str(path))
                        self.assertNotRegex(result.stdout,
                                            r"[\0-\x08\x0b-\x1f]")

    def test_the_longest_file(self):
        """To its last byte; one more is too many."""
        account = b"\naccount a\nhost a.example\nfrom x@y.example\n"
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "msmtprc"
            path.write_bytes(b"#" * (256 * 1024 - len(account)) + account)
            self.assertIn("x@y.example", self.imported(str(path)).stdout)
            path.write_bytes(b"#" + path.read_bytes())
            self.assertIn("262144", self.imported(str(path), code=66).stderr)

    def test_called_wrongly(self):
        self.imported(code=64)
        self.imported("/etc/passwd", code=64)
        self.imported("--format", "pine", "x", code=64)
        self.imported("/nonexistent/msmtprc", code=66)
        self.imported("--format", "dma", "/", code=66)


if __name__ == "__main__":
    unittest.main()
