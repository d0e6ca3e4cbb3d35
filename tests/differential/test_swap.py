"""One of our programs among the originals, and one original among ours: killed in turn (X03), lspawn and local (X04), users/cdb (X05), the
network (X08). On the original's own home, as test_queue_interchange, with its needs.
"""

from __future__ import annotations

import os
import pwd
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mta.formats import spawn
from tests.differential import swap
from tests.differential.swap import Site
from tests.differential.test_queue_interchange import HOME, Original, original, pytestmark
from tests.support import queue_program
from tests.support.call import call, command
from tests.support.original import original as debian
from tests.support.process import PATIENCE_S, eventually

__all__ = ["original", "pytestmark"]
COUNT = 150
TAKEN = b"Delivered-To: u%d@host.example.org"


def queue(count: int, recipient: bytes = b"u%d@host.example.org") -> None:
    """Messages from the original's own qmail-queue."""
    for i in range(count):
        read_end, write_end = os.pipe()
        os.write(write_end, b"Fa@host.example.org\0T%b\0\0" % (recipient % i if b"%" in recipient else recipient))
        os.close(write_end)
        subprocess.run([HOME / "bin/qmail-queue"], input=b"Subject: %d\n\nbody\n" % i, stdout=read_end, check=True)
        os.close(read_end)


def copies(site: Site) -> Counter[int]:
    """How often each message was delivered."""
    found: Counter[int] = Counter()
    for path in (site.path / "joe/Maildir/new").iterdir():
        match = re.search(rb"^Subject: (\d+)$", path.read_bytes(), re.MULTILINE)
        assert match is not None
        found[int(match[1])] += 1
    return found


def numbers(site: Site) -> dict[str, int]:
    """Message number -> which message it is."""
    found = {}
    for path in (site.path / "queue/mess").glob("*/*"):
        match = re.search(rb"^Subject: (\d+)$", path.read_bytes(), re.MULTILINE)
        assert match is not None
        found[path.name] = int(match[1])
    return found


def is_waiting(site: Site) -> bool:
    """Is there a message to deliver? A kill may also leave pieces (S2), which are swept away after 36 hours."""
    return any(path.is_file() for folder in ("todo", "info") for path in (site.path / "queue" / folder).rglob("*"))


def empty_queue() -> None:
    for path in (HOME / "queue").rglob("*"):
        if path.is_file() and path.parent.name != "lock":
            path.unlink()


@contextmanager
def theirs(log: Path, path: str = f"{HOME}/bin:/usr/bin:/bin") -> Iterator[subprocess.Popen[bytes]]:
    """The original qmail-send and its helpers, found on path. Its process is qmail-send's."""
    with log.open("ab") as out, subprocess.Popen([HOME / "bin/qmail-start", "./Mailbox"], env={"PATH": path}, cwd=HOME, stdout=out) as send:
        try:
            yield send
        finally:
            send.terminate()
            send.wait(PATIENCE_S)


def script(path: Path, name: str) -> None:
    """bin/NAME that is ours."""
    text = f"import sys; sys.path.insert(0, {os.getcwd()!r}); from mta import runner; runner.run({name!r}, {os.fsencode(HOME)!r})"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -I -c "{text}" "$@"\n')
    path.chmod(0o755)


def test_x03_neither_loses_what_the_other_was_killed_with(tmp_path: Path) -> None:
    """And what had ended before a kill does not come again. In a copy of the home, qmail-send ours and the original in turn."""
    if not swap.is_possible():
        pytest.skip("we may not mount")
    site, rng, kills = Site(tmp_path, frozenset()), random.Random(3), 0
    site.inject("qmail-queue", COUNT, "joe")
    known = numbers(site)
    ended: dict[int, int] = {}
    while is_waiting(site):
        site.put("qmail-send", is_ours=kills % 2 == 0)
        goal = copies(site).total() + rng.randrange(1, 20)
        with site.killable() as send:
            eventually(lambda goal=goal: copies(site).total() >= goal or not is_waiting(site), "nothing is delivered")
            if is_waiting(site):
                send.kill()
                kills += 1
        now = copies(site)
        for number in re.findall(r"^end msg (\d+)$", site.log.read_text(), re.MULTILINE):
            ended.setdefault(known[number], now[known[number]])
    assert kills >= 4
    found = copies(site)
    assert set(found) == set(range(COUNT)), "no message is lost"
    assert {n: found[n] for n in ended} == ended


