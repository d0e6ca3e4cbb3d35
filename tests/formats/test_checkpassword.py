from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import checkpassword
from mta.formats.checkpassword import Attempt

fields = st.binary(max_size=100).filter(lambda text: b"\0" not in text)


@given(fields, fields, fields)
def test_it_reads_back_what_it_wrote(name: bytes, secret: bytes, challenge: bytes) -> None:
    attempt = Attempt(name, secret, challenge)
    assert checkpassword.read(checkpassword.write(attempt)) == attempt


@pytest.mark.parametrize(
    ("why", "data", "attempt"),
    [
        ("without a challenge", b"u\0p\0", Attempt(b"u", b"p", b"")),
        ("with one that is not ended", b"u\0p\0<x>", Attempt(b"u", b"p", b"<x>")),
        ("what follows is not looked at", b"u\0p\0<x>\0more\0", Attempt(b"u", b"p", b"<x>")),
        ("nothing at all is a field, too", b"\0\0", Attempt(b"", b"", b"")),
        ("as long as it may be", b"u\0" + b"p" * 509 + b"\0", Attempt(b"u", b"p" * 509, b"")),
    ],
)
def test_it_reads(why: str, data: bytes, attempt: Attempt) -> None:
    assert checkpassword.read(data) == attempt


@pytest.mark.parametrize("data", [b"", b"u", b"u\0", b"u\0p"])
def test_c58_it_refuses_what_is_not_ended(data: bytes) -> None:
    with pytest.raises(ValueError, match="not NAME"):
        checkpassword.read(data)


def test_it_refuses_what_is_too_long() -> None:
    with pytest.raises(checkpassword.TooLong):
        checkpassword.read(b"u\0" + b"p" * 510 + b"\0")


@pytest.mark.parametrize("attempt", [Attempt(b"u\0", b"p"), Attempt(b"u", b"p" * 600)])
def test_it_does_not_write_what_cannot_be_read(attempt: Attempt) -> None:
    with pytest.raises(ValueError, match="a field"):
        checkpassword.write(attempt)
