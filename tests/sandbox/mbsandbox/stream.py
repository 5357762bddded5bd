"""One client's connection: lines in, replies out, flights counted.

A flight is a burst of octets from the client that follows output of ours:
what a send costs is the number of its flights times the round trip.  So
that pipelined commands count as one, replies are collected and go out only
when the client has nothing more under way, which is also how RFC 2920
section 3.2 wants it.
"""

import select
import socket
import ssl
import struct
import threading
import time

CHUNK = 65536
# Half a line or half a chunk has come: the rest is on its way, and replies
# can wait for it this long without anybody noticing.
REST_GRACE = 0.05


class Gone(Exception):
    """The connection is over; the text says how."""


class Idle(Exception):
    """The client has been silent for too long."""


class LineTooLong(Exception):
    """A line exceeded its limit; it has been read to its end."""


class TlsSocket(ssl.SSLSocket):
    """Takes for granted that it is connected, and fails in the handshake if it
    is not: where SSLSocket notices before, it leaves itself open."""

    def getpeername(self):
        return None


class Stream:
    """A socket with buffers; becomes TLS in the middle of its life."""

    def __init__(self, sock: socket.socket, stopping: threading.Event):
        self.sock = sock
        self.stopping = stopping
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.idle = 300.0
        self.latency = 0.0
        self.flights = 1           # SYN; the banner answers it
        self._our_turn_done = False
        self._ended = False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(60)

    # ------------------------------------------------------- output

    def write(self, data: bytes) -> None:
        self.outgoing += data

    def flush(self) -> None:
        if not self.outgoing:
            return
        data, self.outgoing = bytes(self.outgoing), bytearray()
        self._our_turn_done = True
        try:
            self.sock.sendall(data)
        except (OSError, ValueError) as error:
            raise Gone("client stopped reading") from error

    # ------------------------------------------------------- input

    def _readable(self, seconds: float) -> bool:
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(int(seconds * 1000)))

    def _receive(self) -> bool:
        """Take what is there; False at the end of the stream."""
        try:
            data = self.sock.recv(CHUNK)
        except (OSError, ValueError) as error:
            raise Gone("connection lost: %s" % error) from error
        if not data:
            self._ended = True
            return False
        if self._our_turn_done:
            self.flights += 1
            self._our_turn_done = False
        self.incoming += data
        return True

    def fill(self, inside: bool = False) -> None:
        """Wait for more.  `inside`: in the middle of a line or chunk."""
        if self._ended:
            raise Gone("closed by the client")
        if self.outgoing:
            grace = max(self.latency, REST_GRACE if inside else 0.0)
            if not self._readable(grace):
                self.flush()
        waited = 0.0
        while not self._readable(0.5):
            waited += 0.5
            if waited >= self.idle:
                raise Idle()
            if self.stopping.is_set():
                raise Gone("sandbox stopped")
        if not self._receive():
            raise Gone("closed by the client")

    def more_is_waiting(self) -> bool:
        """Whether the client sent more without waiting for our reply."""
        if not self.incoming and not self._ended and self._readable(0):
            self._receive()
        return bool(self.incoming)

    def read_line(self, limit: int) -> bytes:
        """One line with its LF, at most `limit` octets."""
        searched = 0
        while True:
            end = self.incoming.find(b"\n", searched)
            if end >= 0:
                break
            searched = len(self.incoming)
            if searched > max(limit, 1 << 20):
                raise Gone("endless line")
            self.fill(inside=searched > 0)
        line = bytes(self.incoming[:end + 1])
        del self.incoming[:end + 1]
        if len(line) > limit:
            raise LineTooLong()
        return line

    def read_octets(self, most: int) -> bytes:
        """At least one octet of a chunk and at most `most`."""
        if not self.incoming:
            self.fill(inside=True)
        data = bytes(self.incoming[:most])
        del self.incoming[:most]
        return data

    # ------------------------------------------------------- TLS

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands, and count what it costs in round trips: one for
        TLS 1.3 and for a resumed 1.2, two for a full 1.2."""
        self.flush()
        context.sslsocket_class = TlsSocket
        self.sock = context.wrap_socket(self.sock, server_side=True)
        short = self.sock.version() == "TLSv1.3" or self.sock.session_reused
        self.flights += 1 if short else 2
        self._our_turn_done = True

    # ------------------------------------------------------- faults

    def hang(self) -> None:
        """Say nothing until the client gives up."""
        self.flush()
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        while not self.stopping.is_set():
            if poll.poll(500):
                raise Gone("client gave up waiting")
        raise Gone("sandbox stopped")

    def pause(self, seconds: float) -> None:
        if seconds > 0:
            self.flush()
            self.stopping.wait(seconds)

    def close(self) -> None:
        """Close in an orderly way, close_notify included."""
        try:
            self.flush()
        except Gone:
            pass
        try:
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.settimeout(0.2)
                self.sock = self.sock.unwrap()
        except (OSError, ValueError):
            pass
        self._drain()
        self.sock.close()

    def _drain(self) -> None:
        """Take what the client still sends for a moment: closing a socket
        with unread octets resets it, and the client would lose our last
        reply.  The base class is called because TLS is over."""
        try:
            self.sock.settimeout(0.3)
            socket.socket.shutdown(self.sock, socket.SHUT_WR)
            until = time.monotonic() + 1
            while socket.socket.recv(self.sock, CHUNK) \
                    and time.monotonic() < until:
                pass
        except (OSError, ValueError):
            pass

    def abort(self) -> None:
        """Reset the connection."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()
