from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.net.smtp.signatures import Scanner

SIGNATURES = (b"TVqQAAMAA", b"UEsDBBQAA")
EXE = b"TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAA"
MIXED = b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b1"\n\npreamble\n--b1\nContent-Type: text/plain\n\nhello\n--b1\n'
ATTACHED = b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"


def is_hit(message: bytes, step: int = 1 << 16) -> bool:
    scanner = Scanner(SIGNATURES)
    for at in range(0, len(message), step):
        scanner.feed(message[at : at + step])
    return scanner.is_hit


@pytest.mark.parametrize(
    ("why", "message", "expected"),
    [
        ("a message that is a program", b"Subject: x\n\n" + EXE + b"\n", True),
        ("an attachment that is one", MIXED + ATTACHED + EXE + b"\n--b1--\n", True),
        ("the first part is one", b"Content-Type: multipart/mixed; boundary=b1\n\n--b1\n" + ATTACHED + EXE + b"\n", True),
        ("a boundary on the next line", b"Content-Type: multipart/mixed;\n\tboundary=b1\n\n--b1\n" + ATTACHED + EXE + b"\n", True),
        ("other letters", b'content-TYPE: multipart/mixed; BOUNDARY="b1"\n\n--b1\n' + ATTACHED + EXE + b"\n", True),
        ("a multipart in a multipart", MIXED + b"Content-Type: multipart/x; boundary=b2\n\n--b2\n" + ATTACHED + EXE + b"\n", True),
        ("behind one that has ended", MIXED + b"Content-Type: multipart/x; boundary=b2\n\n--b2\n\nx\n--b2--\n--b1\n\n" + EXE + b"\n", True),
        ("a message within the message", MIXED + b"Content-Type: message/rfc822\n\nSubject: y\n\n" + EXE + b"\n", True),
        (
            "in a bounce of ours",
            b"Subject: failure notice\n\nHi. This is the qmail-send program at x.\n\n<a@b>:\nno\n\n--- Below this line\n\nSubject: y\n\n"
            + EXE
            + b"\n",
            True,
        ),
        ("not the first line of a part", b"Subject: x\n\nhello\n" + EXE + b"\n", False),
        ("just the signature", b"\nTVqQAAMAA\n", False),
        ("one octet more", b"\nTVqQAAMAAA\n", True),
        ("a line that does not end", b"\n" + EXE, False),
        ("in the header", b"X: y\n" + EXE + b": z\n\nhello\n", False),
        ("a boundary nobody announced", b"\nx\n--b1\n\n" + EXE + b"\n", False),
        ("behind the last boundary", MIXED + b"\nx\n--b1--\n\n" + EXE + b"\n", False),
        ("letters that are others", b"\n" + EXE.lower() + b"\n", False),
        ("dashes in a text that is no bounce", b"\nhello\n---\n\nX: y\n\n" + EXE + b"\n", False),
        ("nothing", b"", False),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_a_program_is_known_by_how_it_begins(why: str, message: bytes, expected: bool, step: int) -> None:
    assert is_hit(message, step) == expected, why


def test_a_line_without_end_is_not_kept() -> None:
    scanner = Scanner(SIGNATURES)
    for _ in range(1000):
        scanner.feed(b"x" * 1000)
    assert len(scanner._held) <= 1024


LINES = st.sampled_from(
    [b"", b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: message/rfc822", b" boundary=c", b"--b", b"--b--", b"--c", b"---"]
    + [b"Hi. This is the x", b"text", EXE, b"Content-Type: multipart/x; boundary=", b"x" * 3000]
)


@given(st.lists(LINES, max_size=40), st.integers(1, 60))
def test_it_says_the_same_however_a_message_is_cut(lines: list[bytes], step: int) -> None:
    message = b"\n".join(lines) + b"\n"
    assert is_hit(message, step) == is_hit(message)


@given(st.binary(max_size=300))
def test_it_takes_any_bytes(data: bytes) -> None:
    is_hit(data)
