from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import ident


def name(data: bytes, step: int) -> bytes | None:
    answer = ident.Answer()
    for at in range(0, len(data), step):
        answer.feed(data[at : at + step])
        if answer.name is not None:
            break
    return answer.name


def test_the_question_names_their_port_first() -> None:
    assert ident.question(6191, 25) == b"6191 , 25\r\n"


@pytest.mark.parametrize(
    ("why", "data", "expected"),
    [
        ("as the RFC has it", b"6191, 25 : USERID : UNIX : joe\r\n", b"joe"),
        ("more colons belong to the name", b"1,2:USERID:UNIX:a:b\n", b"a:b"),
        ("blanks do not", b"1,2:USERID:UNIX:\t j o e \r\n", b"joe"),
        ("an error has no third colon", b"1,2:ERROR:NO-USER\r\n", b""),
        ("an empty line", b"\n", b""),
        ("nothing behind the first line", b"1:2:3:joe\nroot\n", b"joe"),
        ("cut short", b"1:2:3:joe", None),
        ("998 octets are enough", b"1:2:3:" + b"x" * 2000, b"x" * 998),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_the_name_stands_behind_the_third_colon(why: str, data: bytes, expected: bytes | None, step: int) -> None:
    assert name(data, step) == expected, why


@given(st.binary(max_size=100), st.integers(1, 30))
def test_it_takes_any_bytes_however_they_are_cut(data: bytes, step: int) -> None:
    assert name(data, step) == name(data, 1000)
