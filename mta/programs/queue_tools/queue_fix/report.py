"""What queue-fix has found, and whether it could help."""

from __future__ import annotations

from collections.abc import Callable

from mta.formats.error_str import error_str
from mta.unix.fds import Fds


class Report:
    def __init__(self, fds: Fds, *, is_changing: bool, is_verbose: bool) -> None:
        self.is_changing = is_changing
        self.is_verbose = is_verbose
        self.found = 0
        self.has_failed = False
        self._fds = fds

    def wrong(self, path: bytes, what: bytes, mend: Callable[[], None] | None = None) -> bool:
        """path: below queue/. mend: what puts it in order; without it nobody can. -> is it in order now?"""
        self.found += 1
        if mend is None or not self.is_changing:
            self._say(path, what)
            return False
        try:
            mend()
        except OSError as error:
            self.has_failed = True
            self._say(path, b"%b: cannot be mended: %b" % (what, error_str(error.errno).encode()))
            return False
        self._say(path, what + b": mended")
        return True

    def strange(self, path: bytes, what: bytes) -> None:
        """To be looked at by a person; it does no harm."""
        self._say(path, what)

    def fine(self, path: bytes, what: bytes) -> None:
        if self.is_verbose:
            self._say(path, what)

    def _say(self, path: bytes, what: bytes) -> None:
        shown = bytes(c if 32 <= c <= 126 else 63 for c in path)
        self._fds.write(1, b"%b: %b\n" % (shown or b"queue", what))
