"""multilog and its directories: rotation, processors, crashes, signals, trouble. Cases C16-C18 and the recorded runs of the original."""

from __future__ import annotations

import os
import re
import resource
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mta.formats import tai64n
from mta.programs.daemontools.multilog import patience
from tests.conftest import as_bytes, corpus
from tests.support.call import Result, call, command
from tests.support.process import PATIENCE_S, eventually, ignored_by_us
from tests.support.service import end, start

CASES = [c for c in corpus("oracle/newu-newmrh-pw2u-tcprules-cdb-multilog-tai64n") if c["tool"] == "multilog"]
LINES = b"".join(b"%099d\n" % i for i in range(100))


def run(folder: Path, actions: list[str], data: bytes) -> Result:
    """As a process, in folder."""
    done = subprocess.run([*command("multilog", b"/"), *actions], input=data, cwd=folder, capture_output=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def log(folder: Path, data: bytes, *actions: str) -> Result:
    """In this process."""
    return call("multilog", [*(action.encode() for action in actions), os.fsencode(folder)], {}, data)


def shape(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Name without its time: mode and contents; several of a name are numbered by age."""
    found: dict[str, tuple[str, bytes]] = {}
    for path in sorted(folder.iterdir()):
        name = re.sub("^@[0-9a-f]{24}", "@", path.name)
        while name in found:
            name += "+"
        found[name] = (f"{stat.S_IMODE(path.stat().st_mode):o}", path.read_bytes())
    return found


def logged(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.name.startswith(("@", "current")))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_it_does_what_the_original_did(case: dict[str, Any], tmp_path: Path) -> None:
    assert run(tmp_path, case["script"], as_bytes(case["input"])) == Result(case["rc"], b"", as_bytes(case["stderr"]))
    made = {str(p.relative_to(tmp_path)): (oct(p.stat().st_mode & 0o777), p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file()}
    wanted = {name: (mode, as_bytes(data)) for name, (mode, data) in case["files"].items()}
    if case["name"] == "size":  # where a file ends depends there on the original's pieces of 1024 octets
        assert sorted(re.sub("@.*s", "@", name) for name in made) == sorted(re.sub("@.*s", "@", name) for name in wanted)
        assert all(2096 <= len(data) <= 4096 and mode == "0o744" for name, (mode, data) in made.items() if "@" in name)
        assert as_bytes(case["input"]).endswith(logged(tmp_path / "d"))
        return
    assert made == wanted


def test_c17_a_directory_of_its_own_and_a_clean_end(tmp_path: Path) -> None:
    assert run(tmp_path, ["./d"], b"x") == Result(0, b"", b"")
    assert shape(tmp_path / "d") == {"current": ("744", b"x\n"), "lock": ("600", b""), "state": ("644", b"")}
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o700


def test_a_directory_that_exists_keeps_its_mode_and_what_was_closed_cleanly_goes_on(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(0o2750)
    run(tmp_path, ["./d"], b"one\n")
    run(tmp_path, ["./d"], b"two\n")
    assert (tmp_path / "d" / "current").read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o2750


def test_the_modes_do_not_depend_on_the_umask_of_the_caller(tmp_path: Path) -> None:
    subprocess.run(["sh", "-c", 'umask 077; exec "$@"', "sh", *command("multilog", b"/"), "./d"], input=b"x\n", cwd=tmp_path, check=True)
    assert shape(tmp_path / "d")["state"][0] == "644"


@pytest.mark.parametrize(
    ("why", "before", "after"),
    [
        ("C18 a crash while writing", {"current": "644"}, {"@.u": "current", "current": "new"}),
        ("clean", {"current": "744"}, {"current": "currentnew"}),
        ("between two files", {"previous": "744"}, {"@.u": "previous", "current": "new"}),
        ("a file not finished", {"current": "644", "previous": "744"}, {"@.u": "previous", "@.u+": "current", "current": "new"}),
        (
            "processed is whole",
            {"current": "644", "previous": "744", "processed": "744"},
            {"@.s": "processed", "@.u": "current", "current": "new"},
        ),
        ("previous is gone already", {"processed": "744", "newstate": "644"}, {"@.s": "processed", "current": "new"}),
        (
            "processed is not",
            {"previous": "744", "processed": "644", "newstate": "644", "state": "644"},
            {"@.u": "previous", "current": "new"},
        ),
    ],
)
def test_c18_what_a_crash_left_is_put_away(why: str, before: dict[str, str], after: dict[str, str], tmp_path: Path) -> None:
    for name, mode in before.items():
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(int(mode, 8))
    assert log(tmp_path, b"new").code == 0
    found = {name: data.decode().strip() for name, (_, data) in shape(tmp_path).items() if name not in ("lock", "state")}
    assert found == after, why


def test_a_name_that_was_given_before_the_crash_is_not_given_twice(tmp_path: Path) -> None:
    (tmp_path / "previous").write_bytes(b"one\n")
    os.link(tmp_path / "previous", tmp_path / "@400000003b4a39c23294b13c.s")
    log(tmp_path, b"two\n")
    assert sorted(shape(tmp_path)) == ["@.s", "current", "lock", "state"]


def test_files_end_with_a_line_within_their_size_and_the_oldest_go(tmp_path: Path) -> None:
    before = time.time_ns()
    assert log(tmp_path, LINES, "s4096", "n3").code == 0
    after = time.time_ns()
    finished = sorted(path for path in tmp_path.iterdir() if path.name.startswith("@"))
    assert [path.stat().st_size for path in finished] == [2100, 2100]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o744 and path.read_bytes().endswith(b"\n") for path in finished)
    assert all(before <= tai64n.read(path.name[:25].encode()) <= after for path in finished)
    assert LINES.endswith(logged(tmp_path))


def test_no_line_is_lost_in_rotations(tmp_path: Path) -> None:
    assert log(tmp_path, LINES, "s4096", "n1000").code == 0
    assert logged(tmp_path) == LINES


def test_a_line_that_is_too_long_is_cut_at_the_size(tmp_path: Path) -> None:
    log(tmp_path, b"x" * 10000 + b"\n", "s4096")
    assert [len(data) for _, (_, data) in sorted(shape(tmp_path).items())][:3] == [4096, 4096, 1809]
    assert logged(tmp_path) == b"x" * 10000 + b"\n"


def test_labels_are_the_times_of_the_lines(tmp_path: Path) -> None:
    before = time.time_ns()
    call("multilog", [b"t", os.fsencode(tmp_path)], {}, b"a\n\nb")
    labels, texts = zip(*(line.split(b" ", 1) for line in logged(tmp_path).splitlines()), strict=True)
    assert texts == (b"a", b"", b"b")
    times = [before, *(tai64n.read(label) for label in labels), time.time_ns()]
    assert times == sorted(times)


def test_e_and_status_files(tmp_path: Path) -> None:
    result = run(tmp_path, ["-b*", "e", "=st"], b"a\nbb\nc\n")
    assert result == Result(0, b"", b"a\nc\n")
    assert (tmp_path / "st").read_bytes() == b"c".ljust(1001, b"\n")
    assert stat.S_IMODE((tmp_path / "st").stat().st_mode) == 0o600


# processors


def test_a_processor_makes_the_file_and_keeps_a_state(tmp_path: Path) -> None:
    command_ = "tr 0 o; (cat <&4; echo ran) >&5"
    run(tmp_path, ["s4096", "n100", f"!{command_}", "./d"], LINES)
    found = shape(tmp_path / "d")
    runs = len([name for name in found if name.startswith("@")])
    assert runs >= 4
    assert found["state"] == ("644", b"ran\n" * runs)
    assert not {"previous", "processed", "newstate"} & set(found)
    whole = logged(tmp_path / "d")
    assert whole.replace(b"o", b"0") == LINES and b"o" in whole
    assert {mode for name, (mode, _) in found.items() if name.startswith("@")} == {"744"}


def test_a_processor_runs_in_the_directory_with_default_signals_and_its_four_files(tmp_path: Path) -> None:
    command_ = "pwd; for fd in 0 1 4 5; do readlink /proc/$$/fd/$fd; done; grep SigIgn /proc/self/status"
    run(tmp_path, ["s4096", f"!{command_}", "./d"], LINES[:2500])
    data = next(data for name, (_, data) in shape(tmp_path / "d").items() if name == "@.s")
    folder = os.fsencode((tmp_path / "d").resolve())
    ignored = b"SigIgn:\t" + ignored_by_us().encode()
    wanted = [folder, *(folder + b"/" + name for name in (b"previous", b"processed", b"state", b"newstate")), ignored]
    assert data.splitlines() == wanted


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses cost no time: how long each would have been."""
    found: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", found.append)
    return found


@pytest.mark.parametrize(("how", "word"), [("exit 3", b"failed"), ("kill -9 $$", b"crashed")])
def test_a_processor_that_fails_runs_again(how: str, word: bytes, tmp_path: Path, pauses: list[float]) -> None:
    command_ = f"[ -e ../once ] || {{ : > ../once; {how}; }}; cat"
    folder = tmp_path / "d"
    result = call("multilog", [b"s4096", f"!{command_}".encode(), os.fsencode(folder)], {}, LINES[:3000])
    assert result == Result(0, b"", b"multilog: warning: processor %b in %b, pausing\n" % (word, os.fsencode(folder)))
    assert logged(folder) == LINES[:3000]
    assert pauses == [5.0]


# trouble


def test_a_full_disk_is_waited_for_and_no_line_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file may grow beyond a limit here; room is made during the third pause."""
    pauses: list[float] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    monkeypatch.setattr(patience.time, "sleep", pause)
    source = tmp_path / "in"
    source.write_bytes(LINES)
    fd = os.open(source, os.O_RDONLY)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5050, hard))
        result = call("multilog", [os.fsencode(tmp_path / "d")], {}, stdin_fd=fd)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        os.close(fd)
    line = b"multilog: warning: unable to write to %b/current, pausing: file too big\n" % os.fsencode(tmp_path / "d")
    assert result == Result(0, b"", line * 3)
    assert pauses == [5.0] * 3
    assert logged(tmp_path / "d") == LINES


def test_a_rotation_that_cannot_go_on_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "previous").mkdir()
    (tmp_path / "current").touch(0o744)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        (tmp_path / "previous").rmdir()

    monkeypatch.setattr(patience.time, "sleep", pause)
    text = b"multilog: warning: unable to rename current to previous in directory %b, pausing: is a directory\n" % os.fsencode(tmp_path)
    assert log(tmp_path, LINES[:3000], "s4096") == Result(0, b"", text)
    assert pauses == [5.0]
    assert logged(tmp_path) == LINES[:3000]


@pytest.mark.parametrize(
    ("why", "make", "action", "words"),
    [
        ("no parent", "", "./x/y", b"unable to open directory ./x/y: file does not exist"),
        ("a file", "touch f", "./f", b"unable to open directory ./f: not a directory"),
        ("no lock", "mkdir -p d/lock", "./d", b"unable to lock directory ./d: is a directory"),
        ("no status file", "", "=x/y", b"unable to create x/y: file does not exist"),
    ],
)
def test_trouble_at_the_start_ends_it(why: str, make: str, action: str, words: bytes, tmp_path: Path) -> None:
    subprocess.run(["sh", "-c", make], cwd=tmp_path, check=True)
    assert run(tmp_path, [action], b"x\n") == Result(111, b"", b"multilog: fatal: " + words + b"\n"), why


# signals


class Running:
    """multilog as a process that reads a pipe of ours."""

    def __init__(self, folder: Path, *actions: str) -> None:
        self.folder = folder / "d"
        self.reader, self._writer = os.pipe()
        self.said = folder / "said"
        self.process = start("multilog", *actions, "./d", log=self.said, cwd=folder, stdin=self.reader)
        eventually((self.folder / "current").exists, "no log yet")

    def put(self, data: bytes) -> None:
        os.write(self._writer, data)

    def until_logged(self, data: bytes) -> None:
        eventually(lambda: logged(self.folder) == data, f"{logged(self.folder)!r} {self.said.read_text()}")

    def left(self) -> bytes:
        """In the pipe."""
        os.set_blocking(self.reader, False)
        try:
            return os.read(self.reader, 1 << 16)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        end(self.process)
        os.close(self.reader)
        os.close(self._writer)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    yield made
    made.close()


def test_term_leaves_at_once_between_lines(running: Running) -> None:
    running.put(b"one\n")
    running.until_logged(b"one\n")
    running.process.terminate()
    assert running.process.wait(PATIENCE_S) == 0
    assert shape(running.folder)["current"] == ("744", b"one\n")


def test_term_finishes_the_line_and_leaves_the_rest_to_its_successor(running: Running) -> None:
    running.put(b"one\npart")
    running.until_logged(b"one\n")
    running.process.terminate()
    # what reads octet by octet has seen the signal
    eventually(lambda: _handled(running.process.pid, signal.SIGTERM), "the signal is pending for ever")
    assert running.process.poll() is None
    running.put(b"ial\nnext\n")
    assert running.process.wait(PATIENCE_S) == 0
    assert shape(running.folder)["current"] == ("744", b"one\npartial\n")
    assert running.left() == b"next\n"


def _handled(pid: int, number: int) -> bool:
    """Not pending, and the process sleeps again: in its poll, as it has nothing to do."""
    text = Path(f"/proc/{pid}/status").read_text()
    pending = int(re.search(r"ShdPnd:\s+(\w+)", text)[1], 16)  # type: ignore[index]
    return not pending & 1 << number - 1 and "State:\tS" in text


def test_alrm_ends_the_file_now_unless_it_is_empty(running: Running) -> None:
    running.process.send_signal(signal.SIGALRM)
    eventually(lambda: _handled(running.process.pid, signal.SIGALRM), "the signal is pending for ever")
    running.put(b"one\n")
    running.until_logged(b"one\n")
    assert "@.s" not in shape(running.folder)
    running.process.send_signal(signal.SIGALRM)
    eventually(lambda: shape(running.folder).get("@.s") == ("744", b"one\n"), "not rotated")
    running.put(b"two\n")
    running.until_logged(b"one\ntwo\n")


def test_lines_are_written_as_they_come(running: Running) -> None:
    whole = b""
    for i in range(20):
        running.put(b"%d\n" % i)
        whole += b"%d\n" % i
        running.until_logged(whole)


def test_nobody_else_writes_there(running: Running) -> None:
    words = b"multilog: fatal: unable to lock directory ./d: temporary failure\n"
    assert run(running.folder.parent, ["./d"], b"x\n") == Result(111, b"", words)


def test_killed_it_leaves_what_the_next_one_puts_away(running: Running, tmp_path: Path) -> None:
    running.put(b"one\n")
    running.until_logged(b"one\n")
    running.process.kill()
    running.process.wait(PATIENCE_S)
    assert shape(running.folder)["current"] == ("644", b"one\n")
    run(tmp_path, ["./d"], b"two\n")
    assert shape(running.folder)["@.u"] == ("644", b"one\n")
    assert shape(running.folder)["current"] == ("744", b"two\n")
