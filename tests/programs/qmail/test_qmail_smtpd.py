"""qmail-smtpd against the recorded behaviour of the original, and the conformance cases of the SMTP session."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from mta.formats import rcpthosts
from mta.programs.qmail import qmail_smtpd
from mta.unix.fds import Fds
from tests.conftest import as_bytes, corpus
from tests.support import queue_program

ENV = {b"TCPREMOTEIP": b"192.0.2.7", b"TCPREMOTEHOST": b"client.example", b"TCPLOCALHOST": b"mx.oracle.test", b"PROTO": b"TCP"}
CONTROL = {"me": "mx.oracle.test\n", "rcpthosts": "oracle.test\n", "badmailfrom": "spam@bad.test\n@evil.test\n"}

# Cases where we are stricter than the original, with what we answer instead (docs/quirks.md).
STRICTER = {
    "bare-lf-command": b"220 mx.oracle.test ESMTP\r\n451 See https://cr.yp.to/docs/smtplf.html.\r\n",
    "nul-addr": (
        b"220 mx.oracle.test ESMTP\r\n553 sorry, that sender holds a byte no address may hold (#5.1.7)\r\n503 MAIL first (#5.5.1)\r\n"
        b"503 MAIL first (#5.5.1)\r\n502 unimplemented (#5.5.1)\r\n502 unimplemented (#5.5.1)\r\n502 unimplemented (#5.5.1)\r\n"
        b"221 mx.oracle.test\r\n"
    ),
}


class Smtpd:
    """Runs one session in this process, its descriptors being files."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "control").mkdir()
        self.control(CONTROL)
        self.queue = queue_program.make(home / "kept")

    def control(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.home / "control" / name).write_bytes(as_bytes(text))

    def run(self, said: bytes, env: dict[bytes, bytes] | None = None) -> tuple[int, bytes]:
        """-> (exit code, everything it replied)"""
        (self.home / "in").write_bytes(said)
        (self.home / "out").write_bytes(b"")
        fd_in, fd_out = os.open(self.home / "in", os.O_RDONLY), os.open(self.home / "out", os.O_WRONLY)
        whole = {**ENV, b"QMAIL_HOME": os.fsencode(self.home), b"QMAILQUEUE": self.queue.path, **(env or {})}
        try:
            code = qmail_smtpd.main([], whole, Fds({0: fd_in, 1: fd_out}))
        finally:
            os.close(fd_in)
            os.close(fd_out)
        return code, (self.home / "out").read_bytes()


@pytest.fixture
def smtpd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Smtpd:
    monkeypatch.chdir(tmp_path)
    return Smtpd(tmp_path)


def masked(data: bytes) -> bytes:
    data = re.sub(rb"ok \d+ qp \d+", b"ok E qp P", data)
    return re.sub(rb"; \d+ \w+ \d{4} [\d:]+ -0000", b"; D", data)


@pytest.mark.parametrize("case", corpus("oracle/qmail-smtpd"), ids=lambda c: c["name"])
def test_it_says_what_the_original_said(smtpd: Smtpd, case: dict[str, Any], tmp_path: Path) -> None:
    smtpd.control(case["control"])
    env = {as_bytes(k): as_bytes(v) for k, v in case["env"].items()}
    if b"QMAILQUEUE" in env:
        code = int(env[b"QMAILQUEUE"].rpartition(b"q")[2])
        env[b"QMAILQUEUE"] = queue_program.make(tmp_path / "refusing", code).path
    exit_, output = smtpd.run(as_bytes(case["input"]), env)
    if case["name"] in STRICTER:
        assert (output, smtpd.queue.queued()) == (STRICTER[case["name"]], [])
        return
    assert masked(output) == masked(as_bytes(case["output"]))
    assert exit_ == case["rc"]
    wanted = [_wanted(q) for q in case["queue"]]
    assert sorted((masked(m), e) for m, e in smtpd.queue.queued()) == sorted(wanted)


def _wanted(recorded: dict[str, str]) -> tuple[bytes, bytes]:
    """What qmail-queue was given: without its own Received line, and the envelope instead of the todo file."""
    message = as_bytes(recorded["mess"]).partition(b"\n")[2]
    envelope = re.sub(rb"\Au\d+\0p\d+\0", b"", as_bytes(recorded["todo"])) + b"\0"
    return masked(message), envelope


def dialog(smtpd: Smtpd, *said: str, env: dict[bytes, bytes] | None = None) -> list[str]:
    """Lines -> replies, the greeting and the answer to QUIT left out."""
    code, output = smtpd.run(as_bytes("".join(line + "\r\n" for line in (*said, "QUIT"))), env)
    assert code == 0
    return output.decode("latin-1").split("\r\n")[1:-2]


