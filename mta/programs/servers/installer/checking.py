"""Read questions and find them good or not: in a child that owns nothing. Nothing is written here; orders go to the installer.

Orders   lists of formats/ask in a pipe. refuse TEXT; read-control MODE NUMBER; read-domain MODE (NAME REL DIR)...;
         install WHO WHY (PATH OLD PRESENT DATA)...; rollback WHO WHY NUMBER; generations; removed; begun;
         discard WHO NAME; domain WHO NAME REL STEP...; restore WHO NAME REL.
         REL is a directory relative to domains/; PRESENT is "+", or "-" for a file to be without; NUMBER 0 is the one in force. They come
         from a process that owns nothing, so the installer looks at their names once more.

What is good: a whitelisted name, a size below its cap, contents its readers can parse; rcpthosts stays; users/assign names nobody with
more rights than it names already. Compiled files are made here from their texts.
"""

from __future__ import annotations

import os
import socket

from mta.errors import Permanent
from mta.formats import ask, dotqmail, install_call, rcpthosts, stale_policy, tcprules, users_assign, vpasswd
from mta.formats.install_call import Line, Mailbox, Make, Put, Remove, Retire, RetireDomain, Step
from mta.unix import accounts, atomic
from mta.unix.ask import lists

_MODES = (install_call.BYTES, install_call.DIGESTS)
_NEEDED = frozenset((b"control/rcpthosts", b"control/me"))
_UID_MAX = (1 << 32) - 2
_LINE_MAX = 1 << 16


def loop(connection: socket.socket, pipe: socket.socket, home: bytes, who: accounts.Accounts) -> None:
    """Until the caller goes, or says something that is no question."""
    checker = Checker(home, who)
    for words in lists(connection):
        pipe.sendall(ask.write(checker.check(words)))


