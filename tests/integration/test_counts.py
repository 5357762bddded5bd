"""Counts that are the same on every machine: flights and token requests.

What make bench-check compares with tools is compared here without any.  A
flight is what the sandbox counts: output of the client that an answer was
needed for; HACKING says which there are.  The numbers are exact in both
directions, so that who saves one writes it down.
"""
import json
import unittest

import harness
from harness import Case

RECORDED = json.loads((harness.TOP / "tests" / "bench" / "counts.json")
                      .read_text(encoding="utf-8"))["counts"]
BODY = b"A line of sixty octets and more, as people write in messages.\n"


class Flights(Case):
    def flights(self):
        sessions = [one for one in self.sandbox.sessions() if one["messages"]]
        self.assertEqual(len(sessions), 1)
        return sessions[0]["flights_to_accept"]

    def send(self, *recipients, size=2 << 10, **config):
        self.config(**config)
        message = b"Subject: count\n\n" + BODY * (size // len(BODY))
        self.assert_sent(self.sendmail("-i", *(recipients or (
            "bob@example.net",)), stdin=message))
        return self.flights()

    def test_cold_and_warm(self):
        for send in ("cold", "warm"):
            with self.subTest(send=send):
                self.sandbox.reset()
                self.assertEqual(self.send(), RECORDED[send]["flights"])
                self.assertEqual(len(self.sandbox.token_requests()),
                                 RECORDED[send]["token_requests"])

    def test_neither_recipients_nor_size_cost_flights(self):
        small = RECORDED["warm"]["flights"]
        recipients = ["r%d@example.net" % n for n in range(100)]
        for name, flights, arguments, size in (
                ("recipients", small, recipients, 2 << 10),
                ("size", RECORDED["large"]["flights"], [], 5 << 20)):
            with self.subTest(name):
                self.sandbox.reset()
                self.assertEqual(self.send(*arguments, size=size), flights)

    def test_what_a_server_costs_that_cannot_do_better(self):
        """Scenario, and how many flights it adds."""
        data = "no_chunking"       # BDAT saves a flight of its own
        plain = 8                  # with DATA
        for scenarios, more in (
                ([data], 0),
                ([data, "no_pipelining"], 2),      # MAIL, RCPT, DATA
                ([data, "auth_line_limit"], 2)):   # refused, then step by step
            with self.subTest(scenarios=scenarios):
                self.sandbox.reset()
                self.sandbox.clear()
                for name in scenarios:
                    self.sandbox.scenario(name)
                self.assertEqual(self.send(), plain + more)

    def test_tls_1_2_costs_one_more(self):
        self.sandbox.scenario("no_chunking")
        self.sandbox.scenario("tls_max", version="1.2")
        self.assertEqual(self.send(), 8 + 1)

    def test_a_session_is_one_connection(self):
        self.send()
        self.assertEqual(len(self.sandbox.sessions()), 1)
        self.assertEqual(self.sandbox.violations(), [])


if __name__ == "__main__":
    unittest.main()
