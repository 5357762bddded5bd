"""The scenarios: one table, and the switchboard that says what is on.

A scenario is a row.  A row with a `reply` needs no code: at its step the
server answers with it instead of going on.  A row without one is looked up
by name where it matters.  Placeholders in replies:

    {front}   " [HOST.prod.outlook.com 2026-11-21T10:00:00.000Z 08D...]"
    {back}    " [Hostname=HOST.namprd.PROD.OUTLOOK.COM]"
    {user}    the mailbox of the session
    {from}    the address in the From field
"""

import re
import threading
from dataclasses import dataclass, field

# In the order of a session.  "token" is any request to a token endpoint.
STEPS = ("connect", "banner", "ehlo", "starttls", "tls", "ehlo2", "auth",
         "mail", "rcpt", "data", "end-of-data", "quit", "token")
# The mailbox is not known yet at these.
EARLY_STEPS = STEPS[:STEPS.index("auth")] + ("auth-line",)


@dataclass(frozen=True)
class Row:
    """One scenario.  `section` is a row number of exchange-online.md
    section 9, or the section of a fact sheet, or empty for a server fault
    that no fact sheet names."""
    name: str
    section: str
    step: str
    summary: str
    reply: str = ""
    defaults: dict = field(default_factory=dict)


TENANT_OFF = ("535 5.7.139 Authentication unsuccessful, "
              "SmtpClientAuthentication is disabled for the %s. Visit "
              "https://aka.ms/smtp_auth_disabled for more information.{front}")

