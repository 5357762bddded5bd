"""What a hostile, broken or impersonated mail server may say: one row each.

name, script (hostile_server.py), exit code with the spool off, what the first
lines on stderr must say, and what differs in the config.  With the spool on the
message is kept where the code stands for something that may pass (KEPT), and
refused with the same code elsewhere.  The script's own complaints (a client that
said what it should not) fail the test.
"""
import collections

from hostile_server import Abuse, CHUNK, DATA, Drip, Echo, END, Flood, HALF, \
    HELLO, RESET, TLS, Tls, UNWRAP, WAIT

Row = collections.namedtuple("Row", "name script code says config",
                             defaults=(None,))
# 75 later, 76 no trust in the server, 77 and 78 the administrator's to mend.
KEPT = (75, 76, 77, 78)
IMPLICIT = {"tls": "implicit"}

GREET = ("<220 mx ready", ">EHLO")
OFFER = "<250-mx hello\r\n250 STARTTLS"
BEFORE_TLS = GREET + (OFFER, ">STARTTLS")
SECURE = BEFORE_TLS + ("<220 go", TLS, ">EHLO")
CAN = "<250-mx hello\r\n250-8BITMIME\r\n250 AUTH XOAUTH2"
PIPE = "<250-mx hello\r\n250-PIPELINING\r\n250 AUTH XOAUTH2"
CHUNKS = "<250-mx hello\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 AUTH XOAUTH2"
AUTH = SECURE + (CAN, ">AUTH XOAUTH2")
IN = AUTH + ("<235 2.7.0 ok",)
MAIL = IN + (">MAIL FROM:<alerts@contoso.com>",)
RCPT = MAIL + ("<250 ok", ">RCPT TO:<bob@example.net>")
TO_DATA = RCPT + ("<250 ok", ">DATA")
AFTER_DATA = TO_DATA + ("<354 go", DATA)
TO_BDAT = SECURE + (CHUNKS, ">AUTH", "<235 ok", ">MAIL", ">RCPT", ">BDAT",
                    CHUNK)

CUT = "closed|broke|reset|TLS with|may have been"
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x08\r\x0b\x7f"
BIDI = "‮ko ton‬⁦x⁩؜ "
MEGABYTE = "x" * (1 << 20)


def with_certificate(name, kind, says, code=76, config=None):
    return Row(name, BEFORE_TLS + ("<220 go", Tls(kind), ">EHLO", WAIT), code,
               says, config)


def with_tls(name, tls, says, config=None):
    return Row(name, BEFORE_TLS + ("<220 go", tls, ">EHLO", WAIT), 76, says,
               config)


def each_step(what, says):
    """The same at every step of the dialogue."""
    steps = {"connect": (), "greeting": ("<220 mx ready",),
             "EHLO": GREET, "STARTTLS": BEFORE_TLS,
             "handshake": BEFORE_TLS + ("<220 go",),
             "second EHLO": SECURE, "AUTH": AUTH, "MAIL": MAIL, "RCPT": RCPT,
             "DATA": TO_DATA, "message": AFTER_DATA}
    return [Row(f"{what} at {step}", script + (what,), 75, says)
            for step, script in steps.items()]


HONEST_END = (">MAIL", "<250 ok", ">RCPT", "<250 ok", ">DATA", "<354 go",
              DATA, "<250 ok")

CONTROLS = [
    Row("an honest server", AFTER_DATA + ("<250 2.0.0 ok", ">QUIT",
                                          "<221 bye"), 0, "^$"),
    Row("an honest server, octet by octet", (
        Drip(b"220 mx\r\n"), ">EHLO", Drip(b"250-mx\r\n250 STARTTLS\r\n"),
        ">STARTTLS", Drip(b"220 go\r\n"), TLS, ">EHLO",
        Drip(b"250-mx\r\n250 AUTH XOAUTH2\r\n"), ">AUTH",
        Drip(b"235 ok\r\n"), ">MAIL", Drip(b"250 ok\r\n"), ">RCPT",
        Drip(b"250-a\r\n250 b\r\n"), ">DATA", Drip(b"354 go\r\n"), DATA,
        Drip(b"250-a\r\n250 b\r\n"), ">QUIT"), 0, "^$"),
    Row("an honest server with BDAT", TO_BDAT + (
        "<250 ok", "<250 ok", "<250 ok", ">QUIT", "<221 bye"), 0, "^$"),
    Row("TLS from the start", (
        TLS, "<220 mx ready", ">EHLO", CAN, ">AUTH", "<235 ok") + HONEST_END,
        0, "^$", IMPLICIT),
]

