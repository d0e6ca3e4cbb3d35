"""envuidgid, envdir, setlock, softlimit, pgrphack and fghack: what the program then has, and why it does not run. Cases C19, C20."""

from __future__ import annotations

import fcntl
import os
import pwd
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.call import Result, call, command, process
from tests.support.process import eventually, ignored_by_us

ENV = {b"QMAIL_HOME": b"/", b"PATH": b"/usr/bin:/bin", b"KEPT": b"yes"}
ME = pwd.getpwuid(os.geteuid())


def fatal(name: bytes, what: bytes) -> Result:
    return Result(111, b"", b"%b: fatal: %b\n" % (name, what))


# -- envuidgid


def test_envuidgid_tells_the_numbers_and_gives_up_nothing() -> None:
    nobody = pwd.getpwnam("nobody")
    result = process("envuidgid", [b"nobody", b"sh", b"-c", b"echo $UID $GID $KEPT; id -u; exit 7"], {**ENV, b"UID": b"old"})
    assert result == Result(7, b"%d %d yes\n%d\n" % (nobody.pw_uid, nobody.pw_gid, os.geteuid()), b"")


def test_envuidgid_knows_names_only() -> None:
    assert call("envuidgid", [b"%d" % ME.pw_uid, b"true"], {}) == fatal(b"envuidgid", b"unknown account %d" % ME.pw_uid)


# -- envdir


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d").mkdir()
    return tmp_path


def variables(folder: Path, files: dict[bytes, bytes], env: dict[bytes, bytes]) -> dict[bytes, bytes]:
    for name, data in files.items():
        (folder / "d" / os.fsdecode(name)).write_bytes(data)
    result = process("envdir", [os.fsencode(folder / "d"), b"/usr/bin/env", b"-0"], {b"QMAIL_HOME": b"/", **env})
    assert (result.code, result.err) == (0, b"")
    found = dict(item.split(b"=", 1) for item in result.out.split(b"\0") if item)
    assert found.pop(b"QMAIL_HOME") == b"/"
    return found


ROWS = [
    ("a file of no octets takes it away", {b"A": b""}, {b"A": b"1", b"B": b"2"}, {b"B": b"2"}),
    ("an empty line sets it to nothing", {b"A": b"\n"}, {b"A": b"1"}, {b"A": b""}),
    ("blanks and tabs at the end go", {b"A": b"a b \t\n"}, {}, {b"A": b"a b"}),
    ("those at the beginning stay", {b"A": b" \ta"}, {}, {b"A": b" \ta"}),
    ("nothing but blanks is nothing", {b"A": b" \t "}, {}, {b"A": b""}),
    ("a NUL is a newline", {b"A": b"a\0b\0\n"}, {}, {b"A": b"a\nb\n"}),
    ("the first line only", {b"A": b"a\nb\n"}, {}, {b"A": b"a"}),
    ("a long line", {b"A": b"x" * 70000 + b"\n"}, {}, {b"A": b"x" * 70000}),
    ("names with a dot before them are none", {b".A": b"a"}, {}, {}),
    ("octets of any kind", {b"\xc3\xa4": b"\xff"}, {}, {b"\xc3\xa4": b"\xff"}),
]


@pytest.mark.parametrize(("why", "files", "env", "after"), ROWS, ids=[row[0] for row in ROWS])
def test_c19_envdir_sets_a_variable_for_each_file(
    why: str, files: dict[bytes, bytes], env: dict[bytes, bytes], after: dict[bytes, bytes], folder: Path
) -> None:
    assert variables(folder, files, env) == after


def test_envdir_runs_the_program_where_it_was(folder: Path) -> None:
    done = subprocess.run([*command("envdir", b"/"), "d", "sh", "-c", "ls"], cwd=folder, capture_output=True, check=True)
    assert done.stdout == b"d\n"


def test_envdir_looks_for_the_program_in_the_path_it_was_given(folder: Path) -> None:
    assert variables(folder, {b"PATH": b"/nowhere"}, {b"PATH": b"/usr/bin"}) == {b"PATH": b"/nowhere"}
    result = process("envdir", [os.fsencode(folder / "d"), b"true"], ENV)
    assert result == Result(0, b"", b"")


def test_envdir_says_what_it_cannot_read(folder: Path) -> None:
    path = os.fsencode(folder)
    assert call("envdir", [path + b"/none", b"true"], {}) == fatal(
        b"envdir", b"unable to switch to directory %b/none: file does not exist" % path
    )
    assert call("envdir", [path, b"true"], {}) == fatal(b"envdir", b"unable to read %b/d: is a directory" % path)
    (folder / "d/x").touch()
    assert call("envdir", [path + b"/d/x", b"true"], {}) == fatal(
        b"envdir", b"unable to switch to directory %b/d/x: not a directory" % path
    )


