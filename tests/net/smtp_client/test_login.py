"""Logging in to relays, and the address of ours that connections come from."""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.remote_route import remote_route
from mta.decisions.remote_tls import Tls, with_login
from mta.errors import Temporary
from mta.formats import smtproutes
from mta.formats.smtproutes import Login
from mta.net.smtp_client import controls, login, steps
from mta.net.smtp_client.state import MODERN, Envelope, Facts, Session, Step
from mta.unix.controls import ControlDir
from tests.net.smtp_client.conftest import CourierOf, run
from tests.net.smtp_client.test_steps import play
from tests.support.smtp_sink import SmtpSink, self_signed

JOE = Login(b"joe", b"s p")
MAIL = b"MAIL FROM:<s@x.test>\r\n"
PLAIN = b"AUTH PLAIN " + b64encode(b"\0joe\0s p") + b"\r\n"


def b64(text: bytes) -> bytes:
    return b64encode(text)


# -- the route ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "routes", "senders", "expected"),
    [
        ("a relay with a login", [b":relay|joe|s p"], [], (b"relay", 25, JOE)),
        ("and a port", [b":relay:587|joe|s p"], [], (b"relay", 587, JOE)),
        ("a password may hold bars", [b":relay|joe|s|p"], [], (b"relay", 25, Login(b"joe", b"s|p"))),
        ("... and colons", [b":relay:26|joe|s:p"], [], (b"relay", 26, Login(b"joe", b"s:p"))),
        ("IPv6 with a login", [b":[2001:db8::1]:26|joe|x"], [], (b"[2001:db8::1]", 26, Login(b"joe", b"x"))),
        ("no user is no login", [b":relay||s p"], [], (b"relay", 25, None)),
        ("no password is an empty one", [b":relay|joe"], [], (b"relay", 25, Login(b"joe", b""))),
        ("no relay, no login: a password is not for any server", [b":|joe|s p"], [], (b"d.test", 25, None)),
        ("a sender's relay outranks the route", [b":relay|x|y"], [b"A@x.test:own:587|joe|s p"], (b"own", 587, JOE)),
        ("a sender's domain", [], [b"@X.test:own|joe|s p"], (b"own", 25, JOE)),
        ("the address outranks the domain", [], [b"@x.test:other", b"a@x.test:own|joe|s p"], (b"own", 25, JOE)),
        ("another sender", [b":relay"], [b"b@x.test:own|joe|s p"], (b"relay", 25, None)),
        ("a sender's login at the relay of smtproutes", [b":relay:26"], [b"a@x.test:|joe|s p"], (b"relay", 26, JOE)),
        ("... which is none without a relay", [], [b"a@x.test:|joe|s p"], (b"d.test", 25, None)),
        ("a sender who sends without", [b":relay|x|y"], [b"a@x.test:"], (b"relay", 25, None)),
    ],
)
def test_where_mail_goes_and_as_whom(
    why: str, routes: list[bytes], senders: list[bytes], expected: tuple[bytes, int, Login | None]
) -> None:
    tables = [smtproutes.read(b"\n".join(lines)) for lines in (routes, senders)]
    target = remote_route(tables[0], b"d.test", tables[1], b"a@x.test")
    assert (target.host, target.port, target.login) == expected, why


def test_connections_of_different_logins_are_never_shared() -> None:
    routes = smtproutes.read(b"a.test:relay|joe|x\nb.test:relay|joe|x\nc.test:relay|ann|x\nd.test:relay\n")
    a, b, c, d = (remote_route(routes, host + b".test") for host in (b"a", b"b", b"c", b"d"))
    assert a == b and len({a, c, d}) == 3


def test_a_password_never_gets_into_a_text() -> None:
    routes = smtproutes.read(b":relay|joe|verysecret\n")
    assert "verysecret" not in repr(remote_route(routes, b"a.test"))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b":relay:587|joe|verysecret", b":relay:587|joe|(password)"),
        (b"a.test:relay|joe|s|p |t", b"a.test:relay|joe|(password)"),
        (b"#old:relay|joe|s", b"#old:relay|joe|(password)"),
        (b"a.test:relay|joe|", b"a.test:relay|joe|"),
        (b"a.test:relay|joe", b"a.test:relay|joe"),
        (b"a.test:relay:25", b"a.test:relay:25"),
    ],
)
def test_other_eyes_see_the_line_without_its_password(line: bytes, shown: bytes) -> None:
    assert smtproutes.masked(b"b.test:\n" + line + b"\n") == b"b.test:\n" + shown + b"\n"


@given(st.binary(max_size=60))
def test_any_line_is_a_route_or_none(line: bytes) -> None:
    table = smtproutes.read(b"a:" + line)
    found = smtproutes.find(table, b"a")
    assert found is None or found.login is None or found.login.user


