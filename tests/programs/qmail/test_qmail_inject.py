"""qmail-inject against the recorded behaviour of the original, and its conformance cases I01-I18, I22."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mta import runner
from mta.formats import todo
from mta.unix.fds import Fds
from tests.conftest import as_bytes, corpus
from tests.support import queue_program
from tests.support.call import Result, call, command, process
from tests.support.process import running
from tests.support.qmail_home import QmailHome

CONTROL = {"me": "host.example.org\n", "defaultdomain": "sub.example.org\n", "plusdomain": "plus.example\n", "defaulthost": "mailhost\n"}
ORACLE_CONTROL = {"me": "mx.oracle.test\n", "defaultdomain": "oracle.test\n", "plusdomain": "test\n"}
DATED = b"Date: d\nMessage-ID: <m@x>\nFrom: f@x.y\n"
H = b"mailhost.sub.example.org"


class Inject:
    """An instance with control files, and a program in the queue's place."""

    def __init__(self, home: Path, control: dict[str, str]) -> None:
        self.home = home
        (home / "control").mkdir(parents=True)
        for name, text in control.items():
            (home / "control" / name).write_text(text)
        self.queue = queue_program.make(home / "kept")
        self.env = {b"QMAIL_HOME": os.fsencode(home), b"USER": b"joe", b"QMAILQUEUE": self.queue.path}

    def run(self, message: bytes, *argv: bytes, **env: bytes) -> Result:
        return call("qmail-inject", list(argv), {**self.env, **{k.encode(): v for k, v in env.items()}}, message)

    def queued(self, message: bytes, *argv: bytes, **env: bytes) -> tuple[bytes, list[bytes]]:
        """-> (message, [sender, recipient, ...]) as the queue got them."""
        assert self.run(message, *argv, **env) == Result(0, b"", b"")
        ((text, envelope),) = self.queue.queued()
        records = envelope.removesuffix(b"\0\0").split(b"\0")
        assert [r[:1] for r in records] == [b"F"] + [b"T"] * (len(records) - 1)
        return text, [r[1:] for r in records]


@pytest.fixture
def inject(tmp_path: Path) -> Inject:
    return Inject(tmp_path / "home", CONTROL)


def masked(text: bytes) -> bytes:
    """Without what depends on the clock and the process."""
    text = re.sub(rb"Date: \d+ \w+ \d+ [\d:]+ -0000", b"Date: NOW", text)
    text = re.sub(rb"<\d{14}\.\d+\.qmail@", b"<NOW.PID.qmail@", text)
    return re.sub(rb"-\d{10}\.\d+(?=[-@])", b"-NOW.PID", text)


@pytest.mark.parametrize("case", corpus("oracle/qmail-inject"), ids=lambda c: c["name"])
def test_it_prints_what_the_original_prints(case: dict[str, Any], tmp_path: Path) -> None:
    inject = Inject(tmp_path / "home", ORACLE_CONTROL)
    env = {name: as_bytes(value) for name, value in case["env"].items()}
    result = inject.run(as_bytes(case["input"]), b"-n", *(as_bytes(a) for a in case["args"]), **env)
    assert (result.code, masked(result.out), result.err) == (case["rc"], masked(as_bytes(case["output"])), as_bytes(case["stderr"]))


def test_i01_it_adds_date_message_id_and_from(inject: Inject) -> None:
    text, envelope = inject.queued(b"To: joe\n\nbody\n", NAME=b"Joe Q. User")
    assert masked(text) == (
        b"Date: NOW\nMessage-ID: <NOW.PID.qmail@host.example.org>\n"
        b'From: "Joe Q. User" <joe@mailhost.sub.example.org>\nTo: joe@mailhost.sub.example.org\n\nbody\n'
    )
    assert envelope == [b"joe@" + H, b"joe@" + H]


def test_i02_the_name_may_stand_in_a_comment(inject: Inject) -> None:
    text, _ = inject.queued(b"To: joe\n\n", NAME=b"Joe Q. User", QMAILINJECT=b"c")
    assert b"\nFrom: joe@mailhost.sub.example.org (Joe Q. User)\n" in text


def test_i03_an_empty_input_becomes_a_header_without_an_empty_line(inject: Inject) -> None:
    text, envelope = inject.queued(b"", b"-a", b"bo@x.y")
    assert masked(text) == (
        b"Date: NOW\nMessage-ID: <NOW.PID.qmail@host.example.org>\nFrom: joe@mailhost.sub.example.org\nCc: recipient list not shown: ;\n"
    )
    assert envelope[1:] == [b"bo@x.y"]


