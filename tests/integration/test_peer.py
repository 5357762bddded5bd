"""What one process learns of a server, the next one knows: the long AUTH line,
BDAT."""
import unittest

import harness
from harness import SharedCase

UNKNOWN = "reply@end-of-data=502 5.5.1 Command not implemented"


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
        self.sandbox.scenario(UNKNOWN, times=1)
        for lock in self.directory.rglob("peer-*"):
            lock.unlink()
        self.sandbox.reset()
        self.send(preexec_fn=lambda: harness.resource.setrlimit(
            harness.resource.RLIMIT_FSIZE, (0, 0)))

    def test_the_trace_shows_bdat(self):
        result = self.sendmail("-v", "bob@example.net")
        self.assertRegex(result.stdout + result.stderr, r"BDAT \d+ LAST")


if __name__ == "__main__":
    unittest.main()