TABLE = (
    Row("normal", "9.1", "", "the dialogue of 1.1 (nothing switched on)"),
    Row("bad_token", "9.2", "auth", "every token is refused",
        "535 5.7.3 Authentication unsuccessful{front}"),
    Row("smtp_auth_off_tenant", "9.3", "auth",
        "SMTP AUTH is switched off for the tenant", TENANT_OFF % "Tenant"),
    Row("smtp_auth_off_mailbox", "9.3", "auth",
        "SMTP AUTH is switched off for the mailbox", TENANT_OFF % "Mailbox"),
    Row("basic_retired", "9.4", "auth-login", "AUTH LOGIN after retirement",
        "550 5.7.30 Basic authentication is not supported for Client "
        "Submission.{front}"),
    Row("no_full_access", "9.5", "end-of-data",
        "AUTH succeeds, but the app has no right on the mailbox",
        "430 4.2.0 STOREDRV; mailbox logon failure; "
        "STOREDRV.Submission.Exception:ConnectionFailedTransientException."
        "MapiExceptionLogonFailed; Failed to process message due to a "
        "transient exception with message [BeginDiagnosticData]Cannot open "
        "mailbox. [EndDiagnosticData]{back}"),
    Row("too_many_connections", "9.6", "end-of-data",
        "more than three connections send for one mailbox",
        "432 4.3.2 Concurrent connections limit exceeded. Visit "
        "https://aka.ms/concurrent_sending for more information.{back}"),
    Row("send_as_denied", "9.7", "end-of-data", "From is not allowed",
        "554 5.2.252 SendAsDenied; {user} not allowed to send as {from}; "
        "STOREDRV.Submission.Exception:SendAsDeniedException."
        "MapiExceptionSendAsDenied; Failed to process message due to a "
        "permanent exception with message [BeginDiagnosticData]Cannot submit "
        "message. [EndDiagnosticData]{back}"),
    Row("daily_quota", "9.8", "end-of-data", "daily recipient limit reached",
        "554 5.2.0 STOREDRV.Submission.Exception:"
        "SubmissionQuotaExceededException; Failed to process message due to "
        "a permanent exception with message The message can't be submitted "
        "because the sender's submission quota was exceeded.{back}"),
    Row("mailbox_full", "9.9", "end-of-data", "the sender's mailbox is full",
        "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:"
        "QuotaExceededException.MapiExceptionShutoffQuotaExceeded{back}"),
    Row("prx4", "9.10", "auth", "proxying to the mailbox failed",
        "451 4.7.0 Temporary server error. Please try again later. "
        "PRX4{front}"),
    Row("old_tls", "9.11", "auth",
        "the answer to a TLS 1.0 or 1.1 client, whatever TLS it has",
        "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update "
        "your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls."
        "{front}"),
    Row("no_starttls", "9.12", "ehlo",
        "a middlebox removed STARTTLS from the list"),
    Row("smtputf8_refused", "9.13", "mail-smtputf8",
        "SMTPUTF8 is offered and then refused",
        "502 5.3.3 Command not implemented{front}"),
    Row("no_answer", "9.14", "end-of-data",
        "silence or a closed connection after the dot; accepted=yes: the "
        "message is delivered all the same",
        defaults={"action": "close", "accepted": "yes"}),
    Row("idle_close", "9.15", "", "idle connections are closed sooner",
        defaults={"seconds": "300"}),
    Row("token_error", "9.16", "token", "see also the token scenarios below",
        defaults={"code": "7000215"}),
    Row("challenge_334", "9.17", "auth",
        "a bad token gets a Gmail style 334 first, the 535 after it"),
    Row("over_rate", "9.18", "end-of-data",
        "more than `limit` messages a minute: the 250 waits `delay` seconds, "
        "or comes as `reply`",
        defaults={"limit": "30", "delay": "60", "reply": ""}),
    Row("unauthenticated_at_mail", "9.19", "mail",
        "AUTH succeeds, MAIL says it did not",
        "530 5.7.57 Client not authenticated to send mail.{front}"),
    Row("hve", "9.20", "",
        "High Volume Email: external recipients and tokens with less than "
        "`margin` seconds are refused", defaults={"margin": "600"}),
    # More replies of exchange-online.md section 2.
    Row("criteria", "2.2", "auth", "Conditional Access refuses",
        "535 5.7.139 Authentication unsuccessful, the request did not meet "
        "the criteria to be authenticated successfully. Contact your "
        "administrator.{front}"),
    Row("security_defaults", "2.2", "auth", "security defaults refuse",
        "535 5.7.139 Authentication unsuccessful, user is locked by your "
        "organization's security defaults policy. Contact your "
        "administrator.{front}"),
    Row("auth_temporary", "2.2", "auth", "temporary authentication failure",
        "454 4.7.0 Temporary authentication failure{front}"),
    Row("not_available", "2.2", "banner", "shutdown or overload",
        "421 4.3.2 Service not available"),
    Row("permission_at_mail", "2.3", "mail", "documented, not seen lately",
        "550 5.7.60 SMTP; Client does not have permissions to send as this "
        "sender{front}"),
    Row("outbound_spam", "2.3", "end-of-data", "sender suspended for spam",
        "554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; "
        "Failed to process message due to a permanent exception with message "
        "WASCL UserAction verdict is not None. Actual verdict is Suspend, "
        "ShowTierUpgrade.{back}"),
    Row("mrh1", "2.3", "end-of-data", "temporary server error",
        "451 4.3.111 Temporary server error. Please try again later "
        "MRH1{back}"),
    Row("too_large", "2.3", "end-of-data", "over the mailbox's MaxSendSize",
        "552 5.3.4 Message size exceeds fixed maximum message size{back}"),
    Row("name_refused", "", "ehlo", "no name in EHLO is good enough",
        "501 5.5.4 Invalid domain name{front}"),
    # How the SMTP server behaves.
    Row("tarpit", "1.2", "", "errors are delayed (the service: about 5 s)",
        defaults={"seconds": "5"}),
    Row("latency", "", "", "each turn of the dialogue takes this long",
        defaults={"seconds": "0.05"}),
    Row("concurrency", "3", "", "connections that may send for one mailbox",
        defaults={"limit": "3"}),
    Row("max_recipients", "2.3", "", "452 4.5.3 above this many RCPT",
        defaults={"limit": "100"}),
    Row("size_limit", "3", "", "SIZE, and what is refused above it",
        defaults={"octets": "1048576"}),
    Row("accept_bare_lf", "7", "",
        "bare LF is accepted (the service does; it bounces later)"),
    Row("refuse_long_lines", "7", "", "lines over 998 octets are refused"),
    Row("no_pipelining", "", "ehlo2",
        "PIPELINING is not offered nor tolerated"),
    Row("no_chunking", "", "ehlo2", "CHUNKING and BINARYMIME are not offered"),
    Row("no_8bitmime", "", "ehlo2", "8BITMIME is not offered"),
    Row("no_smtputf8", "", "ehlo2", "SMTPUTF8 is not offered"),
    Row("no_size", "", "ehlo2", "SIZE is not offered"),
    Row("no_dsn", "", "ehlo2", "DSN is not offered"),
    Row("no_xoauth2", "", "ehlo2", "AUTH offers LOGIN only"),
    Row("auth_line_limit", "", "auth-line",
        "AUTH lines over `limit` octets: 500 5.5.2 Line too long, as Dovecot",
        defaults={"limit": "512"}),
    Row("certificate", "", "tls",
        "`kind`: wrong-name, expired, self-signed, unknown-ca; `where`: "
        "smtp, token or both", defaults={"kind": "wrong-name",
                                         "where": "both"}),
    Row("tls_max", "1.3", "tls", "newest TLS of the SMTP server",
        defaults={"version": "1.1"}),
    Row("tls_min", "1.3", "tls", "oldest TLS of the SMTP server",
        defaults={"version": "1.3"}),
    Row("injected_after_starttls", "", "starttls",
        "a reply in clear in the same segment as the 220"),
    # Malformed replies; `step` says where.
    Row("endless_reply", "", "ehlo", "continuation lines without end",
        defaults={"step": "ehlo"}),
    Row("long_line", "", "ehlo", "one reply line of `octets`",
        defaults={"step": "ehlo", "octets": "100000"}),
    Row("code_change", "", "ehlo", "the code changes within a reply",
        defaults={"step": "ehlo"}),
    Row("control_bytes", "", "mail", "ESC, NUL, BEL and 8 bit in a refusal",
        defaults={"step": "mail"}),
    Row("drip", "", "ehlo", "one octet of the reply per `interval`",
        defaults={"step": "ehlo", "interval": "0.02"}),
    # Token endpoint.
    Row("http_NNN", "8.2", "token",
        "HTTP status NNN in plain text; `retry_after` seconds or a date, "
        "none to leave it out", defaults={"retry_after": ""}),
    Row("error", "8.2", "token", "Entra's JSON error `code` (error:700016)",
        defaults={"code": "7000215"}),
    Row("garbage", "9.16", "token", "200 with a page of HTML"),
    Row("truncated", "9.16", "token", "JSON that ends in the middle"),
    Row("cut", "9.16", "token",
        "the connection ends before the promised length is reached"),
    Row("huge", "9.16", "token", "a body of `octets`",
        defaults={"octets": "1048576"}),
    Row("slow", "9.16", "token", "the answer waits `seconds`",
        defaults={"seconds": "5"}),
    Row("hang", "9.16", "token", "no answer at all"),
    Row("held", "", "token", "no answer until this is switched off"),
    Row("close", "9.16", "token", "connection closed without an answer"),
    Row("redirect", "", "token", "302 to `location`",
        defaults={"location": "https://login.example.net/"}),
    Row("string_numbers", "8.2", "token", "expires_in is a string"),
    Row("no_expires", "8.2", "token", "expires_in is missing"),
    Row("expires_in", "8.2", "token", "expires_in says `seconds`, whatever "
        "the token says", defaults={"seconds": "0"}),
    Row("refresh_in", "8.2", "token", "refresh_in is `seconds`",
        defaults={"seconds": "1800"}),
    Row("short_lifetime", "8.2", "token", "tokens live `seconds`",
        defaults={"seconds": "60"}),
    Row("expired_token", "2.1", "token",
        "the token in the answer has expired already"),
    Row("wrong_audience", "2.1", "token", "the token is for Graph"),
    Row("no_roles", "2.1", "token", "the token has no roles (no consent)"),
    Row("other_tenant", "2.1", "token", "the token is of another tenant"),
    Row("opaque_token", "8.3", "token", "the token is no JWT"),
    Row("no_ps256", "8.2", "token", "5002730 for a PS256 assertion"),
    Row("device_approved", "", "token",
        "device codes are approved at once, for `user`",
        defaults={"user": ""}),
    Row("side_by_side", "", "", "EHLO under TLS and the token request are "
        "answered when both have come; a violation if one keeps the other "
        "waiting for `seconds`", defaults={"seconds": "10"}),
    Row("clock_skew", "", "", "the servers' clocks differ by `seconds`",
        defaults={"seconds": "3600"}),
)