class Checker:
    def __init__(self, home: bytes, who: accounts.Accounts) -> None:
        self._home = home
        self._who = who
        self._bases = (home + b"/domains", os.path.realpath(home + b"/domains"))

    def check(self, words: list[bytes]) -> list[bytes]:
        """A question -> an order; refuse TEXT for one that is not good."""
        try:
            return self._order(words)
        except Permanent as error:
            return [b"refuse", error.text.encode()]
        except (ValueError, OSError) as error:
            return [b"refuse", str(error).encode("utf-8", "replace")]

    def _order(self, words: list[bytes]) -> list[bytes]:
        match words:
            case [b"read", b"control", mode, *number] if mode in _MODES and len(number) <= 1:
                return [b"read-control", mode, _number(*number) if number else b"0"]
            case [b"read", b"domain", mode, *pairs] if (
                mode in _MODES and len(pairs) % 2 == 0 and len(pairs) <= 2 * install_call.DOMAINS_MAX
            ):
                triples = ((_domain_name(n), self._relative(d), d) for n, d in zip(pairs[::2], pairs[1::2], strict=True))
                return [b"read-domain", mode, *(word for triple in triples for word in triple)]
            case [b"install", who, why, *steps]:
                return [b"install", who, why, *self._changes([install_call.read_step(s) for s in steps])]
            case [b"rollback", who, why, number]:
                return [b"rollback", who, why, _number(number)]
            case [b"generations"] | [b"removed"] | [b"begun"]:
                return words
            case [b"discard", who, name]:
                return [b"discard", who, _removed_name(name)]
            case [b"domain", who, name, directory, *steps]:
                return [b"domain", who, _domain_name(name), self._relative(directory), *_checked_steps(steps)]
            case [b"restore", who, name, directory]:
                return [b"restore", who, _removed_name(name), self._relative(directory)]
        raise Permanent("not a question for the installer")

    def _relative(self, directory: bytes) -> bytes:
        """A directory of a domain -> relative to domains/, below which it must lie."""
        for base in self._bases:
            if directory.startswith(base + b"/"):
                rel = directory[len(base) + 1 :].rstrip(b"/")
                if install_call.is_relative(rel):
                    return rel
        raise Permanent(f"{directory.decode('utf-8', 'replace')} is not below domains/: make domains a link to where your domains lie")

    # control/ and users/

    def _changes(self, steps: list[Step]) -> list[bytes]:
        """-> PATH OLD PRESENT DATA for each file and for what is compiled from it."""
        found: list[bytes] = []
        for step in steps:
            if not isinstance(step, Put | Remove):
                raise Permanent("only files can be put into control/ and users/")
            _check_name(step.path)
            if isinstance(step, Remove):
                _check_removal(step.path)
                found += [step.path, step.old, b"-", b""]
            else:
                self._check_text(step.path, step.data)
                found += [step.path, step.old, b"+", step.data]
            target = install_call.compiled_path(step.path)
            if target is not None:
                present = isinstance(step, Put)
                found += [
                    target,
                    install_call.ANY,
                    b"+" if present else b"-",
                    compiled(step.path, step.data) if isinstance(step, Put) else b"",
                ]
        return found

    def _check_text(self, path: bytes, data: bytes) -> None:
        if len(data) > install_call.FILE_MAX:
            raise Permanent(f"{path.decode()} is larger than {install_call.FILE_MAX >> 20} MiB")
        if b"\0" in data:
            raise Permanent(f"{path.decode()} line {data[: data.index(0)].count(10) + 1}: a NUL")
        if path == b"control/me" and not data.strip():
            raise Permanent("control/me must name this machine")
        if path == b"users/assign":
            self._check_assign(data)

    def _check_assign(self, data: bytes) -> None:
        """Lines that are not in force yet may only name the owner of the virtual mailboxes, or a user and home named already."""
        installed = _lines(atomic.read(self._home + b"/users/assign") or b"")
        known = {(f[2], f[3], f[4]) for f in (line.split(b":") for line in installed) if len(f) > 4}
        owner = self._who[accounts.VPOPMAIL]
        users_assign.read(data)
        for number, line in enumerate(_lines(data), 1):
            _, _, uid, gid, home = line.split(b":")[:5]
            place = f"users/assign line {number}"
            if not uid.isdigit() or not gid.isdigit() or int(uid) > _UID_MAX or int(gid) > _UID_MAX:
                raise Permanent(f"{place}: uid and gid must be numbers")
            if (int(uid) == 0 or int(gid) == 0) and not self._who.is_single:
                raise Permanent(f"{place}: mail is never delivered as root")
            if (int(uid), int(gid)) != (owner.uid, owner.gid) and (uid, gid, home) not in known:
                text = f"{place}: uid {int(uid)} with this home is new: only root may bring it in, with an editor on the machine itself"
                raise Permanent(text)


def _lines(assign: bytes) -> list[bytes]:
    """The lines before the closing dot."""
    found = []
    for line in assign.split(b"\n"):
        if line.startswith(b"."):
            break
        found.append(line)
    return found


def _check_name(path: bytes) -> None:
    if not install_call.is_text_path(path):
        raise Permanent(f"{path.decode('utf-8', 'replace')} is not a name of a control file")


def _check_removal(path: bytes) -> None:
    if path == b"control/rcpthosts":
        raise Permanent("control/rcpthosts stays: without it this would be an open relay; an empty one refuses all mail from outside")
    if path in _NEEDED:
        raise Permanent(f"{path.decode()} stays: nothing starts without it")


def compiled(path: bytes, data: bytes) -> bytes:
    """Raises ValueError, naming the line."""
    if path == b"users/assign":
        return users_assign.compile_(data)
    if path in install_call.COMPILED_LISTS:
        return rcpthosts.compile_more(data)
    try:
        return tcprules.compile_(data)
    except tcprules.BadLine as error:
        raise ValueError(f"{path.decode()} line {error.number}: {error}") from error


# below domains/


