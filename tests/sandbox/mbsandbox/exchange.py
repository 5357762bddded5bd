"""The submission endpoint: the listener, and what its sessions share."""

import select
import socket
import ssl
import threading
import time
import warnings
from collections import defaultdict, deque

from .pki import Authority
from .record import Recorder
from .scenario import Switchboard
from .session import Session
from .tenant import Tenant

INSTALLATION = ".namprd00.prod.outlook.com"
CONNECTION_LIMIT = 3               # that send for one mailbox, facts 3
SETTLE = 5                         # seconds, at most


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
        self.peak_open = 0         # connections that no client had closed
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
                self.peak_open = max(self.peak_open, len(self._killers)
                                     - self._leavers())
            threading.Thread(target=self._serve, daemon=True,
                             args=(connection, peer, number)).start()

    def _serve(self, connection, peer, number: int) -> None:
        try:
            Session(self, connection, peer, number).run()
        finally:
            with self.lock:
                self._killers.pop(number).close()

    def _leavers(self) -> int:
        """How many clients have closed whose sessions are not over yet."""
        poll = select.poll()
        for killer in self._killers.values():
            poll.register(killer, select.POLLRDHUP)
        return len(poll.poll(0))

    def _has_leaver(self) -> bool:
        with self.lock:
            return self._leavers() != 0

    def settle(self) -> None:
        """Hear out those who have left: a client that does not wait for its
        221 is gone before its QUIT is written down."""
        until = time.monotonic() + SETTLE
        while self._has_leaver() and time.monotonic() < until:
            time.sleep(0.005)

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

    def begin_sending(self, address: str, session: Session) -> None:
        with self.lock:
            self._sending[address].append(session)
            self.peak[address] = max(self.peak[address],
                                     len(self._sending[address]))

    def end_sending(self, address: str, session: Session) -> None:
        with self.lock:
            if session in self._sending[address]:
                self._sending[address].remove(session)

    def is_excess(self, address: str, session: Session) -> bool:
        """Whether enough older connections send for this mailbox."""
        option = self.switchboard.get("concurrency", address)
        limit = int(option.number("limit")) \
            if option else CONNECTION_LIMIT
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
