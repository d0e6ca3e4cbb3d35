"""What becomes of a message by a database of fastforward: who gets it, from whom, and what is run.

Address   its owner becomes the sender, unless the message has no sender or is a double bounce; both are looked for with and without user
          and host (formats/forwards). An address the message is forwarded to is looked up as it stands, and only if it has no owner: a
          list that has one is mailed, so that its bounces go there.
Once      each address and each list is looked at once, which ends aliases that name each other
Order     of the forwards as the database has them, depth first
Loaded by programs that run per message: builtins only. Lookups are arguments: get(key) of the database, read_list(path) -> its items;
what they raise passes through.
Source    fastforward(1), fastforward.c
"""

from __future__ import annotations

from mta.formats import forwards
from mta.formats.address import DOUBLE_BOUNCE_SENDER, NULL_SENDER
from mta.formats.forwards import COMMANDS, OWNER, PATHS, TARGET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Get = Callable[[bytes], bytes | None]
    ReadList = Callable[[bytes], Iterable[bytes]]


class Plan:
    """commands: with their "|" or "!", to be run in this order before the message is forwarded."""

    __slots__ = ("commands", "recipients", "sender")

    def __init__(self, sender: bytes) -> None:
        self.sender = sender
        self.commands: list[bytes] = []
        self.recipients: list[bytes] = []


def plan(get: Get, read_list: ReadList, address: bytes, sender: bytes) -> Plan | None:
    """None: the database does not know the address."""
    record = forwards.wild(get, TARGET, address)
    if record is None:
        return None
    owner = None if sender in (NULL_SENDER, DOUBLE_BOUNCE_SENDER) else forwards.wild(get, OWNER, address)
    found = Plan(sender if owner is None else owner)
    seen = {address}
    waiting = _split(forwards.read(record), found)
    while waiting:
        instruction = waiting.pop()
        if instruction in seen:
            continue
        seen.add(instruction)
        if instruction.startswith(PATHS):
            waiting += read_list(instruction)
        else:
            waiting += _look_up(get, instruction[1:], found)
    found.recipients.reverse()
    return found


def _look_up(get: Get, address: bytes, found: Plan) -> list[bytes]:
    if forwards.exact(get, OWNER, address) is None:
        record = forwards.exact(get, TARGET, address)
        if record is not None:
            return _split(forwards.read(record), found)
    found.recipients.append(address)
    return []


def _split(instructions: list[bytes], found: Plan) -> list[bytes]:
    """Commands go into the plan; -> the rest."""
    found.commands += (i for i in instructions if i.startswith(COMMANDS))
    return [i for i in instructions if not i.startswith(COMMANDS)]
