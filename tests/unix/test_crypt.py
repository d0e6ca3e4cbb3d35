"""Password hashes. The hashes here are published ones, or made by other programs."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.unix import crypt

# From the SHA-crypt specification and the test suite of crypt_blowfish; DES and MD5 as openssl passwd makes them.
PUBLISHED = [
    ("DES", b"test", b"abgOeLfPimXQo"),
    ("MD5", b"password", b"$1$O3JMY.Tw$AdLnLjQ/5jXF9.MTp3gHv/"),
    ("SHA-256", b"Hello world!", b"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    (
        "SHA-512",
        b"Hello world!",
        b"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    ("bcrypt", b"U*U", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
]


@pytest.mark.parametrize(("kind", "password", "stored"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_it_knows_the_right_password_and_no_other(kind: str, password: bytes, stored: bytes) -> None:
    if crypt._hash(b"x", stored) is None:
        pytest.skip(f"the libcrypt of this machine does not know {kind}")
    assert crypt.verify(password, stored)
    assert not crypt.verify(password[:-1] + b"?", stored)


@pytest.mark.parametrize("prefix", [b"{SHA512-CRYPT}", b"{CRYPT}", b"{BLF-CRYPT}"])
def test_prefixes_of_other_systems_are_passed_over(prefix: bytes) -> None:
    assert crypt.verify(b"Hello world!", prefix + PUBLISHED[3][2])
    assert not crypt.verify(b"Hello world?", prefix + PUBLISHED[3][2])


def test_what_it_makes_fits_into_vpasswd_and_verifies() -> None:
    stored = crypt.make(b"s p\xc3\xa4t", bytes(range(16)))
    assert stored.startswith(b"$6$./0123456789ABCD$") and len(stored) <= 128 and b":" not in stored
    assert crypt.verify(b"s p\xc3\xa4t", stored)
    assert stored != crypt.make(b"s p\xc3\xa4t", bytes(range(1, 17)))


def test_another_program_agrees() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    ran = subprocess.run(["openssl", "passwd", "-6", "-salt", "./0123456789ABCD", "secret"], capture_output=True, check=True)
    assert ran.stdout.strip() == crypt.make(b"secret", bytes(range(16)))


REFUSED = [
    ("no password", b"", PUBLISHED[3][2]),
    ("100 kB of password", b"x" * 100_000, PUBLISHED[3][2]),
    ("one octet more than is looked at", b"x" * 257, PUBLISHED[3][2]),
    ("NUL, where crypt would stop reading", b"Hello world!\0x", PUBLISHED[3][2]),
    ("a locked account", b"secret", b""),
    ("a prefix and no hash", b"secret", b"{CRYPT}"),
    ("locked as in shadow(5)", b"secret", b"!"),
    ("the failure token of crypt itself", b"secret", b"*0"),
    ("an unknown kind", b"secret", b"$99$saltstring$xxxx"),
    ("clear text is no hash", b"secret:", b"secret:"),
    ("NUL in the hash", b"secret", b"$6$salt\0string"),
]


@pytest.mark.parametrize(("why", "password", "stored"), REFUSED, ids=[row[0] for row in REFUSED])
def test_it_refuses_and_takes_the_time_of_a_hash(why: str, password: bytes, stored: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[bytes, bytes]] = []
    real = crypt._hash

    def counted(password: bytes, setting: bytes) -> Any:
        calls.append((password, setting))
        return real(password, setting)

    monkeypatch.setattr(crypt, "_hash", counted)
    assert crypt.verify(password, stored) is False
    assert [setting for _, setting in calls][-1] == crypt.DUMMY
    assert all(len(word) <= crypt.PASSWORD_MAX for word, _ in calls)


def test_the_dummy_costs_what_our_hashes_cost() -> None:
    made = crypt.make(b"x", bytes(16))
    assert [len(part) for part in crypt.DUMMY.split(b"$")] == [len(part) for part in made.split(b"$")]
    assert crypt._hash(b"x", crypt.DUMMY) is not None


@pytest.mark.parametrize(
    ("why", "password", "salt"),
    [("empty", b"", bytes(16)), ("NUL", b"a\0b", bytes(16)), ("too long", b"x" * 257, bytes(16)), ("short salt", b"x", bytes(15))],
)
def test_it_makes_no_hash_of(why: str, password: bytes, salt: bytes) -> None:
    with pytest.raises(ValueError):
        crypt.make(password, salt)


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=1, max_size=256).filter(lambda p: b"\0" not in p), st.binary(min_size=16, max_size=16))
def test_what_was_made_verifies(password: bytes, salt: bytes) -> None:
    assert crypt.verify(password, crypt.make(password, salt))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_no_stored_text_makes_it_raise(stored: bytes) -> None:
    assert isinstance(crypt.verify(b"x", stored), bool)
