"""The options of tcpserver."""

from __future__ import annotations

from mta.formats import scan
from mta.formats.sgetopt import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_KNOWN = "dDvqQhHrRUXx:t:u:g:l:b:B:c:pPoO1"
_U32 = 0xFFFFFFFF


class Wishes:
    __slots__ = (
        "backlog",
        "banner",
        "gid",
        "info_timeout_s",
        "is_delayed",
        "is_host_wanted",
        "is_info_wanted",
        "is_open_without_rules",
        "is_paranoid",
        "is_port_told",
        "is_without_options",
        "limit",
        "local_name",
        "rules",
        "uid",
        "verbosity",
    )

    def __init__(self) -> None:
        self.backlog = 20
        self.banner = b""
        self.limit = 40
        self.info_timeout_s = 26
        self.uid = self.gid = 0  # 0: stay who we are
        self.verbosity = 1
        self.local_name: bytes | None = None  # None: look it up
        self.rules: bytes | None = None
        self.is_host_wanted = self.is_info_wanted = self.is_without_options = self.is_delayed = True
        self.is_paranoid = self.is_open_without_rules = self.is_port_told = False


_SWITCHES = {
    b"d": ("is_delayed", True),
    b"D": ("is_delayed", False),
    b"h": ("is_host_wanted", True),
    b"H": ("is_host_wanted", False),
    b"r": ("is_info_wanted", True),
    b"R": ("is_info_wanted", False),
    b"p": ("is_paranoid", True),
    b"P": ("is_paranoid", False),
    b"O": ("is_without_options", True),
    b"o": ("is_without_options", False),
    b"X": ("is_open_without_rules", True),
    b"1": ("is_port_told", True),
    b"v": ("verbosity", 2),
    b"Q": ("verbosity", 1),
    b"q": ("verbosity", 0),
}
_NUMBERS = {b"t": "info_timeout_s", b"u": "uid", b"g": "gid", b"b": "backlog", b"c": "limit"}
_TEXTS = {b"x": "rules", b"B": "banner", b"l": "local_name"}


def read(argv: list[bytes], env: Mapping[bytes, bytes]) -> tuple[Wishes, list[bytes]]:
    """-> and the operands. Raises BadOption."""
    wishes = Wishes()
    options = Options(argv, _KNOWN)
    for letter, value in options:
        if letter in _SWITCHES:
            setattr(wishes, *_SWITCHES[letter])
        elif letter in _NUMBERS:
            setattr(wishes, _NUMBERS[letter], scan.ulong(value)[0])
        elif letter in _TEXTS:
            setattr(wishes, _TEXTS[letter], value)
        else:
            _take_ids(wishes, env)
    wishes.uid &= _U32
    wishes.gid &= _U32
    return wishes, options.operands


def _take_ids(wishes: Wishes, env: Mapping[bytes, bytes]) -> None:
    """-U: as envuidgid leaves them."""
    if b"UID" in env:
        wishes.uid = scan.ulong(env[b"UID"])[0]
    if b"GID" in env:
        wishes.gid = scan.ulong(env[b"GID"])[0]