STRIPPING = [
    Row("STARTTLS is not offered", GREET + ("<250-mx\r\n250 AUTH XOAUTH2",
                                            WAIT), 76, "STARTTLS"),
    Row("STARTTLS with a letter less", GREET + (
        "<250-mx\r\n250-XXXXXXXA\r\n250 AUTH XOAUTH2", WAIT), 76, "STARTTLS"),
    Row("STARTTLS glued to another word", GREET + (
        "<250-mx\r\n250 XSTARTTLS", WAIT), 76, "STARTTLS"),
    Row("STARTTLS in the first line only", GREET + (
        "<250 STARTTLS", WAIT), 76, "STARTTLS"),
    Row("STARTTLS with a NUL", GREET + (b"250-mx\r\n250 START\0TLS\r\n",
                                        WAIT), 76, "STARTTLS"),
    Row("no EHLO, no extensions", GREET + ("<502 5.5.1 what?", WAIT), 77,
        "EHLO"),
    Row("STARTTLS refused", BEFORE_TLS + ("<502 5.5.1 no", WAIT), 76,
        "STARTTLS"),
    Row("STARTTLS refused for now", BEFORE_TLS + ("<454 4.7.0 later", WAIT),
        75, "STARTTLS"),
    Row("STARTTLS answered with 250", BEFORE_TLS + ("<250 ok", TLS, ">EHLO",
        CAN, ">AUTH", "<235 ok") + HONEST_END, 0, "^$"),
    Row("STARTTLS answered with 354", BEFORE_TLS + ("<354 go", WAIT), 76,
        "354"),
    Row("a reply in the segment of the 220", BEFORE_TLS + (
        b"220 go\r\n250-mx\r\n250 AUTH XOAUTH2\r\n", WAIT), 76, "more than"),
    Row("half a reply in the segment of the 220", BEFORE_TLS + (
        b"220 go\r\n2", WAIT), 76, "more than"),
    Row("a line end in the segment of the 220", BEFORE_TLS + (
        b"220 go\r\n\r\n", WAIT), 76, "more than"),
    Row("220 twice", BEFORE_TLS + (b"220 go\r\n220 go\r\n", TLS, WAIT), 76,
        "more than"),
    Row("the whole session, once, before it is asked", (
        b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n250 AUTH XOAUTH2\r\n"
        b"235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n", WAIT), 76,
        "out of turn"),
    Row("words in clear where TLS should begin", BEFORE_TLS + (
        "<220 go", ">", "<500 5.5.2 what?", WAIT), 76, "not TLS"),
    Row("AUTH in clear only", GREET + (
        "<250-mx\r\n250-AUTH XOAUTH2\r\n250 STARTTLS", ">STARTTLS", "<220 go",
        TLS, ">EHLO", "<250 mx", WAIT), 78, "AUTH XOAUTH2"),
    Row("CHUNKING and a small SIZE in clear only", GREET + (
        "<250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE 1\r\n"
        "250 STARTTLS", ">STARTTLS", "<220 go", TLS, ">EHLO", CAN, ">AUTH",
        "<235 ok") + HONEST_END, 0, "^$"),
    Row("STARTTLS after TLS, and no AUTH", SECURE + (OFFER, WAIT), 78,
        "AUTH"),
    Row("TLS ends before MAIL is answered", MAIL + (
        UNWRAP, "<250 ok", WAIT), 75, CUT),
    Row("TLS ends before the message is answered", AFTER_DATA + (
        UNWRAP, "<250 ok", WAIT), 75, "may have been delivered"),
    Row("TLS where a greeting should be", (TLS, WAIT), 75, "no answer"),
    Row("a greeting where TLS should be", ("<220 mx ready", WAIT), 76,
        "not TLS", IMPLICIT),
    Row("HTTP where TLS should be", (b"HTTP/1.1 400 Bad\r\n\r\n", WAIT), 76,
        "not TLS", IMPLICIT),
]

