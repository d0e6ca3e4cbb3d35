"""mconnect-io, mconnect and tcpcat beside the originals: the same octets to the server and to the terminal, the same exit."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import bin_dir, original
from tests.support.call import Result, command
from tests.support.process import PATIENCE_S

BY = ("ours", "original")
END = b"the end\r\n"

pieces = st.one_of(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\0", b"\xff", b"QUIT\n", b"x" * 70_000]), st.binary(max_size=9))
texts = st.lists(pieces, max_size=10).map(b"".join)


def served(connection: socket.socket, said: bytes, heard: list[bytes]) -> None:
    """The server's side: everything up to END, then said, then the end."""
    connection.settimeout(PATIENCE_S)
    found = b""
    with connection:
        while not found.endswith(END):
            piece = connection.recv(1 << 16)
            if not piece:
                break
            found += piece
        heard.append(found)
        connection.sendall(said)


def terminal(by: str, typed: bytes, said: bytes) -> tuple[Result, bytes]:
    """mconnect-io with descriptors 6 and 7 as tcpclient gives them -> what it did, what the server heard."""
    ours, theirs = socket.socketpair()
    heard: list[bytes] = []
    server = threading.Thread(target=served, args=(theirs, said, heard))
    program = [original.original("mconnect-io")] if by == "original" else command("mconnect-io", b"/")
    original.TRIED["mconnect-io"] += by == "original"
    server.start()
    with ours:
        words = ["bash", "-c", f'exec "$@" 6<&{ours.fileno()} 7>&{ours.fileno()} {ours.fileno()}>&-', "bash", *program]
        done = subprocess.run(
            words, input=typed + END.replace(b"\r", b""), capture_output=True, check=False, pass_fds=[ours.fileno()], timeout=PATIENCE_S
        )
    server.join()
    return Result(done.returncode, done.stdout, done.stderr), heard[0]


@settings(max_examples=original.rounds(60))
@given(texts, texts)
def test_a_terminal_passes_the_same(typed: bytes, said: bytes) -> None:
    ours, theirs = (terminal(by, typed.replace(END.replace(b"\r", b""), b""), said) for by in BY)
    assert ours == theirs


@pytest.fixture(scope="module")
def our_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bin_dir.install(tmp_path_factory.mktemp("home"), "mconnect", "mconnect-io", "tcpcat", "tcpclient")


def connected(program: str, typed: bytes, said: bytes) -> tuple[Result, bytes]:
    """A program that is given host and port -> what it did, what the server heard."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=lambda: served(listener.accept()[0], said, heard))
        server.start()
        words = [program, "127.0.0.1", str(listener.getsockname()[1])]
        done = subprocess.run(words, input=typed, capture_output=True, check=False, env={"PATH": "/usr/bin:/bin"}, timeout=PATIENCE_S)
        server.join()
    return Result(done.returncode, done.stdout, done.stderr), heard[0]


@pytest.mark.parametrize(
    ("why", "typed", "said"),
    [
        ("a dialog", b"HELO me\nQUIT\n", b"220 hi\r\n250 ok\r\n221 bye\r\n"),
        ("CRs that stand there are doubled", b"a\r\nb\r", b"x\ny\r"),
        ("nothing", b"", b""),
    ],
)
def test_mconnect_does_the_same(why: str, typed: bytes, said: bytes, our_bin: Path) -> None:
    end = END.replace(b"\r", b"")
    assert connected(f"{our_bin}/mconnect", typed + end, said) == connected(original.original("mconnect"), typed + end, said), why


@settings(max_examples=original.rounds(20, 200))
@given(said=texts)
def test_tcpcat_shows_the_same(our_bin: Path, said: bytes) -> None:
    """The server hears nothing of it: it begins with its END."""
    original.TRIED["tcpcat"] += 1
    found = []
    for program in (f"{our_bin}/tcpcat", original.original("tcpcat")):
        with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryFile() as out:
            process = subprocess.Popen(
                [program, "127.0.0.1", str(listener.getsockname()[1])], stdout=out, stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin"}
            )
            connection, _ = listener.accept()
            with connection:
                connection.sendall(said)
            code = process.wait(PATIENCE_S)
            out.seek(0)
            found.append((code, out.read()))
    assert found[0] == found[1] == (0, said)


@pytest.mark.parametrize("name", ["mconnect", "tcpcat"])
def test_the_same_is_said_of_a_closed_port(name: str, our_bin: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        words = ["127.0.0.1", str(sock.getsockname()[1])]
        done = [
            subprocess.run([program, *words], capture_output=True, check=False, env={"PATH": os.environ["PATH"]})
            for program in (f"{our_bin}/{name}", original.original(name))
        ]
    assert (done[0].returncode, done[0].stderr) == (done[1].returncode, done[1].stderr)
