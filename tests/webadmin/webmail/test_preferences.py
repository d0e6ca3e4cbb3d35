from __future__ import annotations

import json

import pytest
from django.test import Client

from tests.webadmin.webmail.conftest import Box
from webadmin.webmail import preferences

GOOD = {"display_name": "Cy Twombly", "signature": "Cy\r\nRome", "page_size": "25", "theme": "dark", "time_zone": "Europe/Rome"}


def test_they_are_kept_beside_the_mail(cy: Client, box: Box) -> None:
    assert cy.post("/mail/preferences", GOOD).status_code == 302
    file = box.maildir / preferences.NAME.decode()
    assert json.loads(file.read_text()) == {**GOOD, "page_size": 25, "signature": "Cy\nRome"}
    assert file.stat().st_mode & 0o777 == 0o600
    page = cy.get("/mail/preferences").text
    assert 'data-theme="dark"' in page
    assert "Europe/Rome" in page


def test_they_have_effect(cy: Client, box: Box) -> None:
    cy.post("/mail/preferences", GOOD)
    for n in range(30):
        box.put(flags="S")
    assert "1&ndash;25 of 30" in cy.get("/mail/f/INBOX/").text
    written = cy.get("/mail/compose").text
    assert "Cy Twombly &lt;cy@example.org&gt;" in written
    assert "-- \nCy\nRome" in written


@pytest.mark.parametrize(
    ("why", "name", "value"),
    [
        ("a line break", "display_name", "Cy\r\nBcc: victim@x.test"),
        ("a name without end", "display_name", "x" * 101),
        ("a signature without end", "signature", "x" * 2001),
        ("a number that is none of ours", "page_size", "100000"),
        ("a theme", "theme", "../../x"),
        ("a zone", "time_zone", "/etc/passwd"),
    ],
)
def test_it_refuses(cy: Client, box: Box, why: str, name: str, value: str) -> None:
    answer = cy.post("/mail/preferences", {**GOOD, name: value})
    assert answer.status_code == 422, why
    assert 'class="errorlist"' in answer.text, why
    assert not (box.maildir / preferences.NAME.decode()).exists(), why


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("rubbish", b"\xff\0"),
        ("another kind of JSON", b"[1, 2]"),
        ("wrong types", b'{"page_size": "many", "theme": 3, "signature": null}'),
        ("out of bounds", b'{"page_size": 1000000, "theme": "pink", "time_zone": "../x", "display_name": "a\\nb"}'),
        ("nothing", b""),
    ],
)
def test_what_is_broken_is_the_default(cy: Client, box: Box, why: str, data: bytes) -> None:
    (box.maildir / preferences.NAME.decode()).write_bytes(data)
    assert cy.get("/mail/f/INBOX/").status_code == 200, why
    assert cy.get("/mail/preferences").status_code == 200, why


def test_how_full_the_mailbox_is(cy: Client, box: Box) -> None:
    (box.maildir / "maildirsize").write_bytes(b"10485760S,1000C\n     1048576           12\n")
    assert "1.0 MB of 10.0 MB used, 12 of 1,000 messages" in cy.get("/mail/preferences").text


def test_the_list_of_keys(cy: Client) -> None:
    assert "<kbd>j</kbd>" in cy.get("/mail/keys").text
