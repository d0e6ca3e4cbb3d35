"""isoqlog.conf: where the log is, where the pages go, and how long their lists are.

Lines    NAME = "VALUE"; "#" begins a comment outside of the quotes, which may be left out
Names    outputdir; logtype: qmail-multilog (logstore is the directory multilog writes) or matchup (what matchup found is on descriptor 0),
         which is the default; domainsfile: the domains that get pages of their own, one a line; hostname; maxsender, maxreceiver, maxtotal,
         maxbyte. htmldir and langfile, of the original's templates, are taken and not used.
Example  b'logtype = "qmail-multilog" # or matchup\\n'
Written  by the administrator.   Read by isoqlog.
Source   isoqlog.conf-dist of isoqlog
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from mta.formats.isoqlog_figures import GENERAL

MULTILOG, MATCHUP = b"qmail-multilog", b"matchup"
LENGTH = 100
_LINE = re.compile(rb'\s*(\w+)\s*=\s*(?:"([^"\n]*)"|([^#\n"]*))\s*(?:#.*)?\Z')
_BLANK = re.compile(rb"\s*(?:#.*)?\Z")
_IGNORED = (b"htmldir", b"langfile")


@dataclass(frozen=True, slots=True)
class Conf:
    outputdir: bytes = b""
    logtype: bytes = MATCHUP
    logstore: bytes = b""
    domainsfile: bytes = b""
    hostname: bytes = b""
    maxsender: int = LENGTH
    maxreceiver: int = LENGTH
    maxtotal: int = LENGTH
    maxbyte: int = LENGTH


_TEXTS = frozenset((b"outputdir", b"logtype", b"logstore", b"domainsfile", b"hostname"))
_NUMBERS = frozenset((b"maxsender", b"maxreceiver", b"maxtotal", b"maxbyte"))


def read(text: bytes) -> Conf:
    """Raises ValueError, its text for the user."""
    conf = Conf()
    for line in text.split(b"\n"):
        if not _BLANK.match(line):
            conf = replace(conf, **_setting(line))
    if not conf.outputdir:
        raise ValueError("outputdir is not set")
    if conf.logtype not in (MULTILOG, MATCHUP):
        raise ValueError(f"logtype {_shown(conf.logtype)} is neither qmail-multilog nor matchup")
    if conf.logtype == MULTILOG and not conf.logstore:
        raise ValueError("logstore is not set")
    return conf


def _setting(line: bytes) -> dict[str, Any]:
    found = _LINE.match(line)
    if found is None:
        raise ValueError(f"unable to parse this line: {_shown(line)}")
    name, value = found[1], (found[2] if found[2] is not None else found[3].strip())
    if name in _IGNORED:
        return {}
    if name in _TEXTS:
        return {name.decode(): value}
    if name in _NUMBERS and value.isdigit() and len(value) < 10:
        return {name.decode(): int(value)}
    raise ValueError(f"unable to parse this line: {_shown(line)}")


def _shown(text: bytes) -> str:
    return text.decode("ascii", "replace").strip()


def domains(text: bytes) -> list[bytes]:
    """The domains file: those that can be names of directories, in small letters, each once."""
    lines = (line.strip().lower() for line in text.split(b"\n"))
    return list(dict.fromkeys(line for line in lines if _DOMAIN.match(line) and line != GENERAL))


_DOMAIN = re.compile(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\Z")
