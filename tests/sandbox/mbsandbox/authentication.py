"""AUTH: XOAUTH2 and LOGIN, as exchange-online.md 1.2, 2.1 and 2.2 have them.

Exchange answers a bad token with a 535 at once; the scenario challenge_334
makes it behave like the other servers, with a 334 before the 535.
"""

import base64
import hashlib
import re

from . import jwt
from .replies import AUTH_REFUSED, BAD_SEQUENCE, LOGIN_OFF, LOGIN_WRONG
from .scenario import BY_NAME
from .stream import LineTooLong
from .tenant import Mailbox

AUTH_LIMIT = 12288                 # RFC 4954 section 4
LOGON_FAILURES = 3                 # on premises: MaxLogonFailures


class Authentication:
    """One AUTH command of a session."""

    def __init__(self, session):
        self.session = session
        self.stream = session.stream
        self.board = session.board
        self.tenant = session.tenant

    def run(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        mechanism = mechanism.upper()
        limit = self.board.get("auth_line_limit")
        if not self.session.tls:
            self.session.error("auth", "530 5.7.0 Must issue a STARTTLS "
                               "command first{front}", "AUTH before TLS")
        elif self.session.greeted != "EHLO" or self.session.mailbox \
                or self.session.transaction:
            self.session.error("auth", BAD_SEQUENCE, "AUTH out of order")
        elif limit and len(argument) + 7 > limit.number("limit"):
            self.session.reply("auth", "500 5.5.2 Line too long")
        elif mechanism == "XOAUTH2" and not self.board.get("no_xoauth2"):
            self._xoauth2(initial)
        elif mechanism == "LOGIN":
            self._login(initial)
        else:
            self.session.error("auth", "504 5.7.4 Unrecognized authentication "
                               "type{front}", "AUTH %.20s was not offered"
                               % mechanism)

    def _response(self, prompt: str) -> str | None:
        """Ask for a line of base64; None if the client cancels."""
        self.stream.write(b"334 " + prompt.encode() + b"\r\n")
        try:
            line = self.stream.read_line(AUTH_LIMIT)
        except LineTooLong:
            self.session.heard("(an AUTH response that is too long)")
            self.session.error("auth", "500 5.5.6 Authentication exchange "
                               "line is too long{front}",
                               "AUTH response too long")
            return None
        text = line.decode("latin-1")
        answer = text.rstrip("\r\n")
        self.session.heard("(AUTH response, %d octets)" % len(answer))
        if not text.endswith("\r\n"):
            self.session.violation("bare LF after an AUTH response")
        if self.stream.more_is_waiting():
            self.session.violation("pipelined after an AUTH response")
        if answer == "*":
            self.session.reply("auth", "501 5.7.0 Authentication "
                               "cancelled{front}")
            return None
        return answer

    def _xoauth2(self, initial: str) -> None:
        blob = initial or self._response("")
        if blob is None:
            return
        facts = self.session.facts["auth"] = {
            "mechanism": "XOAUTH2", "initial_response": bool(initial),
            "user": None, "token": None, "result": "refused", "reason": ""}
        user, token = self._take_apart(blob)
        hve = self.board.get("hve", user)
        if user is None:
            self.session.violation("malformed XOAUTH2 response")
            facts["reason"] = "malformed"
            self._auth_refused("501 5.5.124 Invalid XOAUTH2 auth data{front}"
                               if hve else AUTH_REFUSED)
            return
        self.session.user = user
        facts.update(user=user, token=hashlib.sha256(token.encode())
                     .hexdigest())
        reason = self.tenant.judge(token, user, bool(hve))
        claims = {} if reason else jwt.decode(token).claims
        self.session.needs_full_access = \
            "SMTP.SendAsApp" in claims.get("roles", ())
        text = AUTH_REFUSED if reason else ""
        if hve and not reason and claims["exp"] - self.tenant.now() \
                < hve.number("margin"):
            reason, text = "expires soon", \
                "501 5.5.127 Token will expire soon{front}"
        if self.session.tls in ("TLSv1", "TLSv1.1"):
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

    def _login(self, initial: str) -> None:
        answers = [initial] if initial else []
        for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6")[len(answers):]:
            line = self._response(prompt)
            if line is None:
                return
            answers.append(line)
        self.session.facts["auth"] = {
            "mechanism": "LOGIN", "initial_response": bool(initial),
            "user": None, "token": None, "result": "refused", "reason": ""}
        try:
            user, password = (base64.b64decode(one, validate=True).decode()
                              for one in answers)
        except ValueError:
            self.session.violation("AUTH LOGIN answers are not base64")
            user, password = "", ""
        self.session.user = self.session.facts["auth"]["user"] = user
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
            one = self.board.at(step, self.session.user)
            if one and one.name in ("hang", "close", "garbage"):
                self.session.scripted("auth", one)
                return
            if one:
                reason, text = "scenario %s" % one.name, one.reply
                break
        if text and text[0] != "2":
            self.session.facts["auth"]["reason"] = reason
            self._auth_refused(text)
            return
        user = self.session.user or "unknown"
        mailbox = self.tenant.mailbox(user) or Mailbox(user)
        self.session.mailbox = mailbox
        self.session.facts["auth"]["result"] = "ok"
        self.session.server.begin_sending(mailbox.address, self.session)
        self.session.save_facts()
        self.session.reply("auth", text or "235 2.7.0 Authentication "
                           "successful")

    def _auth_refused(self, text: str) -> None:
        if text.startswith("535") and self.board.get("challenge_334",
                                                     self.session.user):
            challenge = base64.b64encode(
                b'{"status":"401","schemes":"bearer",'
                b'"scope":"https://outlook.office.com/"}').decode()
            answer = self._response(challenge)
            if answer is None:
                return
            if answer:
                self.session.violation("a 334 error challenge wants an "
                                       "empty line")
        self.session.logon_failures += 1
        # The 530 of a later MAIL quotes what was said here.
        self.session.last_auth_error = self.session.fill_in(text)
        self.session.save_facts()
        if self.session.logon_failures >= LOGON_FAILURES:
            text = "421 4.7.0 Too many failed logons{front}"
        self.session.reply("auth", text)