@pytest.mark.parametrize(
    ("id_", "message", "kept"),
    [
        ("I04", DATED + b"To: a@b.c\nSubject: hi\nbody", DATED + b"To: a@b.c\nSubject: hi\n\nbody\n"),
        ("I05", b"From x y z\n" + DATED + b"To: a@b.c\nSubject: s\n\n", b"MBOX-Line: From x y z\n" + DATED + b"To: a@b.c\nSubject: s\n\n"),
        ("I18 8-bit name", DATED + b"To: a@b.c\nN\xe4me: x\n", DATED + b"To: a@b.c\n\nN\xe4me: x\n"),
        ("I18 blank in name", DATED + b"To: a@b.c\nA name: x\n", DATED + b"To: a@b.c\n\nA name: x\n"),
        ("I17", DATED + b"To: a@b.c\r\nSubject: s\r\n\r\nb\r\n", DATED + b"To: a@b.c\nSubject: s\r\n\n\r\nb\r\n"),
        ("I10", DATED + b"To: x@y (unclosed\n\n", DATED + b"To: x@y (unclosed\n\n"),
    ],
)
def test_header_and_body_are_parted_as_by_the_original(inject: Inject, id_: str, message: bytes, kept: bytes) -> None:
    text, _ = inject.queued(message)
    assert text == kept, id_


@pytest.mark.parametrize(
    ("id_", "field", "written"),
    [
        (
            "I06",
            b"To: a b, c@d+, e@f., <@r1,@r2:g@h>, k@[1.2.3.4] (c), group: x, y@z;",
            b"To: a@H, b@H, c@d.plus.example, e@f.sub.example.org, <g@h.sub.example.org>, k@[1.2.3.4] (c), group: x@H,"
            b" y@z.sub.example.org;",
        ),
        ("I08", b"To: user at host", b"To: user@H, at@H, host@H"),
        ("I09", b"To: <joe@x.y>Jim <jim@x.y>", b"To: <joe@x.y>Jim <jim@x.y>"),
    ],
)
def test_a_list_is_completed_as_by_the_original(inject: Inject, id_: str, field: bytes, written: bytes) -> None:
    text, _ = inject.queued(DATED + field + b"\n\n")
    assert text.removeprefix(DATED).replace(b",\n  ", b", ") == written.replace(b"@H", b"@" + H) + b"\n\n", id_


@pytest.mark.parametrize(
    ("id_", "fields", "recipients"),
    [
        (
            "I07",
            b'To: a@b.c, "c d"@e.f\nCc: g@h.i\nBcc: j@k.l\nApparently-To: m@n.o\n',
            [b"c d@e.f", b"a@b.c", b"g@h.i", b"j@k.l", b"m@n.o"],
        ),
        ("I09", b"To: <joe@x.y>Jim <jim@x.y>\n", [b"jim@x.y", b"joe@x.y"]),
        ("I10", b"To: x@y (unclosed\n", []),
        ("I11", b"To: a;b, c: d, e\n", [b"e@" + H, b"d@" + H]),
        ("I15", b"To: a@b.c\nResent-To: d@e.f\n", [b"d@e.f"]),
    ],
)
def test_recipients_come_in_the_order_of_the_original(inject: Inject, id_: str, fields: bytes, recipients: list[bytes]) -> None:
    text, envelope = inject.queued(DATED + fields + b"\n")
    assert envelope[1:] == recipients, id_
    assert b"Bcc" not in text


def test_i10_an_unreadable_from_is_fatal_and_nothing_is_queued(inject: Inject) -> None:
    result = inject.run(b"To: a@b.c\nFrom: x@y (unclosed\n\nbody\n")
    assert result == Result(100, b"", b"qmail-inject: fatal: unable to parse this line:\nFrom: x@y (unclosed\n")
    assert inject.queue.queued() == []


