from __future__ import annotations

import base64

import pytest
from django.test import Client

from mta.formats.mime import structure
from mta.formats.mime.source import Bytes
from tests.conftest import corpus
from tests.webadmin.webmail.conftest import Box
from tests.webadmin.webmail.test_message import PNG
from webadmin.webmail import letter


def attached(kind: bytes, content: bytes, disposition: bytes = b"attachment; filename=x") -> bytes:
    return (
        b"From: a@b.c\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: %b\nContent-Disposition: %b\n"
        b"Content-Transfer-Encoding: base64\n\n%b--b--\n" % (kind, disposition, base64.encodebytes(content))
    )


@pytest.mark.parametrize(
    ("why", "kind", "content", "served"),
    [
        ("HTML", b"text/html", b"<script>alert(1)</script>", "application/octet-stream"),
        ("SVG", b"image/svg+xml", b"<svg onload=alert(1)>", "application/octet-stream"),
        ("XHTML", b"text/xml", b'<x xmlns="http://www.w3.org/1999/xhtml">', "application/octet-stream"),
        ("a picture that is none", b"image/x-icon", b"<script>", "application/octet-stream"),
        ("a type with quotes", b'text/html"><script>', b"x", "application/octet-stream"),
        ("PDF", b"application/pdf", b"%PDF-1.4", "application/pdf"),
        ("a picture", b"image/png", PNG, "image/png"),
        ("a picture that says it is HTML", b"text/html", PNG, "image/png"),
        ("Flash", b"application/x-shockwave-flash", b"CWS", "application/octet-stream"),
    ],
)
def test_whatever_it_is_it_is_only_saved(cy: Client, box: Box, why: str, kind: bytes, content: bytes, served: str) -> None:
    key = box.put(attached(kind, content), flags="S")
    answer = cy.get(f"/mail/f/INBOX/{key}/part/2")
    assert answer.getvalue() == content, why
    assert answer.headers["Content-Type"] == served, why
    assert answer.headers["Content-Disposition"].startswith("attachment"), why
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'", why
    assert answer.headers["X-Content-Type-Options"] == "nosniff", why


NAMES = corpus("hostile/attachment-names")


@pytest.mark.parametrize("case", NAMES, ids=lambda c: c["id"])
@pytest.mark.parametrize("form", ["quoted", "rfc2231", "name"])
def test_names_are_made_safe(cy: Client, box: Box, case: dict[str, str], form: str) -> None:
    raw = case["filename"].encode()
    quoted = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\r\n", b"\r\n ")
    percent = b"".join(b"%%%02X" % b for b in raw)
    disposition = {
        "quoted": b'attachment; filename="%b"' % quoted,
        "rfc2231": b"attachment; filename*=utf-8''" + percent,
        "name": b"attachment",
    }[form]
    kind = b'application/x-thing; name="%b"' % quoted if form == "name" else b"application/x-thing"
    key = box.put(attached(kind, b"x", disposition), flags="S")
    answer = cy.get(f"/mail/f/INBOX/{key}/part/2")
    given = answer.headers["Content-Disposition"]
    assert given.isascii()
    assert "\n" not in given
    assert "\r" not in given
    assert list(answer.headers).count("Content-Disposition") == 1
    page = cy.get(f"/mail/f/INBOX/{key}/").text
    assert "\u202e" not in page
    name = letter.safe_name(structure.scan(Bytes(box.messages()[0])).parts[2])
    assert 0 < len(name) <= 130
    assert not set(name) & set('/\\:<>"|?*\0\r\n\u202a\u202e\u2066')
    assert not name.startswith((".", "-", "=", " "))
    assert name.rpartition(".")[0].upper() not in ("CON", "NUL")


@pytest.mark.parametrize("index", [3, 99, 10**9])
def test_a_part_that_is_not_there(cy: Client, box: Box, index: int) -> None:
    key = box.put(attached(b"a/b", b"x"), flags="S")
    assert cy.get(f"/mail/f/INBOX/{key}/part/{index}").status_code == 404


def test_large_ones_come_in_pieces(cy: Client, box: Box) -> None:
    content = bytes(range(256)) * 20_000
    key = box.put(attached(b"a/b", content), flags="S")
    answer = cy.get(f"/mail/f/INBOX/{key}/part/2")
    pieces = list(answer.streaming_content)
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) < 600_000


def test_a_message_within_is_saved_whole(cy: Client, box: Box) -> None:
    data = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n\nx\n--b--\n"
    answer = cy.get(f"/mail/f/INBOX/{box.put(data, flags='S')}/part/1")
    assert answer.getvalue() == b"Subject: inner\n\nx"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert ".eml" in answer.headers["Content-Disposition"]