def recipients(smtpd: Smtpd) -> list[bytes]:
    return [r[1:] for r in smtpd.queue.queued()[-1][1].split(b"\0") if r[:1] == b"T"]


NOT_OURS = "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"
MAIL = "MAIL FROM:<a@b>"


@pytest.mark.parametrize(
    ("case", "rcpt", "stored"),
    [
        ("M02 without angle brackets, something behind it", "RCPT TO: x@ok.example junk", b"x@ok.example"),
        ("M02 no keyword at all", "rcpt <x@ok.example>", b"x@ok.example"),
        ("M03 source route", "RCPT TO:<@r1,@r2:x@ok.example>", b"x@ok.example"),
        ("M04 quotes and backslash", 'RCPT TO:<"q q\\"x"@ok.example>', b'q q"x@ok.example'),
        ("M05 our own address as a literal", "RCPT TO:<x@[127.0.0.1]>", b"x@ok.example"),
        ("M06 no domain", "RCPT TO:<noat>", b"noat"),
        ("M06 nothing at all", "RCPT TO:<>", b""),
        ("M08 below a suffix", "RCPT TO:<x@a.sub.example>", b"x@a.sub.example"),
        ("M08 case does not matter, and is kept", "RCPT TO:<X@OK.Example>", b"X@OK.Example"),
    ],
)
def test_it_accepts(smtpd: Smtpd, case: str, rcpt: str, stored: bytes) -> None:
    smtpd.control({"rcpthosts": "ok.example\n.sub.example\n", "localiphost": "ok.example\n"})
    assert dialog(smtpd, MAIL, rcpt, "DATA", ".")[1] == "250 ok", case
    assert recipients(smtpd) == [stored], case


@pytest.mark.parametrize(
    ("case", "rcpt", "reply"),
    [
        ("M07 empty domain", "RCPT TO:<x@>", NOT_OURS),
        ("M07 trailing dot", "RCPT TO:<x@ok.example.>", NOT_OURS),
        ("M08 a suffix does not name itself", "RCPT TO:<x@sub.example>", NOT_OURS),
        ("another domain that ends alike", "RCPT TO:<x@notok.example>", NOT_OURS),
        ("M16 900 octets", f"RCPT TO:<{'a' * 889}@ok.example>", "555 syntax error (#5.5.4)"),
        ("NUL in a recipient", "RCPT TO:<x\0@ok.example>", "553 sorry, that recipient holds a byte no address may hold (#5.1.3)"),
        ("CR in a recipient", "RCPT TO:<x\r@ok.example>", "553 sorry, that recipient holds a byte no address may hold (#5.1.3)"),
    ],
)
def test_it_refuses(smtpd: Smtpd, case: str, rcpt: str, reply: str) -> None:
    smtpd.control({"rcpthosts": "ok.example\n.sub.example\n"})
    assert dialog(smtpd, MAIL, rcpt, "DATA")[1:] == [reply, "503 RCPT first (#5.5.1)"], case


def test_m01_ehlo_names_the_extensions(smtpd: Smtpd) -> None:
    assert dialog(smtpd, "EHLO x") == ["250-mx.oracle.test", "250-PIPELINING", "250 8BITMIME"]


def test_m09_relayclient_is_appended(smtpd: Smtpd) -> None:
    dialog(smtpd, MAIL, "RCPT TO:<x@other>", "DATA", ".", env={b"RELAYCLIENT": b"@fixme"})
    assert recipients(smtpd) == [b"x@other@fixme"]


def test_morercpthosts_counts_where_rcpthosts_is(smtpd: Smtpd) -> None:
    (smtpd.home / "control/morercpthosts.cdb").write_bytes(rcpthosts.compile_more(b"more.example\n.sub.example\n"))
    said = dialog(smtpd, MAIL, "RCPT TO:<x@more.example>", "RCPT TO:<x@a.SUB.example>", "RCPT TO:<x@sub.example>")
    assert said == ["250 ok", "250 ok", "250 ok", NOT_OURS]


DENIED = "553 sorry, your envelope recipient has been denied (#5.7.1)"
BAD_HELO = "553 sorry, your HELO host name has been denied (#5.7.1)"


