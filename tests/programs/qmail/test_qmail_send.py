"""qmail-send as a process, spawners and logger played by the test: rewriting, schedule, marking, bounces, log lines, orders."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from mta.unix.ask import ask
from tests.support import queue_program
from tests.support.process import eventually
from tests.support.qmail_home import QmailHome
from tests.support.sender import Sender

MESSAGE = b"Received: (qmail 812 invoked by uid 7); 3 Jan 1996 01:05:34 -0000\nSubject: x\n\nbody\n"


@pytest.fixture
def home(tmp_path: Path) -> QmailHome:
    return QmailHome(tmp_path / "q")


@pytest.fixture
def kept(tmp_path: Path) -> queue_program.QueueProgram:
    return queue_program.make(tmp_path / "kept")


def sender(home: QmailHome, kept: queue_program.QueueProgram, capacity: int = 120) -> Sender:
    return Sender(home, {"QMAILQUEUE": os.fsdecode(kept.path)}, capacity)


def events(lines: list[str]) -> list[str]:
    """Without status lines, numbers of messages masked."""
    return [re.sub(r"(msg|bounce/|todo/|/)\d+", r"\1N", line) for line in lines if not line.startswith("status: local")]


def test_it_logs_a_delivery_from_arrival_to_end(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        messnum = home.enqueue(MESSAGE, b"ada@example.org", b"joe@host.example.org")
        command = send.local.answer(b"K", b"did 1+0+0\n")
        assert (command.message, command.sender, command.recipient) == (
            f"{messnum % 23}/{messnum}".encode(),
            b"ada@example.org",
            b"joe@host.example.org",
        )
        lines = send.log_until(f"end msg {messnum}")
        assert lines == [
            "status: local 0/10 remote 0/20",
            f"new msg {messnum}",
            f"info msg {messnum}: bytes {len(MESSAGE)} from <ada@example.org> qp 812 uid 7",
            f"starting delivery 1: msg {messnum} to local joe@host.example.org",
            "status: local 1/10 remote 0/20",
            "delivery 1: success: did_1+0+0/",
            "status: local 0/10 remote 0/20",
            f"end msg {messnum}",
        ]
        send.stop()
    assert home.files() == []


def test_several_recipients_are_preprocessed_marked_and_cleaned_up(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        messnum = home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org", b"ann@host.example.org", b"x@far.example")
        first, second, far = send.local.command(), send.local.command(), send.remote.command()
        assert [first.slot, second.slot, far.slot] == [0, 1, 0]
        assert home.files() == sorted(f"{f}/{messnum % 23}/{messnum}" for f in ("mess", "info", "local", "remote"))
        send.local.report(second, b"K")
        send.log_until("delivery 2: success: ")
        send.log_until("status: local 1/10 remote 1/20")
        assert home.split("local", messnum).read_bytes() == b"Tjoe@host.example.org\0Dann@host.example.org\0"
        send.local.report(first, b"K")
        send.remote.report(far, b"K", b"accepted\n")
        send.log_until(f"end msg {messnum}")
        send.stop()
    assert home.files() == []


REWRITES = {
    "envnoathost": "envno.example",
    "percenthack": "pct.example\nhost.example.org\nMore.example",
    "virtualdomains": "virt.example:joe-vd\nsp@virt2.example:joe-sp\n.wild.example:joe-w\nexc.wild.example:\n"
    "dup.example:one\ndup.example:two\nhost.example.org:never",
    "locals": "host.example.org\ncrlf.example\r\n  lead.example",
}


@pytest.mark.parametrize(
    ("case", "recipient", "channel", "address"),
    [
        ("S01 no domain", b"noat", "remote", b"noat@envno.example"),
        ("S02 percent hack", b"a%b.example@pct.example", "remote", b"a@b.example"),
        ("S03 percent hack once", b"u%v%w@host.example.org", "remote", b"u%v@w"),
        ("percent hack as long as the domain is listed", b"u%v%more.example@host.example.org", "remote", b"u@v"),
        ("S04 case is kept", b"info@Virt.EXAMPLE", "local", b"joe-vd-info@Virt.EXAMPLE"),
        ("S05 one address of a domain", b"SP@virt2.example", "local", b"joe-sp-SP@virt2.example"),
        ("S05 the others", b"x@virt2.example", "remote", b"x@virt2.example"),
        ("S06 below a suffix", b"q@x.wild.example", "local", b"joe-w-q@x.wild.example"),
        ("S06 the name itself", b"q@wild.example", "remote", b"q@wild.example"),
        ("S07 an exception", b"q@exc.wild.example", "remote", b"q@exc.wild.example"),
        ("S08 the last line wins", b"q@dup.example", "local", b"two-q@dup.example"),
        ("S10 locals come first", b"q@host.example.org", "local", b"q@host.example.org"),
        ("S11 a CR belongs to the name", b"q@crlf.example", "remote", b"q@crlf.example"),
        ("S12 leading blanks belong to the name", b"q@lead.example", "remote", b"q@lead.example"),
    ],
)
def test_it_rewrites(home: QmailHome, kept: queue_program.QueueProgram, case: str, recipient: bytes, channel: str, address: bytes) -> None:
    home.control(**REWRITES)
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b"a@b", recipient)
        assert getattr(send, channel).answer(b"K").recipient == address, case


def test_s09_the_empty_key_takes_the_rest(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(virtualdomains=":alias-catch")
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b"a@b", b"q@")
        assert send.local.answer(b"K").recipient == b"alias-catch-q@"


def test_s13_an_empty_recipient_is_a_local_one(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b"a@b", b"")
        assert send.local.answer(b"K").recipient == b"@host.example.org"
        assert send.log_until("delivery 1:")[-1] == "delivery 1: success: "


def test_s14_s15_the_next_attempt_outlives_a_stop(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.preprocessed(MESSAGE, b"a@b", local=(b"joe@host.example.org",), remote=(b"x@far.example",), age_s=6)
    birth_s = int(home.split("info", messnum).stat().st_mtime)
    with sender(home, kept) as send:
        before_s = int(time.time())
        send.local.answer(b"Z", b"later\n")
        send.remote.answer(b"Z", b"later\n")
        send.log_until("delivery 2: deferral")
        after_s = int(time.time())
        assert send.stop()[-1] == "status: exiting"
    for folder, skip in (("local", 10), ("remote", 20)):
        due_s = int(home.split(folder, messnum).stat().st_mtime)
        possible = {birth_s + (int((now_s - birth_s) ** 0.5) + skip) ** 2 for now_s in range(before_s - 1, after_s + 1)}
        assert due_s in possible, folder


def test_s16_alrm_makes_everything_due(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.preprocessed(MESSAGE, b"a@b", local=(b"joe@host.example.org",))
    later = time.time() + 500
    os.utime(home.split("local", messnum), (later, later))
    with sender(home, kept) as send:
        other = home.enqueue(MESSAGE, b"a@b", b"ann@host.example.org")
        assert send.local.answer(b"K").recipient == b"ann@host.example.org"  # the first one waits for its date
        send.log_until(f"end msg {other}")
        send.signal(signal.SIGALRM)
        assert send.local.answer(b"K").recipient == b"joe@host.example.org"


def test_s17_what_is_deferred_on_the_last_pass_has_failed(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.preprocessed(MESSAGE, b"ada@example.org", local=(b"joe@host.example.org",), age_s=604900)
    with sender(home, kept) as send:
        send.local.answer(b"Z", b"tmpfail\n")
        lines = send.log_until(f"end msg {messnum}")
    said = "delivery 1: failure: tmpfail/I'm_not_going_to_try_again;_this_message_has_been_in_the_queue_too_long./"
    assert said in lines
    ((message, envelope),) = kept.queued()
    assert envelope == b"F\0Tada@example.org\0\0"
    assert b"<joe@host.example.org>:\ntmpfail\nI'm not going to try again; this message has been in the queue too long.\n\n" in message


def test_s18_what_is_marked_done_is_not_done_again(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.preprocessed(MESSAGE, b"a@b", local=(b"joe@h", b"joe@h"))
    home.split("local", messnum).write_bytes(b"Djoe@h\0Tann@h\0")
    with sender(home, kept) as send:
        assert send.local.answer(b"K").recipient == b"ann@h"
        send.log_until(f"end msg {messnum}")


@pytest.mark.parametrize("has_intd", [False, True])
def test_s20_intd_is_not_needed(home: QmailHome, kept: queue_program.QueueProgram, has_intd: bool) -> None:
    messnum = home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org")
    intd = home.queue / "intd" / str(messnum)
    assert not intd.exists()
    if has_intd:  # as the original's qmail-queue leaves it
        intd.hardlink_to(home.queue / "todo" / str(messnum))
    with sender(home, kept) as send:
        assert send.local.answer(b"K").recipient == b"joe@host.example.org"
        send.log_until(f"end msg {messnum}")
        send.stop()
    assert home.files() == []


def test_s19_todo_counts_and_not_what_stands_beside_it(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org", b"ann@host.example.org")
    for folder, data in (("info", b"Fstale@x\0"), ("local", b"Tstale@x\0"), ("remote", b"Tstale@x\0")):
        home.split(folder, messnum).write_bytes(data)
    with sender(home, kept) as send:
        assert [send.local.answer(b"K").recipient for _ in range(2)] == [b"joe@host.example.org", b"ann@host.example.org"]
        send.log_until(f"end msg {messnum}")
    assert home.files() == []


@pytest.mark.parametrize(("case", "age_s", "survives"), [("S21 old", 129700, False), ("S21 young enough", 129500, True)])
def test_s21_s22_left_overs_go_after_36_hours(
    home: QmailHome, kept: queue_program.QueueProgram, case: str, age_s: int, survives: bool
) -> None:
    messnum = home.preprocessed(MESSAGE, b"a@b")
    home.split("info", messnum).unlink()
    (home.queue / "intd" / str(messnum)).write_bytes(b"u")  # S22: the envelope goes, too
    then = time.time() - age_s
    os.utime(home.split("mess", messnum), (then, time.time()))  # the access time counts
    with sender(home, kept) as send:
        send.log_until("status")
        order(home, b"status")  # answered a turn after the sweep began
        send.stop()
        assert home.split("mess", messnum).exists() is survives, case
        assert (home.queue / "intd" / str(messnum)).exists() is survives, case


def test_s23_s31_a_message_without_recipients_just_ends(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    found = home.preprocessed(MESSAGE, b"a@b")
    with sender(home, kept) as send:
        send.log_until(f"end msg {found}")
        messnum = home.enqueue(MESSAGE, b"a@b")
        lines = send.log_until(f"end msg {messnum}")
        send.stop()
    assert events(lines)[:1] == ["new msg N"] or "new msg" in lines[0]
    assert (home.files(), kept.queued()) == ([], [])


def test_s24_a_bounce_that_was_noted_is_sent(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.preprocessed(MESSAGE, b"ada@example.org")
    (home.queue / "bounce" / str(messnum)).write_bytes(b"<x@y>:\nno\n\n")
    with sender(home, kept) as send:
        lines = send.log_until(f"end msg {messnum}")
        send.stop()
    assert any(re.fullmatch(rf"bounce msg {messnum} qp \d+", line) for line in lines)
    assert len(kept.queued()) == 1
    assert home.files() == []


def test_a_bounce_file_without_a_whole_paragraph_tells_nobody(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    for left in (b"", b"<x@y>:\nn"):
        messnum = home.preprocessed(MESSAGE, b"ada@example.org")
        (home.queue / "bounce" / str(messnum)).write_bytes(left)
        with sender(home, kept) as send:
            send.log_until(f"end msg {messnum}")
            send.stop()
    assert (home.files(), kept.queued()) == ([], [])


def test_what_a_bounce_file_tells_of_is_not_delivered_again(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.preprocessed(MESSAGE, b"ada@example.org", local=(b"joe@host.example.org", b"ann@host.example.org"))
    (home.queue / "bounce" / str(messnum)).write_bytes(b"<joe@host.example.org>:\nno\n\n<ann@host.example.org>:\nn")
    with sender(home, kept) as send:
        assert send.local.answer(b"D", b"nor her\n").recipient == b"ann@host.example.org"
        send.log_until(f"end msg {messnum}")
        send.stop()
    ((message, _),) = kept.queued()
    assert b"\n\n<joe@host.example.org>:\nno\n\n<ann@host.example.org>:\nnor her\n\n---" in message
    assert home.files() == []


def test_s25_s26_damaged_files_are_named_and_left(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    messnum = home.preprocessed(MESSAGE, b"a@b", local=(b"joe@h",))
    home.split("local", messnum).write_bytes(b"Xjoe@h\0")
    with sender(home, kept) as send:
        send.log_until(f"warning: unknown record type in local/{messnum % 23}/{messnum}!")
        send.stop()
    second = home.enqueue(MESSAGE, b"a@b", b"joe@h")
    (home.queue / "todo" / str(second)).write_bytes(b"Fa@b\0Zjoe\0")
    with sender(home, kept) as send:
        lines = send.log_until(f"warning: unknown record type in todo/{second}")
        assert f"new msg {second}" in lines
        send.stop()
    assert home.split("local", messnum).exists()
    assert (home.queue / "todo" / str(second)).exists()


def test_what_a_power_cut_left_of_a_finished_message_goes(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    """Its mess/N is gone for good, but the removal of other files was not on disk yet."""
    direct = home.enqueue(MESSAGE, b"ada@x", b"joe@host.example.org")
    ordinary = home.preprocessed(MESSAGE, b"bo@x", local=(b"joe@host.example.org", b"a b@host.example.org"))
    done = home.preprocessed(MESSAGE, b"cy@x")
    for messnum in (direct, ordinary, done):
        home.split("mess", messnum).unlink()
    (home.queue / "bounce" / str(done)).write_bytes(b"<joe@x>:\nno\n\n")
    (home.queue / "todo/12345").write_bytes(b"of nobody")
    with sender(home, kept) as send:
        eventually(lambda: home.files() == [], "something is left")
        send.stop()
    lines = "\n".join(send.lines)
    assert "warning: mess/17/12345 is gone: removing todo/12345, a message from <> to " in lines
    assert f"is gone: removing todo/{direct}, a message from <ada@x> to joe@host.example.org" in lines
    assert f"removing info/{ordinary % 23}/{ordinary}, a message from <bo@x> to joe@host.example.org a_b@host.example.org" in lines
    assert f"removing info/{done % 23}/{done}, a message from <cy@x> to " in lines
    assert "starting delivery" not in lines and "new msg" not in lines
    assert kept.queued() == []


def test_s27_there_is_one_qmail_send_a_queue(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        send.log_until("status: ")
        with sender(home, kept) as second:
            assert second.log_until("alert") == ["alert: cannot start: qmail-send is already running"]
            assert second.wait() == 111


def test_s28_it_needs_to_know_what_is_local(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    (home.path / "control/me").unlink()
    with sender(home, kept) as send:
        assert send.log_until("alert") == ["alert: cannot start: unable to read controls"]
        assert send.wait() == 111


def test_s29_concurrency_is_the_smaller_of_wish_and_capacity(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(concurrencylocal="3", concurrencyremote="500")
    with sender(home, kept) as send:
        assert send.log_until("status") == ["status: local 0/3 remote 0/120"]


def test_big_concurrency_has_wide_slots(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(concurrencylimit="1000", concurrencylocal="300", concurrencyremote="5000")
    home.enqueue(MESSAGE, b"a@b", *(b"u%d@host.example.org" % i for i in range(300)))
    with sender(home, kept, capacity=1000) as send:
        assert send.log_until("status") == ["status: local 0/300 remote 0/1000"]
        commands = [send.local.command() for _ in range(300)]
        assert [c.slot for c in commands] == list(range(300))
        for command in reversed(commands):
            send.local.report(command, b"K")
        send.log_until("end msg")
        assert send.lines[-2] == "status: local 0/300 remote 0/1000"


def test_no_more_than_concurrency_are_under_way(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(concurrencylocal="2")
    home.enqueue(MESSAGE, b"a@b", *(b"u%d@host.example.org" % i for i in range(5)))
    with sender(home, kept) as send:
        seen = [send.local.command(), send.local.command()]
        send.log_until("status: local 2/2")
        for _ in range(3):
            send.local.report(seen[0], b"K")
            following = send.local.command()
            assert following.slot == seen[0].slot
            seen = [following, seen[1]]


def test_s30_hup_rereads_what_is_local(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(locals="host.example.org")
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b"a@b", b"x@new.example")
        send.remote.answer(b"K")
        home.control(locals="new.example", virtualdomains="v.example:vd")
        send.signal(signal.SIGHUP)
        send.log_until("end msg")
        home.enqueue(MESSAGE, b"a@b", b"x@new.example", b"y@v.example")
        assert {send.local.answer(b"K").recipient for _ in range(2)} == {b"x@new.example", b"vd-y@v.example"}
        send.log_until("end msg")
        home.control(locals="kept.example")
        (home.path / "control/virtualdomains").unlink()
        (home.path / "control/virtualdomains").mkdir()  # cannot be read
        send.signal(signal.SIGHUP)
        send.log_until("alert: unable to reread control/virtualdomains")
        home.enqueue(MESSAGE, b"a@b", b"x@new.example")
        send.local.answer(b"K")


def test_s32_s33_verp_is_written_out_for_each_and_its_bounce_is_not(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(virtualdomains="virt.example:joe-vd")
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b"lst-@host.example.org-@[]", b"joe-vd-x@virt.example", b"y@far.example")
        assert send.local.answer(b"D", b"no\n").sender == b"lst-joe-vd-joe-vd-x=virt.example@host.example.org"
        assert send.remote.answer(b"K").sender == b"lst-y=far.example@host.example.org"
        send.log_until("end msg")
    assert kept.queued()[0][1] == b"F\0Tlst-@host.example.org\0\0"


def test_s34_a_triple_bounce_is_thrown_away(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        messnum = home.enqueue(MESSAGE, b"#@[]", b"joe@host.example.org")
        send.local.answer(b"D", b"no\n")
        lines = send.log_until(f"end msg {messnum}")
        assert f"triple bounce: discarding bounce/{messnum}" in lines
        send.stop()
    assert (kept.queued(), home.files()) == ([], [])


def test_s35_a_double_bounce_goes_to_the_postmaster(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b"", b"joe@host.example.org")
        send.local.answer(b"D", b"no\n")
        send.log_until("end msg")
    ((message, envelope),) = kept.queued()
    assert envelope == b"F#@[]\0Tpostmaster@host.example.org\0\0"
    assert b"I tried to deliver a bounce message to this address, but the bounce bounced!\n\n<joe@host.example.org>:\nno\n\n" in message
    assert b"--- Below this line is the original bounce.\n\nReturn-Path: <>\n" + MESSAGE in message


def test_a_double_bounce_is_trimmed_where_that_is_wanted(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(doublebouncetrim="1")
    failed = b"Subject: failure notice\n\nHi.\n<r>:\nno\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <a@b>\nspam\n"
    with sender(home, kept) as send:
        home.enqueue(failed, b"", b"joe@host.example.org")
        send.local.answer(b"D", b"no\n")
        send.log_until("end msg")
        home.enqueue(failed, b"a@b", b"joe@host.example.org")
        send.local.answer(b"D", b"no\n")
        send.log_until("end msg")
    double, single = (message for message, _ in kept.queued())
    assert double.endswith(b"\n\nReturn-Path: <>\nSubject: failure notice\n\nHi.\n<r>:\nno\n\n--- The rest has been left out.\n")
    assert single.endswith(b"Return-Path: <a@b>\n" + failed)


def test_s36_the_log_is_one_line_and_the_bounce_keeps_the_bytes(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org")
        send.local.answer(b"D", b"hi\t%\x01\xff")
        assert "delivery 1: failure: hi____" in send.log_until("end msg")
    assert b"<joe@host.example.org>:\nhi\t%\x01\xff\n\n" in kept.queued()[0][0]


def test_s37_a_lost_spawner_ends_it(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        send.log_until("status")
        os.close(send.local._reports)
        send.log_until("alert: oh no! lost spawn connection! dying...")
        assert send.log_until("status: exiting")
        assert send.wait() == 0
        send.local._reports = os.open(os.devnull, os.O_WRONLY)


def test_b06_b07_the_bounce_names_the_address_its_sender_knows(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(virtualdomains="v.example:joe-v\nuser@vu.example:joe-vu")
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b"a@b", b"X.y@v.example", b"User@vu.example")
        send.local.answer(b"D", b"one\n")
        send.local.answer(b"D", b"two\n")
        send.log_until("end msg")
    message = kept.queued()[0][0]
    assert b"<X.y@v.example>:\none\n" in message
    assert b"<joe-vu-User@vu.example>:\ntwo\n" in message


def test_b08_b09_b10_the_bounce_to_the_byte(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    home.control(bouncefrom="bf x", bouncehost="bh.example")
    with sender(home, kept) as send:
        home.enqueue(MESSAGE, b'we"ird  user@a', b"joe@host.example.org")
        send.local.answer(b"D", b"sorry\n")
        send.log_until("end msg")
    message = re.sub(rb"\ADate: .*\n", b"Date: D\n", kept.queued()[0][0])
    assert message == (
        b'Date: D\nFrom: "bf x"@bh.example\nTo: "we\\"ird  user"@a\nSubject: failure notice\n\n'
        b"Hi. This is the qmail-send program at bh.example.\n"
        b"I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        b"This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        b"<joe@host.example.org>:\nsorry\n\n"
        b"--- Below this line is a copy of the message.\n\n"
        b'Return-Path: <"we\\"ird  user"@a>\n' + MESSAGE
    )


def test_a_bounce_the_queue_does_not_take_is_sent_later(home: QmailHome, tmp_path: Path) -> None:
    refusing = queue_program.make(tmp_path / "refusing", 53)
    with sender(home, refusing) as send:
        messnum = home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org")
        send.local.answer(b"D", b"no\n")
        send.log_until("warning: trouble injecting bounce message, will try later")
        send.stop()
    assert f"bounce/{messnum}" in home.files()
    kept = queue_program.make(tmp_path / "kept")
    with sender(home, kept) as send:
        send.log_until(f"end msg {messnum}")
        send.stop()
    assert len(kept.queued()) == 1


def test_alrm_also_hastens_what_the_disk_refused(home: QmailHome, tmp_path: Path) -> None:
    """A bounce that could not be queued, and an envelope that could not be read: made good, and not waited for."""
    refusing = queue_program.make(tmp_path / "kept", 53)
    with sender(home, refusing) as send:
        messnum = home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org")
        send.local.answer(b"D", b"no\n")
        send.log_until("warning: trouble injecting bounce message, will try later")
        envelope = home.queue / "todo/77777"
        envelope.mkdir()
        second = home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org")
        send.local.answer(b"K")
        send.log_until(f"end msg {second}")
        assert any(line.startswith("warning: unable to open todo/77777") for line in send.lines)
        envelope.rmdir()
        queue_program.make(tmp_path / "kept")
        send.signal(signal.SIGALRM)
        send.log_until(f"end msg {messnum}")


def test_a_direct_delivery_that_is_deferred_becomes_an_ordinary_message(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        messnum = home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org")
        command = send.local.command()
        assert f"todo/{messnum}" in home.files()  # a crash now would deliver it again
        send.local.report(command, b"Z", b"busy\n")
        send.log_until("status: local 0/10")
        send.stop()
    assert home.files() == sorted(f"{f}/{messnum % 23}/{messnum}" for f in ("mess", "info", "local"))
    assert home.split("info", messnum).read_bytes() == b"Fa@b\0"
    assert home.split("local", messnum).read_bytes() == b"Tjoe@host.example.org\0"
    assert home.split("local", messnum).stat().st_mtime > time.time() + 50


def test_mangled_and_misplaced_reports_do_no_harm(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        send.local.raw(b"\x07Kwho?\0")
        send.log_until("warning: internal error: delivery report out of range")
        home.enqueue(MESSAGE, b"a@b", b"joe@host.example.org")
        send.local.report(send.local.command(), b"Q", b"what")
        send.log_until("delivery 1: report mangled, will defer")


# -- orders of the control plane ---------------------------------------------------------------------------------------------------


def order(home: QmailHome, *words: bytes) -> tuple[bytes, bytes]:
    answer = ask(home.home + b"/run/qmail-send/orders", list(words))
    return answer[0], answer[1]


def waiting_message(home: QmailHome, send: Sender) -> int:
    """A message whose recipient was deferred."""
    messnum = home.enqueue(MESSAGE, b"ada@example.org", b"x@far.example", b"y@far.example")
    send.remote.answer(b"K", b"ok\n")
    send.remote.answer(b"Z", b"greylisted\n")
    send.log_until("delivery 2: deferral")
    send.log_until("status: local 0/10 remote 0/20")
    return messnum


def test_orders_show_what_waits_and_why(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        messnum = waiting_message(home, send)
        letter, data = order(home, b"list", b"0", b"50")
        listed = json.loads(data)
        assert (letter, listed["total"]) == (b"K", 1)
        shown = listed["messages"][0]
        assert (shown["messnum"], shown["sender"], shown["recipients"], shown["left"]) == (messnum, "ada@example.org", 2, 1)
        assert shown["size"] == len(MESSAGE)
        one = json.loads(order(home, b"show", b"%d" % messnum)[1])
        assert [(r["address"], r["is_done"], r["report"]) for r in one["all_recipients"]] == [
            ("x@far.example", True, ""),
            ("y@far.example", False, "greylisted\n"),
        ]
        assert order(home, b"head", b"%d" % messnum) == (b"K", MESSAGE)
        assert json.loads(order(home, b"status")[1])["remote"]["scheduled"] == 1


def test_orders_retry_bounce_and_delete(home: QmailHome, kept: queue_program.QueueProgram) -> None:
    with sender(home, kept) as send:
        first = waiting_message(home, send)
        assert order(home, b"retry", b"%d" % first)[0] == b"K"
        command = send.remote.command()
        assert command.recipient == b"y@far.example"
        assert order(home, b"delete", b"%d" % first)[0] == b"Z"  # under way
        send.remote.report(command, b"Z", b"again\n")
        send.log_until("delivery 3: deferral")
        send.log_until("status")
        assert order(home, b"bounce", b"%d" % first)[0] == b"K"
        send.log_until(f"end msg {first}")
        second = home.preprocessed(MESSAGE, b"a@b", local=(b"joe@h",))
        send.stop()
    assert b"<y@far.example>:\nReturned to its sender by the administrator of this host. (#5.0.0)\n" in kept.queued()[0][0]
    later = time.time() + 500
    os.utime(home.split("local", second), (later, later))
    with sender(home, kept) as send:
        send.log_until("status")
        assert order(home, b"delete", b"%d" % second)[0] == b"K"
        send.log_until(f"end msg {second}")
        assert order(home, b"delete", b"%d" % second)[0] == b"D"
        send.stop()
    assert (home.files(), len(kept.queued())) == ([], 1)


@pytest.mark.parametrize("words", [[b"dance"], [], [b"list", b"x", b"y"], [b"show", b"-1"], [b"show", b"999999999"], [b"delete", b"all"]])
def test_orders_it_does_not_know_change_nothing(home: QmailHome, kept: queue_program.QueueProgram, words: list[bytes]) -> None:
    with sender(home, kept) as send:
        send.log_until("status")
        assert order(home, *words)[0] == b"D"
