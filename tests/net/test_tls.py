"""The TLS context of our servers."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mta.errors import Temporary
from mta.net import tls
from tests.support import certificate


def shown(context: ssl.SSLContext) -> str:
    """Which name does a server with this context show? The handshake runs in memory."""
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    der = client.getpeercert(binary_form=True)
    assert der is not None
    return certificate.x509.load_der_x509_certificate(der).subject.rfc4514_string()


def test_old_versions_are_not_spoken(tmp_path: Path) -> None:
    context = tls.server_context(os.fsencode(certificate.make(tmp_path / "cert.pem")))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert shown(context) == "CN=localhost"


def encrypted_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("no file", None),
        ("empty", b""),
        ("not PEM", b"hello\n"),
        ("certificate without its key", b"-----BEGIN CERT" + certificate.pem().split(b"-----BEGIN CERT")[1]),
        (
            "another one's key",
            certificate.pem().split(b"-----BEGIN CERT")[0] + b"-----BEGIN CERT" + certificate.pem().split(b"BEGIN CERT")[1],
        ),
        ("a key with a password, which nobody is there to type", encrypted_key() + certificate.pem()),
    ],
)
def test_it_says_what_is_wrong_with_the_file(why: str, data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(Temporary, match=r"cert\.pem"):
        tls.server_context(os.fsencode(path))


def test_a_replaced_certificate_is_shown_to_the_next_client(tmp_path: Path) -> None:
    path = certificate.make(tmp_path / "cert.pem", "old.example")
    held = tls.Certificate(os.fsencode(path))
    first = held.context()
    assert held.context() is first
    os.replace(certificate.make(tmp_path / "next.pem", "new.example"), path)
    assert shown(held.context()) == "CN=new.example"


def test_a_broken_replacement_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    path = certificate.make(tmp_path / "cert.pem", "old.example")
    held = tls.Certificate(os.fsencode(path))
    path.write_bytes(b"half a certifi")
    assert shown(held.context()) == "CN=old.example"
    path.unlink()
    assert shown(held.context()) == "CN=old.example"
