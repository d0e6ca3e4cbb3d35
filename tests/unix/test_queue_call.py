"""The caller's side of qmail-queue: programs in its place, exit codes, descriptor 6, and the queue writer."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from mta.errors import MailError, Permanent, Temporary
from mta.formats import queue_call as frames
from mta.unix import queue_call
from tests.support import bin_dir, queue_program


def program(path: Path, text: str) -> bytes:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return os.fsencode(path)


def outcome(home: Path, env: dict[bytes, bytes], message: bytes = b"m\n") -> MailError | None:
    call = queue_call.open_(os.fsencode(home), env)
    call.write(message)
    return call.commit(b"a@b.c", [b"d@e.f", b"g@h.i"])


def test_the_program_gets_message_and_envelope(tmp_path: Path) -> None:
    queue = queue_program.make(tmp_path / "kept")
    call = queue_call.open_(os.fsencode(tmp_path), {b"QMAILQUEUE": queue.path})
    message = b"x" * 300_000
    call.write(message)
    call.write(b"end")
    assert call.commit(b"", iter([b"d@e.f"])) is None
    assert queue.queued() == [(message + b"end", b"F\0Td@e.f\0\0")]
    assert call.qp > 0


def test_the_program_gets_no_arguments_our_environment_and_home_as_its_place(tmp_path: Path) -> None:
    path = program(tmp_path / "q", 'echo "$#:$0:$HELLO:$PATH" > "$PWD/seen"; cat >/dev/null; cat <&1 >/dev/null\n')
    home = tmp_path / "home"
    home.mkdir()
    assert outcome(home, {b"QMAILQUEUE": path, b"HELLO": b"you", b"PATH": b"/usr/bin:/bin"}) is None
    assert (home / "seen").read_bytes() == b"0:%b:you:/usr/bin:/bin\n" % path


def test_a_relative_name_counts_from_home_and_path_is_not_searched(tmp_path: Path) -> None:
    program(tmp_path / "q", "cat >/dev/null; cat <&1 >/dev/null\n")
    assert outcome(tmp_path, {b"QMAILQUEUE": b"./q"}) is None
    failure = outcome(tmp_path, {b"QMAILQUEUE": b"cat", b"PATH": b"/usr/bin:/bin"})
    assert (type(failure), str(failure)) == (Temporary, "unable to exec qq (#4.3.0)")


def test_without_qmailqueue_and_writer_it_is_bin_qmail_queue(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "qmail-queue", "exit 53\n")
    assert str(outcome(tmp_path, {})) == "qq write error or disk full (#4.3.0)"


@pytest.mark.parametrize(
    ("why", "name", "home", "text"),
    [
        ("no such program", b"/nowhere/q", None, "unable to exec qq (#4.3.0)"),
        ("an empty name is no program either", b"", None, "unable to exec qq (#4.3.0)"),
        ("no home", b"/bin/true", "gone", "qq trouble in home directory (#4.3.0)"),
    ],
)
def test_what_cannot_be_run_is_temporary(tmp_path: Path, why: str, name: bytes, home: str | None, text: str) -> None:
    failure = outcome(tmp_path / home if home else tmp_path, {b"QMAILQUEUE": name})
    assert (type(failure), str(failure)) == (Temporary, text), why


@pytest.mark.parametrize(
    ("code", "class_", "text"),
    [
        (11, Permanent, "envelope address too long for qq (#5.1.3)"),
        (115, Permanent, "envelope address too long for qq (#5.1.3)"),
        (31, Permanent, "mail server permanently rejected message (#5.3.0)"),
        (51, Temporary, "qq out of memory (#4.3.0)"),
        (52, Temporary, "qq timeout (#4.3.0)"),
        (53, Temporary, "qq write error or disk full (#4.3.0)"),
        (54, Temporary, "qq read error (#4.3.0)"),
        (55, Temporary, "qq unable to read configuration (#4.3.0)"),
        (56, Temporary, "qq trouble making network connection (#4.3.0)"),
        (61, Temporary, "qq trouble in home directory (#4.3.0)"),
        *((n, Temporary, "qq trouble creating files in queue (#4.3.0)") for n in range(62, 67)),
        (71, Temporary, "mail server temporarily rejected message (#4.3.0)"),
        (72, Temporary, "connection to mail server timed out (#4.4.1)"),
        (73, Temporary, "connection to mail server rejected (#4.4.1)"),
        (74, Temporary, "communication with mail server failed (#4.4.2)"),
        (81, Temporary, "qq internal bug (#4.3.0)"),
        (91, Temporary, "qq internal bug (#4.3.0)"),
        (82, Temporary, "qq temporary problem (#4.3.0)"),
        (120, Temporary, "unable to exec qq (#4.3.0)"),
        (12, Permanent, "qq permanent problem (#5.3.0)"),
        (40, Permanent, "qq permanent problem (#5.3.0)"),
        (10, Temporary, "qq temporary problem (#4.3.0)"),
        (41, Temporary, "qq temporary problem (#4.3.0)"),
        (255, Temporary, "qq temporary problem (#4.3.0)"),
    ],
)
def test_exit_codes_have_the_words_of_the_original(tmp_path: Path, code: int, class_: type[MailError], text: str) -> None:
    path = program(tmp_path / "q", f"cat >/dev/null; cat <&1 >/dev/null; exit {code}\n")
    failure = outcome(tmp_path, {b"QMAILQUEUE": path})
    assert (type(failure), str(failure)) == (class_, text)


@pytest.mark.parametrize(
    ("why", "said", "class_", "text"),
    [
        ("for good", b"Dspam (#5.7.1)", Permanent, "spam (#5.7.1)"),
        ("for now", b"Zbusy (#4.3.0)", Temporary, "busy (#4.3.0)"),
        ("another letter is for now", b"Kwhat", Temporary, "what"),
        ("too short to be a reason", b"D", Temporary, "qq temporary problem (#4.3.0)"),
        ("too long is cut", b"D" + b"x" * 300, Permanent, "x" * 254),
    ],
)
def test_a_program_may_say_why_on_descriptor_6(tmp_path: Path, why: str, said: bytes, class_: type[MailError], text: str) -> None:
    queue = queue_program.make(tmp_path / "q", 82, said)
    failure = outcome(tmp_path, {b"QMAILQUEUE": queue.path})
    assert (type(failure), str(failure)) == (class_, text), why


def test_what_it_says_counts_only_with_exit_82(tmp_path: Path) -> None:
    queue = queue_program.make(tmp_path / "q", 31, b"Dspam (#5.7.1)")
    assert str(outcome(tmp_path, {b"QMAILQUEUE": queue.path})) == "mail server permanently rejected message (#5.3.0)"


def test_a_program_killed_by_a_signal_has_crashed(tmp_path: Path) -> None:
    path = program(tmp_path / "q", "kill -9 $$\n")
    failure = outcome(tmp_path, {b"QMAILQUEUE": path})
    assert (type(failure), str(failure)) == (Temporary, "qq crashed (#4.3.0)")


def test_a_program_that_did_not_read_everything_has_not_queued_it(tmp_path: Path) -> None:
    failure = outcome(tmp_path, {b"QMAILQUEUE": program(tmp_path / "q", "exit 0\n")}, b"x" * 1_000_000)
    assert (type(failure), str(failure)) == (Temporary, "qq read error (#4.3.0)")


def test_an_exit_that_somebody_else_has_taken_is_temporary(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        queue = queue_program.make(tmp_path / "kept")
        assert str(outcome(tmp_path, {b"QMAILQUEUE": queue.path})) == "qq waitpid surprise (#4.3.0)"
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_an_abandoned_message_leaves_an_envelope_that_ends_early(tmp_path: Path) -> None:
    path = program(tmp_path / "q", f"cat >/dev/null; cat <&1 > {tmp_path}/envelope\n")
    call = queue_call.open_(os.fsencode(tmp_path), {b"QMAILQUEUE": path})
    call.write(b"half")
    call.abandon()
    assert (tmp_path / "envelope").read_bytes() == b""


@pytest.mark.parametrize("bad", [b"a\0b", b"a\rb", b"a\nb"])
def test_an_address_that_would_break_the_envelope_is_refused(tmp_path: Path, bad: bytes) -> None:
    queue = queue_program.make(tmp_path / "kept")
    for sender, recipient in ((bad, b"x@y"), (b"x@y", bad)):
        call = queue_call.open_(os.fsencode(tmp_path), {b"QMAILQUEUE": queue.path})
        failure = call.commit(sender, [recipient])
        assert (type(failure), str(failure)) == (Permanent, "address with a NUL, CR or LF (#5.1.3)")
    assert queue.queued() == []


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    queue = queue_program.make(tmp_path / "kept")
    before = os.listdir("/proc/self/fd")
    outcome(tmp_path, {b"QMAILQUEUE": queue.path})
    queue_call.open_(os.fsencode(tmp_path), {b"QMAILQUEUE": queue.path}).abandon()
    assert os.listdir("/proc/self/fd") == before


class Writer:
    """A queue writer that answers one connection."""

    def __init__(self, home: Path, answer: bytes) -> None:
        (home / "run").mkdir()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.fsencode(home) + b"/" + frames.SOCKET)
        self._listener.listen(1)
        self._answer = answer
        self.heard: list[tuple[int, bytes, bytes]] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        sock, _ = self._listener.accept()
        buffer = b""
        while not any(kind == frames.ENVELOPE for _, kind, _ in frames.read_frames(buffer)[0]):
            piece = sock.recv(1 << 16)
            if not piece:
                break
            buffer += piece
        self.heard, _ = frames.read_frames(buffer)
        sock.sendall(self._answer)
        sock.close()

    def join(self) -> None:
        self._thread.join()
        self._listener.close()


@pytest.mark.parametrize(
    ("why", "answer", "text"),
    [
        ("queued", frames.result(0, 0, 4711, 99), None),
        ("refused", frames.result(0, 11, 0, 99), "envelope address too long for qq (#5.1.3)"),
        ("gone before it answered", b"", "qq read error (#4.3.0)"),
        ("an answer nobody knows", b"\1\0\0\0\0\0\0\0?x", "qq read error (#4.3.0)"),
    ],
)
def test_the_queue_writer_is_asked_when_it_listens(tmp_path: Path, why: str, answer: bytes, text: str | None) -> None:
    writer = Writer(tmp_path, answer)
    call = queue_call.open_(os.fsencode(tmp_path), {})
    call.write(b"m\n")
    failure = call.commit(b"a@b.c", [b"d@e.f"])
    writer.join()
    assert writer.heard == [(0, frames.MESSAGE, b"m\n"), (0, frames.ENVELOPE, b"Fa@b.c\0Td@e.f\0\0")]
    assert (failure and failure.text) == text, why
    assert call.is_uncertain == (text == "qq read error (#4.3.0)"), why
    assert call.qp == (99 if answer.startswith(b"\x11") else os.getpid())


def test_settle_asks_the_writer_something_that_queues_nothing(tmp_path: Path) -> None:
    queue_call.settle(os.fsencode(tmp_path))  # nobody to ask
    writer = Writer(tmp_path, frames.result(0, 54, 0, 99))
    queue_call.settle(os.fsencode(tmp_path))
    writer.join()
    assert writer.heard == [(0, frames.ENVELOPE, b"")]


@pytest.mark.parametrize(("code", "is_uncertain"), [(0, False), (53, False), (54, True), (62, True), (66, True), ("$(kill -9 $$)", True)])
def test_a_program_that_lost_the_writer_leaves_it_open(tmp_path: Path, code: int | str, is_uncertain: bool) -> None:
    path = program(tmp_path / "q", f"cat >/dev/null; cat <&1 >/dev/null; exit {code}\n")
    call = queue_call.open_(os.fsencode(tmp_path), {b"QMAILQUEUE": path})
    call.commit(b"a@b.c", [b"d@e.f"])
    assert call.is_uncertain == is_uncertain


def test_qmailqueue_outranks_the_writer(tmp_path: Path) -> None:
    queue = queue_program.make(tmp_path / "kept")
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fsencode(tmp_path) + b"/" + frames.SOCKET)
        listener.listen(1)
        assert outcome(tmp_path, {b"QMAILQUEUE": queue.path}) is None
    assert len(queue.queued()) == 1


def listening(home: Path) -> socket.socket:
    """A queue writer that is not to be asked."""
    (home / "run").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fsencode(home) + b"/" + frames.SOCKET)
    listener.listen(1)
    return listener


@pytest.mark.parametrize("how", ["a wrapper", "a link to another program of ours", "one that can be run and not read"])
def test_what_a_site_has_put_in_the_place_of_qmail_queue_outranks_the_writer(tmp_path: Path, how: str) -> None:
    path = bin_dir.install(tmp_path, "qmail-queue", "qmail-qmqpc") / "qmail-queue"
    path.unlink()
    queue = queue_program.make(tmp_path / "kept")
    if how == "a wrapper":
        path.write_text(f"#!/bin/sh\nexec {os.fsdecode(queue.path)}\n")
        path.chmod(0o755)
    elif how == "a link to another program of ours":
        path.symlink_to("qmail-qmqpc")
    else:
        path.write_bytes(b"\x7fELF")
        path.chmod(0o111)
    with listening(tmp_path):
        failure = outcome(tmp_path, {})
    if how == "a wrapper":
        assert (failure, len(queue.queued())) == (None, 1)
    elif how == "a link to another program of ours":
        assert str(failure) == "qq unable to read configuration (#4.3.0)"  # qmail-qmqpc without control/qmqpservers
    else:
        assert str(failure) == "unable to exec qq (#4.3.0)"


def test_qmail_queue_of_ours_is_not_started_while_the_writer_listens(tmp_path: Path) -> None:
    bin_dir.install(tmp_path, "qmail-queue")
    writer = Writer(tmp_path, frames.result(0, 0, 4711, 99))
    assert outcome(tmp_path, {}) is None
    writer.join()


def test_a_replacement_is_seen_as_soon_as_it_is_there(tmp_path: Path) -> None:
    home = os.fsencode(tmp_path)
    assert queue_call.replacement(home) is None  # nothing is there
    folder = bin_dir.install(tmp_path, "qmail-queue")
    assert queue_call.replacement(home) is None
    (folder / "qmail-queue").write_text("#!/bin/sh\n")
    assert queue_call.replacement(home) == home + b"/bin/qmail-queue"
