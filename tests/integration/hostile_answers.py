"""What a hostile or broken token endpoint, or whoever pretends to be it, may
answer: one row each.

name, script (hostile_server.py, over TLS), exit code with the spool off, what
stderr must say.  @TOKEN@ stands for a token that the mail server takes: with it
the row says what an odd answer may do to a good token, without it that there is
none to be had.
"""
import collections
import gzip
import json
from urllib.parse import quote

from harness import SECRET
from hostile_server import Drip, END, Flood, HALF, REQUEST, RESET, TLS, Tls, \
    WAIT

Row = collections.namedtuple("Row", "name script code says")
ASKED = (TLS, REQUEST)
TOKEN = "@TOKEN@"
GOOD = {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN}


def http(body, status="200 OK", *fields):
    """A response whose length is as it says, with @TOKEN@ counted later."""
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    lines = [b"HTTP/1.1 " + status.encode(), *[f.encode() for f in fields]]
    if not any(f.startswith("Content-Type") for f in fields):
        lines.append(b"Content-Type: application/json")
    return b"\r\n".join(lines) + b"\r\nConnection: close\r\n\r\n" + body


def answer(name, body, code, says="", *fields, status="200 OK"):
    if isinstance(body, dict):
        body = json.dumps(body)
    return Row(name, ASKED + (http(body, status, *fields), END), code, says)


def good(name, code=0, **changes):
    """A good answer with something changed; None takes it out."""
    fields = {key: value for key, value in {**GOOD, **changes}.items()
              if value is not None}
    return answer(name, fields, code, "^$" if code == 0 else "")


def token(name, text):
    return answer("token: " + name, {**GOOD, "access_token": text}, 75, "")


TOKENS = [
    token("with CRLF", "abc\r\nRCPT TO:<evil@victim.example>"),
    token("with LF", "abc\ndef"), token("with NUL", "abc\0def"),
    token("with ^A, which parts XOAUTH2", "abc\x01user=root@contoso.com\x01"),
    token("with a blank", "abc def"), token("with escapes", "\x1b[2Jabc"),
    token("with DEL", "abc\x7f"), token("8 bit", "abcü"),
    token("bidi", "abc\u202edef"), token("empty", ""),
    token("of 1 MB", "x" * (1 << 20)), token("of 60 KB", "x" * 60000),
    token("a number", 12345), token("null", None), token("a list", ["a"]),
    token("an object", {"a": "b"}), token("true", True),
    token("a lone surrogate", "abc\ud800"),
]

LIVES = [
    good("expires_in: below 0", expires_in=-1),
    good("expires_in: far below 0", expires_in=-2 ** 63),
    good("expires_in: 0", expires_in=0),
    good("expires_in: 2^63", expires_in=2 ** 63 - 1),
    good("expires_in: a float", expires_in=3599.9),
    good("expires_in: text", expires_in="3599"),
    good("expires_in: nonsense", expires_in="soon"),
    good("expires_in: a list", expires_in=[3599]),
    good("expires_in: none", expires_in=None),
    good("refresh_in: below 0", refresh_in=-5),
    good("refresh_in: far", refresh_in=2 ** 62),
    good("expires_on: in the past", expires_in=None, expires_on="1"),
    good("token type: MAC", 75, token_type="mac"),
    good("token type: escapes", 75, token_type="\x1b[2J"),
    good("a thousand more fields", **{f"x{n}": "y" * 50 for n in range(1000)}),
    good("a field of 10 KB", x="y" * 10000),
]

