"""What a form holds when one answers or passes on a message: to whom, about what, with which text.

Reply      to Reply-To, else From; an answer to one's own mail goes to whom that went. All: also to To and Cc, oneself left out.
Threads    In-Reply-To names the message, References its ancestors and it: the first and the last nineteen.
Quoted     the text, HTML turned into lines, "> " before each; at most 64 KiB of it.
Source     RFC 5322 3.6.4
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mta.formats.mime.source import Source
from mta.formats.mime.structure import Part, Structure
from webadmin.webmail import choose, decode, flowed, letter, senders
from webadmin.webmail.recipients import Recipient

REFERENCES_MAX = 20
QUOTE_MAX = 1 << 16
SUBJECT_MAX = 500
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,250}>")
_RE = re.compile(r"(?:re|aw|antw|sv|vs)\s*(?:\[\d+\])?\s*:\s*", re.IGNORECASE)
_FORWARD = re.compile(r"(?:fwd?|wg|tr)\s*:\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The fields of a new message."""

    to: tuple[Recipient, ...] = ()
    cc: tuple[Recipient, ...] = ()
    subject: str = ""
    body: str = ""


def message_ids(part: Part, name: bytes) -> list[str]:
    return [i.decode("ascii") for f in part.header.all(name) for i in _MESSAGE_ID.findall(f.raw[: decode.HEADER_MAX])]


def thread(part: Part) -> tuple[str, tuple[str, ...]]:
    """-> (In-Reply-To, References) of an answer to the message"""
    own = message_ids(part, b"message-id")[:1]
    ancestors = message_ids(part, b"references") or message_ids(part, b"in-reply-to")[:1]
    chain = list(dict.fromkeys([*ancestors, *own]))
    if len(chain) > REFERENCES_MAX:
        chain = [chain[0], *chain[-(REFERENCES_MAX - 1) :]]
    return (own[0] if own else ""), tuple(chain)


def reply(source: Source, found: Structure, *, own: str, to_all: bool, zone: ZoneInfo) -> Beginning:
    """own: the address of whoever answers. Raises OSError."""
    top = found.parts[0]
    authors, to, cc = (letter.people(top, n) for n in (b"from", b"to", b"cc"))
    wrote_it = any(p.address.lower() == own.lower() for p in authors)
    first = to if wrote_it else (letter.people(top, b"reply-to") or authors)
    others = (cc if wrote_it else (*to, *cc)) if to_all else ()
    taken = {own.lower()} if not wrote_it or len(first) > 1 else set()
    to_list = _fresh(first, taken)
    return Beginning(
        to=to_list or _fresh(first, set()),
        cc=_fresh(others, taken),
        subject=_prefixed("Re: ", _RE, top),
        body=f"\n\n{_attribution(authors, top, zone)}\n{flowed.quote(_text(source, found))}\n",
    )


def forward(source: Source, found: Structure, *, zone: ZoneInfo) -> Beginning:
    """The message within the text; its attachments are the caller's matter. Raises OSError."""
    top = found.parts[0]
    date = _when(top, zone) or decode.header(top.header.get(b"date") or b"")
    lines = [
        ("From", ", ".join(map(_written, letter.people(top, b"from")))),
        ("Date", date),
        ("Subject", decode.header(top.header.get(b"subject") or b"")),
        ("To", ", ".join(map(_written, letter.people(top, b"to", 20)))),
        ("Cc", ", ".join(map(_written, letter.people(top, b"cc", 20)))),
    ]
    head = "\n".join(f"{name}: {value}" for name, value in lines if value)
    body = f"\n\n---------- Forwarded message ----------\n{head}\n\n{_text(source, found)}\n"
    return Beginning(subject=_prefixed("Fwd: ", _FORWARD, top), body=body)


def forward_whole(found: Structure) -> Beginning:
    return Beginning(subject=_prefixed("Fwd: ", _FORWARD, found.parts[0]), body="\n")


def _fresh(people: tuple[senders.Person, ...], taken: set[str]) -> tuple[Recipient, ...]:
    """Those not taken yet, who thereby are."""
    kept = []
    for person in people:
        key = person.address.lower()
        if person.address and key not in taken:
            taken.add(key)
            kept.append(Recipient(person.name, person.address))
    return tuple(kept)


def _prefixed(prefix: str, pattern: re.Pattern[str], top: Part) -> str:
    subject = decode.header(top.header.get(b"subject") or b"")
    return prefix + pattern.sub("", subject, count=1)[:SUBJECT_MAX] if pattern.match(subject) else (prefix + subject)[:SUBJECT_MAX]


def _written(person: senders.Person) -> str:
    return f"{person.name} <{person.address}>" if person.name else person.address


def _when(top: Part, zone: ZoneInfo) -> str:
    date = letter.date(top)
    if date is None:
        return ""
    local = _in_zone(date, zone)
    return f"{local:%a}, {local.day} {local:%b} {local.year} at {local:%H:%M}"


def _in_zone(date: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    try:
        return date.astimezone(zone)
    except OverflowError:  # the last day of the year 9999
        return date


def _attribution(authors: tuple[senders.Person, ...], top: Part, zone: ZoneInfo) -> str:
    who = _written(authors[0]) if authors else "somebody"
    when = _when(top, zone)
    return f"On {when}, {who} wrote:" if when else f"{who} wrote:"


def _text(source: Source, found: Structure) -> str:
    """The texts of a message, plain ones first choice."""
    texts: list[str] = []
    left = QUOTE_MAX
    for index in choose.choose(found, wants_html=False).texts:
        if left > 0:
            texts.append(letter.plain_text(source, found.parts[index])[0].strip("\n")[:left])
            left -= len(texts[-1])
    return "\n\n".join(texts)