VERSIONS = [
    with_tls("TLS 1.0", Tls(newest="TLSv1"), "too old|no TLS version"),
    with_tls("TLS 1.1", Tls(newest="TLSv1_1"), "too old|no TLS version"),
    with_tls("TLS 1.2 where 1.3 is the least", Tls(newest="TLSv1_2"),
             "too old|no TLS version", {"tls_minimum": "1.3"}),
    with_tls("no authentication", Tls(
        newest="TLSv1_2", ciphers="aNULL:@SECLEVEL=0"), "no cipher"),
    with_tls("no encryption", Tls(
        newest="TLSv1_2", ciphers="eNULL:@SECLEVEL=0"), "no cipher"),
    with_tls("a key of 1024 bits", Tls("weak-key"), "key too weak|weak"),
    with_tls("a digest of SHA-1", Tls("sha1"), "too weak|weak"),
    Row("an answer in SSL 3", BEFORE_TLS + (
        "<220 go", HELLO,
        b"\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" +
        bytes(32) + b"\x00\x00\x0a\x00", WAIT), 76, " TLS "),
    Row("an answer in TLS 9.9", BEFORE_TLS + (
        "<220 go", HELLO,
        b"\x16\x09\x09\x00\x2a\x02\x00\x00\x26\x09\x09" +
        bytes(32) + b"\x00\x00\x0a\x00", WAIT), 76, " TLS "),
    Row("an alert at once", BEFORE_TLS + (
        "<220 go", HELLO,
        b"\x15\x03\x03\x00\x02\x02\x28", WAIT), 76, " TLS "),
    Row("a thousand warnings at once", BEFORE_TLS + (
        "<220 go", HELLO,
        b"\x15\x03\x03\x00\x02\x01\x5a" * 1000, WAIT), 76, " TLS "),
    Row("empty records without end", BEFORE_TLS + (
        "<220 go", HELLO, Flood(b"\x16\x03\x03\x00\x00")), 76, " TLS "),
    Row("a record of 65535 octets", BEFORE_TLS + (
        "<220 go", HELLO,
        b"\x16\x03\x03\xff\xff" + bytes(65535), WAIT), 76, " TLS "),
    Row("a certificate message of 16 MB", BEFORE_TLS + (
        "<220 go", HELLO,
        b"\x16\x03\x03\x40\x00\x0b\xff\xff\xff" + bytes(16380),
        WAIT), 76, " TLS "),
    Row("half a record", BEFORE_TLS + ("<220 go", HELLO,
        b"\x16\x03\x03\x00", END),
        75, "during the TLS handshake"),
    Row("key updates without end", (Abuse("keyupdate"),), 75,
        "no answer|broke|closed", IMPLICIT),
    Row("session tickets without end", (Abuse("tickets"),), 75,
        "no answer|broke|closed", IMPLICIT),
    Row("renegotiation", (Abuse("renegotiate"),), 75,
        "no answer|broke|closed", IMPLICIT),
]

CERTIFICATES = [
    with_certificate(f"certificate: {kind}", kind, says) for kind, says in (
        ("wrong-name", "other names: mail.example.net"),
        ("expired", "expired on"), ("not-yet", "not valid before"),
        ("self-signed", "self-signed"), ("unknown-ca", "does not know"),
        ("for-clients", "purpose"), ("for-code", "purpose"),
        ("from-a-leaf", "not to be trusted|does not know"),
        ("unknown-critical", "critical"),
        ("name-in-subject-only", "names no host"),
        ("name-with-nul", "other names"), ("name-before-nul", "other names"),
        ("name-with-escape", "other names"),
        ("name-with-newline", "other names"),
        ("name-longer", "other names"), ("name-shorter", "other names"),
        ("name-with-blank", "other names"),
        ("star", "other names"), ("star-before", "other names"),
        ("star-after", "other names"), ("star-below", "other names"),
        ("star-dot", "other names"), ("address-only", "no host"),
        ("mail-name", "no host"), ("many-names", "other names"))
] + [
    with_certificate("certificate: revoked", "revoked", "has been revoked"),
    with_certificate("address: as a DNS name", "address-as-name", "names",
                     config={"host": "127.0.0.1"}),
    with_certificate("address: another", "other-address", "names",
                     config={"host": "127.0.0.1"}),
    with_certificate("address: in an IPv6 one", "mapped-address", "names",
                     config={"host": "127.0.0.1"}),
    with_certificate("address: of the host's name only", "good", "names",
                     config={"host": "127.0.0.1"}),
]

