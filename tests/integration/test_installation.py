#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""From an empty machine to the first mail, with nothing but the README; and what
an administrator then sees of a real set-user-ID installation.

The README's commands are taken out of it as they stand; what it says of Entra
and of Exchange Online PowerShell is done to the sandbox, which refuses until it
is done.  The transcript is tests/golden/first-mail.txt; UPDATE_GOLDEN=1 writes
it anew."""
import ctypes
import grp
import os
import pathlib
import pwd
import re
import shutil
import stat
import subprocess
import unittest

import fresh_host
from harness import TOP, run

from mbsandbox.tenant import Certificate

GOLDEN = TOP / "tests" / "golden" / "first-mail.txt"
PROBE = pathlib.Path("tests/integration/spool_probe")
CONFIG = pathlib.Path("/etc/mailbearer.conf")
CRON = pathlib.Path("/etc/cron.d/mailbearer")
NOBODY = 65534
PLACEHOLDERS = (
    (r"\[\w+\s*\.namprd00\.prod\.outlook\.com\s+\S+\s+\w+\]",
     "[HOST TIME ID]"),
    (r"\[Hostname=\S+\]", "[Hostname=HOST]"),
    (r"<[0-9A-Za-z.]+@contoso\.com>(?=\s+\[Host)", "<ID>"),
    (r"\(uid\s+\d+\)", "(uid N)"),
    # What the sandbox is made of is the kernel's.
    (r"(?m)^(ok|\?\?)      sandbox     [^\n]*\n(?: {8,}[^\n]*\n)*",
     "ok      sandbox     PARTS\n"),
    (r"\d+\s+MB\s+free", "N MB free"),
    (r"\b(?:in\s+)?\d+\s+(?:second|minute|hour|day)s?(?:\s+ago)?\b", "SPAN"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"(?m)^Date: .*", "Date: DATE"),
    (r"(?m)^Message-ID: .*", "Message-ID: ID"),
    (r"(?m)^(220|250-).*outlook\.com.*", r"\1..."),
    (r"(?m)^\d+ steps well, [^\n]*$|^\d+ steps, all well\.$", "(summary)"),
    (r"(SIZE[ =]|BDAT )\d+", r"\1N"),
    (r"\d+ octets", "N octets"),
)


def steps(text):
    """The numbered steps of the README's first section: a list of the commands
    in each, as [command, what is typed into it]."""
    section = text.split("From nothing to the first mail\n", 1)[1]
    section = re.split(r"\n[^\n]+\n-{5,}\n", section.split("\n", 2)[2])[0]
    found = []
    for step in re.split(r"(?m)^\d+\. ", section)[1:]:
        lines = [line[7:] for line in step.splitlines()
                 if line.startswith(7 * " ")]
        found.append(commands(lines))
    return found


def commands(lines):
    result, at = [], 0
    while at < len(lines):
        command = lines[at]
        at += 1
        if command.startswith("("):         # "(paste the Value, then Ctrl-D)"
            result[-1][1] = command
            continue
        while command.endswith(("\\", "`")):
            command += "\n" + lines[at]
            at += 1
        if "<<'END'" in command:
            end = lines.index("END", at)
            command = "\n".join([command, *lines[at:end + 1]])
            at = end + 1
        if command:
            result.append([command, None])
    return result


class PowerShell:
    """The cmdlets that the README names, done to the sandbox."""

    def __init__(self, sandbox):
        self.sandbox = sandbox

    def run(self, line):
        words = line.replace("`\n", " ").split()
        options = dict(zip(words[1::2], words[2::2]))
        getattr(self, words[0].replace("-", "_").lower())(options)

    def new_serviceprincipal(self, options):
        app = self.sandbox.app(options["-AppId"])
        app.registered = True
        app.exchange_object_id = options["-ObjectId"]

    def add_mailboxpermission(self, options):
        assert options["-AccessRights"] == "FullAccess"
        assert options["-User"] == self.sandbox.app().object_id
        self.sandbox.add_mailbox(options["-Identity"])

    def set_casmailbox(self, options):
        assert options["-SmtpClientAuthenticationDisabled"] == "$false"
        assert options["-Identity"] == self.sandbox.mailbox
        self.sandbox.clear()


@unittest.skipUnless(fresh_host.is_inside(), "this module runs by itself")
class Installation(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        probe = PROBE.read_bytes() if PROBE.exists() else None
        cls.host = fresh_host.Host()
        cls.addClassCleanup(cls.host.leave)
        cls.sandbox = cls.host.sandbox
        cls.probe = cls.host.layers / "spool_probe"
        if probe:
            cls.probe.write_bytes(probe)
            cls.probe.chmod(0o755)
        cls.transcript = []
        # A tenant in which nothing has been set up yet.
        app = cls.sandbox.app()
        app.registered, app.roles, app.secrets = False, [], []
        cls.sandbox.add_mailbox(cls.sandbox.mailbox, full_access=False)
        cls.sandbox.scenario("smtp_auth_off_mailbox")
        cls.follow_the_readme()

    # ------------------------------------------------- the first evening

    @classmethod
    def say(cls, *lines):
        cls.transcript += lines

    @classmethod
    def shell(cls, command, stdin=None, shown=None):
        cls.say(*("%s %s" % ("#" if i == 0 else ">", line)
                  for i, line in enumerate(command.splitlines())))
        if shown:
            cls.say(shown)
        done = subprocess.run(
            ["bash", "-c", command], input=stdin or "", text=True, cwd=TOP,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env={"PATH": os.environ["PATH"], "HOME": "/root"}, timeout=900)
        cls.say(*done.stdout.splitlines())
        if done.returncode != 0:
            cls.say("(exit %d)" % done.returncode)
        return done

    @classmethod
    def follow_the_readme(cls):
        build, entra, powershell, files, first = steps(
            (TOP / "README").read_text("utf-8"))
        for command, _ in build:
            before = len(cls.transcript)
            done = cls.shell(command)
            assert done.returncode == 0, done.stdout
            # What compilers say is for nobody to compare.
            cls.transcript[before:] = [
                line for line in cls.transcript[before:]
                if re.match(r"[#>=] |==|the queue|installed", line)]
        assert entra == []      # prose; in the tenant that is:
        app = cls.sandbox.app()
        app.secrets, app.roles = [cls.sandbox.secret], ["SMTP.SendAsApp"]
        shell = PowerShell(cls.sandbox)
        for command, _ in powershell:
            command = command.replace("<client id>", app.client_id).replace(
                "<object id>", app.object_id)
            cls.say(*("PS> " + line for line in command.splitlines()))
            shell.run(command)
        for command, typed in files:
            cls.shell(command, typed and cls.sandbox.secret + "\n", typed)
        for command, _ in first:
            cls.shell(command)
        message = cls.sandbox.messages()[-1]
        cls.say("", "Delivered to %s:" % message.recipients[0].address,
                *message.data.decode().splitlines())

    def test_the_first_mail(self):
        messages = self.sandbox.messages()
        self.assertEqual([r.address for r in messages[0].recipients],
                         ["it@contoso.com"])
        self.assertIn(b"From web1", messages[0].data)
        text = "\n".join(self.transcript)
        for pattern, placeholder in PLACEHOLDERS:
            text = re.sub(pattern, placeholder, text)
        if os.environ.get("TRANSCRIPT"):
            pathlib.Path(os.environ["TRANSCRIPT"]).write_text(
                "\n".join(self.transcript) + "\n", "utf-8")
        if GOLDEN_FILE:
            GOLDEN_FILE.write(text + "\n")
            GOLDEN_FILE.close()
        self.assertNotIn("FAILED", text)
        self.assertNotIn("(exit ", text)
        if not GOLDEN_FILE:
            self.assertEqual(text.split(), GOLDEN.read_text("utf-8").split())

    # ------------------------------------ an installation, looked at later

    def check(self, *arguments, **options):
        return run(["mailbearer", "check", *arguments], **options)

    def step(self, result, name):
        """Mark and what was seen, with what stands below it."""
        found = re.search(r"(?m)^(\S+) +%s +((?:.*\n)(?: .*\n)*)" % name,
                          result.stdout)
        self.assertIsNotNone(found, result.stdout)
        return found[1], " ".join(found[2].split())

    def as_nobody(self, *command, **options):
        return run(list(command), options.pop("stdin", b""), user=NOBODY,
                   group=NOBODY, extra_groups=[], cwd="/", **options)

    def test_owners_and_modes(self):
        owner = pwd.getpwnam("mailbearer")
        for path, uid, gid, mode in (
                ("/usr/sbin/mailbearer", owner.pw_uid, owner.pw_gid, 0o6755),
                ("/usr/libexec/mailbearer/mailbearer-token", 0, 0, 0o755),
                ("/var/lib/mailbearer", owner.pw_uid, owner.pw_gid, 0o750),
                ("/var/spool/mailbearer", owner.pw_uid, owner.pw_gid, 0o750),
                ("/etc/cron.d/mailbearer", 0, 0, 0o644)):
            found = os.stat(path)
            self.assertEqual((found.st_uid, found.st_gid,
                              stat.S_IMODE(found.st_mode)), (uid, gid, mode),
                             path)

    def test_an_ordinary_user_sends(self):
        before = len(self.sandbox.messages())
        result = self.as_nobody("/usr/sbin/sendmail", "bob@example.net",
                                stdin=b"Subject: x\n\nx\n")
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertEqual(len(self.sandbox.messages()), before + 1)

    def test_check_by_an_ordinary_user(self):
        """With his own rights: it says so, and asks for no rights for him."""
        result = self.as_nobody("mailbearer", "check")
        self.assertNotEqual(result.code, 0)
        mark, text = self.step(result, "rights")
        self.assertEqual(mark, "??")
        self.assertIn("runs as nobody (uid 65534); sendmail is set-user-ID to "
                      "mailbearer", text)
        self.assertIn("run this as root", text)
        self.assertEqual(self.step(result, "config")[0], "ok")
        for name in ("state", "spool", "credential"):
            mark, text = self.step(result, name)
            self.assertEqual(mark, "FAILED", name)
            self.assertIn("run this as root", text)
            self.assertNotRegex(text, "chmod|chown|chgrp")

    def test_other_commands_by_an_ordinary_user(self):
        for command in (("token", "--renew"), ("queue",), ("queue", "retry"),
                        ("sendmail", "bob@example.net")):
            result = self.as_nobody("mailbearer", *command,
                                    stdin=b"Subject: x\n\nx\n")
            self.assertNotEqual(result.code, 0, command)
            self.assertIn("as root", result.stderr, command)
            self.assertNotRegex(result.stderr, "chmod|chown|chgrp|install -d")

    def test_check_where_set_user_id_does_nothing(self):
        result = self.check(user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
                            preexec_fn=no_new_privileges)
        mark, text = self.step(result, "rights")
        self.assertEqual(mark, "??")
        self.assertIn("NoNewPrivileges", text)
        self.assertNotRegex(result.stdout, "chmod|chown|chgrp")

    def test_check_without_a_timer(self):
        text = CRON.read_text("utf-8")
        self.addCleanup(CRON.write_text, text, "utf-8")
        CRON.unlink()
        result = self.check()
        self.assertEqual(result.code, 78)
        mark, text = self.step(result, "timer")
        self.assertEqual(mark, "FAILED")
        self.assertIn("neither mailbearer-queue.timer nor "
                      "/etc/cron.d/mailbearer", text)
        self.assertIn("nothing runs the queue", text)
        self.assertIn("systemctl enable --now mailbearer-queue.timer", text)
        line = self.check("--nagios")
        self.assertEqual(line.code, 2)
        self.assertRegex(line.stdout, "^MAILBEARER CRITICAL - timer: nothing")

    def test_check_with_a_timer_that_is_not_ours(self):
        text = CRON.read_text("utf-8")
        self.addCleanup(CRON.write_text, text, "utf-8")
        self.assertEqual(self.step(self.check(), "timer")[0], "ok")
        for wrong in ("", text.replace("/sbin/sendmail", "/sbin/exim"),
                      "#" + text.replace("\n", "\n#")):
            CRON.write_text(wrong, "utf-8")
            result = self.check()
            self.assertEqual(result.code, 0)
            mark, seen = self.step(result, "timer")
            self.assertEqual(mark, "??")
            self.assertIn("/etc/cron.d/mailbearer does not run /usr/sbin/"
                          "sendmail", seen)
            self.assertIn("have cron run, every minute", seen)

    def test_check_with_a_timer_that_does_not_come(self):
        if not self.probe.exists():
            self.skipTest("no spool_probe in this directory")
        made = subprocess.run([self.probe, "/var/spool/mailbearer", "commit"],
                              input=b"Subject: x\n\nx\n", user="mailbearer",
                              group="mailbearer", extra_groups=[], check=True,
                              capture_output=True)
        self.addCleanup(run, ["mailbearer", "queue", "remove",
                              made.stdout.decode().strip()])
        result = self.check()
        self.assertEqual(result.code, 78)
        mark, text = self.step(result, "timer")
        self.assertEqual(mark, "FAILED")
        self.assertRegex(text, r"a message was due \d+ days ago .*nothing runs "
                         "the queue, or the runner fails")
        self.assertEqual(self.step(result, "spool"), (
            "ok", "/var/spool/mailbearer, 1 waiting, 0 failed"))

    # --------------------------------------------------- setup --new

    def keep_config(self):
        text = CONFIG.read_text("utf-8")
        self.addCleanup(CONFIG.write_text, text, "utf-8")
        self.addCleanup(CONFIG.unlink)

    def rights(self, path):
        found = os.stat(path)
        return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)

    def new(self, *arguments, **options):
        return run(["mailbearer", "setup", "--new", "--tenant",
                    self.sandbox.tenant, "--client-id", self.sandbox.client_id,
                    "--mailbox", self.sandbox.mailbox, *arguments], **options)

    def test_setup_makes_a_key(self):
        self.keep_config()
        group = grp.getgrnam("mailbearer").gr_gid
        refused = self.new("--generate-certificate")
        self.assertEqual(refused.code, 73)
        self.assertIn("--force replaces it", refused.stderr)
        result = self.new("--generate-certificate", "--force", "--account",
                          "web", "--local-mail-to", "it@contoso.com",
                          "--no-check")
        self.assertEqual((result.code, result.stderr), (0, ""))
        self.assertEqual(self.rights("/etc/mailbearer/web.pem"),
                         (0, group, 0o640))
        self.assertEqual(self.rights("/etc/mailbearer/web.crt"), (0, 0, 0o644))
        self.assertEqual(self.rights(CONFIG), (0, 0, 0o644))
        # The tenant does not know it yet.
        result = self.check()
        self.assertEqual(result.code, 77)
        self.assertIn("upload the certificate",
                      self.step(result, "token")[1])
        certificate = pathlib.Path("/etc/mailbearer/web.crt").read_text()
        app = self.sandbox.app()
        self.addCleanup(app.certificates.clear)
        app.certificates.append(Certificate.from_pem(certificate))
        result = self.check()
        self.assertEqual(result.code, 0, result.stdout)
        before = len(self.sandbox.messages())
        result = self.as_nobody("/usr/sbin/sendmail", "root",
                                stdin=b"Subject: x\n\nx\n")
        self.assertEqual((result.code, result.stderr), (0, ""))
        sent = self.sandbox.messages()[before:]
        self.assertEqual([r.address for m in sent for r in m.recipients],
                         ["it@contoso.com"])

    def test_setup_with_a_secret_ends_in_check(self):
        self.keep_config()
        private = pathlib.Path("/var/private")
        private.mkdir(mode=0o700)
        self.addCleanup(shutil.rmtree, private)
        secret = private / "entra-secret"
        secret.write_text(self.sandbox.secret + "\n")
        secret.chmod(0o644)
        result = self.new("--secret-file", str(secret), "--force")
        self.assertIn("$ mailbearer check\n", result.stdout, result.stderr)
        # For root alone: the one thing that is wrong with this.
        self.assertEqual(result.code, 77, result.stdout)
        self.assertIn("/var/private", self.step(result, "credential")[1])
        kept = pathlib.Path("/etc/mailbearer/entra.secret")
        shutil.copy(secret, kept)
        self.addCleanup(kept.unlink)
        result = self.new("--secret-file", str(kept), "--force",
                          "--local-mail-to", "it@contoso.com")
        self.assertEqual(result.code, 0, result.stdout)
        self.assertEqual(self.rights(kept), (
            0, grp.getgrnam("mailbearer").gr_gid, 0o640))

    def test_setup_is_for_root(self):
        result = self.new("--generate-certificate", user=NOBODY, group=NOBODY,
                          extra_groups=[], cwd="/")
        self.assertEqual(result.code, 77)
        self.assertIn("run this as root", result.stderr)

    def test_setup_is_for_whose_the_place_is(self):
        """As that of a prefix in a home is its user's."""
        os.chown("/etc", NOBODY, NOBODY)
        self.addCleanup(os.chown, "/etc", 0, 0)
        result = self.new("--generate-certificate", user=NOBODY, group=NOBODY,
                          extra_groups=[], cwd="/")
        self.assertEqual(result.code, 73)
        self.assertIn("--force replaces it", result.stderr)


def no_new_privileges():
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)     # PR_SET_NO_NEW_PRIVS


# Opened before anything covers it.
GOLDEN_FILE = open(GOLDEN, "w", encoding="utf-8") \
    if os.environ.get("UPDATE_GOLDEN") and fresh_host.is_inside() else None

if __name__ == "__main__":
    fresh_host.enter(__file__)
    unittest.main()
