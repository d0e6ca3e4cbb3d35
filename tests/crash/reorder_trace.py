"""What strace saw of a running mail system -> storage operations in the order in which they ended.

Reads    lines of `strace -f -y -xx`: every descriptor stands there with its path, every string in hexadecimal
Model    an operation changes the contents of one file (Write, Truncate), names in one directory (Enter, Remove) or in two at once
         (Move), or makes something last (Sync: one file or directory, or, with no number, everything). A Mark is a word of the
         harness: mkdir of /mark/WORD, which never succeeds.
Files    have numbers of our own; 0 is the folder that is watched. A file without a name keeps its number when it is linked.
Limits   calls that change a mode, an owner or a time change nothing here
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CALLS = (
    "chdir,fchdir,openat,open,creat,close,dup,dup2,dup3,fcntl,write,pwrite64,writev,ftruncate,truncate,rename,renameat,renameat2,link,linkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,syncfs,copy_file_range,sendfile,clone,clone3,fork,vfork"
)
ROOT = 0


@dataclass(frozen=True, slots=True)
class Write:
    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Enter:
    folder: int
    name: bytes
    file: int


@dataclass(frozen=True, slots=True)
class Remove:
    folder: int
    name: bytes


@dataclass(frozen=True, slots=True)
class Move:
    folder: int
    name: bytes
    to_folder: int
    to_name: bytes
    file: int


@dataclass(frozen=True, slots=True)
class Sync:
    file: int | None  # None: syncfs
    begun: int  # how many operations had ended when it began: these it makes last


@dataclass(frozen=True, slots=True)
class Mark:
    word: bytes


Op = Write | Truncate | Enter | Remove | Move | Sync | Mark


@dataclass(slots=True)
class Trace:
    """files: contents at the start; folders: their names at the start; ops since then. The bounds of a Sync count operations of ops."""

    files: dict[int, bytes] = field(default_factory=dict)
    folders: dict[int, dict[bytes, int]] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    made: set[int] = field(default_factory=set)  # folders made meanwhile


@dataclass(slots=True)
class _Handle:
    """An open descriptor of a file."""

    file: int
    offset: int = 0
    appends: bool = False


@dataclass(slots=True)
class _Process:
    cwd: bytes = b"/"
    handles: dict[int, _Handle] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Call:
    pid: int
    name: str
    args: str
    result: str
    begun: int  # number of the line it began in
    ended: int


_LINE = re.compile(r"^(\d+) +(.*)$")
_WHOLE = re.compile(r"^(\w+)\((.*)\) += (-?\w+.*)$", re.DOTALL)
_UNFINISHED = re.compile(r"^(\w+)\((.*?)(?:, )? ?<unfinished \.\.\.>$", re.DOTALL)
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
_FD = re.compile(r"^(\d+|AT_FDCWD)(?:<([^>]*)>)?(\(deleted\))?$")
_PARTS = re.compile(r"iov_base=(\"(?:[^\"\\]|\\.)*\")")


def calls(lines: Iterable[str]) -> Iterator[_Call]:
    """In the order of their ends."""
    open_: dict[int, tuple[str, str, int]] = {}
    for number, line in enumerate(lines):
        match = _LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        pid, text = int(match[1]), match[2]
        if unfinished := _UNFINISHED.match(text):
            open_[pid] = (unfinished[1], unfinished[2], number)
            continue
        begun = number
        if resumed := _RESUMED.match(text):
            if pid not in open_:
                continue
            name, args, begun = open_.pop(pid)
            rest = resumed[2]
            text = f"{name}({args}{rest}" if rest.startswith(")") else f"{name}({args}, {rest.lstrip()}"
        whole = _WHOLE.match(text)
        if whole is not None:
            yield _Call(pid, whole[1], whole[2], whole[3], begun, number)


def _unhex(text: str) -> bytes:
    """A string as strace -xx writes it, quotes and all, or without."""
    return bytes.fromhex(text.strip('"').replace("\\x", ""))


def _split(args: str) -> list[str]:
    """Arguments; strings are hexadecimal, so that no comma hides in them but in lists."""
    found, depth, start = [], 0, 0
    for i, c in enumerate(args):
        if c in "[{(":
            depth += 1
        elif c in "]})":
            depth -= 1
        elif c == "," and depth == 0:
            found.append(args[start:i].strip())
            start = i + 1
    found.append(args[start:].strip())
    return found


class Reader:
    """home: the folder that is watched; what happens elsewhere is passed over."""

    def __init__(self, home: bytes) -> None:
        self._home = home
        self.trace = Trace()
        self._next = 1
        self._processes: dict[int, _Process] = {}
        self._unnamed: dict[bytes, int] = {}
        self._names: dict[int, dict[bytes, int]] = {ROOT: {}}
        self._sizes: dict[int, int] = {}
        self._data: dict[int, bytearray] = {}
        self._ends: list[int] = []  # line in which each operation ended
        self.trace.folders[ROOT] = {}

    # the tree as it stands before anything happens

    def load(self, subfolders: Iterable[bytes]) -> None:
        """What lies there now. To be called before the first line."""
        for name in subfolders:
            self._load(ROOT, name, os.path.join(self._home, name))

    def _load(self, parent: int, name: bytes, path: bytes) -> None:
        number = self._number()
        self._names[parent][name] = number
        self.trace.folders[parent][name] = number
        if os.path.isdir(path) and not os.path.islink(path):
            self._names[number] = {}
            self.trace.folders[number] = {}
            for child in sorted(os.listdir(path)):
                self._load(number, child, os.path.join(path, child))
        elif os.path.isfile(path):
            with open(path, "rb") as file:
                data = file.read()
            self.trace.files[number] = data
            self._data[number] = bytearray(data)
        else:  # a FIFO
            del self._names[parent][name], self.trace.folders[parent][name]

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    # paths

    def _process(self, pid: int) -> _Process:
        return self._processes.setdefault(pid, _Process())

    def _absolute(self, process: _Process, path: bytes, at: str | None = None) -> bytes:
        base = process.cwd
        if at is not None:
            match = _FD.match(at)
            if match is not None and match[2] is not None:
                base = _unhex(match[2])
                if match[1] == "AT_FDCWD":
                    process.cwd = base
        return os.path.normpath(os.path.join(base, path))

    def _find(self, path: bytes) -> tuple[int, bytes] | None:
        """-> (number of the folder, name in it); None: outside of what is watched, or no such folder."""
        if not (path + b"/").startswith(self._home + b"/") or path == self._home:
            return None
        *parents, name = path[len(self._home) + 1 :].split(b"/")
        at = ROOT
        for part in parents:
            at = self._names.get(at, {}).get(part, -1)
        return (at, name) if at in self._names else None

    def _look_up(self, path: bytes) -> int | None:
        if path == self._home:
            return ROOT
        found = self._find(path)
        return self._names[found[0]].get(found[1]) if found else None

    # calls

    def read(self, lines: Iterable[str]) -> Trace:
        for call in calls(lines):
            if call.name in ("clone", "clone3", "fork", "vfork"):
                self._fork(call)
                continue
            how = getattr(self, "_" + call.name, None)
            if call.name == "mkdir" and call.args.startswith(_MARK):
                word = _unhex(_split(call.args)[0]).removeprefix(b"/mark/")
                self._add(call, Mark(word))
            elif how is not None and not call.result.startswith("-1"):
                how(call, self._process(call.pid), _split(call.args))
        return self.trace

    def _add(self, call: _Call, op: Op) -> None:
        self.trace.ops.append(op)
        self._ends.append(call.ended)

    def _fork(self, call: _Call) -> None:
        if call.result.split()[0].isdigit():
            parent, child = self._process(call.pid), int(call.result.split()[0])
            if child not in self._processes:
                self._processes[child] = _Process(parent.cwd)
            self._processes[child].handles = {**parent.handles, **self._processes[child].handles}

    def _chdir(self, call: _Call, process: _Process, args: list[str]) -> None:
        process.cwd = self._absolute(process, _unhex(args[0]))

    def _fchdir(self, call: _Call, process: _Process, args: list[str]) -> None:
        match = _FD.match(args[0])
        if match is not None and match[2] is not None:
            process.cwd = _unhex(match[2])

    def _openat(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._opened(call, process, self._absolute(process, _unhex(args[1]), args[0]), args[2])

    def _open(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._opened(call, process, self._absolute(process, _unhex(args[0])), args[1])

    def _opened(self, call: _Call, process: _Process, path: bytes, flags: str) -> None:
        match = re.match(r"^(\d+)<([^>]*)>", call.result)
        if match is None:
            return
        fd, shown = int(match[1]), _unhex(match[2])
        process.handles.pop(fd, None)
        if not (path + b"/").startswith(self._home + b"/"):
            return
        if "O_TMPFILE" in flags:
            file = self._unnamed[shown] = self._number()
            self._data[file] = bytearray()
        else:
            known = self._look_up(path)
            if known is None:
                found = self._find(path)
                if found is None or "O_CREAT" not in flags:
                    return
                file = self._enter(call, *found)
            else:
                file = known
                if "O_TRUNC" in flags and self._data.get(file):
                    self._cut(call, file, 0)
        if file in self._data:
            process.handles[fd] = _Handle(file, 0, "O_APPEND" in flags)

    def _enter(self, call: _Call, folder: int, name: bytes) -> int:
        file = self._number()
        self._data[file] = bytearray()
        self._names[folder][name] = file
        self._add(call, Enter(folder, name, file))
        return file

    def _close(self, call: _Call, process: _Process, args: list[str]) -> None:
        process.handles.pop(_descriptor(args[0]), None)

    def _dup(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._copy_handle(process, _descriptor(args[0]), _descriptor(call.result))

    def _dup2(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._copy_handle(process, _descriptor(args[0]), _descriptor(args[1]))

    _dup3 = _dup2

    def _fcntl(self, call: _Call, process: _Process, args: list[str]) -> None:
        if args[1].startswith("F_DUPFD"):
            self._copy_handle(process, _descriptor(args[0]), _descriptor(call.result))

    @staticmethod
    def _copy_handle(process: _Process, source: int, target: int) -> None:
        process.handles.pop(target, None)
        if source in process.handles:
            process.handles[target] = process.handles[source]

    # contents

    def _written(self, call: _Call, process: _Process, fd: str, data: bytes, offset: int | None = None) -> None:
        handle = process.handles.get(_descriptor(fd))
        if handle is None:
            return
        content = self._data[handle.file]
        at = len(content) if handle.appends else handle.offset if offset is None else offset
        data = data[: int(call.result.split()[0])]
        content.extend(bytes(max(0, at - len(content))))
        content[at : at + len(data)] = data
        if offset is None:
            handle.offset = at + len(data)
        self._add(call, Write(handle.file, at, data))

    def _write(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._written(call, process, args[0], _unhex(args[1]))

    def _pwrite64(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._written(call, process, args[0], _unhex(args[1]), int(args[3]))

    def _writev(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._written(call, process, args[0], b"".join(_unhex(p) for p in _PARTS.findall(call.args)))

    def _copy_file_range(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._copied(call, process, args[2], args[0], int(args[1].strip("[]").split()[0]))

    def _sendfile(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._copied(call, process, args[0], args[1], int(args[2].strip("[]").split()[0]))

    def _copied(self, call: _Call, process: _Process, target: str, source: str, offset: int) -> None:
        match = _FD.match(source)
        path = _unhex(match[2]) if match is not None and match[2] else b""
        file = self._unnamed.get(path)
        file = self._look_up(path) if file is None else file
        if file is not None:
            self._written(call, process, target, bytes(self._data[file][offset : offset + int(call.result.split()[0])]))

    def _cut(self, call: _Call, file: int, size: int) -> None:
        del self._data[file][size:]
        self._add(call, Truncate(file, size))

    def _ftruncate(self, call: _Call, process: _Process, args: list[str]) -> None:
        handle = process.handles.get(_descriptor(args[0]))
        if handle is not None:
            self._cut(call, handle.file, int(args[1]))

    # names

    def _linkat(self, call: _Call, process: _Process, args: list[str]) -> None:
        source = _unhex(args[1])
        if source.startswith(b"/proc/self/fd/"):
            match = _FD.match(args[0])
            file = self._unnamed.get(_unhex(match[2])) if match is not None and match[2] else None
        else:
            file = self._look_up(self._absolute(process, source, args[0]))
        self._linked(call, file, self._absolute(process, _unhex(args[3]), args[2]))

    def _link(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._linked(call, self._look_up(self._absolute(process, _unhex(args[0]))), self._absolute(process, _unhex(args[1])))

    def _linked(self, call: _Call, file: int | None, target: bytes) -> None:
        found = self._find(target)
        if found is None:
            return
        assert file is not None, f"a link to {target!r} of a file that was never seen"
        self._names[found[0]][found[1]] = file
        self._add(call, Enter(*found, file))

    def _unlinkat(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._removed(call, self._absolute(process, _unhex(args[1]), args[0]))

    def _unlink(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._removed(call, self._absolute(process, _unhex(args[0])))

    _rmdir = _unlink

    def _removed(self, call: _Call, path: bytes) -> None:
        found = self._find(path)
        if found is not None and self._names[found[0]].pop(found[1], None) is not None:
            self._add(call, Remove(*found))

    def _renameat(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._renamed(call, self._absolute(process, _unhex(args[1]), args[0]), self._absolute(process, _unhex(args[3]), args[2]))

    _renameat2 = _renameat

    def _rename(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._renamed(call, self._absolute(process, _unhex(args[0])), self._absolute(process, _unhex(args[1])))

    def _renamed(self, call: _Call, source: bytes, target: bytes) -> None:
        old, new = self._find(source), self._find(target)
        if old is None or new is None:
            return
        file = self._names[old[0]].pop(old[1])
        self._names[new[0]][new[1]] = file
        self._add(call, Move(*old, *new, file))

    def _mkdir(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._made(call, self._absolute(process, _unhex(args[0])))

    def _mkdirat(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._made(call, self._absolute(process, _unhex(args[1]), args[0]))

    def _made(self, call: _Call, path: bytes) -> None:
        found = self._find(path)
        if found is None:
            return
        folder = self._number()
        self.trace.made.add(folder)
        self._names[folder] = {}
        self._names[found[0]][found[1]] = folder
        self._add(call, Enter(*found, folder))

    # what lasts

    def _fsync(self, call: _Call, process: _Process, args: list[str]) -> None:
        handle = process.handles.get(_descriptor(args[0]))
        if handle is not None:
            self._synced(call, handle.file)
            return
        match = _FD.match(args[0])
        path = _unhex(match[2]) if match is not None and match[2] else b""
        file = self._look_up(path)
        if file is not None:
            self._synced(call, file)

    _fdatasync = _fsync

    def _syncfs(self, call: _Call, process: _Process, args: list[str]) -> None:
        self._synced(call, None)

    def _synced(self, call: _Call, file: int | None) -> None:
        begun = bisect_left(self._ends, call.begun)
        self._add(call, Sync(file, begun))


_MARK = '"' + "".join(f"\\x{c:02x}" for c in b"/mark/")


def _descriptor(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits[0]) if digits else -1