REPLIES = [
    Row("an endless greeting", (Flood(b"220-mx ready\r\n"),), 76, "too many"),
    Row("an endless greeting in one line", (Flood(b"220 mx ready "),), 76,
        "more than 4096"),
    Row("an endless line of nothing", (Flood(b"\0"),), 76, "more than 4096"),
    Row("empty lines without end", (Flood(b"\r\n"),), 76, "too short"),
    Row("ten thousand extensions", SECURE + (
        "<" + "250-X\r\n" * 10000 + "250 AUTH XOAUTH2", WAIT), 76,
        "too many"),
    Row("99 long extensions", SECURE + (
        "<" + ("250-X" + "x" * 4000 + "\r\n") * 99 + "250 AUTH XOAUTH2",
        WAIT), 76, "too long"),
    Row("endless extensions", SECURE + (Flood(b"250-X\r\n"),), 76,
        "too many"),
    Row("an endless refusal", MAIL + (Flood(b"550-5.1.1 no\r\n"),), 76,
        "too many"),
    Row("a refusal of 1 MB in one line", MAIL + ("<550 " + MEGABYTE, WAIT),
        76, "more than 4096"),
    Row("an endless answer to the data", AFTER_DATA + (
        Flood(b"250-ok\r\n"),), 75, "may have been delivered"),
    Row("another code in the next line", MAIL + ("<250-ok\r\n550 no", WAIT),
        76, "changes its code"),
    Row("a code of two digits", ("<22 mx", WAIT), 76, "reply code"),
    Row("a code of four digits", ("<2200 mx", WAIT), 76, "reply code"),
    Row("a code below 200", ("<199 mx", WAIT), 76, "reply code"),
    Row("a code above 599", ("<600 mx", WAIT), 76, "reply code"),
    Row("a negative code", ("<-220 mx", WAIT), 76, "reply code"),
    Row("a code in Arabic digits", ("<٢٢٠ mx", WAIT), 76, "reply code"),
    Row("no code", ("<hello", WAIT), 76, "reply code"),
    Row("a code and nothing", ("<22", WAIT), 76, "too short"),
    Row("a reply that is a bare CR", (b"\r\r\n", WAIT), 76, "too short"),
    Row("NULs in a reply", MAIL + (b"550 5.1.0 \0\0no\0\r\n", WAIT), None,
        r"MAIL FROM"),
    Row("terminal escapes in a refusal", MAIL + (
        "<550 5.1.0 no " + ESCAPES, WAIT), None, "no "),
    Row("terminal escapes in the greeting", ("<554 " + ESCAPES, WAIT), None,
        "554|not want"),
    Row("terminal escapes in the acceptance", AFTER_DATA + (
        "<250 2.0.0 " + ESCAPES, ">QUIT"), 0, "^$"),
    Row("other C1 octets in a refusal", RCPT + (
        b"550 5.1.1 \x9b31m\x90\x9d0;x\x9c\xc2\x9b2J\r\n", WAIT), 67,
        "RCPT"),
    Row("text that runs backwards", RCPT + ("<550 5.1.1 " + BIDI, WAIT), 67,
        "RCPT"),
    Row("octets that are no UTF-8", RCPT + (
        b"550 5.1.1 \xff\xfe\xc0\x80\xed\xa0\x80\xf5\x80\r\n", WAIT), 67,
        "RCPT"),
    Row("a format string", RCPT + ("<550 5.1.1 %s%n%n%99999d", WAIT), 67,
        "%s%n"),
    Row("a forged log line", RCPT + (
        b"550-5.1.1 no\r\n550 5.1.1 x\nNov 22 sendmail: accepted\r\n", WAIT),
        67, "RCPT"),
    Row("a forged hint", RCPT + (
        "<550 5.1.1 no\r\nsendmail: hint: run rm -rf /", WAIT), 67, "RCPT"),
    Row("a greeting that drips", (Drip(b"220-" + b"x" * 4000),), 75,
        "no answer"),
    Row("extensions that drip", SECURE + (Drip(b"250-x\r\n" * 600),), 75,
        "no answer"),
    Row("a refusal that drips", RCPT + (Drip(b"550-" + b"x" * 4000),), 75,
        "no answer"),
]

