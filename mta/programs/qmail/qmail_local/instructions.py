"""Whose .qmail file answers for an address, and what it says.

Order    home directory: there, not writable by others, not sticky (the user is editing); loop; the first .qmail file that exists; the
         sender of forwarded copies. Files are opened below the home directory's descriptor: nothing depends on the working directory.
Source   dot-qmail(5), qmail-local.c main
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from mta.decisions import find_dotqmail
from mta.errors import Permanent, Temporary
from mta.formats import dotqmail, traceline
from mta.formats.dotqmail import Line
from mta.formats.error_str import error_str, is_temporary
from mta.formats.local_job import Address
from mta.unix import dotqmail_file, mess
from mta.unix.mess import Message

STICKY = "Home directory is sticky: user is editing his .qmail file. (#4.2.1)"
LOOPING = "This message is looping: it already has my Delivered-To line. (#5.4.6)"
NO_MAILBOX = "Sorry, no mailbox here by that name. (#5.1.1)"
_SHARED_WRITE = 0o002


@dataclass(frozen=True, slots=True)
class Instructions:
    lines: list[Line]
    is_forward_only: bool  # the x bit: whoever edits the file wants no deliveries from it
    default: bytes | None  # value of DEFAULT
    new_sender: bytes


def find(address: Address, source: Message | None, warn: Callable[[bytes], None] | None = None) -> Instructions:
    """source: None leaves the loop check out. warn: is told of a sticky home directory instead of failing for it.
    Raises Temporary, Permanent in qmail-local's words."""
    finder = Finder(warn)
    try:
        return finder.find(address, source)
    finally:
        finder.forget()


class Finder:
    """Finds instructions for messages that are delivered together: what was read for one stands for all, until forget()."""

    def __init__(self, warn: Callable[[bytes], None] | None = None) -> None:
        self._warn = warn
        self._homes: dict[bytes, int] = {}
        self._files: dict[tuple[int, bytes], tuple[bytes, int] | None] = {}
        self._found: dict[Address, Instructions] = {}

    def find(self, address: Address, source: Message | None) -> Instructions:
        """As find() above."""
        home = self._home(address.home)
        if source is not None and traceline.in_header(mess.pieces(source), traceline.delivered_to(address.recipient)):
            raise Permanent(LOOPING)
        found = self._found.get(address)
        if found is None:
            found = self._found[address] = self._look_up(address, home)
        return found

    def forget(self) -> None:
        for home in self._homes.values():
            os.close(home)
        self._homes.clear()
        self._files.clear()
        self._found.clear()

    def _home(self, path: bytes) -> int:
        home = self._homes.get(path)
        if home is None:
            home = _open_home(path, self._warn)
            self._homes[path] = home
        return home

    def _look_up(self, address: Address, home: int) -> Instructions:
        data, default, is_forward_only = self._file(address, home)
        new_sender = find_dotqmail.new_sender(
            address.sender,
            local=address.local,
            host=address.host,
            dash=address.dash,
            ext=address.ext,
            exists=lambda name: _exists(name, home),
        )
        if not data:
            data, is_forward_only = address.default, False
        return Instructions(dotqmail.read(data), is_forward_only, default, new_sender)

    def _file(self, address: Address, home: int) -> tuple[bytes, bytes | None, bool]:
        """-> (bytes of the file that answers, DEFAULT, forward-only). Raises Permanent when none does and one must."""
        for candidate in find_dotqmail.candidates(address.dash, address.ext):
            found = self._load(candidate.name, home)
            if found is not None:
                data, mode = found
                return data, candidate.default, bool(mode & stat.S_IXUSR)
        if address.dash:
            raise Permanent(NO_MAILBOX)
        return b"", None, False

    def _load(self, name: bytes, home: int) -> tuple[bytes, int] | None:
        key = (home, name)
        if key not in self._files:
            self._files[key] = dotqmail_file.load(name, home)
        return self._files[key]


def _open_home(path: bytes, warn: Callable[[bytes], None] | None) -> int:
    fd = -1
    try:
        fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        _check_home(os.stat(b".", dir_fd=fd), warn)  # a directory that we may not enter is noticed here
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        raise Temporary(f"Unable to switch to {_shown(path)}: {error_str(error.errno)}. (#4.3.0)") from error
    except Temporary:
        os.close(fd)
        raise
    return fd


def _check_home(st: os.stat_result, warn: Callable[[bytes], None] | None) -> None:
    if st.st_mode & _SHARED_WRITE:
        raise Temporary("Uh-oh: home directory is writable. (#4.7.0)")
    if st.st_mode & stat.S_ISVTX:
        if warn is None:
            raise Temporary(STICKY)
        warn(b"Warning: home directory is sticky.\n")


def _exists(name: bytes, home: int) -> bool:
    try:
        os.stat(name, dir_fd=home)
    except OSError as error:
        if is_temporary(error.errno):
            raise Temporary(f"Unable to open {_shown(name)}: {error_str(error.errno)}. (#4.3.0)") from error
        return False
    return True


def _shown(name: bytes) -> str:
    return name.decode("latin-1")