# -- the conversation --------------------------------------------------------------------------------------------------------------


def session(**fields: object) -> Session:
    start = Session(MODERN, b"127.0.0.9", b"relay.test", b"me.test", Envelope(b"s@x.test", (b"u@d.test",)), Facts(17, False), login=JOE)
    return replace(start, **fields)  # type: ignore[arg-type]


def hello(auth: bytes) -> bytes:
    return b"220 hi\r\n250-relay\r\n250 AUTH %b\r\n" % auth


CHALLENGE = b"<1.2@relay>"
DIGEST = hmac.new(b"s p", CHALLENGE, hashlib.md5).hexdigest().encode()


@pytest.mark.parametrize(
    ("why", "said", "sent"),
    [
        ("PLAIN", hello(b"PLAIN") + b"235 ok\r\n", [PLAIN]),
        ("PLAIN before LOGIN", hello(b"login plain") + b"235 ok\r\n", [PLAIN]),
        (
            "LOGIN",
            hello(b"LOGIN GSSAPI") + b"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 ok\r\n",
            [b"AUTH LOGIN\r\n", b64(b"joe") + b"\r\n", b64(b"s p") + b"\r\n"],
        ),
        (
            "CRAM-MD5 before all",
            hello(b"PLAIN LOGIN CRAM-MD5") + b"334 " + b64(CHALLENGE) + b"\r\n235 ok\r\n",
            [b"AUTH CRAM-MD5\r\n", b64(b"joe " + DIGEST) + b"\r\n"],
        ),
    ],
)
def test_it_logs_in_before_mail(why: str, said: bytes, sent: list[bytes]) -> None:
    found, report, step = play(session(), said)
    assert found == [b"EHLO me.test\r\n", *sent, MAIL], why
    assert report == b"" and step.session.is_logged_in


@pytest.mark.parametrize(
    ("why", "said", "report"),
    [
        (
            "no AUTH offered",
            b"220 hi\r\n250 relay\r\n",
            b"ZConnected to 127.0.0.9 but it offers no way to log in that I know. (#4.7.0)\n\0",
        ),
        ("none we know", hello(b"GSSAPI"), b"ZConnected to 127.0.0.9 but it offers no way to log in that I know. (#4.7.0)\n\0"),
        (
            "no EHLO at all",
            b"220 hi\r\n502 what?\r\n250 relay\r\n",
            b"ZConnected to 127.0.0.9 but it offers no way to log in that I know. (#4.7.0)\n\0",
        ),
        (
            "refused",
            hello(b"PLAIN") + b"535 no\r\n",
            b"ZConnected to 127.0.0.9 but it did not let me log in.\nRemote host said: 535 no\n\0",
        ),
        (
            "not now",
            hello(b"PLAIN") + b"454 later\r\n",
            b"ZConnected to 127.0.0.9 but it did not let me log in.\nRemote host said: 454 later\n\0",
        ),
        (
            "one question too many",
            hello(b"LOGIN") + b"334 a\r\n334 b\r\n334 c\r\n",
            b"ZConnected to 127.0.0.9 but it did not let me log in.\nRemote host said: 334 c\n\0",
        ),
        (
            "a challenge that is none",
            hello(b"CRAM-MD5") + b"334 ???\r\n",
            b"ZConnected to 127.0.0.9 but it did not let me log in.\nRemote host said: 334 ???\n\0",
        ),
    ],
)
def test_without_a_login_the_mail_waits(why: str, said: bytes, report: bytes) -> None:
    sent, found, _ = play(session(), said)
    assert found == report, why
    assert sent[-1] == b"QUIT\r\n" and not any(line.startswith(b"MAIL") for line in sent)


def test_after_tls_it_looks_again_at_what_is_offered() -> None:
    said = b"220 hi\r\n250-relay\r\n250 STARTTLS\r\n220 go\r\n250-relay\r\n250 AUTH PLAIN\r\n"
    # the reply behind 220 is that to EHLO within TLS
    sent, report, _ = play(session(tls=Tls.REQUIRED), said.replace(b"220 go\r\n", b"220 go\r\n000 handshake\r\n"))
    assert (sent, report) == ([b"EHLO me.test\r\n", b"STARTTLS\r\n", b"EHLO me.test\r\n", PLAIN], b"")


def test_another_message_on_the_connection_needs_no_login() -> None:
    start = session(is_logged_in=True, offers={b"AUTH": b"PLAIN"})
    again: Step = steps.again(start, Envelope(b"t@x.test", (b"u@d.test",)), Facts(3, False))
    assert again.send == b"RSET\r\n"
    assert play(again, b"250 ok\r\n")[0] == [b"RSET\r\n", b"MAIL FROM:<t@x.test>\r\n"]


