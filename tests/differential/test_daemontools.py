"""multilog, tai64nlocal, svstat, svc, svok and supervise beside the originals: same files, same words, same exit."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.formats import supervise_status, tai64n
from mta.formats.supervise_status import Status
from tests.support import original
from tests.support.call import Result, call, command
from tests.support.process import PATIENCE_S, eventually

ROUNDS = original.rounds(100)
TOOLS = ("multilog", "tai64nlocal", "svstat", "svc", "svok", "supervise", "tai64n")


@pytest.fixture(scope="module", autouse=True)
def _originals() -> None:
    for name in TOOLS:
        original.original(name)


def multilog(by: str, folder: Path, actions: list[bytes], data: bytes) -> tuple[int, bytes, bytes, dict[str, tuple[int, bytes]]]:
    """Run in folder -> exit, output, words, and the files without their times."""
    program = [original.original("multilog")] if by == "original" else command("multilog", b"/")
    original.TRIED["multilog"] += by == "original"
    done = subprocess.run([*program, *actions], input=data, cwd=folder, env={}, capture_output=True, check=False)
    files: dict[str, tuple[int, bytes]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = re.sub("@[0-9a-f]{24}", "@", str(path.relative_to(folder)))
        while name in files:
            name += "+"
        files[name] = (path.stat().st_mode, path.read_bytes())
    return done.returncode, done.stdout, done.stderr, files


def both_multilogs(actions: list[bytes], data: bytes, left: dict[str, int] | None = None) -> tuple[object, object]:
    """left: names and modes of what is in ./d before. Lines that are told apart by their own text need no time."""
    results = []
    for by in ("ours", "original"):
        with tempfile.TemporaryDirectory() as name:
            for file, mode in (left or {}).items():
                path = Path(name) / "d" / file
                path.parent.mkdir(exist_ok=True)
                path.write_text(file)
                path.chmod(mode)
            results.append(multilog(by, Path(name), actions, data))
    return results[0], results[1]


patterns = st.text("ab* :", max_size=6).map(str.encode)
actions = st.lists(
    st.one_of(
        patterns.map(lambda text: b"-" + text),
        patterns.map(lambda text: b"+" + text),
        st.sampled_from([b"e", b"=st", b"-*", b"zzz", b"", b"s99999999", b"nx"]),
    ),
    max_size=6,
)
long_lines = st.builds(lambda size, last: b"b" * size + last, st.integers(198, 202) | st.integers(998, 1002), st.sampled_from([b"a", b""]))
line = st.one_of(st.text("ab* :", max_size=8).map(str.encode), long_lines, st.sampled_from([b"a\0b", b"\xff"]))
inputs = st.builds(lambda lines, end: b"\n".join(lines) + end, st.lists(line, max_size=8), st.sampled_from([b"", b"\n"]))


@settings(max_examples=original.rounds(100, 2000))
@given(actions, actions, inputs)
def test_the_same_script_selects_the_same_lines(first: list[bytes], second: list[bytes], data: bytes) -> None:
    ours, theirs = both_multilogs([*first, b"./d", *second, b"./d2"], data)
    assert ours == theirs


@settings(max_examples=ROUNDS)
@given(
    st.dictionaries(
        st.sampled_from(["current", "previous", "processed", "newstate", "state", "other", "@"]), st.sampled_from([0o644, 0o744])
    )
)
def test_whatever_a_crash_left_the_same_becomes_of_it(left: dict[str, int]) -> None:
    ours, theirs = both_multilogs([b"./d"], b"new\n", left)
    assert ours == theirs


@settings(max_examples=ROUNDS // 5)
@given(st.lists(st.from_regex("@[0-9a-f]{23,25}([.][su])?", fullmatch=True), unique=True, max_size=8), st.integers(0, 6))
def test_the_same_old_files_go(names: list[str], number: int) -> None:
    ours, theirs = both_multilogs([b"n%d" % number, b"./d"], b"new\n", {"current": 0o644, **dict.fromkeys(names, 0o744)})
    assert ours == theirs


@pytest.mark.parametrize("processor", [b"cat", b"tr 0 1", b"", b"cat; (cat <&4; echo x) >&5", b"wc -l >&5; head -n1 <&4"])
def test_the_same_processor_gets_the_same_files_and_state(processor: bytes) -> None:
    """Lines of 100 in files of 4096 or less: ours end after 21 lines, theirs on pieces of 1024, so whole contents are compared."""
    data = b"".join(b"%099d\n" % i for i in range(21))
    ours, theirs = both_multilogs([b"s4096", b"!" + processor, b"./d"], data)
    assert ours == theirs


labels = st.text("@0123456789abcdef AZ\n", max_size=40).map(str.encode)
moments = st.integers(-(10**18), 4 * 10**18).map(tai64n.write)
tails = st.sampled_from([b"", b" x", b"A", b"@", b" " + tai64n.write(0)])


def is_time(text: bytes) -> bool:
    """One the original shows without a crash, and in a year of our era."""
    digits = re.match(b"@([0-9a-f]*)", text)
    return digits is None or 0 < (int(b"0" + digits[1], 16) >> 32) % 2**64 - tai64n.TAI_OFFSET + 6 * 10**10 < 10**14


@settings(max_examples=ROUNDS)
@given(
    st.lists(st.one_of(st.builds(bytes.__add__, moments, tails), labels), max_size=20),
    st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]),
)
def test_the_same_labels_show_the_same_time(lines: list[bytes], zone: str) -> None:
    data = b"".join(text + b"\n" for text in b"\n".join(lines).split(b"\n") if is_time(text))
    env = {b"QMAIL_HOME": b"/", b"TZ": zone.encode()}
    done = subprocess.run([*command("tai64nlocal", b"/")], input=data, env=env, capture_output=True, check=False)
    assert Result(done.returncode, done.stdout, done.stderr) == original.run("tai64nlocal", [], env, data, inputs=len(lines))


stamped = st.lists(st.sampled_from([b"\n", b"a", b"\r", b"\0", b"@", b" ", b"x" * 1500, b"\xff"]), max_size=12).map(b"".join)


@settings(max_examples=original.rounds(100, 2000))
@given(stamped)
def test_the_same_lines_are_stamped(data: bytes) -> None:
    """Each with a time between the start and the end of both, and in that order."""
    start = tai64n.write(time.time_ns())
    found = [call("tai64n", [], {}, data), original.run("tai64n", [], {}, data)]
    for result in found:
        times = re.findall(rb"(?m)^@[0-9a-f]{24}(?= )", result.out)
        order = [start, *times, tai64n.write(time.time_ns())]
        assert order == sorted(order)
    ours, theirs = (replace(result, out=re.sub(rb"(?m)^@[0-9a-f]{24} ", b"TIME ", result.out)) for result in found)
    assert ours == theirs


class ServiceDir:
    """With a reader of supervise/ok, as if somebody supervised it."""

    def __init__(self, folder: Path) -> None:
        self.path = os.fsencode(folder)
        (folder / "supervise").mkdir()
        self.status = folder / "supervise" / "status"
        self.down = folder / "down"
        self.fds = []
        for name in ("ok", "control"):
            os.mkfifo(folder / "supervise" / name)
            self.fds.append(os.open(folder / "supervise" / name, os.O_RDONLY | os.O_NONBLOCK))

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


@settings(max_examples=ROUNDS)
@given(
    st.builds(
        Status,
        st.integers(0, 4 * 10**9).map(lambda seconds: seconds * 10**9),
        st.integers(0, 2**32 - 1),
        st.booleans(),
        st.binary(min_size=1, max_size=1),
    ),
    st.booleans(),
    st.integers(0, 20),
)  # fmt: skip
def test_the_same_status_gives_the_same_line(status: Status, is_normally_up: bool, size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        service = ServiceDir(Path(name))
        try:
            service.status.write_bytes((supervise_status.write(status) + b"xx")[: size or None])
            if not is_normally_up:
                service.down.touch()
            answers = set()
            for _ in range(3):  # a second may end between the two
                before, theirs = call("svstat", [service.path], {}), original.run("svstat", [service.path])
                answers.add(before == theirs)
            assert True in answers, (before, theirs)
        finally:
            service.close()


@settings(max_examples=ROUNDS // 2)
@given(st.lists(st.sampled_from([b"-u", b"-dx", b"--", b"-", b"-pp", b"-z", b"-ucz", b"none", b"SERVICE", b"--d"]), max_size=5))
def test_the_same_orders_are_written_to_control(words: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        service = ServiceDir(Path(name))
        try:
            argv = [service.path if word == b"SERVICE" else word for word in words]
            found = []
            for by in (call, original.run):
                result = by("svc", argv, {})
                try:
                    letters = os.read(service.fds[1], 1000)
                except BlockingIOError:
                    letters = b""
                found.append((result, letters))
            assert found[0] == found[1]
        finally:
            service.close()


@pytest.mark.parametrize(
    "make", ["true", "mkdir -p d", "touch d", "mkdir -p d; touch d/supervise", "mkdir -p d/supervise; mkfifo d/supervise/ok"]
)
@pytest.mark.parametrize("program", ["svok", "svstat"])
def test_what_is_no_service_gets_the_same_words(make: str, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["sh", "-c", make], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    assert call(program, [b"d"], {}) == original.run(program, [b"d"])


# order, then paused, wanted, up once it has been obeyed
ORDERS = [
    ("p", (True, b"u", True)),
    ("c", (False, b"u", True)),
    ("d", (False, b"d", False)),
    ("o", (False, b"\0", True)),
    ("u", (False, b"u", True)),
    ("px", (True, b"u", True)),
    ("d", (False, b"d", False)),
]


def state(folder: Path) -> tuple[bool, bytes, bool] | None:
    path = folder / "supervise" / "status"
    if not path.exists():
        return None
    status = supervise_status.read(path.read_bytes())
    return status.is_paused, status.want, status.pid != 0


@pytest.mark.parametrize("by", ["ours", "original"])
def test_supervise_comes_to_the_same_states_by_the_same_orders(by: str, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "run").chmod(0o755)
    program = [original.original("supervise")] if by == "original" else command("supervise", b"/")
    process = subprocess.Popen([*program, os.fsencode(tmp_path)])
    try:
        eventually(lambda: state(tmp_path) == (False, b"u", True), "it does not start")
        for letters, wanted in ORDERS:
            original.run("svc", [f"-{letters}".encode(), os.fsencode(tmp_path)])
            eventually(lambda: state(tmp_path) == wanted, f"{letters}: {state(tmp_path)}")  # noqa: B023 - called at once
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
