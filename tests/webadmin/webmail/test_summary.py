from __future__ import annotations

import pytest

from mta.formats.mime.source import Bytes
from webadmin.webmail import summary
from webadmin.webmail.summary import Summary

FROM = b"From: =?utf-8?q?J=C3=B6rg?= <j@x.test>\nTo: a@x, b@x, c@x, d@x\nSubject: S\n"
PDF = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nsee below\n--b\nContent-Type: application/pdf; name=x\n\n%PDF\n--b--\n"
SIGNED = (
    b'Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"\n\n--b\n\nwords\n'
    b"--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n"
)


@pytest.mark.parametrize(
    ("why", "data", "found"),
    [
        ("plain", FROM + b"\nHello\n  there\n", Summary("Jörg", "j@x.test", "S", "Hello there", False)),
        (
            "quotes and signature are not shown",
            FROM + b"\n> you\n> said\nI say\n-- \nme\n",
            Summary("Jörg", "j@x.test", "S", "I say", False),
        ),
        (
            "HTML",
            FROM + b"Content-Type: text/html\n\n<style>x</style><p>Hello<p>there",
            Summary("Jörg", "j@x.test", "S", "Hello there", False),
        ),
        ("a file", FROM + PDF, Summary("Jörg", "j@x.test", "S", "see below", True)),
        ("a signature is no file", FROM + SIGNED, Summary("Jörg", "j@x.test", "S", "words", False)),
        ("invisible letters", FROM + "\n\u200b\u034f\u00adHello\n".encode(), Summary("Jörg", "j@x.test", "S", "Hello", False)),
        ("a sender who may deceive", b'From: "ann@bank.test" <evil@x.test>\n\nx\n', Summary("evil@x.test", "evil@x.test", "", "x", False)),
        ("nothing", b"", Summary("", "", "", "", False)),
        ("no header", b"only words\n", Summary("", "", "", "only words", False)),
    ],
)
def test_what_a_list_shows(why: str, data: bytes, found: Summary) -> None:
    assert summary.read(Bytes(data), is_own=False) == found, why


def test_of_ones_own_mail_to_whom() -> None:
    found = summary.read(Bytes(FROM + b"\nx\n"), is_own=True)
    assert (found.people, found.address) == ("a@x, b@x, c@x …", "a@x")


class Counting(Bytes):
    asked = 0

    def read(self, start: int, end: int) -> bytes:
        self.asked += end - start
        return super().read(start, end)


def test_only_the_beginning_is_read() -> None:
    source = Counting(FROM + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nwords\n--b\n\n" + b"x" * 1_000_000)
    assert summary.read(source, is_own=False).has_attachment
    assert source.asked <= summary.HEAD_MAX


def test_texts_are_bounded() -> None:
    data = b"From: " + b"x" * 10_000 + b" <" + b"y" * 10_000 + b"@z>\nSubject: " + b"s" * 10_000 + b"\n\n" + b"w " * 10_000
    found = summary.read(Bytes(data), is_own=False)
    assert len(found.people) <= summary.NAME_MAX
    assert len(found.subject) <= summary.SUBJECT_MAX
    assert len(found.snippet) <= summary.SNIPPET_MAX
