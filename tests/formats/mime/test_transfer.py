from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.mime import transfer
from mta.formats.mime.source import WINDOW, Bytes


@pytest.mark.parametrize(
    ("why", "encoding", "data", "decoded"),
    [
        ("base64", b"base64", b"aGVs\nbG8=\n", b"hello"),
        ("no padding", b"base64", b"aGVsbG8", b"hello"),
        ("a letter too many", b"base64", b"aGVsbG8=A", b"hello"),
        ("rubbish between", b"base64", b"aG*V s\0bG8=", b"hello"),
        ("text behind padding", b"base64", b"aGk=aGk=", b"hihi"),
        ("nothing but padding", b"base64", b"====", b""),
        ("quoted-printable", b"quoted-printable", b"a=3Db=\nc =20\n", b"a=bc  \n"),
        ("broken quotes stay", b"quoted-printable", b"a=ZZ=", b"a=ZZ"),
        ("uuencode", b"x-uuencode", b"begin 644 a\n%:&5L;&\\\n`\nend\n", b"hello"),
        ("uuencode with rubbish", b"x-uuencode", b"begin 644 a\n%:&5L;&\\\nzzzzz~~\x80\nend\n", b"hello"),
        ("7bit", b"7bit", b"a=3D", b"a=3D"),
        ("unknown", b"x-what", b"aGk=", b"aGk="),
    ],
)
def test_it_decodes(why: str, encoding: bytes, data: bytes, decoded: bytes) -> None:
    assert transfer.decode(encoding, data) == decoded, why
    assert b"".join(transfer.pieces(encoding, Bytes(b"??" + data + b"??"), 2, 2 + len(data))) == decoded, why


@given(st.binary(max_size=3000))
def test_it_undoes_base64(data: bytes) -> None:
    assert transfer.decode(b"base64", base64.encodebytes(data)) == data


@given(st.binary(max_size=3000))
def test_it_undoes_quoted_printable(data: bytes) -> None:
    encoded = binascii.b2a_qp(data, istext=False)
    assert transfer.decode(b"quoted-printable", encoded) == data


@given(st.sampled_from([b"base64", b"quoted-printable", b"x-uuencode", b"8bit"]), st.binary(max_size=600))
def test_it_never_raises_and_pieces_are_the_whole(encoding: bytes, data: bytes) -> None:
    assert b"".join(transfer.pieces(encoding, Bytes(data), 0, len(data))) == transfer.decode(encoding, data)


@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"8bit"])
def test_large_bodies_come_in_pieces(encoding: bytes) -> None:
    plain = bytes(range(256)) * 5000
    encoded = {b"base64": base64.encodebytes, b"quoted-printable": lambda d: binascii.b2a_qp(d, istext=False)}.get(encoding, lambda d: d)(
        plain
    )
    found = list(transfer.pieces(encoding, Bytes(encoded), 0, len(encoded)))
    assert b"".join(found) == plain
    assert max(map(len, found)) <= 2 * WINDOW


def test_a_line_without_end_is_cut_where_no_escape_is_parted() -> None:
    encoded = b"=41" * 200_000
    assert b"".join(transfer.pieces(b"quoted-printable", Bytes(encoded), 0, len(encoded))) == b"A" * 200_000
