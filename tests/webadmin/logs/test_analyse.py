"""Logs -> rows: exactly, once, and from where it stopped."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Model, Sum

from mta.errors import Temporary
from mta.unix import multilog_reader
from mta.unix.multilog_reader import Piece
from tests.conftest import CORPORA
from tests.webadmin.logs.conftest import START, Logs, label
from webadmin.logs import analyse as analyse_
from webadmin.logs.rows import Rows
from webadmin.models import Accepted, Delivery, HourCount, Login, LogPosition, Message, Notice, Refused, TaskRun
from webadmin.runs import task_run

pytestmark = pytest.mark.django_db

INFO = "info msg 5: bytes 900 from <Joe@X.example> qp 77 uid 64011"
LIFE = (
    "new msg 5",
    INFO,
    "starting delivery 1: msg 5 to local example.org-ann@example.org",
    "status: local 1/10 remote 0/20",
    "starting delivery 2: msg 5 to remote bob@far.example",
    "delivery 1: success: did_1+0+0/",
    "delivery 2: deferral: 192.0.2.9_busy/",
    "starting delivery 3: msg 5 to remote bob@far.example",
    "delivery 3: failure: no_such_user/",
    "bounce msg 5 qp 78",
    "end msg 5",
)
ROWS: tuple[type[Model], ...] = (Message, Delivery, Accepted, Refused, Login, Notice, HourCount)


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows, without what differs from run to run; a delivery by its message's key."""
    found = {}
    for model in ROWS:
        rows = list(model._default_manager.values())
        for row in rows:
            if model is Delivery:
                message = Message.objects.get(pk=row["message_id"])
                row["message_id"] = f"{message.messnum} {message.born_at}"
            del row["id"]
        found[model.__name__] = sorted(rows, key=str)
    return found


