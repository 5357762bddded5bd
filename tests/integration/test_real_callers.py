#!/usr/bin/env python3
"""The real programs, each sending mail through the installed sendmail.

They are told its path where they can be; those that have /usr/sbin/sendmail
built in (cron, at) see it there in a mount namespace of their own.  A program
that is not installed is skipped; ./bootstrap check installs them all.
"""
import email
import email.policy
import os
import pathlib
import shutil
import subprocess
import textwrap
import unittest

from harness import PREFIX, SharedCase, field, installed_config, \
    sanitizer_environment, split_message

SENDMAIL = PREFIX / "sbin" / "sendmail"
GREETING = "line one\n.\nafter the dot\nFrom the start, é\n"


def needs(*commands):
    """Skip unless all of them are there."""
    missing = [c for c in commands if shutil.which(c) is None]
    return unittest.skipIf(missing, "not installed: " + ", ".join(missing))


def perl_has(module):
    return shutil.which("perl") is not None and subprocess.run(
        ["perl", f"-M{module}", "-e", "1"], capture_output=True,
        check=False).returncode == 0


def may_mount():
    """Whether we may make a mount namespace and change it."""
    return os.getuid() == 0 and shutil.which("unshare") is not None and \
        os.path.exists("/usr/sbin/sendmail") and subprocess.run(
            ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
            capture_output=True, check=False).returncode == 0


