"""Input that tries to leave as two messages, or to reach somebody who was not
named: one row each.  Whatever a server stores for it must be what another one
stores, once.

name, what sendmail gets as stdin, flags; {own} in them stands for a
recipient of the row's own.  A row is refused (code) or sent (0)."""
import collections

Row = collections.namedtuple("Row", "name stdin flags code",
                             defaults=(("{own}",), 0))
PLAIN = ("-i", "{own}")
HEAD = b"From: alerts@contoso.com\nSubject: x\n\n"
# What comes behind an end of data that some server believes in.
TAIL = (b"MAIL FROM:<alerts@contoso.com>\r\nRCPT TO:<evil@victim.example>\r\n"
        b"DATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\nQUIT\r\n")


def ends():
    """Every way to write an end of data that somebody once believed in."""
    ends_of_line = {"LF": b"\n", "CR": b"\r", "CRLF": b"\r\n",
                    "CRCRLF": b"\r\r\n", "LFCR": b"\n\r", "none": b""}
    for before, first in ends_of_line.items():
        for after, second in ends_of_line.items():
            if before != "none" or after != "none":
                yield Row(f"{before} dot {after}", HEAD + b"a" + first + b"." +
                          second + TAIL, PLAIN)


def odd_ends():
    for name, octets in {
            "NUL before the dot": b"\0\n.\n", "NUL behind": b"\n.\0\n",
            "NUL within CRLF": b"\r\0\n.\r\0\n", "blank before": b"\n .\n",
            "blank behind": b"\n. \n", "tab behind": b"\n.\t\n",
            "two dots": b"\n..\n", "three dots": b"\n...\n",
            "dot and text": b"\n.x\n", "dots and CRs": b"\r.\r\r.\r\n.\r\r\n",
            "vertical tab": b"\x0b.\x0b", "form feed": b"\n\x0c.\n",
            "NEL": b"\xc2\x85.\xc2\x85", "U+2028": "\u2028.\u2028".encode(),
            "C1 NEL": b"\x85.\x85", "high bit": b"\x8d\x8a.\x8d\x8a",
            "fullwidth dot": "\n\uff0e\n".encode(), "DEL": b"\n.\x7f\n",
            "backspace": b"\n.\x08\n", "escape": b"\n\x1b[D.\n"}.items():
        yield Row("dot: " + name, HEAD + b"a" + octets + TAIL, PLAIN)


def without_i():
    """A lone dot ends the message; the rest is nobody's."""
    for name, octets in {"LF": b"\n.\n", "CRLF": b"\r\n.\r\n",
                         "LF CRLF": b"\n.\r\n", "CR": b"\r.\r"}.items():
        yield Row(f"a lone dot in {name}", HEAD + b"a" + octets + TAIL)


LINE = b"x" * 62 + b"\n"        # 64 octets on the wire


def blocks():
    """Around 64 KB of body, where a block of it ends."""
    for shift in range(-3, 4):
        start = LINE * 1023 + b"y" * (62 + shift) + b"\n"
        yield Row(f"a dot {shift} octets from the block's end",
                  HEAD + start + b".\n.\n" + TAIL, PLAIN)
    for shift in range(-2, 3):
        start = LINE * 1023 + b"y" * (63 + shift)
        yield Row(f"a CR {shift} octets from the block's end",
                  HEAD + start + b"\r.\r\n.\n" + TAIL, PLAIN)
    for size in (65535, 65536, 65537, 131072):
        yield Row(f"a body of {size} octets", HEAD + (LINE * 2048)[:size] +
                  b"\n.", PLAIN)


LAST = [
    Row("no last newline", HEAD + b"end", PLAIN),
    Row("a dot and no newline", HEAD + b"end\n.", PLAIN),
    Row("a dot, CR and no newline", HEAD + b"end\n.\r", PLAIN),
    Row("CR at the end", HEAD + b"end\r", PLAIN),
    Row("CRLF dot at the end", HEAD + b"end\r\n.", PLAIN),
    Row("nothing but dots", HEAD + b".\n" * 100, PLAIN),
    Row("an empty body", HEAD, PLAIN),
    Row("nothing but a header", b"Subject: x\n", PLAIN),
    Row("nothing but a dot", b".\n", PLAIN),
    Row("nothing but blank lines", b"\n\n\n\n", PLAIN),
    Row("NULs only", HEAD + b"\0" * 1000, PLAIN),
    Row("every octet", HEAD + bytes(range(256)) * 8, PLAIN),
    Row("8 bit", HEAD + "Grüße .\n.\n".encode() + TAIL, PLAIN),
    Row("8 bit that is no UTF-8", HEAD + b"\xe4\xf6\xfc\n.\n" + TAIL, PLAIN),
    Row("a line of 998 octets and a dot", HEAD + b"l" * 998 + b"\n.\n" + TAIL,
        PLAIN),
    Row("a line of 999 octets, a dot at 998", HEAD + b"l" * 997 + b".\n.\n" +
        TAIL, PLAIN),
    Row("dots in a line that is wrapped", HEAD + b"." * 5000 + b"\n.\n" + TAIL,
        PLAIN),
    Row("a command where a wrapped line goes on", HEAD + b"w" * 998 +
        b".\r" + TAIL, PLAIN),
    Row("BDAT in the body", HEAD + b"BDAT 0 LAST\r\nBDAT 5\r\nQUIT\r\n" + TAIL,
        PLAIN),
]

