"""Whether Exchange takes a message, and with which reply it refuses it."""

import re
import secrets

from . import message as mail
from .replies import ILLEGAL_OCTETS, NOT_COMPLIANT
from .scenario import BY_NAME

# Faults of the message that RFC 3030 allows with BODY=BINARYMIME only.
BROKEN = {"bare LF in the message", "bare CR in the message",
          "last line without CRLF"}


class Judge:
    """The checks at end of data, for one message of one session."""

    def __init__(self, session):
        self.session = session
        self.board = session.board
        self.user = session.user
        self.transaction = session.transaction
        self.incoming = session.transaction.incoming
        self.denied = False
        if self.board.get("accept_bare_lf", self.user):
            self.incoming.accept_bare_lf()
        self.fields, self.header_fault = mail.parse_header(
            self.incoming.header)

    def refusal(self) -> str:
        """The reply that refuses the message, or ""."""
        transaction, incoming = self.transaction, self.incoming
        self._judge_octets()
        if transaction.too_large or "header over 256 KB" in incoming.faults:
            return BY_NAME["too_large"].reply
        if incoming.faults & BROKEN and transaction.body() != "BINARYMIME" \
                or "NUL in the message" in incoming.faults:
            return ILLEGAL_OCTETS
        if "line over 998 octets" in incoming.faults \
                and self.board.get("refuse_long_lines", self.user):
            return "550 5.6.0 Line of the message is too long{back}"
        return self._header_refusal() or self._right_refusal()

    def _judge_octets(self) -> None:
        transaction, incoming = self.transaction, self.incoming
        for text in sorted(incoming.faults):
            if transaction.body() != "BINARYMIME" or text not in BROKEN:
                self.session.violation(text)
        if incoming.eight_bit and transaction.body() == "7BIT":
            self.session.violation("8 bit octets without BODY=8BITMIME")

    def _header_refusal(self) -> str:
        if self.header_fault:
            self.session.violation("header: %s" % self.header_fault)
            return NOT_COMPLIANT
        values = mail.all_named(self.fields, "From")
        if len(values) != 1:
            return NOT_COMPLIANT
        senders, fault = mail.addresses(values[0])
        if not senders or fault:
            self.session.violation("From: %s" % fault)
            return NOT_COMPLIANT
        named = mail.all_named(self.fields, "Sender")
        if len(senders) > 1 and not named:
            return ("550 5.1.20 Multiple From addresses are not allowed "
                    "without Sender address{back}")
        for value in named:
            senders += mail.addresses(value)[0]
        # The strict reading: every one of them has to be allowed.
        denied = [one for one in senders + [self.transaction.mail_from]
                  if not self.session.mailbox.may_send_as(one)]
        self.session.header_from = denied[0] if denied else senders[0]
        self.denied = bool(denied)
        return ""

    def _right_refusal(self) -> str:
        hve = self.board.get("hve", self.user)
        mailbox = self.session.mailbox
        domain = "@" + mailbox.address.partition("@")[2].lower()
        if hve and not all(one["address"].lower().endswith(domain)
                           for one in self.transaction.recipients):
            return ("550 5.5.105 External sending is not supported for High "
                    "Volume Email accounts{back}")
        if self.session.needs_full_access and not mailbox.full_access:
            return BY_NAME["no_full_access"].reply
        if self.session.server.is_excess(mailbox.address, self.session):
            return BY_NAME["too_many_connections"].reply
        if self.denied:
            return BY_NAME["send_as_denied"].reply
        return ""

    def message_id(self) -> str:
        for value in mail.all_named(self.fields, "Message-ID"):
            match = re.search(r"<[!-;=?-~]+>", value)
            if match:
                return match.group()
        return "<%s@%s>" % (secrets.token_hex(12).upper(),
                            self.session.server.backend)

    def notes(self) -> list[str]:
        """What is legal and still worth knowing."""
        transaction, incoming = self.transaction, self.incoming
        notes = []
        if mail.all_named(self.fields, "Bcc") \
                or mail.all_named(self.fields, "Resent-Bcc"):
            notes.append("bcc: Exchange would show it to all recipients")
        if not incoming.header.isascii() and \
                "SMTPUTF8" not in transaction.params:
            notes.append("raw 8 bit header: would be re-encoded")
        for name in ("Date", "Message-ID"):
            count = len(mail.all_named(self.fields, name))
            if count != 1:
                notes.append("%d %s fields" % (count, name))
        if incoming.size > int(transaction.params.get("SIZE", incoming.size)):
            notes.append("larger than its SIZE")
        if len(transaction.recipients) > self.session.mailbox.recipient_limit:
            notes.append("would bounce: 550 5.5.3 RESOLVER.ADR.RecipLimit; "
                         "too many recipients")
        return notes