BY_NAME = {row.name: row for row in TABLE}
STEP_FAULTS = ("hang", "close", "garbage", "reply")


class UnknownScenario(ValueError):
    """No row has this name, or it cannot be switched on like this."""


@dataclass
class Active:
    """A scenario that is switched on.  `mailbox` limits it to one mailbox,
    or to one client id at the token endpoint.  `times` counts down, None is
    forever; `after` occasions are let pass first."""
    name: str
    step: str
    mailbox: str | None
    params: dict
    reply: str = ""
    times: int | None = None
    after: int = 0

    def get(self, name: str) -> str:
        return str(self.params[name])

    def number(self, name: str) -> float:
        return float(self.params[name])


def canonical(name: str) -> str:
    return name.replace("-", "_")


def build(name: str, mailbox: str | None = None, **params) -> Active:
    """Make an Active from a name of the table, `hang@STEP`, `close@STEP`,
    `garbage@STEP` or `reply@STEP=TEXT` (`rcpt:ADDRESS` is a step too)."""
    times, after = params.pop("times", None), int(params.pop("after", 0))
    times = None if times is None else int(times)
    fault, at, rest = name.partition("@")
    if at:
        step, equals, text = rest.partition("=")
        text = str(params.pop("text", text)).replace("\\n", "\n")
        active = Active(fault, step.replace("_", "-"), mailbox, params, text)
        if step.startswith("rcpt:"):
            active.step = "rcpt:" + step[5:].lower()
        check_step_fault(name, active)
    else:
        active = from_table(name, mailbox, params)
    active.times, active.after = times, after
    if mailbox and active.step in EARLY_STEPS:
        raise UnknownScenario("%s happens before the mailbox is known"
                              % active.name)
    if active.step == "token" and "@" in (mailbox or ""):
        raise UnknownScenario("%s: the token endpoint knows apps and no "
                              "mailboxes; name a client id" % active.name)
    return active


