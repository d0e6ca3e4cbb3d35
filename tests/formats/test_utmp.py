from __future__ import annotations

from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from mta.formats import utmp


def record(type_: int, line: bytes, user: bytes) -> bytes:
    return pack("=hxxi32s4s32s308x", type_, 812, line, b"ts/0", user)


def test_a_record_has_the_size_of_linux() -> None:
    assert utmp.SIZE == 384


def test_it_finds_the_terminals_of_a_user() -> None:
    rows = [
        record(2, b"~", b"reboot"),
        record(7, b"pts/0", b"joe"),
        record(7, b"tty1", b"joel"),
        record(8, b"pts/1", b"joe"),
        record(7, b"p" * 32, b"j" * 32),
        record(7, b"pts/2", b"joe"),
    ]
    data = b"".join(rows)
    assert list(utmp.lines(data, b"joe")) == [b"pts/0", b"pts/2"], "a session that has ended, and a longer name, do not count"
    assert list(utmp.lines(data, b"j" * 32)) == [b"p" * 32], "names may fill their place"
    assert list(utmp.lines(data[:-1], b"joe")) == [b"pts/0"], "a record cut short is none"


@given(st.binary(max_size=2000), st.binary(max_size=40))
def test_it_never_complains(data: bytes, user: bytes) -> None:
    assert all(len(line) <= 32 for line in utmp.lines(data, user))
