"""What one process learns of a server, the next one knows: the long AUTH line,
BDAT, the TLS session."""
import os
import pathlib
import re
import shutil
import ssl
import time
import unittest

import harness
from foreign_servers import may_mount
from harness import SharedCase

UNKNOWN = "reply@end-of-data=502 5.5.1 Command not implemented"


def seal(path, line):
    """The checksum of src/queue/sealed.c."""
    total = 0xcbf29ce484222325
    for octet in path.name.encode() + b"\0" + b"0\0" + line:
        total = (total ^ octet) * 0x100000001b3 % (1 << 64)
    return total


class Peer(SharedCase):
    def verbs(self):
        """The commands of each connection."""
        seen = {}
        for number, line in self.sandbox.commands():
            seen.setdefault(number, []).append(line.split()[0].upper())
        return list(seen.values())

    def files(self):
        return list(self.directory.rglob("peer-*[0-9a-f]"))

    def send(self, *flags, **options):
        return self.assert_sent(self.sendmail(*flags, "bob@example.net",
                                              **options))

    def flights(self):
        session, = self.sandbox.sessions()
        return session["flights_to_accept"]

    def test_the_long_auth_line_is_tried_once(self):
        self.sandbox.scenario("auth_line_limit")
        self.send()
        before = self.flights()
        self.sandbox.reset()
        self.send()
        self.assertEqual(self.flights(), before - 1)

    def test_bdat_refused_leads_to_data(self):
        """Within the same attempt, and at once the next time."""
        self.sandbox.scenario(UNKNOWN, times=1)
        self.assertEqual(self.send().envelope["transfer"], "DATA")
        one, two = self.verbs()
        self.assertEqual((one[-2], two[-3]), ("BDAT", "DATA"))
        self.sandbox.reset()
        self.assertEqual(self.send().envelope["transfer"], "DATA")
        self.assertEqual(len(self.verbs()), 1)

    def test_what_is_refused_both_ways_is_refused(self):
        self.sandbox.scenario(UNKNOWN)
        self.assert_failed(self.sendmail("bob@example.net"), 69, "502", "")
        self.assertEqual([one.count("BDAT") + one.count("DATA")
                          for one in self.verbs()], [1, 1])

    def test_large_messages_fall_back_too(self):
        self.sandbox.scenario(UNKNOWN, times=1)
        message = b"Subject: x\n\n" + b"0123456789" * 7 + b"\n"
        self.send(stdin=message + (b"0123456789" * 7 + b"\n") * 5000)

    def test_a_policy_refusal_says_nothing_about_bdat(self):
        self.sandbox.scenario("reply@end-of-data=554 5.7.1 No", times=1)
        self.assertEqual(self.sendmail("bob@example.net").code, 69)
        self.assertEqual(self.files(), [])
        self.assertEqual(self.send().envelope["transfer"], "BDAT")

    def test_all_refused_says_nothing_about_bdat(self):
        self.sandbox.scenario("reply@rcpt=550 5.1.1 User unknown", times=1)
        self.assertEqual(self.sendmail("bob@example.net").code, 67)
        self.assertEqual(self.files(), [])

    def test_no_answer_to_bdat_leads_to_data_next_time(self):
        self.sandbox.scenario("no_answer", action="close", accepted="no",
                              times=1)
        self.assertEqual(self.sendmail("bob@example.net").code, 75)
        self.assertEqual(self.send().envelope["transfer"], "DATA")

    def test_broken_memory_is_none(self):
        self.sandbox.scenario(UNKNOWN, times=1)
        self.send()
        path, = self.files()
        whole = path.read_bytes()
        for broken in (b"", whole[:-9], whole.replace(b"no-bdat=1", b"no-bdat=2"),
                       b"\0" * 20000):
            with self.subTest(broken=broken[:40]):
                path.write_bytes(broken)
                self.sandbox.reset()
                self.assertEqual(self.send().envelope["transfer"], "BDAT")

    def test_memory_that_cannot_be_kept_is_no_error(self):
        self.send()
        ticket, = self.directory.rglob("tls-*[0-9a-f]")
        ticket.unlink()
        for kind in ("tls", "peer"):
            ticket.with_name(kind + ticket.name[3:]).mkdir()
        for _ in range(2):
            self.sandbox.scenario(UNKNOWN, times=1)
            self.sandbox.reset()
            self.assertEqual(self.send().envelope["transfer"], "DATA")

    def test_the_trace_shows_bdat(self):
        result = self.sendmail("-v", "bob@example.net")
        self.assertRegex(result.stdout + result.stderr, r"BDAT \d+ LAST")


