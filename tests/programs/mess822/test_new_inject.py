"""new-inject. Conformance cases C30 and C31; the header is told in tests/decisions/test_outgoing_header."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import queue_program
from tests.support.call import Result, call, command

USAGE = b"new-inject: usage: new-inject [ -nNaAhHFIMRS ] [ -f sender ] [ recip ... ]\n"


class Site:
    """control/me is mail.example.com; joe at h.org sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "control").mkdir()
        self.control(me=b"mail.example.com")
        self.env = {b"QMAIL_HOME": os.fsencode(folder), b"QMAILUSER": b"joe", b"QMAILHOST": b"h.org"}
        self.refuse_with(0)

    def control(self, **files: bytes) -> None:
        for name, text in files.items():
            (self.folder / "control" / name).write_bytes(text + b"\n")

    def refuse_with(self, exit_: int) -> None:
        self.queue = queue_program.make(self.folder / "kept", exit_)
        self.env[b"QMAILQUEUE"] = self.queue.path

    def run(self, *argv: bytes, message: bytes = b"To: bo\n\nbody\n", **variables: bytes) -> Result:
        return call("new-inject", list(argv), {**self.env, **{n.encode(): v for n, v in variables.items()}}, message)

    def envelope(self, *argv: bytes, message: bytes = b"To: bo\n\nbody\n", **variables: bytes) -> tuple[bytes, list[bytes]]:
        """-> (sender, recipients) with -n."""
        result = self.run(b"-n", *argv, message=message, **variables)
        assert (result.code, result.err) == (0, b"")
        found = re.match(rb"Envelope-Sender: (.*)\nEnvelope-Recipients:\n((?:  .*,\n)*)", result.out)
        assert found is not None
        return found[1], [line[2:-1] for line in found[2].splitlines()]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    return Site(tmp_path)


def test_it_queues_the_completed_message(site: Site) -> None:
    body = bytes(range(256)) * 1000
    assert site.run(message=b"To: bo, cy@x.y\nDate: 5 Jan 1999 10:00 GMT\nMessage-ID: <m>\n\n" + body) == Result(0, b"", b"")
    [(message, envelope)] = site.queue.queued()
    assert envelope == b"Fjoe@h.org\0Tbo@mail.example.com\0Tcy@x.y\0\0"
    head = b"Date: 5 Jan 1999 10:00:00 +0000\nMessage-ID: <m>\nFrom: joe@h.org\nTo: bo@mail.example.com, cy@x.y\n"
    assert message == head + b"\n" + body + b"\n"


def test_c30_without_to_and_cc_it_says_so_and_bcc_goes(site: Site) -> None:
    result = site.run(b"-n", message=b"Bcc: bo\nSubject: x\n\nbody")
    lines = result.out.splitlines()
    assert lines[:3] == [b"Envelope-Sender: joe@h.org", b"Envelope-Recipients:", b"  bo@mail.example.com,"]
    assert re.fullmatch(rb"Date: \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d -0000", lines[3])
    assert re.fullmatch(rb"Message-ID: <\d{14}\.\d+\.qmail@mail.example.com>", lines[4])
    assert lines[5:] == [b"From: joe@h.org", b"Cc: recipient list not shown: ;", b"Subject: x", b"", b"body"]
    assert site.queue.queued() == []


@pytest.mark.parametrize(
    ("why", "letters", "pattern"),
    [
        ("C31 each message and each recipient", b"-MR", rb'"joe-(\d+)\.\d+-@h\.org-"@\[\]'),
        ("C31 each recipient", b"-R", rb'"joe-@h\.org-"@\[\]'),
        ("C31 each message", b"-M", rb"joe-(\d+)\.\d+@h\.org"),
    ],
)
def test_c31_senders_of_their_own(site: Site, why: str, letters: bytes, pattern: bytes) -> None:
    before = int(time.time())
    for sender in (site.envelope(letters)[0], site.envelope(QMAILINJECT=letters[1:].lower())[0]):
        found = re.fullmatch(pattern, sender)
        assert found is not None, (why, sender)
        assert not found.groups() or before <= int(found[1]) <= time.time()


ALL = b"Envelope-Recipients: e1, e2@x.y\nTo: t\nCc: c\nBcc: b\nApparently-To: a\n\n"
HERE = b"@mail.example.com"


