"""One SMTP session with the imitated Exchange Online.

`Session` is one connection; its methods are the commands.  Each answers
through `answer` (a scenario may speak instead) or `reply`.  Reply texts and
their suffixes follow exchange-online.md sections 1 and 2.
"""

import email.utils
import re
import secrets
import time

from . import grammar, message as mail
from .authentication import AUTH_LIMIT, Authentication
from .grammar import SyntaxFault
from .judge import Judge
from .record import utc_now
from .replies import BAD_SEQUENCE, BARE_LF, GARBAGE, OUT_OF_STEP, summary, \
    wire_form, yes
from .scenario import BY_NAME, Active
from .stream import Gone, Idle, LineTooLong, Stream
from .tenant import Mailbox

SIZE_LIMIT = 157286400             # 150 MiB
COMMAND_LIMIT = 512                # RFC 5321 section 4.5.3.1.4
PROTOCOL_ERRORS = 5                # on premises: MaxProtocolErrors
ENVELOPE_LIMIT = 1000              # MaxRecipientEnvelopeLimit
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

    def __init__(self, server, connection, peer, number: int):
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
        self.needs_full_access = False         # roles, and not RBAC
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
                return self.scripted(step, one)
        self.reply(step, text)
        return text

    def scripted(self, step: str, one: Active) -> str:
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
            self.stream.abort()
        if one:
            self.scripted("connect", one)

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
            return COMMAND_LIMIT + sum(grammar.MAIL_EXTRA.get(one, 0)
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
        commands = {"STARTTLS": self._starttls,
                    "AUTH": Authentication(self).run,
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
        if not grammar.is_domain(argument):
            self.error(step, "501 5.5.4 Invalid domain name{front}",
                       "%s with %.60r" % (verb, argument))
            return
        self._drop_transaction()
        self.facts["helo"] = argument
        hello = "250 %s Hello [127.0.0.1]" % self.server.host
        features = self._offered() if verb == "EHLO" else ()
        lines = [self._feature_line(one) for one in features]
        if self.tls and not self.board.meet():
            self.violation("EHLO under TLS, and nobody asks for a token")
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
            self.scripted("tls", fault)
            raise Gone("scenario %s@tls" % fault.name)
        try:
            self.stream.start_tls(self.server.context())
        except (OSError, ValueError) as error:
            raise Gone("TLS handshake failed: %s" % error) from error
        sock = self.stream.sock
        self.tls = sock.version()
        self.facts.update(tls=self.tls, cipher=(sock.cipher() or [""])[0],
                          resumed=sock.session_reused)
        # RFC 3207 section 4.2: all knowledge from before is forgotten.
        self.greeted, self.features = "", ()

    # ------------------------------------------------------- envelope

    def _mail(self, argument: str) -> None:
        self.mail_failed = True
        refusal = self._mail_refusal()
        if refusal:
            self.reply("mail", refusal)
            return
        parsed = self._arguments("MAIL", argument)
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
        parsed = self._arguments("RCPT", argument)
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

    def _arguments(self, verb: str, argument: str) -> tuple | None:
        """(address, parameters); answers itself and returns None if the
        syntax is wrong."""
        try:
            address, params, space = grammar.path_and_parameters(
                verb, argument, self.features)
        except SyntaxFault as fault:
            self.error(verb.lower(), fault.reply, fault.rule)
            return None
        if space:
            # The service takes it (facts 1.2), RFC 5321 3.3 does not.
            self.violation("space after the colon in %s" % verb)
        return address, params

    def _acceptable(self, step: str, address: str, params: dict,
                    refusal: str) -> bool:
        """Whether the address may stand here; answers itself if not."""
        if not address.isascii() and "SMTPUTF8" not in params:
            self.violation("address is not ASCII and SMTPUTF8 not asked for")
            self.reply(step, "553 5.6.7 Non-ASCII address without "
                       "SMTPUTF8{front}")
            return False
        if grammar.is_address(address) or not address or \
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
        judge = Judge(self)
        refusal = judge.refusal()
        identifier = judge.message_id()
        success = "250 2.0.0 OK %s{back}" % identifier
        silent = self.board.get("no_answer", self.user)
        if silent:
            if not refusal and yes(silent.get("accepted")):
                self._deliver(judge, identifier, "")
            if silent.get("action") == "hang":
                self.stream.hang()
            raise Gone("scenario no_answer")
        told = refusal
        if refusal:
            one = self.board.at("end-of-data", self.user)
            told = self.scripted("end-of-data", one) if one else ""
            if not one:
                self.reply("end-of-data", refusal)
        else:
            limited = self._rate_limited()
            told = limited or self.answer("end-of-data", success)
            if limited:
                self.reply("end-of-data", limited)
        if told[:1] == "2" and not refusal:
            self._deliver(judge, identifier, told)
        self._drop_transaction()

    def _rate_limited(self) -> str:
        """Delay the answer, or return one that refuses."""
        count = self.server.sent_last_minute(self.mailbox.address)
        option = self.board.get("over_rate", self.user)
        if not option or count <= option.number("limit"):
            return ""
        if not option.get("reply"):
            self.stream.pause(option.number("delay"))
        return option.get("reply")

    def _deliver(self, judge: Judge, identifier: str, told: str) -> None:
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
            "from": mail.all_named(judge.fields, "From"),
            "flights": self.stream.flights, "tls": self.tls,
            "reply": self.fill_in(told), "notes": judge.notes()})
        self.save_facts()

    def _drop_transaction(self) -> None:
        if self.transaction and self.transaction.incoming:
            self.transaction.incoming.discard()
        self.transaction = None
        self.mail_failed = False
        self.header_from = ""

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