REPORTS = [
    ("P02 delivered", b"u1", b"", "success: did_1+0+0/"),
    ("P03 nobody", b"", b"", "success: "),
    ("P07 for good", b"fail", b"|echo 'a b'; exit 100\n", "failure: a_b/"),
    ("not now", b"soft", b"|echo later; exit 111\n", "deferral: later/"),
    (
        "P08 a long report",
        b"long",
        b"|head -c 20000 /dev/zero | tr '\\0' x; exit 100\n",
        f"failure: {'x' * 2966}/Error_report_too_long,_sorry./",
    ),
    ("a signal", b"dead", b"|kill -9 $$\n", "deferral: Aack,_child_crashed._(#4.3.0)/"),
    ("no such name", b"sub-name", b"", "failure: Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/"),
]


@pytest.mark.parametrize("with_our_local", [False, True])
def test_x04_our_lspawn_under_the_original_send(original: Original, tmp_path: Path, with_our_local: bool) -> None:
    """And the original qmail-local, or ours, under it."""
    alias = HOME / "alias"
    (alias / ".qmail-default").rename(alias / ".qmail-u1")
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin/qmail-lspawn", "qmail-lspawn")
    local, kept = HOME / "bin/qmail-local", tmp_path / "qmail-local"
    kept.write_bytes(local.read_bytes())
    try:
        if with_our_local:
            local.unlink()
            script(local, "qmail-local")
        for _, name, dot, _ in REPORTS:
            if dot:
                (alias / f".qmail-{name.decode()}").write_bytes(dot)
            queue(1, name + b"@host.example.org")
        log = tmp_path / "log"
        with theirs(log, f"{tmp_path}/bin:{HOME}/bin:/usr/bin:/bin"):
            eventually(lambda: log.read_text().count("\ndelivery ") >= len(REPORTS), "not everything was tried")
        said = re.findall(r"^starting delivery (\d+): msg \d+ to local (\S*)$|^delivery (\d+): (.*)$", log.read_text(), re.MULTILINE)
        started = {number: name for number, name, _, _ in said if number}
        found = {started[number]: text for _, _, number, text in said if number and number in started}
        for why, name, _, text in REPORTS:
            assert found[f"{name.decode()}@host.example.org"] == text, why
    finally:
        local.unlink()
        local.write_bytes(kept.read_bytes())
        local.chmod(0o711)
        for path in (
            *(HOME / "queue").glob("*/*/*"),
            *(HOME / "queue/bounce").iterdir(),
            *(HOME / "queue/todo").iterdir(),
            *(HOME / "queue/intd").iterdir(),
        ):
            path.unlink()
        for path in alias.glob(".qmail-*"):
            path.unlink()


def random_assign(rng: random.Random, lines: int) -> bytes:
    letters = "abcXYZ.-+09"
    rows = []
    for _ in range(lines):
        name = "".join(rng.choices(letters, k=rng.randrange(1, 9)))
        name = name[:-1] + name[-1].lower()  # the original never finds a wildcard that ends in a capital (U04)
        rows.append(
            f"{rng.choice('=+')}{name}:u{rng.randrange(9)}:{rng.randrange(9999)}:{rng.randrange(99)}:/h/{name}:{rng.choice(['', '-'])}:x:"
        )
    return ("\n".join(rows) + "\n.\n").encode()


def test_x05_users_cdb_is_the_same_file_to_both(original: Original, tmp_path: Path) -> None:
    rng = random.Random(5)
    (tmp_path / "users").mkdir()
    for _ in range(3):
        text = random_assign(rng, 3000)
        for home in (HOME, tmp_path):
            (home / "users/assign").write_bytes(text)
        subprocess.run([HOME / "bin/qmail-newu"], check=True)
        assert call("qmail-newu", [], {b"QMAIL_HOME": os.fsencode(tmp_path)}).code == 0
        assert (tmp_path / "users/cdb").read_bytes() == (HOME / "users/cdb").read_bytes()


