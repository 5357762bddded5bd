"""Reply texts that several parts share, and what goes over the wire.

The texts of the scenarios stand in scenario.py; placeholders are explained
there.
"""

import re

from .scenario import BY_NAME

GARBAGE = b"\x16\x03\x01garbage \xff\xfe\r\n"
AUTH_REFUSED = BY_NAME["bad_token"].reply
LOGIN_OFF = ("535 5.7.139 Authentication unsuccessful, basic authentication "
             "is disabled.{front}")
LOGIN_WRONG = ("535 5.7.139 Authentication unsuccessful, the user "
               "credentials were incorrect.{front}")
BAD_SEQUENCE = "503 5.5.1 Bad sequence of commands{front}"
OUT_OF_STEP = "554 5.5.0 SMTP protocol synchronization error{front}"
BARE_LF = "550 5.6.11 Command with a bare CR or LF{front}"
ILLEGAL_OCTETS = ("550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; Invalid "
                  "characters in the message{back}")
NOT_COMPLIANT = ("550 5.7.512 Access denied, message must be RFC 5322 "
                 "section 3.6.2 compliant{back}")


def wire_form(text: str) -> bytes:
    """The octets of a reply.  Lines without a code get that of the first."""
    lines = text.split("\n")
    if len(lines) > 1 and not all(re.match(r"\d{3}[ -]", one)
                                  for one in lines):
        code, lines[0] = text[:3], lines[0][4:]
        lines = [code + ("-" if at < len(lines) - 1 else " ") + one
                 for at, one in enumerate(lines)]
    return "".join(one + "\r\n" for one in lines).encode(
        "utf-8", "surrogateescape")


def summary(verb: str, text: str) -> str:
    """A command as it may be recorded: without credentials, not endless."""
    if verb == "AUTH":
        words = text.split(" ")
        blob = " (initial response, %d octets)" % len(words[2]) \
            if len(words) > 2 else ""
        return " ".join(words[:2]) + blob
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 1100 else "%s... (%d octets)" % (text[:60],
                                                                 len(text))


def yes(word: str) -> bool:
    return word.lower() in ("yes", "true", "on", "1")
