"""Where would mail for an address go, and why? The decisions of the mail system made on the installed files, each step with its reason.

A step cites what decided it: a control file and its line, a key of users/cdb, a .qmail file and its line. Forwards are followed; an address
that is met again is a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mta.decisions import quota, vdelivermail
from mta.decisions.installed import DotQmail, Installed, find_file, find_user
from mta.decisions.recipient import only_vdelivermail
from mta.decisions.rewrite import LOCAL, Controls, Route, rewrite
from mta.decisions.smtp_rcpt import which_rcpthosts
from mta.errors import MailError, Permanent
from mta.formats import cdb, control, dotqmail, smtproutes
from mta.formats.dotqmail import Kind, Line
from mta.formats.maildirsize import NO_QUOTA
from mta.formats.users_assign import User
from mta.formats.vpasswd import Account

DEPTH_MAX = 10
DEFAULT_DELIVERY = b"./Maildir/"


@dataclass(frozen=True, slots=True)
class Step:
    level: int  # how many forwards deep
    title: str
    text: str
    source: str = ""  # the file and line, or key, that decided


@dataclass(slots=True)
class Explanation:
    address: str
    steps: list[Step] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)  # one sentence for each place the message ends up in

    @property
    def outcome(self) -> str:
        return " ".join(self.ends) or "Nothing happens to it."


def explain(address: bytes, controls: Controls, installed: Installed, default: bytes = DEFAULT_DELIVERY) -> Explanation:
    """address: as a stranger writes it into RCPT TO. default: what an empty or missing .qmail file means."""
    walk = _Walk(Explanation(_show(address)), controls, installed, default)
    walk.smtp(address)
    walk.address(address, 0)
    return walk.result


def _show(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


class _Walk:
    """One explanation under way."""

    def __init__(self, result: Explanation, controls: Controls, installed: Installed, default: bytes) -> None:
        self.result = result
        self._default = default
        self._controls = controls
        self._installed = installed
        self._seen: set[bytes] = set()

    def _say(self, level: int, title: str, text: str, source: str = "") -> None:
        self.result.steps.append(Step(level, title, text, source))

    def _end(self, level: int, title: str, text: str, source: str = "") -> None:
        self._say(level, title, text, source)
        self.result.ends.append(text)

    # -- who may send to it --------------------------------------------------------------------------------------------------------

    def smtp(self, address: bytes) -> None:
        data = self._installed.control("rcpthosts")
        if data is None:
            self._say(
                0, "SMTP", "No mail is received from outside: without this file our servers do not start.", "control/rcpthosts (missing)"
            )
            return
        more = self._installed.control("morercpthosts.cdb")
        listed = control.set_(control.lines(data))
        try:
            name, key = which_rcpthosts(address, listed, cdb.reader(more).get if more is not None else None)
        except Permanent:
            self._say(
                0, "SMTP", "A stranger may not send to it; our own users and relay clients may.", "control/rcpthosts (no line matches)"
            )
            return
        except ValueError:
            self._say(0, "SMTP", "Nobody can tell: this file is damaged, and mail has to wait.", "control/morercpthosts.cdb")
            return
        if not name:
            self._say(0, "SMTP", "It has no domain, so it is one of ours: anybody may send to it.")
            return
        self._say(0, "SMTP", "Anybody may send to it: its domain is one we receive mail for.", self._line(name, key))

    def _line(self, name: str, key: bytes) -> str:
        """ "control/NAME:LINE" of the line that counts, or the key of a cdb."""
        if name.endswith(".cdb"):
            return f"control/{name} key {_show(key)}"
        rows = [row.rstrip(b" \t\n") for row in (self._installed.control(name) or b"").split(b"\n")]
        hits = [i for i, row in enumerate(rows, 1) if row and not row.startswith(b"#") and row.partition(b":")[0].lower() == key]
        return f"control/{name}:{hits[-1]}" if hits else f"control/{name}"

    # -- an address ----------------------------------------------------------------------------------------------------------------

    def address(self, address: bytes, level: int) -> None:
        if address.lower() in self._seen:
            self._end(level, "Loop", f"{_show(address)} was met before: the message would loop and come back as a bounce.")
            return
        if level > DEPTH_MAX:
            self._end(level, "Too many forwards", f"More than {DEPTH_MAX} forwards, one behind the other: not followed any further.")
            return
        self._seen.add(address.lower())
        route = rewrite(address, self._controls)
        if route.channel == LOCAL:
            self._say(level, "Local", self._why_local(route), self._line(route.why, route.key))
            self._local(route.address, level)
        else:
            self._remote(route, level)

    def _why_local(self, route: Route) -> str:
        if route.why == "locals":
            return f"{_show(route.key)} is one of this host's own names."
        what = f"{_show(route.key)} is a virtual domain" if route.key else "Every domain nobody knows is virtual"
        return f"{what}: delivered to the local address {_show(route.address)}."

    def _remote(self, route: Route, level: int) -> None:
        host = route.address.rpartition(b"@")[2]
        if route.why:
            self._say(level, "Remote", f"{_show(route.key)} is an exception from the virtual domains.", self._line(route.why, route.key))
        else:
            self._say(
                level,
                "Remote",
                f"{_show(host)} is neither one of this host's names nor a virtual domain.",
                "control/locals, control/virtualdomains",
            )
        way = smtproutes.find(smtproutes.read(self._installed.control("smtproutes") or b""), host)
        if way is not None and way.relay:
            where = f"{_show(way.relay)} port {way.port}"
            self._end(level, "SMTP route", f"Sent by SMTP to {where}.", self._line("smtproutes", way.key))
        else:
            self._end(level, "By MX", f"Sent by SMTP to the mail exchangers of {_show(host)}, as DNS names them.")

    # -- a local address -----------------------------------------------------------------------------------------------------------

    def _local(self, address: bytes, level: int) -> None:
        local = address.rpartition(b"@")[0]
        if not local:
            self._end(level, "Trash", "An address without a name before its @ is thrown away.")
            return
        try:
            key, user = find_user(self._installed, local)
            self._say_user(level, key, user)
            self._files(address, user, level)
        except (OSError, ValueError, MailError) as error:
            self._end(level, "Cannot be told", f"A file that decides cannot be read, so mail waits: {error}")

    def _say_user(self, level: int, key: bytes | None, user: User) -> None:
        who = f"User {_show(user.user)} (uid {user.uid}) answers for it"
        rest = f", extension {_show(user.ext)}" if user.ext else ""
        if key is None:
            self._say(level, "User", f"{who}{rest}: users/assign does not name it, so qmail-getpw looked for a system user.", "qmail-getpw")
        else:
            self._say(level, "User", f"{who}{rest}.", f"users/cdb key {_show(key.rstrip(bytes(1)))}{self._assign_line(key)}")

    def _assign_line(self, key: bytes) -> str:
        sign = b"=" if key.endswith(b"\0") else b"+"
        wanted = sign + key[1:].rstrip(b"\0") + b":"
        for i, row in enumerate((self._installed.assign() or b"").split(b"\n"), 1):
            if row.lower().startswith(wanted.lower()):
                return f" (users/assign:{i})"
        return ""

    def _files(self, address: bytes, user: User, level: int) -> None:
        tried = []
        for candidate, file in find_file(self._installed, user):
            name = f"{_show(user.home)}/{_show(candidate.name)}"
            if file is None:
                tried.append(_show(candidate.name))
                continue
            missing = f" (not there: {', '.join(tried)})" if tried else ""
            self._say(level, "Instructions", f"The file {_show(candidate.name)} answers{missing}.", name)
            instruction = only_vdelivermail(self._installed, file)
            if instruction is not None and candidate.default is not None:
                self._mailbox(address, user, instruction, level)
            else:
                self._lines(file, name, user.home, level)
            return
        if user.dash:
            what = f"No such address: {' and '.join(tried)} do not exist. The message comes back as a bounce."
            self._end(level, "Unknown", what, _show(user.home))
        else:
            self._say(level, "Instructions", f"No {tried[0]}: the default instructions count.", _show(user.home))
            self._lines(DotQmail(self._default), "default delivery", user.home, level)

    def _lines(self, file: DotQmail, name: str, home: bytes, level: int) -> None:
        lines = dotqmail.read(file.data) or dotqmail.read(self._default)
        before = len(self.result.ends)
        for line in lines:
            self._one_line(line, f"{name}:{line.number}", home, level)
        if len(self.result.ends) == before:
            self._end(level, "Nothing", "The file holds no instruction: the message is taken and thrown away.", name)

    def _one_line(self, line: Line, source: str, home: bytes, level: int) -> None:
        match line.kind:
            case Kind.MAILDIR:
                self._end(level, "Maildir", f"Delivered into the Maildir {_show(_below(home, line.text))}.", source)
            case Kind.MBOX:
                self._end(level, "Mbox", f"Appended to the mbox {_show(_below(home, line.text))}.", source)
            case Kind.PROGRAM:
                self._end(level, "Program", f"Handed to the command {_show(line.text)}, which decides what happens next.", source)
            case Kind.FORWARD:
                self._say(level, "Forward", f"Forwarded to {_show(line.text)}.", source)
                self.address(line.text, level + 1)
            case Kind.BLANK_FIRST:
                self._end(level, "Mistake", "The first line is blank: mail waits until the file is mended.", source)
            case _:
                pass

    # -- a virtual mailbox ---------------------------------------------------------------------------------------------------------

    def _mailbox(self, address: bytes, user: User, instruction: bytes, level: int) -> None:
        name = user.ext.lower()
        source = f"{_show(user.home)}/vpasswd.cdb key {_show(name)}"
        account = self._installed.account(user.home, name)
        if account is None:
            self._catch_all(user, instruction, source, level)
            return
        try:
            vdelivermail.check(account, address)
        except Permanent:
            self._end(level, "Locked", "The mailbox takes no mail: the message comes back as a bounce.", source)
            return
        self._say(level, "Mailbox", f"The mailbox {_show(name)} exists ({self._how_full(account)}).", source)
        own = self._installed.dotqmail(account.dir, b".qmail")
        if own is not None and own.data:
            self._lines(own, f"{_show(account.dir)}/.qmail", account.dir, level)
        else:
            self._end(level, "Maildir", f"Delivered into the Maildir {_show(account.dir)}/Maildir/.", source)

    def _how_full(self, account: Account) -> str:
        if account.quota in (b"", NO_QUOTA):
            return "no quota"
        known = self._installed.usage(account)
        if known is None:
            return f"quota {_show(account.quota)}"
        full = quota.percent(*known)
        return f"{full} % of its quota {_show(account.quota)}" if full is not None else "no quota"

    def _catch_all(self, user: User, instruction: bytes, source: str, level: int) -> None:
        rule = f"{_show(user.home)}/.qmail-default"
        match vdelivermail.catch_all(instruction):
            case vdelivermail.CatchAll.BOUNCE:
                what = "No such mailbox: refused while it is being sent; mail that is in already comes back as a bounce."
                self._end(level, "Unknown", what, f"{source} (missing); {rule}")
            case vdelivermail.CatchAll.DELETE:
                self._end(level, "Catch-all", "No such mailbox: the domain throws such mail away.", rule)
            case vdelivermail.CatchAll.MAILBOX:
                self._end(level, "Catch-all", f"No such mailbox: the domain collects such mail in {_show(instruction)}.", rule)
            case vdelivermail.CatchAll.FORWARD:
                self._say(level, "Catch-all", f"No such mailbox: the domain forwards such mail to {_show(instruction)}.", rule)
                self.address(instruction, level + 1)


def _below(home: bytes, path: bytes) -> bytes:
    """A path of a .qmail line, whole."""
    return path if path.startswith(b"/") else home + b"/" + path.removeprefix(b"./")