@pytest.mark.parametrize(
    ("id_", "argv", "letters", "sender"),
    [
        ("I12 r", (), b"r", b"joe-@H-@[]"),
        ("I12 m", (), b"m", b"joe-NOW.PID@H"),
        ("I12 rm", (), b"rm", b"joe-NOW.PID-@H-@[]"),
        ("I13", (b"-f", b"snd"), b"r", b"snd@H"),
        ("I14 double bounce", (b"-f", b"#@[]"), b"", b"#@[]"),
        ("I14 VERP", (b"-f", b"l-@h.x-@[]"), b"", b"l-@h.x-@[]"),
        ("null", (b"-f", b""), b"", b""),
        ("quoted", (b"-fa b@c.d",), b"", b"a b@c.d"),
    ],
)
def test_the_sender_is_that_of_the_original(inject: Inject, id_: str, argv: tuple[bytes, ...], letters: bytes, sender: bytes) -> None:
    _, envelope = inject.queued(DATED + b"To: a@b.c\n\n", *argv, QMAILINJECT=letters)
    assert masked(envelope[0]) == sender.replace(b"@H", b"@" + H), id_


def test_i15_a_resent_message_gets_resent_fields_and_its_old_ones_stay(inject: Inject) -> None:
    text, _ = inject.queued(b"To: a\nResent-To: b\n\n")
    assert masked(text) == (
        b"Resent-Date: NOW\nResent-Message-ID: <NOW.PID.qmail@host.example.org>\nResent-From: joe@mailhost.sub.example.org\n"
        b"To: a@mailhost.sub.example.org\nResent-To: b@mailhost.sub.example.org\n\n"
    )


def test_i16_mail_followup_to_stands_one_address_a_line_backwards(inject: Inject, tmp_path: Path) -> None:
    (tmp_path / "lists").write_text("# mine\nLIST@l.test\n")
    text, _ = inject.queued(DATED + b"To: a@b.c, list@l.test\nCc: d@e.f\n\n", QMAILMFTFILE=os.fsencode(tmp_path / "lists"))
    assert text.startswith(b"Mail-Followup-To: d@e.f,\n  a@b.c,\n  list@l.test\nDate: d\n")


