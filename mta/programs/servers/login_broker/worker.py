"""A child of the broker: one login, and perhaps the session after it.

As root it only looks up the domain in users/cdb, to learn whose files the domain's are. Then it becomes that user, and only then opens the
domain's vpasswd.cdb, hashes the password and, with a connection in hand, serves the mailbox on it.
Order    whatever is wrong, one hash is worked out and the answer comes at a multiple of DENIAL_S after the request: neither its words nor
         its time tell whether there is such a user. The broker hears the verdict first, and may say that there are sessions enough.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from mta.decisions import login_name
from mta.errors import MailError, Permanent, Temporary
from mta.formats import login_call, users_assign, vpasswd
from mta.formats.login_call import Login, Request
from mta.net.pop3 import mailbox, stdio
from mta.net.pop3.mailbox import Mailbox
from mta.net.pop3.state import RFC
from mta.unix import accounts, cdbfile, clock, crypt, title
from mta.unix.controls import ControlDir, Unreadable

DENIAL_S = 0.25
SWITCHED_OFF = {
    login_call.POP3: vpasswd.NO_POP,
    login_call.SMTP: vpasswd.NO_SMTP,
    login_call.IMAP: vpasswd.NO_IMAP,
    login_call.WEBMAIL: vpasswd.NO_WEBMAIL,
}
GO = b"K"  # the broker's leave to begin the session
_CANNOT_TELL = "unable to check that now"


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is born with. nobody: who it becomes when there is no such domain."""

    home: bytes
    nobody: accounts.Account
    request: Request
    answer: socket.socket  # to the front
    broker: socket.socket
    client: socket.socket | None
    began_s: float  # of the monotonic clock


def run(job: Job) -> int:
    """The child's whole life -> its exit code."""
    try:
        login = check(job.home, job.request, job.nobody, is_session=job.client is not None)
        box = None if job.client is None else _open_mailbox(job.request.service, login)
        _settle(job, login)
    except MailError as failure:
        _tell_broker(job, failure)
        if isinstance(failure, Permanent):
            time.sleep(_until_denial_s(time.monotonic() - job.began_s))
        _answer(job, login_call.write_failure(failure))
        return 0
    if _answer(job, login_call.write_login(login)) and job.client is not None and box is not None:
        job.answer.close()
        job.client.setblocking(False)
        fd = job.client.fileno()
        stdio.serve(RFC, box, stdio.Wire(fd, fd), job.request.unread)
    return 0


def _settle(job: Job, login: Login) -> None:
    """The password is right: tell the broker, have its leave for a session, note the login. Raises Temporary."""
    job.broker.send(b"K" + login.name)
    if job.client is not None and job.broker.recv(1) != GO:
        raise Temporary("too many sessions")
    _note_login(login.dir, job.request.ip)


def _tell_broker(job: Job, failure: MailError) -> None:
    try:
        job.broker.send(failure.letter + (failure.why or failure.text).encode("utf-8", "replace")[:200])
    except OSError:  # it was restarted meanwhile; the front is owed its answer all the same
        pass


def _answer(job: Job, record: bytes) -> bool:
    """False: the front went away, and with it its client."""
    try:
        job.answer.send(record)
    except OSError:
        return False
    return True


def _until_denial_s(passed_s: float) -> float:
    """From now to the next multiple of DENIAL_S after the request."""
    return DENIAL_S - passed_s % DENIAL_S


def check(home: bytes, request: Request, nobody: accounts.Account, *, is_session: bool) -> Login:
    """Is it the password? This process is the mailbox's user afterwards. Raises Permanent (the same for every reason), Temporary."""
    try:
        found = _find_domain(home, request.name)
        if found is None:
            accounts.become(nobody)
            crypt.verify(request.password, crypt.DUMMY)
            raise Permanent(login_call.FAILED)
        user, owner = found
        if is_session:
            title.set_([request.service, user + b"@" + owner.user])
        accounts.drop(owner.uid, owner.gid)
        account = _find_account(owner.home, user)
    except (OSError, ValueError, Unreadable) as error:
        raise Temporary(_CANNOT_TELL, str(error)) from error
    is_right = crypt.verify(request.password, crypt.DUMMY if account is None else account.crypt)
    if account is None or not is_right or account.flags & SWITCHED_OFF[request.service]:
        raise Permanent(login_call.FAILED)
    directory = account.dir or os.path.join(owner.home, user)
    if not directory.startswith(b"/"):
        raise Temporary(_CANNOT_TELL, "the directory in vpasswd is no full path")
    return Login(user + b"@" + owner.user, directory, account.quota, account.flags, owner.uid, owner.gid)


def _find_domain(home: bytes, name: bytes) -> tuple[bytes, users_assign.User] | None:
    """-> (user, the owner of the domain's files), or None. Raises OSError, ValueError, Unreadable."""
    database = cdbfile.open_(os.path.join(home, b"users/cdb"))
    if database is None:
        return None
    defaults = _default_domains(home) if login_name.is_bare(name) else []
    for user, domain in login_name.candidates(name, defaults):
        data = database.get(b"!%b-" % domain)  # the wildcard as vadddomain writes it, and no other assignment
        if data is not None:
            owner = users_assign.read_user(data)
            # of an alias domain the record names the real one; a system user's name has no dot
            return (user, owner) if b"." in owner.user and owner.dash == b"-" else None
    return None


def _default_domains(home: bytes) -> list[bytes]:
    """For names without a domain: control/defaultdomain, else what control/me is called or lies in."""
    folder = ControlDir(home)
    me = folder.line("me", b"") or b""
    return [d for d in (folder.line("defaultdomain"), me, me.partition(b".")[2]) if d]


def _find_account(domain_dir: bytes, user: bytes) -> vpasswd.Account | None:
    """Raises OSError, ValueError. A domain without its vpasswd.cdb is in trouble, not without users."""
    database = cdbfile.open_(os.path.join(domain_dir, b"vpasswd.cdb"))
    if database is None:
        raise ValueError(f"{os.fsdecode(domain_dir)}/vpasswd.cdb is missing")
    data = database.get(user)
    return None if data is None else vpasswd.read_data(user, data)


def _open_mailbox(service: bytes, login: Login) -> Mailbox:
    """The snapshot a session works on, taken before anybody is told that it begins. Raises Temporary."""
    if service != login_call.POP3:
        raise Temporary(_CANNOT_TELL, f"no sessions of {service.decode('latin-1')} are served here")
    try:
        _make_maildir(login.dir)
        os.chdir(login.dir)
        return mailbox.open_(b"Maildir", RFC, clock.now_s())
    except OSError as error:
        raise Temporary("unable to open that mailbox", f"{os.fsdecode(login.dir)}: {error.strerror}") from error


def _make_maildir(directory: bytes) -> None:
    """A mailbox that never had mail has no Maildir yet. Raises OSError."""
    maildir = os.path.join(directory, b"Maildir")
    if os.path.isdir(os.path.join(maildir, b"cur")):
        return
    for path in (directory, maildir, *(os.path.join(maildir, name) for name in (b"tmp", b"new", b"cur"))):
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            continue


def _note_login(directory: bytes, ip: bytes) -> None:
    """lastauth, as vpopmail keeps it: the address inside, the time outside. Where it cannot be written mail is read all the same."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(os.path.join(directory, b"lastauth"), flags, 0o600)
        with open(fd, "wb") as file:
            file.write(ip)
    except OSError:
        pass