class Ticket(SharedCase):
    def resumed(self, **config):
        """Send one message; whether it came in a resumed TLS session."""
        self.sandbox.reset()
        self.config(**config)
        self.assert_sent(self.sendmail("bob@example.net"))
        session, = self.sandbox.sessions()
        return session["resumed"]

    def files(self):
        return list(self.directory.rglob("tls-*[0-9a-f]"))

    def test_the_second_send_resumes(self):
        for version in ("1.2", "1.3"):
            with self.subTest(version=version):
                self.sandbox.clear()
                self.sandbox.scenario("tls_max", version=version)
                for path in self.files():
                    path.unlink()
                self.assertEqual([self.resumed() for _ in range(3)],
                                 [False, True, True])

    def test_the_file_is_a_secret(self):
        self.resumed()
        path, = self.files()
        self.assertEqual(path.stat().st_mode & 0o137, 0)

    def test_a_ticket_is_not_replaced_by_one_of_its_own(self):
        """Or else no certificate would be looked at any more."""
        self.resumed()
        path, = self.files()
        before = path.read_bytes()
        self.assertTrue(self.resumed())
        self.assertEqual(path.read_bytes(), before)

    def test_other_trust_settings_do_not_resume(self):
        copy = self.directory / "ca.pem"
        shutil.copy(self.sandbox.ca_file, copy)
        self.resumed()
        self.assertFalse(self.resumed(ca_file=str(copy)))
        self.assertTrue(self.resumed(ca_file=str(copy)))
        os.utime(copy, (1, 1))
        self.assertFalse(self.resumed(ca_file=str(copy)))
        self.assertFalse(self.resumed(tls_minimum="1.3"))

    def test_another_name_does_not_resume(self):
        self.resumed()
        self.assertFalse(self.resumed(host="127.0.0.1"))

    def test_trust_withdrawn_is_noticed(self):
        other = self.directory / "other.pem"
        harness.subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-subj", "/CN=other", "-keyout", "/dev/null", "-out", str(other)],
            check=True, capture_output=True)
        ca_file = self.directory / "ca.pem"
        shutil.copy(self.sandbox.ca_file, ca_file)
        self.assertFalse(self.resumed(ca_file=str(ca_file)))
        self.assertTrue(self.resumed(ca_file=str(ca_file)))
        ca_file.write_bytes(other.read_bytes())
        self.sandbox.reset()
        self.assert_failed(self.sendmail("bob@example.net"), 76,
                           "certificate", "")

    def test_a_list_changed_in_place_is_noticed(self):
        """Behind a link too, as those who fetch revocation lists do it."""
        anchors, real = self.directory / "anchors", self.directory / "crl.pem"
        anchors.mkdir()
        shutil.copy(self.sandbox.ca_file, anchors)
        harness.subprocess.run(["openssl", "rehash", str(anchors)], check=True,
                               capture_output=True)
        (anchors / "12345678.r0").symlink_to(real)
        real.write_text("x")
        before = anchors.stat().st_mtime_ns
        self.assertFalse(self.resumed(ca_file=None, ca_directory=str(anchors)))
        self.assertTrue(self.resumed(ca_file=None, ca_directory=str(anchors)))
        real.write_text("y")
        self.assertEqual(anchors.stat().st_mtime_ns, before)
        self.assertFalse(self.resumed(ca_file=None, ca_directory=str(anchors)))

    @unittest.skipUnless(may_mount(), "cannot make a mount namespace")
    def test_a_changed_bundle_of_the_system_is_noticed(self):
        """Where it is a link to what another package writes."""
        own = pathlib.Path(ssl.get_default_verify_paths().openssl_cafile)
        for place in pathlib.Path("/etc/ssl/certs/ca-certificates.crt"), own:
            with self.subTest(place):
                if not place.parent.is_dir():
                    self.skipTest("OpenSSL has no directory")
                self.bundle_is_noticed(place)

    def bundle_is_noticed(self, place):
        none, certs, real = (self.directory / f"{place.stem}-{name}"
                             for name in ("none", "certs", "bundle"))
        none.mkdir()
        certs.mkdir()
        shutil.copy(self.sandbox.ca_file, real)
        (certs / place.name).symlink_to(real)

        def resumed():
            self.sandbox.reset()
            config = self.config(ca_file=None)
            self.assert_sent(harness.run(
                ["unshare", "-m", "sh", "-ec",
                 f"mount --bind {none} /etc/ssl/certs; "
                 f'mount --bind {certs} {place.parent}; exec "$@"', "sh",
                 str(harness.PROGRAM), "sendmail", "-C", str(config),
                 "bob@example.net"], harness.SIMPLE))
            session, = self.sandbox.sessions()
            return session["resumed"]

        self.assertEqual([resumed(), resumed()], [False, True])
        os.utime(real, (1, 1))
        self.assertFalse(resumed())

    def test_a_broken_ticket_does_no_harm(self):
        self.resumed()
        path, = self.files()
        whole = path.read_bytes()
        for broken in (b"", whole[:100], whole[::-1], whole + whole,
                       b"x" * 100000):
            with self.subTest(broken=broken[:40]):
                path.write_bytes(broken)
                self.assertFalse(self.resumed())
                self.assertTrue(self.resumed())

    def test_an_old_ticket_is_not_offered(self):
        for age, good in ((3500, True), (3601, False), (-60, False)):
            with self.subTest(age=age):
                self.resumed()
                path, = self.files()
                line = path.read_bytes().rpartition(b" #")[0]
                line = re.sub(rb"(?<=made=)\d+", b"%d" % (time.time() - age),
                              line)
                path.write_bytes(b"%s #%016x\n" % (line, seal(path, line)))
                self.assertEqual(self.resumed(), good)

    def test_a_server_that_forgot(self):
        self.resumed()
        self.sandbox.scenario("tls_min", version="1.2")    # a new context
        self.assertFalse(self.resumed())
        self.assertTrue(self.resumed())


if __name__ == "__main__":
    unittest.main()
