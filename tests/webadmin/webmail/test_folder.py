from __future__ import annotations

import datetime
import os
import re
from pathlib import Path

import pytest
from django.test import Client

from tests.conftest import corpus
from tests.webadmin.webmail.conftest import PLAIN, Box
from webadmin.webmail import index


def subjects(text: str) -> list[str]:
    return re.findall(r'<bdi class="mail-title">(.*?)</bdi>', text)


def message(subject: str, sender: str = "ada@example.org", body: str = "x") -> bytes:
    return f"From: {sender}\nTo: cy@example.org\nSubject: {subject}\n\n{body}\n".encode()


def test_it_lists_what_has_come(cy: Client, box: Box) -> None:
    box.put(message("Old"), flags="RS")
    box.put(message("Marked"), flags="FPS")
    box.put(message("New"), is_new=True)
    answer = cy.get("/mail/f/INBOX/")
    assert subjects(answer.text) == ["New", "Marked", "Old"]
    assert box.names(part="new") == []
    assert len(box.names()) == 3
    for said in ("Answered", "Forwarded", "Unread: ", 'aria-pressed="true"', "ada@example.org"):
        assert said in answer.text


def test_unread_messages_are_counted_beside_each_folder(cy: Client, box: Box) -> None:
    box.put(is_new=True)
    box.put(flags="")
    box.put(flags="S")
    box.put(folder=".Work", flags="")
    text = cy.get("/mail/f/INBOX/").text
    assert re.findall(r'<span class="count">(\d+)', text) == ["2", "1"]


def test_special_folders_are_shown_before_they_are_there(cy: Client, box: Box) -> None:
    for name in ("Drafts", "Sent", "Archive", "Junk", "Trash"):
        answer = cy.get(f"/mail/f/{name}/")
        assert answer.status_code == 200
        assert 'class="empty"' in answer.text
    assert sorted(p.name for p in box.maildir.iterdir() if p.name.startswith(".")) == []


@pytest.mark.parametrize(
    ("why", "directory", "slug", "shown"),
    [
        ("modified UTF-7", ".Entw&APw-rfe", "Entw~26APw-rfe", "Entwürfe"),
        ("UTF-8", ".Größe", "Gr~C3~B6~C3~9Fe", "Größe"),
        ("an ampersand", ".R&-D", "R~26-D", "R&amp;D"),
        ("markup", ".<img src=x onerror=alert(1)>", "~3Cimg~20src~3Dx~20onerror~3Dalert~281~29~3E", "&lt;img src=x onerror=alert(1)&gt;"),
        ("a folder called INBOX", ".INBOX", "~49NBOX", "INBOX"),
        ("below a folder that is not there", ".A.B", "A.B", "A / B"),
        ("a dot too many", "..Trash.x", "~2ETrash.x", "(no name) / Trash / x"),
    ],
)
def test_it_shows_the_names_of_folders_rightly(cy: Client, box: Box, why: str, directory: str, slug: str, shown: str) -> None:
    box.put(message("Inside"), folder=directory)
    text = cy.get(f"/mail/f/{slug}/").text
    assert subjects(text) == ["Inside"], why
    assert f"<bdi>{shown}</bdi>" in text, why


@pytest.mark.parametrize("slug", ["nowhere", "..", "~2E~2E", "Sent~2F..", "..%2f..%2fetc", "INBOX%00", "%ff", "a" * 3000])
def test_what_is_no_folder_is_not_found(cy: Client, slug: str) -> None:
    assert cy.get(f"/mail/f/{slug}/").status_code == 404


def test_it_turns_pages(cy: Client, box: Box) -> None:
    for n in range(120):
        box.put(message(f"Number {n}"), flags="S")
    first, third = cy.get("/mail/f/INBOX/"), cy.get("/mail/f/INBOX/?page=3")
    assert subjects(first.text) == [f"Number {n}" for n in range(119, 69, -1)]
    assert subjects(third.text) == [f"Number {n}" for n in range(19, -1, -1)]
    assert "101&ndash;120 of 120" in third.text
    assert subjects(cy.get("/mail/f/INBOX/?page=99").text) == subjects(third.text)


@pytest.mark.parametrize(
    ("why", "query", "found"),
    [
        ("newest first", "", ["re: b", "B", "a", "C"]),
        ("oldest first", "?up=1", ["C", "a", "B", "re: b"]),
        ("by subject, answers beside what they answer", "?sort=subject&up=1", ["a", "B", "re: b", "C"]),
        ("by sender", "?sort=from&up=1", ["C", "re: b", "B", "a"]),
        ("largest first", "?sort=size", ["C", "re: b", "B", "a"]),
        ("unread ones", "?show=unread", ["re: b"]),
        ("flagged ones", "?show=flagged", ["a"]),
        ("a word of the subject", "?q=B", ["re: b", "B"]),
        ("a word of the sender", "?q=zoe", ["a"]),
        ("two words", "?q=yan+B", ["B"]),
        ("capitals do not matter", "?q=YAN", ["B"]),
        ("nothing", "?q=nothing", []),
        ("a quote", "?q=%22%20OR%201%3D1--", []),
        ("a percent sign is no wildcard", "?q=%25", []),
        ("line breaks", "?q=x%0d%0aA1+LOGOUT", []),
        ("words that are not ours", "?sort=drop&show=all&page=-1", ["re: b", "B", "a", "C"]),
    ],
)
def test_it_sorts_filters_and_searches(cy: Client, box: Box, why: str, query: str, found: list[str]) -> None:
    box.put(message("C", "Ann <a@x.org>", "long " * 50), flags="S")
    box.put(message("a", "Zoe <z@x.org>"), flags="FS")
    box.put(message("B", "Yan <y@x.org>"), flags="S")
    box.put(message("re: b", "Bea <b@x.org>"), flags="")
    assert subjects(cy.get(f"/mail/f/INBOX/{query}").text) == found, why


