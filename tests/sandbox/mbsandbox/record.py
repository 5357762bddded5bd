"""What the sandbox saw, on disk: the one truth for every reader.

Services append through `Recorder`; tests and administrators read through
`Records`, from the same process or another one.  Logs are JSON lines, each
written with one write(2) and never fsynced.  A message is its .eml first and
its .json after that, both renamed into place: where the .json is, the
message is complete.

    record/commands.jsonl        every SMTP line, credentials summarised
    record/replies.jsonl         every SMTP reply as it was meant
    record/sessions.jsonl        facts about a session; its last line counts
    record/violations.jsonl      where a client broke a rule
    record/token-requests.jsonl  every request to the token endpoints
    record/messages/0001.eml     the octets as they were sent, unstuffed
    record/messages/0001.json    the envelope
"""

import datetime
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LOGS = ("commands", "replies", "sessions", "violations",
        "token-requests")


def utc_now() -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (now.microsecond
                                                          // 1000)


class Recorder:
    """The writing side; safe to call from every thread."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.messages = directory / "messages"
        self.messages.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._count = len(list(self.messages.glob("[0-9]*.json")))
        self._logs = {name: os.open(directory / (name + ".jsonl"),
                                    os.O_WRONLY | os.O_APPEND | os.O_CREAT
                                    | os.O_CLOEXEC, 0o644)
                      for name in LOGS}

    def append(self, log: str, **facts) -> None:
        line = json.dumps({"time": utc_now(), **facts}) + "\n"
        session = facts.get("session", "")
        with self._lock:
            if log == "sessions" and facts.get("ended") and \
                    session not in self._seen:
                return             # it only ended after a reset
            self._seen.add(session)
            if self._logs:
                os.write(self._logs[log], line.encode())

    def saw(self, session: str) -> None:
        """A session began.  After a reset only sessions that began or said
        something since then are recorded."""
        with self._lock:
            self._seen.add(session)

    def violation(self, session: str, text: str) -> None:
        self.append("violations", session=session, text=text)

    def spool_file(self, session: str, number: int) -> Path:
        """Where a message may be written while nobody has accepted it."""
        return self.messages / (".%s-%d.part" % (session, number))

    def message(self, spooled: Path, envelope: dict) -> int:
        """Commit an accepted message under the next number."""
        with self._lock:
            self._count += 1
            number = self._count
            base = self.messages / ("%04d" % number)
            spooled.rename(base.with_suffix(".eml"))
            part = base.with_suffix(".part")
            part.write_text(json.dumps({"number": number, "time": utc_now(),
                                        **envelope}, indent=1) + "\n")
            part.rename(base.with_suffix(".json"))
        return number

    def reset(self) -> None:
        """Forget everything that was recorded."""
        with self._lock:
            for descriptor in self._logs.values():
                os.ftruncate(descriptor, 0)
            for path in self.messages.glob("[0-9]*"):
                path.unlink()
            self._count = 0
            self._seen.clear()

    def close(self) -> None:
        with self._lock:
            for descriptor in self._logs.values():
                os.close(descriptor)
            self._logs = {}


class Recipient(NamedTuple):
    """One RCPT TO: the address and its parameters."""
    address: str
    params: dict


@dataclass(frozen=True)
class Message:
    """One delivered message; `data` is read from disk when asked for."""
    number: int
    mail_from: str
    mail_params: dict
    recipients: list
    mailbox: str
    session: str
    envelope: dict
    path: Path

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()


class Records:
    """The reading side, for any process."""

    def __init__(self, directory: Path):
        self.directory = Path(directory)

    def read(self, log: str) -> list[dict]:
        try:
            text = (self.directory / (log + ".jsonl")).read_text()
        except FileNotFoundError:
            return []
        # A reader may come between write and newline: drop a torn last line.
        return [json.loads(line) for line in text.splitlines(True)
                if line.endswith("\n")]

    def messages(self) -> list[Message]:
        paths = sorted((self.directory / "messages").glob("[0-9]*.json"),
                       key=lambda path: int(path.stem))
        return [self._message(path) for path in paths]

    @staticmethod
    def _message(path: Path) -> Message:
        envelope = json.loads(path.read_text())
        return Message(
            number=envelope["number"], mail_from=envelope["mail_from"],
            mail_params=envelope["mail_params"],
            recipients=[Recipient(one["address"], one["params"])
                        for one in envelope["recipients"]],
            mailbox=envelope["mailbox"], session=envelope["session"],
            envelope=envelope, path=path.with_suffix(".eml"))

    def commands(self) -> list[tuple[str, str]]:
        return [(one["session"], one["command"])
                for one in self.read("commands")]

    def sessions(self) -> list[dict]:
        """The last known facts of each session, in order of connection."""
        latest = {}
        for facts in self.read("sessions"):
            latest[facts["session"]] = facts
        return list(latest.values())

    def violations(self) -> list[tuple[str, str]]:
        return [(one["session"], one["text"])
                for one in self.read("violations")]

    def token_requests(self) -> list[dict]:
        return self.read("token-requests")
