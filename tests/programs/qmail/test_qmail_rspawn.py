from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mta.formats import spawn
from mta.formats.spawn import CAPACITY, Command
from mta.programs.qmail.qmail_rspawn import courier
from mta.programs.qmail.qmail_rspawn.courier import Couriers, Transaction
from mta.programs.qmail.qmail_rspawn.deliveries import Deliveries
from mta.programs.qmail.qmail_rspawn.shared import RECIPIENTS_MAX
from mta.unix.fds import Fds
from tests.conftest import ROOT
from tests.programs.qmail import remote_home
from tests.programs.qmail.remote_home import Rspawn
from tests.support.dns_server import SERVFAIL, DnsServer
from tests.support.smtp_sink import CLOSE, HANG, Hold, Reply, SmtpSink, Then, self_signed, unreachable

MESSAGE = b"Subject: t\n\nbody\n"
AS_SENT = b"Subject: t\r\n\r\nbody\r\n.\r\n"
ACCEPTED = b"K127.0.0.1 accepted message.\nRemote host said: 250 queued\n"


def route(sink: SmtpSink, key: str = "") -> str:
    return f"{key}:{sink.ip}:{sink.port}\n"


# -- the protocol ----------------------------------------------------------------------------------------------------------------------


def test_it_says_how_much_it_can_do(tmp_path: Path) -> None:
    with Rspawn(remote_home.make(tmp_path)) as rspawn:
        assert rspawn.capacity == CAPACITY == 120