def test_the_name_of_the_followup_file_counts_from_where_the_caller_stands(
    inject: Inject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lists").write_text("list@l.test\n")
    monkeypatch.chdir(tmp_path)
    text, _ = inject.queued(DATED + b"To: list@l.test\n\n", QMAILMFTFILE=b"lists")
    assert text.startswith(b"Mail-Followup-To: list@l.test\n")


def test_i22_lines_are_folded_below_79_octets_but_for_long_addresses(inject: Inject) -> None:
    long_one = b"x" * 100 + b"@a.b"
    text, envelope = inject.queued(DATED + b"To: " + b", ".join(b"user%d" % i for i in range(200)) + b", " + long_one + b"\n\n")
    assert [line for line in text.split(b"\n") if len(line) > 78] == [b"  " + long_one]
    assert envelope[1:] == [long_one, *(b"user%d@%b" % (i, H) for i in reversed(range(200)))]


@pytest.mark.parametrize(
    ("why", "argv", "recipients"),
    [
        ("header alone when there are no operands", (), [b"h@b.c"]),
        ("operands alone when there are", (b"o@b.c", b"p"), [b"o@b.c", b"p@" + H]),
        ("-A says the same", (b"-H", b"-A", b"o@b.c"), [b"o@b.c"]),
        ("-a: operands, even none", (b"-a",), []),
        ("-h: header only", (b"-h", b"o@b.c"), [b"h@b.c"]),
        ("-H: both, operands first", (b"-H", b"o@b.c"), [b"o@b.c", b"h@b.c"]),
        ("an operand may look like an option", (b"--", b"-a"), [b"-a@" + H]),
    ],
)
def test_recipients_are_chosen_by_option(inject: Inject, why: str, argv: tuple[bytes, ...], recipients: list[bytes]) -> None:
    _, envelope = inject.queued(DATED + b"To: h@b.c\n\n", *argv)
    assert envelope[1:] == recipients, why


@pytest.mark.parametrize(
    ("why", "argv", "env", "err"),
    [
        ("unknown option", (b"-x",), {}, b"qmail-inject: illegal option -- x\n"),
        ("no sender after -f", (b"-f",), {}, b"qmail-inject: option requires an argument -- f\n"),
        ("unreadable sender", (b"-fa@(b",), {}, b"qmail-inject: fatal: unable to parse this line:\na@(b\n"),
        ("unreadable operand", (b"a@(b",), {}, b"qmail-inject: fatal: unable to parse address: a@(b\n"),
        ("unreadable domain", (), {"QMAILDEFAULTDOMAIN": b"("}, b"qmail-inject: fatal: unable to parse this line:\n.(\n"),
        ("no address has a newline", (b"a\nb@c.d",), {}, b"qmail-inject: fatal: address with a NUL, CR or LF (#5.1.3)\n"),
    ],
)
def test_it_refuses_for_good(inject: Inject, why: str, argv: tuple[bytes, ...], env: dict[str, bytes], err: bytes) -> None:
    assert inject.run(DATED + b"\n", *argv, **env) == Result(100, b"", err), why
    assert inject.queue.queued() == []


def test_a_nul_in_an_address_never_becomes_another_record(inject: Inject) -> None:
    result = inject.run(DATED + b"To: a\0Tevil@x.y@b.c\n\n")
    assert (result.code, inject.queue.queued()) == (100, [])


@pytest.mark.parametrize(
    ("why", "code", "custom", "exit_", "text"),
    [
        ("disk full", 53, b"", 111, b"qq write error or disk full (#4.3.0)"),
        ("address too long", 11, b"", 100, b"envelope address too long for qq (#5.1.3)"),
        ("a filter refuses", 82, b"Dno caf\xe9 here (#5.7.1)", 100, b"no caf\xe9 here (#5.7.1)"),
        ("a filter defers", 82, b"Zcome back (#4.7.1)", 111, b"come back (#4.7.1)"),
        ("a filter says nothing", 82, b"", 111, b"qq temporary problem (#4.3.0)"),
    ],
)
def test_what_the_queue_says_is_what_the_user_hears(inject: Inject, why: str, code: int, custom: bytes, exit_: int, text: bytes) -> None:
    refusing = queue_program.make(inject.home / "refusing", code, custom)
    result = inject.run(DATED + b"To: a@b.c\n\n", QMAILQUEUE=refusing.path)
    assert result == Result(exit_, b"", b"qmail-inject: fatal: %b\n" % text), why


def test_without_a_home_or_readable_controls_it_asks_to_try_again(inject: Inject, tmp_path: Path) -> None:
    assert inject.run(b"", QMAIL_HOME=b"/nowhere") == Result(111, b"", b"qmail-inject: fatal: internal bug\n")
    (inject.home / "control" / "idhost").mkdir()
    assert inject.run(b"") == Result(111, b"", b"qmail-inject: fatal: read error\n")
    assert inject.run(b"", QMAILMFTFILE=os.fsencode(tmp_path)) == Result(111, b"", b"qmail-inject: fatal: read error\n")


def test_without_control_files_hosts_are_the_names_of_the_files(tmp_path: Path) -> None:
    inject = Inject(tmp_path / "home", {})
    text, _ = inject.queued(b"To: joe, a@b+\n\n")
    assert b"To: joe@defaulthost.defaultdomain, a@b.plusdomain\n" in text
    assert b".qmail@idhost>" in text


def test_environment_outranks_control_files(inject: Inject) -> None:
    env = {"QMAILDEFAULTDOMAIN": b"dd", "QMAILDEFAULTHOST": b"dh", "QMAILPLUSDOMAIN": b"pd", "QMAILIDHOST": b"ih"}
    text, _ = inject.queued(b"To: joe, a@b+\n\n", **env)
    assert b"To: joe@dh.dd, a@b.pd\n" in text
    assert b".qmail@ih>" in text


def test_it_can_print_in_place_of_queueing(inject: Inject) -> None:
    result = inject.run(DATED + b"To: a@b.c\nBcc: d@e.f\n\nbody", b"-n", b"-f", b"s t@x.y")
    assert result == Result(0, b'Return-Path: <"s t"@x.y>\n' + DATED + b"To: a@b.c\n\nbody\n", b"")
    assert inject.queue.queued() == []
    assert inject.run(DATED + b"\n", b"-n", b"-N", b"-a").out == b""


def test_a_reader_who_has_seen_enough_is_no_trouble(inject: Inject) -> None:
    shell = ["sh", "-c", '"$@" | head -c 5', "sh", *command("qmail-inject", inject.env[b"QMAIL_HOME"]), "-n"]
    done = subprocess.run(shell, input=DATED + b"\n" + b"x" * 1_000_000, env=inject.env, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"Retur", b"")


def test_paper_that_is_full_is_a_reason_to_try_again(inject: Inject, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*command("qmail-inject", inject.env[b"QMAIL_HOME"]), "-n"],
            input=DATED,
            stdout=full,
            stderr=subprocess.PIPE,
            env=inject.env,
            check=False,
        )
    assert (done.returncode, done.stderr) == (111, b"qmail-inject: fatal: write error\n")