OUT_OF_TURN = [
    Row("two greetings", (b"220 mx\r\n220 mx\r\n", WAIT), 76, "out of turn"),
    Row("a refusal behind the greeting", (b"220 mx\r\n421 4.3.2 no\r\n",
                                          WAIT), 75, "broke off"),
    Row("an answer to EHLO with the greeting", (
        b"220 mx\r\n250 STARTTLS\r\n", WAIT), 76, "out of turn"),
    Row("235 before AUTH", SECURE + (CAN + "\r\n235 2.7.0 ok", WAIT), 76,
        "out of turn"),
    Row("250 before MAIL", AUTH + ("<235 ok\r\n250 ok", WAIT), 76,
        "out of turn"),
    Row("250 before RCPT", MAIL + ("<250 ok\r\n250 ok", WAIT), 76,
        "out of turn"),
    Row("354 before DATA", RCPT + ("<250 ok\r\n354 go", WAIT), 76,
        "out of turn"),
    Row("250 before the message", TO_DATA + ("<354 go\r\n250 ok", WAIT), 76,
        "out of turn"),
    Row("all answers to a pipelined envelope before it", SECURE + (
        PIPE, ">AUTH", "<235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok",
        WAIT), 76, "out of turn"),
    Row("one answer too many in a pipelined envelope", SECURE + (
        PIPE, ">AUTH", "<235 ok", ">MAIL", ">RCPT", ">DATA",
        "<250 ok\r\n250 ok\r\n354 go\r\n250 ok", WAIT), 76, "out of turn"),
    Row("all of a BDAT's answers before it", SECURE + (
        CHUNKS, ">AUTH", "<235 ok\r\n250 ok\r\n250 ok\r\n250 ok", WAIT), 76,
        "out of turn"),
]