HEADER = [
    Row("CR in a subject", b"Subject: a\rBcc: evil@victim.example\n\nx\n"),
    Row("CR in a field name", b"Sub\rject: a\nX-A: b\n\nx\n"),
    Row("NUL in a subject", b"Subject: a\0\nX-A: b\n\nx\n"),
    Row("a dot as a field", b"Subject: a\n.\nBcc: evil@victim.example\n\nx\n",
        PLAIN),
    Row("a dot as a folded line", b"Subject: a\n .\n\t.\r\n\nx\n", PLAIN),
    Row("CRLF dot CRLF in a header", b"Subject: a\r\n.\r\n" + TAIL, PLAIN),
    Row("commands as a header", TAIL, PLAIN),
    Row("no blank line behind the header", b"Subject: a\n" + TAIL, PLAIN),
    Row("a header of blanks", b"Subject: a\n \n\t\n \r\n\nx\n", PLAIN),
    Row("PHP: Bcc behind CRLF in a subject", b"To: {own}\r\nSubject: a\r\n"
        b"Bcc: {own}\r\nX-PHP-Originating-Script: 33:x.php\r\n\r\nx\r\n",
        ("-t", "-i")),
    Row("PHP: CR before a field", b"To: {own}\nSubject: a\r\rBcc: "
        b"evil@victim.example\nX-PHP-Originating-Script: 33:x.php\n\nx\n",
        ("-t", "-i")),
    Row("a recipient with a command in quotes",
        b'To: "x> \r RCPT TO:<evil" <{own}>\n\nx\n', ("-t",)),
    Row("recipients in an encoded word", b"To: =?utf-8?Q?a=0D=0ABcc=3A_"
        b"evil=40victim=2Eexample?= <{own}>\n\nx\n", ("-t",)),
    Row("a subject in base64 with line ends", b"Subject: =?utf-8?B?"
        b"YQ0KQmNjOiBldmlsQHZpY3RpbS5leGFtcGxl?=\n\nx\n"),
    Row("a content type that hides a boundary", b"Content-Type: multipart/"
        b"mixed; boundary=\"a\r\n.\r\nb\"\nMIME-Version: 1.0\n\n--a\n.\n",
        PLAIN),
]


def flags():
    """Each way for a line end to get from the command line into a command."""
    for name, octets in {"CRLF": "\r\n", "LF": "\n", "CR": "\r"}.items():
        for flag in "fFrNVh":
            value = f"a{octets}RCPT TO:<evil@victim.example>"
            yield Row(f"-{flag} with {name}", b"Subject: x\n\nx\n",
                      ("-" + flag, value, "{own}"), 0 if flag == "h" else 64)
        yield Row(f"a recipient with {name}", b"Subject: x\n\nx\n",
                  ("{own}>" + octets + "RCPT TO:<evil@victim.example",
                   "{own}"), 64)
    yield Row("-f with a bracket", b"Subject: x\n\nx\n",
              ("-f", "a> RCPT TO:<evil@victim.example", "{own}"), 64)
    yield Row("-F with 8 bit and escapes as words", b"Subject: x\n\nx\n",
              ("-F", "J\u00f6rg \\r\\n.\\r\\n <evil@victim.example>", "{own}"))
    yield Row("-V with parameters", b"Subject: x\n\nx\n",
              ("-V", "id NOTIFY=NEVER", "{own}"))


ALIASES = """\
line-end: "a\\r\\nRCPT TO:<evil@victim.example>"@example.net
bracket: <a>RCPT TO:<evil@victim.example>
program: "|sh -c 'echo evil'"
file: /tmp/mailbearer-evil
include: :include:/etc/passwd
"""


def aliases():
    for line in ALIASES.splitlines():
        yield Row("alias: " + line.partition(":")[0], b"Subject: x\n\nx\n",
                  (line.partition(":")[0], "{own}"), None)


TABLE = [*ends(), *odd_ends(), *without_i(), *blocks(), *LAST, *HEADER,
         *flags(), *aliases()]
