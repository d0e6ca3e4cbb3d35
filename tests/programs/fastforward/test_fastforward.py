"""fastforward: the message, by a database. Conformance cases C27 and C28; who gets it is told in tests/decisions/test_fastforward."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mta.formats import cdb, maillist, setforward
from tests.support import queue_program
from tests.support.call import Result, call, process

LINES = {
    b"SENDER": b"ada@x.y",
    b"RECIPIENT": b"joe@h.org",
    b"DTLINE": b"Delivered-To: joe@h.org\n",
    b"RPLINE": b"Return-Path: <ada@x.y>\n",
    b"UFLINE": b"From ada@x.y Sat Jan 03 01:05:34 1996\n",
    b"PATH": b"/usr/bin:/bin",
}
MESSAGE = b"Subject: x\n\n" + bytes(range(256)) * 500
NO_MAILBOX = b"Sorry, no mailbox here by that name. (#5.1.1)\n"
USAGE = b"fastforward: usage: fastforward [ -nNpPdD ] data.cdb\n"


class Site:
    """A folder with a database and a queue that keeps what it gets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {b"QMAIL_HOME": os.fsencode(folder), **LINES}
        self.refuse_with(0)

    def refuse_with(self, exit_: int) -> None:
        self.queue = queue_program.make(self.folder / "kept", exit_)
        self.env[b"QMAILQUEUE"] = self.queue.path

    def database(self, text: bytes) -> None:
        (self.folder / "d.cdb").write_bytes(cdb.write(setforward.read(text)))

    def run(self, *options: bytes, **variables: bytes | None) -> Result:
        changed = {name.encode(): value for name, value in variables.items()}
        env = {name: value for name, value in {**self.env, **changed}.items() if value is not None}
        return call("fastforward", [*options, b"d.cdb"], env, MESSAGE)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    return Site(tmp_path)


def test_it_forwards_to_all_at_once(site: Site) -> None:
    site.database(b"joe@h.org: bo@x.y, cy@x.y;")
    result = site.run()
    assert (result.code, result.out) == (0, b"")
    assert re.fullmatch(rb"fastforward: qp [1-9]\d*\n", result.err)
    assert site.queue.queued() == [(LINES[b"DTLINE"] + MESSAGE, b"Fada@x.y\0Tbo@x.y\0Tcy@x.y\0\0")]


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [(b"a@h", b"exact"), (b"b@h", b"host"), (b"a@k", b"user"), (b"z@h", b"host"), (b"z@k", b"z"), (b"q@k", None)],
)
def test_c27_the_nearest_target_answers(site: Site, recipient: bytes, expected: bytes | None) -> None:
    site.database(b"a@h: exact; @h: host; a@: user; z@: z;")
    result = site.run(RECIPIENT=recipient)
    if expected is None:
        assert result == Result(100, b"", NO_MAILBOX)
    else:
        assert (result.code, site.queue.queued()[0][1]) == (0, b"Fada@x.y\0T%b\0\0" % expected)


def test_c28_with_p_the_unknown_are_left_to_the_next_line(site: Site) -> None:
    site.database(b"joe@h.org: bo@x.y; nobody@h.org: |true;")
    assert site.run(b"-p", RECIPIENT=b"q@k") == Result(0, b"", b"")
    assert site.run(b"-p").code == 99
    assert site.run(b"-p", RECIPIENT=b"nobody@h.org") == Result(99, b"", b"")
    assert site.run(b"-pP", RECIPIENT=b"q@k") == Result(100, b"", NO_MAILBOX)


@pytest.mark.parametrize(
    ("why", "options", "variables", "code"),
    [
        ("what the default file stands for", (b"-d",), {"DEFAULT": b"list", "HOST": b"h.org"}, 0),
        ("else the extension", (b"-d",), {"EXT": b"list", "HOST": b"h.org"}, 0),
        ("DEFAULT counts even if it is empty", (b"-d",), {"DEFAULT": b"", "EXT": b"list", "HOST": b"h.org"}, 100),
        ("not with -D", (b"-dD",), {"DEFAULT": b"list", "HOST": b"h.org"}, 100),
    ],
)
def test_where_the_address_comes_from(site: Site, why: str, options: tuple[bytes, ...], variables: dict[str, bytes], code: int) -> None:
    site.database(b"list@h.org: bo@x.y;")
    assert site.run(*options, **variables).code == code, why


@pytest.mark.parametrize(
    ("options", "variables", "missing"),
    [
        ((), {"RECIPIENT": None}, b"$RECIPIENT"),
        ((b"-d",), {"HOST": b"h"}, b"$DEFAULT or $EXT"),
        ((b"-d",), {"EXT": b"a"}, b"$HOST"),
    ],
)
def test_it_forwards_only_where_qmail_local_starts_it(
    site: Site, options: tuple[bytes, ...], variables: dict[str, bytes | None], missing: bytes
) -> None:
    site.database(b"")
    assert site.run(*options, **variables) == Result(100, b"", b"fastforward: fatal: %b must be set\n" % missing)


