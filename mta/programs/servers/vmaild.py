"""vmaild: answer questions about the virtual mailboxes, for processes that may not look into them.

Questions (formats/ask, on run/vmaild)
  rcpt ADDRESS            K, or D and a line, or Z: does this recipient exist? (decisions/recipient)
  explain ADDRESS         K and JSON: where would mail for it go, and why? (decisions/explain)
  usage DOMAIN            K and JSON: octets, messages and last login of each mailbox
  stale DOMAIN dry|delete K and JSON: the old mail its policy takes away (unix/stale_mail)
Reads    control/, users/, the files below domains/; environment DEFAULT_DELIVERY, qmail-start's argument, if that is not ./Maildir/
Writes   nothing, but for stale ... delete: messages
Exits    0 after TERM; 111 if it cannot start
Limits   rcpt may be asked by everybody on this machine; the others by root, the control plane's user and its own
Runs as  vpopmail, the owner of the mailboxes, after it made its socket as root. Domains of other owners are taken as they come.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Any

from mta.decisions import explain, recipient, rewrite
from mta.errors import Permanent, Temporary
from mta.formats import ask as ask_format
from mta.formats import maildirsize, users_assign, vpasswd
from mta.formats.users_assign import User
from mta.formats.vpasswd import Account
from mta.net import ask_server, event_loop
from mta.unix import accounts, ask, atomic, clock, maildirquota, routing, stale_mail
from mta.unix.controls import Unreadable
from mta.unix.fds import Fds
from mta.unix.installed import InstalledFiles

SOCKET = b"run/vmaild"
FRESH_S = 0.1  # how long control/ and users/ are taken to stand as they were read


class Vmaild:
    """The answers. home: the instance; uids: who may ask for more than rcpt; default: what an empty or missing .qmail file means."""

    def __init__(self, home: bytes, uids: frozenset[int], default: bytes = explain.DEFAULT_DELIVERY) -> None:
        self._home = home
        self._uids = uids
        self._default = default
        self._checked = 0.0
        self._installed: InstalledFiles | None = None
        self._controls: rewrite.Controls | None = None

    def answer(self, uid: int, words: list[bytes]) -> list[bytes] | Awaitable[list[bytes]]:
        """Raises Permanent, Temporary, OSError, ValueError."""
        match words:
            case [b"rcpt", address]:
                recipient.check(address, *self._files())
                return [ask_format.YES]
            case [verb, *_] if uid not in self._uids:
                raise Permanent(f"uid {uid} may not ask for {verb.decode('latin-1')}")
            case [b"explain", address]:
                return [ask_format.YES, _json(self._explain(address))]
            case [b"usage", domain]:
                return self._in_thread(self._usage, self._domain(domain))
            case [b"stale", domain, (b"dry" | b"delete") as how]:
                return self._in_thread(self._stale, self._domain(domain), how == b"dry")
        raise Permanent("vmaild does not know that question")

    async def _in_thread(self, work: Any, *arguments: Any) -> list[bytes]:
        """What reads whole mailboxes must not hold up the recipient check."""
        return [ask_format.YES, _json(await asyncio.get_running_loop().run_in_executor(None, work, *arguments))]

    def _files(self) -> tuple[rewrite.Controls, InstalledFiles]:
        """The installed files of now. Raises Temporary."""
        now = asyncio.get_running_loop().time()
        installed, controls = self._installed, self._controls
        if installed is not None and controls is not None and now - self._checked <= FRESH_S:
            return controls, installed
        if installed is None or controls is None or not installed.is_fresh():
            try:
                installed = InstalledFiles(self._home)
                controls = routing.load(installed.control_dir())
            except (Unreadable, OSError) as error:
                raise Temporary("unable to read controls (#4.3.0)", str(error)) from error
            self._installed, self._controls = installed, controls
        self._checked = now
        return controls, installed

    def _explain(self, address: bytes) -> dict[str, Any]:
        controls, installed = self._files()
        found = explain.explain(address, controls, installed, self._default)
        return {"address": found.address, "outcome": found.outcome, "ends": found.ends, "steps": [asdict(s) for s in found.steps]}

    def _domain(self, name: bytes) -> User:
        """The user of a virtual domain, from users/cdb. Raises Permanent."""
        _, installed = self._files()
        data = installed.assigned(b"!%b-" % name.lower())
        if data is None:
            raise Permanent("there is no such virtual domain")
        return users_assign.read_user(data)

    @staticmethod
    def _usage(domain: User) -> dict[str, Any]:
        accounts_ = vpasswd.read(atomic.read(domain.home + b"/vpasswd") or b"")
        return {"mailboxes": {a.name.decode("latin-1"): _mailbox(a) for a in accounts_}}

    @staticmethod
    def _stale(domain: User, is_dry: bool) -> dict[str, Any]:
        report = stale_mail.sweep(domain.home, clock.now_s(), is_dry=is_dry)
        return {
            "messages": report.messages,
            "size_bytes": report.size_bytes,
            "by_mailbox": {name.decode("latin-1"): n for name, n in report.by_mailbox.items()},
            "by_reason": dict(report.by_reason),
            "sample": [[t.decode("latin-1") if isinstance(t, bytes) else t for t in row] for row in report.sample],
            "troubles": report.troubles,
        }


def _mailbox(account: Account) -> dict[str, Any]:
    """How full one mailbox is; counted, when nobody keeps the books."""
    found: dict[str, Any] = {"size_bytes": None, "messages": None, "last_login": None, "last_ip": ""}
    maildir = account.dir + b"/Maildir"
    try:
        book = maildirquota.load(maildir)
        usage = book.usage if book is not None else maildirquota.recount(maildir, maildirsize.Quota())
        found.update(size_bytes=usage.size_bytes, messages=usage.messages)
    except OSError:  # no Maildir yet
        pass
    try:
        with open(account.dir + b"/lastauth", "rb") as file:
            found.update(last_login=int(os.fstat(file.fileno()).st_mtime), last_ip=file.read(64).decode("latin-1"))
    except OSError:  # nobody ever logged in
        pass
    return found


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii")


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    who = accounts.load(home)
    me = who[accounts.VPOPMAIL]
    sock = ask.listen(os.path.join(home, SOCKET), mode=0o666, owner=(me.uid, me.gid) if os.geteuid() == 0 else None)
    accounts.become(me)
    fds.say(b"vmaild: status: ready\n")
    uids = frozenset((0, me.uid, who[accounts.TAWNY].uid))
    event_loop.run(_serve(sock, Vmaild(home, uids, env.get(b"DEFAULT_DELIVERY", explain.DEFAULT_DELIVERY))))
    return 0


async def _serve(sock: socket.socket, vmaild: Vmaild) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await ask_server.serve(sock, vmaild.answer)
    await stop.wait()
