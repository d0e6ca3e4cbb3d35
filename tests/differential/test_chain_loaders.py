"""envdir, softlimit, setlock, pgrphack, fghack and envuidgid beside the originals: same environment, same limits, same words, same exit."""

from __future__ import annotations

import fcntl
import os
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import original
from tests.support.call import Result

ROUNDS = original.rounds(100)
ENV = {b"PATH": b"/usr/bin:/bin", b"A": b"1", b"B": b""}

names = st.sampled_from([b"A", b"B", b"C", b"PATH", b".A", b"A=B", b"A=", b"\xff", b"a b"])
bits = st.sampled_from([b"", b"x", b" ", b"\t", b"\n", b"\0", b"=", b"/usr/bin", b"y" * 300, b"\xff"])
contents = st.lists(bits, max_size=5).map(b"".join)


def both(name: str, argv: list[bytes], folder: str | None = None) -> tuple[Result, Result]:
    return original.ours(name, argv, ENV, cwd=folder), original.run(name, argv, ENV, cwd=folder)


def in_order(result: Result) -> tuple[int, list[bytes], bytes]:
    return result.code, sorted(result.out.split(b"\0")), result.err


@settings(max_examples=ROUNDS)
@given(st.dictionaries(names, contents, max_size=5))
def test_the_same_files_give_the_same_environment(files: dict[bytes, bytes]) -> None:
    if b"A=" in files and b"A=B" in files:  # which of the two comes last is the file system's choice
        del files[b"A="]
    if {b"A", b"A=", b"A=B"} & set(files) != {b"A"}:
        files.pop(b"A", None)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            with open(os.path.join(os.fsencode(folder), name), "wb") as file:
                file.write(data)
        ours, theirs = both("envdir", [os.fsencode(folder), b"env", b"-0"])
        assert in_order(ours) == in_order(theirs)


some = st.one_of(st.sampled_from([b"=", b"5x", b"18446744073709551615"]), st.integers(30_000_000, 2**40).map(b"%d".__mod__))
numbers = st.one_of(
    st.sampled_from([b"=", b"", b"-", b"x", b"5x", b"-1", b" 5", b"18446744073709551615", b"18446744073709551616", b"9223372036854775808"]),
    st.integers(30_000_000, 2**40).map(b"%d".__mod__),
)
small = st.integers(0, 2000).map(b"%d".__mod__)
option = st.one_of(
    st.tuples(st.sampled_from([b"-c", b"-r"]), st.one_of(small, numbers)),
    st.tuples(st.sampled_from([b"-a", b"-d", b"-f", b"-l", b"-m", b"-s", b"-p"]), numbers),
    st.tuples(st.just(b"-t"), some),
    st.tuples(st.just(b"-o"), st.one_of(st.integers(20, 2000).map(b"%d".__mod__), st.just(b"="))),
    st.tuples(st.sampled_from([b"-z", b"--", b"-", b"-c5"])),
).map(list)


@settings(max_examples=ROUNDS)
@given(st.lists(option, max_size=4).map(lambda found: [word for words in found for word in words]))
def test_the_same_options_give_the_same_limits(options: list[bytes]) -> None:
    """No second at all of the processor's time (-t 0) ends a program at the next tick of the clock: when that is, is chance."""
    ours, theirs = both("softlimit", [*options, b"cat", b"/proc/self/limits"])
    assert ours == theirs


@settings(max_examples=ROUNDS)
@given(
    st.lists(st.sampled_from([b"-n", b"-N", b"-x", b"-X", b"-nx", b"-z", b"--"]), max_size=3),
    st.sampled_from([b"unheld", b"held", b"none/file", b"folder"]),
    st.sampled_from([[b"echo", b"ran"], [b"none"], []]),
)
def test_the_same_flags_do_the_same_with_a_lock(flags: list[bytes], file: bytes, command: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "held"), "w") as held:
        os.mkdir(os.path.join(folder, "folder"))
        fcntl.flock(held, fcntl.LOCK_EX)
        no_wait = [b"-n"] if file == b"held" else []
        argv = [*flags, *no_wait, file, *command]
        ours, theirs = both("setlock", argv, folder)
        assert ours == theirs


words = st.lists(st.sampled_from([b"a", b"-", b" ", b"/", b"\n", b"\xff", b"'", b"$x", b"=", b"sh"]), max_size=4).map(b"".join)


@settings(max_examples=ROUNDS)
@given(st.sampled_from([b"sh", b"/bin/sh", b"none", b"", b"/"]), words.filter(bool), st.lists(words, max_size=3))
def test_argv0_hands_on_the_same_name_and_words(real: bytes, name: bytes, rest: list[bytes]) -> None:
    """But for the empty name, which no Python program can hand on."""
    ours, theirs = both("argv0", [real, name, b"-c", b"cat /proc/$$/cmdline; exit $#", *rest])
    assert ours == theirs


accounts = st.one_of(st.sampled_from([b"root", b"daemon", b"nobody", b"mail", b"www-data", b"none", b"", b"0", b"65534", b"root "]), words)


@settings(max_examples=original.rounds(60, 500))
@given(accounts, st.sampled_from([[b"sh", b"-c", b"echo $UID $GID; id -G; id"], [b"none"], []]))
def test_the_same_account_gives_the_same_numbers(account: bytes, command: list[bytes]) -> None:
    """Without root setuidgid says that it cannot, and so does ours."""
    for name in ("envuidgid", "setuidgid"):
        ours, theirs = both(name, [account, *command])
        assert ours == theirs


@pytest.mark.parametrize("command", [b"exit 0", b"exit 111", b"kill -9 $$", b'test "$(ps -o pgid= -o sid= -p $$ | tr -s " ")" = " $$ $$"'])
def test_pgrphack_starts_the_same_session(command: bytes) -> None:
    ours, theirs = both("pgrphack", [b"sh", b"-c", command])
    assert ours == theirs


@pytest.mark.parametrize("name", ["envuidgid", "envdir", "setlock", "softlimit", "pgrphack", "fghack", "setuidgid"])
@pytest.mark.parametrize(
    "argv",
    [
        [],
        [b""],
        [b"root"],
        [b"none", b"true"],
        [b"", b"true"],
        [b"/", b"none"],
        [b"-z", b"x", b"true"],
        [b"true"],
        [b"sh", b"-c", b"exit 99"],
    ],
)
def test_the_same_words_about_wrong_arguments(name: str, argv: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = both(name, argv, folder)
        assert ours == theirs


@pytest.mark.parametrize("command", [b"exit 0", b"exit 111", b"kill -9 $$", b"(exec sleep 0) & exit 5", b"echo out; echo err >&2"])
def test_fghack_ends_the_same(command: bytes) -> None:
    ours, theirs = both("fghack", [b"sh", b"-c", command])
    assert ours == theirs
