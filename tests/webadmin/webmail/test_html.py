from __future__ import annotations

import pytest
from django.test import Client

from tests.webadmin.webmail.conftest import Box
from tests.webadmin.webmail.test_message import RICH
from webadmin.webmail import washer

HTML = 4  # its index among the parts of RICH


def test_the_frame_is_washed_and_has_its_own_policy(cy: Client, box: Box) -> None:
    key = box.put(RICH, flags="S")
    answer = cy.get(f"/mail/f/INBOX/{key}/html/{HTML}")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith(
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    )
    assert "script" not in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "rich words" in answer.text
    assert "data:image/png;base64," in answer.text
    for gone in ("onclick", "<script", "canary.invalid", "cid:"):
        assert gone not in answer.text
    assert "were not loaded" in answer.text


@pytest.mark.parametrize("index", [0, 1, 2, 99, 10**6])
def test_only_html_is_shown_as_html(cy: Client, box: Box, index: int) -> None:
    key = box.put(RICH, flags="S")
    assert cy.get(f"/mail/f/INBOX/{key}/html/{index}").status_code == 404


@pytest.mark.parametrize(
    ("why", "head", "body", "says"),
    [
        ("named by the type", b"charset=iso-8859-1", b"<p>\xe9", "é"),
        ("named by the HTML", b"x=y", b'<meta charset="windows-1251"><p>\xe9', "й"),
        ("UTF-7 is not believed", b"charset=utf-7", b"+ADw-script+AD4-alert(1)", "+ADw-script"),
    ],
)
def test_charsets_of_html(cy: Client, box: Box, why: str, head: bytes, body: bytes, says: str) -> None:
    key = box.put(b"Content-Type: text/html; " + head + b"\n\n" + body + b"\n", flags="S")
    text = cy.get(f"/mail/f/INBOX/{key}/html/0").text
    assert says in text, why
    assert "<script" not in text, why


def test_html_that_cannot_be_washed_in_time_is_not_shown(cy: Client, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(washer, "TIME_S", 0.5)
    tangled = b"<a " + b" ".join(b"a%d=1" % n for n in range(150_000)) + b">x</a>"
    key = box.put(b"Content-Type: text/html\n\n" + tangled, flags="S")
    answer = cy.get(f"/mail/f/INBOX/{key}/html/0")
    assert answer.status_code == 200
    assert "too tangled" in answer.text
    assert "a149999" not in answer.text


def test_pictures_are_what_they_are_and_not_what_they_say(cy: Client, box: Box) -> None:
    data = (
        b"Content-Type: multipart/related; boundary=r\n\n"
        b"--r\nContent-Type: text/html\n\n<img src='cid:a'><img src='cid:b'><img src='cid:no'>\n"
        b"--r\nContent-Type: image/png\nContent-ID: <a>\n\n<svg onload=alert(1)>\n"
        b"--r\nContent-Type: image/svg+xml\nContent-ID: <b>\n\nGIF89a\n--r--\n"
    )
    text = cy.get(f"/mail/f/INBOX/{box.put(data, flags='S')}/html/1").text
    assert text.count("data:") == 1
    assert "data:image/gif;base64," in text