def after(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


# -- what the rows say -------------------------------------------------------------------------------------------------------------


def test_it_tells_the_life_of_a_message(logs: Logs) -> None:
    logs.mail(*LIFE)
    totals = logs.analyse()
    assert (totals.lines, totals.odd_lines, str(totals)) == (11, 0, "11 lines of 1 log")
    message = Message.objects.get()
    assert (message.messnum, message.born_at, message.ended_at) == (5, after(2), after(11))
    assert (message.sender, message.sender_domain, message.size_bytes) == ("joe@x.example", "x.example", 900)
    assert (message.qp, message.uid, message.bounced_at, message.bounce_qp) == (77, 64011, after(10), 78)
    assert (message.successes, message.deferrals, message.failures) == (1, 1, 1)


def test_it_tells_every_delivery(logs: Logs) -> None:
    logs.mail(*LIFE)
    logs.analyse()
    found = Delivery.objects.order_by("number").values_list("number", "channel", "recipient", "domain", "outcome", "report")
    assert list(found) == [
        (1, "local", "ann@example.org", "example.org", "success", "did_1+0+0/"),
        (2, "remote", "bob@far.example", "far.example", "deferral", "192.0.2.9_busy/"),
        (3, "remote", "bob@far.example", "far.example", "failure", "no_such_user/"),
    ]
    first = Delivery.objects.get(number=1)
    assert (first.started_at, first.finished_at, first.delay_s, first.xdelay_s) == (after(3), after(6), 4.0, 3.0)


def test_it_counts_by_the_hour_and_the_domain(logs: Logs) -> None:
    logs.mail(*LIFE)
    logs.analyse()
    hour = START.replace(minute=0)
    found = {(row.what, row.domain): (row.number, row.size_bytes) for row in HourCount.objects.filter(hour=hour, is_day=False)}
    assert found == {
        ("sent", ""): (1, 900),
        ("sent", "x.example"): (1, 900),
        ("success", ""): (1, 900),
        ("success", "example.org"): (1, 900),
        ("deferral", ""): (1, 900),
        ("deferral", "far.example"): (1, 900),
        ("failure", ""): (1, 900),
        ("failure", "far.example"): (1, 900),
        ("bounced", ""): (1, 900),
        ("bounced", "x.example"): (1, 900),
    }
    assert HourCount.objects.count() == len(found)


def test_it_adds_to_the_counts_of_an_hour(logs: Logs) -> None:
    for number in (1, 2, 3):
        logs.mail(f"starting delivery {number}: msg 5 to remote a@b", f"delivery {number}: success: ok/")
        logs.analyse()
    assert HourCount.objects.get(what="success", domain="b").number == 3


def test_it_knows_senders_that_are_none(logs: Logs) -> None:
    for number, sender in enumerate(("", "#@[]", "root")):
        logs.mail(f"info msg {number}: bytes 1 from <{sender}> qp 1 uid 1")
    logs.mail("starting delivery 1: msg 9 to local a@b")
    logs.analyse()
    found = Message.objects.order_by("messnum").values_list("sender", "sender_domain", "qp")
    assert list(found) == [("", "-", 1), ("#@[]", "[]", 1), ("root", "-", 1), (None, "-", None)]


def test_it_reads_the_lines_of_the_servers(logs: Logs) -> None:
    logs.write(
        "smtpd",
        "smtpd: status: listening on 127.0.0.1:2525",
        "smtpd: ok: 192.0.2.7: qp 4194305 from <Joe@x.example> bytes 295 recipients 2 helo mx.x.example ESMTPS",
        "smtpd: deny: 192.0.2.8: from <a@b>: RCPT_TO:<C@d>: 553_sorry_(#5.7.1)",
        "smtpd: deny: 192.0.2.8: newline without carriage return in a command",
        "smtpd: warning: unable to read control/tcp.smtp",
    )
    logs.write("submission", "submission: ok: ::1: qp 4194306 from <> bytes 1 recipients 1 helo - ESMTPSA as joe@x.example")
    logs.write(
        "login-broker", "login-broker: ok pop3 Joe@x ::1", "login-broker: deny smtp joe@x ::1", "login-broker: warning: pop3 a ::1: late"
    )
    assert logs.analyse().odd_lines == 0
    assert list(Accepted.objects.order_by("at").values_list("service", "ip", "qp", "sender", "recipients", "protocol", "user")) == [
        ("smtpd", "192.0.2.7", 4194305, "joe@x.example", 2, "ESMTPS", ""),
        ("submission", "::1", 4194306, "", 1, "ESMTPSA", "joe@x.example"),
    ]
    assert list(Refused.objects.order_by("at").values_list("ip", "sender", "recipient", "reply", "why")) == [
        ("192.0.2.8", "a@b", "c@d", "553_sorry_(#5.7.1)", ""),
        ("192.0.2.8", "", "", "", "newline without carriage return in a command"),
    ]
    assert list(Login.objects.order_by("at").values_list("outcome", "service", "name", "ip", "why")) == [
        ("ok", "pop3", "joe@x", "::1", ""),
        ("deny", "smtp", "joe@x", "::1", ""),
        ("warning", "pop3", "a", "::1", "late"),
    ]
    assert list(Notice.objects.values_list("service", "word", "text")) == [("smtpd", "warning", "unable to read control/tcp.smtp")]
    counts = dict(HourCount.objects.values_list("what", "number"))
    assert counts == {"accepted": 2, "refused": 2, "login_ok": 1, "login_deny": 1}


def test_it_takes_note_of_warnings(logs: Logs) -> None:
    logs.mail("warning: trouble in select", "alert: out of memory, sleeping...")
    logs.write("webadmin", "celery.beat: ERROR: gone", "Traceback (most recent call last):")
    assert logs.analyse().odd_lines == 0
    assert set(Notice.objects.values_list("service", "word", "text")) == {
        ("qmail-send", "warning", "trouble in select"),
        ("qmail-send", "alert", "out of memory, sleeping..."),
        ("webadmin", "alert", "gone"),
    }


def test_it_tells_deliveries_nobody_heard_the_end_of(logs: Logs) -> None:
    logs.mail(INFO, "starting delivery 7: msg 5 to local a@b")
    logs.analyse()
    logs.mail("status: local 0/10 remote 0/20", "starting delivery 1: msg 5 to local a@b", "delivery 1: success: ok/", "end msg 5")
    logs.analyse()
    assert list(Delivery.objects.order_by("finished_at").values_list("number", "outcome")) == [(7, "interrupted"), (1, "success")]
    assert set(HourCount.objects.values_list("what", flat=True)) == {"sent", "success"}


# -- damage ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "damage"),
    [
        ("no time", b"starting delivery 9: msg 5 to local a@b\n"),
        ("half a time", b"@40000000 end msg 5\n"),
        ("a time in another era", b"@ffffffffffffffff00000000 end msg 5\n"),
        ("a time before there were any", b"@000000000000000000000000 end msg 5\n"),
        ("no line", label(START) + b"\n"),
        ("an empty line", label(START) + b" \n"),
        ("binary", bytes(range(128, 256)).replace(b"\n", b"") + b"\n"),
        ("a word", label(START) + b" hello\n"),
        ("a number no column holds", label(START) + b" end msg 99999999999999999999999\n"),
    ],
)
def test_it_passes_over_damaged_lines(why: str, damage: bytes, logs: Logs) -> None:
    logs.mail(*LIFE[:5])
    logs.raw("qmail-send", damage)
    logs.mail(*LIFE[5:])
    assert logs.analyse().odd_lines == 1, why
    assert LogPosition.objects.get().odd_lines == 1
    assert Message.objects.get().ended_at is not None
    assert Delivery.objects.count() == 3