def test_badrcptto_denies_recipients(smtpd: Smtpd) -> None:
    smtpd.control({"badrcptto": "old@oracle.test\n"})
    (smtpd.home / "control/morebadrcptto.cdb").write_bytes(rcpthosts.compile_more(b"more@oracle.test\n"))
    said = dialog(smtpd, MAIL, "RCPT TO:<OLD@oracle.test>", "RCPT TO:<more@oracle.test>", "RCPT TO:<new@oracle.test>")
    assert said == ["250 ok", DENIED, DENIED, "250 ok"]
    (smtpd.home / "control/morebadrcptto.cdb").write_bytes(b"damaged")
    assert dialog(smtpd, MAIL, "RCPT TO:<new@oracle.test>")[1] == "451 unable to read controls (#4.3.0)"


def test_badhelo_is_told_at_rcpt(smtpd: Smtpd) -> None:
    smtpd.control({"badhelo": "me\n"})
    rcpt = "RCPT TO:<x@oracle.test>"
    assert dialog(smtpd, "HELO ME", MAIL, rcpt, "HELO you", MAIL, rcpt)[2::3] == [BAD_HELO, "250 ok"]
    for variable in (b"NOBADHELO", b"RELAYCLIENT"):
        assert dialog(smtpd, "EHLO me", MAIL, rcpt, env={variable: b""})[-1] == "250 ok"


def test_tarpit_makes_a_client_wait(smtpd: Smtpd, monkeypatch: pytest.MonkeyPatch) -> None:
    smtpd.control({"tarpitcount": "2\n", "tarpitdelay": "7\n"})
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    rcpt = "RCPT TO:<x@oracle.test>"
    assert dialog(smtpd, MAIL, rcpt, rcpt, rcpt, rcpt, "RCPT TO:<x@far.test>") == ["250 ok"] * 5 + [NOT_OURS]
    assert waited == [7, 7]
    assert dialog(smtpd, MAIL, rcpt, rcpt, rcpt, env={b"TARPITCOUNT": b"0"}) == ["250 ok"] * 4
    assert waited == [7, 7]


@pytest.mark.parametrize(
    ("why", "files", "lines", "reply"),
    [
        ("a program", {}, ["", "TVqQAAMAAAAE"], "552 we don't accept email with such content (#5.3.4)"),
        ("none", {}, ["", "TVqQ", "TVqQAAMAAAAE"], "250 ok"),
        ("a loop is told first", {}, [*["Received: x"] * 100, "", "TVqQAAMAAAAE"], "554 too many hops, this message is looping (#5.4.6)"),
        ("so is a size", {"databytes": "5"}, ["", "TVqQAAMAAAAE"], "552 sorry, that message size exceeds my databytes limit (#5.3.4)"),
    ],
)
def test_signatures_of_programs_are_refused(smtpd: Smtpd, why: str, files: dict[str, str], lines: list[str], reply: str) -> None:
    smtpd.control({"signatures": "TVqQAAMAA\n", **files})
    said = dialog(smtpd, MAIL, "RCPT TO:<x@oracle.test>", "DATA", *lines, ".", "MAIL FROM:<>")
    assert said[3].startswith(reply), why
    assert (len(smtpd.queue.queued()), said[4]) == (reply == "250 ok", "250 ok")


@pytest.mark.parametrize("env", [{}, {b"RELAYCLIENT": b""}], ids=["M10 stranger", "M11 relay client"])
def test_badmailfrom_is_answered_at_rcpt(smtpd: Smtpd, env: dict[bytes, bytes]) -> None:
    said = dialog(smtpd, "MAIL FROM:<X@Evil.Test>", "RCPT TO:<joe@oracle.test>", "DATA", env=env)
    assert said == ["250 ok", "553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)", "503 RCPT first (#5.5.1)"]


@pytest.mark.parametrize(
    ("size", "reply"), [(10, "250 ok E qp P"), (11, "552 sorry, that message size exceeds my databytes limit (#5.3.4)")]
)
def test_m12_databytes_counts_what_is_stored(smtpd: Smtpd, size: int, reply: str) -> None:
    smtpd.control({"databytes": "10\n"})
    said = dialog(smtpd, MAIL, "RCPT TO:<joe@oracle.test>", "DATA", "x" * (size - 1), ".")
    assert masked(said[-1].encode()).decode() == reply
    assert len(smtpd.queue.queued()) == (size == 10)


@pytest.mark.parametrize("body", [b"a\nb\r\n.\r\n", b"a\r\n.\n", b"\n.\r\n", b"a\r\nb\n.\r\nMAIL FROM:<x@y>\r\n"])
def test_m13_a_bare_newline_ends_the_session(smtpd: Smtpd, body: bytes) -> None:
    code, output = smtpd.run(b"MAIL FROM:<a@b>\r\nRCPT TO:<x@oracle.test>\r\nDATA\r\n" + body)
    assert (code, output.split(b"\r\n")[-3:]) == (1, [b"354 go ahead", b"451 See https://cr.yp.to/docs/smtplf.html.", b""])
    assert smtpd.queue.queued() == []