BODIES = [
    answer("deep nesting", "[" * 100000, 75),
    answer("deep objects", '{"a":' * 20000 + "1" + "}" * 20000, 75),
    answer("deep nesting beside a token", '{"access_token":"x","a":' +
           "[" * 3000 + "]" * 3000 + "}", 75),
    answer("a number of 100000 digits", '{"expires_in":' + "9" * 100000 +
           ',"access_token":"x"}', 75),
    answer("a number beyond any", '{"expires_in":1e99999,"access_token":"x"}',
           75),
    answer("NaN", '{"expires_in":NaN,"access_token":"x"}', 75),
    answer("NULs", b"\0" * 5000, 75), answer("nothing", "", 75),
    answer("an escaped NUL", '{"access_token":"a\\u0000b"}', 75),
    answer("a raw NUL in a string", b'{"access_token":"a\0b"}', 75),
    answer("no UTF-8", b'{"access_token":"\xff\xfe"}', 75),
    answer("a BOM and no more", b"\xef\xbb\xbf", 75),
    answer("half a string", '{"access_token":"abc', 75),
    answer("a list", "[]", 75), answer("a string", '"abc"', 75),
    answer("two objects", '{}{"access_token":"x"}', 75),
    answer("no token", "{}", 75),
    answer("HTML", "<html><script>alert(1)</script>", 75, "",
           "Content-Type: text/html"),
    answer("terminal escapes", "\x1b]0;owned\x07\x1b[2J\x9b31m", 75),
    answer("an error with escapes", {
        "error": "\x1b[2Jno", "error_description":
        "AADSTS\x1b]0;owned\x07: \u202eko\r\nsendmail: hint: run rm -rf /"},
        None, "", status="400 Bad Request"),
    answer("an error of 60 KB", {"error": "x" * 60000}, None, "",
           status="400 Bad Request"),
    answer("an error that is a list", {"error": ["a"],
                                       "error_codes": "none"}, None, "",
           status="400 Bad Request"),
    answer("error codes beyond numbers", {
        "error": "invalid_client", "error_codes": [-1, 2 ** 63 - 1, "x",
                                                   None, 1e300]}, None, "",
           status="401 Unauthorized"),
    answer("a format string as error", {"error": "%s%n%99999d"}, None, "",
           status="400 Bad Request"),
    answer("an error and a token", {**GOOD, "error": "invalid_client",
                                    "access_token": "x"}, None, ""),
    Row("JSON without end", ASKED + (http('{"a":"'), Flood(b"x" * 1000)), 75,
        ""),
    Row("blanks without end", ASKED + (http(""), Flood(b" ")), 75, ""),
    Row("nesting without end", ASKED + (http(""), Flood(b"[")), 75, ""),
]


def refusal(name, code=77, status="401 Unauthorized", **members):
    return answer(name, {"error": "invalid_client", **members}, code,
                  "<hidden>|repeat the secret", status=status)


SAID = quote(SECRET, safe="")
ECHOES = [
    refusal("the secret in the description",
            error_description=f"AADSTS7000215: wrong: {SECRET}"),
    refusal("the secret as it was sent", error_description=f"bad {SAID}"),
    refusal("half of the secret", error_description=f"bad {SECRET[:20]}..."),
    refusal("the other half", error_description=f"bad ...{SECRET[20:]}"),
    refusal("the secret folded",
            error_description=f"bad {SECRET[:19]}\r\n {SECRET[19:]}"),
    refusal("the secret in other letters",
            error_description=f"bad {SECRET.upper()}"),
    refusal("the secret as error", 77, error=SECRET[3:]),
    refusal("the secret as id", 77, correlation_id=SECRET[2:],
            trace_id=SECRET[4:], error_description=f"bad {SECRET[5:]}"),
    answer("a page with the request in it", "<html>Blocked: grant_type=client_"
           f"credentials&client_secret={SAID[:30]}", 77,
           "<hidden>|repeat the secret", status="403 Forbidden"),
]


def bomb():
    packed = gzip.compress(b" " * (64 << 20), 9)
    return answer("a gzip bomb", packed, 75, "", "Content-Encoding: gzip",
                  f"Content-Length: {len(packed)}")


