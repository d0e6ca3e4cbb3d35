"""STARTTLS with real handshakes: opportunistic, required, forbidden, failing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mta.errors import Temporary
from mta.net.smtp_client import controls, tls
from mta.net.smtp_client.tls import TlsControls
from mta.unix.controls import ControlDir
from tests.net.smtp_client.conftest import MESSAGE, CourierOf, run, send
from tests.support.dns_server import DnsServer
from tests.support.smtp_sink import CLOSE, HANG, Certificate, SmtpSink, Then, self_signed

NAME = "mx.dest.test"
ACCEPTED = b"r\0K127.0.0.2 accepted message.\nRemote host said: 250 queued\n\0"
NO_TLS = b"ZConnected to 127.0.0.2 but no TLS achieved while control/tlshosts/mx.dest.test.pem exists: "
ZONE = {"dest.test": {"MX": ["10 MX.dest.test."]}, NAME: {"A": ["127.0.0.2"]}}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(NAME, tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for folder in ("tlshosts", "notlshosts"):
        (tmp_path / "control" / folder).mkdir(parents=True)
    (tmp_path / "control/me").write_text("me.test\n")
    return tmp_path


def load(home: Path) -> TlsControls:
    folder = ControlDir(os.fsencode(home))
    try:
        return controls.load(folder).tls
    finally:
        folder.close()


Deliver = Callable[..., bytes]


@pytest.fixture
def deliver(courier: CourierOf, home: Path) -> Deliver:
    """deliver(sink) -> reports, with the control files as they stand."""

    def to(sink: SmtpSink, **fields: object) -> bytes:
        with DnsServer(ZONE) as dns:
            return run(courier(routes=[b"::%d" % sink.port], dns=dns.address, tls=load(home), **fields))

    return to


def test_tls_is_used_where_it_is_offered_whoever_it_is(certificate: Certificate, tmp_path: Path, deliver: Deliver) -> None:
    expired = self_signed("other.test", tmp_path, days=-1)
    for one in (certificate, expired):
        with SmtpSink(ip="127.0.0.2", certificate=one) as sink:
            assert deliver(sink) == ACCEPTED
        assert sink.messages[0].is_tls
        assert sink.messages[0].data == MESSAGE.replace(b"\n", b"\r\n") + b".\r\n"
        assert sink.connections[0].commands[:3] == [b"EHLO mx.oracle.test", b"STARTTLS", b"EHLO mx.oracle.test"]


def test_large_messages_come_whole_through_tls(certificate: Certificate, courier: CourierOf) -> None:
    message = b"0123456789abcdef\n" * 200_000
    with SmtpSink(ip="127.0.0.2", certificate=certificate) as sink:
        assert run(courier(routes=[b":127.0.0.2:%d" % sink.port]), message=message) == ACCEPTED
    assert sink.messages[0].data == message.replace(b"\n", b"\r\n") + b".\r\n"


def test_no_tls_to_hosts_that_are_listed(certificate: Certificate, home: Path, deliver: Deliver) -> None:
    (home / "control/notlshosts" / NAME).touch()
    with SmtpSink(ip="127.0.0.2", certificate=certificate) as sink:
        assert deliver(sink) == ACCEPTED
    assert not sink.messages[0].is_tls
    assert b"STARTTLS" not in sink.connections[0].commands


def test_an_exhaustive_list_leaves_all_others_in_the_clear(certificate: Certificate, home: Path, deliver: Deliver) -> None:
    (home / "control/tlshosts/exhaustivelist").touch()
    with SmtpSink(ip="127.0.0.2", certificate=certificate) as sink:
        assert deliver(sink) == ACCEPTED
        (home / "control/tlshosts" / f"{NAME}.pem").write_text(certificate.public)
        assert deliver(sink) == ACCEPTED
    assert [m.is_tls for m in sink.messages] == [False, True]


def test_a_listed_certificate_must_be_right(certificate: Certificate, home: Path, deliver: Deliver) -> None:
    (home / "control/tlshosts" / f"{NAME}.pem").write_text(certificate.public)
    (home / "control/notlshosts" / NAME).touch()  # outweighed
    with SmtpSink(ip="127.0.0.2", certificate=certificate) as sink:
        assert deliver(sink) == ACCEPTED
    assert sink.messages[0].is_tls


@pytest.mark.parametrize(
    ("why", "name", "days", "is_listed"),
    [("another authority", NAME, 1, False), ("another name", "other.test", 1, True), ("run out", NAME, -1, True)],
)
def test_a_certificate_that_is_not_right_is_temporary(
    why: str, name: str, days: int, is_listed: bool, certificate: Certificate, home: Path, deliver: Deliver
) -> None:
    shown = self_signed(name, home, days=days)
    (home / "control/tlshosts" / f"{NAME}.pem").write_text(shown.public if is_listed else certificate.public)
    with SmtpSink(ip="127.0.0.2", certificate=shown) as sink:
        said = deliver(sink)
    assert said.startswith(NO_TLS), why
    assert said.endswith(b" (#4.7.5)\n\0")
    assert not sink.messages
    assert len(sink.connections) == 1, "and no second try without TLS"


def test_a_server_that_must_have_tls_and_does_not_offer_it_gets_no_mail(certificate: Certificate, home: Path, deliver: Deliver) -> None:
    (home / "control/tlshosts" / f"{NAME}.pem").write_text(certificate.public)
    with SmtpSink(ip="127.0.0.2") as sink:
        assert deliver(sink) == NO_TLS + b"the server does not offer it. (#4.7.4)\n\0"
        sink.replies["EHLO"] = [b"250-sink\r\n250 STARTTLS\r\n"]
        sink.replies["STARTTLS"] = [b"454 no\r\n"]
        assert deliver(sink) == NO_TLS + b"the server is not ready for it. (#4.7.4)\n\0"
    assert not sink.messages


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("it goes on in the clear", Then(b"220 ready\r\n250 queued\r\n", HANG)),
        ("it closes", Then(b"220 ready\r\n", CLOSE)),
    ],
)
@pytest.mark.parametrize("is_required", [False, True], ids=["offered", "required"])
def test_a_handshake_that_fails_is_left_out_once_unless_it_is_required(
    why: str, answer: object, is_required: bool, certificate: Certificate, home: Path, deliver: Deliver
) -> None:
    if is_required:
        (home / "control/tlshosts" / f"{NAME}.pem").write_text(certificate.public)
    with SmtpSink(ip="127.0.0.2", offers=[b"STARTTLS"], replies={"STARTTLS": answer}) as sink:  # type: ignore[dict-item]
        said = deliver(sink)
    if is_required:
        assert said.startswith(NO_TLS), why
        assert not sink.messages
    else:
        assert said == ACCEPTED, why
        assert len(sink.connections) == 2
        assert b"STARTTLS" not in sink.connections[1].commands


def test_a_handshake_that_never_ends_is_a_failed_one(deliver: Deliver) -> None:
    with SmtpSink(ip="127.0.0.2", offers=[b"STARTTLS"], replies={"STARTTLS": Then(b"220 ready\r\n", HANG)}) as sink:
        assert deliver(sink, timeoutremote_s=0.5) == ACCEPTED
    assert len(sink.connections) == 2


def test_a_server_that_is_not_ready_gets_the_message_in_the_clear(deliver: Deliver) -> None:
    with SmtpSink(ip="127.0.0.2", offers=[b"STARTTLS"], replies={"STARTTLS": b"454 no\r\n"}) as sink:
        assert deliver(sink) == ACCEPTED
    assert len(sink.connections) == 1


def test_our_certificate_is_shown_to_who_asks(certificate: Certificate, home: Path, deliver: Deliver) -> None:
    mine = self_signed("me.test", home)
    (home / "control/clientcert.pem").write_bytes(mine.path.read_bytes())
    with SmtpSink(ip="127.0.0.2", certificate=certificate, asks_client_certificate=mine) as sink:
        assert deliver(sink) == ACCEPTED
    assert sink.messages[0].is_tls
    assert sink.connections[0].client_certificate


@pytest.mark.parametrize(
    ("name", "content"),
    [("clientcert.pem", "no certificate\n"), ("tlsclientciphers", "no such cipher\n"), (f"tlshosts/{NAME}.pem", "no certificate\n")],
)
def test_control_files_that_make_no_sense_are_temporary(name: str, content: str, home: Path, deliver: Deliver) -> None:
    (home / "control" / name).write_text(content)
    with SmtpSink(ip="127.0.0.2") as sink:
        assert deliver(sink) == b"ZUnable to read control files. (#4.3.0)\n\0"
        sink.wait(over=1)


def test_ciphers_are_taken_from_the_control_file(home: Path) -> None:
    (home / "control/tlsclientciphers").write_text("ECDHE-ECDSA-AES256-GCM-SHA384\n")
    ciphers = {c["name"] for c in load(home).context("x.test").get_ciphers()}
    assert "ECDHE-ECDSA-AES256-GCM-SHA384" in ciphers
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" not in ciphers


def test_a_context_is_made_once(certificate: Certificate, home: Path) -> None:
    (home / "control/tlshosts" / f"{NAME}.pem").write_text(certificate.public)
    found = load(home)
    assert found.context("a.test") is found.context("b.test")
    assert found.context(NAME) is found.context(NAME)
    assert found.context(NAME) is not found.context("a.test")


@pytest.mark.parametrize("name", ["../../etc/passwd", "x/y", "..", ""])
def test_names_from_the_net_never_become_paths(name: str, home: Path) -> None:
    (home / "outside.pem").write_text("x")
    assert load(home).use(name) is tls.Tls.OFFERED


def test_new_and_changed_files_are_noticed(certificate: Certificate, home: Path) -> None:
    folder = ControlDir(os.fsencode(home))
    try:
        controls.load(folder)
        assert folder.is_fresh()
        (home / "control/notlshosts/x.test").touch()
        assert not folder.is_fresh()
    finally:
        folder.close()


def test_unreadable_folders_are_temporary(home: Path) -> None:
    (home / "control/tlshosts").rmdir()
    (home / "control/tlshosts").write_text("a file")
    with pytest.raises(Temporary):
        load(home)


def test_a_kept_connection_stays_encrypted(certificate: Certificate, courier: CourierOf) -> None:
    async def twice() -> list[bytes]:
        remote = courier(routes=[b":127.0.0.2:%d" % sink.port])
        said = [await send(remote), await send(remote)]
        await remote.pool.close()
        return said

    with SmtpSink(ip="127.0.0.2", certificate=certificate) as sink:
        assert asyncio.run(twice()) == [ACCEPTED, ACCEPTED]
    assert len(sink.connections) == 1
    assert [m.is_tls for m in sink.messages] == [True, True]
