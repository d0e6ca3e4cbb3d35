"""What the files of an instance say, as values: between the files and the rows."""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats.vpasswd import Account


@dataclass(frozen=True, slots=True)
class MailboxRecord:
    account: Account
    odd_line: bytes | None  # the line of vpasswd where account does not give it back octet by octet
    dotqmail: bytes | None


@dataclass(frozen=True, slots=True)
class DomainRecord:
    """real: of an alias, the name of the domain it stands for; it has no files."""

    name: str
    real: str | None
    uid: int
    gid: int
    directory: str
    default_qmail: bytes | None = None
    limits: bytes | None = None
    stale_mail: bytes | None = None
    mailboxes: tuple[MailboxRecord, ...] = ()
    aliases: tuple[tuple[str, bytes], ...] = ()  # (what follows ".qmail-", contents)


@dataclass(frozen=True, slots=True)
class Records:
    files: dict[str, bytes]  # "control/me": contents
    domains: tuple[DomainRecord, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """line: counted from 1; 0: the file as a whole."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path} line {self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


class BadTree(ValueError):
    """Files that cannot be taken in; all that is wrong with them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
