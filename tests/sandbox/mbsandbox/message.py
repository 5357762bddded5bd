"""The message on its way in: spooled to disk, checked as it comes.

Messages may have 150 MB, so the octets go to a file block by block and only
the header section is kept.  Checks work on whole blocks of complete lines.
"""

import hashlib
import re
from email import policy
from pathlib import Path
from typing import NamedTuple

from .stream import Gone

HEADER_LIMIT = 256 * 1024      # Set-ReceiveConnector's MaxHeaderSize
LINE_LIMIT = 998               # RFC 5322 section 2.1.1, without CRLF
LONGEST_LINE = 1 << 20         # past that nobody listens any more
END = b"\r\n.\r\n"


class Incoming:
    """Octets of one message, from DATA or BDAT."""

    def __init__(self, path: Path):
        self.path = path
        self.size = 0
        self.faults: set[str] = set()
        self.eight_bit = False
        self.header = b""
        self._header_done = False
        self._rest = b""           # an incomplete last line
        self._digest = hashlib.sha256()
        self._file = path.open("wb")

    def add(self, block: bytes) -> None:
        """Take octets of the message (already unstuffed)."""
        self.size += len(block)
        self._digest.update(block)
        self._file.write(block)
        self._collect_header(block)
        self._check(block)

    def _collect_header(self, block: bytes) -> None:
        if self._header_done:
            return
        self.header += block[:HEADER_LIMIT + 4 - len(self.header)]
        if self.header.startswith(b"\r\n"):
            self.header, self._header_done = b"", True
            return
        end = self.header.find(b"\r\n\r\n")
        if end >= 0:
            self.header = self.header[:end + 2]
            self._header_done = True
        elif len(self.header) > HEADER_LIMIT:
            self.faults.add("header over 256 KB")
            self._header_done = True

    def _check(self, block: bytes) -> None:
        if not block.isascii():
            self.eight_bit = True
        if b"\0" in block:
            self.faults.add("NUL in the message")
        text = self._rest + block
        # A CR at the very end may belong to the next block's LF.
        cut = text.rfind(b"\n") + 1
        lines, self._rest = text[:cut], text[cut:]
        if len(self._rest) > LINE_LIMIT + 1:
            self.faults.add("line over 998 octets")
            self._rest = self._rest[-1:]
        pairs = lines.count(b"\r\n")
        if lines.count(b"\n") != pairs:
            self.faults.add("bare LF in the message")
        if lines.count(b"\r") != pairs or b"\r" in self._rest[:-1]:
            self.faults.add("bare CR in the message")
        if lines and max(map(len, lines.split(b"\r\n"))) > LINE_LIMIT:
            self.faults.add("line over 998 octets")

    def finish(self) -> None:
        """All octets are here."""
        if self._rest:
            self.faults.add("last line without CRLF")
            if b"\r" in self._rest:
                self.faults.add("bare CR in the message")
        self._file.close()

    def accept_bare_lf(self) -> None:
        """Read LF as a line end, as the service does (facts, 7)."""
        self.faults -= {"bare LF in the message", "last line without CRLF",
                        "header over 256 KB"}
        head = re.sub(rb"\r?\n", b"\r\n", self.header)
        self.header = head.partition(b"\r\n\r\n")[0] + b"\r\n"

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def unstuff(stream, take) -> None:
    """Read a DATA body from `stream` up to CRLF.CRLF and hand it to `take`
    with the dots of RFC 5321 section 4.5.2 removed.

    `buffer` always begins with the CRLF before the octets that were not
    taken yet, so that a dot behind it is seen as the first of its line.
    """
    buffer = bytearray(b"\r\n")
    while True:
        end = buffer.find(END)
        last = end if end >= 0 else buffer.rfind(b"\r\n")
        text = bytes(buffer[:last + 2]).replace(b"\r\n.", b"\r\n")[2:]
        if text:
            take(text)
        del buffer[:last]
        if end >= 0:
            stream.incoming[:0] = buffer[len(END):]
            return
        if len(buffer) > LONGEST_LINE:
            raise Gone("a line of the message is over 1 MB")
        buffer += stream.read_octets(1 << 20)


class Header(NamedTuple):
    """One header field, unfolded."""
    name: str
    value: str


def parse_header(raw: bytes) -> tuple[list[Header], str]:
    """(fields, fault): strict RFC 5322 section 2.2, lines end with CRLF."""
    fields: list[Header] = []
    for line in raw.decode("utf-8", "surrogateescape").split("\r\n"):
        if not line:
            continue
        if line[0] in " \t":
            if not fields:
                return fields, "header starts with a continuation line"
            last = fields.pop()
            fields.append(Header(last.name, last.value + line))
            if re.search(r"[\r\n]", line):
                return fields, "bare CR or LF in the header"
            continue
        match = re.fullmatch(r"([!-9;-~]+)[ \t]*:([^\r\n]*)", line)
        if not match:
            return fields, "no header field: %.40r" % line
        fields.append(Header(match.group(1), match.group(2)))
    return fields, ""


def addresses(value: str) -> tuple[list[str], str]:
    """(addr-specs, fault) of an address list.

    An unquoted @ in a display name, a missing < or > and the like are
    faults: the service has been strict here since 2018 (facts, 7).
    """
    try:
        parsed = policy.default.header_factory("From", value.strip())
        found = [one.addr_spec for one in parsed.addresses]
    except Exception as error:     # the parser's own surprises
        return [], "unparsable: %s" % type(error).__name__
    faults = [str(one) for one in parsed.defects]
    if not found or not all("@" in one and one.partition("@")[0]
                            and one.rpartition("@")[2] for one in found):
        faults.append("no address")
    return found, "; ".join(faults)


def all_named(fields: list[Header], name: str) -> list[str]:
    return [one.value for one in fields if one.name.lower() == name.lower()]
