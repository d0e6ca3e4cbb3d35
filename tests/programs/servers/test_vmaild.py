"""vmaild as a process: which recipients exist, where an address goes and why, what is stale."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mta.formats import rcpthosts, users_assign, vpasswd
from mta.unix.ask import ask
from tests.support.process import Process, eventually, running
from tests.support.qmail_home import QmailHome

CONTROL = {
    "rcpthosts": "host.example.org\n# ours\nvirt.example\nall.example",
    "locals": "host.example.org",
    "virtualdomains": "virt.example:virt.example\nall.example:all.example\ndoc.example:docs",
    "smtproutes": ":smarthost.example:2525",
}


class World:
    """An instance with two virtual domains."""

    def __init__(self, path: Path) -> None:
        self.home = QmailHome(path)
        self.home.control(**CONTROL)
        self.accounts: dict[str, list[vpasswd.Account]] = {}
        assign = []
        for domain, rule in (("virt.example", "bounce-no-mailbox"), ("all.example", "postmaster@virt.example")):
            folder = self.folder(domain)
            folder.mkdir()
            (folder / ".qmail-default").write_text(f"| {self.home.path}/bin/vdelivermail '' {rule}\n")
            self.accounts[domain] = []
            self.mailbox(domain, "postmaster")
            user = users_assign.User(domain.encode(), os.getuid(), os.getgid(), os.fsencode(folder), b"-", b"")
            assign.append(users_assign.Assignment(True, domain.encode() + b"-", user))
        text = users_assign.write(assign)
        (self.home.path / "users/assign").write_bytes(text)
        (self.home.path / "users/cdb").write_bytes(users_assign.compile_(text))

    def folder(self, domain: str) -> Path:
        return self.home.path / "domains" / domain

    def mailbox(self, domain: str, name: str, *, flags: int = 0, quota: str = "NOQUOTA") -> Path:
        """-> its directory, with an empty Maildir."""
        path = self.folder(domain) / name
        for sub in ("new", "cur", "tmp"):
            (path / "Maildir" / sub).mkdir(parents=True)
        account = vpasswd.Account(name.encode(), b"x", 1, flags, b"", os.fsencode(path), quota.encode())
        self.accounts[domain].append(account)
        text = vpasswd.write(self.accounts[domain])
        (self.folder(domain) / "vpasswd").write_bytes(text)
        (self.folder(domain) / "vpasswd.cdb").write_bytes(vpasswd.compile_(text))
        return path

    def ask(self, *words: str) -> list[bytes]:
        return ask(self.home.home + b"/run/vmaild", [w.encode() for w in words])

    def explain(self, address: str) -> dict[str, Any]:
        letter, data = self.ask("explain", address)
        assert letter == b"K", data
        found: dict[str, Any] = json.loads(data)
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "q")
    world.mailbox("virt.example", "joe")
    world.mailbox("virt.example", "locked", flags=vpasswd.BOUNCE_MAIL)
    full = world.mailbox("virt.example", "full", quota="100S")
    (full / "Maildir/maildirsize").write_bytes(b"100S\n         100            1\n")
    (world.folder("virt.example") / ".qmail-sales").write_text("&joe@virt.example\n&bo@far.example\n")
    (world.folder("virt.example") / ".qmail-ring").write_text("ring@virt.example\n")
    return world


@pytest.fixture
def vmaild(world: World) -> Iterator[Process]:
    with running(world.home.path, "vmaild") as process:
        yield process


@pytest.mark.parametrize(
    ("why", "address", "answer"),
    [
        ("a mailbox", "joe@virt.example", [b"K"]),
        ("case does not matter", "JOE@Virt.Example", [b"K"]),
        ("an alias", "sales@virt.example", [b"K"]),
        ("nobody", "nobody@virt.example", [b"D", b"sorry, no mailbox here by that name (#5.1.1)"]),
        ("a domain that collects", "nobody@all.example", [b"K"]),
        ("a locked mailbox", "locked@virt.example", [b"D", b"sorry, that mailbox takes no mail (#5.2.1)"]),
        ("a full one", "full@virt.example", [b"D", b"sorry, that mailbox is full (#5.2.2)"]),
        ("a local address is not judged", "whoever@host.example.org", [b"K"]),
        ("nor is a remote one", "x@far.example", [b"K"]),
        ("nor a virtual domain of a system user", "x@doc.example", [b"K"]),
    ],
)
def test_rcpt(world: World, vmaild: Process, why: str, address: str, answer: list[bytes]) -> None:
    assert world.ask("rcpt", address) == answer, why


def test_a_new_mailbox_counts_at_once(world: World, vmaild: Process) -> None:
    assert world.ask("rcpt", "new@virt.example")[0] == b"D"
    world.mailbox("virt.example", "new")
    assert world.ask("rcpt", "new@virt.example") == [b"K"]


def test_a_new_domain_counts_within_a_moment(world: World, vmaild: Process) -> None:
    world.home.control(virtualdomains="all.example:all.example")
    eventually(lambda: world.ask("rcpt", "nobody@virt.example") == [b"K"], "the change of virtualdomains never counted")


def test_a_damaged_file_is_never_an_unknown_mailbox(world: World, vmaild: Process) -> None:
    (world.folder("virt.example") / "vpasswd.cdb").write_bytes(b"x" * 100)
    assert world.ask("rcpt", "joe@virt.example")[0] == b"Z"


def titles(found: dict[str, Any]) -> list[tuple[int, str]]:
    return [(s["level"], s["title"]) for s in found["steps"]]


def test_explain_names_the_line_that_decided(world: World, vmaild: Process) -> None:
    found = world.explain("joe@virt.example")
    assert titles(found) == [(0, "SMTP"), (0, "Local"), (0, "User"), (0, "Instructions"), (0, "Mailbox"), (0, "Maildir")]
    folder = world.folder("virt.example")
    assert [s["source"] for s in found["steps"]] == [
        "control/rcpthosts:3",
        "control/virtualdomains:1",
        "users/cdb key !virt.example- (users/assign:1)",
        f"{folder}/.qmail-default",
        f"{folder}/vpasswd.cdb key joe",
        f"{folder}/vpasswd.cdb key joe",
    ]
    assert found["outcome"] == f"Delivered into the Maildir {folder}/joe/Maildir/."


def test_explain_follows_forwards(world: World, vmaild: Process) -> None:
    found = world.explain("sales@virt.example")
    folder = world.folder("virt.example")
    assert found["outcome"] == (f"Delivered into the Maildir {folder}/joe/Maildir/. Sent by SMTP to smarthost.example port 2525.")
    assert (1, "SMTP route") in titles(found)
    assert any(s["source"] == f"{folder}/.qmail-sales:2" for s in found["steps"])
    assert any(s["source"] == "control/smtproutes:1" for s in found["steps"])


def test_explain_finds_a_loop(world: World, vmaild: Process) -> None:
    assert "would loop" in world.explain("ring@virt.example")["outcome"]


@pytest.mark.parametrize(
    ("why", "address", "words"),
    [
        ("unknown", "nobody@virt.example", "No such mailbox: refused while it is being sent"),
        ("collected", "nobody@all.example", "/postmaster/Maildir/"),
        ("locked", "locked@virt.example", "takes no mail"),
        ("remote", "x@far.example", "smarthost.example"),
        ("not for strangers", "x@far.example", "Sent by SMTP"),
        ("no alias user's file", "whoever@host.example.org", "do not exist"),
    ],
)
def test_explain_ends_with(world: World, vmaild: Process, why: str, address: str, words: str) -> None:
    assert words in world.explain(address)["outcome"], why


def test_explain_by_morercpthosts(world: World, vmaild: Process) -> None:
    (world.home.path / "control/morercpthosts.cdb").write_bytes(rcpthosts.compile_more(b"more.example\n"))
    assert world.explain("x@more.example")["steps"][0]["source"] == "control/morercpthosts.cdb key more.example"
    assert "stranger may not" in world.explain("x@none.example")["steps"][0]["text"]


def put(folder: Path, name: str, age_days: float) -> Path:
    path = folder / name
    path.write_bytes(b"Subject: x\n\n" + b"x" * 88)
    then = time.time() - age_days * 86400
    os.utime(path, (then, then))
    return path


def test_stale_mail_is_told_first_and_then_taken_away(world: World, vmaild: Process) -> None:
    maildir = world.folder("virt.example") / "joe/Maildir"
    kept = [
        put(maildir / "new", "1.young", 5),
        put(maildir / "cur", "2.flagged:2,F", 900),
        put(maildir / "cur", "3.read-young:2,S", 60),
        put(maildir / "tmp", "4.half", 900),
    ]
    gone = [put(maildir / "new", "5.old", 40), put(maildir / "cur", "6.read:2,S", 100), put(maildir / "cur", "7.unread:2,", 40)]
    assert json.loads(world.ask("stale", "virt.example", "dry")[1])["messages"] == 0  # without a policy nothing is ever stale
    (world.folder("virt.example") / ".stale-mail").write_text("unread 30\nread 90\n")
    told = json.loads(world.ask("stale", "virt.example", "dry")[1])
    assert (told["messages"], told["size_bytes"], told["by_mailbox"], told["by_reason"]) == (3, 300, {"joe": 3}, {"unread": 2, "read": 1})
    assert {row[2] for row in told["sample"]} == {p.name for p in gone}
    assert all(p.exists() for p in kept + gone)
    done = json.loads(world.ask("stale", "virt.example", "delete")[1])
    assert done["messages"] == 3
    assert [p.exists() for p in kept + gone] == [True] * 4 + [False] * 3


def test_usage_counts_each_mailbox(world: World, vmaild: Process) -> None:
    put(world.folder("virt.example") / "joe/Maildir/new", "1.x", 0)
    (world.folder("virt.example") / "joe/lastauth").write_text("192.0.2.7")
    found = json.loads(world.ask("usage", "virt.example")[1])["mailboxes"]
    assert set(found) == {"postmaster", "joe", "locked", "full"}
    assert (found["joe"]["size_bytes"], found["joe"]["messages"], found["joe"]["last_ip"]) == (100, 1, "192.0.2.7")
    assert found["postmaster"]["last_login"] is None


@pytest.mark.parametrize("words", [["dance"], ["rcpt"], ["usage", "none.example"], ["stale", "virt.example", "now"], ["explain"]])
def test_what_it_does_not_know_is_refused(world: World, vmaild: Process, words: list[str]) -> None:
    assert world.ask(*words)[0] == b"D"