@pytest.mark.parametrize(
    ("why", "argv", "message", "expected"),
    [
        ("operands only", (b"-a", b"o"), ALL, [b"o"]),
        ("no operands, none", (b"-a",), ALL, []),
        ("the header only", (b"-h", b"o"), ALL, [b"e1", b"e2@x.y"]),
        ("both", (b"-H", b"o"), ALL, [b"o", b"e1", b"e2@x.y"]),
        ("operands if there are any", (b"o",), ALL, [b"o"]),
        ("else the header", (), ALL, [b"e1", b"e2@x.y"]),
        ("-A is that, too", (b"-aA",), ALL, [b"e1", b"e2@x.y"]),
        ("an empty list of them counts", (), b"Envelope-Recipients:\nTo: t\n\n", []),
        ("without it To, Cc, Bcc, Apparently-To", (), ALL.partition(b"\n")[2], [b"t", b"c", b"b", b"a"]),
    ],
)
def test_who_gets_it(site: Site, why: str, argv: tuple[bytes, ...], message: bytes, expected: list[bytes]) -> None:
    assert site.envelope(*argv, message=message)[1] == [a if b"@" in a else a + HERE for a in expected], why


FROM = b"Envelope-Sender: env@x.y\nReturn-Path: <rp@x.y>\nTo: t\n\n"


@pytest.mark.parametrize(
    ("why", "argv", "message", "variables", "expected"),
    [
        ("the option", (b"-fbo",), FROM, {}, b"bo@mail.example.com"),
        ("nobody, by option", (b"-f", b""), FROM, {}, b"<>"),
        ("the pseudo field", (), FROM, {}, b"env@x.y"),
        ("Return-Path", (), FROM.partition(b"\n")[2], {}, b"rp@x.y"),
        ("not with S", (b"-S",), FROM.partition(b"\n")[2], {}, b"joe@h.org"),
        ("nor in the environment", (), FROM.partition(b"\n")[2], {"QMAILINJECT": b"s"}, b"joe@h.org"),
        ("nobody, by the message", (), b"Return-Path: <>\n\n", {}, b"<>"),
        ("another user for the envelope", (), b"\n", {"QMAILSUSER": b"s", "QMAILSHOST": b"x.y"}, b"s@x.y"),
        ("marks are for our own senders", (b"-MR",), FROM, {}, b"env@x.y"),
    ],
)
def test_who_sends_it(site: Site, why: str, argv: tuple[bytes, ...], message: bytes, variables: dict[str, bytes], expected: bytes) -> None:
    assert site.envelope(*argv, message=message, **variables)[0] == expected, why


@pytest.mark.parametrize(
    ("why", "variables", "expected"),
    [
        ("everything", {"QMAILNAME": b"Joe", "MAILNAME": b"x", "NAME": b"y"}, b'"Joe" <joe@h.org>'),
        ("the next", {"MAILNAME": b"Joe", "NAME": b"y"}, b'"Joe" <joe@h.org>'),
        ("the last", {"NAME": b"Joe"}, b'"Joe" <joe@h.org>'),
        ("no name", {}, b"joe@h.org"),
    ],
)
def test_from_follows_the_environment(site: Site, why: str, variables: dict[str, bytes], expected: bytes) -> None:
    assert b"\nFrom: %b\n" % expected in site.run(b"-n", **variables).out, why


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({b"MAILUSER": b"m", b"USER": b"u", b"LOGNAME": b"l", b"MAILHOST": b"x.y"}, b"m@x.y"),
        ({b"USER": b"u", b"LOGNAME": b"l"}, b"u@mail.example.com"),
        ({b"LOGNAME": b"l"}, b"l@mail.example.com"),
        ({}, b"anonymous@mail.example.com"),
    ],
)
def test_users_by_other_names(site: Site, env: dict[bytes, bytes], expected: bytes) -> None:
    site.env = {b"QMAIL_HOME": site.env[b"QMAIL_HOME"], **env}
    assert site.envelope()[0] == expected


@pytest.mark.parametrize(
    ("letter", "field"),
    [(b"F", b"From: me@x.y"), (b"I", b"Message-ID: <mine@x.y>")],
)
def test_what_the_message_says_may_be_put_aside(site: Site, letter: bytes, field: bytes) -> None:
    message = b"%b\nTo: bo\n\n" % field
    assert field + b"\n" in site.run(b"-n", message=message).out
    assert field not in site.run(b"-n" + letter, message=message).out
    assert field not in site.run(b"-n", message=message, QMAILINJECT=letter).out


