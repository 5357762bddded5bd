"""The submission endpoint: smtp.office365.com:587 as the fact sheet has it.

`Session` is one connection.  Its methods are the commands; each returns
nothing and answers through `reply`.  Reply texts and their suffixes follow
exchange-online.md sections 1 and 2.
"""

import base64
import email.utils
import hashlib
import re
import secrets
import socket
import ssl
import struct
import threading
import time
import warnings
from collections import defaultdict, deque

from . import jwt
from . import message as mail
from .pki import Authority
from .record import Recorder, utc_now
from .scenario import BY_NAME, Active, Switchboard
from .stream import Gone, Idle, LineTooLong, Stream
from .tenant import Mailbox, Tenant

SIZE_LIMIT = 157286400             # 150 MiB
COMMAND_LIMIT = 512                # RFC 5321 section 4.5.3.1.4
AUTH_LIMIT = 12288                 # RFC 4954 section 4
PROTOCOL_ERRORS = 5                # on premises: MaxProtocolErrors
LOGON_FAILURES = 3                 # on premises: MaxLogonFailures
ENVELOPE_LIMIT = 1000              # MaxRecipientEnvelopeLimit
INSTALLATION = ".namprd00.prod.outlook.com"

LOCAL_PART = (r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
              r"(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*"
              r'|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*")')
LABEL = (r"[A-Za-z0-9\x80-\U0010ffff]"
         r"(?:[A-Za-z0-9\x80-\U0010ffff-]*[A-Za-z0-9\x80-\U0010ffff])?")
DOMAIN = r"(?:%s(?:\.%s)*|\[[0-9A-Fa-f:.IPv]+\])" % (LABEL, LABEL)
ADDRESS = re.compile(r"(%s)@(%s)" % (LOCAL_PART, DOMAIN))
PATH = re.compile(r'( *)<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>((?: +\S+)*)')
XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")

# Parameters of MAIL and RCPT: name -> (extension that brings it, syntax).
MAIL_PARAMETERS = {
    "SIZE": ("SIZE", re.compile(r"\d{1,20}")),
    "BODY": ("8BITMIME", re.compile(r"7BIT|8BITMIME|BINARYMIME", re.I)),
    "SMTPUTF8": ("SMTPUTF8", None),
    "RET": ("DSN", re.compile(r"FULL|HDRS", re.I)),
    "ENVID": ("DSN", XTEXT),
    "AUTH": ("AUTH", XTEXT),
}
RCPT_PARAMETERS = {
    "NOTIFY": ("DSN", re.compile(
        r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*",
        re.I)),
    "ORCPT": ("DSN", re.compile(r"[A-Za-z0-9-]+;" + XTEXT.pattern)),
}
# By how much parameters lengthen a command (RFC 1870, 1652, 3461, 4954, 6531).
MAIL_EXTRA = {"SIZE": 26, "8BITMIME": 17, "DSN": 500, "AUTH": 500,
              "SMTPUTF8": 10}
# Commands that end a group of pipelined ones (RFC 2920 section 3.1).
LAST_IN_GROUP = ("EHLO", "HELO", "STARTTLS", "AUTH", "DATA", "QUIT", "NOOP",
                 "VRFY", "EXPN", "HELP")
