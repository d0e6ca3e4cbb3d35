"""The working directory, changed for a while."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class Kept:
    """with Kept() as cwd: chdir wherever you like; cwd.back() and the end of the block return. Raises OSError: "." cannot be opened."""

    __slots__ = ("_fd",)

    def __enter__(self) -> Kept:
        self._fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY)
        return self

    def back(self) -> None:
        os.fchdir(self._fd)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            os.fchdir(self._fd)
        finally:
            os.close(self._fd)
