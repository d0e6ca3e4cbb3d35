"""ofmipd: the session, and messages through it. Conformance case C32."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.errors import Permanent, Temporary
from mta.formats import cdb, ofmipname, rewriting
from mta.programs.mess822.ofmipd import session as verbs
from mta.programs.mess822.ofmipd.lines import Decoder, Lines
from mta.programs.mess822.ofmipd.message import HEADER_MAX
from mta.programs.mess822.ofmipd.session import Close, ReadData, Session
from mta.unix.rewriting_controls import Rewriting
from tests.support import queue_program
from tests.support.call import Result, call, command

RULES = rewriting.defaults(host=b"h.org", domain=b"org", plus=b"org")
NAMES = dict(ofmipname.compile_(b"joe@pc.org:Joe Q:joe@h.org:\n"))


def session(names: object = None) -> Session:
    return Session(Rewriting(RULES, b"id"), names)  # type: ignore[arg-type]


def say(state: Session, *lines: bytes) -> tuple[Session, list[bytes], object]:
    replies, effect = [], None
    for line in lines:
        state, reply, effect = verbs.command(state, line)
        replies.append(reply.removesuffix(b"\r\n"))
    return state, replies, effect


@pytest.mark.parametrize(
    ("lines", "replies"),
    [
        ((b"EHLO x",), [b"250-ofmipd.local\r\n250-PIPELINING\r\n250 8BITMIME"]),
        ((b"helo x",), [b"250 ofmipd.local"]),
        ((b"NOOP", b"RSET", b"VRFY joe"), [b"250 ok", b"250 flushed", b"252 send some mail, i'll try my best"]),
        ((b"QUIT",), [b"221 ofmipd.local"]),
        ((b"RCPT TO:<a@b>",), [b"503 MAIL first (#5.5.1)"]),
        ((b"DATA",), [b"503 MAIL first (#5.5.1)"]),
        ((b"MAIL FROM:<>", b"DATA"), [b"250 ok", b"503 RCPT first (#5.5.1)"]),
        ((b"FOO",), [b"502 unimplemented (#5.5.1)"]),
        ((b"",), [b"502 unimplemented (#5.5.1)"]),
        ((b"MAIL FROM:<a@b>", b"RSET", b"RCPT TO:<a@b>"), [b"250 ok", b"250 flushed", b"503 MAIL first (#5.5.1)"]),
        (
            (b"MAIL FROM:<a@b>", b"EHLO x", b"DATA"),
            [b"250 ok", *[b"250-ofmipd.local\r\n250-PIPELINING\r\n250 8BITMIME"], b"503 MAIL first (#5.5.1)"],
        ),
        ((b"MAIL FROM:<%b@b>" % (b"a" * 900),), [b"555 syntax error (#5.5.4)"]),
        ((b"MAIL FROM:<%b>" % (b"a" * 896),), [b"555 syntax error (#5.5.4)"]),
        ((b"MAIL FROM:<a\0b@c>",), [b"555 syntax error (#5.5.4)"]),
        ((Lines.TOO_LONG,), [b"500 line too long (#5.5.2)"]),
    ],
)
def test_c32_replies(lines: tuple[bytes, ...], replies: list[bytes]) -> None:
    assert say(session(), *lines)[1] == replies


def test_help_is_no_error() -> None:
    assert say(session(), b"HELP")[1][0].startswith(b"214 ")


def test_a_mail_has_its_addresses_completed() -> None:
    state, _, effect = say(session(), b"MAIL FROM:<joe>", b"RCPT TO: bo@x", b"RCPT TO:<@r:cy@y+>", b'RCPT TO:<"a b"@z.y>', b"data")
    assert effect == ReadData(b"joe@h.org", (b"bo@x.org", b"cy@y.org", b"a b@z.y"), None, 1)
    assert say(state, b"DATA")[1] == [b"503 MAIL first (#5.5.1)"]
    _, _, effect = say(state, b"MAIL FROM:<>", b"RCPT TO:<bo>", b"DATA")
    assert effect == ReadData(b"", (b"bo@h.org",), None, 2)
    assert isinstance(say(state, b"QUIT")[2], Close)


def test_who_has_another_name_sends_under_it() -> None:
    _, _, effect = say(session(NAMES.get), b"MAIL FROM:<joe@pc>", b"RCPT TO:<bo>", b"DATA")
    assert effect == ReadData(b"joe@h.org", (b"bo@h.org",), b"Joe Q", 1)
    _, _, effect = say(session(NAMES.get), b"MAIL FROM:<bo@pc>", b"RCPT TO:<bo>", b"DATA")
    assert effect == ReadData(b"bo@pc.org", (b"bo@h.org",), None, 1)


def damaged(_key: bytes) -> bytes:
    raise ValueError


@pytest.mark.parametrize("names", [damaged, {b"joe@h.org": b"no address"}.get])
def test_names_that_cannot_be_read_are_trouble_for_now(names: object) -> None:
    assert say(session(names), b"MAIL FROM:<joe>", b"RCPT TO:<bo>")[1] == [b"451 unable to read cdb (#4.3.0)", b"503 MAIL first (#5.5.1)"]


def test_what_a_client_is_called_cannot_harm_the_received_line() -> None:
    assert verbs.received({}) == b"Received: (ofmipd unknown); "
    assert verbs.received({b"TCPREMOTEIP": b"1.2.3.4", b"TCPREMOTEINFO": b"a(b)c@d\\ \xe9"}) == b"Received: (ofmipd a?b?c?d???@1.2.3.4); "


def test_what_became_of_a_message() -> None:
    assert verbs.stored(None, 17, 812) == b"250 ok 17 qp 812\r\n"
    assert verbs.stored(Temporary("later (#4.3.0)"), 17, 812) == b"451 later (#4.3.0)\r\n"
    assert verbs.stored(Permanent("never (#5.3.0)"), 17, 812) == b"554 never (#5.3.0)\r\n"


# ---- lines ----


@pytest.mark.parametrize(
    ("why", "data", "text", "rest"),
    [
        ("CR LF", b"a\r\nb\r\n.\r\nQUIT\r\n", b"a\nb\n", b"QUIT\r\n"),
        ("LF", b"a\nb\n.\n", b"a\nb\n", b""),
        ("dots", b"..a\r\n.b\r\na.\r\n.\r\n", b".a\nb\na.\n", b""),
        ("CR elsewhere", b"a\rb\r\r\n.\r\n", b"a\rb\r\n", b""),
        ("nothing", b".\r\n", b"", b""),
    ],
)
def test_a_message_is_decoded(why: str, data: bytes, text: bytes, rest: bytes) -> None:
    for size in (1, 2, 100):
        decoder = Decoder()
        found = b"".join(decoder.feed(data[at : at + size]) for at in range(0, len(data) - len(rest), size))
        assert (decoder.is_done, found) == (True, text), why
        assert rest.startswith(decoder.rest)


def test_a_huge_line_is_not_kept() -> None:
    decoder = Decoder()
    found = decoder.feed(b"." + b"x" * 100_000 + b"\r")
    assert found == b"x" * 100_000
    assert decoder.feed(b"\n.\r\n") == b"\n" and decoder.is_done


def test_a_command_that_is_too_long_is_skipped() -> None:
    lines = Lines()
    lines.feed(b"x" * 9000)
    assert lines.next() is None
    lines.feed(b"x" * 9000 + b"\r\nNOOP\n" + b"y" * 8193 + b"\n")
    assert [lines.next() for _ in range(4)] == [Lines.TOO_LONG, b"NOOP", Lines.TOO_LONG, None]


@given(st.lists(st.sampled_from([b"a", b".", b"\r", b"\n", b"..", b"\r\n", b".\r\n"]), max_size=20).map(b"".join), st.integers(1, 5))
def test_pieces_of_any_size_give_the_same_message(data: bytes, size: int) -> None:
    data += b"\r\n.\r\n"
    whole = Decoder()
    text = whole.feed(data)
    parts = Decoder()
    out = b""
    for at in range(0, len(data), size):
        if not parts.is_done:
            out += parts.feed(data[at : at + size])
    assert (out, parts.is_done, whole.is_done) == (text, True, True)


# ---- the program ----


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "control").mkdir()
        (folder / "control/me").write_bytes(b"h.org\n")
        self.env = {b"QMAIL_HOME": os.fsencode(folder), b"TCPREMOTEIP": b"1.2.3.4"}
        self.refuse_with(0)

    def refuse_with(self, exit_: int) -> None:
        self.queue = queue_program.make(self.folder / "kept", exit_)
        self.env[b"QMAILQUEUE"] = self.queue.path

    def run(self, *said: bytes, argv: tuple[bytes, ...] = ()) -> Result:
        return call("ofmipd", list(argv), self.env, b"".join(said))


ENVELOPE = b"MAIL FROM:<joe@h.org>\r\nRCPT TO:<bo>\r\nDATA\r\n"
STORED = rb"250 ok \d+ qp \d+\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_messages_are_completed_and_queued(server: Server) -> None:
    first = ENVELOPE + b"To: bo, cy@x+\r\nBcc: di\r\nSubject: x\r\n\r\n..body\r\n.\r\n"
    second = ENVELOPE + b"no header\n.\n"
    result = server.run(b"EHLO pc\r\n", first, second, b"QUIT\r\n")
    assert (result.code, result.err) == (0, b"")
    assert re.search(
        rb"354 go ahead\r\n" + STORED + rb"250 ok\r\n250 ok\r\n354 go ahead\r\n" + STORED + rb"221 ofmipd.local\r\n\Z", result.out
    )
    (one, envelope), (two, _) = server.queue.queued()
    assert envelope == b"Fjoe@h.org\0Tbo@h.org\0\0"
    date = rb"\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d -0000"
    head = (
        rb"Received: \(ofmipd 1\.2\.3\.4\); "
        + date
        + rb"\nDate: "
        + date
        + rb"\nMessage-ID: <\d{14}\.%d\.\d+\.qmail@h\.org>\nFrom: joe@h\.org\n"
    )
    assert re.fullmatch(head % 1 + rb"To: bo@h\.org, cy@x\.h\.org\nSubject: x\n\n\.body\n", one)
    assert re.fullmatch(head % 2 + rb"Cc: recipient list not shown: ;\n\nno header\n", two)


def test_a_name_and_address_from_the_database(server: Server) -> None:
    (server.folder / "n.cdb").write_bytes(cdb.write(ofmipname.compile_(b"joe@h.org:Joe Q:joe@x.org:\n")))
    server.run(ENVELOPE + b"From: somebody else\r\nTo: bo\r\n\r\n.\r\nQUIT\r\n", argv=(os.fsencode(server.folder / "n.cdb"),))
    [(message, envelope)] = server.queue.queued()
    assert envelope.startswith(b"Fjoe@x.org\0")
    assert b'\nFrom: "Joe Q" <joe@x.org>\n' in message and b"somebody" not in message


def test_what_the_queue_refuses_is_told(server: Server) -> None:
    server.refuse_with(31)
    assert b"\r\n554 mail server permanently rejected message (#5.3.0)\r\n" in server.run(ENVELOPE, b"\r\n.\r\n").out
    server.refuse_with(53)
    assert b"\r\n451 qq write error or disk full (#4.3.0)\r\n" in server.run(ENVELOPE, b"\r\n.\r\n").out


def test_a_header_that_is_too_large_is_refused_and_the_session_goes_on(server: Server) -> None:
    huge = b"X: " + b"y" * 1000 + b"\r\n"
    result = server.run(ENVELOPE, huge * (HEADER_MAX // 1000 + 1), b"\r\n.\r\nQUIT\r\n")
    assert result.out.endswith(b"354 go ahead\r\n554 header too large (#5.3.4)\r\n221 ofmipd.local\r\n")
    assert server.queue.queued() == []


def test_a_client_that_goes_away_in_a_message_leaves_nothing(server: Server) -> None:
    result = server.run(ENVELOPE, b"To: bo\r\n\r\nhalf a mess")
    assert (result.code, result.err) == (1, b"")
    assert server.queue.queued() == []


def test_a_client_that_goes_away(server: Server) -> None:
    assert server.run(b"NOOP\r\nNO").code == 1


@pytest.mark.parametrize("why", ["a control file", "the database"])
def test_a_configuration_that_cannot_be_read(server: Server, why: str) -> None:
    argv: tuple[bytes, ...] = ()
    if why == "a control file":
        (server.folder / "control/rewrite").mkdir()
    else:
        argv = (b"/nowhere.cdb",)
    assert server.run(b"QUIT\r\n", argv=argv) == Result(1, b"451 unable to read configuration (#4.3.0)\r\n", b"")


def test_it_answers_before_it_is_asked_again(server: Server) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        run = command("ofmipd", server.env[b"QMAIL_HOME"])
        process = subprocess.Popen(run, stdin=theirs, stdout=theirs, env=server.env)
        theirs.close()
        ours.settimeout(20)
        stream = ours.makefile("rwb", buffering=0)
        for said, answer in (
            (b"", b"220 ofmipd.local ESMTP\r\n"),
            (b"MAIL FROM:<a@b.c>\r\n", b"250 ok\r\n"),
            (b"RCPT TO:<a@b.c>\r\n", b"250 ok\r\n"),
            (b"DATA\r\n", b"354 go ahead\r\n"),
        ):
            stream.write(said)
            assert stream.readline() == answer
        stream.write(b"\r\n.\r\n")
        assert re.fullmatch(STORED, stream.readline())
        stream.write(b"QUIT\r\n")
        assert stream.readline() == b"221 ofmipd.local\r\n"
        assert process.wait(20) == 0
    assert len(server.queue.queued()) == 1
