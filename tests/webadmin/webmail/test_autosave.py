from __future__ import annotations

import re

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.webadmin.webmail.conftest import Box

MARK = "0123456789abcdef"
FORM = {"mark": MARK, "to": "jo", "subject": "s", "body": "half a"}


def test_it_saves_whatever_is_there(cy: Client, box: Box) -> None:
    answer = cy.post("/mail/compose/autosave", FORM)
    assert answer.status_code == 200
    assert re.search(r"Saved as a draft at \d\d:\d\d", answer.text)
    assert answer.text.strip().startswith('<div id="draft-state">') or '<div id="draft-state">' in answer.text
    cy.post("/mail/compose/autosave", {**FORM, "body": "half a word"})
    (draft,) = box.messages(".Drafts")
    assert b"half a word" in draft


def test_files_are_uploaded_once(cy: Client, box: Box) -> None:
    first = cy.post("/mail/compose/autosave", {**FORM, "attachments": SimpleUploadedFile("plan.txt", b"the plan")})
    keep = re.findall(r'name="keep" value="([^"]+)" checked', first.text)
    assert len(keep) == 1
    second = cy.post("/mail/compose/autosave", {**FORM, "keep": keep, "attachments": SimpleUploadedFile("b.txt", b"b")})
    assert len(re.findall(r'name="keep"', second.text)) == 2
    third = cy.post("/mail/compose/autosave", FORM)
    assert 'name="keep"' not in third.text
    assert len(box.messages(".Drafts")) == 1


def test_it_says_when_it_could_not_save(cy: Client, box: Box) -> None:
    for data in ({**FORM, "subject": "a\r\nb"}, {**FORM, "mark": "../../x"}, {**FORM, "keep": "d:00"}):
        answer = cy.post("/mail/compose/autosave", data)
        assert answer.status_code == 422
        assert 'class="mail-trouble"' in answer.text
    assert box.names(".Drafts") == []


def test_uploads_that_are_too_large_are_cut_off(cy: Client, box: Box) -> None:
    answer = cy.post("/mail/compose/autosave", {**FORM, "attachments": SimpleUploadedFile("big.bin", b"x" * (26 << 20))})
    assert answer.status_code == 422
    assert "25 MB" in answer.text


def test_get_is_not_possible(cy: Client) -> None:
    assert cy.get("/mail/compose/autosave").status_code == 405