def test_it_keeps_what_no_text_column_takes_out_of_them(logs: Logs) -> None:
    logs.mail(b"info msg 5: bytes 1 from <a\0b\xff@x> qp 1 uid 1", b"starting delivery 1: msg 5 to local " + b"y" * 5000)
    logs.mail(b"delivery 1: success: " + b"z\xc3\xa4" * 5000)
    logs.write("smtpd", b"smtpd: deny: 1.2.3.4: from <\0>: " + b"R" * 2000 + b": \xff" + b"5" * 2000)
    logs.analyse()
    assert Message.objects.get().sender == "a?b\ufffd@x"
    delivery = Delivery.objects.get()
    assert (len(delivery.recipient), len(delivery.report) <= 1000) == (512, True)
    refused = Refused.objects.get()
    assert (refused.sender, len(refused.command), len(refused.reply)) == ("?", 512, 1000)


def test_a_log_that_cannot_be_read_does_not_keep_the_others_from_being_read(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.mail(*LIFE)
    logs.write("smtpd", "smtpd: warning: x")
    pieces = multilog_reader.pieces

    def refuse(directory: bytes, *rest: Any) -> Any:
        if b"qmail-send" in directory:
            raise PermissionError(13, "Permission denied")
        return pieces(directory, *rest)

    monkeypatch.setattr(multilog_reader, "pieces", refuse)
    with pytest.raises(Temporary, match="qmail-send: Permission denied"):
        logs.analyse()
    assert Notice.objects.count() == 1


def test_what_the_helpers_of_qmail_send_say_is_told(logs: Logs) -> None:
    logs.mail("qmail-start: fatal: cannot become qmails", "qmail-lspawn: warning: no such user", "no line of anybody's")
    assert logs.analyse().odd_lines == 1
    assert list(Notice.objects.order_by("id").values_list("word", "text")) == [
        ("fatal", "cannot become qmails"),
        ("warning", "no such user"),
    ]


def test_a_state_of_another_version_is_forgotten(logs: Logs, caplog: pytest.LogCaptureFixture) -> None:
    logs.mail(*LIFE[:3])
    logs.analyse()
    LogPosition.objects.update(state={"something": "else"})
    logs.mail(*LIFE[5:])
    logs.analyse()
    assert "deliveries under way are forgotten" in caplog.text
    assert Delivery.objects.values_list("number").get() == (3,)


def test_no_logs_are_no_trouble(logs: Logs) -> None:
    assert str(logs.analyse()) == "0 lines of 0 logs"


# -- going on ----------------------------------------------------------------------------------------------------------------------


def test_a_second_run_changes_nothing(logs: Logs) -> None:
    logs.mail(*LIFE)
    logs.write("smtpd", "smtpd: deny: 1.2.3.4: TLS: no")
    logs.analyse()
    before = everything()
    assert logs.analyse().lines == 0
    assert everything() == before


def test_it_does_not_matter_how_often_it_runs_and_when_files_end(logs: Logs, tmp_path: Path, settings: Any) -> None:
    """A random life of a queue, read at once, and again line by line with rotations in between."""
    lines = _life(random.Random(7), 300)
    logs.mail(*lines)
    logs.analyse()
    expected = everything()
    assert len(expected["Delivery"]) > 50
    for model in (*ROWS, LogPosition):
        model._default_manager.all().delete()
    settings.QMAIL_HOME = tmp_path / "again"
    again = Logs(tmp_path / "again")
    dice = random.Random(8)
    for line in lines:
        again.mail(line)
        if dice.random() < 0.3:
            again.analyse()
        if dice.random() < 0.1:
            again.rotate("qmail-send")
            again.now -= timedelta(seconds=1)
    again.analyse()
    again.analyse()
    assert everything() == expected


def _life(dice: random.Random, number: int) -> list[str]:
    """Lines that make sense: messages come, are tried, bounce, end, and qmail-send is started again."""
    lines, messages, running, next_ = [], set[int](), dict[int, int](), 1
    for step in range(number):
        act = dice.choice(
            ["new", "start", "start", "end delivery", "end delivery", "end", "bounce", "restart" if step % 50 == 49 else "status"]
        )
        idle = [m for m in messages if m not in running.values()]
        if act == "new":
            messnum = dice.choice([m for m in range(100, 120) if m not in messages])
            messages.add(messnum)
            sender = dice.choice(["", "A@x.example", "b@y.example"])
            lines += [f"new msg {messnum}", f"info msg {messnum}: bytes {step} from <{sender}> qp {step} uid 1"]
        elif act == "start" and messages:
            lines.append(
                f"starting delivery {next_}: msg {dice.choice(sorted(messages))} to {dice.choice(['local', 'remote'])} c@z{step % 3}"
            )
            running[next_] = int(lines[-1].split()[4])
            next_ += 1
        elif act == "end delivery" and running:
            delivery = dice.choice(sorted(running))
            del running[delivery]
            lines.append(f"delivery {delivery}: {dice.choice(['success', 'deferral', 'failure'])}: text_{step}/")
        elif act == "end" and idle:
            messages.discard(idle[0])
            lines.append(f"end msg {idle[0]}")
        elif act == "bounce" and idle:
            lines.append(f"bounce msg {idle[0]} qp {step}")
        elif act == "restart":
            running.clear()
            next_ = 1
        else:
            lines.append("status: local 0/10 remote 0/20")
    return lines


@pytest.mark.django_db(transaction=True)
def test_a_crash_before_the_commit_leaves_no_trace(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.mail(*LIFE)
    logs.analyse()
    before = everything()
    logs.mail(*LIFE)
    logs.write("smtpd", "smtpd: deny: 1.2.3.4: TLS: no")
    save: Callable[[Rows], None] = Rows.save

    def save_and_crash(rows: Rows) -> None:
        save(rows)
        raise MemoryError

    monkeypatch.setattr(Rows, "save", save_and_crash)
    with pytest.raises(MemoryError):
        logs.analyse()
    assert everything() == before
    monkeypatch.undo()
    logs.analyse()
    assert (Message.objects.count(), Delivery.objects.count()) == (2, 6)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_only_one_writes(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of the run keeps that from happening; this is what happens if it does."""
    logs.mail(*LIFE)
    pieces = multilog_reader.pieces

    def overtaken(*arguments: Any) -> Any:
        found: list[Piece] = list(pieces(*arguments))
        monkeypatch.undo()
        logs.analyse()
        yield from found

    monkeypatch.setattr(multilog_reader, "pieces", overtaken)
    with pytest.raises(Temporary, match="somebody else reads the log of qmail-send"):
        logs.analyse()
    assert (Message.objects.count(), HourCount.objects.get(what="sent", domain="").number) == (1, 1)


def test_it_says_how_far_it_is(logs: Logs) -> None:
    logs.mail(*LIFE)
    logs.rotate("qmail-send")
    logs.mail(*LIFE)
    size = sum(path.stat().st_size for path in logs.folder("qmail-send").iterdir())
    with task_run("analyse_logs") as run:
        analyse_.analyse(run)
    row = TaskRun.objects.get()
    assert (row.done, row.total, row.summary) == (size, size, "22 lines of 1 log")


def test_it_remembers_messages_of_an_earlier_run_by_their_rows(logs: Logs) -> None:
    logs.mail("info msg 5: bytes 1 from <a@x> qp 1 uid 1", "starting delivery 1: msg 5 to local b@y", "delivery 1: deferral: wait/")
    logs.analyse()
    assert LogPosition.objects.get().state["messages"] == []
    logs.mail("starting delivery 2: msg 5 to local b@y", "delivery 2: success: ok/", "end msg 5")
    logs.analyse()
    message = Message.objects.get()
    assert (message.deferrals, message.successes, message.ended_at) == (1, 1, after(6))
    assert [d.delay_s for d in Delivery.objects.order_by("number")] == [2.0, 4.0]


def test_a_bounce_stands_in_the_row_after_later_lines(logs: Logs) -> None:
    logs.mail("info msg 5: bytes 1 from <a@x> qp 1 uid 1", "bounce msg 5 qp 2")
    logs.analyse()
    logs.mail("end msg 5")
    logs.analyse()
    message = Message.objects.get()
    assert (message.bounced_at, message.bounce_qp, message.ended_at) == (after(2), 2, after(3))


# -- measured logs -----------------------------------------------------------------------------------------------------------------


def test_its_totals_are_those_of_a_made_log(logs: Logs) -> None:
    """C5 of the acceptance programme."""
    folder = CORPORA / "log/synthetic-qmail-send"
    if not folder.exists():
        pytest.skip("the log is not beside this checkout")
    truth: dict[str, Any] = json.loads((folder / "seed1.truth.json").read_text())
    _in_pieces(logs, (folder / "seed1.log").read_bytes(), 5)
    assert logs.analyse().odd_lines == 0
    assert Message.objects.count() == truth["messages"]
    assert Message.objects.aggregate(Sum("size_bytes")) == {"size_bytes__sum": truth["bytes"]}
    assert dict(Counter(Message.objects.values_list("sender", flat=True))) == truth["per_sender"]
    outcomes = Counter(Delivery.objects.values_list("outcome", flat=True))
    assert outcomes == {word: truth[word] for word in ("success", "failure", "deferral")}
    domains: dict[str, dict[str, int]] = {}
    for row in HourCount.objects.filter(what__in=("success", "failure", "deferral")).exclude(domain=""):
        counts = domains.setdefault(row.domain, {})
        counts[row.what] = counts.get(row.what, 0) + row.number
    assert domains == truth["per_rcpt_domain"]
    assert HourCount.objects.filter(what="sent", domain="").aggregate(Sum("number"), Sum("size_bytes")) == {
        "number__sum": truth["messages"],
        "size_bytes__sum": truth["bytes"],
    }


def _in_pieces(logs: Logs, data: bytes, number: int) -> None:
    """In finished files and a current one."""
    lines = data.splitlines(keepends=True)
    cuts = [len(lines) * i // number for i in range(number + 1)]
    folder = logs.folder("qmail-send")
    folder.mkdir(parents=True)
    for first, end in pairwise(cuts):
        name = os.fsdecode(lines[end - 1][:25]) + ".s" if end < len(lines) else "current"
        (folder / name).write_bytes(b"".join(lines[first:end]))


def test_it_reads_a_genuine_log(logs: Logs) -> None:
    path = CORPORA / "log/qmail-send-real/current.part1"
    if not path.exists():
        pytest.skip("the log is not beside this checkout")
    data = path.read_bytes()
    logs.raw("qmail-send", data)
    totals = logs.analyse()
    lines = data.split(b"\n")[:-1]
    assert (totals.lines, totals.odd_lines) == (len(lines), sum(len(line) <= 26 for line in lines))
    for word in ("success", "failure", "deferral"):
        ends = re.findall(rb"(?m)^@\w{24} delivery \d+: %b: " % word.encode(), data)
        assert Delivery.objects.filter(outcome=word).count() == len(ends) > 0, word
    assert Message.objects.count() == sum(b" info msg " in line for line in lines)
    assert Message.objects.filter(ended_at=None).count() == Message.objects.count() - sum(b" end msg " in line for line in lines)
    assert Message.objects.exclude(bounced_at=None).count() == sum(b" bounce msg " in line or b" triple bounce" in line for line in lines)
