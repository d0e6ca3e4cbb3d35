from __future__ import annotations

import pytest
from django.test import Client

from tests.conftest import corpus
from tests.webadmin.webmail.conftest import Box


def folders(box: Box) -> list[str]:
    return sorted(p.name for p in box.maildir.iterdir() if p.name.startswith("."))


@pytest.mark.parametrize(
    ("why", "name", "parent", "directory"),
    [
        ("plain", "Work", "", ".Work"),
        ("umlauts", "Entwürfe", "", ".Entw&APw-rfe"),
        ("an ampersand", "R&D", "", ".R&-D"),
        ("below another", "2024", "Lists", ".Lists.2024"),
        ("markup is only a name", "<b>x", "", ".<b>x"),
    ],
)
def test_it_makes_folders(cy: Client, box: Box, why: str, name: str, parent: str, directory: str) -> None:
    box.make(".Lists")
    answer = cy.post("/mail/folders", {"name": name, "parent": parent}, follow=True)
    assert answer.status_code == 200, why
    assert folders(box) == sorted([".Lists", directory]), why
    assert (box.maildir / directory / "maildirfolder").exists(), why
    assert "<b>x" not in answer.text, why


@pytest.mark.parametrize(
    ("why", "name", "parent"),
    [
        ("empty", "", ""),
        ("a slash", "a/b", ""),
        ("dots", ".Trash.x", ""),
        ("the inbox", "INBOX", ""),
        ("the inbox, smaller", "inbox", ""),
        ("too long", "x" * 121, ""),
        ("too long once written", "é" * 110, ""),
        ("a line break", "a\r\nb", ""),
        ("a NUL", "a\0b", ""),
        ("there already", "lists", ""),
        ("below nothing", "a", "../.."),
    ],
)
def test_it_refuses(cy: Client, box: Box, why: str, name: str, parent: str) -> None:
    box.make(".Lists")
    answer = cy.post("/mail/folders", {"name": name, "parent": parent})
    assert answer.status_code == 422, why
    assert 'class="errorlist"' in answer.text, why
    assert folders(box) == [".Lists"], why


def test_hostile_names_make_nothing_outside(cy: Client, box: Box) -> None:
    outside = sorted(p.name for p in box.path.iterdir())
    for case in corpus("hostile/webmail-text-and-forms"):
        if case["where"] == "folder name":
            answer = cy.post("/mail/folders", {"name": case["value"]}, follow=True)
            assert answer.status_code in (200, 422), case["id"]
            assert "<img src=x" not in answer.text, case["id"]
    assert sorted(p.name for p in box.path.iterdir()) == outside
    assert all("/" not in name and name not in ("..", ".INBOX") for name in folders(box))


def test_the_form_is_shown(cy: Client) -> None:
    assert "Name of the new folder" in cy.get("/mail/folders").text
