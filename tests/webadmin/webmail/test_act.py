from __future__ import annotations

import pytest
from django.test import Client

from tests.webadmin.webmail.conftest import Box

ACT = "/mail/f/INBOX/act"


@pytest.mark.parametrize(
    ("why", "act", "before", "after"),
    [
        ("read", "read", ["", "F"], ["S", "FS"]),
        ("unread", "unread", ["S", "FS"], ["", "F"]),
        ("flag", "flag", ["S", "RS"], ["FS", "FRS"]),
        ("unflag", "unflag", ["FS", "F"], ["S", ""]),
    ],
)
def test_it_marks_what_is_selected(cy: Client, box: Box, why: str, act: str, before: list[str], after: list[str]) -> None:
    keys = [box.put(flags=f) for f in before]
    box.put(flags="S")
    answer = cy.post(ACT, {"act": act, "key": keys, "back": "?page=1&sort=size&evil=//x"})
    assert answer.headers["Location"] == "/mail/f/INBOX/?sort=size", why
    assert box.flags() == [*after, "S"], why


def test_a_star_turns_the_flag(cy: Client, box: Box) -> None:
    key = box.put(flags="S")
    cy.post(ACT, {"star": key})
    assert box.flags() == ["FS"]
    cy.post(ACT, {"star": key})
    assert box.flags() == ["S"]


@pytest.mark.parametrize(
    ("why", "data", "folder"),
    [
        ("delete is a move to Trash", {"act": "delete"}, ".Trash"),
        ("archive", {"act": "archive"}, ".Archive"),
        ("junk", {"act": "junk"}, ".Junk"),
        ("a folder of one's own", {"act": "move", "target": "Work.2024"}, ".Work.2024"),
        ("a special folder that was not there", {"act": "move", "target": "Archive"}, ".Archive"),
    ],
)
def test_it_moves(cy: Client, box: Box, why: str, data: dict[str, str], folder: str) -> None:
    box.make(".Work.2024")
    key = box.put(flags="FS")
    cy.post(ACT, {**data, "key": key})
    assert (box.names(), box.flags(folder)) == ([], ["FS"]), why


def test_a_move_is_taken_back(cy: Client, box: Box) -> None:
    keys = [box.put(flags="S"), box.put(flags="")]
    cy.post(ACT, {"act": "delete", "key": keys})
    page = cy.get("/mail/f/INBOX/")
    assert "2 messages moved to <bdi>Trash</bdi>" in page.text
    assert "Undo" not in cy.get("/mail/f/INBOX/").text  # offered once
    cy.post("/mail/undo", {"folder": "INBOX", "back": ""})
    assert (box.flags(), box.names(".Trash")) == (["S", ""], [])
    assert "nothing to take back" in cy.post("/mail/undo", {"folder": "INBOX"}, follow=True).text


def test_from_trash_things_go_for_good(cy: Client, box: Box) -> None:
    keys = [box.put(folder=".Trash"), box.put(folder=".Trash"), box.put(folder=".Trash")]
    answer = cy.post("/mail/f/Trash/act", {"act": "delete", "key": keys[:2]}, follow=True)
    assert "2 messages deleted for good" in answer.text
    assert len(box.names(".Trash")) == 1
    cy.post("/mail/f/Trash/empty")
    assert box.names(".Trash") == []


def test_only_trash_can_be_emptied(cy: Client, box: Box) -> None:
    box.put()
    assert cy.post("/mail/f/INBOX/empty").status_code == 404
    assert cy.get("/mail/f/Trash/empty").status_code == 405
    assert cy.post("/mail/f/Trash/empty").status_code == 302  # it is not there yet
    assert len(box.names()) == 1


def test_trash_leaves_the_quota(cy: Client, box: Box) -> None:
    (box.maildir / "maildirsize").write_bytes(b"3000S\n        1000            5\n")
    key = box.put()
    size = len(box.messages()[0])
    cy.post(ACT, {"act": "delete", "key": key})
    assert (box.maildir / "maildirsize").read_bytes().endswith(b"%12d %12d\n" % (-size, -1))
    before = (box.maildir / "maildirsize").read_bytes()
    cy.post("/mail/f/Trash/act", {"act": "delete", "key": key})
    assert (box.maildir / "maildirsize").read_bytes() == before


@pytest.mark.parametrize(
    ("why", "data", "says"),
    [
        ("nothing selected", {"act": "delete"}, "Select one or more messages first."),
        ("all gone", {"act": "delete", "key": "0" * 24}, "These messages are gone."),
        ("no target", {"act": "move", "key": "KEY"}, "Choose the folder to move to."),
        ("an unknown target", {"act": "move", "key": "KEY", "target": "../../x"}, "Choose the folder to move to."),
        ("where it is already", {"act": "move", "key": "KEY", "target": "INBOX"}, "in Inbox already"),
    ],
)
def test_it_says_why_nothing_was_done(cy: Client, box: Box, why: str, data: dict[str, str], says: str) -> None:
    key = box.put(flags="S")
    answer = cy.post(ACT, {name: key if value == "KEY" else value for name, value in data.items()}, follow=True)
    assert says in answer.text, why
    assert box.flags() == ["S"], why


def test_get_changes_nothing(cy: Client, box: Box) -> None:
    key = box.put(flags="S")
    assert cy.get(ACT, {"act": "delete", "key": key}).status_code == 405
    assert cy.get("/mail/undo").status_code == 405
    assert cy.post(ACT, {"act": "drop", "key": key}).status_code == 404
    assert box.flags() == ["S"]


def test_an_act_needs_a_token(cy: Client, box: Box) -> None:
    key = box.put(flags="S")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = cy.cookies
    assert strict.post(ACT, {"act": "delete", "key": key}).status_code == 403
    assert box.flags() == ["S"]


def test_a_full_disk_is_said_to_be_full(cy: Client, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    key = box.put(flags="S")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.link", full)
    answer = cy.post(ACT, {"act": "delete", "key": key})
    assert answer.status_code == 503
    assert "No space left on device" in answer.text
    assert box.flags() == ["S"]


def test_it_marks_a_thousand_at_once(cy: Client, box: Box) -> None:
    keys = [box.put(flags="") for _ in range(900)]
    assert cy.post(ACT, {"act": "read", "key": keys}).status_code == 302
    assert set(box.flags()) == {"S"}