def check_step_fault(name: str, active: Active) -> None:
    if active.name not in STEP_FAULTS or \
            active.step.partition(":")[0] not in STEPS:
        raise UnknownScenario("%s: say hang, close, garbage or reply, then @ "
                              "and one of %s" % (name, ", ".join(STEPS)))
    if active.name == "reply" and not re.match(r"\d\d\d[ -]", active.reply):
        raise UnknownScenario("%s: no reply given" % name)


def from_table(name: str, mailbox: str | None, params: dict) -> Active:
    name, _, code = canonical(name).partition(":")
    http = re.fullmatch(r"http_\d{3}", name)
    row = BY_NAME.get("http_NNN" if http else name)
    if row is None:
        raise UnknownScenario("no scenario is called %s" % name)
    if code:
        params["code"] = code
    unknown = set(params) - set(row.defaults)
    if unknown:
        raise UnknownScenario("%s has no parameter %s"
                              % (name, ", ".join(sorted(unknown))))
    merged = {**row.defaults, **params}
    return Active(name, merged.get("step", row.step), mailbox, merged,
                  row.reply)


def parse(text: str) -> Active:
    """Read the command line's NAME[@MAILBOX][:key=value,...]."""
    match = re.fullmatch(r"reply@([a-z0-9-]+(?::[^=]+)?)=(.*)", text, re.S)
    if match:
        return build("reply@" + match.group(1), text=match.group(2))
    match = re.fullmatch(r"(hang|close|garbage)@([a-z0-9-]+)(?:@(.+))?", text)
    if match:
        return build("%s@%s" % match.groups()[:2], match.group(3))
    match = re.fullmatch(r"([\w-]+)(?:@([^:]+))?(?::(.*))?", text)
    if not match:
        raise UnknownScenario("%s: write NAME[@MAILBOX][:key=value,...]"
                              % text)
    name, mailbox, rest = match.groups()
    if rest and "=" not in rest:
        return build("%s:%s" % (name, rest), mailbox)
    params = dict(part.split("=", 1) for part in (rest or "").split(",")
                  if "=" in part)
    return build(name, mailbox, **params)


class Switchboard:
    """Which scenarios are on.  The services ask it; tests set it, at any
    time, and running sessions see the change at their next step."""

    def __init__(self) -> None:
        self._active: list[Active] = []
        self._lock = threading.Lock()
        self._meeting = threading.Barrier(2)

    def meet(self) -> bool:
        """Wait for the other side; False if it did not come."""
        one = self.get("side_by_side")
        if not one:
            return True
        try:
            self._meeting.wait(one.number("seconds"))
            return True
        except threading.BrokenBarrierError:
            self._meeting.reset()
            return False

    def add(self, active: Active) -> None:
        with self._lock:
            self._active.append(active)

    def clear(self) -> None:
        with self._lock:
            self._active.clear()

    def get(self, name: str, mailbox: str | None = None) -> Active | None:
        """The active scenario of this name, the newest first, if any."""
        return self._take(lambda one: one.name == name, mailbox)

    def at(self, step: str, mailbox: str | None = None,
           names: tuple[str, ...] | None = None) -> Active | None:
        """A fault or reply that is due at this step, if any."""
        def due(one: Active) -> bool:
            if one.step != step:
                return False
            return one.name in names if names else bool(
                one.reply or one.name in STEP_FAULTS)
        return self._take(due, mailbox)

    def _take(self, wanted, mailbox: str | None) -> Active | None:
        with self._lock:
            for one in reversed(self._active):
                if one.mailbox and one.mailbox.lower() != (mailbox
                                                           or "").lower():
                    continue
                if not wanted(one) or one.times == 0:
                    continue
                if one.after:
                    one.after -= 1
                    continue
                if one.times is not None:
                    one.times -= 1
                return one
        return None
