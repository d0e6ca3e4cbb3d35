"""Proofs that somebody knows a password: the examples of the RFCs, and what is none. Case C59."""

from __future__ import annotations

import pytest

from mta.decisions.password import proves

RFC1939 = (b"c4c9334bac560ecc979e58001b3e22fb", b"<1896.697170952@dbc.mtview.ca.us>", b"tanstaaf")
RFC2195 = (b"b913a602c7eda7a495b4e6e7334d3890", b"<1896.697170952@postoffice.reston.mci.net>", b"tanstaaftanstaaf")


@pytest.mark.parametrize(
    ("why", "secret", "challenge", "password"),
    [
        ("the password", b"secret", b"", b"secret"),
        ("the password, though there was a challenge", b"secret", b"<1.2@x>", b"secret"),
        ("APOP", *RFC1939),
        ("C59: CRAM-MD5", *RFC2195),
        ("challenge before digest", RFC2195[1], RFC2195[0], RFC2195[2]),
        ("capitals", RFC1939[0].upper(), *RFC1939[1:]),
    ],
)
def test_it_proves(why: str, secret: bytes, challenge: bytes, password: bytes) -> None:
    assert proves(secret, challenge, password)


@pytest.mark.parametrize(
    ("why", "secret", "challenge", "password"),
    [
        ("another password", b"secret", b"", b"Secret"),
        ("part of it", b"secre", b"", b"secret"),
        ("nothing", b"", b"", b"secret"),
        ("an empty password", b"", b"", b""),
        ("a digest of an empty password", b"b026324c6904b2a9cb4b88d6d61c81d1", b"<x>", b""),
        ("another challenge", RFC1939[0], b"<1896.697170953@dbc.mtview.ca.us>", RFC1939[2]),
        ("a digest of nothing", b"5ebe2294ecd0e0f08eab7690d2a6ee69", b"", b"secret"),
        ("a digest of what is no challenge", b"76a2173be6393254e72ffa4d6df1030a", b"x", b"passwd"),
    ],
)
def test_it_proves_nothing(why: str, secret: bytes, challenge: bytes, password: bytes) -> None:
    assert not proves(secret, challenge, password)
