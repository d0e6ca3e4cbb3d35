"""Each message under the number of its inode, and everything that belongs to it under the same number.

A number that one message is to get may be another's still. So all files of a message that gets another number are first called
"OLD.NEW.fix", names that no program of the queue looks at, and then NEW:
  1 mess/ and then its siblings, to OLD.NEW.fix; sync      as long as there is one in mess/ siblings may still be called OLD
  2 mess/ to NEW; sync                                     as long as there is one in mess/ no sibling is called NEW yet
  3 siblings to NEW; sync
Stopped at any moment, the names tell what is left to be done. A sibling whose own message is gone must not become that of a message which
gets its number: it is called "NUMBER.lost", told of, and left alone.
Limits   two files of mess/ with one number: nobody can tell whose the siblings are; they are told of and left alone
Source   INTERNALS 2; queue-rename
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from mta.programs.queue_tools.queue_fix import tree
from mta.programs.queue_tools.queue_fix.report import Report
from mta.unix import queue_tree
from mta.unix.disk import REAL
from mta.unix.queue_tree import Files
from mta.unix.queuedir import SPLIT

_FIX = b"fix"


@dataclass(frozen=True, slots=True)
class _Found:
    """A file. old: the number in its name; new: that of an OLD.NEW.fix."""

    folder: bytes
    name: bytes
    old: int
    new: int | None

    @property
    def path(self) -> bytes:
        return os.path.join(self.folder, self.name)


def fix(root: bytes, report: Report) -> None:
    _Fixer(root, report).run()


class _Fixer:
    def __init__(self, root: bytes, report: Report) -> None:
        self._root = root
        self._report = report

    def run(self) -> None:
        moves = self._moves()
        if self._report.is_changing:
            self._set_aside(moves)
            self._name(queue_tree.MESS)
            for files in queue_tree.SIBLINGS:
                self._name(files)
        self._fix_folders()
        self._tell_what_is_incomplete()

    # -- what is to be done

    def _moves(self) -> dict[int, int]:
        """Old numbers of messages and their new ones."""
        aside: dict[int, int] = {}
        wrong: dict[int, int] = {}
        seen: dict[int, bytes] = {}
        twice = set()
        for found in self._files(queue_tree.MESS, is_telling=True):
            inode = self._inode(found)
            if found.new is not None:
                aside[found.old] = inode
                continue
            if found.old in seen:
                twice.add(found.old)
                self._report.strange(found.path, b"has the number of " + seen[found.old])
            seen[found.old] = found.path
            if found.old != inode:
                wrong[found.old] = inode
        moves = {**{old: new for old, new in wrong.items() if old not in twice}, **aside}
        for number in sorted(moves):
            self._report.found += 1
            self._report.strange(b"message %d" % number, b"is %d" % moves[number] + (b": mended" if self._report.is_changing else b""))
        return moves

    def _inode(self, found: _Found) -> int:
        return os.lstat(os.path.join(self._root, found.path)).st_ino

    def _files(self, files: Files, *, is_telling: bool = False) -> Iterator[_Found]:
        """All of one kind that are files and have a number. is_telling: name the others."""
        for folder in tree.folders(files):
            try:
                names = sorted(os.listdir(os.path.join(self._root, folder)))
            except FileNotFoundError:  # it was told that it is missing
                continue
            for name in names:
                found = _read(folder, name)
                if found is not None and self._is_file(found):
                    yield found
                elif is_telling:
                    self._report.strange(os.path.join(folder, name), b"does not belong here")

    def _is_file(self, found: _Found) -> bool:
        return stat.S_ISREG(os.lstat(os.path.join(self._root, found.path)).st_mode)

    # -- renaming

    def _set_aside(self, moves: dict[int, int]) -> None:
        if not moves:
            return
        for found in list(self._files(queue_tree.MESS)):
            if found.old in moves and (found.old != self._inode(found) if found.new is None else found.new != moves[found.old]):
                self._put_aside(queue_tree.MESS, found, moves[found.old])
        for files in queue_tree.SIBLINGS:
            for found in list(self._files(files)):
                if found.old in moves and found.new != moves[found.old]:
                    self._put_aside(files, found, moves[found.old])
                elif found.new is None and found.old in moves.values():
                    self._report.strange(found.path, b"has no message: called %d.lost" % found.old)
                    self._rename(found, found.folder, b"%d.lost" % found.old)
        self._sync()

    def _put_aside(self, files: Files, found: _Found, number: int) -> None:
        self._rename(found, _home_of(files, number), b"%d.%d.%b" % (found.old, number, _FIX))

    def _name(self, files: Files) -> None:
        """Everything set aside gets its number."""
        is_changed = False
        for found in list(self._files(files)):
            if found.new is not None:
                self._rename(found, _home_of(files, found.new), b"%d" % found.new)
                is_changed = True
        if is_changed and files is queue_tree.MESS:
            self._sync()

    def _rename(self, found: _Found, folder: bytes, name: bytes) -> None:
        """Raises OSError: then all stops, and goes on here the next time."""
        os.rename(os.path.join(self._root, found.path), os.path.join(self._root, folder, name))

    def _sync(self) -> None:
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            REAL.syncfs(fd)
        finally:
            os.close(fd)

    # -- the rest

    def _fix_folders(self) -> None:
        """A number says in which folder its files lie."""
        for files in (queue_tree.MESS, *queue_tree.SIBLINGS):
            for found in list(self._files(files, is_telling=files is not queue_tree.MESS)):
                home = _home_of(files, found.old)
                if found.new is None and found.folder != home:
                    self._move(found, home)
        if self._report.is_changing and self._report.found:
            self._sync()

    def _move(self, found: _Found, home: bytes) -> None:
        target = os.path.join(self._root, home, found.name)
        if os.path.lexists(target):
            self._report.strange(found.path, b"belongs into %b, where there is one" % home)
            return
        self._report.wrong(found.path, b"belongs into " + home, lambda: os.rename(os.path.join(self._root, found.path), target))

    def _tell_what_is_incomplete(self) -> None:
        """docs/queue-states.md: mess and either todo or info make a message."""
        numbers = {files.folder: {found.old for found in self._files(files)} for files in (queue_tree.MESS, *queue_tree.SIBLINGS)}
        envelopes = numbers["todo"] | numbers["info"]
        for number in sorted(numbers["mess"] - envelopes):
            self._report.strange(b"mess/%d/%d" % (number % SPLIT, number), b"has no envelope: being queued, or left over")
        for number in sorted(set().union(*numbers.values()) - numbers["mess"]):
            where = b", ".join(name.encode() for name, of in sorted(numbers.items()) if number in of)
            self._report.strange(b"%d" % number, b"has no message: only " + where)


def _home_of(files: Files, number: int) -> bytes:
    name = files.folder.encode()
    return b"%b/%d" % (name, number % SPLIT) if files.is_split else name


def _read(folder: bytes, name: bytes) -> _Found | None:
    words = name.split(b".")
    if len(words) == 1 and name.isdigit():
        return _Found(folder, name, int(name), None)
    if len(words) == 3 and words[2] == _FIX and words[0].isdigit() and words[1].isdigit():
        return _Found(folder, name, int(words[0]), int(words[1]))
    return None
