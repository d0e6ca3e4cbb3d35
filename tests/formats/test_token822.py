from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.token822 import AT, ATOM, COLON, COMMA, COMMENT, DOT, LEFT, LITERAL, QUOTED, RIGHT, SEMICOLON, parse, plain, rewrite, write

MANY = 100_000


@pytest.mark.parametrize(
    ("why", "text", "tokens"),
    [
        ("nothing", b"", []),
        ("blanks only", b" \t\r\n", []),
        ("an address", b"joe@x.y", [(ATOM, b"joe"), (AT, AT), (ATOM, b"x"), (DOT, DOT), (ATOM, b"y")]),
        ("every special", b".,@<>:;", [(k, k) for k in (DOT, COMMA, AT, LEFT, RIGHT, COLON, SEMICOLON)]),
        ("an atom ends at a blank", b"a\tb", [(ATOM, b"a"), (ATOM, b"b")]),
        ("quoted string", b'"a \\"b\\" ("', [(QUOTED, b'a "b" (')]),
        ("an empty one", b'""', [(QUOTED, b"")]),
        ("literal", b"[1.2.3.4]", [(LITERAL, b"1.2.3.4")]),
        ("literals do not nest", b"[a[b]", [(LITERAL, b"a[b")]),
        ("comments nest and lose the inner brackets", b"(a (b) c)", [(COMMENT, b"a b c")]),
        ("escaped brackets stay", b"(a \\( c)", [(COMMENT, b"a ( c")]),
        ("an atom escapes with a backslash", b"a\\,b", [(ATOM, b"a,b")]),
        ("an escaped blank stays in it", b"a\\ b", [(ATOM, b"a b")]),
        ("a last backslash is dropped", b"a\\", [(ATOM, b"a")]),
        ("8-bit bytes make a quoted string", b"\xe9t\xe9", [(QUOTED, b"\xe9t\xe9")]),
        ("so do control bytes", b"a\x01", [(QUOTED, b"a\x01")]),
        ("so do closing brackets within a word", b"a)]", [(QUOTED, b"a)]")]),
        ("words that touch", b'a"b"(c)[d]', [(ATOM, b"a"), (QUOTED, b"b"), (COMMENT, b"c"), (LITERAL, b"d")]),
    ],
)
def test_it_reads_tokens(why: str, text: bytes, tokens: list[tuple[bytes, bytes]]) -> None:
    assert parse(text) == tokens, why


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("comment left open", b"(a"),
        ("inner comment left open", b"(a (b)"),
        ("quoted string left open", b'"a'),
        ("its closing quote escaped", b'"a\\"'),
        ("literal left open", b"[a"),
        ("ends within an escape", b"(a\\"),
        ("stray bracket", b"a )"),
        ("stray square bracket", b"]"),
    ],
)
def test_it_refuses(why: str, text: bytes) -> None:
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("why", "text", "written"),
    [
        ("blanks where they belong", b"To :joe< a@b . c >(x)", b"To: joe <a@b.c>(x)\n"),
        ("groups", b"To:g:a,b;", b"To: g: a, b;\n"),
        ("words are apart", b'To:a"b"[c](d)e', b'To: a "b" [c] (d) e\n'),
        ("escapes", b'To:"a\\"b\\\\" (c\\)d) [e\\]]', b'To: "a\\"b\\\\" (c\\)d) [e\\]]\n'),
        ("a line of 78 octets just fits", b"To: " + b"a" * 35 + b"," + b"b" * 37, b"To: " + b"a" * 35 + b", " + b"b" * 37 + b"\n"),
        ("one octet more", b"To: " + b"a" * 35 + b"," + b"b" * 38, b"To: " + b"a" * 35 + b",\n  " + b"b" * 38 + b"\n"),
        ("no break without a comma", b"To: " + b"a" * 200 + b" b", b"To: " + b"a" * 200 + b" b\n"),
        ("a break before nothing", b"To: " + b"a" * 90 + b",", b"To: " + b"a" * 90 + b",\n \n"),
    ],
)
def test_it_writes_fields(why: str, text: bytes, written: bytes) -> None:
    assert write(parse(text)) == written, why


@pytest.mark.parametrize(
    ("why", "text", "address"),
    [
        ("quotes go", b'"a b"@c.d', b"a b@c.d"),
        ("comments go", b"a(x)@b(y)", b"a@b"),
        ("literals keep their brackets", b"a@[1.2.3.4]", b"a@[1.2.3.4]"),
        ("specials are kept", b"@r,@s:a;b", b"@r,@s:a;b"),
    ],
)
def test_an_envelope_address_is_plain(why: str, text: bytes, address: bytes) -> None:
    assert plain(parse(text)) == address, why


