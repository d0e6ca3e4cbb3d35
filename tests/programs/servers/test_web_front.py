"""web-front: which backend gets a request, what the client may not say for itself, and one request a connection."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.programs.servers import web_front
from tests.support import certificate
from tests.support.call import call
from tests.support.process import free_port, running
from tests.support.qmail_home import QmailHome


@pytest.mark.parametrize(
    ("line", "backend"),
    [
        (b"GET / HTTP/1.1", "run/webadmin/http"),
        (b"GET /login?next=/mail HTTP/1.1", "run/webadmin/http"),
        (b"GET /mail HTTP/1.1", "run/webmail/http"),
        (b"POST /mail/folders/INBOX?page=2 HTTP/1.1", "run/webmail/http"),
        (b"GET /mailbox HTTP/1.1", "run/webadmin/http"),
        (b"GET //mail/ HTTP/1.1", "run/webadmin/http"),
    ],
)
def test_the_first_word_of_the_path_decides(line: bytes, backend: str) -> None:
    assert web_front.route(line + b"\r\nHost: x\r\n\r\n") == backend


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\r\n folded\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_plain_request_is_refused(head: bytes) -> None:
    with pytest.raises(web_front.BadRequest):
        web_front.route(head)


def test_what_a_client_says_about_itself_is_ours_to_say() -> None:
    head = b"GET / HTTP/1.1\r\nHost: h\r\nconnection: keep-alive\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n"
    said = b"Connection: close\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
    assert web_front.rewrite(head, b"192.0.2.7", b"http") == b"GET / HTTP/1.1\r\n" + said + b"Host: h\r\n\r\n"


class Backend(threading.Thread):
    """Answers each connection with what it was sent, up to the end of head and body."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(daemon=True)
        self._name = name.encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.bind(str(path))
        self._sock.listen()

    def run(self) -> None:
        while True:
            connection, _ = self._sock.accept()
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                head, _, body = data.partition(b"\r\n\r\n")
                length = next((int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
                while len(body) < length:
                    body += connection.recv(65536)
                answer = self._name + b"\n" + head + b"\n%d" % len(body)
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[tuple[QmailHome, int]]:
    home = QmailHome(tmp_path / "q")
    port = free_port()
    with running(home.path, "web-front", "--listen", f"127.0.0.1:{port}"):
        yield home, port


def request(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_requests_and_large_bodies_reach_their_backend(front: tuple[QmailHome, int]) -> None:
    home, port = front
    for role in ("webadmin", "webmail"):
        Backend(home.path / f"run/{role}/http", role).start()
    status, text = request(port, "GET", "/domains")
    assert status == 200 and text.startswith(b"webadmin\nGET /domains HTTP/1.1") and b"X-Forwarded-For: 127.0.0.1" in text
    status, text = request(port, "POST", "/mail/send", bytes(5_000_000))
    assert status == 200 and text.startswith(b"webmail\nPOST /mail/send HTTP/1.1") and text.endswith(b"\n5000000")


def test_a_backend_that_is_away_is_a_page_and_not_a_hang(front: tuple[QmailHome, int]) -> None:
    status, text = request(front[1], "GET", "/")
    assert status == 502 and b"Mail goes on without it" in text


def test_a_second_request_on_the_connection_is_never_passed_on(front: tuple[QmailHome, int]) -> None:
    home, port = front
    Backend(home.path / "run/webadmin/http", "webadmin").start()
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /mail/two HTTP/1.1\r\nHost: x\r\n\r\n")
        data = b""
        while piece := sock.recv(65536):
            data += piece
    assert data.count(b"HTTP/1.1 200") == 1 and b"GET /one" in data


def test_over_tls_the_backend_hears_so(tmp_path: Path) -> None:
    home = QmailHome(tmp_path / "q")
    (home.path / "control/servercert.pem").write_bytes(certificate.pem())
    Backend(home.path / "run/webadmin/http", "webadmin").start()
    plain, tls = free_port(), free_port()
    with running(home.path, "web-front", "--listen", f"127.0.0.1:{plain}", "--listen-tls", f"127.0.0.1:{tls}"):
        assert b"X-Forwarded-Proto: http\n" in request(plain, "GET", "/")[1].replace(b"\r", b"")
        context = ssl.create_default_context(cadata=certificate.pem().decode())
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", tls, timeout=20, context=context)
        connection.request("GET", "/", headers={"X-Forwarded-Proto": "http"})
        assert connection.getresponse().read().replace(b"\r", b"").count(b"X-Forwarded-Proto: https\n") == 1
        connection.close()


@pytest.mark.parametrize("words", [(), ("--listen",), ("--port", "1"), ("--listen-tls", "127.0.0.1:0")])
def test_it_does_not_start_with(words: tuple[str, ...], tmp_path: Path) -> None:
    home = QmailHome(tmp_path / "q")
    done = call("web-front", [word.encode() for word in words], {b"QMAIL_HOME": bytes(home.path)})
    assert done.code in (100, 111) and done.err.startswith(b"web-front: fatal: ")


def test_nonsense_is_refused(front: tuple[QmailHome, int]) -> None:
    with socket.create_connection(("127.0.0.1", front[1]), 20) as sock:
        sock.sendall(b"EHLO x\r\n\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400")