def test_sent_mail_is_listed_by_whom_it_went_to(cy: Client, box: Box) -> None:
    box.put(b"From: cy@example.org\nTo: Ada <a@x>, Bo <b@x>\nSubject: s\n\nx\n", folder=".Sent", flags="S")
    text = cy.get("/mail/f/Sent/").text
    assert "Ada, Bo" in text
    assert ">To</a>" in text


def test_drafts_open_in_the_form(cy: Client, box: Box) -> None:
    key = box.put(folder=".Drafts", flags="DS")
    answer = cy.get(f"/mail/f/Drafts/{key}/")
    assert answer.headers["Location"] == f"/mail/compose?draft={key}"


def test_flags_others_have_set_are_seen(cy: Client, box: Box) -> None:
    box.put(message("One"), flags="")
    assert "Unread: " in cy.get("/mail/f/INBOX/").text
    (name,) = box.names()
    (box.maildir / "cur" / name).rename(box.maildir / "cur" / name.replace(":2,", ":2,S"))
    assert "Unread: " not in cy.get("/mail/f/INBOX/").text


def test_what_others_have_taken_away_is_gone(cy: Client, box: Box) -> None:
    box.put(message("One"), flags="")
    assert subjects(cy.get("/mail/f/INBOX/").text) == ["One"]
    (box.maildir / "cur" / box.names()[0]).unlink()
    assert "Your inbox is empty" in cy.get("/mail/f/INBOX/").text


def test_times_are_those_of_the_browser(cy: Client, box: Box) -> None:
    moment = datetime.datetime(2024, 6, 30, 23, 30, tzinfo=datetime.UTC)
    box.put(time_s=int(moment.timestamp()) - 1)
    session = cy.session
    session["zone"] = "Asia/Tokyo"
    session.save()
    assert ">1 Jul 2024<" in cy.get("/mail/f/INBOX/").text


# ---- hostile names ----

NAMES = [
    ("a newline", "cur/x\ny:2,S"),
    ("300 flags", "cur/1.2.h:2," + "S" * 200),
    ("unknown flags twice", "cur/1.2.h:2,SSRRZZ"),
    ("experimental info", "cur/1.2.h:1,x"),
    ("a negative time", "new/-1.x"),
    ("a huge time", "new/99999999999999999999.x"),
    ("not UTF-8", "new/\udcff\udcfe"),
    ("a false size", "cur/1.h,S=99999999999999999999:2,"),
    ("a negative size", "cur/1.h,S=-5:2,"),
    ("both sizes", "cur/1.h,S=12,W=9:2,S"),
    ("markup", "cur/<script>alert(1)<&>.h:2,S"),
]


@pytest.mark.parametrize(("why", "name"), NAMES)
def test_odd_names_are_listed_and_opened(cy: Client, box: Box, why: str, name: str) -> None:
    (box.maildir / name).write_bytes(message("Odd"))
    text = cy.get("/mail/f/INBOX/").text
    assert subjects(text) == ["Odd"], why
    assert "<script>alert" not in text, why
    link = re.search(r'href="(/mail/f/INBOX/[0-9a-f]{24}/)"', text)
    assert link is not None, why
    assert cy.get(link[1]).status_code == 200, why
    assert len(box.names()) == 1, why


def test_what_is_no_message_is_listed_and_not_opened(cy: Client, box: Box, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("From: root\nSubject: Secret\n\ntop secret\n")
    (box.maildir / "cur" / "1.link:2,S").symlink_to(tmp_path / "secret")
    os.mkfifo(box.maildir / "cur" / "2.fifo:2,S")
    (box.maildir / "cur" / "3.dir:2,S").mkdir()
    (box.maildir / "cur" / ".hidden").write_bytes(PLAIN)
    text = cy.get("/mail/f/INBOX/").text
    assert subjects(text) == ["(this message cannot be read)"] * 3
    for link in re.findall(r'href="(/mail/f/INBOX/[0-9a-f]{24}/)"', text):
        for page in ("", "source", "part/0", "html/0"):
            answer = cy.get(link + page)
            assert answer.status_code in (403, 404, 503), link
            assert b"top secret" not in answer.getvalue(), link


def test_ids_in_urls_are_looked_up_and_never_joined(cy: Client, box: Box) -> None:
    box.put()
    for crafted in ("new/../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "1.2.h:2,S%2f..%2f..%2fx", "%00", "' or 1=1 --", "0" * 24):
        assert cy.get(f"/mail/f/INBOX/{crafted}/").status_code == 404, crafted


def test_every_hostile_name_of_the_corpus_is_safe(cy: Client, box: Box) -> None:
    for case in corpus("hostile/maildir-names"):
        folder, _, name = case["path"].partition("/")
        if "/" in name or folder not in ("cur", "new") or not name or name in (".hidden",):
            continue
        (box.maildir / folder / name.encode("latin-1").decode("utf-8", "surrogateescape")[:250]).write_bytes(PLAIN)
    answer = cy.get("/mail/f/INBOX/")
    assert answer.status_code == 200
    for link in re.findall(r'href="(/mail/f/INBOX/[0-9a-f]{24}/)"', answer.text):
        assert cy.get(link).status_code == 200


def test_the_index_is_in_the_mailbox_and_may_go(cy: Client, box: Box) -> None:
    box.put(message("One"), flags="S")
    cy.get("/mail/f/INBOX/")
    file = box.maildir / index.NAME.decode()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"rubbish" * 1000)
    assert subjects(cy.get("/mail/f/INBOX/").text) == ["One"]
    file.unlink()
    assert subjects(cy.get("/mail/f/INBOX/").text) == ["One"]
