from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.mime.parameters import Value
from webadmin.webmail import decode


@pytest.mark.parametrize(
    ("why", "data", "charset", "text", "is_known"),
    [
        ("UTF-8", "é".encode(), b"utf-8", "é", True),
        ("capitals", "é".encode(), b"UTF-8", "é", True),
        ("Latin-1", b"\xe9", b"iso-8859-1", "é", True),
        ("what browsers make of it", b"\x80", b"iso-8859-1", "€", True),
        ("Latin-1 that is UTF-8", "é".encode(), b"iso-8859-1", "é", True),
        ("ASCII that is UTF-8", "é".encode(), b"us-ascii", "é", True),
        ("Russian", b"\xf0\xd2\xc9\xd7\xc5\xd4", b"koi8-r", "Привет", True),
        ("Japanese", b'\x1b$B$"\x1b(B', b"iso-2022-jp", "あ", True),
        ("Chinese", b"\xc4\xe3", b"gb2312", "你", True),
        ("broken UTF-8", b"a\xff", b"utf-8", "a\ufffd", True),
        ("not named, UTF-8", "é".encode(), None, "é", True),
        ("not named, not UTF-8", b"\xe9", None, "é", True),
        ("unknown", b"\xe9", b"x-unknown", "é", False),
        ("UTF-7", b"+ADw-script+AD4-", b"utf-7", "+ADw-script+AD4-", False),
        ("a codec that is no charset", b"eJwD", b"zlib_codec", "eJwD", False),
        ("rot13", b"nyreg", b"rot13", "nyreg", False),
        ("escapes", b"\\u003cscript\\u003e", b"unicode_escape", "\\u003cscript\\u003e", False),
        ("idna", b"xn--a", b"idna", "xn--a", False),
        ("controls", b"a\0b\x1b[2Jc\td\r\ne\rf", b"us-ascii", "a\ufffdb\ufffd[2Jc\td\ne\nf", True),
        ("rubbish for a name", b"a", b"\xff\0\n", "a", False),
    ],
)
def test_bodies(why: str, data: bytes, charset: bytes | None, text: str, is_known: bool) -> None:
    assert decode.text(data, charset) == (text, is_known), why


@pytest.mark.parametrize(
    ("why", "raw", "text"),
    [
        ("plain", b"Hello", "Hello"),
        ("a word", b"=?utf-8?q?J=C3=B6rg_x?=", "Jörg x"),
        ("base64", b"=?UTF-8?B?SsO2cmc=?=", "Jörg"),
        ("two words, no blank between", b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("a letter cut in two", b"=?utf-8?q?J=C3?= =?utf-8?q?=B6?=", "Jö"),
        ("words and text", b"a =?utf-8?q?=C3=B6?= b", "a ö b"),
        ("two charsets", b"=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=", "éé"),
        ("with a language", b"=?utf-8*en?q?a?=", "a"),
        ("8-bit as it stands", "Größe".encode(), "Größe"),
        ("an unknown charset", b"=?zlib_codec?q?eJwD?=", "eJwD"),
        ("a line end within", b"=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        ("a NUL within", b"=?utf-8?q?a=00b?=", "a\ufffdb"),
        ("turning marks", "a\u202eb\u2066c".encode(), "abc"),
        ("line separators", "a\u2028b".encode(), "a b"),
        ("broken", b"=?utf-8?q?a", "=?utf-8?q?a"),
        ("no word", b"=?x?=", "=?x?="),
        ("blanks", b"  a \t b  ", "a b"),
    ],
)
def test_fields(why: str, raw: bytes, text: str) -> None:
    assert decode.header(raw) == text, why


@pytest.mark.parametrize("evil", [b"=?utf-8?q?a?= " * 20_000, b"=?" * 30_000, b"=?a?q?" * 10_000, b"=?utf-8?b?" + b"A" * 60_000 + b"?="])
def test_fields_take_linear_time(evil: bytes) -> None:
    assert len(decode.header(evil)) <= len(evil)


@pytest.mark.parametrize(
    ("why", "value", "text"),
    [
        ("none", None, ""),
        ("with a charset", Value(b"\xc3\xa9", b"utf-8"), "é"),
        ("encoded words", Value(b"=?utf-8?q?=C3=A9?="), "é"),
        ("no charset", Value("é".encode()), "é"),
        ("line ends", Value(b"a\r\nb", b"utf-8"), "a b"),
    ],
)
def test_parameters(why: str, value: Value | None, text: str) -> None:
    assert decode.parameter(value) == text, why


@given(st.binary(max_size=300), st.one_of(st.none(), st.sampled_from(sorted(n.encode() for n in decode._CODECS)), st.binary(max_size=20)))
def test_nothing_raises(data: bytes, charset: bytes | None) -> None:
    text, _ = decode.text(data, charset)
    text.encode()  # no lone surrogates
    assert "\0" not in text
    decode.header(data).encode()
