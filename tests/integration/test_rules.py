"""The 22 rules that recordings of 61 real callers force on a sendmail.

Each test bears the number of its rule; its comment names the callers.  See
tests/callers for what they send.
"""
import fcntl
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import termios
import time
import unittest

import harness
from harness import PROGRAM, SIMPLE, Case, SharedCase, field, run, split_message

TEMPORARY = {"no token": "http_503",
             "the server is busy": "not_available",
             "too many connections": "too_many_connections",
             "the server wants it later": "reply@end-of-data=451 4.3.0 Later"}


def proc_status(pid, name):
    """A mask of /proc/PID/status as a set of signal numbers."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        value = next(line.split()[1] for line in f if line.startswith(name))
    return {n for n in range(1, 65) if int(value, 16) >> (n - 1) & 1}


class Helpers:
    def command(self, *flags, config=None):
        path = self.directory / "mailbearer.conf"
        if config is None and not path.exists():
            self.config()
        return [str(PROGRAM), "sendmail", "-C", str(config or path), *flags]

    def spooling(self, **changes):
        """A config with the spool switched on, inside the test directory."""
        spool = self.directory / "spool"
        state = self.directory / "state"
        shutil.rmtree(state, ignore_errors=True)    # no token, no pause
        for path in (spool, state):
            path.mkdir(mode=0o750, exist_ok=True)
        return self.config(spool=True, spool_directory=str(spool),
                           state_directory=str(state), **changes)

    def spooled(self, part="new"):
        directory = self.directory / "spool" / part
        return sorted(directory.iterdir()) if directory.exists() else []

    def start(self, *flags, **options):
        """Start it with stdin open; the caller has time to look at it."""
        process = subprocess.Popen(
            self.command(*flags), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def finish(self, process, stdin=SIMPLE):
        out, err = process.communicate(stdin, timeout=60)
        self.assertEqual((process.returncode, out, err), (0, b"", b""))

    @staticmethod
    def wait_until_it_reads(process):
        """Until all of a first line is taken from the pipe."""
        process.stdin.write(b"Subject: first line\n")
        process.stdin.flush()
        deadline = time.monotonic() + 30
        waiting = bytearray(4)
        while time.monotonic() < deadline:
            fcntl.ioctl(process.stdin, termios.FIONREAD, waiting)
            if not any(waiting):
                return
            time.sleep(0.02)
        raise AssertionError("it does not read stdin")


class Rules(Helpers, SharedCase):
    # ------------------------------------------------------- the pipe

    def test_rule_01_stdin_is_read_to_its_end_before_every_exit(self):
        """Perl callers die of SIGPIPE otherwise, others report EPIPE."""
        wrong = self.directory / "wrong.conf"
        wrong.touch(mode=0o600)
        wrong.write_text("nonsense = 1\n")
        good = self.config()
        big = SIMPLE + b"x" * 70 * 20000
        for code, config, *flags in [
                (64, good, "-k"), (64, good), (64, good, "-bd"),
                (64, good, "-f", "a b c", "bob@example.net"),
                (64, good, "-N", "sometimes", "bob@example.net"),
                (64, good, "-t"), (64, good, "-f"),
                (78, wrong, "bob@example.net"), (78, wrong, "-bs"),
                (78, self.directory / "missing", "bob@example.net")]:
            with self.subTest(flags=flags, config=config):
                process = subprocess.Popen(
                    self.command(*flags, config=config),
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
                process.stdin.write(big)        # BrokenPipeError: failed
                process.stdin.close()
                self.assertEqual(process.wait(30), code)

    # ------------------------------------------------------- silence

    def test_rule_04_success_prints_nothing(self):
        """Emacs takes any output for a failure; Alpine and nmh join stderr to
        the SMTP dialogue."""
        self.assert_sent(self.sendmail("-oep", "-odi", "bob@example.net"))
        result = run(self.command("-bs"), b"EHLO x\r\nMAIL FROM:<a@b.example>"
                     b"\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n" +
                     SIMPLE.replace(b"\n", b"\r\n") +
                     b".\r\nNOSUCH\r\nQUIT\r\n")
        self.assertEqual(result.stderr, "")
        for line in result.stdout.splitlines():
            self.assertRegex(line, r"^\d{3}[ -]")
        self.delivered(2)

    # ------------------------------------------------------- descriptors

    def test_rule_05_closed_descriptors_harm_nothing(self):
        """mailutils runs us with 1 and 2 closed, shells without 0."""
        for closed in (">&-", "2>&-", ">&- 2>&-"):
            with self.subTest(closed):
                self.sandbox.reset()
                result = run(["sh", "-c", f'exec "$@" {closed}', "sh",
                              *self.command("bob@example.net")], SIMPLE)
                self.assertEqual((result.code, result.stdout), (0, ""))
                message = self.delivered()[0]
                self.assertTrue(message.data.endswith(b"\r\n\r\nHello.\r\n"))
                for line in self.log_text().splitlines():
                    self.assertIn("mailbearer", line)
        result = run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
                      *self.command("bob@example.net")])
        self.assertEqual(result.code, 74)

    def test_rule_06_inherited_descriptors_are_closed(self):
        """php-fpm leaks its sockets, Dovecot and cron their files: whoever
        waits for their end must not wait for us."""
        read_end, write_end = os.pipe()
        ours, theirs = socket.socketpair()
        process = self.start("bob@example.net",
                             pass_fds=(write_end, theirs.fileno()))
        os.close(write_end)
        theirs.close()
        self.wait_until_it_reads(process)
        for descriptor in (read_end, ours):
            ready, _, _ = select.select([descriptor], [], [], 30)
            self.assertTrue(ready, "still open in the running program")
        self.assertEqual(os.read(read_end, 1), b"")
        self.assertEqual(ours.recv(1), b"")
        os.close(read_end)
        ours.close()
        self.finish(process, b"\nx\n")

    def test_rule_08_signals_are_reset(self):
        """mutt blocks SIGCHLD and SIGTSTP, mailx ignores the terminal's."""
        ignored = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT,
                   signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
                   signal.SIGCHLD}
        blocked = {signal.SIGCHLD, signal.SIGTSTP, signal.SIGTERM,
                   signal.SIGALRM}

        def like_mailx_and_mutt():
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, blocked)

        process = self.start("bob@example.net",
                             preexec_fn=like_mailx_and_mutt)
        self.wait_until_it_reads(process)
        if os.path.exists("/proc/self/status"):
            self.assertEqual(proc_status(process.pid, "SigBlk:"), set())
            # Real-time signals are nobody's, and 32 and 33 the C library's.
            self.assertLessEqual(
                {n for n in proc_status(process.pid, "SigIgn:") if n < 32},
                {signal.SIGPIPE, signal.SIGXFSZ})
        self.finish(process, b"\nx\n")
        # SIGCHLD worked: the helper's end was seen.
        self.assertEqual(len(self.sandbox.token_requests()), 1)

    # ------------------------------------------------------- surroundings

    def test_rule_09_an_empty_environment_is_enough(self):
        """Dovecot passes nothing; and what is passed is not believed."""
        self.config(hostname="web1.contoso.com")
        for environment in ({}, {"USER": "mallory", "LOGNAME": "mallory",
                                 "NAME": "Mallory", "HOME": "/nowhere"}):
            with self.subTest(environment=environment):
                self.sandbox.reset()
                done = subprocess.run(
                    self.command("bob@example.net"), input=SIMPLE,
                    capture_output=True, check=False, timeout=60,
                    env={**harness.sanitizer_environment(), **environment})
                self.assertEqual((done.returncode, done.stdout, done.stderr),
                                 (0, b"", b""))
                sender = field(self.delivered()[0].data, "From")[0]
                self.assertNotIn("allory", sender)

    def test_rule_11_stdin_has_no_time_limit(self):
        """cronie starts us with the job's first byte and ends with the job.
        (Nothing sets a timer before stdin ends; the pause is only longer than
        the one limit that the config has.)"""
        self.config(send_timeout="1s")
        process = self.start("-i", "bob@example.net")
        self.wait_until_it_reads(process)
        time.sleep(2.5)
        self.assertEqual(self.sandbox.sessions(), [])
        self.finish(process, b"\nend of the job\n")
        self.assertIn(b"end of the job", self.delivered()[0].data)

    @unittest.skipUnless(os.getuid() == 0, "needs root to change its ids")
    def test_rule_12_ids_are_not_simple(self):
        """at keeps gid 1 and the user's own group as an extra one; sudo and
        www-data are just users.  None reads the secrets."""
        self.config()
        result = run(self.command("bob@example.net"), SIMPLE,
                     group=1, extra_groups=[0, 65534])
        self.assertEqual((result.code, result.stderr), (0, ""))
        os.chmod(self.directory, 0o755)
        os.chmod(self.directory / "mailbearer.conf", 0o644)
        for user, groups in (("daemon", []), ("nobody", [1])):
            with self.subTest(user=user):
                self.sandbox.reset()
                result = run(self.command("bob@example.net"), SIMPLE,
                             user=user, group=1, extra_groups=groups)
                self.assertIn(result.code, (77, 78), result.stderr)
                self.assertNotIn(self.sandbox.secret, result.stderr)
                self.assertEqual(self.sandbox.token_requests(), [])

    # ------------------------------------------------------- the sender

    def test_rule_13_every_form_of_f_is_understood(self):
        """maildrop, Dovecot, cronie, PHP: empty, <>, name, joined."""
        self.config(send_as="bounce@contoso.com")
        self.sandbox.add_mailbox("alerts@contoso.com",
                                 proxy_addresses=["bounce@contoso.com"])
        ours, bounce = "alerts@contoso.com", "bounce@contoso.com"
        for flags, path in [
                (["-f", ""], ours), (["-f", "<>"], ours), (["-f<>"], ours),
                (["-f", "root"], ours), (["-froot"], ours),
                (["-rroot"], ours), (["-r", "root"], ours),
                (["-f", "Name <bounce@contoso.com>"], bounce),
                (["-f", "bounce@contoso.com"], bounce),
                (["-f", "<bounce@contoso.com>"], bounce),
                (["-fbounce@contoso.com"], bounce),
                (["-rbounce@contoso.com"], bounce),
                (["-r", "bounce@contoso.com"], bounce)]:
            with self.subTest(flags=flags):
                self.sandbox.reset()
                message = self.assert_sent(self.sendmail(
                    *flags, "bob@example.net",
                    stdin=b"From: alerts@contoso.com\n\nx\n"))
                self.assertEqual(message.mail_from, path)

    # ------------------------------------------------------- recipients

    def test_rule_14_bcc_is_always_removed(self):
        """nodemailer leaves it in the text and names all in argv."""
        text = (b"From: alerts@contoso.com\nBCC: eve@example.org,\n"
                b"\tfay@example.org\nSubject: x\nBcc : gus@example.org\n"
                b"Resent-Bcc: hal@example.org\n\nx\n")
        for flags in (["-i", "bob@example.net"], ["-t", "bob@example.net"]):
            with self.subTest(flags=flags):
                self.sandbox.reset()
                message = self.assert_sent(self.sendmail(*flags, stdin=text))
                self.assertNotRegex(message.data, b"(?i)bcc|example.org")

    def test_rule_15_arguments_and_header_are_one_list(self):
        """PEAR, Rails, s-nail and SmartList give both, and mean both."""
        message = self.assert_sent(self.sendmail(
            "-i", "-t", "--", "bob@example.net", "carol@example.net",
            stdin=b"From: alerts@contoso.com\nTo: bob@example.net\n"
            b"Cc: BOB@example.net, Dave <dave@example.net>\n\nx\n"))
        self.assertEqual(sorted(r.address for r in message.recipients),
                         ["bob@example.net", "carol@example.net",
                          "dave@example.net"])

    def test_rule_16_one_bad_address_costs_nobody_his_mail(self):
        """fail2ban with bsd-mailx writes To: ops@example.com, set escape."""
        message = self.assert_one_sent_with_a_word(self.sendmail(
            "-i", "-t", stdin=b"To: ops@example.com, set escape\n"
            b"From: alerts@contoso.com\nSubject: [Fail2Ban]\n\nx\n"))
        self.assertEqual([r.address for r in message.recipients],
                         ["ops@example.com"])

    def assert_one_sent_with_a_word(self, result):
        self.assertEqual((result.code, result.stdout), (0, ""))
        self.assertIn("set escape", result.stderr + self.log_text())
        return self.delivered()[0]

    # ------------------------------------------------------- the header

    def test_rule_17_from_may_be_missing_or_bare(self):
        """30 of 100 messages have none; cron's is root (Cron Daemon)."""
        self.config(hostname="web1.contoso.com")
        for given, name in [
                (b"From: root (Cron Daemon)\n", "Cron Daemon"),
                (b"From: root\n", "root on web1"),
                (b"From: zoe\n", "zoe on web1"),
                (b'From: "(Cron Daemon)" <tester>\n', "(Cron Daemon)"),
                (b"From: Anacron <root>\n", "Anacron"),
                (b"From: root (systemd-cron)\n", "systemd-cron"),
                (b"", None)]:
            with self.subTest(given=given):
                self.sandbox.reset()
                message = self.assert_sent(self.sendmail(
                    "-i", "bob@example.net", stdin=given + SIMPLE))
                senders = field(message.data, "From")
                self.assertEqual(len(senders), 1)
                self.assertRegex(senders[0], r"<?alerts@contoso\.com>?$")
                if name is not None:
                    self.assertIn(name, senders[0])
                else:
                    self.assertNotEqual(senders[0], "alerts@contoso.com")
                for name in ("Date", "Message-ID"):
                    self.assertEqual(len(field(message.data, name)), 1)

    def test_rule_18_recipients_may_be_bare_or_a_comma_list(self):
        """Debian cron passes MAILTO as it is."""
        self.config(local_mail_to="it@contoso.com")
        for argument, wanted in [
                ("root", ["it@contoso.com"]),
                ("no-such-user-here", ["it@contoso.com"]),
                ("ops@example.com,second@example.com",
                 ["ops@example.com", "second@example.com"]),
                ("root,ops@example.com",
                 ["it@contoso.com", "ops@example.com"])]:
            with self.subTest(argument=argument):
                self.sandbox.reset()
                message = self.assert_sent(self.sendmail(
                    "-FCronDaemon", "-i", "-B8BITMIME", "-oem", argument))
                self.assertEqual(sorted(r.address for r in
                                        message.recipients), wanted)

    # ------------------------------------------------------- the bytes

    def test_rule_19_line_ends_are_decided_line_by_line(self):
        """PHP: CRLF in the header, LF in the body; PEAR: the other way."""
        message = self.assert_sent(self.sendmail(
            "-t", "-i", stdin=b"To: bob@example.net\nSubject: s\r\n"
            b"From: alerts@contoso.com\r\r\nX-A: b\n\r\none\ntwo\r\nthree\r\r\n"
            b"\nfour"))
        self.assertEqual(field(message.data, "X-A"), ["b"])
        self.assertEqual(split_message(message.data)[1],
                         b"one\r\ntwo\r\nthree\r\n\r\nfour\r\n")

    def test_rule_20_a_lone_dot_ends_the_message_only_without_i(self):
        """Symfony and SwiftMailer stuff dots when -i is absent."""
        for flags, body, wanted in [
                ([], b"a\n..\n..b\n.\ndropped\n", b"a\r\n.\r\n.b\r\n"),
                ([], b"a\r\n.\r\ndropped\r\n", b"a\r\n"),
                (["-i"], b"a\n..\n.\nkept\n", b"a\r\n..\r\n.\r\nkept\r\n"),
                (["-oi"], b"a\n.\nkept\n", b"a\r\n.\r\nkept\r\n")]:
            with self.subTest(flags=flags, body=body):
                self.sandbox.reset()
                message = self.assert_sent(self.sendmail(
                    *flags, "bob@example.net", stdin=b"Subject: s\n\n" + body))
                self.assertEqual(split_message(message.data)[1], wanted)

    # ------------------------------------------------------- the rest

    def test_rule_21_newaliases_exits_0(self):
        """dpkg fails with the maintainer scripts of inn2 and clamsmtp."""
        aliases = self.directory / "aliases"
        self.config(aliases=str(aliases))
        for text in ("", "postmaster: root\nroot: it@contoso.com\n",
                     "# nothing yet\n"):
            with self.subTest(text=text):
                aliases.write_text(text)
                result = run(self.command("-bi"), subprocess.DEVNULL)
                self.assertEqual((result.code, result.stderr), (0, ""))
        for text, problem in (("a: :include:/nowhere/list\n", "/nowhere/list"),
                              ("a: b\nb: a\n", "circle"),
                              ("a: x@y.example\na: b\n", "duplicate"),
                              ("a:\n", "no address"), ("@dom: b\n", ":1: "),
                              ("a: :blackhole:\n", ":1: "),
                              ("a: :fail: gone\n", ":1: ")):
            with self.subTest(text=text):
                aliases.write_text(text)
                result = run(self.command("-bi"), subprocess.DEVNULL)
                self.assertEqual(result.code, 0)
                self.assertIn(problem, result.stderr)
                self.assertRegex(result.stderr,
                                 "(?m)^sendmail: hint: correct these lines")
        aliases.chmod(0o666)
        result = run(self.command("-bi"), subprocess.DEVNULL)
        self.assertEqual(result.code, 0)
        self.assertRegex(result.stderr, "(?m)^sendmail: hint: chmod ")
        result = run([str(harness.PREFIX / "bin" / "newaliases")],
                     subprocess.DEVNULL)
        self.assertEqual(result.code, 0, result.stderr)

    def test_rule_22_a_seekable_stdin_is_put_back_after_a_failure(self):
        """bsd-mailx writes dead.letter from the same open file."""
        path = self.directory / "draft"
        path.write_bytes(SIMPLE)
        self.sandbox.scenario("send_as_denied")
        for flags, code in ((["bob@example.net"], 77), (["-t"], 64),
                            (["-f", "a b c", "x@example.net"], 64),
                            (["-k"], 64)):
            with self.subTest(flags=flags), open(path, "rb") as f:
                self.assertEqual(self.sendmail(*flags, stdin=f).code, code)
                self.assertEqual(f.read(), SIMPLE)


