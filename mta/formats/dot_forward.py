"""sendmail's .forward file: where a user wants the mail sent.

Lines    recipients each (formats/sendmail_list), and those that follow a backslash are like any other; a "#" begins a comment only where
         it begins a line. Lines need not be complete: "a, b," and another one go well together.
Items    an address; the user, with the host of the delivery or without any, in any case: deliver it here; "|command".
         Files and :include: are not supported: mail waits until somebody changes that.
Example  b'\\\\joe, "|archive", bo@x.y\\n' of joe is: bo@x.y; run archive; deliver here
Order    line by line, of a line the last one first, as the original has them
Written  by users.   Read by dot-forward.
Loaded by programs that run per message: builtins only.
Source   dot-forward(1)
"""

from __future__ import annotations

from mta.formats import sendmail_list
from mta.formats.sendmail_list import FILE, PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.formats.sendmail_list import Defaults, Item

ADDRESS = b"@"


class Refused(ValueError):
    """text: why, for the log."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text.decode("latin-1"))
        self.text = text


class Forward:
    """What a file says. steps: (PROGRAM, command) and (ADDRESS, address), in order; is_direct: deliver here, too."""

    __slots__ = ("is_direct", "steps")

    def __init__(self) -> None:
        self.steps: list[tuple[bytes, bytes]] = []
        self.is_direct = False

    @property
    def is_empty(self) -> bool:
        return not self.steps and not self.is_direct

    def all_(self, kind: bytes) -> list[bytes]:
        return [text for step, text in self.steps if step == kind]


def read(text: bytes, defaults: Defaults, *, user: bytes, host: bytes) -> Forward:
    """user, host: whose mail it is (USER and HOST of the delivery). Raises Refused."""
    found = Forward()
    here = (user.lower(), b"%b@%b" % (user.lower(), host.lower()))
    for line in sendmail_list.lines(text):
        try:
            items = sendmail_list.items(line)
        except ValueError as error:
            raise Refused(b"unable to parse this line: " + line.rstrip(b"\n")) from error
        for item in items:
            _add(found, item, defaults, here)
    return found


def _add(found: Forward, item: Item, defaults: Defaults, here: tuple[bytes, bytes]) -> None:
    if item.is_include or item.is_a(FILE):
        raise Refused(b"file delivery %b not supported" % item.text)
    if b"\0" in item.text or b"\n" in item.text:
        raise Refused(b"NUL or newline in " + item.text.partition(b"\0")[0].partition(b"\n")[0])
    if not item.text:
        return
    if item.text.lower() == here[item.has_host]:
        found.is_direct = True
    elif item.is_a(PROGRAM):
        found.steps.append((PROGRAM, item.text[1:]))
    else:
        found.steps.append((ADDRESS, defaults.full(item)))