AUTHENTICATION = [
    Row("AUTH is not offered", SECURE + ("<250 mx", WAIT), 78, "AUTH"),
    Row("AUTH without mechanisms", SECURE + ("<250-mx\r\n250 AUTH", WAIT),
        78, "AUTH"),
    Row("AUTH with 500 mechanisms", SECURE + (
        "<250-mx\r\n250 AUTH " + " ".join(f"M{n}" for n in range(500)), WAIT),
        78, "AUTH"),
    Row("AUTH with terminal escapes", SECURE + (
        "<250-mx\r\n250 AUTH " + ESCAPES.replace("\r", ""), WAIT), 78,
        "AUTH"),
    Row("AUTH of passwords only", SECURE + (
        "<250-mx\r\n250 AUTH PLAIN LOGIN CRAM-MD5", WAIT), 78, "PLAIN LOGIN"),
    Row("AUTH=XOAUTH2X", SECURE + ("<250-mx\r\n250 AUTH=XOAUTH2X", WAIT), 78,
        "AUTH"),
    Row("AUTH answered with 250", AUTH + (
        "<250 ok",) + HONEST_END, 0, "^$"),
    Row("AUTH answered with 354", AUTH + ("<354 go", WAIT), 76, "354"),
    Row("334 without end", AUTH + (
        ("<334 ", ">") + ("<334 x", ">") * 3 + (WAIT,)), 76, "334"),
    Row("334 with a challenge without end", AUTH + (
        "<334 eyJzdGF0dXMiOiI0MDAifQ==", ">", "<334 eyJzdGF0dXMiOiI0MDAifQ==",
        WAIT), 76, "334"),
    Row("334 with 4000 octets of base64", AUTH + (
        "<334 " + "QUJD" * 1000, ">", "<535 5.7.3 no", WAIT), 77, "AUTH"),
    Row("334 that is no base64", AUTH + (
        "<334 =====!!!", ">", "<535 5.7.3 no", WAIT), 77, "AUTH"),
    Row("334 with terminal escapes", AUTH + (
        "<334 G1sySgdcbhtdMDtvd25lZAc=", ">", "<535 5.7.3 no", WAIT), 77,
        "AUTH"),
    Row("the token comes back in the refusal", AUTH + (
        Echo("535 5.7.3 not %s"), WAIT), 77, "AUTH"),
    # And the same once more, with a fresh token and what has been learned.
    Row("the token comes back as a line too long", [
        AUTH + (Echo("500 5.5.2 %s"), ">AUTH XOAUTH2", "<334 ", ">",
                Echo("535 5.7.3 you said %s"), WAIT),
        AUTH + ("<334 ", ">", Echo("535 5.7.3 you said %s"), WAIT)], 77,
        "AUTH"),
    Row("451 5.7.3 where TLS is off", (
        "<220 mx ready", ">EHLO", "<250 mx", ">MAIL",
        "<451 5.7.3 STARTTLS is required to send mail", WAIT), 76,
        "5.7.3 STARTTLS", {"tls": "none", "auth": "none", "app": None}),
    Row("530 after 235", MAIL + ("<530 5.7.57 not authenticated", WAIT), 77,
        "MAIL"),
    Row("535 and 421", AUTH + ("<535 5.7.3 no\r\n421 4.7.0 bye", END), 77,
        "AUTH"),
]

ENVELOPE = [
    Row("a relay that does not relay", RCPT + (
        "<554 5.7.1 <bob@example.net>: Relay access denied", ">QUIT"), 77,
        "does not relay"),
    Row("a relay that wants a better name", RCPT + (
        "<504 5.5.2 <web1>: Helo command rejected: need fully-qualified "
        "hostname", ">QUIT"), 77, "set hostname"),
    Row("530 at RCPT", RCPT + ("<530 5.7.1 Authentication required", ">QUIT"),
        77, "authenticated clients only"),
    Row("a full mailbox", RCPT + ("<552 5.2.2 <bob@example.net> Quota exceeded "
                                  "(mailbox for user is full)", ">QUIT"), 75,
        "recipient's mailbox is full"),
    Row("SIZE of 0", SECURE + (
        "<250-mx\r\n250-SIZE 0\r\n250 AUTH XOAUTH2", ">AUTH",
        "<235 ok") + HONEST_END, 0, "^$"),
    Row("SIZE below 0", SECURE + (
        "<250-mx\r\n250-SIZE -1\r\n250 AUTH XOAUTH2", ">AUTH",
        "<235 ok") + HONEST_END, 0, "^$"),
    Row("SIZE of 2^64", SECURE + (
        "<250-mx\r\n250-SIZE 18446744073709551616\r\n250 AUTH XOAUTH2",
        ">AUTH", "<235 ok") + HONEST_END, 0, "^$"),
    Row("SIZE of 1", SECURE + (
        "<250-mx\r\n250-SIZE 1\r\n250 AUTH XOAUTH2", ">AUTH", "<235 ok",
        ">QUIT"), 65, "takes 1"),
    Row("SIZE twice", SECURE + (
        "<250-mx\r\n250-SIZE 1\r\n250-SIZE 99999\r\n250 AUTH XOAUTH2",
        ">AUTH", "<235 ok") + HONEST_END, 0, "^$"),
    Row("354 for MAIL", MAIL + ("<354 go", WAIT), 76, "354"),
    Row("334 for RCPT", RCPT + ("<334 ", WAIT), 76, "334"),
    Row("250 for DATA", TO_DATA + ("<250 ok", WAIT), 76, "250"),
    Row("354 for the message", AFTER_DATA + ("<354 go", WAIT), 75,
        "may have been delivered .*354"),
    *[Row(f"{code} for the message", AFTER_DATA + (f"<{code} ok", WAIT), 75,
          "may have been delivered .*reply code")
      for code in (100, 199, 600, 999)],
    Row("354 for BDAT", TO_BDAT + ("<250 ok\r\n250 ok\r\n354 go", WAIT), 75,
        "may have been delivered .*354"),
    Row("500 for BDAT, DATA on a new connection", [
        TO_BDAT + ("<250 ok\r\n250 ok\r\n500 what?", WAIT),
        SECURE + (CHUNKS, ">AUTH", "<235 ok", ">MAIL", ">RCPT", ">DATA",
                  "<250 ok\r\n250 ok\r\n354 go", DATA, "<250 ok")], 0, "^$"),
    Row("250 for a recipient after 550 for MAIL", SECURE + (
        PIPE, ">AUTH", "<235 ok", ">MAIL", ">RCPT", ">DATA",
        "<550 5.7.60 no\r\n250 ok\r\n354 go", ">.", "<250 ok", ">QUIT"), 77,
        "MAIL"),
    Row("354 without recipients, then 250", SECURE + (
        PIPE, ">AUTH", "<235 ok", ">MAIL", ">RCPT", ">DATA",
        "<250 ok\r\n550 5.1.1 no\r\n354 go", ">.", "<250 ok", ">QUIT"), 67,
        "RCPT"),
    Row("a permanent code with a temporary class", RCPT + (
        "<550 4.1.1 no", ">QUIT"), None, "RCPT"),
    Row("a temporary code with a permanent class", RCPT + (
        "<450 5.1.1 no", ">QUIT"), 75, "RCPT"),
    Row("an enhanced code of 999 digits", RCPT + (
        "<550 5." + "9" * 999 + ".1 no", ">QUIT"), None, "RCPT"),
    Row("an enhanced code of blanks and dots", RCPT + (
        "<550 5. . 5..1 no", ">QUIT"), None, "RCPT"),
    Row("252 for a recipient", RCPT + (
        "<252 perhaps", ">DATA", "<354 go", DATA, "<250 ok"), 0, "^$"),
    Row("the end of data accepted, and then 550", AFTER_DATA + (
        b"250 ok\r\n550 5.0.0 no\r\n", WAIT), 0, "^$"),
    Row("the end of data refused, and then 250", AFTER_DATA + (
        b"554 5.6.0 no\r\n250 ok\r\n", WAIT), None, "refused after the data"),
]

