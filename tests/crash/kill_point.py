"""Inside a program under test: every call that changes something on disk, or makes it last, is written down, and at one of them the program
kills itself.

    from tests.crash import kill_point; kill_point.arm(b"/plan", "qmail-send")

PLAN is a folder: root (whose calls count: those on files below the path in it), calls (a line a call, appended), and kill, if somebody is
to die: b"before|after|half K SITE", where SITE is a line of calls. Who comes there for the K-th time of all processes, and takes that file
away, dies. "half": in the middle of a write.
Site     "PROGRAM CALL PATH", the path below root, with N for numbers, NAME for names that begin with one, MAILBOX for whose it is, ? for a
         file without a name
Forks    inherit all this; a program that calls become() takes another name
Runs in  programs that start without site packages: os and _signal only. What writes through C (io files) is not seen: tests compare with
         strace what is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

_SIGKILL = 9
_open, _write, _close, _unlink, _read = os.open, os.write, os.close, os.unlink, os.read
_OF_A_MAILBOX = 3  # domains/example.org/joe/...
_CREATES = os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)


class _Armed:
    plan = b""
    root = b""
    program = ""


def arm(plan: bytes, program: str) -> None:
    """From now on."""
    _Armed.plan = plan
    _Armed.program = program
    fd = _open(plan + b"/root", os.O_RDONLY)
    _Armed.root = os.path.realpath(_read(fd, 4096))
    _close(fd)
    for name, where in {**_BY_FD, **_BY_PATH, "open": _created}.items():
        setattr(os, name, _watched(name, getattr(os, name), where))
    from mta.unix.disk import Disk

    for name in {*_BY_FD, *_BY_PATH, "open"} - {"write", "writev", "pwrite"}:  # those are Disk's own, and call os
        if name in vars(Disk):
            setattr(Disk, name, staticmethod(getattr(os, name)))
    for name, where in (("syncfs", _of_fd), ("exchange", _of_path)):
        setattr(Disk, name, staticmethod(_watched(name, getattr(Disk, name), where)))


def become(program: str) -> None:
    _Armed.program = program


# -- where a call happens ------------------------------------------------------------------------------------------------------------


def _of_fd(fd: int, *_: Any, **__: Any) -> bytes:
    return os.readlink(b"/proc/self/fd/%d" % fd)


def _second_fd(_: int, fd: int, *__: Any, **___: Any) -> bytes:
    return _of_fd(fd)


def _of_path(path: Any, *_: Any, dir_fd: int | None = None, **__: Any) -> bytes:
    return _of_fd(path) if isinstance(path, int) else _absolute(path, dir_fd)


def _target(source: Any, path: Any, *_: Any, dst_dir_fd: int | None = None, dir_fd: int | None = None, **__: Any) -> bytes:
    return _absolute(path, dst_dir_fd if dst_dir_fd is not None else dir_fd)


def _created(path: Any, flags: int, *_: Any, dir_fd: int | None = None, **__: Any) -> bytes:
    """b"" for an open that changes nothing."""
    if not flags & _CREATES:
        return b""
    found = _absolute(path, dir_fd)
    if flags & os.O_TMPFILE == os.O_TMPFILE:
        return found + b"/?"
    return b"" if not flags & os.O_TRUNC and os.path.exists(found) else found


def _absolute(path: Any, dir_fd: int | None) -> bytes:
    path = os.fsencode(path)
    base = b"" if path.startswith(b"/") else os.getcwdb() if dir_fd is None else _of_fd(dir_fd)
    return os.path.normpath(os.path.join(base, path))


_BY_FD: dict[str, Callable[..., bytes]] = {
    **dict.fromkeys(("write", "writev", "pwrite", "ftruncate", "fsync", "fdatasync"), _of_fd),
    "copy_file_range": _second_fd,
    "sendfile": _of_fd,
}
_BY_PATH: dict[str, Callable[..., bytes]] = {
    **dict.fromkeys(("unlink", "remove", "mkdir", "rmdir", "truncate", "utime"), _of_path),
    **dict.fromkeys(("link", "rename", "replace", "symlink"), _target),
}


# -- what happens there --------------------------------------------------------------------------------------------------------------


def _watched(name: str, call: Callable[..., Any], where: Callable[..., bytes]) -> Callable[..., Any]:
    def watched(*given: Any, **named: Any) -> Any:
        try:
            path = where(*given, **named)
        except OSError:  # the call itself will say what is wrong
            path = b""
        if not path.startswith(_Armed.root + b"/"):
            return call(*given, **named)
        site = f"{_Armed.program} {name} {_masked(path)}"
        _append(b"/calls", site.encode() + b"\n")
        how = _claim(site)
        if how == "before":
            _die()
        if how == "half":
            _write(given[0], b"".join(given[1])[:1] if name == "writev" else bytes(given[1])[: max(1, len(given[1]) // 2)])
            _die()
        try:
            return call(*given, **named)
        finally:
            if how == "after":
                _die()

    return watched


def _masked(path: bytes) -> str:
    parts = []
    for part in os.fsdecode(path[len(_Armed.root) + 1 :]).split("/"):
        if part.endswith(" (deleted)"):
            parts.append("?")
        elif part.isdigit():
            parts.append("N")
        elif part.lstrip(".")[:1].isdigit():
            parts.append("NAME")
        else:  # the end of .Maildir.812 is a number, too
            parts.append(".".join("N" if word.isdigit() else word for word in part.split(".")))
    if parts[0] == "domains" and len(parts) > _OF_A_MAILBOX:
        parts[2] = "MAILBOX"
    return "/".join(parts)


def _append(name: bytes, data: bytes) -> None:
    fd = _open(_Armed.plan + name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    _write(fd, data)
    _close(fd)


def _claim(site: str) -> str:
    """How we are to die here, "" if not at all."""
    try:
        fd = _open(_Armed.plan + b"/kill", os.O_RDONLY)
    except FileNotFoundError:
        return ""
    how, times, wanted = _read(fd, 4096).decode().split(" ", 2)
    _close(fd)
    if wanted != site or _times(site) != int(times):
        return ""
    try:
        _unlink(_Armed.plan + b"/kill")
    except FileNotFoundError:  # somebody else was quicker
        return ""
    return how


def _times(site: str) -> int:
    """How often somebody has been there."""
    data = b""
    fd = _open(_Armed.plan + b"/calls", os.O_RDONLY)
    while piece := _read(fd, 1 << 16):
        data += piece
    _close(fd)
    return data.decode().splitlines().count(site)


def _die() -> None:
    _append(b"/died", b"%d\n" % os.getpid())
    os.kill(os.getpid(), _SIGKILL)
