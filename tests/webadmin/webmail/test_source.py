from __future__ import annotations

from django.test import Client

from tests.webadmin.webmail.conftest import PLAIN, Box


def test_it_shows_the_message_as_it_stands(cy: Client, box: Box) -> None:
    key = box.put(PLAIN + b"<script>alert(1)</script>\x1b[2J\0\n", flags="S")
    text = cy.get(f"/mail/f/INBOX/{key}/source").text
    assert "Message-ID: &lt;1@x&gt;" in text
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    assert "\0" not in text


def test_of_a_large_one_the_beginning(cy: Client, box: Box) -> None:
    key = box.put(PLAIN + b"x" * 1_000_000, flags="S")
    answer = cy.get(f"/mail/f/INBOX/{key}/source")
    assert "Only the first 256 KB" in answer.text
    assert len(answer.content) < 300_000


def test_it_is_saved_byte_by_byte(cy: Client, box: Box) -> None:
    data = PLAIN + bytes(range(256)) * 5000
    answer = cy.get(f"/mail/f/INBOX/{box.put(data, flags='S')}/source?download=1")
    assert answer.getvalue() == data
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Content-Type"] == "application/octet-stream"
