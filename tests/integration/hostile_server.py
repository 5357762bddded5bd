"""A server that reads from a script: what tests/integration/hostile_dialogues.py
lists is spoken here, over real TLS, to the installed program.

A script is a tuple of steps:

    ">VERB"         wait for a line that begins so (">" for any line)
    "<text"         send a line
    b"octets"       send as it stands
    TLS             shake hands; Tls(...) with another certificate or versions
    HELLO           take the client's first octets of TLS, and no more
    REQUEST         take an HTTP request
    STALL           read nothing until the test sets server.may_go_on
    Sip(octets)     read so many octets a second, up to the lone dot
    DATA, CHUNK     take the message that follows, dot-stuffed or after BDAT n
    Pause(seconds)  do nothing
    Flood(octets)   send this again and again until the client is gone
    Drip(octets)    send one octet after the other, slowly
    Abuse(what)     with OpenSSL itself: "keyupdate", "tickets", "renegotiate",
                    as often as it is taken
    Echo(format)    send the last line of the client's in a reply, %s
    UNWRAP          end TLS, and go on in clear
    WAIT, END, RESET, HALF
                    be silent until the client is gone, close, close with RST,
                    close our half and listen on
"""
import collections
import ctypes
import ctypes.util
import re
import select
import socket
import ssl
import struct
import threading
import time
import warnings

WAIT, END, RESET, HALF, UNWRAP, HELLO, REQUEST, DATA, CHUNK, STALL = \
    "WAIT", "END", "RESET", "HALF", "UNWRAP", "HELLO", "REQUEST", "DATA", \
    "CHUNK", "STALL"
Sip = collections.namedtuple("Sip", "octets")
Flood = collections.namedtuple("Flood", "octets")
Drip = collections.namedtuple("Drip", "octets")
Pause = collections.namedtuple("Pause", "seconds")
Abuse = collections.namedtuple("Abuse", "what")
Echo = collections.namedtuple("Echo", "format")


class Tls(collections.namedtuple("Tls", "kind newest oldest ciphers dh")):
    """Certificate kind, versions ("TLSv1_1"), cipher list."""
    __slots__ = ()

    def __new__(cls, kind="good", newest=None, oldest=None, ciphers=None,
                dh=None):
        return super().__new__(cls, kind, newest, oldest, ciphers, dh)


TLS = Tls()
LIFE = 25       # of a connection, in seconds: then the client has hung
FLOOD_MAX = 64 << 20


class Gone(Exception):
    """The client has left."""