def addresses(field: bytes) -> tuple[bytes, list[bytes]]:
    """-> (the field written anew, its addresses as they were found)."""
    found: list[bytes] = []

    def each(address: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        found.append(plain(address))
        return address

    return write(rewrite(parse(field), each)), found


@pytest.mark.parametrize(
    ("why", "field", "written", "found"),
    [
        ("no list", b"To:", b"To:\n", []),
        ("last address first", b"To: a, b@c", b"To: a, b@c\n", [b"b@c", b"a"]),
        ("missing commas are put in", b"To: user at host", b"To: user, at, host\n", [b"host", b"at", b"user"]),
        ("phrases are no addresses", b"To: Joe Q. <a@b>, c", b"To: Joe Q. <a@b>, c\n", [b"c", b"a@b"]),
        ("two in angles without a comma", b"To: <a@b>Jim <c@d>", b"To: <a@b>Jim <c@d>\n", [b"c@d", b"a@b"]),
        ("a word before angles belongs to them", b"To: x, y <a>", b"To: x, y <a>\n", [b"a", b"x"]),
        ("the empty address counts", b"To: <>", b"To: <>\n", [b""]),
        ("commas in angles do not part", b"To: <@r,@s:a@b>", b"To: <@r, @s: a@b>\n", [b"@r,@s:a@b"]),
        ("a group", b"To: g h: a, b@c;, d", b"To: g h: a, b@c;, d\n", [b"d", b"b@c", b"a"]),
        ("an empty group", b"To: g:;", b"To: g: ;\n", []),
        ("what ends as a group and is none", b"To: a; b", b"To: a;, b\n", [b"b", b"a"]),
        ("comments go to the right of their address", b"To: (x) a (y) @ b (z)", b"To: a@b (x) (y) (z)\n", [b"a@b"]),
        ("commas alone", b"To: ,,", b"To: , ,\n", []),
        ("dots join words", b"To: a . b c", b"To: a.b, c\n", [b"c", b"a.b"]),
    ],
)
def test_it_finds_addresses_from_the_right(why: str, field: bytes, written: bytes, found: list[bytes]) -> None:
    assert addresses(field) == (written, found), why


@pytest.mark.parametrize(
    ("why", "field", "found"),
    [
        ("a group that does not begin", b"To: a: b, c", [b"c", b"b"]),
        ("a group within a group", b"To: g: h: a;, b;", [b"b"]),
        ("angles that do not open", b"To: a> b", [b"b", b"a"]),
    ],
)
def test_it_refuses_what_is_no_list_after_it_has_seen_the_rest(why: str, field: bytes, found: list[bytes]) -> None:
    seen: list[bytes] = []

    def each(address: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        seen.append(plain(address))
        return address

    with pytest.raises(ValueError):
        rewrite(parse(field), each)
    assert seen == found, why


def test_an_address_may_be_replaced_by_any_other() -> None:
    assert write(rewrite(parse(b"To: a, b"), lambda address: [*address, (AT, AT), (ATOM, b"h")])) == b"To: a@h, b@h\n"


atom = st.text("abcxyz019-_+!#$%&'*/=?^`{|}~", min_size=1, max_size=8).map(lambda t: (ATOM, t.encode()))
enclosed = st.tuples(st.sampled_from((QUOTED, LITERAL, COMMENT)), st.binary(max_size=8))
special = st.sampled_from((DOT, COMMA, AT, LEFT, RIGHT, COLON, SEMICOLON)).map(lambda k: (k, k))
tokens = st.lists(atom | enclosed | special, max_size=30)
noise = st.text('a.,@<>:;()[]"\\ \n\té+', max_size=40).map(lambda t: t.encode("latin-1"))


@given(tokens)
def test_it_reads_back_the_tokens_it_wrote(t: list[tuple[bytes, bytes]]) -> None:
    assert parse(write(t)) == t


@given(noise)
def test_reading_raises_only_value_error(text: bytes) -> None:
    try:
        found = parse(b"To:" + text)
        rewrite(found, lambda address: address)
    except ValueError:
        return
    assert found[:2] == [(ATOM, b"To"), (COLON, COLON)]


@given(tokens)
def test_no_line_but_a_single_piece_is_longer_than_78_octets(t: list[tuple[bytes, bytes]]) -> None:
    if any(b"\n" in text for _, text in t):
        return
    for line in write(t).split(b"\n"):
        assert len(line) <= 78 or COMMA not in [kind for kind, _ in parse(line)[:-1]]


@given(tokens)
def test_a_list_loses_no_token(t: list[tuple[bytes, bytes]]) -> None:
    """Only commas are added, and comments move."""
    field = [(ATOM, b"To"), (COLON, COLON), *t]
    try:
        found = rewrite(field, lambda address: address)
    except ValueError:
        return
    assert [x for x in found if x[0] not in (COMMA, COMMENT)] == [x for x in field if x[0] not in (COMMA, COMMENT)]


@pytest.mark.parametrize(
    ("why", "field", "count"),
    [
        ("very many addresses", b"To: " + b"a@b, " * MANY + b"c", MANY + 1),
        ("very many words", b"To: " + b"a " * MANY, MANY),
        ("deep comments", b"To: " + b"(" * MANY + b")" * MANY + b"a", 1),
        ("many angles", b"To: " + b"<" * MANY + b"a>", 2),
        ("one long address", b"To: " + b"a." * MANY + b"b", 1),
        ("one long quoted string", b'To: "' + b'\\"' * MANY + b'"', 1),
        ("many groups", b"To: " + b"g:a;," * MANY, MANY),
        ("many commas", b"To: " + b"," * MANY, 0),
    ],
)
def test_hostile_lists_need_neither_recursion_nor_squared_time(why: str, field: bytes, count: int) -> None:
    written, found = addresses(field)
    assert len(found) == count, why
    assert written.endswith(b"\n")
