"""A real set-user-ID installation, used by several users at once."""
import contextlib
import os
import pathlib
import pty
import signal
import subprocess
import time
import unittest

import harness
from harness import Case, PREFIX, SIMPLE, run
from setuid_case import OWNER, SetUidCase, no_new_privileges

HOSTILE = {
    "LD_PRELOAD": "/nonexistent.so", "SSL_CERT_FILE": "/dev/null",
    "SSL_CERT_DIR": "/nonexistent", "OPENSSL_CONF": "/nonexistent",
    "SSLKEYLOGFILE": "/tmp/mailbearer-keys", "HTTPS_PROXY": "http://127.0.0.1:1",
    "https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1",
    "TZ": "/etc/shadow", "LOCPATH": "/nonexistent", "RES_OPTIONS": "ndots:15",
    "MALLOC_PERTURB_": "1", "HOSTALIASES": "/dev/null", "HOME": "/nonexistent",
}


class SetUid(SetUidCase):
    def test_users_send_and_share_one_token(self):
        for user in (1000, 65534, 33):
            result = self.as_user(user, "bob@example.net")
            self.assertEqual((result.code, result.stderr), (0, ""))
        self.delivered(3)
        self.assertEqual(len(self.sandbox.token_requests()), 1)
        self.assertIn("uid=1000", self.log_text())
        self.assertIn("uid=33", self.log_text())
        self.assert_only_the_owner_was_here()

    def test_root_leaves_nothing_of_roots_behind(self):
        self.assertEqual(self.as_user(0, "bob@example.net").code, 0)
        self.assertEqual(self.as_user(65534, "bob@example.net").code, 0)
        self.delivered(2)
        self.assert_only_the_owner_was_here()

    def test_a_hostile_environment_changes_nothing(self):
        result = self.as_user(1000, "bob@example.net", env=HOSTILE)
        self.assertEqual(result.code, 0, result.stderr)
        self.delivered()
        self.assertFalse(os.path.exists("/tmp/mailbearer-keys"))

    def test_another_config_is_not_read(self):
        other = self.directory / "other.conf"
        other.write_text("nonsense\n")
        for flags in (("-C", str(other)), (f"-C{other}",),
                      ("-O", f"ConfigFile={other}")):
            result = self.as_user(1000, *flags, "bob@example.net")
            self.assertEqual(result.code, 0, result.stderr)
        self.delivered(3)

    def test_no_flag_makes_a_file(self):
        place = self.directory / "place"
        place.mkdir()
        os.chmod(place, 0o777)
        for flag in ("-X", "-D", "-C", "-oQ", "-oP", "-oA", "-oX"):
            self.as_user(1000, flag + str(place / "made"), "bob@example.net")
            self.as_user(1000, flag, str(place / "made"), "bob@example.net")
        self.assertEqual(list(place.iterdir()), [])

    def test_under_the_name_mailbearer_there_are_no_rights(self):
        """The config is readable, secret and state are not."""
        result = subprocess.run(
            ["mailbearer", "sendmail", "bob@example.net"], input=SIMPLE,
            executable=str(self.program), user=1000, group=1000,
            extra_groups=[], capture_output=True, check=False, timeout=60)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(self.sandbox.messages(), [])
        self.assertEqual(self.sandbox.token_requests(), [])

    def test_a_user_of_the_name_sendmail_cannot_be_told_apart_by_argv0(self):
        """Any other name is sendmail, whatever the caller makes of argv[0]."""
        for name in ("", "sendmail", "-", "../mailbearer/x", "su"):
            done = subprocess.run(
                [name, "bob@example.net"], input=SIMPLE,
                executable=str(self.program), user=1000, group=1000,
                extra_groups=[], capture_output=True, check=False, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_config_of_the_installations_user_is_not_believed(self):
        os.chown(self.config_path, OWNER, OWNER)
        result = self.as_user(1000, "bob@example.net")
        self.assertEqual(result.code, 78)
        self.assertIn("chown", result.stderr)

    def test_a_secret_that_users_can_read_is_refused(self):
        os.chmod(self.secret, 0o644)
        result = self.as_user(1000, "bob@example.net")
        self.assertEqual(result.code, 78, result.stderr)
        self.assertEqual(self.sandbox.token_requests(), [])

    def test_allow_users_counts_the_real_caller(self):
        self.configure(extra_account='allow-users = { "daemon" }')
        self.assertEqual(self.as_user(65534, "b@example.net").code, 77)
        self.assertEqual(self.as_user(1, "b@example.net").code, 0)
        self.assertEqual(self.as_user(0, "b@example.net").code, 0)
        self.delivered(2)

    def test_allow_users_takes_groups_from_the_databases(self):
        """Not from the process, whose groups another program may have chosen."""
        self.configure(extra_account='allow-users = { "@daemon", "4242" }')
        for user, group, code in ((1, 1, 0), (1, 65534, 0), (2, 1, 77),
                                  (4242, 65534, 0), (4243, 4242, 77)):
            with self.subTest(user=user, group=group):
                done = run([str(self.program), "b@example.net"], SIMPLE,
                           user=user, group=group, extra_groups=[1], cwd="/")
                self.assertEqual(done.code, code, done.stderr)
        self.delivered(3)

    def test_each_user_has_his_own_hour(self):
        self.configure(extra_top="user-messages-per-hour = 2")
        codes = [self.as_user(1000, "b@example.net").code for _ in range(4)]
        self.assertEqual(codes, [0, 0, 75, 75])
        self.assertEqual(self.as_user(1001, "b@example.net").code, 0)
        for _ in range(3):
            self.assertEqual(self.as_user(0, "b@example.net").code, 0)
        self.delivered(6)

    def test_the_log_names_user_and_php_script(self):
        """As PHP says it with mail.add_x_header: an aid to find the page, no
        proof, for whoever calls sendmail may write it."""
        for value, logged in (("33:index.php", "33:index.php"),
                              ("33:a b.php uid=0", '"33:a b.php uid=0"'),
                              ('33:"\\.php', '"33:\\"\\\\.php"')):
            with self.subTest(value):
                before = len(self.log_text())
                done = self.as_user(
                    1000, "b@example.net",
                    stdin=f"X-PHP-Originating-Script: {value}\n"
                          "Subject: x\n\ntext\n".encode())
                self.assertEqual(done.code, 0, done.stderr)
                line = next(line for line in
                            self.log_text()[before:].splitlines()
                            if ": sent " in line)
                self.assertRegex(line, r" uid=1000 ")
                self.assertIn("script=" + logged, line)

    def test_lost_rights_are_said(self):
        """As under NoNewPrivileges=: the set-user-ID bit does nothing."""
        result = self.as_user(
            1000, "b@example.net", preexec_fn=no_new_privileges)
        self.assertNotEqual(result.code, 0)
        self.assertIn("set-user-ID", result.stderr)

    def test_a_caller_cannot_signal_or_trace_it(self):
        process = subprocess.Popen(
            [str(self.program), "bob@example.net"], stdin=subprocess.PIPE,
            stderr=subprocess.PIPE, user=1000, group=1000, extra_groups=[])
        process.stdin.write(b"Subject: x\n\n")
        process.stdin.flush()
        time.sleep(0.5)
        for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM):
            done = subprocess.run(
                ["kill", f"-{number.value}", str(process.pid)], user=1000,
                group=1000, extra_groups=[], capture_output=True, check=False)
            self.assertNotEqual(done.returncode, 0)
        done = subprocess.run(["cat", f"/proc/{process.pid}/environ"],
                              user=1000, group=1000, extra_groups=[],
                              capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        process.communicate(b"more\n", timeout=60)
        self.assertEqual(process.returncode, 0)
        self.delivered()

    def test_the_terminal_cannot_stop_it(self):
        """^Z asks nobody's permission."""
        shell, terminal = pty.fork()
        if shell == 0:      # leads the session, or ^Z would not stop anybody
            run_in_terminal([str(self.program), "bob@example.net"], 1000)
        self.addCleanup(os.close, terminal)
        process = int(os.read(terminal, 100).split()[0])
        os.write(terminal, b"Subject: x\n\n")
        time.sleep(0.5)
        os.write(terminal, b"\x1a")
        time.sleep(0.5)
        state = pathlib.Path(f"/proc/{process}/stat").read_text("ascii")
        self.assertNotEqual(state.rpartition(")")[2].split()[0], "T")
        os.write(terminal, b".\n")
        self.assertEqual(os.waitpid(shell, 0)[1], 0)
        self.delivered()

    def test_who_does_not_read_the_trace_loses_it_and_nothing_else(self):
        """Not the connection, which others may want."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        done = subprocess.run(
            [str(self.program), "-v", "bob@example.net"], input=SIMPLE,
            stderr=writer, user=1000, group=1000, extra_groups=[],
            check=False, timeout=15)
        os.close(writer)
        self.assertEqual(done.returncode, 0)
        self.delivered()

    def test_low_limits_are_no_way_around_the_count(self):
        self.configure(extra_top="user-messages-per-hour = 1")
        for limit in ("-f 0", "-n 12"):
            result = run(["sh", "-c", f'ulimit {limit}; exec "$@"', "sh",
                          str(self.program), "bob@example.net"], SIMPLE,
                         user=1000, group=1000, extra_groups=[], cwd="/")
            self.assertEqual(result.code, 75, result.stderr)
        self.assertEqual(self.as_user(1000, "b@example.net").code, 0)
        self.assertEqual(self.as_user(1000, "b@example.net").code, 75)
        self.delivered(1)

    def test_an_unfinished_message_leaves_room_for_others(self):
        free = os.statvfs(self.directory)
        half = free.f_bavail * free.f_frsize * 3 // 4
        self.configure(spool=True, spool_reserve=str(half))
        long = b"Subject: x\n\n" + 100000 * b"abcdefg\n"
        result = self.as_user(1000, "-odq", "bob@example.net", stdin=long)
        self.assertEqual(result.code, 73, result.stderr)
        self.assertIn("spool-reserve", result.stderr)
        result = self.as_user(33, "-odq", "bob@example.net")
        self.assertEqual(result.code, 0, result.stderr)

    def test_one_users_pile_does_not_keep_the_mail_of_others(self):
        self.configure(spool=True, spool_reserve="0", messages_per_minute=11)
        for number in range(13):
            self.as_user(1000, "-odq", f"pile{number}@example.net")
        self.as_user(33, "-odq", "other@example.net")
        self.as_user(0, "-q")
        for _ in range(100):
            if len(self.sandbox.messages()) == 11:
                break
            time.sleep(0.1)
        self.assertIn("other@example.net", [
            message.recipients[0].address for message in self.delivered(11)])

    def test_a_user_without_files_still_gets_an_answer(self):
        """No descriptors, no disk: an error, or delivered; never silence."""
        for limit in ("-n 4", "-f 0", "-u 1", "-v 20000"):
            with self.subTest(limit=limit):
                result = run(["sh", "-c", f'ulimit {limit}; exec "$@"', "sh",
                              str(self.program), "bob@example.net"], SIMPLE,
                             user=1000, group=1000, extra_groups=[], cwd="/")
                if result.code != 0:
                    self.assertNotEqual(result.stderr, "")
        # And nobody else suffers.
        self.sandbox.reset()
        self.assertEqual(self.as_user(33, "b@example.net").code, 0)
        self.delivered()


def run_in_terminal(command, user):
    """The child's side of pty.fork(): says the number of a process in the
    foreground, runs the command in it and exits as it does."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    process = os.fork()
    if process == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.setgid(user)
        os.setuid(user)
        os.execv(command[0], command)
    print(process, flush=True)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


class Names(Case):
    """The installed names, without special rights."""

    def setUp(self):
        super().setUp()
        text = pathlib.Path(self.config(
            spool=False, state_directory=str(self.directory))).read_text(
                encoding="utf-8")
        installed = harness.installed_config(text)
        self.path = installed.__enter__()
        self.addCleanup(installed.__exit__, None, None, None)

    def test_every_name_is_there(self):
        for name in ("sbin/sendmail", "sbin/send-mail", "bin/mailq",
                     "bin/newaliases", "lib/sendmail", "sbin/mailbearer",
                     "libexec/mailbearer/mailbearer-token",
                     "etc/mailbearer.conf.sample",
                     "share/man/man8/mailbearer.8",
                     "share/man/man8/sendmail.8",
                     "share/man/man5/mailbearer.conf.5"):
            self.assertTrue((PREFIX / name).exists(), name)

    def test_the_pages_name_the_places_of_this_installation(self):
        pages = [path.read_text("utf-8") for path in
                 (PREFIX / "share" / "man").rglob("*.[578]")]
        self.assertEqual(len(pages), 5)
        text = "".join(pages)
        for place, usual in (("etc/mailbearer.conf", "/etc/mailbearer"),
                             ("var/lib/mailbearer", "/var/lib/mailbearer"),
                             ("var/spool/mailbearer", "/var/spool/mailbearer"),
                             ("libexec/mailbearer/mailbearer-token",
                              "/usr/libexec/mailbearer")):
            self.assertIn(f"Pa {PREFIX}/{place}", text)
            self.assertNotRegex(text, f"[ \"]{usual}")

    def test_sendmail_reads_the_installed_config(self):
        for name in ("sbin/sendmail", "sbin/send-mail", "lib/sendmail"):
            result = run([str(PREFIX / name), "-C", "/dev/null",
                          "bob@example.net"], SIMPLE)
            self.assertEqual((result.code, result.stderr), (0, ""))
        self.delivered(3)

    def test_messages_carry_the_name_that_was_called(self):
        result = run([str(PREFIX / "sbin" / "send-mail")], SIMPLE)
        self.assertEqual(result.code, 64)
        self.assertTrue(result.stderr.startswith("send-mail: "))

    def test_a_config_that_is_wrong_costs_nobody_his_mail(self):
        """Kept unrouted until it is mended, then sent by a queue run."""
        spool = PREFIX / "var" / "spool" / "mailbearer" / "new"
        before = set(spool.glob("*"))
        good = self.path.read_text(encoding="utf-8")
        self.path.write_text("nonsense = 1\n", encoding="utf-8")
        result = run([str(PREFIX / "sbin" / "sendmail"), "bob@example.net",
                      "root"], SIMPLE)
        self.assertEqual((result.code, result.stderr), (0, ""))
        kept = set(spool.glob("*")) - before
        self.assertEqual(len(kept), 1)
        self.assertEqual(self.sandbox.commands(), [])
        self.path.write_text('local-mail-to = "it@contoso.com"\n' +
                             good.replace("spool = false", "spool = true"),
                             encoding="utf-8")
        result = run([str(PREFIX / "sbin" / "sendmail"), "-q"], None)
        self.assertEqual(result.code, 0, result.stderr)
        deadline = time.monotonic() + 30
        while set(spool.glob("*")) & kept and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual([r.address for r in self.delivered()[0].recipients],
                         ["bob@example.net", "it@contoso.com"])

    def test_a_broken_config_that_wants_no_spool_gets_none(self):
        """Nobody may be there to send it."""
        spool = PREFIX / "var" / "spool" / "mailbearer" / "new"
        before = set(spool.glob("*"))
        for text, code in (("spool = false\nfoo = 1\n", 78),
                           ("foo = 1 /* x */\n  spool='off'", 78),
                           ('foo = 1\nspool = "No" account {', 78),
                           ("# spool = false\nfoo = 1\n", 0),
                           ('foo = "spool = false"\n', 0),
                           ("foo = 1\nspool = true\n", 0)):
            with self.subTest(text=text):
                self.path.write_text(text, encoding="utf-8")
                result = run([str(PREFIX / "sbin" / "sendmail"),
                              "bob@example.net"], SIMPLE)
                kept = set(spool.glob("*")) - before
                for path in kept:
                    path.unlink()
                self.assertEqual((result.code, len(kept)),
                                 (code, int(code == 0)))

    def test_what_was_kept_meanwhile_is_sent_from_another_spool(self):
        """The wrong config could not say where the spool is."""
        compiled_in = PREFIX / "var" / "spool" / "mailbearer" / "new"
        spool = self.directory / "spool"
        spool.mkdir(mode=0o750)
        before = set(compiled_in.glob("*"))
        good = self.path.read_text(encoding="utf-8")
        self.path.write_text("nonsense = 1\n", encoding="utf-8")
        self.assertEqual(run([str(PREFIX / "sbin" / "sendmail"),
                              "bob@example.net"], SIMPLE).code, 0)
        self.assertEqual(len(set(compiled_in.glob("*")) - before), 1)
        self.path.write_text(
            f'spool-directory = "{spool}"\n' +
            good.replace("spool = false", "spool = true"), encoding="utf-8")
        result = run([str(PREFIX / "sbin" / "sendmail"), "-q"], None)
        self.assertEqual(result.code, 0, result.stderr)
        self.assertEqual(set(compiled_in.glob("*")) - before, set())
        self.assertEqual([r.address for r in self.delivered()[0].recipients],
                         ["bob@example.net"])

    def test_newaliases_exits_0(self):
        result = run([str(PREFIX / "bin" / "newaliases")])
        self.assertEqual(result.code, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
