"""Which of the commands that came together make one transaction: recipients of one message, by one sender, for one destination.

Limits   20 recipients: of what is under way at a time a slow destination should not hold all, and every server takes that many (RFC 5321
         asks for 100). Alone stay bounces, which have the empty sender: servers are wary of one with several recipients; an address that
         no SMTP command can carry; and the second of two equal ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mta.decisions.remote_route import Target
from mta.formats import address
from mta.formats.spawn import Command

RECIPIENTS_MAX = 20


def shared(commands: Sequence[Command], find: Callable[[bytes, bytes], Target]) -> list[tuple[Target, list[Command]]]:
    """find: (host, sender) -> where that goes. In the order of their first recipients."""
    groups: list[tuple[Target, list[Command]]] = []
    growing: dict[tuple[bytes, bytes, Target], list[Command]] = {}
    for command in commands:
        target = find(command.recipient.rpartition(b"@")[2], command.sender)
        key = (command.message, command.sender, target)
        group = growing.get(key)
        if group is None or not _has_room(group, command):
            group = []
            groups.append((target, group))
            growing[key] = group
        group.append(command)
    return groups


def _has_room(group: list[Command], command: Command) -> bool:
    if not command.sender or len(group) == RECIPIENTS_MAX or any(command.recipient == other.recipient for other in group):
        return False
    return not any(byte in one.recipient for one in (group[0], command) for byte in address.FORBIDDEN)