@pytest.mark.parametrize(
    ("case", "lines", "reply"),
    [
        ("M15 99 of them", ["Received: x"] * 50 + ["DELIVERED-to: x"] * 49, "250 ok"),
        ("M15 100 of them", ["Received: x"] * 50 + ["delivered-To: x"] * 50, "554 too many hops, this message is looping (#5.4.6)"),
        ("M15 no colon is needed", ["receivedx"] * 100, "554 too many hops, this message is looping (#5.4.6)"),
        ("M15 those in the body do not count", ["Subject: x", "", *["Received: x"] * 200], "250 ok"),
    ],
)
def test_loops_are_counted_in_the_header(smtpd: Smtpd, case: str, lines: list[str], reply: str) -> None:
    said = dialog(smtpd, MAIL, "RCPT TO:<x@oracle.test>", "DATA", *lines, ".")
    assert said[3].startswith(reply), case
    assert len(smtpd.queue.queued()) == (reply == "250 ok")


@pytest.mark.parametrize("body", [b"", b"Subject: x\r\n", b"Subject: x\r\n\r\nhalf a", b"whole\r\n.", b"whole\r\n.\r"])
def test_m22_a_client_that_goes_away_in_data_leaves_nothing(smtpd: Smtpd, body: bytes) -> None:
    code, _ = smtpd.run(b"MAIL FROM:<a@b>\r\nRCPT TO:<x@oracle.test>\r\nDATA\r\n" + body)
    assert (code, smtpd.queue.queued()) == (1, [])


def test_m14_odd_line_ends_are_stored_as_they_came(smtpd: Smtpd) -> None:
    dialog(smtpd, MAIL, "RCPT TO:<joe@oracle.test>", "DATA", ".\rX", "..", "\r", "x\r", ".\r\r", ".")
    assert smtpd.queue.queued()[0][0].split(b"-0000\n", 1)[1] == b".\rX\n.\n\r\nx\r\n.\r\r\n"


def test_m16_an_address_of_899_octets_passes(smtpd: Smtpd) -> None:
    assert dialog(smtpd, MAIL, f"RCPT TO:<{'a' * 887}@oracle.test>") == ["250 ok", "250 ok"]


def test_m17_a_space_before_the_verb_makes_it_unknown(smtpd: Smtpd) -> None:
    assert dialog(smtpd, " NOOP") == ["502 unimplemented (#5.5.1)"]


@pytest.mark.parametrize(
    ("case", "helo", "env", "line"),
    [
        ("M18", "HELO CLIENT.example", {}, b"Received: from client.example (192.0.2.7)\n"),
        (
            "M19",
            "NOOP",
            {b"TCPREMOTEHOST": b"Foo Bar", b"TCPREMOTEINFO": b"us er<>"},
            b"Received: from Foo?Bar (us?er??@192.0.2.7)\n",
        ),
    ],
)
def test_received_names_the_client_harmlessly(smtpd: Smtpd, case: str, helo: str, env: dict[bytes, bytes], line: bytes) -> None:
    dialog(smtpd, helo, MAIL, "RCPT TO:<joe@oracle.test>", "DATA", ".", env=env)
    assert smtpd.queue.queued()[0][0].startswith(line), case


@pytest.mark.parametrize("missing", ["me", "rcpthosts"])
def test_m20_it_will_not_start_without(smtpd: Smtpd, missing: str) -> None:
    (smtpd.home / "control" / missing).unlink()
    assert smtpd.run(b"QUIT\r\n") == (1, b"421 unable to read controls (#4.3.0)\r\n")


def test_m21_a_failed_mail_leaves_the_transaction_alone(smtpd: Smtpd) -> None:
    said = dialog(smtpd, MAIL, f"MAIL FROM:<{'a' * 900}@x>", "RCPT TO:<joe@oracle.test>")
    assert said == ["250 ok", "555 syntax error (#5.5.4)", "250 ok"]


@pytest.mark.parametrize("mail", ["MAIL a@b", "MAIL"])
def test_m23_a_mail_without_an_address_has_the_null_sender(smtpd: Smtpd, mail: str) -> None:
    dialog(smtpd, mail, "RCPT TO:<joe@oracle.test>", "DATA", ".")
    assert smtpd.queue.queued()[0][1] == b"F\0Tjoe@oracle.test\0\0"


