"""Does a recipient exist? Asked at RCPT, so that mail for unknown virtual mailboxes is refused rather than bounced to forged senders.

Only what can be told from the files of a virtual domain is refused: an address without .qmail file and mailbox, a locked mailbox, a full
one. Everything else is taken, as the original takes it.
"""

from __future__ import annotations

from mta.decisions import quota, vdelivermail
from mta.decisions.installed import DotQmail, Installed, find_file, find_user
from mta.decisions.rewrite import LOCAL, Controls, rewrite
from mta.decisions.smtp_rcpt import UNKNOWN
from mta.errors import Permanent, Temporary
from mta.formats import dotqmail
from mta.formats.dotqmail import Kind
from mta.formats.users_assign import User

FULL = "sorry, that mailbox is full (#5.2.2)"
LOCKED = "sorry, that mailbox takes no mail (#5.2.1)"


def check(address: bytes, controls: Controls, installed: Installed) -> None:
    """Raises Permanent: refuse it; Temporary: a file that decides cannot be read."""
    route = rewrite(address, controls)
    if route.channel != LOCAL or route.why != "virtualdomains":
        return
    try:
        _check_local(route.address.rpartition(b"@")[0], installed)
    except (OSError, ValueError) as error:
        raise Temporary("sorry, unable to check that recipient now (#4.3.0)", str(error)) from error


def _check_local(local: bytes, installed: Installed) -> None:
    key, user = find_user(installed, local)
    if key is None or not installed.has_accounts(user.home):
        return
    for candidate, file in find_file(installed, user):
        if file is None:
            continue
        instruction = only_vdelivermail(installed, file)
        if instruction is not None and candidate.default is not None:
            _check_mailbox(user, installed, instruction)
        return
    raise Permanent(UNKNOWN)


def only_vdelivermail(installed: Installed, file: DotQmail) -> bytes | None:
    """The instruction of a .qmail-default file that does nothing but run vdelivermail; None: it does something else."""
    lines = [line for line in dotqmail.read(file.data) if line.kind not in (Kind.COMMENT, Kind.NOTHING)]
    if len(lines) != 1 or lines[0].kind is not Kind.PROGRAM:
        return None
    return vdelivermail.instruction(lines[0].text, installed.vdelivermail())


def _check_mailbox(user: User, installed: Installed, instruction: bytes) -> None:
    account = installed.account(user.home, user.ext.lower())
    if account is None:
        if vdelivermail.catch_all(instruction) is vdelivermail.CatchAll.BOUNCE:
            raise Permanent(UNKNOWN)
        return
    try:
        vdelivermail.check(account, user.ext)
    except Permanent:
        raise Permanent(LOCKED) from None
    known = installed.usage(account)
    if known is not None and not quota.fits(known[0], known[1], 1):
        raise Permanent(FULL)