def test_control_files_and_variables_complete_hosts(site: Site) -> None:
    site.control(defaulthost=b"dh", defaultdomain=b"dd.x", plusdomain=b"pd.x", idhost=b"id")
    recipients = (b"a", b"b@c", b"d@e+", b"f@g.")
    assert site.envelope(*recipients)[1] == [b"a@dh.dd.x", b"b@c.dd.x", b"d@e.pd.x", b"f@g.dd.x"]
    assert re.search(rb"\.qmail@id\.dd\.x>\n", site.run(b"-n").out)
    variables = {"QMAILDEFAULTHOST": b"h.v", "QMAILDEFAULTDOMAIN": b"d.v", "QMAILPLUSDOMAIN": b"p.v", "QMAILIDHOST": b"i.v"}
    assert site.envelope(*recipients, **variables)[1] == [b"a@h.v", b"b@c.d.v", b"d@e.p.v", b"f@g.d.v"]
    assert b".qmail@i.v>\n" in site.run(b"-n", **variables).out


def test_control_rewrite_stands_for_all_that(site: Site) -> None:
    site.control(rewrite=b"# hosts of ours\n-.pc.x:x.org\n=:x.org")
    assert site.envelope(b"a", b"b@7.pc.x", b"c@short")[1] == [b"a@x.org", b"b@x.org", b"c@short"]
    (site.folder / "mine").write_bytes(b"=:mine.org\n")
    assert site.envelope(b"a", b"b@7.pc.x", QMAILREWRITEFILE=b"mine")[1] == [b"a@mine.org", b"b@7.pc.x"]
    assert site.envelope(b"a", QMAILREWRITEFILE=b"missing")[1] == [b"a@x.org"]


def test_a_file_of_lists_makes_answers_go_there(site: Site) -> None:
    (site.folder / "lists").write_bytes(b"# lists I read\nBo@mail.example.com\n")
    assert b"\nMail-Followup-To: bo@mail.example.com\n" in site.run(b"-n", QMAILMFTFILE=b"lists").out
    assert b"Mail-Followup-To" not in site.run(b"-n", QMAILMFTFILE=b"missing").out


@pytest.mark.parametrize("name", ["QMAILMFTFILE", "QMAILREWRITEFILE"])
def test_files_that_cannot_be_read(site: Site, name: str) -> None:
    result = site.run(**{name: b"control"})
    assert result == Result(111, b"", b"new-inject: fatal: unable to read $%b: is a directory\n" % name.encode())
    assert site.queue.queued() == []


def test_control_files_that_cannot_be_read(site: Site) -> None:
    (site.folder / "control/idhost").mkdir()
    assert site.run() == Result(111, b"", b"new-inject: fatal: unable to read control/idhost: Is a directory\n")


@pytest.mark.parametrize(
    ("exit_", "code", "text"),
    [(53, 111, b"qq write error or disk full (#4.3.0)"), (31, 100, b"mail server permanently rejected message (#5.3.0)")],
)
def test_what_the_queue_refuses_is_told(site: Site, exit_: int, code: int, text: bytes) -> None:
    site.refuse_with(exit_)
    assert site.run() == Result(code, b"", b"new-inject: fatal: %b\n" % text)


def test_an_address_that_no_envelope_holds(site: Site) -> None:
    assert site.run(b"a\nb@x.y").code == 100
    assert site.queue.queued() == []


def test_a_message_that_cannot_be_read(site: Site) -> None:
    result = call("new-inject", [], site.env, stdin_fd=9999)
    assert result == Result(111, b"", b"new-inject: fatal: unable to read input: file descriptor not open\n")


def test_a_full_disk(site: Site) -> None:
    with open("/dev/full", "wb") as full:
        run = [*command("new-inject", site.env[b"QMAIL_HOME"]), "-n"]
        done = subprocess.run(run, input=b"To: bo\n\n", env=site.env, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (111, b"new-inject: fatal: unable to write output: out of disk space\n")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [([b"-x"], b"new-inject: illegal option -- x\n"), ([b"-f"], b"new-inject: option requires an argument -- f\n")],
)
def test_wrong_arguments(argv: list[bytes], complaint: bytes) -> None:
    assert call("new-inject", argv, {}) == Result(100, b"", complaint + USAGE)