class Speaker:
    """One connection, by one script."""

    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self.incoming = b""
        self.line = b""
        self.until = time.monotonic() + LIFE
        sock.settimeout(LIFE)

    def play(self, script):
        for step in script:
            if isinstance(step, bytes):
                self.send(step)
            elif not isinstance(step, str):
                getattr(self, "do_" + type(step).__name__.lower())(step)
            elif step[0] == "<":
                self.send(step[1:].encode("utf-8", "surrogateescape")
                          + b"\r\n")
            elif step[0] == ">":
                self.expect(step[1:].upper().encode())
            else:
                getattr(self, "do_" + step.lower())()

    # ------------------------------------------------------- octets

    def send(self, octets):
        try:
            self.sock.sendall(octets)
        except (OSError, ValueError) as error:
            raise Gone from error

    def fill(self):
        if time.monotonic() > self.until:
            self.server.complaints.append("the client did not leave")
            raise Gone
        try:
            more = self.sock.recv(65536)
        except (OSError, ValueError) as error:
            raise Gone from error
        if not more:
            raise Gone
        self.incoming += more

    def expect(self, start):
        while b"\n" not in self.incoming:
            self.fill()
        self.line, _, self.incoming = self.incoming.partition(b"\n")
        self.server.heard.append(self.line)
        if not self.line.upper().startswith(start):
            self.server.complaints.append(
                f"wanted {start!r}, heard {self.line[:60]!r}")
            raise Gone

    def do_hello(self):
        while not self.incoming:
            self.fill()
        self.incoming = b""

    def do_request(self):
        while b"\r\n\r\n" not in self.incoming:
            self.fill()
        head, _, self.incoming = self.incoming.partition(b"\r\n\r\n")
        self.server.heard.append(head.partition(b"\r\n")[0])
        length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
        while len(self.incoming) < int(length.group(1) if length else 0):
            self.fill()
        self.incoming = b""

    def do_data(self):
        while b"\r\n.\r\n" not in b"\r\n" + self.incoming:
            self.fill()
        data, _, self.incoming = (b"\r\n" + self.incoming).partition(
            b"\r\n.\r\n")
        self.server.messages.append(data[2:])

    def do_stall(self):
        self.server.may_go_on.wait(LIFE)

    def do_sip(self, step):
        while not self.incoming.endswith(b"\r\n.\r\n"):
            before = len(self.incoming)
            self.fill()
            self.until = time.monotonic() + LIFE
            time.sleep((len(self.incoming) - before) / step.octets)
        self.server.messages.append(self.incoming)
        self.incoming = b""

    def do_chunk(self):
        count = int(self.line.split()[1])
        while len(self.incoming) < count:
            self.fill()
        self.server.messages.append(self.incoming[:count])
        self.incoming = self.incoming[count:]

    # ------------------------------------------------------- TLS

    def do_tls(self, step):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(step.ciphers or "DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(*self.server.certificate(step.kind))
        if step.dh:
            context.load_dh_params(self.server.dh_parameters(step.dh))
        with warnings.catch_warnings():     # of versions: they are old
            warnings.simplefilter("ignore")
            context.minimum_version = ssl.TLSVersion[step.oldest or "TLSv1"]
            context.maximum_version = ssl.TLSVersion[step.newest or "TLSv1_3"]
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
        except (OSError, ValueError) as error:
            raise Gone from error

    def do_abuse(self, step):
        """Shake hands, greet, and then abuse post-handshake messages."""
        Libssl(*self.server.certificate("good"), self.sock).abuse(
            step.what, self.until)

    # ------------------------------------------------------- misbehaving

    def do_flood(self, step):
        piece = step.octets * (65536 // len(step.octets) + 1)
        for _ in range(FLOOD_MAX // len(piece)):
            self.send(piece)
            if time.monotonic() > self.until:
                self.server.complaints.append("the client drank all of it")
                return

    def do_drip(self, step):
        for octet in step.octets:
            self.send(bytes([octet]))
            time.sleep(0.05)

    @staticmethod
    def do_pause(step):
        time.sleep(step.seconds)

    def do_echo(self, step):
        self.send(step.format.encode() % self.line.rstrip(b"\r") + b"\r\n")

    def do_wait(self):
        while True:
            self.fill()

    def do_end(self):
        raise Gone

    def do_half(self):
        socket.socket.shutdown(self.sock, socket.SHUT_WR)

    def do_unwrap(self):
        """End TLS, and go on in clear."""
        try:
            self.sock = self.sock.unwrap()
        except (OSError, ValueError) as error:
            raise Gone from error

    def do_reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone


class Libssl:
    """OpenSSL's own functions, for what Python's module does not offer."""

    def __init__(self, chain, key, sock):
        self.lib = ctypes.CDLL(ctypes.util.find_library("ssl"))
        for name in ("TLS_server_method", "SSL_CTX_new", "SSL_new"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        context = ctypes.c_void_p(self.lib.SSL_CTX_new(
            ctypes.c_void_p(self.lib.TLS_server_method())))
        self.lib.SSL_CTX_use_certificate_chain_file(
            context, chain.encode())
        self.lib.SSL_CTX_use_PrivateKey_file(context, key.encode(), 1)
        self.context = context
        self.sock = sock
        self.ssl = None

    def accept(self, newest):
        self.lib.SSL_CTX_ctrl(self.context, 124, ctypes.c_long(newest), None)
        self.ssl = ctypes.c_void_p(self.lib.SSL_new(self.context))
        self.sock.setblocking(True)
        self.lib.SSL_set_fd(self.ssl, self.sock.fileno())
        if self.lib.SSL_accept(self.ssl) != 1:
            raise Gone

    def write(self, octets):
        return self.lib.SSL_write(self.ssl, octets, len(octets)) > 0

    def once(self, what):
        if what == "keyupdate":
            self.lib.SSL_key_update(self.ssl, 0)
        elif what == "tickets":
            self.lib.SSL_new_session_ticket(self.ssl)
        else:
            self.lib.SSL_renegotiate(self.ssl)
        return self.lib.SSL_do_handshake(self.ssl) == 1

    def abuse(self, what, until):
        self.accept(0x0303 if what == "renegotiate" else 0x0304)
        self.write(b"220 mx ready\r\n")
        while self.once(what) and not self.is_gone() and \
                time.monotonic() < until:
            pass
        self.write(b"250 never mind\r\n")

    def is_gone(self):
        """OpenSSL does not say in all cases."""
        readable, writable, _ = select.select([self.sock], [self.sock], [],
                                              LIFE)
        try:
            return not writable or (readable and not self.sock.recv(
                1, socket.MSG_PEEK))
        except OSError:
            return True


class Server:
    """Listens on the loopback and plays the script, to every client."""

    def __init__(self, certificates, script):
        self.certificates = certificates
        self.script = list(script) if isinstance(script, list) else script
        self.heard, self.messages, self.complaints = [], [], []
        self.may_go_on = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def certificate(self, kind):
        return self.certificates.server(kind)

    def dh_parameters(self, bits):
        return self.certificates.dh_parameters(bits)

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.converse(sock)

    def converse(self, sock):
        """A list of scripts is one for each connection."""
        script = self.script
        if isinstance(script, list):
            script = script.pop(0) if len(script) > 1 else script[0]
        speaker = Speaker(self, sock)
        try:
            speaker.play(script)
        except Gone:
            pass
        finally:
            speaker.sock.close()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(LIFE + 5)
