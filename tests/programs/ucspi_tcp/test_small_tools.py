"""addcr, delcr, argv0, fixcrio, recordio and mconnect-io as processes. Case C12."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from tests.support.call import Result, call, command, process

ENV = {b"QMAIL_HOME": b"/", b"PATH": b"/usr/bin:/bin", b"KEPT": b"yes"}


@pytest.mark.parametrize(("name", "text", "out"), [("addcr", b"a\nb\r\nc", b"a\r\nb\r\r\nc"), ("delcr", b"a\r\nb\n\r", b"a\nb\n\r")])
def test_lines_pass(name: str, text: bytes, out: bytes) -> None:
    assert call(name, [], {}, text) == Result(0, out, b"")


@pytest.mark.parametrize("name", ["addcr", "delcr"])
def test_what_was_read_is_written_before_more_is_read(name: str) -> None:
    with subprocess.Popen([*command(name, b"/")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tool:
        assert tool.stdin and tool.stdout
        for _ in range(3):
            os.write(tool.stdin.fileno(), b"line\n")
            line = b""
            while not line.endswith(b"\n"):
                line += os.read(tool.stdout.fileno(), 100)
            assert line in (b"line\n", b"line\r\n")
        tool.stdin.close()
        assert tool.wait() == 0


@pytest.mark.parametrize("name", ["addcr", "delcr"])
@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_closed_descriptors_are_temporary_trouble(name: str, closed: str) -> None:
    line = f'echo x | "$@" {closed}'
    assert subprocess.run(["sh", "-c", line, "sh", *command(name, b"/")], capture_output=True, check=False).returncode == 111


@pytest.mark.parametrize("name", ["argv0", "fixcrio", "recordio"])
def test_they_say_what_they_cannot_run(name: str) -> None:
    result = process(name, [b"/none", b"x"], ENV)
    words = [line for line in result.err.split(b"\n") if b"EOF" not in line]
    assert (result.code, result.out, words) == (111, b"", [b"%b: fatal: unable to run /none: file does not exist" % name.encode(), b""])


@pytest.mark.parametrize(
    ("name", "argv", "usage"),
    [
        ("argv0", [], b"argv0 realname program [ arg ... ]"),
        ("argv0", [b"sh"], b"argv0 realname program [ arg ... ]"),
        ("fixcrio", [], b"fixcrio program [ arg ... ]"),
        ("recordio", [], b"recordio program [ arg ... ]"),
    ],
)
def test_they_want_a_program(name: str, argv: list[bytes], usage: bytes) -> None:
    assert call(name, argv, {}) == Result(100, b"", b"%b: usage: %b\n" % (name.encode(), usage))


def test_argv0_gives_another_name_and_keeps_the_rest() -> None:
    assert process("argv0", [b"sh", b"-name", b"-c", b"echo $0 $KEPT; exit 7"], ENV) == Result(7, b"-name yes\n", b"")


def test_fixcrio_mends_both_directions() -> None:
    """od shows what the program got; what it writes passes through fixcrio, too."""
    result = process("fixcrio", [b"od", b"-An", b"-c"], ENV, b"a\nb\r\nc")
    assert result == Result(0, b"   a  \\r  \\n   b  \\r  \\n   c\r\n", b"")


def test_a_line_may_end_between_two_reads() -> None:
    text = b"x" * 2047 + b"\r\n" + b"y" * 5000 + b"\n"
    assert process("fixcrio", [b"cat"], ENV, text).out == b"x" * 2047 + b"\r\n" + b"y" * 5000 + b"\r\n"


def test_c12_recordio_shows_lines_pieces_and_ends() -> None:
    with subprocess.Popen(
        [*command("recordio", b"/"), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as tool:
        assert tool.stdin and tool.stdout and tool.stderr
        for piece in (b"hello\r\n", b"ab"):
            os.write(tool.stdin.fileno(), piece)
            assert os.read(tool.stdout.fileno(), 100) == piece
        tool.stdin.close()
        assert tool.wait() == 0
        lines = tool.stderr.read().split(b"\n")
    mark = b"%d " % tool.pid
    assert [line for line in lines if b" < " in line] == [mark + b"< hello\r ", mark + b"< ab+", mark + b"< [EOF]"]
    assert [line for line in lines if b" > " in line] == [mark + b"> hello\r ", mark + b"> ab+", mark + b"> [EOF]"]


def test_recordio_goes_on_when_nobody_reads_its_words() -> None:
    line = 'echo hello | "$@" 2>&-'
    assert subprocess.run(["sh", "-c", line, "sh", *command("recordio", b"/"), "cat"], capture_output=True, check=True).stdout == b"hello\n"


def test_the_program_ends_the_session_though_the_client_does_not() -> None:
    with subprocess.Popen([*command("fixcrio", b"/"), "echo", "bye"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tool:
        assert tool.stdout
        assert tool.stdout.read() == b"bye\r\n"
        assert tool.wait() == 0


def mconnect_io(far: socket.socket, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
    """mconnect-io on the other end of far."""
    *words, text = command("mconnect-io", b"/")
    moved = f"import os; os.dup2({far.fileno()}, 6); os.dup2({far.fileno()}, 7); os.close({far.fileno()}); {text}"
    return subprocess.Popen([*words, moved], stdin=stdin, stdout=stdout, pass_fds=[far.fileno()])


def test_mconnect_io_sends_lines_and_shows_what_comes_until_the_server_ends() -> None:
    near, far = socket.socketpair()
    with mconnect_io(far, subprocess.PIPE, subprocess.PIPE) as tool, near:
        far.close()
        assert tool.stdin and tool.stdout
        tool.stdin.write(b"QUIT\n")
        tool.stdin.close()  # the end of the input is no end of the session
        assert near.recv(100) == b"QUIT\r\n"
        near.sendall(b"221 bye\r\n")
        near.shutdown(socket.SHUT_RDWR)
        assert tool.stdout.read() == b"221 bye\r\n"
        assert tool.wait() == 0


def test_mconnect_io_ends_with_the_server_though_the_terminal_is_open() -> None:
    near, far = socket.socketpair()
    with mconnect_io(far, subprocess.PIPE, subprocess.DEVNULL) as tool:
        far.close()
        near.close()
        assert tool.wait() == 0
