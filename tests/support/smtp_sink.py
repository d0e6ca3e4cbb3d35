"""A mail server on loopback for tests: takes what it is told to take, answers what it is told to answer, records every byte.

    with SmtpSink() as sink:                               # takes everything; 127.0.0.1, an ephemeral port
        ... deliver to sink.ip, sink.port ...
        sink.wait(messages=1)                              # until so many messages have come whole
        sink.messages[0].data                              # the bytes after DATA, the final dot included; .sender, .recipients
        sink.connections[0].commands                       # [b"EHLO me", b"MAIL FROM:<a@b> SIZE=12", ...]
        sink.connections[0].raw                            # every byte received, after decryption

    SmtpSink(replies={"RCPT": b"550 no such user\\r\\n"})    # instead of 250, each time
    SmtpSink(replies={"RCPT": [b"250 ok\\r\\n", CLOSE]})     # one after the other; the last one stays
    SmtpSink(offers=[b"PIPELINING", b"SIZE 1000", b"8BITMIME"])
    SmtpSink(certificate=self_signed("mx.dest.test"))      # offers STARTTLS
    SmtpSink(ip="127.0.0.3", port=other.port)              # the same port on another loopback address, for MX tests

The keys of replies: "greeting", the verbs in upper case ("EHLO", "MAIL", "DATA" ...), and "." for the end of a message. A reply is bytes to
send, or CLOSE (end the connection), RESET (end it with a TCP reset), HANG (never answer, until the client has gone or the sink closes),
Hold(event, reply) (answer when the event is set), a function line -> reply, or Then(reply, CLOSE) for a last word before the end.
A dialog recorded elsewhere is played by SmtpSink(script=[("send", b"220 hi\\r\\n"), ("line",), ("data",), ("hang",), ("close",),
("rst",), ("hold", event)]): the connection's saw then holds the lines, b"<<" data b">>" for a message, and the script ends with a close.
Until the event of a hold is set nothing is read.
One thread per connection; nothing waits for a clock. unreachable() is an address whose connections never come about.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WAIT_S = 30  # a test that waits so long has failed


class Mark:
    def __init__(self, name: str) -> None:
        self.name = name


CLOSE, RESET, HANG = Mark("close"), Mark("reset"), Mark("hang")


@dataclass(frozen=True)
class Hold:
    event: threading.Event
    reply: bytes


@dataclass(frozen=True)
class Then:
    reply: bytes
    mark: Mark


Reply = bytes | Mark | Hold | Then | Callable[[bytes], Any]


@dataclass
class Received:
    sender: bytes  # the argument of MAIL, as it came
    recipients: list[bytes]  # of the RCPTs that were answered with 2xx
    data: bytes  # after DATA, with the final CRLF . CRLF
    is_tls: bool


@dataclass
class Connection:
    commands: list[bytes] = field(default_factory=list)
    raw: bytes = b""
    saw: list[bytes] = field(default_factory=list)  # of a script
    is_tls: bool = False
    client_certificate: bytes | None = None  # DER
    is_over: bool = False


class _Gone(Exception):
    """The client went away, or the sink closes."""


class SmtpSink:
    def __init__(
        self,
        *,
        replies: dict[str, Reply | list[Reply]] | None = None,
        offers: Sequence[bytes] = (),
        certificate: Certificate | None = None,
        asks_client_certificate: Certificate | None = None,  # the one the client must come with
        script: Sequence[tuple[Any, ...]] | None = None,
        ip: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.replies = {k: list(v) if isinstance(v, list) else [v] for k, v in (replies or {}).items()}
        self.offers = list(offers) + ([b"STARTTLS"] if certificate else [])
        self.certificate = certificate
        self.client_certificate = asks_client_certificate
        self.script = script
        self.connections: list[Connection] = []
        self.messages: list[Received] = []
        self.changed = threading.Condition()
        self._is_closing = False
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self._listener = socket.create_server((ip, port), family=family, backlog=512)
        self.ip, self.port = self._listener.getsockname()[:2]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> SmtpSink:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.changed:
            self._is_closing = True
            self.changed.notify_all()
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def wait(self, *, messages: int = 0, connections: int = 0, over: int = 0, when: Callable[[], bool] | None = None) -> None:
        """Until so much has happened. over: connections that have ended. Fails the test when it never does."""

        def has_come() -> bool:
            return (
                len(self.messages) >= messages
                and len(self.connections) >= connections
                and sum(c.is_over for c in self.connections) >= over
                and (when is None or when())
            )

        with self.changed:
            assert self.changed.wait_for(has_come, WAIT_S), f"only {self.messages} and {self.connections} have come"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self.changed:
                if self._is_closing:
                    sock.close()
                    return
                self._open.add(sock)
                connection = Connection()
                self.connections.append(connection)
                self.changed.notify_all()
            thread = threading.Thread(target=self._serve, args=(sock, connection), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, connection: Connection) -> None:
        server = _Server(self, sock, connection)
        try:
            if self.script is None:
                server.converse()
            else:
                server.play(self.script)
        except (_Gone, OSError):
            pass
        finally:
            server.close()
            sock.close()
            with self.changed:
                self._open.discard(sock)
                connection.is_over = True
                self.changed.notify_all()

    def next_reply(self, key: str) -> Reply | None:
        with self.changed:
            given = self.replies.get(key)
            if not given:
                return None
            return given.pop(0) if len(given) > 1 else given[0]

    def hold(self, event: threading.Event) -> None:
        """Until the event is set; when the sink closes first, _Gone."""
        while not event.wait(0.01):
            if self._is_closing:
                raise _Gone


class _Server:
    """One connection."""

    def __init__(self, sink: SmtpSink, sock: socket.socket, connection: Connection) -> None:
        self._sink = sink
        self._sock = sock
        self._connection = connection
        self._buffer = b""
        self._sender = b""
        self._recipients: list[bytes] = []

    def close(self) -> None:
        self._sock.close()

    # -- a server ------------------------------------------------------------------------------------------------------------------

    def converse(self) -> None:
        self._reply("greeting", b"", b"220 sink ESMTP\r\n")
        while True:
            line = self._line().removesuffix(b"\n").removesuffix(b"\r")
            with self._sink.changed:
                self._connection.commands.append(line)
                self._sink.changed.notify_all()
            verb = line.split(b" ")[0].split(b":")[0].upper().decode("latin-1")
            if not self._command(verb, line):
                return

    def _command(self, verb: str, line: bytes) -> bool:
        """False: the connection ends."""
        defaults = {"EHLO": self._ehlo(), "DATA": b"354 go ahead\r\n", "QUIT": b"221 bye\r\n", "STARTTLS": b"220 ready\r\n"}
        sent = self._reply(verb, line, defaults.get(verb, b"250 ok\r\n"))
        is_ok = sent[:1] in (b"2", b"3")
        if verb == "MAIL":
            self._sender, self._recipients = line.partition(b":")[2], []
        elif verb == "RCPT" and is_ok:
            self._recipients.append(line.partition(b":")[2])
        elif verb == "DATA" and sent[:3] == b"354":
            self._message()
        elif verb == "STARTTLS" and is_ok:
            self._start_tls()
        return verb != "QUIT"

    def _ehlo(self) -> bytes:
        offers = [o for o in self._sink.offers if o != b"STARTTLS" or not self._connection.is_tls]
        lines = [b"sink", *offers]
        return b"".join(b"250-%b\r\n" % word for word in lines[:-1]) + b"250 %b\r\n" % lines[-1]

    def _message(self) -> None:
        data = self._data()
        received = Received(self._sender, self._recipients, data, self._connection.is_tls)
        self._sender, self._recipients = b"", []
        with self._sink.changed:
            self._sink.messages.append(received)
            self._sink.changed.notify_all()
        self._reply(".", data, b"250 queued\r\n")

    def _start_tls(self) -> None:
        assert self._sink.certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._sink.certificate.path)
        if self._sink.client_certificate is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self._sink.client_certificate.public)
        # the plain socket stays in our hands, so that closing the sink ends a handshake, too
        self._sock = context.wrap_socket(self._sock.dup(), server_side=True)
        self._connection.client_certificate = self._sock.getpeercert(binary_form=True)
        self._connection.is_tls = True
        self._sender, self._recipients = b"", []

    def _reply(self, key: str, line: bytes, default: bytes) -> bytes:
        """Answer as told -> what was sent."""
        reply = self._sink.next_reply(key)
        while callable(reply):
            reply = reply(line)
        if reply is None:
            reply = default
        if isinstance(reply, Hold):
            self._sink.hold(reply.event)
            reply = reply.reply
        if isinstance(reply, Then):
            self._sock.sendall(reply.reply)
            reply = reply.mark
        if isinstance(reply, Mark):
            self._end(reply)
        assert isinstance(reply, bytes)
        self._sock.sendall(reply)
        return reply

    def _end(self, mark: Mark) -> None:
        if mark is HANG:
            while True:  # whatever still comes is recorded
                self._read()
        if mark is RESET:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Gone

    # -- a script ------------------------------------------------------------------------------------------------------------------

    def play(self, script: Sequence[tuple[Any, ...]]) -> None:
        for act, *argument in script:
            if act == "send":
                self._sock.sendall(argument[0])
            elif act == "line":
                self._connection.saw.append(self._line())
            elif act == "hold":
                self._sink.hold(argument[0])
            elif act == "data":
                self._connection.saw.append(b"<<%b>>" % self._data()[:-5])
            else:
                self._end({"close": CLOSE, "rst": RESET, "hang": HANG}[act])

    # -- bytes ---------------------------------------------------------------------------------------------------------------------

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            self._read()
        line, self._buffer = self._buffer[: self._buffer.index(b"\n") + 1], self._buffer[self._buffer.index(b"\n") + 1 :]
        return line

    def _data(self) -> bytes:
        """To the first CRLF . CRLF, as a strict server sees it."""
        start = b"\r\n"  # the end may come at once
        while (end := (start + self._buffer).find(b"\r\n.\r\n")) < 0:
            self._read()
        data, self._buffer = self._buffer[: end + 3], self._buffer[end + 3 :]
        return data if end else start + data  # always with its whole end

    def _read(self) -> None:
        piece = self._sock.recv(1 << 16)
        with self._sink.changed:
            self._connection.raw += piece
        if not piece:
            raise _Gone
        self._buffer += piece


@contextlib.contextmanager
def unreachable(ip: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
    """(ip, port) where every further connection stays unanswered: the queue of the listener is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((ip, 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[:2]


@dataclass(frozen=True)
class Certificate:
    path: Path  # key and certificate in one file, as control/servercert.pem and clientcert.pem are
    public: str  # the certificate alone: what control/tlshosts/NAME.pem holds


def self_signed(name: str, folder: Path, *, days: int = 1) -> Certificate:
    """A certificate for a host name, its own authority. days: negative for one that has run out."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=abs(days) + 1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.{certificate.serial_number}.pem"
    path.write_bytes(private + public)
    return Certificate(path, public.decode())