def _checked_steps(data: list[bytes]) -> list[bytes]:
    steps = list(map(install_call.read_step, data))
    for step in steps:
        _check_step(step)
    if sum(isinstance(step, Line) or (isinstance(step, Put) and step.path == b"vpasswd") for step in steps) > 1:
        raise Permanent("vpasswd can be changed once in a question")  # places of lines are found before the first step is done
    return data


def _check_step(step: Step) -> None:
    match step:
        case Put(path, body):
            _check_domain_file(path, body)
        case Remove(path):
            _check_domain_path(path)
            if path == b"vpasswd":
                raise Permanent("a domain keeps its vpasswd; retire the domain instead")
        case Line(name, line):
            _check_line(name, line)
        case Mailbox(directory) | Retire(directory):
            if not install_call.is_relative(directory):
                raise Permanent(f"{directory.decode('utf-8', 'replace')} is not a directory of a mailbox")
        case Make() | RetireDomain():
            pass


def _check_domain_path(path: bytes) -> None:
    directory, _, name = path.rpartition(b"/")
    if directory:
        is_good = name == b".qmail" and install_call.is_relative(directory)
    else:
        stem = name.removeprefix(b".qmail-")
        is_good = (stem != name and install_call.is_alias_stem(stem)) or name in (b"vpasswd", b".qmailadmin-limits", stale_policy.FILE_NAME)
    if not is_good:
        raise Permanent(f"{path.decode('utf-8', 'replace')} is not a file of a domain")


def _check_domain_file(path: bytes, data: bytes) -> None:
    _check_domain_path(path)
    limit = install_call.VPASSWD_MAX if path == b"vpasswd" else install_call.DOMAIN_FILE_MAX
    if len(data) > limit:
        raise Permanent(f"{path.decode()} is larger than {limit >> 20} MiB")
    if b"\0" in data:
        raise Permanent(f"{path.decode()} line {data[: data.index(0)].count(10) + 1}: a NUL")
    if path == b"vpasswd":
        _check_vpasswd(data)
    elif path == stale_policy.FILE_NAME:
        stale_policy.read(data)
    elif b".qmail" in path:
        dotqmail.read(data)


def _check_vpasswd(data: bytes) -> None:
    seen = set()
    for number, account in enumerate(vpasswd.read(data), 1):
        if account.name in seen:
            raise Permanent(f"vpasswd line {number}: {account.name.decode('utf-8', 'replace')} stands twice")
        _check_account(account, f"vpasswd line {number}")
        seen.add(account.name)


def _check_line(name: bytes, line: bytes) -> None:
    if not name or any(byte in name for byte in (b":", b"\n", b"\0")):
        raise Permanent("not a name in vpasswd")
    if not line:
        return
    if len(line) > _LINE_MAX or not line.endswith(b"\n") or b"\n" in line[:-1]:
        raise Permanent("not a line of vpasswd")
    account = vpasswd.read_line(line[:-1])
    if account.name != name:
        raise Permanent("a line of vpasswd under another name")
    _check_account(account, f"vpasswd line of {name.decode('utf-8', 'replace')}")


def _check_account(account: vpasswd.Account, place: str) -> None:
    if not account.dir.startswith(b"/") or b"/../" in account.dir + b"/":
        raise Permanent(f"{place}: the directory must be a whole path")


def _domain_name(name: bytes) -> bytes:
    if not 0 < len(name) <= 253 or not frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789.-").issuperset(name) or name[:1] in b".-":
        raise Permanent("not the name of a domain")
    return name


def _number(text: bytes) -> bytes:
    if not text.isdigit() or len(text) > 9:
        raise Permanent("not the number of a generation")
    return text


def _removed_name(name: bytes) -> bytes:
    if name[:14].isdigit() and name[14:15] == b"-" and install_call.is_relative(name) and b"/" not in name and not name.endswith(b".line"):
        return name
    raise Permanent("not a name of removed/")