def test_m24_mail_and_helo_begin_anew(smtpd: Smtpd) -> None:
    assert dialog(smtpd, MAIL, "RCPT TO:<joe@oracle.test>", MAIL, "DATA")[-1] == "503 RCPT first (#5.5.1)"
    assert dialog(smtpd, MAIL, "HELO x", "RCPT TO:<joe@oracle.test>")[-1] == "503 MAIL first (#5.5.1)"


@pytest.mark.parametrize(
    ("case", "custom", "reply"),
    [
        ("Q14 permanent", b"Dspam (#5.7.1)", "554 spam (#5.7.1)"),
        ("temporary", b"Zlater (#4.7.1)", "451 later (#4.7.1)"),
        ("Q15 too short", b"Dx", "451 qq temporary problem (#4.3.0)"),
        ("Q16 the first 255 count", b"D" + b"x" * 299, "554 " + "x" * 254),
    ],
)
def test_descriptor_6_gives_the_reason(smtpd: Smtpd, case: str, custom: bytes, reply: str, tmp_path: Path) -> None:
    refusing = queue_program.make(tmp_path / "refusing", 82, custom)
    said = dialog(smtpd, MAIL, "RCPT TO:<joe@oracle.test>", "DATA", ".", env={b"QMAILQUEUE": refusing.path})
    assert said[-1] == reply, case


@pytest.mark.parametrize(
    ("exit_", "reply"),
    [
        (11, "554 envelope address too long for qq (#5.1.3)"),
        (12, "554 qq permanent problem (#5.3.0)"),
        (31, "554 mail server permanently rejected message (#5.3.0)"),
        (41, "451 qq temporary problem (#4.3.0)"),
        (99, "451 qq temporary problem (#4.3.0)"),
        (115, "554 envelope address too long for qq (#5.1.3)"),
        (120, "451 unable to exec qq (#4.3.0)"),
    ],
)
def test_q17_exit_codes_of_the_queue(smtpd: Smtpd, exit_: int, reply: str, tmp_path: Path) -> None:
    refusing = queue_program.make(tmp_path / "refusing", exit_)
    assert dialog(smtpd, MAIL, "RCPT TO:<joe@oracle.test>", "DATA", ".", env={b"QMAILQUEUE": refusing.path})[-1] == reply


def test_q18_qmailqueue_is_a_file_name_and_no_command_line(smtpd: Smtpd) -> None:
    said = dialog(smtpd, MAIL, "RCPT TO:<joe@oracle.test>", "DATA", ".", env={b"QMAILQUEUE": smtpd.queue.path + b" z"})
    assert said[-1] == "451 unable to exec qq (#4.3.0)"


@pytest.mark.parametrize("case", corpus("hostile/relay"), ids=lambda c: c["id"])
def test_it_never_relays(smtpd: Smtpd, case: dict[str, str]) -> None:
    said = dialog(smtpd, f"MAIL FROM:<{case['mail_from']}>", f"RCPT TO:<{case['rcpt_to']}>", "DATA", ".")
    if case["expect"].startswith("reject") and "@" in case["rcpt_to"]:  # without "@" it is a local name, whatever stands in it (M06)
        assert said[1][0] == "5"
    for _, envelope in smtpd.queue.queued():
        for record in envelope.split(b"\0"):
            domain = record[1:].rpartition(b"@")[2] if b"@" in record else b"oracle.test"
            assert record[:1] != b"T" or domain.lower() == b"oracle.test"


@pytest.mark.parametrize("case", corpus("hostile/smtp-smuggling"), ids=lambda c: c["id"])
def test_nothing_is_smuggled(smtpd: Smtpd, case: dict[str, str]) -> None:
    smtpd.run(as_bytes(case["bytes"]))
    kept = smtpd.queue.queued()
    if case["expect"].startswith("control case"):  # a true end of data: proof that the others are not refused for another reason
        assert len(kept) == 2
        return
    assert len(kept) <= 1
    for message, _ in kept:
        assert not message.partition(b"-0000\n")[2].startswith(b"Subject: smuggled")


@pytest.mark.parametrize("case", corpus("hostile/smtp-commands"), ids=lambda c: c["id"])
def test_hostile_commands_queue_nothing_foreign(smtpd: Smtpd, case: dict[str, str]) -> None:
    smtpd.run(as_bytes(case["bytes"]))
    for _, envelope in smtpd.queue.queued():
        assert envelope.count(b"\0") == envelope.count(b"\0T") + 2
        assert b"elsewhere" not in envelope