# -- setlock


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield path


def test_setlock_holds_the_lock_as_long_as_the_program_runs(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    inner = 'exec 9>>"$1"; flock -n 9 && echo free || echo taken'
    argv = [os.fsencode(path), b"sh", b"-c", inner.encode(), b"sh", os.fsencode(path)]
    assert process("setlock", argv, ENV) == Result(0, b"taken\n", b"")
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_setlock_waits_for_the_lock(tmp_path: Path) -> None:
    """What the program finds tells whether it waited."""
    lock, found = tmp_path / "lock", tmp_path / "found"
    with lock.open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        waiting = subprocess.Popen([*command("setlock", b"/"), lock, "cat", found], stdout=subprocess.PIPE)
        eventually(lambda: waiting.pid in waiters(lock), "it does not wait")
        found.write_text("after")
    assert waiting.communicate() == (b"after", None)
    assert waiting.returncode == 0


def waiters(path: Path) -> list[int]:
    """Processes that wait for a lock of this file."""
    inode = path.stat().st_ino
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return [int(words[5]) for words in lines if words[1] == "->" and words[6].endswith(f":{inode}")]


@pytest.mark.parametrize(
    ("why", "flags", "code", "said"),
    [
        ("C20", [b"-nx"], 0, b""),
        ("C20", [b"-n"], 111, b"setlock: fatal: unable to lock {0}: temporary failure\n"),
        ("the last word counts", [b"-nx", b"-X"], 111, b"setlock: fatal: unable to lock {0}: temporary failure\n"),
    ],
)
def test_c20_setlock_does_not_wait_when_told_so(why: str, flags: list[bytes], code: int, said: bytes, held: Path) -> None:
    path = os.fsencode(held)
    assert call("setlock", [*flags, path, b"echo", b"ran"], {}) == Result(code, b"", said.replace(b"{0}", path)), why


@pytest.mark.parametrize(("flag", "code"), [(b"-x", 0), (b"-X", 111)])
def test_setlock_cannot_make_the_file(flag: bytes, code: int, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/none/lock"
    said = b"" if flag == b"-x" else b"setlock: fatal: unable to open %b: file does not exist\n" % path
    assert call("setlock", [flag, path, b"echo", b"ran"], {}) == Result(code, b"", said)


# -- softlimit


def limits(argv: list[bytes]) -> dict[str, str]:
    """Kind -> soft limit of a program it runs."""
    result = process("softlimit", [*argv, b"cat", b"/proc/self/limits"], ENV)
    assert result.code == 0, result.err
    return {line[:26].strip(): line[26:47].strip() for line in result.out.decode().splitlines()}


@pytest.mark.parametrize(
    ("argv", "kind", "value"),
    [
        ([b"-a", b"100000000"], "Max address space", "100000000"),
        ([b"-c0"], "Max core file size", "0"),
        ([b"-d", b"90000000"], "Max data size", "90000000"),
        ([b"-f", b"5"], "Max file size", "5"),
        ([b"-l4096"], "Max locked memory", "4096"),
        ([b"-o", b"20"], "Max open files", "20"),
        ([b"-p", b"1000"], "Max processes", "1000"),
        ([b"-r", b"80000000"], "Max resident set", "80000000"),
        ([b"-s", b"1000000"], "Max stack size", "1000000"),
        ([b"-t", b"7"], "Max cpu time", "7"),
        ([b"-o5", b"-o", b"21"], "Max open files", "21"),
    ],
)
def test_softlimit_sets_each_limit(argv: list[bytes], kind: str, value: str) -> None:
    before = limits([])
    assert limits(argv) == {**before, kind: value}


def test_softlimit_m_is_four_limits() -> None:
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    found = limits([b"-m", b"100000000"])
    names = ("Max data size", "Max stack size", "Max address space")
    assert [found[name] for name in names] == ["100000000"] * 3
    assert int(found["Max locked memory"]) == (100000000 if hard == -1 else min(hard, 100000000))


def test_softlimit_goes_up_to_the_hard_limit_and_no_further() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for text in (b"=", b"18446744073709551615", b"%d" % (hard + 1)):
        assert limits([b"-o", b"5", b"-o", text])["Max open files"] == str(hard)


def test_softlimit_can_still_run_a_program_with_next_to_no_memory_of_its_own() -> None:
    assert process("softlimit", [b"-a", b"3000000", b"/bin/true"], ENV) == Result(0, b"", b"")


# -- pgrphack, fghack


def test_pgrphack_starts_a_session() -> None:
    result = process("pgrphack", [b"sh", b"-c", b"echo $$; cut -d' ' -f5,6 /proc/$$/stat; exit 7"], ENV)
    pid, ids = result.out.split(b"\n")[:2]
    assert (result.code, ids, result.err) == (7, b"%b %b" % (pid, pid), b"")


def test_pgrphack_does_not_mind_to_lead_a_group() -> None:
    done = subprocess.run([*command("pgrphack", b"/"), "true"], start_new_session=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_fghack_waits_for_what_went_into_the_background(tmp_path: Path) -> None:
    """The daemon closes its standard descriptors, and ends when it is told to by a FIFO."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    daemon = f"(read x <{fifo}; echo over >{tmp_path}/end) >/dev/null 2>&1 </dev/null & exit 3"
    with subprocess.Popen([*command("fghack", b"/"), "sh", "-c", daemon]) as waiting:
        with fifo.open("w") as writer:  # opens when the daemon runs
            assert waiting.poll() is None
            writer.write("x\n")
        assert waiting.wait() == 3
        assert (tmp_path / "end").read_text() == "over\n"


def test_fghack_says_that_a_signal_ended_it() -> None:
    assert process("fghack", [b"sh", b"-c", b"kill -9 $$"], ENV) == fatal(b"fghack", b"child crashed")


# -- all of them

LOADERS = {
    "envuidgid": [b"nobody"],
    "envdir": [b"DIR"],
    "setlock": [b"FILE"],
    "softlimit": [b"-c", b"0"],
    "pgrphack": [],
    "fghack": [],
}


def given(name: str, folder: Path) -> list[bytes]:
    places = {b"DIR": os.fsencode(folder / "d"), b"FILE": os.fsencode(folder / "file")}
    return [places.get(word, word) for word in LOADERS[name]]


@pytest.mark.parametrize("name", sorted(LOADERS))
def test_they_say_what_they_cannot_run(name: str, folder: Path) -> None:
    result = process(name, [*given(name, folder), b"/none"], ENV)
    assert result == fatal(name.encode(), b"unable to run /none: file does not exist")


@pytest.mark.parametrize("name", sorted(LOADERS))
def test_the_program_has_default_signals_and_no_descriptors_but_ours(name: str, folder: Path) -> None:
    inner = b"grep SigIgn /proc/self/status; ls /proc/self/fd | wc -l"
    lines = process(name, [*given(name, folder), b"sh", b"-c", inner], ENV).out.split(b"\n")
    assert lines[0] == b"SigIgn:\t" + ignored_by_us().encode()
    held = {"setlock": 1, "fghack": 31}.get(name, 0)  # the lock; the pipe
    assert int(lines[1]) == 4 + held  # 0, 1, 2 and the directory that ls reads


@pytest.mark.parametrize(
    ("name", "argv", "code", "said"),
    [
        ("envuidgid", [], 100, b"envuidgid: usage: envuidgid account child\n"),
        ("envuidgid", [b"nobody"], 100, b"envuidgid: usage: envuidgid account child\n"),
        ("envuidgid", [b"no-such-account", b"true"], 111, b"envuidgid: fatal: unknown account no-such-account\n"),
        ("envdir", [], 111, b"envdir: usage: envdir dir child\n"),
        ("envdir", [b"/"], 111, b"envdir: usage: envdir dir child\n"),
        ("setlock", [b"file"], 100, b"setlock: usage: setlock [ -nNxX ] file program [ arg ... ]\n"),
        (
            "setlock",
            [b"-z", b"file", b"true"],
            100,
            b"setlock: illegal option -- z\nsetlock: usage: setlock [ -nNxX ] file program [ arg ... ]\n",
        ),
        ("pgrphack", [], 100, b"pgrphack: usage: pgrphack child\n"),
        ("fghack", [], 100, b"fghack: usage: fghack child\n"),
    ],
)
def test_wrong_arguments(name: str, argv: list[bytes], code: int, said: bytes) -> None:
    assert call(name, argv, {}) == Result(code, b"", said)


@pytest.mark.parametrize("argv", [[], [b"-c", b"0"], [b"-c", b"x", b"true"], [b"-c"], [b"-z", b"true"], [b"-c", b"-1", b"true"]])
def test_softlimit_wants_numbers_and_a_program(argv: list[bytes]) -> None:
    result = call("softlimit", argv, {})
    assert (result.code, result.out) == (100, b"")
    assert result.err.split(b"\n")[-2].startswith(b"softlimit: usage: softlimit [-a allbytes] [-c corebytes] ")
