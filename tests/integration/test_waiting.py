"""What a caller waits for, and what he does not wait for."""
import unittest

from harness import SharedCase


class Farewell(SharedCase):
    """After the 250 there is nothing left to wait for."""

    def test_the_answer_to_quit_is_not_awaited(self):
        """It is there at once, and nobody reads it."""
        result = self.sendmail("-v", "bob@example.net")
        self.assertEqual(result.code, 0)
        self.assertEqual(result.lines()[-1].split()[-2:], [">>>", "QUIT"])
        self.assertNotIn("221", result.stderr)
        session, = self.sandbox.sessions()
        self.assertEqual(session["ended"], "quit")
        self.delivered()

    def test_a_server_that_never_says_goodbye(self):
        self.sandbox.scenario("hang@quit")
        self.assert_sent(self.sendmail("bob@example.net"))
        session, = self.sandbox.sessions()
        self.assertEqual(session["ended"], "quit")


if __name__ == "__main__":
    unittest.main()