ENDS = each_step(END, CUT) + each_step(RESET, CUT) + [
        Row(f"421 for {step}", script + ("<421 4.3.2 bye", END), 75,
            "421 4.3.2 bye")
        for step, script in {"EHLO": GREET, "STARTTLS": BEFORE_TLS,
                             "AUTH": AUTH, "MAIL": MAIL, "RCPT": RCPT,
                             "DATA": TO_DATA, "the message": AFTER_DATA
                             }.items()] + [
        Row("421 as greeting", ("<421 4.3.2 bye", END), 75, "not want"),
        Row("half closed at EHLO", GREET + (HALF, WAIT), 75, "closed"),
        Row("half closed after RCPT", RCPT + ("<250 ok", HALF, WAIT), 75,
            "closed|broke"),
        Row("silence at connect", (WAIT,), 75, "no answer"),
        Row("silence after EHLO", GREET + (WAIT,), 75, "no answer"),
        Row("silence for the handshake", BEFORE_TLS + ("<220 go", WAIT), 75,
            "no answer"),
        Row("silence at AUTH", AUTH + (WAIT,), 75, "no answer"),
        Row("silence at DATA", TO_DATA + (WAIT,), 75, "no answer"),
        Row("silence at MAIL of a BDAT in one flight", TO_BDAT + (WAIT,), 75,
            "may have been delivered"),
        Row("silence at MAIL after a slow beginning", (
            Drip(b"220 slow start\r\n"),) + TO_BDAT[1:] + (WAIT,), 75,
            "(?s)^(?!.*may have been).*no answer"),
    ]

TABLE = CONTROLS + STRIPPING + VERSIONS + CERTIFICATES + REPLIES + \
    OUT_OF_TURN + AUTHENTICATION + ENVELOPE + ENDS
