"""What a person has set for the webmail: Maildir/tawny-webmail.json, beside the mail, so that it moves and is backed up with it.

Example  {"display_name": "Cy Twombly", "signature": "Cy", "page_size": 50, "theme": "auto", "time_zone": ""}
Rules    what is missing, of the wrong type or out of bounds is the default; other names are kept out. time_zone "" is the browser's.
Written  by the preferences screen, atomically.   Crash: the old file or the new one.
"""

from __future__ import annotations

import functools
import json
import zoneinfo
from dataclasses import asdict, dataclass, fields

from mta.unix.mailbox import Mailbox

NAME = b"tawny-webmail.json"
SIZE_MAX = 1 << 16
PAGE_SIZES = (25, 50, 100, 200)
THEMES = ("auto", "light", "dark")
DISPLAY_NAME_MAX = 100
SIGNATURE_MAX = 2000


@dataclass(frozen=True, slots=True)
class Preferences:
    display_name: str = ""
    signature: str = ""
    page_size: int = 50
    theme: str = "auto"
    time_zone: str = ""


@functools.cache
def time_zones() -> tuple[str, ...]:
    return tuple(sorted(z for z in zoneinfo.available_timezones() if "/" in z or z == "UTC"))


def load(mailbox: Mailbox) -> Preferences:
    """Raises OSError."""
    data = mailbox.read_file(NAME, SIZE_MAX)
    try:
        found = json.loads(data) if data else {}
    except ValueError:
        found = {}
    if not isinstance(found, dict):
        return Preferences()
    default = Preferences()
    kept = {f.name: found[f.name] for f in fields(Preferences) if type(found.get(f.name)) is type(getattr(default, f.name))}
    wanted = Preferences(**kept)
    return Preferences(
        display_name=wanted.display_name[:DISPLAY_NAME_MAX] if wanted.display_name.isprintable() else "",
        signature=wanted.signature[:SIGNATURE_MAX],
        page_size=wanted.page_size if wanted.page_size in PAGE_SIZES else default.page_size,
        theme=wanted.theme if wanted.theme in THEMES else default.theme,
        time_zone=wanted.time_zone if wanted.time_zone in time_zones() else "",
    )


def save(mailbox: Mailbox, preferences: Preferences) -> None:
    """Raises OSError."""
    mailbox.replace_file(NAME, json.dumps(asdict(preferences), ensure_ascii=False, indent=1).encode() + b"\n")
