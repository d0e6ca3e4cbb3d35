"""generations/N: the configurations of an instance, numbered, each whole; one of them is in force.

control and users are links to generations/current/control and .../users, and generations/current is a link to a number: one rename of
that link puts a whole configuration in force, and no program ever reads half of one and half of another.
Layout   generations/7/control/..., generations/7/users/..., generations/7/manifest; generations/current -> 7
Steps    1 copy what stays, write what changes, write the manifest, all in generations/.7  2 one barrier (syncfs)  3 rename to
         generations/7, fsync generations/  4 a new link renamed over current, fsync generations/  5 forget all but the newest 100
Crash    before the rename of step 4 the old configuration is in force, after it the new one. Left-overs of a crash (.7, or a 7 that was
         never in force) are overwritten or simply grow old.
Notes    Edits by hand happen in the generation in force; older ones stay as they were, for they are copied, never linked.
         Where control/ or users/ is a directory (qmail before it met us) it becomes the first generation; the directory itself is kept as
         generations/before-1/control.
Source   DESIGN 7, reliability rule 11
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256

from mta.errors import Permanent
from mta.formats import manifest
from mta.formats.install_call import FOLDERS
from mta.unix import atomic, clock, lock
from mta.unix.disk import REAL, Disk

KEPT = 100
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Why:
    who: bytes
    text: bytes


class Generations:
    """home: the instance. All methods raise OSError."""

    def __init__(self, home: bytes, disk: Disk = REAL) -> None:
        self.home = home
        self.root = home + b"/generations"
        self._disk = disk

    def lock(self) -> AbstractContextManager[None]:
        """with generations.lock(): nobody else installs."""
        os.makedirs(self.root, 0o755, exist_ok=True)
        return lock.held(self.root + b"/.lock")

    def current(self) -> int:
        """The number in force; 0 when control/ is not one of ours yet."""
        try:
            return int(self._disk.readlink(self.root + b"/current")) if self._is_linked() else 0
        except (FileNotFoundError, ValueError):
            return 0

    def _is_linked(self) -> bool:
        return all(stat.S_ISLNK(self._mode(os.path.join(self.home, folder))) for folder in FOLDERS)

    def _mode(self, path: bytes, *, follows: bool = False) -> int:
        """0: there is nothing. Trouble is none of the answers: what a disk does not tell for now must not count as absent."""
        try:
            return (self._disk.stat if follows else self._disk.lstat)(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def numbers(self) -> list[int]:
        """In rising order."""
        return sorted(int(name) for name in self._disk.listdir(self.root) if name.isdigit())

    def path(self, number: int) -> bytes:
        return b"%b/%d" % (self.root, number)

    def adopt(self, why: Why) -> int:
        """Turn plain directories into a generation. -> the number in force. Nothing to do where that has happened."""
        if self.current():
            return self.current()
        number = self._build(b"", {}, why)
        self._put_in_force(number)
        for folder in FOLDERS:
            self._replace_by_link(folder, b"%b/before-%d" % (self.root, number))
        return number

    def install(self, changes: dict[bytes, bytes | None], why: Why) -> int:
        """The generation in force with some files changed (None: without them) becomes a new one, in force at once. -> its number."""
        self.adopt(Why(why.who, b"the files as they were"))
        number = self._build(self.path(self.current()), changes, why)
        self._put_in_force(number)
        self._forget_old(number)
        return number

    def _build(self, base: bytes, changes: dict[bytes, bytes | None], why: Why) -> int:
        """Steps 1 to 3. base: directory of a generation, or b"": the instance's own control/ and users/."""
        os.makedirs(self.root, 0o755, exist_ok=True)
        number = max([0, *self.numbers()]) + 1
        new = b"%b/.%d" % (self.root, number)
        shutil.rmtree(new, ignore_errors=True)
        self._disk.mkdir(new, 0o755)
        # opened before anything is written: it hears of all that the file system fails to write from now on
        fd = self._disk.open(new, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._fill(new, number, base, changes, why)
            self._disk.syncfs(fd)
        finally:
            self._disk.close(fd)
        self._disk.rename(new, self.path(number))
        self._disk.sync_dir(self.root)
        return number

    def _fill(self, new: bytes, number: int, base: bytes, changes: dict[bytes, bytes | None], why: Why) -> None:
        """Step 1."""
        digests: dict[bytes, bytes] = {}
        for folder in FOLDERS:
            self._copy(os.path.join(base or self.home, folder), new, folder, frozenset(changes), digests)
        for path, data in changes.items():
            if data is not None:
                self._write(os.path.join(new, path), data, 0o644)
                digests[path] = sha256(data).hexdigest().encode()
        text = manifest.write(manifest.Manifest(number, clock.now_s(), why.who, why.text, digests))
        self._write(new + b"/manifest", text, 0o644)

    def _put_in_force(self, number: int) -> None:
        self._link(b"%d" % number, self.root + b"/.current")
        self._disk.rename(self.root + b"/.current", self.root + b"/current")
        self._disk.sync_dir(self.root)

    def _link(self, text: bytes, path: bytes) -> None:
        try:
            self._disk.unlink(path)
        except FileNotFoundError:
            pass
        self._disk.symlink(text, path)

    def _replace_by_link(self, folder: bytes, before: bytes) -> None:
        """home/folder becomes a link to the generation in force, in one step where a directory stood; that is kept in before."""
        path = os.path.join(self.home, folder)
        mode = self._mode(path)
        if stat.S_ISLNK(mode):
            return
        os.makedirs(before, 0o755, exist_ok=True)
        self._link(b"generations/current/" + folder, os.path.join(before, folder))
        if mode:
            self._disk.exchange(path, os.path.join(before, folder))
        else:
            self._disk.rename(os.path.join(before, folder), path)
        self._disk.sync_dir(self.home)

    def _copy(self, source: bytes, new: bytes, path: bytes, but: frozenset[bytes], digests: dict[bytes, bytes]) -> None:
        """A directory with its files, links and directories (DKIM keys lie in some); modes and owners stay. path: below new."""
        self._disk.mkdir(os.path.join(new, path), 0o755)
        if not stat.S_ISDIR(self._mode(source, follows=True)):
            return
        self._take_over(os.path.join(new, path), self._disk.stat(source))
        for name in sorted(self._disk.listdir(source)):
            entry, target = os.path.join(source, name), os.path.join(path, name)
            st = self._disk.lstat(entry)
            if target in but:
                continue
            if stat.S_ISREG(st.st_mode):
                digests[target] = self._copy_file(entry, os.path.join(new, target), st)
            elif stat.S_ISDIR(st.st_mode):
                self._copy(entry, new, target, but, digests)
            elif stat.S_ISLNK(st.st_mode):
                # a relative link would point elsewhere from a generation's depth
                self._disk.symlink(os.path.join(self.home, path, self._disk.readlink(entry)), os.path.join(new, target))

    def _copy_file(self, source: bytes, target: bytes, st: os.stat_result) -> bytes:
        """-> its SHA-256."""
        seen = sha256()
        fd = self._disk.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(source, "rb") as file:
                while piece := file.read(_PIECE):
                    seen.update(piece)
                    self._disk.write(fd, piece)
            self._take_over(fd, st)
        finally:
            self._disk.close(fd)
        return seen.hexdigest().encode()

    def _take_over(self, target: bytes | int, st: os.stat_result) -> None:
        if os.geteuid() == 0:
            os.chown(target, st.st_uid, st.st_gid)
        self._disk.chmod(target, stat.S_IMODE(st.st_mode))

    def _write(self, path: bytes, data: bytes, mode: int) -> None:
        fd = self._disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            self._disk.write(fd, data)
            self._disk.fchmod(fd, mode)
        finally:
            self._disk.close(fd)

    def _forget_old(self, in_force: int) -> None:
        for number in self.numbers()[:-KEPT]:
            if number != in_force:
                shutil.rmtree(self.path(number), ignore_errors=True)

    def files(self, number: int) -> dict[bytes, bool]:
        """{path: may everybody read it?} for the regular files of a generation; 0: of the instance as it stands. Raises Permanent."""
        found = {}
        for folder in FOLDERS:
            directory = self._folder(number, folder)
            if not stat.S_ISDIR(self._mode(directory, follows=True)):
                raise Permanent(f"there is no generation {number}" if number else f"there is no {folder.decode()}/")
            for name in sorted(self._disk.listdir(directory)):
                st = self._disk.lstat(os.path.join(directory, name))
                if stat.S_ISREG(st.st_mode):
                    found[os.path.join(folder, name)] = bool(st.st_mode & stat.S_IROTH)
        return found

    def _folder(self, number: int, folder: bytes) -> bytes:
        return os.path.join(self.path(number) if number else self.home, folder)

    def read(self, number: int, path: bytes) -> bytes | None:
        """One file of a generation (0: of the instance as it stands), None when it is missing."""
        folder, name = os.path.split(path)
        try:
            fd = self._disk.open(os.path.join(self._folder(number, folder), name), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        with open(fd, "rb") as file:
            return file.read()

    def manifest(self, number: int) -> bytes:
        return atomic.read(self.path(number) + b"/manifest") or b""