def test_x05_the_original_lspawn_reads_what_ours_compiled(original: Original, tmp_path: Path) -> None:
    alias = pwd.getpwnam("alias")
    (tmp_path / "users").mkdir()
    user = f"alias:{alias.pw_uid}:{alias.pw_gid}:{HOME}/alias"
    (tmp_path / "users/assign").write_text(f"=joe:{user}:-:default:\n+list-:{user}:-:x-:\n.\n")
    assert call("qmail-newu", [], {b"QMAIL_HOME": os.fsencode(tmp_path)}).code == 0
    (HOME / "users/cdb").write_bytes((tmp_path / "users/cdb").read_bytes())
    queue(1)
    (mess,) = (p for p in (HOME / "queue/mess").glob("*/*") if p.is_file())
    name = os.fsencode(mess.relative_to(HOME / "queue/mess"))
    asked = b"".join(spawn.write_command(spawn.Command(i, name, b"s@x", r)) for i, r in enumerate((b"JOE@h", b"list-a@h")))
    done = subprocess.run(
        [HOME / "bin/qmail-lspawn", "./Mailbox"], input=asked, capture_output=True, check=True, env={"PATH": f"{HOME}/bin"}
    )
    reports, _ = spawn.read_reports(done.stdout[1:])
    assert {r.slot: r.letter + r.text for r in reports} == dict.fromkeys(range(2), b"Kdid 1+0+0\n")
    empty_queue()


# -- the network -------------------------------------------------------------------------------------------------------------------


@contextmanager
def listening(port: int, words: list[object], env: dict[str, str]) -> Iterator[int]:
    """The original tcpserver in front of a program -> its port."""
    server = subprocess.Popen(
        [debian("tcpserver"), "-1", "-RHl0", "127.0.0.1", str(port), *map(str, words)], env=env, stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline())
    finally:
        server.terminate()
        server.wait(PATIENCE_S)
        server.stdout.close()


def wrapper(path: Path, words: list[object], name: str) -> str:
    """A program without arguments, for QMAILQUEUE."""
    file = path / name
    file.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" if "'" not in str(word) else f'"{word}"' for word in words) + "\n")
    file.chmod(0o755)
    return str(file)


QMQP_PORT = 628


@pytest.mark.parametrize("ours_is_first", [True, False])
def test_x08_smtp_in_qmqp_across_and_into_a_queue(original: Original, tmp_path: Path, ours_is_first: bool) -> None:
    """Our qmail-smtpd, the original qmail-qmqpc, our qmail-qmqpd; and the other three."""
    kept = queue_program.make(tmp_path / "kept")
    (HOME / "control/rcpthosts").write_text("host.example.org\n")
    (HOME / "control/qmqpservers").write_text("127.0.0.1\n")

    def program(name: str, is_ours: bool) -> list[object]:
        return [*command(name, os.fsencode(HOME))] if is_ours else [HOME / "bin" / name]

    client = wrapper(tmp_path, program("qmail-qmqpc", not ours_is_first), "client")
    try:
        with (
            listening(QMQP_PORT, program("qmail-qmqpd", ours_is_first), {"QMAILQUEUE": os.fsdecode(kept.path)}),
            listening(0, program("qmail-smtpd", ours_is_first), {"QMAILQUEUE": client}) as port,
        ):
            import smtplib

            with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE_S) as smtp:
                smtp.sendmail("ada@x.y", ["bo@host.example.org", "cy@host.example.org"], "Subject: across\r\n\r\n.dot\r\n")
    finally:
        for name in ("rcpthosts", "qmqpservers"):
            (HOME / "control" / name).unlink()
    ((message, envelope),) = kept.queued()
    assert envelope == b"Fada@x.y\0Tbo@host.example.org\0Tcy@host.example.org\0\0"
    here = rb"\(127\.0\.0\.1\)\n  by 0 with"
    assert re.match(rb"Received: from unknown %b QMQP; .* -0000\nReceived: from unknown \(HELO .*\) %b SMTP; " % (here, here), message)
    assert message.endswith(b"\nSubject: across\n\n.dot\n")
