"""Each of our programs among the originals, and each original among ours: 200 messages of all kinds go in, all arrive, the queue is empty,
and the log says of each what the log of the originals says. (Appendix B: what must match to replace one program.)

Needs root, ORIGINAL_QMAIL, and the right to mount: it works on copies (tests/differential/swap.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential import swap
from tests.differential.swap import HOME, Outcome, Site, mail

pytestmark = swap.NEEDS

# the program, and the one the messages go in by: itself, where it is one of those that queue
MATRIX = {
    "qmail-queue": "qmail-queue",
    "qmail-send": "qmail-queue",
    "qmail-clean": "qmail-queue",
    "qmail-lspawn": "qmail-queue",
    "qmail-rspawn": "qmail-queue",
    "qmail-local": "qmail-queue",
    "qmail-remote": "qmail-queue",
    "qmail-start": "qmail-queue",
    "qmail-getpw": "qmail-queue",
    "forward": "qmail-queue",
    "qmail-newu": "qmail-queue",
    "qmail-newmrh": "qmail-smtpd",
    "qmail-inject": "qmail-inject",
    "sendmail": "sendmail",
    "qmail-smtpd": "qmail-smtpd",
    "qmail-qmtpd": "qmail-qmtpd",
    "qmail-qmqpd": "qmail-qmqpd",
    "qmail-qmqpc": "qmail-qmqpc",
}
EVERY = frozenset(MATRIX)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What became of the messages among originals alone, by the program they went in by."""
    folder = tmp_path_factory.mktemp("originals")
    return {through: mail(Site(folder, frozenset()), through) for through in sorted(set(MATRIX.values()))}


def check(site: Site, through: str, recorded: dict[str, Outcome]) -> None:
    histories, delivered, sent = mail(site, through)
    assert histories == recorded[through][0]
    assert delivered == recorded[through][1]
    assert sent == recorded[through][2]


def test_the_originals_deliver_everything(recorded: dict[str, Outcome]) -> None:
    """Of ten messages two are refused, which makes two more; two are forwarded; one has three recipients."""
    for histories, delivered, sent in recorded.values():
        assert histories.total() == swap.COUNT * 14 // 10 and not any(history[0] == "?" for history in histories)
        assert (delivered.total(), sent.total()) == (swap.COUNT, swap.COUNT * 2 // 10)


@pytest.mark.parametrize("name", MATRIX)
def test_one_of_ours_among_the_originals(name: str, recorded: dict[str, Outcome], tmp_path: Path) -> None:
    check(Site(tmp_path, frozenset([name])), MATRIX[name], recorded)


@pytest.mark.parametrize("name", MATRIX)
def test_one_original_among_ours(name: str, recorded: dict[str, Outcome], tmp_path: Path) -> None:
    assert (HOME / "bin" / name).exists()
    check(Site(tmp_path, EVERY - {name}), MATRIX[name], recorded)


@pytest.mark.parametrize("through", sorted(set(MATRIX.values())))
def test_ours_alone(through: str, recorded: dict[str, Outcome], tmp_path: Path) -> None:
    check(Site(tmp_path, EVERY), through, recorded)


@pytest.mark.parametrize("ours", [frozenset(), EVERY])
def test_readers_show_a_queue_of_either_kind_alike(ours: frozenset[str], tmp_path: Path) -> None:
    """With what cannot be sent waiting in it: the server is not there."""
    site, waiting = Site(tmp_path, ours), swap.COUNT * 3 // 10
    site.control(smtproutes=":127.0.0.1:1")
    site.run("qmail-newu")
    with site.writer(), site.running():
        site.inject("qmail-queue")
        for _ in range(10 * swap.COUNT):  # as long as something is delivered, that may take its time
            if tried(site) >= waiting and len(messages(site)) == waiting:
                break
            swap.eventually(lambda before=(tried(site), messages(site)): (tried(site), messages(site)) != before, "nothing goes on")
    shown = []
    for is_ours in (False, True):
        for name in ("qmail-qread", "qmail-qstat"):
            site.put(name, is_ours=is_ours)
        shown.append((sorted(site.run("qmail-qread").stdout.split(b"\n")), site.run("qmail-qstat").stdout))
    assert shown[0] == shown[1]
    assert b"messages in queue: %d\n" % waiting in shown[0][1]


def tried(site: Site) -> int:
    return site.log.read_text().count(": deferral: ")


def messages(site: Site) -> list[str]:
    return [name for name in site.left() if name.startswith("queue/mess/")]