def test_a_list_with_an_owner_gets_its_bounces(site: Site) -> None:
    (site.folder / "l.bin").write_bytes(maillist.write([b"&bo@x.y", b"&cy@x.y"]))
    site.database(b"joe@h.org: ?own@h.org, ./l.bin;")
    site.run()
    assert site.queue.queued()[0][1] == b"Fown@h.org\0Tbo@x.y\0Tcy@x.y\0\0"


def test_it_shows_what_it_would_do(site: Site) -> None:
    site.database(b"joe@h.org: |echo\\ a\\\tb, bo@x.y, \x80cy@x.y; none@h.org: |true;")
    assert site.run(b"-n") == Result(0, b"", b"run |echo a_b\nfrom <ada@x.y>\nto <bo@x.y>\nto <_cy@x.y>\n")
    assert site.run(b"-n", SENDER=None).err.splitlines()[1] == b"from <original envelope sender>"
    assert site.run(b"-np", RECIPIENT=b"none@h.org") == Result(99, b"", b"run |true\nno forwarding\n")
    assert site.queue.queued() == []


def test_commands_get_the_message_and_those_with_a_mark_its_lines(site: Site) -> None:
    site.database(b"joe@h.org: |cat\\ >\\ one, !cat\\ >\\ two, bo@x.y;")
    assert site.run().code == 0
    assert (site.folder / "one").read_bytes() == MESSAGE
    assert (site.folder / "two").read_bytes() == LINES[b"UFLINE"] + LINES[b"RPLINE"] + LINES[b"DTLINE"] + MESSAGE
    assert site.queue.queued()[0][0] == LINES[b"DTLINE"] + MESSAGE


@pytest.mark.parametrize(
    ("code", "exit_"), [*((c, 100) for c in (64, 65, 70, 76, 77, 78, 100, 112)), *((c, 111) for c in (1, 75, 99, 111))]
)
def test_a_command_that_fails_ends_it(site: Site, code: int, exit_: int) -> None:
    site.database(b"joe@h.org: |exit\\ %d, |touch\\ x, bo@x.y;" % code)
    assert site.run() == Result(exit_, b"", b"")
    assert site.queue.queued() == [] and not (site.folder / "x").exists()


def test_a_command_that_a_signal_ends(site: Site) -> None:
    site.database(b"joe@h.org: |kill\\ -9\\ $$;")
    assert site.run() == Result(111, b"", b"fastforward: fatal: child crashed\n")


def test_nothing_is_run_where_something_cannot_be_read(site: Site) -> None:
    site.database(b"joe@h.org: |touch\\ x, ./l.bin;")
    assert site.run() == Result(111, b"", b"fastforward: fatal: unable to read ./l.bin: file does not exist\n")
    assert not (site.folder / "x").exists()


def test_a_list_that_is_closed_to_others(site: Site) -> None:
    (site.folder / "l.bin").write_bytes(b"&bo@x.y\0")
    (site.folder / "l.bin").chmod(0o640)
    site.database(b"joe@h.org: ./l.bin;")
    assert site.run() == Result(111, b"", b"fastforward: fatal: ./l.bin is not world-readable\n")


@pytest.mark.parametrize(
    ("why", "data", "complaint"),
    [
        ("there is none", None, b"file does not exist"),
        ("it is damaged", b"\1" * 2048, b"cdb is cut short"),
        ("it is empty", b"", b"cdb is cut short"),
    ],
)
def test_a_database_that_cannot_be_read_is_no_answer(site: Site, why: str, data: bytes | None, complaint: bytes) -> None:
    if data is not None:
        (site.folder / "d.cdb").write_bytes(data)
    assert site.run(b"-p") == Result(111, b"", b"fastforward: fatal: unable to read d.cdb: %b\n" % complaint), why


@pytest.mark.parametrize(
    ("exit_", "code", "text"),
    [(53, 111, b"qq write error or disk full (#4.3.0)"), (31, 100, b"mail server permanently rejected message (#5.3.0)")],
)
def test_what_the_queue_refuses_is_told(site: Site, exit_: int, code: int, text: bytes) -> None:
    site.database(b"joe@h.org: bo@x.y;")
    site.refuse_with(exit_)
    assert site.run() == Result(code, b"", b"fastforward: fatal: %b\n" % text)


def test_a_message_that_is_no_file_cannot_be_read_twice(site: Site) -> None:
    site.database(b"joe@h.org: |true, bo@x.y;")
    result = process("fastforward", [b"d.cdb"], site.env, MESSAGE)
    assert result == Result(111, b"", b"fastforward: fatal: unable to rewind input: unseekable descriptor\n")
    assert site.queue.queued() == []


def test_a_message_that_cannot_be_read(site: Site) -> None:
    site.database(b"joe@h.org: bo@x.y;")
    fd = os.open(site.folder, os.O_RDONLY)
    try:
        result = call("fastforward", [b"d.cdb"], site.env, stdin_fd=fd)
    finally:
        os.close(fd)
    assert result == Result(111, b"", b"fastforward: fatal: unable to read message: is a directory\n")
    assert site.queue.queued() == []


@pytest.mark.parametrize(("argv", "complaint"), [([], b""), ([b"-x", b"d.cdb"], b"fastforward: illegal option -- x\n")])
def test_wrong_arguments(argv: list[bytes], complaint: bytes) -> None:
    assert call("fastforward", argv, {}) == Result(100, b"", complaint + USAGE)
