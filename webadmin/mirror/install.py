"""Questions to the installer. What it refuses is a ValidationError with its sentence; what it cannot do now is mta.errors.Temporary.

Every change names who made it and why; the installer logs both, and a generation keeps them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ValidationError

from mta.errors import Temporary
from mta.formats import ask as ask_format
from mta.formats import install_call, manifest
from mta.formats.install_call import BYTES, DOMAINS_MAX, TEXT, Put, Remove, Step
from mta.unix import accounts
from mta.unix.ask import ask
from webadmin.models import Generation

TIMEOUT_S = 100.0
AWAY = (
    "The installer does not answer, so nothing was changed. Start the mail system, or look at service/installer/log to see why it stopped."
)


def home() -> bytes:
    return os.fsencode(settings.QMAIL_HOME)


def owner() -> accounts.Account:
    """Who owns new mailboxes. Raises Temporary."""
    return accounts.load(home())[accounts.VPOPMAIL]


def _ask(words: list[bytes]) -> list[bytes]:
    """Raises ValidationError, Temporary."""
    try:
        answer = ask(home() + b"/run/installer", words, TIMEOUT_S)
    except Temporary as error:
        raise Temporary(AWAY, error.text) from error
    if answer[0] == ask_format.YES:
        return answer[1:]
    sentence = b" ".join(answer[1:]).decode("utf-8", "replace")
    if answer[0] == ask_format.NO:
        raise ValidationError(sentence, code="refused")
    raise Temporary(sentence)


def is_there() -> bool:
    try:
        _ask([b"removed"])
    except (Temporary, ValidationError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Installed:
    """control/ and users/ as they stand: texts, and SHA-256 of the files that were not sent (compiled, secret)."""

    number: int
    texts: dict[bytes, bytes]
    digests: dict[bytes, bytes]


def read_control(number: int = 0, mode: bytes = BYTES) -> Installed:
    """0: in force."""
    found, *words = _ask([b"read", b"control", mode, b"%d" % number])
    texts: dict[bytes, bytes] = {}
    digests: dict[bytes, bytes] = {}
    for path, kind, data in zip(*(iter(words),) * 3, strict=True):
        (texts if kind == TEXT else digests)[path] = data
    return Installed(int(found), texts, digests)


def read_domains(places: Iterable[tuple[str, str]], mode: bytes = BYTES) -> Iterator[tuple[str, dict[bytes, bytes] | str]]:
    """places: (name, directory). -> (name, its files, or the sentence that says why they cannot be read)."""
    waiting = [word.encode() for place in places for word in place]
    for start in range(0, len(waiting), 2 * DOMAINS_MAX):
        for answer in _ask([b"read", b"domain", mode, *waiting[start : start + 2 * DOMAINS_MAX]]):
            name, verdict, *words = install_call.read_list(answer)
            if verdict == ask_format.YES:
                yield name.decode(), dict(zip(words[::2], words[1::2], strict=True))
            else:
                yield name.decode(), b" ".join(words).decode("utf-8", "replace")


def control(who: str, why: str, steps: list[Put | Remove]) -> Generation:
    """A new generation, in force when this returns. -> its row."""
    return _note(*_ask(install_call.install(who.encode(), why.encode(), steps)))


def rollback(who: str, why: str, number: int) -> Generation:
    return _note(*_ask([b"rollback", who.encode(), why.encode(), b"%d" % number]))


def domain(who: str, name: str, directory: str, steps: list[Step]) -> list[str]:
    """-> names in removed/, one for each thing retired."""
    return [word.decode() for word in _ask(install_call.domain(who.encode(), name.encode(), directory.encode(), steps))]


def removed() -> list[str]:
    return [name.decode("utf-8", "replace") for name in _ask([b"removed"])]


def removed_name(kept: str) -> str:
    """ "20261121101500-joe@example.org" -> "joe@example.org"; of two that went in one second the later ends in ".1"."""
    name, dot, number = kept[15:].rpartition(".")
    return name if dot and number.isdigit() else kept[15:]


def restore(who: str, name: str, directory: str) -> tuple[bytes, bytes | None]:
    """-> (the line kept beside it, its .qmail)."""
    line, *dotqmail = _ask([b"restore", who.encode(), name.encode(), directory.encode()])
    return line, dotqmail[0] if dotqmail else None


def begun() -> list[str]:
    """What discard() has not come to the end of."""
    return [name.decode("utf-8", "replace") for name in _ask([b"begun"])]


def discard(who: str, name: str) -> bool:
    """For good. -> is there more to do? Raises ValidationError, Temporary."""
    return bool(_ask([b"discard", who.encode(), name.encode()]))


def generations() -> tuple[int, list[Generation]]:
    """-> (the number in force, those the instance still has, newest first); rows are made for those nobody noted."""
    in_force, *words = _ask([b"generations"])
    noted = {g.number: g for g in Generation.objects.filter(number__in=map(int, words[::2]))}
    for number, head in zip(words[::2], words[1::2], strict=True):
        if int(number) not in noted:
            noted[int(number)] = _note(number, head)
    return int(in_force), sorted(noted.values(), key=lambda g: -g.number)


def _note(number: bytes, text: bytes) -> Generation:
    try:
        found = manifest.read(text)
    except ValueError:  # edited by hand, or of a crash: the number is what counts
        found = manifest.Manifest(int(number), 0, b"unknown", b"unknown", {})
    fields = {
        "when": datetime.fromtimestamp(found.when_s, UTC),
        "who": found.who.decode("utf-8", "replace"),
        "why": found.why.decode("utf-8", "replace"),
        "manifest": text.decode("utf-8", "replace"),
    }
    return Generation.objects.update_or_create(number=int(number), defaults=fields)[0]
