# SPDX-License-Identifier: ISC
"""What tests with servers that read from a script (hostile_server.py) share."""
import pathlib
import re
import tempfile

from harness import SharedCase, secret_in
from hostile_certificates import Certificates
from hostile_server import Server

UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f"
                         "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Played:
    """One script, and what came of it: a directory with state and spool."""

    def __init__(self, top, certificates, script):
        self.here = pathlib.Path(tempfile.mkdtemp(dir=top))
        for name in ("state", "spool"):
            (self.here / name).mkdir(mode=0o750)
        self.server = Server(certificates, script)
        self.result = None

    def settings(self):
        """Of its config."""
        return {"state_directory": str(self.here / "state"),
                "spool_directory": str(self.here / "spool"),
                "log": str(self.here / "log")}

    def log(self):
        log = self.here / "log"
        return log.read_bytes() if log.exists() else b""

    def kept(self):
        """How many wait, and how many have failed."""
        return tuple(sum(1 for _ in (self.here / "spool" / place).glob("*"))
                     for place in ("new", "failed"))

    def __str__(self):
        return (f"{self.result}, heard {self.server.heard[-4:]}, "
                f"log {self.log()[-2000:]!r}")


class CertifiedCase(SharedCase):
    """Servers of a script have certificates."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        place = cls.top / "certificates"
        place.mkdir()
        cls.certificates = Certificates(place)


class HostileCase(CertifiedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # For the token endpoint too, so that one token does for all.
        cls.ca_file = cls.top / "trusted.pem"
        cls.ca_file.write_text(
            pathlib.Path(cls.sandbox.ca_file).read_text() + pathlib.Path(
                cls.certificates.revocation_list("revoked")).read_text())

    def server(self, script):
        return Played(self.directory, self.certificates, script)

    def judge_words(self, played):
        """Whatever the server said: no complaint of its own, no secret, no
        control character, nothing on stdout."""
        told = str(played)
        self.assertEqual(played.server.complaints, [], told)
        self.assertIsNone(secret_in(played.log()), told)
        for text in (played.result.stderr,
                     played.log().decode("utf-8", "replace")):
            self.assertIsNone(UNPRINTABLE.search(text), told)
        self.assertEqual(played.result.stdout, "", told)
