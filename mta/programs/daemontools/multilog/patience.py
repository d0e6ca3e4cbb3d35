"""Trying again until it works: a log line that cannot be written now is written later, never dropped."""

from __future__ import annotations

import time

from mta.unix import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from mta.unix.fds import Fds

    T = TypeVar("T")

NAME = b"multilog"
PAUSE_S = 5.0


class Unusable(Exception):
    """At the start trouble ends the program. text: what is not possible; error: why."""

    def __init__(self, text: bytes, error: OSError) -> None:
        super().__init__(text)
        self.text = text
        self.error = error


def until_done(fds: Fds, text: bytes, act: Callable[[], T]) -> T:
    """act() until it raises no OSError. text: what is not possible meanwhile, e.g. b"unable to write to ./main/current"."""
    while True:
        try:
            return act()
        except OSError as error:
            say.warning(fds, NAME, text + b", pausing", error)
        time.sleep(PAUSE_S)


def pause(fds: Fds, text: bytes) -> None:
    """The same for what failed without an error of the system: the caller tries again."""
    say.warning(fds, NAME, text + b", pausing")
    time.sleep(PAUSE_S)