class RulesOfTheSpool(Helpers, Case):
    """Each with a sandbox of its own: what is spooled may leave late."""

    def test_rule_02_a_temporary_problem_is_spooled_and_exits_0(self):
        """cron, at, sudo, logwatch, PHP: none of them tries again."""
        for what, scenario in TEMPORARY.items():
            with self.subTest(what):
                self.spooling()
                self.sandbox.clear()
                self.sandbox.scenario(scenario)
                before = len(self.spooled())
                result = self.sendmail("-i", "bob@example.net")
                self.assertEqual((result.code, result.stdout, result.stderr),
                                 (0, "", ""))
                self.assertEqual(len(self.spooled()), before + 1)
                self.assertIn(b"Hello.", self.spooled()[-1].read_bytes())
        self.assertEqual(self.sandbox.messages(), [])

    def test_rule_03_75_never_means_that_the_mail_is_kept(self):
        """PHP 8.5 reads 75 as success, PHP 8.4 and Dovecot as failure."""
        self.spooling()
        self.sandbox.scenario("not_available")
        self.assertNotEqual(self.sendmail("bob@example.net").code, 75)
        self.assertEqual(len(self.spooled()), 1)
        self.config(spool=False,
                    spool_directory=str(self.directory / "spool"),
                    state_directory=str(self.directory / "state"))
        self.assert_failed(self.sendmail("bob@example.net"), 75, "", "")
        self.assertEqual(len(self.spooled()), 1)

    def test_rule_07_what_is_left_running_holds_no_descriptor(self):
        """Symfony, Node, git push and Python wait for the pipes to close."""
        self.spooling()
        self.sandbox.scenario("hang@ehlo", times=1)
        begun = time.monotonic()
        process = self.start("-odb", "bob@example.net")
        self.finish(process)
        self.assertLess(time.monotonic() - begun, 15)
        self.assertEqual(len(self.spooled()) +
                         len(self.sandbox.messages()), 1)

    def test_rule_10_the_umask_is_our_own(self):
        """logwatch runs us with 177, which makes useless directories."""
        self.spooling()
        for mask in (0o777, 0o177, 0):
            with self.subTest(umask=oct(mask)):
                result = run(self.command("bob@example.net"), SIMPLE,
                             preexec_fn=lambda mask=mask: os.umask(mask))
                self.assertEqual((result.code, result.stderr), (0, ""))
                self.assert_modes(self.directory / "state")
                self.assert_modes(self.directory / "spool")

    def assert_modes(self, top):
        for directory, _, names in os.walk(top):
            mode = stat.S_IMODE(os.stat(directory).st_mode)
            self.assertEqual(mode, 0o750, directory)
            for name in names:
                path = os.path.join(directory, name)
                mode = stat.S_IMODE(os.stat(path).st_mode)
                self.assertEqual(mode & 0o600, 0o600, path)
                self.assertEqual(mode & 0o137, 0, path)


if __name__ == "__main__":
    unittest.main()
