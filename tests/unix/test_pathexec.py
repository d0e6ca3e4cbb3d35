"""How the chain loaders find their program, beside the original argv0, and what they leave in its environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mta.unix import pathexec
from tests.conftest import ROOT
from tests.support import original

TOOLS = [
    ("shut/tool", "#!/bin/sh\necho shut\n", 0o644),
    ("open/tool", '#!/bin/sh\necho "open $1"\n', 0o755),
    ("bare/tool", "echo bare\n", 0o755),
    ("lost/tool", "#!/no/such/interpreter\n", 0o755),
    ("tool", "#!/bin/sh\necho here\n", 0o755),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text, mode in TOOLS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    (tmp_path / "folder/tool").mkdir(parents=True)
    return tmp_path


def ours(name: bytes, env: dict[bytes, bytes], cwd: Path) -> tuple[int, bytes, bytes]:
    lines = ["import sys", f"sys.path.insert(0, {str(ROOT)!r})", "from mta.unix import pathexec", "from mta.unix.fds import Fds"]
    lines.append(f"sys.exit(pathexec.chain(b'argv0', [b'tool', b'a b'], {env!r}, Fds(), {env.get(b'PATH')!r}, file={name!r}))")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", "\n".join(lines)], capture_output=True, check=False, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


ROWS = [
    ("the first folder that has it", b"tool", b"{0}/nowhere:{0}/open", b"open a b\n"),
    ("one that may not be run is passed over", b"tool", b"{0}/shut:{0}/open", b"open a b\n"),
    ("a folder of that name, too", b"tool", b"{0}/folder:{0}/open", b"open a b\n"),
    ("no folder is the working directory", b"tool", b":{0}/open", b"here\n"),
    ("nor is the last", b"tool", b"{0}/nowhere:", b"here\n"),
    ("PATH is not asked for a name with a slash", b"open/tool", b"{0}/bare", b"open a b\n"),
    ("one that may not be run, and no other", b"tool", b"{0}/shut:{0}/nowhere", b"argv0: fatal: unable to run tool: access denied\n"),
    ("no shell for one without #!", b"tool", b"{0}/bare:{0}/open", b"argv0: fatal: unable to run tool: exec format error\n"),
    ("without its interpreter it is not there", b"tool", b"{0}/lost:{0}/open", b"open a b\n"),
    ("a file in place of a folder ends the search", b"tool", b"{0}/tool:{0}/open", b"argv0: fatal: unable to run tool: not a directory\n"),
    ("nowhere", b"no-such-tool", b"{0}/open", b"argv0: fatal: unable to run no-such-tool: file does not exist\n"),
    ("no name", b"", b"{0}/open", b"argv0: fatal: unable to run : access denied\n"),
    ("without PATH", b"no-such-tool", None, b"argv0: fatal: unable to run no-such-tool: file does not exist\n"),
]


@pytest.mark.parametrize(("why", "name", "path", "said"), ROWS, ids=[row[0] for row in ROWS])
def test_it_finds_what_the_originals_find(folder: Path, why: str, name: bytes, path: bytes | None, said: bytes) -> None:
    env = {} if path is None else {b"PATH": path.replace(b"{0}", os.fsencode(folder))}
    code, out, err = ours(name, env, folder)
    assert out + err == said
    assert code == (111 if err else 0)
    done = subprocess.run([original.original("argv0"), name, "tool", "a b"], env=env, cwd=folder, capture_output=True, check=False)
    assert (code, out, err) == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("why", "name", "value", "after"),
    [
        ("a variable", b"B", b"2", {b"A": b"1", b"B": b"2"}),
        ("in place of another", b"A", b"2", {b"A": b"2"}),
        ("an empty one is one", b"A", b"", {b"A": b""}),
        ("taken away", b"A", None, {}),
        ("that is not there", b"B", None, {b"A": b"1"}),
        ("a name with an equals sign", b"A=x", b"2", {b"A": b"x=2"}),
        ("even when it is to be taken away", b"A=x", None, {b"A": b"x"}),
        ("no name", b"", b"2", {b"A": b"1"}),
        ("up to a NUL", b"A", b"2\x003", {b"A": b"2"}),
    ],
)
def test_put_sets_what_pathexec_env_sets(why: str, name: bytes, value: bytes | None, after: dict[bytes, bytes]) -> None:
    env = {b"A": b"1"}
    pathexec.put(env, name, value)
    assert env == after


def test_the_program_gets_the_environment_we_got() -> None:
    """In a C locale the interpreter adds LC_CTYPE."""
    text = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from mta import runner; print(runner.given_environment())"
    for env in ({}, {"A": "b"}, {"LC_CTYPE": "C.UTF-8"}, {"LC_ALL": "C"}):
        done = subprocess.run([sys.executable, "-I", "-S", "-c", text], env=env, capture_output=True, check=True, text=True)
        assert done.stdout == f"{ {k.encode(): v.encode() for k, v in env.items()} }\n"