FEATURES = ("SIZE", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS",
            "AUTH", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8")


MALFORMED = ("endless_reply", "long_line", "code_change", "control_bytes",
             "drip")
HIDING = (("no_starttls", {"STARTTLS"}), ("no_pipelining", {"PIPELINING"}),
          ("no_chunking", {"CHUNKING", "BINARYMIME"}),
          ("no_8bitmime", {"8BITMIME", "BINARYMIME"}),
          ("no_smtputf8", {"SMTPUTF8"}), ("no_size", {"SIZE"}),
          ("no_dsn", {"DSN"}))
# Faults of the message that RFC 3030 allows with BODY=BINARYMIME only.
BROKEN = {"bare LF in the message", "bare CR in the message",
          "last line without CRLF"}

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


class ExchangeServer:
    """The listener, and what sessions share."""

    def __init__(self, tenant: Tenant, recorder: Recorder,
                 switchboard: Switchboard, authority: Authority,
                 port: int = 0):
        self.tenant = tenant
        self.recorder = recorder
        self.switchboard = switchboard
        self.authority = authority
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.host = "SN0P000CA0000" + INSTALLATION
        self.backend = "SN0P000MB0001.NAMPRD00.PROD.OUTLOOK.COM"
        self.peak: dict[str, int] = defaultdict(int)
        self._sending: dict[str, list] = defaultdict(list)
        self._sent: dict[str, deque] = defaultdict(deque)
        self._contexts: dict[tuple, ssl.SSLContext] = {}
        self._count = 0
        self._killers: dict[int, socket.socket] = {}
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port = self._listener.getsockname()[1]

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self.lock:
            for killer in self._killers.values():
                try:
                    killer.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            with self.lock:
                self._count += 1
                number = self._count
                self._killers[number] = connection.dup()
            threading.Thread(target=self._serve, daemon=True,
                             args=(connection, peer, number)).start()

    def _serve(self, connection, peer, number: int) -> None:
        try:
            Session(self, connection, peer, number).run()
        finally:
            with self.lock:
                self._killers.pop(number).close()

    def context(self) -> ssl.SSLContext:
        """The TLS settings that the scenarios ask for."""
        kind = self.switchboard.get("certificate")
        name = kind.get("kind") if kind and kind.get("where") != "token" \
            else "good"
        newest = self.switchboard.get("tls_max")
        oldest = self.switchboard.get("tls_min")
        key = (name, newest.get("version") if newest else "1.3",
               oldest.get("version") if oldest else "1.0")
        with self.lock:
            if key not in self._contexts:
                self._contexts[key] = tls_context(self.authority, *key)
            return self._contexts[key]

    def begin_sending(self, address: str, session: "Session") -> None:
        with self.lock:
            self._sending[address].append(session)
            self.peak[address] = max(self.peak[address],
                                     len(self._sending[address]))

    def end_sending(self, address: str, session: "Session") -> None:
        with self.lock:
            if session in self._sending[address]:
                self._sending[address].remove(session)

    def is_excess(self, address: str, session: "Session") -> bool:
        """Whether enough older connections send for this mailbox."""
        option = self.switchboard.get("concurrency", address)
        limit = int(option.number("limit")) if option else 3
        with self.lock:
            return session in self._sending[address][limit:]

    def sent_last_minute(self, address: str) -> int:
        """Count a message, and tell how many the last 60 s have seen."""
        now = time.monotonic()
        with self.lock:
            times = self._sent[address]
            times.append(now)
            while times[0] < now - 60:
                times.popleft()
            return len(times)


def tls_context(authority: Authority, kind: str, newest: str,
                oldest: str) -> ssl.SSLContext:
    versions = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
                "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, authority.server(kind)))
    # TLS 1.0 and 1.1 shake hands and are refused at AUTH (facts 1.3);
    # OpenSSL 3 allows them at security level 0 only.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = min(versions[oldest], versions[newest])
        context.maximum_version = versions[newest]
    return context


class Transaction:
    """MAIL FROM until the message is accepted or dropped."""

    def __init__(self, mail_from: str, params: dict):
        self.mail_from = mail_from
        self.params = params
        self.recipients: list[dict] = []
        self.refused: list[dict] = []
        self.incoming: mail.Incoming | None = None
        self.chunked = False
        self.failed = False        # a BDAT failed: only RSET helps
        self.too_large = False

    def body(self) -> str:
        return self.params.get("BODY", "7BIT").upper()


class Session:
    """One connection, from the banner to its end."""

    def __init__(self, server: ExchangeServer, connection, peer, number: int):
        self.server = server
        self.board = server.switchboard
        self.tenant = server.tenant
        self.id = "S%04d" % number
        self.token = "08DE" + secrets.token_hex(6).upper()
        self.stream = Stream(connection, server.stopping)
        self.features: tuple[str, ...] = ()
        self.greeted = ""          # "", HELO or EHLO
        self.tls: str | None = None
        self.user: str | None = None           # as claimed
        self.mailbox: Mailbox | None = None    # as authenticated
        self.last_auth_error = ""
        self.transaction: Transaction | None = None
        self.mail_failed = False
        self.header_from = ""
        self.denied = False
        self.errors = 0
        self.logon_failures = 0
        self.spooled = 0
        self.over = False
        self.facts: dict = {
            "session": self.id, "client": "%s:%d" % peer, "started": utc_now(),
            "helo": None, "tls": None, "cipher": None, "resumed": False,
            "auth": None, "messages": 0, "flights": 1,
            "flights_to_accept": None, "commands": 0, "violations": [],
            "ended": None}
        server.recorder.saw(self.id)

    # ------------------------------------------------------- recording

    def violation(self, text: str) -> None:
        self.facts["violations"].append(text)
        self.server.recorder.violation(self.id, text)

    def heard(self, text: str) -> None:
        """Record what the client sent, as the caller summarised it."""
        self.facts["commands"] += 1
        self.server.recorder.append("commands", session=self.id, command=text)

    def save_facts(self) -> None:
        self.facts["flights"] = self.stream.flights
        self.server.recorder.append("sessions", **self.facts)

    # ------------------------------------------------------- replies

    def front(self) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S",
                              time.gmtime(self.tenant.now()))
        return " [%s %s.%03dZ %s]" % (self.server.host, stamp,
                                      secrets.randbelow(1000), self.token)

    def fill_in(self, text: str) -> str:
        user = self.user or "unknown"
        for name, value in (("front", self.front()), ("user", user),
                            ("back", " [Hostname=%s]" % self.server.backend),
                            ("from", self.header_from or user)):
            text = text.replace("{%s}" % name, value)
        return text

    def reply(self, step: str, text: str) -> None:
        """Answer `text`, or what a malforming scenario makes of it.  Lines
        are separated by LF; each gets the code and its dash here unless it
        has them."""
        text = self.fill_in(text)
        if text[0] in "45":
            tarpit = self.board.get("tarpit", self.user)
            self.stream.pause(tarpit.number("seconds") if tarpit else 0)
        fault = self.board.at(step, self.user, MALFORMED)
        if fault:
            self._malformed(fault, text)
        else:
            self.stream.write(wire_form(text))
        self.server.recorder.append("replies", session=self.id, reply=text)
        if text.startswith("421"):
            self.over = True

    def _malformed(self, fault: Active, text: str) -> None:
        code = text[:3].encode()
        if fault.name == "code_change":
            self.stream.write(code + b"-first\r\n599 5.5.0 second\r\n")
        elif fault.name == "control_bytes":
            self.stream.write(b"550 5.7.1 \x1b[31mred\x1b[0m \a \0 \xe9\xff "
                              b"\xe2\x80\xae %n%s\r\n")
        elif fault.name == "long_line":
            self.stream.write(code + b" " + b"x" * int(fault.number("octets"))
                              + b"\r\n")
        elif fault.name == "drip":
            self.stream.flush()
            for octet in wire_form(text):
                self.stream.write(bytes([octet]))
                self.stream.pause(fault.number("interval"))
        elif fault.name == "endless_reply":
            while not self.server.stopping.is_set():
                self.stream.write(code + b"-more and more\r\n")
                self.stream.flush()
                time.sleep(0.0005)

    def error(self, step: str, text: str, violation: str) -> None:
        """A protocol error of the client; a few of them end the session."""
        self.violation(violation)
        self.errors += 1
        if self.errors >= PROTOCOL_ERRORS:
            text = "421 4.7.0 Too many protocol errors{front}"
        self.reply(step, text)

    def answer(self, step: str, text: str, *more: str) -> str:
        """Answer `text`, unless a scenario is due at this step (or one of
        `more`).  Returns the reply that the client got, "" if none."""
        for name in (step,) + more:
            one = self.board.at(name, self.user)
            if one:
                return self._scripted(step, one)
        self.reply(step, text)
        return text

    def _scripted(self, step: str, one: Active) -> str:
        if one.name == "hang":
            self.stream.hang()
        if one.name == "close":
            raise Gone("scenario close@%s" % step)
        if one.name == "garbage":
            self.stream.write(GARBAGE)
            return ""
        self.reply(step, one.reply)
        return one.reply

    # ------------------------------------------------------- the session

    def run(self) -> None:
        try:
            self._converse()
        except Idle:
            self.stream.write(wire_form(self.fill_in(
                "421 4.4.1 Connection timed out{front}")))
            self.facts["ended"] = "idle"
        except Gone as gone:
            self.facts["ended"] = self.facts["ended"] or str(gone)
        finally:
            self._drop_transaction()
            self._release()
            self.stream.close()
            self.save_facts()

    def _converse(self) -> None:
        self._tune()
        self._connect_fault()
        if self.stream.more_is_waiting():
            self.violation("spoke before the banner")
            self.reply("banner", OUT_OF_STEP)
            raise Gone("spoke before the banner")
        stamp = email.utils.formatdate(self.tenant.now())
        told = self.answer(
            "banner", "220 %s Microsoft ESMTP MAIL Service ready at %s [%s]"
            % (self.server.host, stamp, self.token))
        self.over = told[:1] in ("4", "5")
        while not self.over:
            self._tune()
            self._next_command()
        self.facts["ended"] = self.facts["ended"] or "closed by the server"

    def _connect_fault(self) -> None:
        one = self.board.at("connect")
        if one and one.name == "close":
            self.stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                        struct.pack("ii", 1, 0))
        if one:
            self._scripted("connect", one)

    def _tune(self) -> None:
        idle = self.board.get("idle_close", self.user)
        self.stream.idle = idle.number("seconds") if idle else 300.0
        latency = self.board.get("latency", self.user)
        self.stream.latency = latency.number("seconds") if latency else 0.0

    def _next_command(self) -> None:
        try:
            line = self.stream.read_line(AUTH_LIMIT)
        except LineTooLong:
            self.heard("(a line of more than %d octets)" % AUTH_LIMIT)
            self.error("command", "500 5.5.2 Line too long{front}",
                       "line too long")
            return
        text = line.decode("utf-8", "surrogateescape")
        verb, _, argument = text.rstrip("\r\n").partition(" ")
        verb = verb.upper()
        self.heard(summary(verb, text.rstrip("\r\n")))
        if not line.endswith(b"\r\n") or line.count(b"\r") != 1:
            self.error("command", BARE_LF, "bare CR or LF in a command")
        elif b"\0" in line:
            self.error("command", "500 5.5.2 NUL in a command{front}",
                       "NUL in a command")
        elif len(line) > self._limit(verb):
            self.error("command", "500 5.5.2 Line too long{front}",
                       "%s line of %d octets" % (verb, len(line)))
        elif self._out_of_step(verb):
            self.violation("pipelined after %s" % verb)
            self.reply("command", OUT_OF_STEP)
            self.over = True
        else:
            self._dispatch(verb, argument)

    def _limit(self, verb: str) -> int:
        """RFC 5321 section 4.5.3.1.4 and what the extensions add."""
        if verb == "AUTH":
            return AUTH_LIMIT
        if verb == "MAIL":
            return COMMAND_LIMIT + sum(MAIL_EXTRA.get(one, 0)
                                       for one in self.features)
        if verb == "RCPT" and "DSN" in self.features:
            return COMMAND_LIMIT + 500
        return COMMAND_LIMIT

    def _out_of_step(self, verb: str) -> bool:
        """RFC 2920 section 3.1: who must wait and did not."""
        must_wait = verb in LAST_IN_GROUP or (
            "PIPELINING" not in self.features and verb != "BDAT")
        return must_wait and self.stream.more_is_waiting()

    def _dispatch(self, verb: str, argument: str) -> None:
        commands = {"STARTTLS": self._starttls, "AUTH": self._auth,
                    "MAIL": self._mail, "RCPT": self._rcpt,
                    "DATA": self._data, "BDAT": self._bdat,
                    "RSET": self._rset, "NOOP": self._noop,
                    "VRFY": self._vrfy, "QUIT": self._quit}
        if verb in ("EHLO", "HELO"):
            self._hello(verb, argument)
        elif verb in commands:
            commands[verb](argument)
        else:
            self.error("command", "500 5.3.3 Unrecognized command "
                       "'unknown'{front}", "unknown command %.20s" % verb)

    # ------------------------------------------------------- EHLO, TLS

    def _hello(self, verb: str, argument: str) -> None:
        step = "ehlo2" if self.tls else "ehlo"
        if not re.fullmatch(DOMAIN, argument) or not argument.isascii():
            self.error(step, "501 5.5.4 Invalid domain name{front}",
                       "%s with %.60r" % (verb, argument))
            return
        self._drop_transaction()
        self.facts["helo"] = argument
        hello = "250 %s Hello [127.0.0.1]" % self.server.host
        features = self._offered() if verb == "EHLO" else ()
        lines = [self._feature_line(one) for one in features]
        told = self.answer(step, "\n".join([hello] + lines))
        if told.startswith("250"):
            self.greeted, self.features = verb, features

    def _offered(self) -> tuple[str, ...]:
        hidden = {"AUTH"} if not self.tls else {"STARTTLS"}
        for scenario, names in HIDING:
            if self.board.get(scenario, self.user):
                hidden.update(names)
        return tuple(one for one in FEATURES if one not in hidden)

    def _feature_line(self, name: str) -> str:
        if name == "SIZE":
            return "SIZE %d" % self._size_limit()
        if name == "AUTH":
            return "AUTH LOGIN" if self.board.get("no_xoauth2") \
                else "AUTH LOGIN XOAUTH2"
        return name

    def _size_limit(self) -> int:
        option = self.board.get("size_limit", self.user)
        return int(option.number("octets")) if option else SIZE_LIMIT

    def _starttls(self, argument: str) -> None:
        if argument:
            self.error("starttls", "501 5.5.4 Invalid arguments{front}",
                       "STARTTLS with an argument")
        elif self.tls or self.greeted != "EHLO":
            self.error("starttls", BAD_SEQUENCE, "STARTTLS out of order")
        elif "STARTTLS" not in self.features:
            self.error("starttls", "500 5.3.3 Unrecognized command "
                       "'unknown'{front}", "STARTTLS was not offered")
        else:
            told = self.answer("starttls", "220 2.0.0 SMTP server ready")
            if told.startswith("220"):
                self._shake_hands()

    def _shake_hands(self) -> None:
        if self.board.get("injected_after_starttls"):
            self.stream.write(b"250-injected\r\n250 AUTH PLAIN XOAUTH2\r\n")
        self.stream.flush()
        fault = self.board.at("tls")
        if fault:
            self._scripted("tls", fault)
            raise Gone("scenario %s@tls" % fault.name)
        try:
            self.stream.start_tls(self.server.context())
        except (OSError, ValueError) as error:
            raise Gone("TLS handshake failed: %s" % error) from error
        sock = self.stream.sock
        self.tls = sock.version()
        self.facts.update(tls=self.tls, cipher=sock.cipher()[0],
                          resumed=sock.session_reused)
        # RFC 3207 section 4.2: all knowledge from before is forgotten.
        self.greeted, self.features = "", ()

    # ------------------------------------------------------- AUTH

    def _auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        limit = self.board.get("auth_line_limit")
        if not self.tls:
            self.error("auth", "530 5.7.0 Must issue a STARTTLS command "
                       "first{front}", "AUTH before TLS")
        elif self.greeted != "EHLO" or self.mailbox or self.transaction:
            self.error("auth", BAD_SEQUENCE, "AUTH out of order")
        elif limit and len(argument) + 7 > limit.number("limit"):
            self.reply("auth", "500 5.5.2 Line too long")
        elif mechanism == "XOAUTH2" and not self.board.get("no_xoauth2"):
            self._xoauth2(initial)
        elif mechanism == "LOGIN":
            self._login(initial)
        else:
            self.error("auth", "504 5.7.4 Unrecognized authentication type"
                       "{front}", "AUTH %.20s was not offered" % mechanism)

    def _response(self, prompt: str) -> str | None:
        """Ask for a line of base64; None if the client cancels."""
        self.stream.write(b"334 " + prompt.encode() + b"\r\n")
        try:
            line = self.stream.read_line(AUTH_LIMIT)
        except LineTooLong:
            self.heard("(an AUTH response of more than %d octets)" % AUTH_LIMIT)
            self.error("auth", "500 5.5.6 Authentication exchange line is "
                       "too long{front}", "AUTH response too long")
            return None
        text = line.decode("latin-1")
        self.heard("(AUTH response, %d octets)" % len(text.rstrip("\r\n")))
        if not text.endswith("\r\n"):
            self.violation("bare LF after an AUTH response")
        if self.stream.more_is_waiting():
            self.violation("pipelined after an AUTH response")
        if text.strip() == "*":
            self.reply("auth", "501 5.7.0 Authentication cancelled{front}")
            return None
        return text.rstrip("\r\n")

    def _xoauth2(self, initial: str) -> None:
        blob = initial or self._response("")
        if blob is None:
            return
        facts = self.facts["auth"] = {
            "mechanism": "XOAUTH2", "initial_response": bool(initial),
            "user": None, "token": None, "result": "refused", "reason": ""}
        user, token = self._take_apart(blob)
        hve = self.board.get("hve", user)
        if user is None:
            self.violation("malformed XOAUTH2 response")
            facts["reason"] = "malformed"
            self._auth_refused("501 5.5.124 Invalid XOAUTH2 auth data{front}"
                               if hve else AUTH_REFUSED)
            return
        self.user = user
        facts.update(user=user, token=hashlib.sha256(token.encode())
                     .hexdigest())
        reason = self.tenant.judge(token, user, bool(hve))
        text = AUTH_REFUSED if reason else ""
        if hve and not reason and self._expires_soon(token, hve):
            reason, text = "expires soon", \
                "501 5.5.127 Token will expire soon{front}"
        if self.tls in ("TLSv1", "TLSv1.1"):
            reason, text = "old TLS", BY_NAME["old_tls"].reply
        self._verdict(reason, text, ("auth",))

    @staticmethod
    def _take_apart(blob: str) -> tuple[str | None, str]:
        """(user, token) of `user=U^Aauth=Bearer T^A^A` in base64."""
        try:
            text = base64.b64decode(blob, validate=True).decode()
        except ValueError:
            return None, ""
        match = re.fullmatch(r"user=([^\x00-\x20\x7f]+)\x01"
                             r"auth=Bearer ([!-~]+)\x01\x01", text)
        return match.groups() if match else (None, "")

    def _expires_soon(self, token: str, hve: Active) -> bool:
        ends = jwt.decode(token).claims["exp"]
        return ends - self.tenant.now() < hve.number("margin")

    def _login(self, initial: str) -> None:
        answers = [initial] if initial else []
        for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6")[len(answers):]:
            line = self._response(prompt)
            if line is None:
                return
            answers.append(line)
        self.facts["auth"] = {
            "mechanism": "LOGIN", "initial_response": bool(initial),
            "user": None, "token": None, "result": "refused", "reason": ""}
        try:
            user, password = (base64.b64decode(one, validate=True).decode()
                              for one in answers)
        except ValueError:
            self.violation("AUTH LOGIN answers are not base64")
            user, password = "", ""
        self.user = self.facts["auth"]["user"] = user
        mailbox = self.tenant.mailbox(user)
        reason = text = ""
        if mailbox is None or not mailbox.password:
            reason, text = "basic is off", LOGIN_OFF
        elif mailbox.password != password:
            reason, text = "wrong password", LOGIN_WRONG
        self._verdict(reason, text, ("auth-login", "auth"))

    def _verdict(self, reason: str, text: str, steps: tuple) -> None:
        """Scenarios first, then what the credential deserves."""
        for step in steps:
            one = self.board.at(step, self.user)
            if one and one.name in ("hang", "close", "garbage"):
                self._scripted("auth", one)
                return
            if one:
                reason, text = "scenario %s" % one.name, one.reply
                break
        if text and text[0] != "2":
            self.facts["auth"]["reason"] = reason
            self._auth_refused(text)
            return
        mailbox = self.tenant.mailbox(self.user or "")
        self.mailbox = mailbox or Mailbox(self.user or "unknown")
        self.facts["auth"]["result"] = "ok"
        self.server.begin_sending(self.mailbox.address, self)
        self.save_facts()
        self.reply("auth", text or "235 2.7.0 Authentication successful")

    def _auth_refused(self, text: str) -> None:
        if text.startswith("535") and self.board.get("challenge_334",
                                                     self.user):
            challenge = base64.b64encode(
                b'{"status":"401","schemes":"bearer",'
                b'"scope":"https://outlook.office.com/"}').decode()
            answer = self._response(challenge)
            if answer is None:
                return
            if answer:
                self.violation("a 334 error challenge wants an empty line")
        self.logon_failures += 1
        # The 530 of a later MAIL quotes what was said here.
        self.last_auth_error = self.fill_in(text)
        self.save_facts()
        if self.logon_failures >= LOGON_FAILURES:
            text = "421 4.7.0 Too many failed logons{front}"
        self.reply("auth", text)

    # ------------------------------------------------------- envelope

    def _mail(self, argument: str) -> None:
        self.mail_failed = True
        refusal = self._mail_refusal()
        if refusal:
            self.reply("mail", refusal)
            return
        parsed = self._path("MAIL", "FROM:", argument, MAIL_PARAMETERS)
        if parsed is None:
            return
        address, params = parsed
        if not self._acceptable("mail", address, params, "550 5.1.7"):
            return
        if int(params.get("SIZE", 0)) > self._size_limit():
            self.reply("mail", "552 5.3.4 Message size exceeds fixed maximum "
                       "message size{front}")
            return
        if not address:
            self.reply("mail", BY_NAME["permission_at_mail"].reply)
            return
        more = ("mail-smtputf8",) if "SMTPUTF8" in params else ()
        if self.answer("mail", "250 2.1.0 Sender OK", *more)[:1] == "2":
            self.transaction = Transaction(address, params)
            self.mail_failed = False

    def _mail_refusal(self) -> str:
        if not self.greeted:
            self.violation("MAIL before EHLO")
            return BAD_SEQUENCE
        if not self.tls:
            self.violation("MAIL before STARTTLS")
            return "451 5.7.3 STARTTLS is required to send mail{front}"
        if not self.mailbox:
            before = " Error: " + self.last_auth_error \
                if self.last_auth_error else "{front}"
            return "530 5.7.57 Client not authenticated to send mail." + before
        if self.transaction:
            self.violation("MAIL within a transaction")
            return BAD_SEQUENCE
        return ""

    def _rcpt(self, argument: str) -> None:
        if not self.transaction:
            self._out_of_order("rcpt", "RCPT before MAIL")
            return
        parsed = self._path("RCPT", "TO:", argument, RCPT_PARAMETERS)
        if parsed is None:
            return
        address, params = parsed
        if not self._acceptable("rcpt", address, self.transaction.params,
                                "501 5.1.3"):
            return
        reached = len(self.transaction.recipients)
        option = self.board.get("max_recipients", self.user)
        limit = int(option.number("limit")) if option else \
            50 if self.board.get("hve", self.user) else ENVELOPE_LIMIT
        if not address:
            told = "501 5.1.3 Invalid address{front}"
            self.reply("rcpt", told)
        elif reached >= limit:
            told = "452 4.5.3 Too many recipients{front}"
            self.reply("rcpt", told)
        else:
            told = self.answer("rcpt", "250 2.1.5 Recipient OK",
                               "rcpt:" + address.lower())
        facts = {"address": address, "params": params}
        if told[:1] == "2":
            self.transaction.recipients.append(facts)
        else:
            self.transaction.refused.append({**facts, "reply": told})

    def _path(self, verb: str, prefix: str, argument: str,
              table: dict) -> tuple[str, dict] | None:
        """(address, parameters); answers itself and returns None if the
        syntax is wrong."""
        step = verb.lower()
        match = PATH.fullmatch(argument[len(prefix):])
        if argument[:len(prefix)].upper() != prefix or not match:
            self.error(step, "501 5.5.4 Invalid arguments{front}",
                       "%s syntax: %.80r" % (verb, argument))
            return None
        space, address, rest = match.groups()
        if space:
            # The service takes it (facts 1.2), RFC 5321 3.3 does not.
            self.violation("space after %s" % prefix)
        params = {}
        for word in rest.split():
            name, equals, value = word.partition("=")
            name = name.upper()
            known = table.get(name)
            if known is None or known[0] not in self.features or (
                    value.upper() == "BINARYMIME"
                    and "BINARYMIME" not in self.features):
                self.error(step, "555 5.5.4 Unsupported option: %s{front}"
                           % name, "%s parameter %.40s" % (verb, word))
                return None
            wrong = bool(equals) if known[1] is None else \
                not known[1].fullmatch(value)
            if wrong or name in params:
                self.error(step, "501 5.5.4 Invalid arguments{front}",
                           "%s parameter %.40s" % (verb, word))
                return None
            params[name] = value
        return address, params

    def _acceptable(self, step: str, address: str, params: dict,
                    refusal: str) -> bool:
        """Whether the address has the syntax of RFC 5321 section 4.1.2."""
        if not address.isascii() and "SMTPUTF8" not in params:
            self.violation("address is not ASCII and SMTPUTF8 not asked for")
            self.reply(step, "553 5.6.7 Non-ASCII address without "
                       "SMTPUTF8{front}")
            return False
        match = ADDRESS.fullmatch(address)
        short = match and len(match.group(1).encode()) <= 64 \
            and len(match.group(2).encode()) <= 255 \
            and len(address.encode()) <= 254
        if short or not address or \
                step == "rcpt" and address.lower() == "postmaster":
            return True
        self.reply(step, refusal + " Invalid address{front}")
        return False

    def _out_of_order(self, step: str, what: str) -> None:
        """503.  After a refused MAIL the rest of its group is no mistake."""
        if self.mail_failed:
            self.reply(step, BAD_SEQUENCE)
        else:
            self.error(step, BAD_SEQUENCE, what)

    # ------------------------------------------------------- the message

    def _data(self, argument: str) -> None:
        transaction = self.transaction
        if argument:
            self.error("data", "501 5.5.4 Invalid arguments{front}",
                       "DATA with an argument")
        elif not transaction:
            self._out_of_order("data", "DATA before MAIL")
        elif transaction.chunked or transaction.body() == "BINARYMIME":
            self.error("data", BAD_SEQUENCE, "DATA where BDAT is due")
        elif not transaction.recipients:
            self._no_recipients("data")
        else:
            told = self.answer("data", "354 Start mail input; end with "
                               "<CRLF>.<CRLF>")
            if told.startswith("354"):
                self.stream.flush()
                self._open_message()
                mail.unstuff(self.stream, self._take)
                self._finish_message()

    def _no_recipients(self, step: str) -> None:
        if not self.transaction.refused:
            self.violation("%s without RCPT" % step.upper())
        self.reply(step, BAD_SEQUENCE)

    def _open_message(self) -> None:
        self.spooled += 1
        self.transaction.incoming = mail.Incoming(
            self.server.recorder.spool_file(self.id, self.spooled))

    def _take(self, block: bytes) -> None:
        """Keep octets of the message until there are too many."""
        transaction = self.transaction
        if transaction.incoming.size + len(block) > self._size_limit():
            transaction.too_large = True
        else:
            transaction.incoming.add(block)

    def _bdat(self, argument: str) -> None:
        """RFC 3030.  The chunk is read whatever we think of it."""
        match = re.fullmatch(r"(\d{1,12})( LAST)?", argument, re.I)
        if not match or "CHUNKING" not in self.features:
            self.error("data", "501 5.5.4 Invalid arguments{front}",
                       "BDAT not offered, or its syntax is wrong")
            self.over = True       # where the chunk ends is anybody's guess
            return
        size, last = int(match.group(1)), bool(match.group(2))
        transaction = self.transaction
        good = bool(transaction and transaction.recipients
                    and not transaction.failed)
        if good and not transaction.incoming:
            self._open_message()
            transaction.chunked = True
        left = size
        while left:
            block = self.stream.read_octets(min(left, 1 << 20))
            left -= len(block)
            if good:
                self._take(block)
        if good and last:
            self._finish_message()
        elif good:
            told = self.answer("data", "250 2.6.0 CHUNK received OK, "
                               "%d octets" % size)
            transaction.failed = told[:1] != "2"
        elif not transaction:
            self._out_of_order("data", "BDAT before MAIL")
        elif transaction.failed:
            self.reply("data", BAD_SEQUENCE)
        else:
            self._no_recipients("data")

    def _finish_message(self) -> None:
        """End of data: judge, record, answer."""
        transaction, incoming = self.transaction, self.transaction.incoming
        incoming.finish()
        self.heard("(message, %d octets)" % incoming.size)
        if self.board.get("accept_bare_lf", self.user):
            incoming.accept_bare_lf()
        fields, fault = mail.parse_header(incoming.header)
        refusal = self._message_refusal(fields, fault)
        identifier = self._message_id(fields)
        success = "250 2.0.0 OK %s{back}" % identifier
        silent = self.board.get("no_answer", self.user)
        if silent:
            if not refusal and yes(silent.get("accepted")):
                self._deliver(fields, identifier, "")
            if silent.get("action") == "hang":
                self.stream.hang()
            raise Gone("scenario no_answer")
        told = refusal
        if refusal:
            one = self.board.at("end-of-data", self.user)
            told = self._scripted("end-of-data", one) if one else ""
            if not one:
                self.reply("end-of-data", refusal)
        else:
            limited = self._rate_limited()
            told = limited or self.answer("end-of-data", success)
            if limited:
                self.reply("end-of-data", limited)
        if told[:1] == "2" and not refusal:
            self._deliver(fields, identifier, told)
        self._drop_transaction()

    def _message_refusal(self, fields: list, fault: str) -> str:
        """The reply that refuses the message, or ""."""
        transaction, incoming = self.transaction, self.transaction.incoming
        self._judge_octets()
        if transaction.too_large or "header over 256 KB" in incoming.faults:
            return BY_NAME["too_large"].reply
        if incoming.faults & BROKEN and transaction.body() != "BINARYMIME" \
                or "NUL in the message" in incoming.faults:
            return ILLEGAL_OCTETS
        if "line over 998 octets" in incoming.faults \
                and self.board.get("refuse_long_lines", self.user):
            return "550 5.6.0 Line of the message is too long{back}"
        return self._header_refusal(fields, fault) or self._right_refusal()

    def _judge_octets(self) -> None:
        transaction, incoming = self.transaction, self.transaction.incoming
        for text in sorted(incoming.faults):
            if transaction.body() != "BINARYMIME" or text not in BROKEN:
                self.violation(text)
        if incoming.eight_bit and transaction.body() == "7BIT":
            self.violation("8 bit octets without BODY=8BITMIME")

    def _header_refusal(self, fields: list, fault: str) -> str:
        if fault:
            self.violation("header: %s" % fault)
            return NOT_COMPLIANT
        values = mail.all_named(fields, "From")
        if len(values) != 1:
            return NOT_COMPLIANT
        senders, fault = mail.addresses(values[0])
        if not senders or fault:
            self.violation("From: %s" % fault)
            return NOT_COMPLIANT
        named = mail.all_named(fields, "Sender")
        if len(senders) > 1 and not named:
            return ("550 5.1.20 Multiple From addresses are not allowed "
                    "without Sender address{back}")
        for value in named:
            senders += mail.addresses(value)[0]
        # The strict reading: every one of them has to be allowed.
        denied = [one for one in senders + [self.transaction.mail_from]
                  if not self.mailbox.may_send_as(one)]
        self.header_from = denied[0] if denied else senders[0]
        self.denied = bool(denied)
        return ""

    def _right_refusal(self) -> str:
        hve = self.board.get("hve", self.user)
        domain = "@" + self.mailbox.address.partition("@")[2].lower()
        if hve and not all(one["address"].lower().endswith(domain)
                           for one in self.transaction.recipients):
            return ("550 5.5.105 External sending is not supported for High "
                    "Volume Email accounts{back}")
        if not self.mailbox.full_access and not self.mailbox.rbac_apps:
            return BY_NAME["no_full_access"].reply
        if self.server.is_excess(self.mailbox.address, self):
            return BY_NAME["too_many_connections"].reply
        if self.denied:
            return BY_NAME["send_as_denied"].reply
        return ""

    def _rate_limited(self) -> str:
        """Delay the answer, or return one that refuses."""
        count = self.server.sent_last_minute(self.mailbox.address)
        option = self.board.get("over_rate", self.user)
        if not option or count <= option.number("limit"):
            return ""
        if not option.get("reply"):
            self.stream.pause(option.number("delay"))
        return option.get("reply")

    def _message_id(self, fields: list) -> str:
        for value in mail.all_named(fields, "Message-ID"):
            match = re.search(r"<[!-;=?-~]+>", value)
            if match:
                return match.group()
        return "<%s@%s>" % (secrets.token_hex(12).upper(),
                            self.server.backend)

    def _deliver(self, fields: list, identifier: str, told: str) -> None:
        """Record the message: from here on it counts as delivered."""
        transaction, incoming = self.transaction, self.transaction.incoming
        self.facts["messages"] += 1
        self.facts["flights_to_accept"] = self.stream.flights
        self.server.recorder.message(incoming.path, {
            "mailbox": self.mailbox.address, "session": self.id,
            "mail_from": transaction.mail_from,
            "mail_params": transaction.params,
            "recipients": transaction.recipients,
            "refused": transaction.refused,
            "transfer": "BDAT" if transaction.chunked else "DATA",
            "size": incoming.size, "sha256": incoming.digest,
            "message_id": identifier,
            "from": mail.all_named(fields, "From"),
            "flights": self.stream.flights, "tls": self.tls,
            "reply": self.fill_in(told), "notes": self._notes(fields)})
        self.save_facts()

    def _notes(self, fields: list) -> list[str]:
        """What is legal and still worth knowing."""
        transaction, incoming = self.transaction, self.transaction.incoming
        notes = []
        if mail.all_named(fields, "Bcc") + mail.all_named(fields,
                                                          "Resent-Bcc"):
            notes.append("bcc: Exchange would show it to all recipients")
        if not incoming.header.isascii() and \
                "SMTPUTF8" not in transaction.params:
            notes.append("raw 8 bit header: would be re-encoded")
        for name in ("Date", "Message-ID"):
            count = len(mail.all_named(fields, name))
            if count != 1:
                notes.append("%d %s fields" % (count, name))
        if incoming.size > int(transaction.params.get("SIZE", incoming.size)):
            notes.append("larger than its SIZE")
        if len(transaction.recipients) > self.mailbox.recipient_limit:
            notes.append("would bounce: 550 5.5.3 RESOLVER.ADR.RecipLimit; "
                         "too many recipients")
        return notes

    def _drop_transaction(self) -> None:
        if self.transaction and self.transaction.incoming:
            self.transaction.incoming.discard()
        self.transaction = None
        self.mail_failed = False
        self.header_from, self.denied = "", False

    # ------------------------------------------------------- the rest

    def _rset(self, argument: str) -> None:
        self._drop_transaction()
        self.reply("rset", "250 2.0.0 Resetting")

    def _noop(self, argument: str) -> None:
        self.reply("noop", "250 2.0.0 OK")

    def _vrfy(self, argument: str) -> None:
        self.reply("vrfy", "252 2.1.5 Cannot VRFY user")

    def _quit(self, argument: str) -> None:
        self._release()
        self._drop_transaction()
        self.facts["ended"] = "quit"
        self.save_facts()
        self.answer("quit", "221 2.0.0 Service closing transmission channel")
        self.over = True

    def _release(self) -> None:
        if self.mailbox:
            self.server.end_sending(self.mailbox.address, self)


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
