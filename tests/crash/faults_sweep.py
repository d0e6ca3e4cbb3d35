"""Errors at every call: what a program does on disk is done again and again, each time with another call that fails, and looked at.

    failures = sweep(tmp_path, prepare, act, check, errors)
As in tests/crash/kill, where the program is killed instead: prepare(root), act(root), check(root, is_done). An act that fails may have done
its work or not, and nothing between; one that says nothing has done it. Then it runs once more, unharmed, and must be done.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.crash import faults_point

Act = Callable[[Path], None]
Check = Callable[[Path, bool], None]


def sweep(folder: Path, prepare: Act, act: Act, check: Check, errors: Sequence[int]) -> int:
    """-> how many calls failed."""
    root, told = folder / "root", folder / "told"
    count, n = 0, 0
    is_last = False
    while not is_last:
        n += 1
        for error in errors:
            root.mkdir(mode=0o755)
            prepare(root)
            told.write_bytes(b"")
            has_failed = _fork(root, told, act, n, error)
            name = told.read_text()
            is_last = not name
            try:
                assert name or not has_failed, "it fails unharmed"
                check(root, not has_failed)
                assert not _fork(root, told, act, 0, 0), "it fails the second time"
                check(root, True)
            except BaseException as problem:
                problem.add_note(f"call {n} failed: {name}, {os.strerror(error)}; the act {'failed' if has_failed else 'did not'}")
                raise
            finally:
                shutil.rmtree(root)
            count += bool(name)
    return count


def _fork(root: Path, told: Path, act: Act, n: int, error: int) -> bool:
    """Did it fail?"""
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            _arm(root, told, n, error)
            act(root)
            code = 0
        except Exception:
            code = 1
            if not n:
                traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 1), f"it ended with {code}"
    return code == 1


def _arm(root: Path, told: Path, n: int, error: int) -> None:
    """The n-th call fails, and its name is told."""
    calls = 0
    write, open_, close = os.write, os.open, os.close

    def decide(name: str) -> int:
        nonlocal calls
        calls += 1
        if calls != n:
            return 0
        fd = open_(told, os.O_WRONLY)
        write(fd, name.encode())
        close(fd)
        return error

    faults_point.watch((os.fsencode(root) + b"/",), decide)