def test_a_body_passes_byte_by_byte(inject: Inject) -> None:
    body = bytes(range(256)) * 2000
    text, _ = inject.queued(DATED + b"To: a@b.c\n\n" + body)
    assert text == DATED + b"To: a@b.c\n\n" + body + b"\n"


def test_when_reading_fails_nothing_is_queued(inject: Inject, tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)  # a directory cannot be read
    try:
        result = call("qmail-inject", [], inject.env, stdin_fd=fd)
    finally:
        os.close(fd)
    assert result == Result(111, b"", b"qmail-inject: fatal: read error\n")
    assert inject.queue.queued() == []


class Breaking(Fds):
    """Descriptor 0 is good for one reading."""

    def __init__(self, good: int, bad: int, err: int) -> None:
        super().__init__({2: err})
        self._turns = [good, bad]

    def __missing__(self, number: int) -> int:
        return self._turns.pop(0)


def test_when_reading_fails_within_the_body_nothing_is_queued(inject: Inject, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(DATED + b"To: a@b.c\n\nhalf a bo")
    opened = [os.open(tmp_path / "in", os.O_RDONLY), os.open(tmp_path, os.O_RDONLY), os.open(tmp_path / "err", os.O_CREAT | os.O_WRONLY)]
    code = runner.call("qmail-inject", [], inject.env, Breaking(*opened))
    for fd in opened:
        os.close(fd)
    assert (code, (tmp_path / "err").read_bytes()) == (111, b"qmail-inject: fatal: read error\n")
    assert inject.queue.queued() == []


def test_the_real_process_queues_and_passes_its_environment_on(inject: Inject) -> None:
    result = process("qmail-inject", [b"a@b.c"], {**inject.env, b"NAME": b"Joe"}, b"Subject: x\n\nbody\n")
    assert result == Result(0, b"", b"")
    ((text, envelope),) = inject.queue.queued()
    assert masked(text) == (
        b"Date: NOW\nMessage-ID: <NOW.PID.qmail@host.example.org>\n"
        b'From: "Joe" <joe@mailhost.sub.example.org>\nCc: recipient list not shown: ;\nSubject: x\n\nbody\n'
    )
    assert envelope == b"Fjoe@%b\0Ta@b.c\0\0" % H


def test_a_body_of_any_size_needs_no_memory(inject: Inject, tmp_path: Path) -> None:
    """300 MB go through a process that may not have 100."""
    with open(tmp_path / "large", "wb") as file:
        file.write(DATED + b"\n")
        file.truncate(300 << 20)
    limited = ["sh", "-c", 'ulimit -v 100000; exec "$@"', "sh", *command("qmail-inject", inject.env[b"QMAIL_HOME"]), "-n"]
    with open(tmp_path / "large", "rb") as stdin, open(os.devnull, "wb") as nowhere:
        done = subprocess.run(limited, stdin=stdin, stdout=nowhere, stderr=subprocess.PIPE, env=inject.env, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_header_of_100_000_recipients_is_read(inject: Inject) -> None:
    text, envelope = inject.queued(DATED + b"To: " + b"a@b.c, " * 100_000 + b"d@e.f\n\n")
    assert len(envelope) == 100_002
    assert max(map(len, text.split(b"\n"))) <= 78


def test_with_the_queue_writer_a_message_lies_in_the_queue(tmp_path: Path) -> None:
    home = QmailHome(tmp_path / "qmail", me="mail.example.org")
    with running(home.path, "queue-writer"):
        env = {b"QMAIL_HOME": home.home, b"USER": b"joe"}
        assert process("qmail-inject", [b"bo@x.y"], env, DATED + b"To: z\n\nbody\n") == Result(0, b"", b"")
    (number,) = os.listdir(home.queue / "todo")
    queued = todo.read((home.queue / "todo" / number).read_bytes())
    assert (queued.uid, queued.sender, queued.recipients) == (os.getuid(), b"joe@mail.example.org", (b"bo@x.y",))
    received, rest = home.split("mess", int(number)).read_bytes().split(b"\n", 1)
    assert received.startswith(b"Received: (qmail %d invoked " % queued.pid)
    assert rest == DATED + b"To: z@mail.example.org\n\nbody\n"
