""".forward files: what joe's file says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import dot_forward
from mta.formats.dot_forward import ADDRESS, Refused
from mta.formats.sendmail_list import PROGRAM, Defaults

HERE = Defaults(host=b"mail.example.com", domain=b"example.com", plus=b"example.net")


def read(text: bytes) -> dot_forward.Forward:
    return dot_forward.read(text, HERE, user=b"joe", host=b"h.org")


@pytest.mark.parametrize(
    ("why", "text", "steps", "is_direct"),
    [
        ("himself, in three ways", b"joe, \\JOE, Joe@H.org\n", [], True),
        ("somebody else, too", b"\\joe, other@x\n", [(ADDRESS, b"other@x.example.com")], True),
        ("himself at another host", b"joe@x.y", [(ADDRESS, b"joe@x.y")], False),
        ("nobody", b"\n , \n# a\n", [], False),
        ("of a line the last comes first", b"a, b\nc\n", [(ADDRESS, x + b"@mail.example.com") for x in (b"b", b"a", b"c")], False),
        ("a line that goes on", b"a@x.y,\n  b@x.y\n", [(ADDRESS, b"a@x.y"), (ADDRESS, b"b@x.y")], False),
        ("a command", b'"|cat >> x"\n', [(PROGRAM, b"cat >> x")], False),
        ("what begins like a command and has a host", b'"|a"@x.y\n', [(ADDRESS, b"|a@x.y")], False),
        ("a comment is a line", b"# joe\nbo@x.y, #c\n", [(ADDRESS, b"#c@mail.example.com"), (ADDRESS, b"bo@x.y")], False),
        ("plus", b"bo@x+\n", [(ADDRESS, b"bo@x.example.net")], False),
    ],
)
def test_it_says(why: str, text: bytes, steps: list[tuple[bytes, bytes]], is_direct: bool) -> None:
    found = read(text)
    assert (found.steps, found.is_direct) == (steps, is_direct), why
    assert found.is_empty == (not steps and not is_direct)


@pytest.mark.parametrize(
    ("why", "text", "complaint"),
    [
        ("a file", b"/var/mail/joe\n", b"file delivery /var/mail/joe not supported"),
        ("a list", b":include:/l/x\n", b"file delivery /l/x not supported"),
        ("a list with another name", b":include:x\n", b"file delivery x not supported"),
        ("quotes", b'\\joe, "a\n', b'unable to parse this line: \\joe, "a'),
        ("a NUL", b"a\\\0b\n", b"NUL or newline in a"),
        ("a newline", b"a\\\n", b"NUL or newline in a"),
    ],
)
def test_it_cannot_be_done(why: str, text: bytes, complaint: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    assert caught.value.text == complaint, why


def test_a_delivery_without_user_is_nobodys() -> None:
    found = dot_forward.read(b"joe", HERE, user=b"", host=b"")
    assert not found.is_direct


@given(st.one_of(st.binary(max_size=60), st.text(':,;<>@."|/\\ ()\n#joeh', max_size=40).map(str.encode)))
def test_any_file_says_something_or_cannot_be_done(text: bytes) -> None:
    try:
        found = read(text)
    except Refused:
        return
    assert all(b"@" in text and b"\0" not in text for text in found.all_(ADDRESS))
    assert len(found.all_(ADDRESS)) + len(found.all_(PROGRAM)) == len(found.steps)
