from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.mime import parameters
from mta.formats.mime.parameters import Value


@pytest.mark.parametrize(
    ("why", "text", "word", "values"),
    [
        ("a type alone", b"text/plain", b"text/plain", {}),
        ("capitals", b"Text/HTML; CharSet=UTF-8", b"text/html", {b"charset": b"UTF-8"}),
        ("quoted", b'a; name="x; y=\\"z\\""', b"a", {b"name": b'x; y="z"'}),
        ("blanks in a token", b"attachment; filename=my file.txt; size=3", b"attachment", {b"filename": b"my file.txt", b"size": b"3"}),
        ("brackets in a token", b"attachment; filename=report(1).pdf", b"attachment", {b"filename": b"report(1).pdf"}),
        ("a comment", b"text/plain (really); charset=a (or so)", b"text/plain", {b"charset": b"a"}),
        ("a comment that never ends", b"text/plain; name=a (b", b"text/plain", {b"name": b"a (b"}),
        ("a quoted string that never ends", b'a; name="b; c=d', b"a", {b"name": b"b; c=d"}),
        ("empty parameters", b"a;;; b=c;", b"a", {b"b": b"c"}),
        ("a parameter without a value", b"a; b; c=", b"a", {b"c": b""}),
        ("nothing", b"", b"", {}),
        ("the first of two counts", b"a; b=1; b=2", b"a", {b"b": b"1"}),
    ],
)
def test_it_reads_parameters(why: str, text: bytes, word: bytes, values: dict[bytes, bytes]) -> None:
    found = parameters.read(text)
    assert found.word == word, why
    assert {n: v.raw for n, v in found.values.items()} == values, why


@pytest.mark.parametrize(
    ("why", "text", "value"),
    [
        ("charset and language", b"a; f*=utf-8'en'%C3%A9", Value(b"\xc3\xa9", b"utf-8")),
        ("no language", b"a; f*=iso-8859-1''%E9", Value(b"\xe9", b"iso-8859-1")),
        ("no quotes at all", b"a; f*=%41", Value(b"A")),
        ("broken percent", b"a; f*=utf-8''%4%zz%41", Value(b"%4%zzA", b"utf-8")),
        ("pieces", b'a; f*0="x y"; f*1=z', Value(b"x yz")),
        ("pieces in any order", b"a; f*1=b; f*0=a; f*2=c", Value(b"abc")),
        ("foreign pieces", b"a; f*0*=utf-8''%41; f*1=%42; f*2*=%43", Value(b"A%42C", b"utf-8")),
        ("a gap ends it", b"a; f*0=a; f*2=c", Value(b"a")),
        ("the foreign form wins", b"a; f=plain; f*=utf-8''%41", Value(b"A", b"utf-8")),
        ("without a first piece there is nothing", b"a; f*1=b; f=plain", Value(b"plain")),
        ("a number beyond the cap", b"a; f*0=a; f*2147483647=b", Value(b"a")),
    ],
)
def test_it_reads_rfc_2231(why: str, text: bytes, value: Value) -> None:
    assert parameters.read(text).values[b"f"] == value, why


def test_it_names_what_came_twice() -> None:
    found = parameters.read(b"multipart/mixed; boundary=a; boundary=b; charset=x; charset=x")
    assert found.duplicates == {b"boundary"}


def test_it_stops_at_a_thousand() -> None:
    found = parameters.read(b"a" + b"".join(b"; p%d=x" % i for i in range(20_000)))
    assert len(found.values) == parameters.PARAMETERS_MAX


@pytest.mark.parametrize("evil", [b"(" * 500_000, b'"\\' * 300_000, b"a;" * 500_000, b" (" * 300_000, b"x*0*=%" * 100_000])
def test_it_takes_linear_time(evil: bytes) -> None:
    parameters.read(evil)  # what grew with the square of this would not end


@given(st.binary(max_size=500))
def test_it_never_raises(text: bytes) -> None:
    parameters.read(text)