@pytest.mark.parametrize(
    ("why", "message", "recipient", "report"),
    [
        ("no host", None, b"joe", b"DSorry, address must include host name. (#5.1.3)\n"),
        ("a name that climbs", b"../x", b"u@h", b"DInternal error: messid has nonnumerics. (#5.3.5)\n"),
        ("a name from the root", b"/1", b"u@h", b"DInternal error: messid has nonnumerics. (#5.3.5)\n"),
        ("no name", b"", b"u@h", b"DInternal error: messid too short. (#5.3.5)\n"),
        ("a long name", b"1" * 101, b"u@h", b"DInternal error: messid too long. (#5.3.5)\n"),
        ("a directory", b"7", b"u@h", b"ZSorry, message has wrong type. (#4.3.5)\n"),
        ("no such message", b"7/7", b"u@h", b"Zqmail-spawn unable to open message. (#4.3.0)\n"),
    ],
)
def test_it_refuses_at_once(why: str, message: bytes | None, recipient: bytes, report: bytes, tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    queued = remote_home.queue(home, MESSAGE)
    with Rspawn(home) as rspawn:
        assert rspawn.deliver(queued if message is None else message, recipient) == report, why


@pytest.mark.root
def test_it_refuses_a_message_of_another_owner(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    home = remote_home.make(tmp_path)
    queued = remote_home.queue(home, MESSAGE)
    os.chown(home.path / "queue/mess" / queued.decode(), 65534, -1)
    with Rspawn(home) as rspawn:
        assert rspawn.deliver(queued, b"u@h") == b"ZSorry, message has wrong owner. (#4.3.5)\n"


def test_big_concurrency_has_wide_slots(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink), concurrencylimit="1000")
        queued = remote_home.queue(home, MESSAGE)
        done = subprocess.run(
            [sys.executable, "-m", "mta", "qmail-rspawn"],
            cwd=ROOT,
            env=remote_home.environment(home),
            input=b"".join(spawn.write_command(spawn.Command(slot, queued, b"s@x.test", b"u@h"), 2) for slot in (999, 1000)),
            capture_output=True,
            check=True,
        )
    assert done.stdout[:2] == b"\xe8\3"
    found, _ = spawn.read_reports(done.stdout[2:], 2)
    assert {r.slot: r.letter + r.text for r in found} == {999: ACCEPTED, 1000: b"ZInternal error: delnum too big. (#4.3.5)\n"}


def test_it_refuses_slots_it_has_not_and_slots_in_use(tmp_path: Path) -> None:
    go_on = threading.Event()
    with SmtpSink(replies={"greeting": Hold(go_on, b"220 hi\r\n")}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        queued = remote_home.queue(home, MESSAGE)
        with Rspawn(home) as rspawn:
            assert rspawn.deliver(queued, b"u@h", slot=200) == b"ZInternal error: delnum too big. (#4.3.5)\n"
            rspawn.command(119, queued, b"u@h")
            sink.wait(connections=1)
            assert rspawn.deliver(queued, b"u@h", slot=119) == b"ZInternal error: delnum in use. (#4.3.5)\n"
            go_on.set()
            assert rspawn.reports(1) == [(119, ACCEPTED)]
            assert rspawn.deliver(queued, b"u@h", slot=119) == ACCEPTED


def test_commands_may_come_in_pieces(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        queued = remote_home.queue(home, MESSAGE)
        with Rspawn(home) as rspawn:
            for octet in b"\0" + queued + b"\0s@x.test\0u@h\0":
                rspawn.send(bytes((octet,)))
            assert rspawn.reports(1) == [(0, ACCEPTED)]


def test_it_forgets_time_outs_at_start(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    (home.path / "queue/lock/tcpto").write_bytes(b"\1" * 1024)
    with Rspawn(home):
        assert (home.path / "queue/lock/tcpto").read_bytes() == bytes(1024)


# -- our own deliveries ----------------------------------------------------------------------------------------------------------------


def test_a_message_is_delivered_and_reported(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            assert rspawn.deliver(remote_home.queue(home, MESSAGE), b"joe@dest.test") == ACCEPTED
    assert sink.messages[0].data == AS_SENT
    assert (sink.messages[0].sender, sink.messages[0].recipients) == (b"<s@x.test>", [b"<joe@dest.test>"])
    assert sink.connections[0].commands[0] == b"EHLO me.test"


def test_a_refusal_for_now_is_reported_as_such(tmp_path: Path) -> None:
    with SmtpSink(replies={"RCPT": b"450 busy\r\n"}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            said = rspawn.deliver(remote_home.queue(home, MESSAGE), b"joe@dest.test")
    assert said == b"Z127.0.0.1 does not like recipient.\nRemote host said: 450 busy\nGiving up on 127.0.0.1.\n"


def test_names_are_looked_up_where_dnscacheip_says(tmp_path: Path) -> None:
    with SmtpSink(ip="127.0.0.2") as sink, DnsServer({"dest.test": {"MX": ["10 [127.0.0.2]."]}, "broken.test": SERVFAIL}) as dns:
        home = remote_home.make(tmp_path, smtproutes=f"::{sink.port}\n")
        queued = remote_home.queue(home, MESSAGE)
        with Rspawn(home, DNSCACHEIP=dns.dnscacheip) as rspawn:
            assert rspawn.deliver(queued, b"u@dest.test").startswith(b"K127.0.0.2 accepted message.\n")
            assert rspawn.deliver(queued, b"u@broken.test") == b"ZSorry, I couldn't find any host by that name. (#4.1.2)\n"
            assert rspawn.deliver(queued, b"u@nowhere.test") == b"DSorry, I couldn't find any host named nowhere.test. (#5.1.2)\n"


def test_very_many_deliveries_to_many_destinations(tmp_path: Path) -> None:
    count = 600
    hosts = [f"d{i}.test" for i in range(10)]
    with SmtpSink(ip="127.0.0.2", offers=[b"PIPELINING"]) as one, SmtpSink(ip="127.0.0.3") as two:
        routes = "".join(route((one, two)[i % 2], host) for i, host in enumerate(hosts))
        home = remote_home.make(tmp_path, smtproutes=routes)
        messages = [remote_home.queue(home, b"Number: %d\n\nbody\n" % i) for i in range(20)]
        with Rspawn(home) as rspawn:
            free, reports, sent = set(range(CAPACITY)), [], 0
            while len(reports) < count:
                while free and sent < count:
                    rspawn.command(free.pop(), messages[sent % 20], b"u%d@%b" % (sent, hosts[sent % 10].encode()))
                    sent += 1
                new = rspawn.reports(1)
                free |= {slot for slot, _ in new}
                reports += new
    assert {r[:1] for _, r in reports} == {b"K"}
    recipients = [r for sink in (one, two) for m in sink.messages for r in m.recipients]
    assert sorted(recipients) == sorted(b"<u%d@%b>" % (i, hosts[i % 10].encode()) for i in range(count))
    assert len(one.connections) + len(two.connections) < count / 2, "connections are used again"
    for sink in (one, two):
        assert all(m.data == b"Number: %d\r\n\r\nbody\r\n.\r\n" % (int(m.recipients[0][2:].split(b"@")[0]) % 20) for m in sink.messages)


def test_the_connection_of_the_last_message_takes_the_next(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        queued = remote_home.queue(home, MESSAGE)
        with Rspawn(home) as rspawn:
            for _ in range(5):
                assert rspawn.deliver(queued, b"u@dest.test") == ACCEPTED
        sink.wait(over=1)
    assert len(sink.connections) == 1
    assert sink.connections[0].commands[-1] == b"QUIT"


def deliver_together(rspawn: Rspawn, queued: bytes, recipients: list[bytes], sender: bytes = b"s@x.test") -> list[bytes]:
    """Commands that come at once -> their reports, in order."""
    rspawn.send(b"".join(spawn.write_command(Command(slot, queued, sender, one)) for slot, one in enumerate(recipients)))
    return [report for _, report in sorted(rspawn.reports(len(recipients)))]


def test_recipients_of_one_message_at_one_destination_share_a_transaction(tmp_path: Path) -> None:
    recipients = [b"u%d@%b" % (i, host) for i in range(50) for host in (b"one.test", b"two.test")]
    with SmtpSink(offers=[b"PIPELINING"]) as one, SmtpSink(ip="127.0.0.2") as two:
        home = remote_home.make(tmp_path, smtproutes=route(one, "one.test") + route(two, "two.test"))
        with Rspawn(home) as rspawn:
            reports = deliver_together(rspawn, remote_home.queue(home, MESSAGE), recipients)
    assert reports == [ACCEPTED, ACCEPTED.replace(b"0.0.1", b"0.0.2")] * 50
    for sink, host in ((one, b"one.test"), (two, b"two.test")):
        assert sorted(len(m.recipients) for m in sink.messages) == [10, RECIPIENTS_MAX, RECIPIENTS_MAX]
        assert sorted(r for m in sink.messages for r in m.recipients) == sorted(b"<u%d@%b>" % (i, host) for i in range(50))
        assert {m.data for m in sink.messages} == {AS_SENT}


def test_a_recipient_that_is_refused_among_others_is_told_what_it_would_hear_alone(tmp_path: Path) -> None:
    def answer(line: bytes) -> bytes:
        return b"550 no such user\r\n" if b"nobody" in line else b"250 ok\r\n"

    with SmtpSink(replies={"RCPT": answer}, offers=[b"PIPELINING"]) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        queued = remote_home.queue(home, MESSAGE)
        with Rspawn(home) as rspawn:
            together = deliver_together(rspawn, queued, [b"a@d.test", b"nobody@d.test", b"b@d.test"])
            assert together == [rspawn.deliver(queued, one) for one in (b"a@d.test", b"nobody@d.test", b"b@d.test")]
    assert together[0] == together[2] == ACCEPTED
    assert together[1] == (b"D127.0.0.1 does not like recipient.\nRemote host said: 550 no such user\nGiving up on 127.0.0.1.\n"), (
        "the words of the original"
    )


@pytest.mark.parametrize("code", [b"452", b"552"])
def test_a_server_that_takes_few_recipients_at_a_time_gets_the_others_alone(code: bytes, tmp_path: Path) -> None:
    answers = [b"250 ok\r\n"] * 3 + [code + b" too many recipients\r\n"] * 2 + [b"250 ok\r\n"]  # and so on
    with SmtpSink(replies={"RCPT": list[Reply](answers)}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            reports = deliver_together(rspawn, remote_home.queue(home, MESSAGE), [b"u%d@d.test" % i for i in range(5)])
    assert reports == [ACCEPTED] * 5
    assert sorted(r for m in sink.messages for r in m.recipients) == [b"<u%d@d.test>" % i for i in range(5)], "nobody has it twice"


@pytest.mark.parametrize("verb", ["DATA", "."])
def test_a_message_that_is_refused_for_all_is_tried_for_each(verb: str, tmp_path: Path) -> None:
    """A filter of one of them may have said it."""
    answers = [b"554 u1 wants none of this\r\n", b"354 go ahead\r\n" if verb == "DATA" else b"250 queued\r\n"]
    with SmtpSink(replies={verb: list[Reply](answers)}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            reports = deliver_together(rspawn, remote_home.queue(home, MESSAGE), [b"u0@d.test", b"u1@d.test", b"u2@d.test"])
    assert reports == [ACCEPTED] * 3
    assert [len(m.recipients) for m in sink.messages][-3:] == [1, 1, 1]


def test_a_message_that_is_refused_for_each_fails_with_the_words_of_a_single_delivery(tmp_path: Path) -> None:
    with SmtpSink(replies={".": b"554 spam\r\n"}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            reports = deliver_together(rspawn, remote_home.queue(home, MESSAGE), [b"u0@d.test", b"u1@d.test"])
    assert reports == [b"D127.0.0.1 failed after I sent the message.\nRemote host said: 554 spam\n"] * 2


def test_a_connection_that_dies_after_the_message_is_told_to_all_and_not_tried_again(tmp_path: Path) -> None:
    with SmtpSink(replies={".": CLOSE}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            reports = deliver_together(rspawn, remote_home.queue(home, MESSAGE), [b"u0@d.test", b"u1@d.test"])
    assert reports == [b"ZConnected to 127.0.0.1 but connection died. Possible duplicate! (#4.4.2)\n"] * 2
    assert len(sink.connections) == 1


def test_a_bounce_has_its_transaction_for_itself(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            queued = remote_home.queue(home, MESSAGE)
            assert deliver_together(rspawn, queued, [b"u0@d.test", b"u1@d.test"], sender=b"") == [ACCEPTED] * 2
    assert [len(m.recipients) for m in sink.messages] == [1, 1]


def test_a_connection_that_died_meanwhile_is_replaced(tmp_path: Path) -> None:
    with SmtpSink(replies={".": Then(b"250 queued\r\n", CLOSE)}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        queued = remote_home.queue(home, MESSAGE)
        with Rspawn(home) as rspawn:
            assert [rspawn.deliver(queued, b"u@dest.test") for _ in range(3)] == [ACCEPTED] * 3
    assert len(sink.connections) == 3


def test_a_server_that_never_answers_holds_up_nobody_else(tmp_path: Path) -> None:
    with SmtpSink(ip="127.0.0.2", replies={"greeting": HANG}) as slow, SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=route(slow, "slow.test") + route(sink), timeoutremote="1\n")
        queued = remote_home.queue(home, MESSAGE)
        with Rspawn(home) as rspawn:
            for slot in range(15):
                rspawn.command(slot, queued, b"u@slow.test", sender=b"s%d@x.test" % slot)
            slow.wait(connections=15)
            for slot in range(50, 55):
                rspawn.command(slot, queued, b"u@dest.test")
            reports = rspawn.reports(20)
    assert sorted(reports[:5]) == [(slot, ACCEPTED) for slot in range(50, 55)]
    died = b"ZConnected to 127.0.0.2 but connection died. (#4.4.2)\n"
    assert sorted(reports[5:]) == [(slot, died) for slot in range(15)]


def test_connections_are_encrypted_where_that_is_offered(tmp_path: Path) -> None:
    certificate = self_signed("localhost", tmp_path)
    with SmtpSink(certificate=certificate) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        message = b"0123456789\n" * 100_000
        queued = remote_home.queue(home, message)
        with Rspawn(home) as rspawn:
            assert [rspawn.deliver(queued, b"u@dest.test") for _ in range(3)] == [ACCEPTED] * 3
        sink.wait(over=1)
    assert len(sink.connections) == 1
    assert all(m.is_tls and m.data == message.replace(b"\n", b"\r\n") + b".\r\n" for m in sink.messages)


def test_a_server_that_cannot_do_the_tls_it_offers_gets_its_mail_in_the_clear(tmp_path: Path) -> None:
    with SmtpSink(offers=[b"STARTTLS"], replies={"STARTTLS": Then(b"220 ready\r\n", CLOSE)}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            assert rspawn.deliver(remote_home.queue(home, MESSAGE), b"u@dest.test") == ACCEPTED
    assert len(sink.connections) == 2


def test_an_address_that_times_out_is_written_down(tmp_path: Path) -> None:
    with unreachable() as (ip, port):
        home = remote_home.make(tmp_path, smtproutes=f":{ip}:{port}", timeoutconnect="1")
        with Rspawn(home) as rspawn:
            report = rspawn.deliver(remote_home.queue(home, MESSAGE), b"u@dest.test")
    assert report == b"ZSorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"
    assert (home.queue / "lock/tcpto").read_bytes()[:5] == b"\x7f\0\0\1\1"


def test_the_end_of_commands_waits_for_what_is_under_way(tmp_path: Path) -> None:
    go_on = threading.Event()
    with SmtpSink(replies={".": Hold(go_on, b"250 queued\r\n")}) as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        with Rspawn(home) as rspawn:
            rspawn.command(3, remote_home.queue(home, MESSAGE), b"u@dest.test")
            sink.wait(messages=1)
            rspawn.end_of_commands()
            go_on.set()
            assert rspawn.reports(1) == [(3, ACCEPTED)]


def test_nobody_listening_is_no_reason_to_stop(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        home = remote_home.make(tmp_path, smtproutes=route(sink))
        queued = remote_home.queue(home, MESSAGE)
        with Rspawn(home) as rspawn:
            rspawn.deafen()
            for slot in range(3):
                rspawn.command(slot, queued, b"u@dest.test")
            sink.wait(messages=3)


def test_without_a_name_of_its_own_it_defers(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    (home.path / "control/me").unlink()
    with Rspawn(home) as rspawn:
        assert rspawn.deliver(remote_home.queue(home, MESSAGE), b"u@dest.test") == b"ZUnable to read control files. (#4.3.0)\n"


def test_name_servers_that_make_no_sense_defer(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    with Rspawn(home, DNSCACHEIP=b"localhost") as rspawn:
        report = rspawn.deliver(remote_home.queue(home, MESSAGE), b"u@dest.test")
    assert report == b"ZDNSCACHEIP holds no address: localhost\n"


def test_controls_are_read_again_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "CHECK_S", 0.0)

    async def deliver(couriers: Couriers) -> bytes:
        fd = os.open(home.path / "queue/mess" / queued.decode(), os.O_RDONLY)
        try:
            (transaction,) = couriers.plan([Command(0, queued, b"s@x.test", b"u@dest.test")])
            return (await transaction.deliver(fd))[0]
        finally:
            os.close(fd)

    async def twice() -> None:
        couriers = Couriers(home.home, {b"DNSCACHEIP": b"127.0.0.1:1"})
        assert b"K127.0.0.2" in await deliver(couriers)
        assert b"K127.0.0.2" in await deliver(couriers)
        (home.path / "control/smtproutes").write_text(route(new))
        (home.path / "control/helohost").write_text("other.test\n")
        assert b"K127.0.0.3" in await deliver(couriers)
        await couriers.close()

    with SmtpSink(ip="127.0.0.2") as old, SmtpSink(ip="127.0.0.3") as new:
        home = remote_home.make(tmp_path, smtproutes=route(old))
        queued = remote_home.queue(home, MESSAGE)
        asyncio.run(twice())
        old.wait(over=1)
    assert len(old.connections) == 1
    assert old.connections[0].commands[-1] == b"QUIT", "a connection by the old route is not kept"
    assert new.connections[0].commands[0] == b"EHLO other.test"


def test_what_nobody_foresaw_is_a_crash_and_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_self: object, _message: int) -> list[bytes]:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Transaction, "deliver", fails)
    home = remote_home.make(tmp_path)
    queued = remote_home.queue(home, MESSAGE)
    commands, out, err = tmp_path / "commands", tmp_path / "out", tmp_path / "err"
    commands.write_bytes(b"\5" + queued + b"\0s@x\0u@h\0")
    with commands.open("rb") as zero, out.open("wb") as one, err.open("wb") as two:
        fds = Fds({0: zero.fileno(), 1: one.fileno(), 2: two.fileno()})
        asyncio.run(Deliveries(home.home, remote_home.environment(home), fds, os.geteuid()).serve())
    assert out.read_bytes() == b"x\5Zqmail-remote crashed.\n\0"
    assert err.read_bytes().startswith(b"qmail-rspawn: warning: delivery crashed: ZeroDivisionError: oops (")


def test_a_message_that_cannot_be_closed_ends_its_delivery_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may tell at the close what went wrong with it."""

    async def succeeds(_self: object, message: int) -> list[bytes]:
        os.close(message)
        return [b"r\0Kok\n\0"]

    monkeypatch.setattr(Transaction, "deliver", succeeds)
    home = remote_home.make(tmp_path)
    queued = remote_home.queue(home, MESSAGE)
    commands, out = tmp_path / "commands", tmp_path / "out"
    commands.write_bytes(b"\5" + queued + b"\0s@x\0u@h\0")
    with commands.open("rb") as zero, out.open("wb") as one:
        fds = Fds({0: zero.fileno(), 1: one.fileno(), 2: 2})
        asyncio.run(asyncio.wait_for(Deliveries(home.home, remote_home.environment(home), fds, os.geteuid()).serve(), 20))
    assert out.read_bytes() == b"x\5Kok\n\0"


# -- somebody else's qmail-remote ------------------------------------------------------------------------------------------------------


def script(path: Path, text: str) -> bytes:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return os.fsencode(path)


@pytest.mark.parametrize(
    ("why", "output", "report"),
    [
        ("accepted", r"r\0Kok text\n\0", b"Kok text\n"),
        ("refused for good", r"hperm\n\0DGiving up\n\0", b"Dperm\nGiving up\n"),
        ("refused for now", r"stemp\n\0DGiving up\n\0", b"Ztemp\nGiving up\n"),
        ("the recipient's report outranks the message's", r"hperm\n\0Kaccepted\n\0", b"Dperm\n"),
        ("both for now", r"sx\n\0Zy\n\0", b"Zx\ny\n"),
        ("only half", r"r\0", b"D"),
        ("no report at all", r"garbage", b"D"),
        ("nothing", "", b"Zqmail-remote produced no output.\n"),
    ],
)
def test_p12_outputs_become_reports(why: str, output: str, report: bytes, tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    program = script(home.path / "remote", f"printf '{output}'\n")
    with Rspawn(home, QMAILREMOTE=program) as rspawn:
        assert rspawn.deliver(remote_home.queue(home, MESSAGE), b"u@h") == report, why


@pytest.mark.parametrize(
    ("why", "text", "report"),
    [
        ("exit 111", "exit 111", b"ZUnable to run qmail-remote.\n"),
        ("another exit", "exit 1", b"DUnable to run qmail-remote.\n"),
        ("killed", "kill -9 $$", b"Zqmail-remote crashed.\n"),
    ],
)
def test_exits_become_reports(why: str, text: str, report: bytes, tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    with Rspawn(home, QMAILREMOTE=script(home.path / "remote", text + "\n")) as rspawn:
        assert rspawn.deliver(remote_home.queue(home, MESSAGE), b"u@h") == report, why


def test_a_program_that_is_not_there_defers(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    with Rspawn(home, QMAILREMOTE=b"/nonexistent/qmail-remote") as rspawn:
        assert rspawn.deliver(remote_home.queue(home, MESSAGE), b"u@h") == b"ZUnable to run qmail-remote.\n"


TELL = """printf 'r\\0K%s|%s|%s|%s|' "$#" "$1" "$2" "$3"; pwd; cat; echo complaint >&2; printf '\\0'\n"""


def test_the_program_is_given_what_the_original_gives(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    program = script(home.path / "remote", TELL)
    with Rspawn(home, QMAILREMOTE=program) as rspawn:
        report = rspawn.deliver(remote_home.queue(home, MESSAGE), b"a@b@dest.test", sender=b"")
    assert report == b"K3|dest.test||a@b@dest.test|%b/queue/mess\n%bcomplaint\n" % (home.home, MESSAGE)


def test_a_program_on_the_path_is_found(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    script(home.path / "tools/myremote", "printf 'r\\0Kmine\\n\\0'\n")
    path = os.fsencode(home.path / "tools") + b":" + os.environb[b"PATH"]
    with Rspawn(home, QMAILREMOTE=b"myremote", PATH=path) as rspawn:
        assert rspawn.deliver(remote_home.queue(home, MESSAGE), b"u@h") == b"Kmine\n"


def test_a_bin_qmail_remote_that_is_not_ours_is_run(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    script(home.path / "bin/qmail-remote", "printf 'r\\0Kforeign\\n\\0'\n")
    with Rspawn(home) as rspawn:
        queued = remote_home.queue(home, MESSAGE)
        assert rspawn.deliver(queued, b"u@h") == b"Kforeign\n"
        script(home.path / "bin/qmail-remote", "# from mta import runner\n")
        (home.path / "control/smtproutes").write_text(":127.0.0.9:1\n")
        assert rspawn.deliver(queued, b"u@h") == b"ZSorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"


def test_many_programs_at_a_time(tmp_path: Path) -> None:
    home = remote_home.make(tmp_path)
    program = script(home.path / "remote", "printf 'r\\0K%s\\n\\0' \"$3\"\n")
    queued = remote_home.queue(home, MESSAGE)
    with Rspawn(home, QMAILREMOTE=program) as rspawn:
        for slot in range(40):
            rspawn.command(slot, queued, b"u%d@h" % slot)
        assert sorted(rspawn.reports(40)) == [(slot, b"Ku%d@h\n" % slot) for slot in range(40)]
