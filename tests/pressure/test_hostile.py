"""S1 to S3 on live servers: nothing is relayed, nothing smuggled, no process ends or complains, and a client that only wants to say EHLO
never waits five seconds, whatever hostile clients send meanwhile."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import as_bytes, corpus
from tests.crash import faults_plane
from tests.pressure import attacks, corpora
from tests.pressure import world as worlds
from tests.pressure.raw import Raw, talk
from tests.pressure.results import Results
from tests.pressure.world import STALL_S, Watch, World

IS_FULL = os.environ.get("PRESSURE", "") == "full"
SMTP_DOORS = ("smtpd", "submission", "qmail-smtpd")
MEMORY_MIB = 20.0  # S2: by which no case may make a service grow

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


@pytest.fixture(scope="module")
def world(results: Results) -> Iterator[World]:
    with worlds.world() as found:
        yield found
        for name, probe in found.probes.items():
            if IS_FULL:
                results.row("probes", {"door": name, **probe.row(), "failed": probe.failed})
            assert probe.failed == 0, f"{name} did not answer: {probe.row()}"
            assert not IS_FULL or probe.slowest_s < STALL_S, f"{name} stalled: {probe.row()}"


@pytest.fixture
def watch(world: World) -> Iterator[Watch]:
    """Around every test: no harm, nothing relayed, nobody stalled."""
    with world.watched() as found:
        yield found
    assert world.harm() == []
    assert world.relayed() == []


def all_at_once(world: World, cases: list[dict[str, Any]], act: Callable[[int, dict[str, Any]], object]) -> None:
    with ThreadPoolExecutor(8) as pool:
        wrong = [found for found in pool.map(act, range(len(cases)), cases) if found]
    assert wrong == []


def quick_and_slow(doors: tuple[str, ...]) -> list[Any]:
    """The first one is for every run of the suite."""
    return [doors[0], *(pytest.param(door, marks=pytest.mark.pressure) for door in doors[1:])]


# -- what was recorded -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", quick_and_slow(SMTP_DOORS))
def test_s2_hostile_commands(world: World, watch: Watch, results: Results, door: str) -> None:
    def one(_number: int, case: dict[str, Any]) -> str | None:
        wanted = corpora.answer(corpora.COMMANDS, case["id"], door)
        data = as_bytes(case["bytes"]) * case.get("repeat", 1)
        heard = talk(world.ports[door], data, lambda *heard: corpora.codes(*heard) == wanted, waits="before_banner" not in case)
        return None if corpora.codes(*heard) == wanted else f"{case['id']}: {corpora.codes(*heard)}, not {wanted}"

    cases = corpus("hostile/smtp-commands")
    queued = world.queued()
    all_at_once(world, cases, one)
    watch.measure(*([door] if door in attacks.SERVICE else []))
    world.drain()
    assert world.queued() == queued, "none of them holds a message that may be taken"
    told(results, watch, f"smtp-commands: {len(cases)} cases", door, "each answered as it should be, nothing queued")


@pytest.mark.parametrize("door", quick_and_slow((*SMTP_DOORS, "qmail-smtpd ipv6")))
def test_s1_smuggling(world: World, watch: Watch, results: Results, door: str) -> None:
    """What lies in the mailbox afterwards, by the sender each case has of its own."""
    if door not in world.ports:
        pytest.skip("this machine has no ::1")
    cases = corpus("hostile/smtp-smuggling")
    host = "::1" if "ipv6" in door else "127.0.0.1"
    world.plane.empty()

    def one(number: int, case: dict[str, Any]) -> None:
        data = corpora.marked(as_bytes(case["bytes"]), number)
        if door == "submission":
            data = data.replace(b"\r\n", b"\r\n" + attacks.LOGIN + b"\r\n", 1)
        talk(world.ports[door], data, lambda _heard, is_closed: is_closed, host=host)

    all_at_once(world, cases, one)
    world.drain()
    senders = [re.match(rb"Return-Path: <([^>]*)>", path.read_bytes()) for path in world.plane.stored()]
    found = [match[1] for match in senders if match]
    wrong = []
    for number, case in enumerate(cases):
        outer, smuggled = (found.count(b"%b-%d@remote.test" % (name, number)) for name in (b"a", b"admin"))
        if (outer + smuggled, smuggled) != corpora.right(as_bytes(case["bytes"]), case["expect"].startswith("control")):
            wrong.append(f"{case['id']}: {outer} messages, {smuggled} smuggled")
    assert wrong == []
    world.plane.empty()
    controls = sum(case["expect"].startswith("control") for case in cases)
    told(results, watch, f"smtp-smuggling: {len(cases)} cases", door, f"0 smuggled; the {controls} control cases arrive as two")


RELAY_DOORS = ("smtpd", "qmail-smtpd", "qmail-smtpd ipv6", "submission", "submission, a wrong password first")


@pytest.mark.parametrize("door", quick_and_slow(RELAY_DOORS))
def test_s3_relaying(world: World, watch: Watch, results: Results, door: str) -> None:
    name = door.partition(",")[0]
    if name not in world.ports:
        pytest.skip("this machine has no ::1")
    cases = corpus("hostile/relay")
    counts = {"refused": 0, "taken for one of our domains, or none": 0}
    with Raw(world.ports[name], host="::1" if "ipv6" in door else "127.0.0.1") as raw:
        raw.until(b"\n")
        if door != name:
            assert raw.ask(b"AUTH PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw==").startswith(b"535")
        for case in cases:
            reply = relay(raw, case)
            if reply.startswith(b"421"):  # too many errors: another connection
                raw.sock.close()
                raw.__init__(world.ports[name], host="::1" if "ipv6" in door else "127.0.0.1")  # type: ignore[misc]
                raw.until(b"\n")
                reply = relay(raw, case)
            check_relay(case, reply, is_submission=name == "submission")
            counts["taken for one of our domains, or none" if reply.startswith(b"250") else "refused"] += 1
    world.drain()
    world.plane.empty()
    told(results, watch, f"relay: {len(cases)} cases", door, f"0 relayed; {', '.join(f'{n} {what}' for what, n in counts.items())}")


def relay(raw: Raw, case: dict[str, Any]) -> bytes:
    """-> the answer that decided; a recipient that was taken gets its message."""
    raw.ask(b"RSET")
    reply = raw.ask(b"MAIL FROM:<%b>" % as_bytes(case["mail_from"]))
    if reply.startswith(b"250"):
        reply = raw.ask(b"RCPT TO:<%b>" % as_bytes(case["rcpt_to"]))
    if reply.startswith(b"250"):
        assert raw.ask(b"DATA").startswith(b"354")
        raw.send(b"Subject: relay\r\n\r\nx\r\n.\r\n")
        assert raw.until(b"\r\n").startswith(b"250")
    return reply


def check_relay(case: dict[str, Any], reply: bytes, *, is_submission: bool) -> None:
    if is_submission:
        assert reply.startswith(b"530"), f"{case['id']}: {reply!r}"
    elif case["expect"] == "accept":
        assert reply.startswith(b"250"), f"{case['id']}: {reply!r}"
    elif case["expect"] == "reject-553" and "@" in case["rcpt_to"]:  # without "@" it is a local name, whatever stands in it (M06)
        assert reply.startswith(b"553"), f"{case['id']}: {reply!r}"
    else:
        assert reply[:1] in (b"2", b"5"), f"{case['id']}: {reply!r}"


def test_s2_pop3_qmtp_and_qmqp(world: World, watch: Watch, results: Results) -> None:
    cases = corpus("hostile/imap-pop-qmtp")
    queued = world.queued()
    for case in cases:
        data = as_bytes(case["bytes"])
        if case["proto"] == "pop3":
            heard, _ = talk(world.ports["pop3d"], data + b"\r\nQUIT\r\n", lambda *_: True)
            lines = heard.split(b"\r\n")
            allowed = (b"+OK ", b"+OK begin TLS", b"")
            assert all(line in allowed or line.startswith(b"-ERR") for line in lines), f"{case['id']}: {lines}"
            assert not any(b"messages" in line for line in lines)
        elif case["proto"] not in corpora.NOT_HERE:
            netstring_case(world, case["id"], case["proto"], data)
    world.drain()
    assert world.queued() == queued
    here = [case for case in cases if case["proto"] not in corpora.NOT_HERE]
    why = ", ".join(f"{sum(case['proto'] == proto for case in cases)} {proto} cases: {why}" for proto, why in corpora.NOT_HERE.items())
    told(
        results,
        watch,
        f"imap-pop-qmtp: {len(here)} of {len(cases)} cases",
        "pop3d, qmtpd, qmqpd",
        f"-ERR or closed, nothing queued ({why})",
    )


def netstring_case(world: World, name: str, proto: str, data: bytes) -> None:
    with Raw(world.ports[f"{proto}d"]) as raw:
        raw.send(data)
        if corpora.NETSTRINGS[name] == "waits":
            raw.sock.settimeout(0.5)
            with pytest.raises(TimeoutError):
                raw.rest()
            raw.sock.settimeout(20)
            raw.sock.shutdown(1)
        assert raw.rest() == b"", name


def told(results: Results, watch: Watch, what: str, door: str, answer: str) -> None:
    watch.end()
    assert watch.most_kb < MEMORY_MIB * 1024, f"{watch.most_kb} kB more"
    if IS_FULL:
        results.row("corpora", {"cases": what, "door": door, "outcome": answer, **watch.row()})


# -- what they do ------------------------------------------------------------------------------------------------------------------

Act = Callable[[World, Watch, str], str]
MANY = 10 if IS_FULL else 1
HELP = b"HELP\r\n"
QMTP_NUL = attacks.qmtp(b"Subject: x\n\nx\n", b"a\0b", b"joe@oracle.test", b"joe\0Tv@elsewhere.test\0@oracle.test")
QMTP_AWAY = attacks.qmtp(b"x\n", b"a@far.example", b"v@elsewhere.test")
QMQP_NUL = attacks.qmqp(b"x\n", b"a@far.example", b"joe\0Tv@elsewhere.test\0@oracle.test")
QUICK: list[tuple[str, str, Act]] = [
    ("100 000 RCPT of one message, from a stranger", "smtpd", lambda *a: attacks.recipients(*a, 10_000 * MANY, 100)),
    ("... from one of our users", "submission", lambda *a: attacks.recipients(*a, 10_000 * MANY, 1000)),
    ("100 000 RCPT for other domains", "smtpd", lambda *a: attacks.strangers(*a, 10_000 * MANY)),
    ("a command line of 1 MB", "smtpd", lambda *a: attacks.long_command(*a, 1 << 20)),
    ("... inside TLS", "smtps", lambda *a: attacks.long_command(*a, 1 << 20)),
    ("... for POP3", "pop3d", lambda *a: attacks.long_command(*a, 1 << 20)),
    ("a header line of 1 MB", "smtpd", lambda *a: attacks.long_header(*a, 1 << 20)),
    ("10 clients, 50 000 commands each in one go", "smtpd", lambda *a: attacks.commands(*a, 10, 5_000 * MANY)),
    ("commands behind STARTTLS, same packet", "smtpd", lambda *a: attacks.injection(*a, apart=False)),
    ("... a packet of their own", "smtpd", lambda *a: attacks.injection(*a, apart=True)),
    ("... same packet", "submission", lambda *a: attacks.injection(*a, apart=False)),
    ("USER behind STLS, same packet", "pop3d", lambda *a: attacks.injection(*a, apart=False)),
    ("... a packet of its own", "pop3d", lambda *a: attacks.injection(*a, apart=True)),
    ("2 000 connections reset at five stages", "smtpd", lambda *a: attacks.resets(*a, 200 * MANY)),
    ("NUL in sender and recipient", "qmtpd", lambda *a: attacks.netstrings(*a, QMTP_NUL, [b"D", b"D"])),
    ("a recipient of another domain", "qmtpd", lambda *a: attacks.netstrings(*a, QMTP_AWAY, [b"D"])),
    ("NUL in a recipient", "qmqpd", lambda *a: attacks.netstrings(*a, QMQP_NUL, [b"D"])),
    ("2 000 messages, no answer read", "qmtpd", lambda *a: attacks.unread_qmtp(*a, 200 * MANY)),
]
SLOW: list[tuple[str, str, Act]] = [
    ("20 clients ask HELP and read nothing", "smtpd", lambda *a: attacks.unread_replies(*a, 2 * MANY, HELP)),
    ("... inside TLS, logged in", "submission", lambda *a: attacks.unread_replies(*a, 2 * MANY, HELP)),
    ("a command line of 64 MB", "smtpd", lambda *a: attacks.long_command(*a, 1 << 26)),
    ("a header line of 1 MB", "qmail-smtpd", lambda *a: attacks.long_header(*a, 1 << 20)),
    ("4 clients, 50 000 commands each in one go", "qmail-smtpd", lambda *a: attacks.commands(*a, 4, 5_000 * MANY)),
    ("200 half AUTH exchanges", "submission", lambda *a: attacks.half_an_auth(*a, 20 * MANY)),
    ("300 connections reset at five stages", "qmail-smtpd", lambda *a: attacks.resets(*a, 30 * MANY)),
    ("500 connections half open", "smtpd", lambda *a: attacks.half_open(*a, 50 * MANY)),
    ("300 broken TLS handshakes", "smtps", lambda *a: attacks.handshakes(*a, 30 * MANY)),
    ("300 broken TLS handshakes after STARTTLS", "smtpd", lambda *a: attacks.handshakes(*a, 30 * MANY)),
    ("100 connections guess a password", "submission", lambda *a: attacks.wrong_passwords(*a, 10 * MANY)),
]
ATTACKS = [*QUICK, *(pytest.param(*row, marks=pytest.mark.pressure) for row in SLOW)]
NAMES = [f"{door}: {what}" for what, door, _ in [*QUICK, *SLOW]]


@pytest.mark.parametrize(("what", "door", "act"), ATTACKS, ids=NAMES)
def test_hostile_clients(world: World, watch: Watch, results: Results, what: str, door: str, act: Act) -> None:
    answer = act(world, watch, door)
    watch.end()
    assert watch.most_kb < MEMORY_MIB * 1024, f"{watch.most_kb} kB more"
    if IS_FULL:
        results.row("hostile", {"what they do": what, "door": door, "what they get": answer, **watch.row()})