@pytest.mark.parametrize(
    ("why", "tls", "ip", "expected"),
    [
        ("a password is worth encryption", Tls.OFFERED, "192.0.2.1", Tls.REQUIRED),
        ("not on this machine", Tls.OFFERED, "127.0.0.1", Tls.OFFERED),
        ("not on this machine", Tls.OFFERED, "::1", Tls.OFFERED),
        ("notlshosts is obeyed", Tls.NEVER, "192.0.2.1", Tls.NEVER),
        ("so is tlshosts", Tls.REQUIRED, "127.0.0.1", Tls.REQUIRED),
    ],
)
def test_when_a_login_needs_tls(why: str, tls: Tls, ip: str, expected: Tls) -> None:
    assert with_login(tls, ip) is expected, why


def test_a_server_without_tls_gets_no_password() -> None:
    sent, report, _ = play(session(tls=Tls.REQUIRED), hello(b"PLAIN"))
    text = b"ZConnected to 127.0.0.9 but no TLS achieved, and no password is sent without it: the server does not offer it. (#4.7.4)\n\0"
    assert (sent, report) == ([b"EHLO me.test\r\n", b"QUIT\r\n"], text)


@given(st.binary(max_size=30), st.binary(max_size=30), st.binary(max_size=40))
def test_the_digest_is_that_of_the_challenge(user: bytes, password: bytes, challenge: bytes) -> None:
    said = login.answer(login.CRAM, Login(user, password), 0, b64(challenge))
    assert said is not None
    name, _, digest = b64decode(said).rpartition(b" ")
    assert (name, digest.decode()) == (user, hmac.new(password, challenge, hashlib.md5).hexdigest())


# -- over a socket -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as one:
        yield one


def test_mail_goes_through_a_relay_that_wants_a_password(tmp_path: Path, courier: CourierOf) -> None:
    certificate = self_signed("127.0.0.1", tmp_path)
    with SmtpSink(offers=[b"AUTH PLAIN LOGIN"], certificate=certificate, replies={"AUTH": b"235 ok\r\n"}) as sink:
        said = run(courier(routes=[b":127.0.0.1:%d|joe|s p" % sink.port]))
    assert said.startswith(b"r\0K127.0.0.1 accepted message.")
    assert [c.split(b" ")[0] for c in sink.connections[0].commands[:5]] == [b"EHLO", b"STARTTLS", b"EHLO", b"AUTH", b"MAIL"]
    assert PLAIN.rstrip() in sink.connections[0].commands


# -- control files -----------------------------------------------------------------------------------------------------------------


def load(home: Path, **files: str) -> controls.RemoteControls:
    (home / "control").mkdir(exist_ok=True)
    for name, text in {"me": "me.test", **files}.items():
        (home / "control" / name).write_text(text + "\n")
    return controls.load(ControlDir(os.fsencode(home)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("192.0.2.1", "192.0.2.1"), ("[192.0.2.1]", "192.0.2.1"), ("0.0.0.0", None), ("::", None), ("2001:DB8::1", "2001:db8::1")],
)
def test_outgoingip_is_an_address(tmp_path: Path, text: str, expected: str | None) -> None:
    assert load(tmp_path, outgoingip=text).outgoingip == expected


@pytest.mark.parametrize("text", ["", "mail.example.org", "1.2.3", "1.2.3.4 5"])
def test_outgoingip_that_is_none_is_temporary(tmp_path: Path, text: str) -> None:
    with pytest.raises(Temporary, match="invalid ipaddr in control/outgoingip"):
        load(tmp_path, outgoingip=text)


def test_authsenders_is_read(tmp_path: Path) -> None:
    found = load(tmp_path, authsenders="# who\n@x.test:relay|joe|s p")
    assert found.senders == {b"@x.test": b"relay|joe|s p"}
    assert "joe" not in repr(found)


@pytest.mark.parametrize(("source", "seen"), [("127.0.0.7", "127.0.0.7"), (None, "127.0.0.1"), ("::1", "127.0.0.1")])
def test_connections_come_from_outgoingip(courier: CourierOf, source: str | None, seen: str) -> None:
    """One of another family than the server's is left out."""
    peers = []

    def serve(server: socket.socket) -> None:
        client, peer = server.accept()
        peers.append(peer[0])
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        found = courier(routes=[b":127.0.0.1:%d" % server.getsockname()[1]])
        said = run(replace(found, controls=replace(found.controls, outgoingip=source)))
        thread.join()
    assert (said, peers) == (b"ZConnected to 127.0.0.1 but connection died. (#4.4.2)\n\0", [seen])


def test_an_address_that_is_not_ours_connects_to_nobody(courier: CourierOf, sink: SmtpSink) -> None:
    found = courier(routes=[b":127.0.0.1:%d" % sink.port])
    said = run(replace(found, controls=replace(found.controls, outgoingip="192.0.2.1")))
    assert said == b"ZSorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n\0"