HTTP = [
    bomb(),
    answer("compressed with a token", gzip.compress(b'{"access_token":"x"}'),
           75, "", "Content-Encoding: gzip"),
    answer("an unknown encoding", "abc", 75, "", "Content-Encoding: magic"),
    *[answer(f"{code} to {place}", "", None, "", f"Location: {place}",
             status=f"{code} Moved")
      for code in (301, 302, 303, 307, 308)
      for place in ("http://127.0.0.1:1/", "file:///etc/shadow")],
    answer("302 to nowhere", "", None, "", status="302 Found"),
    answer("302 to escapes", "", None, "", "Location: \x1b[2J",
           status="302 Found"),
    answer("a negative length", "{}", 75, "", "Content-Length: -1"),
    answer("a length of 2^64", "{}", 75, "",
           "Content-Length: 18446744073709551616"),
    answer("more than it promised", '{"access_token"', 75, "",
           "Content-Length: 3"),
    answer("two lengths", "{}", 75, "", "Content-Length: 2",
           "Content-Length: 500"),
    answer("chunks that are none", "zz\r\nhello", 75, "",
           "Transfer-Encoding: chunked"),
    answer("a chunk of 2^64", "ffffffffffffffff1\r\nx", 75, "",
           "Transfer-Encoding: chunked"),
    answer("a negative chunk", "-5\r\nhello\r\n0\r\n\r\n", 75, "",
           "Transfer-Encoding: chunked"),
    answer("chunks and a length", "2\r\n{}\r\n0\r\n\r\n", 75, "",
           "Transfer-Encoding: chunked", "Content-Length: 3"),
    answer("401 with a challenge", "", None, "", "WWW-Authenticate: Basic "
           "realm=\"\x1b[2J\"", status="401 Unauthorized"),
    answer("407", "", None, "", "Proxy-Authenticate: NTLM",
           status="407 Proxy"),
    answer("a cookie and an alternative", GOOD, 0, "^$",
           "Set-Cookie: a=b", "Alt-Svc: h3=\":1\"; persist=1"),
    answer("retry after 10^30 s", "", 75, "", "Retry-After: " + "9" * 30,
           status="429 Too Many"),
    answer("retry after -1", "", 75, "", "Retry-After: -1",
           status="503 Busy"),
    answer("retry after nonsense", "", 75, "", "Retry-After: \x1b[2J",
           status="503 Busy"),
    answer("status 099", "", None, "", status="099 No"),
    answer("status 999", "", None, "", status="999 No"),
    answer("204", "", 75, "", status="204 No Content"),
    Row("HTTP/0.9", ASKED + (b'{"access_token":"x"}', END), 75,
        "no web server"),
    Row("HTTP/9.9", ASKED + (b"HTTP/9.9 200 OK\r\n\r\n{}", END), 75, ""),
    Row("SMTP", (TLS, b"220 mx\r\n", REQUEST, b"500 what?\r\n", END), 75,
        "no web server"),
    Row("fields without end", ASKED + (
        b"HTTP/1.1 200 OK\r\n", Flood(b"X-A: b\r\n")), 75, ""),
    Row("a field without end", ASKED + (
        b"HTTP/1.1 200 OK\r\nX-A: ", Flood(b"b")), 75, ""),
    Row("100 without end", ASKED + (
        Flood(b"HTTP/1.1 100 Continue\r\n\r\n"),), 75, ""),
    Row("fields with NULs", ASKED + (
        b"HTTP/1.1 200 OK\r\nX\0: \0\r\n\r\n{}", END), 75, ""),
    Row("a folded field", ASKED + (
        b"HTTP/1.1 200 OK\r\nX:\r\n a\r\n\r\n{}", END), 75, ""),
]

CUTS = [
    Row("closed at once", (END,), 75, ""), Row("reset at once", (RESET,), 75,
                                               ""),
    Row("closed after TLS", (TLS, END), 75, ""),
    Row("closed after the request", ASKED + (END,), 75, ""),
    Row("reset after the request", ASKED + (RESET,), 75, ""),
    Row("half closed", ASKED + (HALF, WAIT), 75, ""),
    Row("cut in the body", ASKED + (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", END), 75, ""),
    Row("no TLS", (b"HTTP/1.1 200 OK\r\n\r\n{}", WAIT), 75, ""),
    Row("silence", (WAIT,), 75, ""),
    Row("silence after the request", ASKED + (WAIT,), 75, ""),
    Row("a slow drip", ASKED + (
        b"HTTP/1.1 200 OK\r\n\r\n", Drip(b" " * 300)), 75, ""),
    *[Row(f"certificate: {kind}", (Tls(kind), WAIT), 76, "certificate|SSL")
      for kind in ("wrong-name", "expired", "not-yet", "self-signed",
                   "unknown-ca", "for-clients", "name-with-nul", "star",
                   "from-a-leaf")],
    Row("TLS 1.1", (Tls(newest="TLSv1_1"), WAIT), 75, ""),
]

TABLE = TOKENS + LIVES + BODIES + ECHOES + HTTP + CUTS
