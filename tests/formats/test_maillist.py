"""LIST.bin, setmaillist's text and sendmail's :include: files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import include_file, maillist
from mta.formats.forwards import Refused
from mta.formats.sendmail_list import Defaults

HERE = Defaults(host=b"mail.example.com", domain=b"example.com", plus=b"example.net")


@pytest.mark.parametrize(
    ("why", "text", "items"),
    [
        ("an address, with and without its mark", b"a@b\n&c@d\n", [b"&a@b", b"&c@d"]),
        ("other lists", b"/l/x.bin\n./y.bin\n", [b"/l/x.bin", b"./y.bin"]),
        ("blank lines and comments", b"\n# c\n \t\na@b\n", [b"&a@b"]),
        ("a last line without newline", b"a@b\nc@d", [b"&a@b", b"&c@d"]),
        ("blanks are cut at the end only", b"  d@e  \t\n", [b"&  d@e"]),
        ("a program is an address here", b"|prog\n", [b"&|prog"]),
        ("a comment that does not begin its line", b"a # b\n", [b"&a # b"]),
        ("the longest", b"a" * 800, [b"&" + b"a" * 800]),
        ("nothing", b"", []),
    ],
)
def test_a_text_is_compiled(why: str, text: bytes, items: list[bytes]) -> None:
    assert maillist.from_text(text) == items, why


@pytest.mark.parametrize(
    ("why", "text", "complaint"),
    [
        ("a NUL", b"a\0b\n", b"NUL in input"),
        ("a NUL in a path", b"/a\0b\n", b"NUL in input"),
        ("too long", b"a" * 801, b"addresses must be under 800 bytes"),
    ],
)
def test_a_text_is_refused(why: str, text: bytes, complaint: bytes) -> None:
    with pytest.raises(Refused) as caught:
        maillist.from_text(text)
    assert (caught.value.text, caught.value.exit) == (complaint, 111), why


def test_a_list_is_printed_with_its_marks() -> None:
    assert maillist.to_text(b"&a@b\0./x.bin\0") == b"&a@b\n./x.bin\n"
    assert maillist.to_text(b"") == b""


@pytest.mark.parametrize("data", [b"&a", b"a@b\0", b"\0", b"&a\nb\0", b"|x\0", b"&" + b"a" * 899 + b"\0"])
def test_what_is_no_list_is_not_printed(data: bytes) -> None:
    with pytest.raises(ValueError):
        maillist.to_text(data)


@pytest.mark.parametrize(
    ("why", "text", "items"),
    [
        ("of a line the last comes first", b"a, b@X.org, c@y\n", [b"&c@y.example.com", b"&b@X.org", b"&a@mail.example.com"]),
        ("line by line", b"a\nb\n", [b"&a@mail.example.com", b"&b@mail.example.com"]),
        ("comments, where a line begins with one", b"# a\na #b\n", [b"&#b@mail.example.com", b"&a@mail.example.com"]),
        ("comments of RFC 822, phrases", b"A Man <a@x.y> (him)\n", [b"&a@x.y"]),
        ("plus", b"a@b+\n", [b"&a@b.example.net"]),
        ("other lists, as they stand", b":include:/l/y.bin, :include:z\n", [b"./z", b"/l/y.bin"]),
        ("quotes go", b'"a b"@x.y\n', [b"&a b@x.y"]),
        ("an at sign between quotes is none", b'"a@b"\n', [b"&a@b@mail.example.com"]),
        ("no address", b",,;<>\n", []),
        ("a last line without newline", b"a@x.y", [b"&a@x.y"]),
        ("a half address", b"a@\n", [b"&a@.example.com"]),
    ],
)
def test_an_include_file_is_compiled(why: str, text: bytes, items: list[bytes]) -> None:
    assert include_file.items(text, HERE) == items, why


@pytest.mark.parametrize(
    ("why", "text", "complaint"),
    [
        ("a file", b"/var/mail/x\n", b"file delivery /var/mail/x not supported"),
        ("a program", b'"|prog x"\n', b"program delivery |prog x not supported"),
        ("a list without a name", b":include:\n", b"empty :include: filenames not permitted"),
        ("brackets", b"a>\n", b"unable to parse this line: a>"),
        ("quotes", b'"a\n', b'unable to parse this line: "a'),
        ("long", b"a" * 788 + b"@x\n", b"addresses must be under 800 bytes"),
        ("a NUL", b"a\\\0b\n", b"NUL not permitted in recipient addresses"),
        ("a NUL in a name", b":include:a\\\0b\n", b"NUL not permitted in :include: filenames"),
        ("a newline", b"a\\\n", b"newlines not permitted in recipient addresses"),
        ("a blank at the end", b'a@"x.y "\n', b"spaces and tabs not permitted at ends of addresses"),
    ],
)
def test_an_include_file_is_refused(why: str, text: bytes, complaint: bytes) -> None:
    with pytest.raises(Refused) as caught:
        include_file.items(text, HERE)
    assert (caught.value.text, caught.value.exit) == (complaint, 111), why


items = st.tuples(st.sampled_from([b"&", b"/", b"./"]), st.binary(min_size=1, max_size=40)).map(b"".join)
lines = items.filter(lambda i: not {0, 10} & set(i) and i[-1:] not in (b" ", b"\t"))


@given(st.lists(lines))
def test_a_list_that_is_printed_compiles_to_the_same(found: list[bytes]) -> None:
    assert maillist.from_text(maillist.to_text(maillist.write(found))) == found == maillist.read(maillist.write(found))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_list_or_no_list(data: bytes) -> None:
    try:
        text = maillist.to_text(data)
    except ValueError:
        return
    assert text.count(b"\n") == data.count(b"\0") == len(maillist.read(data))


@given(st.one_of(st.binary(max_size=60), st.text(':,;<>@."|/\\ ()\nainclude', max_size=40).map(str.encode)))
def test_any_include_file_is_compiled_or_refused(text: bytes) -> None:
    try:
        found = include_file.items(text, HERE)
    except Refused:
        return
    assert maillist.read(maillist.write(found)) == found
