"""setforward's text and fastforward's database."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mta.formats import cdb, forwards, setforward
from mta.formats.forwards import Refused

EVERY = b"list@h: ?own@h, &a@b, |prog x, -foo;"


@pytest.mark.parametrize(
    ("why", "text", "records"),
    [
        ("all kinds", EVERY, [(b"?list@h", b"own@h"), (b":list@h", b"&a@b\0|progx\0&-foo\0")]),
        ("targets are in small letters, commands as they are", b"Joe@H: Bo@X;", [(b":joe@h", b"&Bo@X\0")]),
        ("blanks count after a backslash only", b" t @ h :\n | prog\\ arg ;", [(b":t@h", b"|prog arg\0")]),
        ("what parts counts as a letter after a backslash", rb"a\:b: c\,d\;e\#f\\;", [(b":a:b", b"&c,d;e#f\\\0")]),
        ("a comment to the end of its line", b"t: a, # b, c;\n d;", [(b":t", b"&a\0&d\0")]),
        ("a comment at the end of all", b"t: a;#", [(b":t", b"&a\0")]),
        ("commands that are empty", b"t: ,, a,;", [(b":t", b"&a\0")]),
        ("nothing but an owner", b"t: ?o;", [(b"?t", b"o")]),
        ("an owner without a name", b"t: ?, a;", [(b"?t", b""), (b":t", b"&a\0")]),
        ("no command", b"t: ;u:;", []),
        ("lists", b"t: ./l.bin, /l.bin;", [(b":t", b"./l.bin\0/l.bin\0")]),
        ("commands with the lines of a delivery", b"t: !cmd;", [(b":t", b"!cmd\0")]),
        ("a target twice", b"t: a; t: b;", [(b":t", b"&a\0"), (b":t", b"&b\0")]),
        ("a carriage return is no blank", b"t: a\r;", [(b":t", b"&a\r\0")]),
        ("nothing", b"", []),
        ("blanks", b" \n\t# c\n", []),
    ],
)
def test_it_compiles(why: str, text: bytes, records: list[tuple[bytes, bytes]]) -> None:
    assert setforward.read(text) == records, why


@pytest.mark.parametrize(
    ("why", "text", "complaint"),
    [
        ("C23", b"t@h: &a@b", b"final instruction must end with semicolon"),
        ("a target alone", b"t@h", b"final instruction must end with semicolon"),
        ("it ends after a backslash", b"t: a\\", b"final instruction must end with semicolon"),
        ("two colons", b"t: u: a;", b"double colons are not permitted"),
        ("a comma too early", b"t, u: a;", b"commas are not permitted before colons"),
        ("a semicolon too early", b";", b"commas are not permitted before colons"),
        ("a NUL", b"t: a\0;", b"NUL bytes are not permitted"),
        ("a NUL after a backslash", b"t: a\\\0;", b"NUL bytes are not permitted"),
        ("a long address", b"t: " + b"a" * 801 + b";", b"addresses over 800 bytes are not permitted"),
    ],
)
def test_it_refuses(why: str, text: bytes, complaint: bytes) -> None:
    with pytest.raises(Refused) as caught:
        setforward.read(text)
    assert (caught.value.text, caught.value.exit) == (complaint, 100), why


def test_an_address_may_have_800_octets() -> None:
    assert setforward.read(b"t: " + b"a" * 800 + b";") == [(b":t", b"&" + b"a" * 800 + b"\0")]


def test_what_is_printed_is_what_the_original_prints() -> None:
    assert setforward.write(iter(setforward.read(EVERY))) == b"list@h: ?own@h;\nlist@h:\n, &a@b\n, |progx\n, &-foo\n;\n"


def test_bytes_that_could_mean_something_are_printed_behind_a_backslash() -> None:
    assert setforward.write(iter([(b":t", b"|a b,c:d;e\\f#g\n\x80\x7f\0")])) == b"t:\n, |a\\ b\\,c\\:d\\;e\\\\f\\#g\\\n\\\x80\x7f\n;\n"


@pytest.mark.parametrize(
    ("why", "key", "data"),
    [
        ("another kind of key", b"=t", b"&a\0"),
        ("no key", b"", b"&a\0"),
        ("an instruction without its NUL", b":t", b"&a\0&b"),
        ("another kind of instruction", b":t", b"a@b\0"),
        ("an instruction without anything", b":t", b"\0"),
        ("an address that fastforward would pass over", b":t", b"&" + b"a" * 899 + b"\0"),
    ],
)
def test_it_prints_nothing_else(why: str, key: bytes, data: bytes) -> None:
    with pytest.raises(ValueError):
        setforward.write(iter([(key, data)]))


addresses = st.binary(min_size=1, max_size=40).filter(lambda a: b"\0" not in a)
instructions = st.tuples(st.sampled_from([b"&", b"|", b"!", b"/", b"./"]), addresses).map(b"".join)
targets = addresses.map(bytes.lower)
records = st.lists(
    st.one_of(
        st.tuples(targets.map(lambda t: b":" + t), st.lists(instructions, min_size=1, max_size=4).map(forwards.write)),
        st.tuples(targets.map(lambda t: b"?" + t), addresses),
    ),
    max_size=5,
)


@given(records)
def test_what_it_prints_compiles_to_the_same_records(found: list[tuple[bytes, bytes]]) -> None:
    assert setforward.read(setforward.write(iter(found))) == found


@given(st.binary(max_size=80))
@example(b"t:\\")
def test_any_text_is_compiled_or_refused(text: bytes) -> None:
    try:
        found = setforward.read(text)
    except Refused:
        return
    assert list(cdb.records(cdb.write(found))) == found


@given(st.binary(max_size=80))
def test_a_record_is_only_what_fastforward_can_do(data: bytes) -> None:
    for instruction in forwards.read(data):
        assert instruction[:1] in (b"&", b"|", b"!", b"/", b".")
        assert instruction + b"\0" in data