class RealCallers(SharedCase):
    def setUp(self):
        super().setUp()
        state = self.directory / "state"
        state.mkdir(mode=0o750)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.directory),
            "LANG": "C.UTF-8", "USER": "tester", "LOGNAME": "tester",
            **sanitizer_environment()}
        text = pathlib.Path(self.config(
            spool=False, state_directory=str(state), domain="contoso.com",
            local_mail_to="it@contoso.com", aliases="")).read_text()
        context = installed_config(text)
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def call(self, *command, stdin="", code=0):
        done = subprocess.run(
            command, input=stdin.encode(), env=self.environment,
            cwd=self.directory, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, (done.stdout + done.stderr)
                         .decode(errors="replace") + self.log_text())
        return done

    def arrived(self, recipients, subject, body=None):
        """One good message, from the mailbox, with that body."""
        message = self.delivered()[0]
        parsed = email.message_from_bytes(message.data,
                                          policy=email.policy.default)
        self.assertEqual(parsed.defects, [])
        self.assertEqual(sorted(r.address for r in message.recipients),
                         sorted(recipients))
        self.assertEqual(message.mail_from, "alerts@contoso.com")
        self.assertIn("<alerts@contoso.com>", parsed["From"])
        self.assertEqual(parsed["Subject"], subject)
        for name in ("From", "Date", "Message-ID"):
            self.assertEqual(len(field(message.data, name)), 1)
        self.assertNotRegex(message.data, rb"(?im)^bcc:")
        if body is not None:
            self.assertEqual(parsed.get_content().replace("\r\n", "\n")
                             .rstrip("\n"), body.rstrip("\n"))
        return parsed

    # ------------------------------------------------------- mailers

    @needs("bsd-mailx")
    def test_bsd_mailx(self):
        self.environment["MAILRC"] = self.write(
            "mailrc", f"set sendmail={SENDMAIL}\n")
        done = self.call("bsd-mailx", "-n", "-s", "mailx é", "-c",
                         "carol@example.net", "-b", "eve@example.net",
                         "bob@example.net", stdin=GREETING)
        self.assertEqual(done.stderr, b"")
        self.arrived(["bob@example.net", "carol@example.net",
                      "eve@example.net"], "mailx é", GREETING)

    @needs("bsd-mailx")
    def test_bsd_mailx_saves_what_failed(self):
        """dead.letter comes from the file that we read and put back."""
        self.sandbox.scenario("reply@rcpt=550 5.1.1 User unknown")
        self.environment["MAILRC"] = self.write(
            "mailrc", f"set sendmail={SENDMAIL}\n")
        self.call("bsd-mailx", "-n", "-s", "lost?", "bob@example.net",
                  stdin="the draft\n", code=1)
        self.assertIn("the draft",
                      (self.directory / "dead.letter").read_text())

    @needs("s-nail")
    def test_s_nail(self):
        self.call("s-nail", "-:/", "-S", f"mta={SENDMAIL}", "-S",
                  "ttycharset=utf-8", "-s", "s-nail é", "-b",
                  "eve@example.net", "bob@example.net", stdin=GREETING)
        self.arrived(["bob@example.net", "eve@example.net"], "s-nail é",
                     GREETING)

    @needs("mutt")
    def test_mutt(self):
        self.call("mutt", "-n", "-F", "/dev/null", "-e",
                  f'set sendmail="{SENDMAIL} -oem -oi"', "-e",
                  "set copy=no charset=utf-8", "-s", "mutt é", "-c",
                  "carol@example.net", "bob@example.net", stdin=GREETING)
        self.arrived(["bob@example.net", "carol@example.net"], "mutt é",
                     GREETING)

    @needs("mail.mailutils")
    def test_mailutils(self):
        """Which runs us with stdout and stderr closed."""
        self.call("mail.mailutils", "-n", "-E",
                  f"set sendmail=sendmail:{SENDMAIL}", "-s", "mailutils é",
                  "-r", "tester@example.org", "bob@example.net",
                  stdin=GREETING.replace("\n.\n", "\n"))
        self.arrived(["bob@example.net"], "mailutils é",
                     GREETING.replace("\n.\n", "\n"))

    # ------------------------------------------------------- PHP

    def php(self, arguments, flags="-t -i", code=0):
        path = self.write("send.php", f"<?php exit(mail({arguments}) "
                          "? 0 : 1);\n")
        return self.call("php", "-n", "-d",
                         f"sendmail_path={SENDMAIL} {flags}", path, code=code)

    @needs("php")
    def test_php_mail(self):
        self.php('"Bob <bob@example.net>", "php", "line one\\n.\\nlast", '
                 '"From: Shop <shop@example.org>\\r\\nBcc: eve@example.net"')
        parsed = self.arrived(["bob@example.net", "eve@example.net"], "php",
                              "line one\n.\nlast")
        self.assertEqual(parsed["From"], "Shop <alerts@contoso.com>")
        self.assertEqual(parsed["Reply-To"], "shop@example.org")

    @needs("php")
    def test_php_mail_with_a_fifth_parameter(self):
        self.php('"bob@example.net", "php 5", "text", "", '
                 '"-fbounce@example.org -F \'Full Name\'"')
        parsed = self.arrived(["bob@example.net"], "php 5", "text")
        self.assertEqual(parsed["From"], 'Full Name <alerts@contoso.com>')

    @needs("php")
    def test_php_mail_injects_nothing(self):
        """The flags of CVE-2016-10033 send mail and do nothing else."""
        log = self.directory / "shell.php"
        self.php('"bob@example.net", "php 5", "text", "", "-OQueueDirectory='
                 f'/tmp -X{log} -C/etc/passwd -be"', code=1)
        self.php('"bob@example.net", "php 5", "text", "", "-OQueueDirectory='
                 f'/tmp -X{log} -C/etc/passwd"')
        self.assertFalse(log.exists())
        self.arrived(["bob@example.net"], "php 5", "text")

    @needs("php")
    def test_php_mail_says_what_failed(self):
        self.sandbox.scenario("bad_token")
        done = self.php('"bob@example.net", "s", "text"', code=1)
        self.assertIn(b"hint: ", done.stderr)

    @needs("php")
    @unittest.skipUnless(os.path.exists(
        "/usr/share/php/Symfony/Component/Mailer/autoload.php"),
        "not installed: php-symfony-mailer")
    def test_symfony_mailer_over_bs(self):
        path = self.write("symfony.php", textwrap.dedent("""\
            <?php
            require 'Symfony/Component/Mailer/autoload.php';
            use Symfony\\Component\\Mailer\\Transport;
            use Symfony\\Component\\Mime\\Email;
            $transport = Transport::fromDsn(
                'sendmail://default?command=' . urlencode('%s -bs'));
            foreach (['one', 'two', 'three'] as $subject)
                $transport->send((new Email())
                    ->from('Shop <shop@example.org>')->to('bob@example.net')
                    ->bcc('eve@example.net')->subject("$subject é")
                    ->text("line one\\n.\\nlast é"));
            """) % SENDMAIL)
        self.call("php", path)
        messages = self.delivered(3)
        for message, subject in zip(messages, ("one é", "two é", "three é")):
            parsed = email.message_from_bytes(message.data,
                                              policy=email.policy.default)
            self.assertEqual(parsed["Subject"], subject)
            self.assertEqual(sorted(r.address for r in message.recipients),
                             ["bob@example.net", "eve@example.net"])
            self.assertNotIn(b"eve@", message.data)
            self.assertEqual(parsed.get_content().split(),
                             ["line", "one", ".", "last", "é"])

    # ------------------------------------------------------- programmers

    @needs("git")
    def test_git_send_email(self):
        where = self.call("git", "--exec-path").stdout.decode().strip()
        if not os.path.exists(os.path.join(where, "git-send-email")):
            self.skipTest("not installed: git-email")
        for command in (["init", "-q", "."],
                        ["config", "user.name", "Tess Tér"],
                        ["config", "user.email", "tess@example.org"],
                        ["commit", "-q", "--allow-empty", "-m", "first"]):
            self.call("git", *command)
        self.write("file", "a line\n.\n")
        self.call("git", "add", "file")
        self.call("git", "commit", "-q", "-m", "Add a file é")
        self.call("git", "send-email", "--quiet", "--confirm=never",
                  f"--smtp-server={SENDMAIL}", "--to=list@example.net",
                  "--cc=carol@example.net", "--suppress-cc=all", "HEAD^")
        parsed = self.arrived(["carol@example.net", "list@example.net"],
                              "[PATCH] Add a file é")
        self.assertEqual(parsed["Reply-To"], "tess@example.org")

    @unittest.skipUnless(perl_has("Email::Sender::Simple"),
                         "not installed: Email::Sender")
    def test_perl_email_sender(self):
        self.call("perl", "-e", textwrap.dedent("""\
            use Email::Sender::Simple qw(sendmail);
            use Email::Sender::Transport::Sendmail;
            use Email::Simple;
            sendmail(Email::Simple->create(
                header => [From => 'web@example.org',
                    To => 'bob@example.net', Subject => 'perl'],
                body => "line one\\n.\\nlast\\n"),
                { to => ['bob@example.net', 'eve@example.net'],
                  transport => Email::Sender::Transport::Sendmail->new(
                      { sendmail => '%s' }) });
            """ % SENDMAIL))
        self.arrived(["bob@example.net", "eve@example.net"], "perl",
                     "line one\n.\nlast")

    @unittest.skipUnless(perl_has("MIME::Lite"), "not installed: MIME::Lite")
    def test_perl_mime_lite(self):
        program = self.write("lite.pl", textwrap.dedent("""\
            use MIME::Lite;
            my $m = MIME::Lite->new(From => 'Web <web@example.org>',
                To => 'bob@example.net', Bcc => 'eve@example.net',
                Subject => 'lite', Data => "line one\\n.\\nlast\\n");
            $m->send('sendmail', '%s -t -oi -oem') or die;
            """) % SENDMAIL)
        self.call("perl", program)
        self.arrived(["bob@example.net", "eve@example.net"], "lite",
                     "line one\n.\nlast")

    @unittest.skipUnless(perl_has("MIME::Lite"), "not installed: MIME::Lite")
    def test_perl_survives_a_refusal(self):
        """It writes on while we have long known: no SIGPIPE."""
        program = self.write("lite.pl", textwrap.dedent("""\
            use MIME::Lite;
            my $m = MIME::Lite->new(From => 'web@example.org',
                To => 'bob@example.net', Data => 'x' x 1000000);
            eval { $m->send('sendmail', '%s -t -k'); };
            print "still alive\\n";
            """) % SENDMAIL)
        self.assertIn(b"still alive", self.call("perl", program).stdout)

    @needs("node")
    @unittest.skipUnless(os.path.isdir("/usr/share/nodejs/nodemailer"),
                         "not installed: node-nodemailer")
    def test_nodemailer(self):
        self.environment["NODE_PATH"] = "/usr/share/nodejs"
        program = self.write("send.js", textwrap.dedent("""\
            require('nodemailer').createTransport(
                { sendmail: true, newline: 'unix', path: '%s' }).sendMail({
                    from: 'Web <web@example.org>', to: 'bob@example.net',
                    bcc: 'eve@example.net', subject: 'node é',
                    text: 'line one\\n.\\nlast é' },
                function (error) { process.exit(error ? 1 : 0); });
            """) % SENDMAIL)
        self.call("node", program)
        self.arrived(["bob@example.net", "eve@example.net"], "node é",
                     "line one\n.\nlast é")

    # ------------------------------------------------------- daemons

    def in_a_system_of_its_own(self, script):
        """Run a script as root where /usr/sbin/sendmail is ours, and /run and
        the spools of cron and at are empty."""
        wrapper = pathlib.Path(self.write(
            "wrapper", f'#!/bin/sh\nexec {SENDMAIL} "$@"\n'))
        wrapper.chmod(0o755)
        self.call("unshare", "-m", "sh", "-ec", textwrap.dedent(f"""\
            mount -t tmpfs tmpfs /run
            cp -a /var/spool/cron {self.directory}/cron
            find {self.directory}/cron -type f ! -name .SEQ -exec rm {{}} +
            mount --bind {self.directory}/cron /var/spool/cron
            mount --bind {wrapper} "$(readlink -f /usr/sbin/sendmail)"
            """) + textwrap.dedent(script))

    @needs("cron")
    @unittest.skipUnless(may_mount(), "cannot make a mount namespace")
    def test_debian_cron(self):
        """@reboot jobs run when cron starts, so nobody waits for a minute."""
        self.in_a_system_of_its_own("""\
            echo '# empty' >empty && chown root empty && chmod 644 empty
            mount --bind empty /etc/crontab
            mkdir none && mount --bind none /etc/cron.d
            printf '@reboot printf "output\\\\n.\\\\nlast"\\n' |
                crontab -u root -
            cron -f & cron=$!
            for i in $(seq 100); do
                sleep 0.2
                ! grep -q " sent " log 2>/dev/null || break
            done
            kill $cron
            """)
        self.assertEqual(field(self.delivered()[0].data, "From"),
                         ['"Cron Daemon" <alerts@contoso.com>'])
        self.assertEqual(split_message(self.delivered()[0].data)[1],
                         b"output\r\n.\r\nlast\r\n")
        self.assertEqual([r.address for r in self.delivered()[0].recipients],
                         ["it@contoso.com"])

    @needs("at", "atd")
    @unittest.skipUnless(may_mount(), "cannot make a mount namespace")
    def test_at(self):
        self.in_a_system_of_its_own("""\
            echo 'echo output; echo .; echo last' | at now
            atd -s
            for i in $(seq 100); do
                sleep 0.2
                ! grep -q " sent " log 2>/dev/null || break
            done
            """)
        message = self.delivered()[0]
        self.assertEqual(split_message(message.data)[1],
                         b"output\r\n.\r\nlast\r\n")
        self.assertIn("Output from your job", field(message.data,
                                                    "Subject")[0])
        self.assertEqual([r.address for r in message.recipients],
                         ["it@contoso.com"])


if __name__ == "__main__":
    unittest.main()
