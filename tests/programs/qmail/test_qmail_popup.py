"""qmail-popup against the recorded behaviour of the original; conformance case N13."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import as_bytes, corpus
from tests.support.call import call, command

# Stands in for checkpassword: keeps what it finds on descriptor 3, says something to the client, and ends as it is told.
SPY = """#!{python} -IS
import os, sys
data = b""
while piece := os.read(3, 65536):
    data += piece
open({record!r}, "wb").write(data)
os.write(1, b"[session of " + " ".join(sys.argv[1:]).encode() + b"]")
{end}
"""


class Popup:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = folder / "record"
        self.env = {b"QMAIL_HOME": b"/", b"PATH": os.fsencode(folder) + b":/usr/bin:/bin"}

    def install(self, end: str = "", name: str = "spy") -> str:
        path = self.folder / name
        path.write_text(SPY.format(python=os.path.realpath(sys.executable), record=str(self.record), end=end))
        path.chmod(0o755)
        return name

    def run(self, said: bytes, *argv: str) -> tuple[int, bytes]:
        done = call("qmail-popup", [os.fsencode(a) for a in argv], self.env, said)
        assert done.err == b""
        return done.code, masked(done.out)


@pytest.fixture
def popup(tmp_path: Path) -> Popup:
    return Popup(tmp_path)


def masked(data: bytes) -> bytes:
    return re.sub(rb"<\d+\.\d+@", b"<P.E@", data)


def od(dump: str) -> bytes:
    """od -c, without addresses -> the bytes."""
    words = dump.replace("\\0", "\0 ").replace("\n", " ")
    return bytes(ord(w) for w in re.findall(r"\S", words))


def test_the_dump_of_the_oracle_is_understood() -> None:
    assert od("   j   o  \\0   x  \\0\n") == b"jo\0x\0"


@pytest.mark.parametrize("case", [c for c in corpus("oracle/qmail-pop3d-popup") if c["name"].startswith("popup")], ids=lambda c: c["name"])
def test_it_does_what_the_original_did(popup: Popup, case: dict[str, Any]) -> None:
    popup.install()
    said = b"".join(as_bytes(line) + b"\r\n" for line in case["input"])
    code, output = popup.run(said, "pop.oracle.test", "spy")
    assert code == case["rc"]
    assert output.removesuffix(b"[session of ]") == masked(as_bytes(case["output"]))
    assert output.endswith(b"[session of ]") == bool(case["fd3_od"])
    recorded = popup.record.read_bytes() if popup.record.exists() else b""
    assert masked(recorded) == masked(od(case["fd3_od"]))


def test_n13_the_subprogram_gets_name_password_and_stamp(popup: Popup) -> None:
    popup.install()
    code, output = popup.run(b"USER joe\r\nPASS s p\r\n", "h", "spy", "qmail-pop3d", "Maildir")
    assert (code, output) == (1, b"+OK <P.E@h>\r\n+OK \r\n[session of qmail-pop3d Maildir]")
    assert masked(popup.record.read_bytes()) == b"joe\0s p\0<P.E@h>\0"


@pytest.mark.parametrize(
    ("why", "end", "reply"),
    [
        ("the session ended", "", b""),
        ("wrong password", "os._exit(1)", b"-ERR authorization failed\r\n"),
        ("trouble", "os._exit(111)", b"-ERR authorization failed\r\n"),
        ("killed", "os.kill(os.getpid(), 9)", b"-ERR aack, child crashed\r\n"),
    ],
)
def test_it_tells_how_the_subprogram_ended(popup: Popup, why: str, end: str, reply: bytes) -> None:
    popup.install(end)
    assert popup.run(b"USER joe\r\nPASS x\r\n", "h", "spy")[1] == b"+OK <P.E@h>\r\n+OK \r\n[session of ]" + reply


def test_a_subprogram_that_reads_nothing_does_no_harm(popup: Popup) -> None:
    assert popup.run(b"USER joe\r\nPASS x\r\n", "h", "false")[1].endswith(b"-ERR authorization failed\r\n")


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program"])
def test_no_such_subprogram_is_a_failed_login(popup: Popup, program: str) -> None:
    assert popup.run(b"USER joe\r\nPASS x\r\n", "h", program)[1].endswith(b"+OK \r\n-ERR authorization failed\r\n")


def test_a_file_that_may_not_be_run_is_a_failed_login(popup: Popup) -> None:
    (popup.folder / "spy").write_text("no program\n")
    assert popup.run(b"USER joe\r\nPASS x\r\n", "h", "spy")[1].endswith(b"-ERR authorization failed\r\n")


@pytest.mark.parametrize("argv", [(), ("h",)])
def test_it_says_how_to_call_it(popup: Popup, argv: tuple[str, ...]) -> None:
    assert popup.run(b"", *argv) == (1, b"-ERR usage: popup hostname subprogram\r\n")


def test_a_client_that_goes_away_ends_it(popup: Popup) -> None:
    assert popup.run(b"USER joe\r\n", "h", "spy") == (1, b"+OK <P.E@h>\r\n+OK \r\n")


def test_a_line_of_a_megabyte_is_refused_and_the_next_one_heard(popup: Popup) -> None:
    assert popup.run(b"USER " + b"a" * 1_000_000 + b"\r\nQUIT\r\n", "h", "spy") == (1, b"+OK <P.E@h>\r\n-ERR line too long\r\n+OK \r\n")


PROBE = """
ls /proc/$$/fd
for n in 0 1 3; do readlink /proc/$$/fd/$n | cut -d: -f1; done
grep SigIgn /proc/$$/status | cut -f2
echo "$X"
"""


def test_the_subprogram_has_the_connection_and_no_other_descriptor() -> None:
    """As under tcpserver: descriptors 0 and 1 are the client; SIGPIPE is what a C program expects."""
    ours, theirs = socket.socketpair()
    argv = [*command("qmail-popup", b"/"), "h", "sh", "-c", PROBE]
    with (
        ours,
        subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", "X": "y"}) as process,
    ):
        theirs.close()
        ours.sendall(b"USER joe\r\nPASS x\r\n")
        with ours.makefile("rb") as reader:
            output = reader.read()
        assert process.stderr is not None and process.stderr.read() == b""
    assert process.returncode == 1
    *fds_and_kinds, ignored, variable, _ = output.split(b"\r\n")[2].split(b"\n")
    assert (fds_and_kinds, variable) == ([b"0", b"1", b"2", b"3", b"socket", b"socket", b"pipe"], b"y")
    assert not int(ignored, 16) & 1 << signal.SIGPIPE - 1
