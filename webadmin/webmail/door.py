"""Who may come in, and the one way from a request to a mailbox.

Login     the login broker checks the password and holds guessing back (mta/unix/login.py); the session then remembers the address and where
          the mailbox is. Nothing a browser sends names a mailbox.
Session   ends after two hours of rest, and after twelve in any case: a password that was changed or a mailbox that was locked counts again
          from then on.
View      a screen decorated with mailbox_view gets a Visit: the open mailbox and its index, closed when the answer is ready.
"""

from __future__ import annotations

import functools
import logging
import os
import time
import zoneinfo
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from mta.errors import MailError, Permanent
from mta.formats.login_call import WEBMAIL, Login
from mta.unix import login as unix_login
from mta.unix import mail_folder
from mta.unix import mailbox as unix
from webadmin import client
from webadmin.webmail import mailboxes, preferences
from webadmin.webmail.index import Index, Row

log = logging.getLogger(__name__)

LIFE_S = 12 * 3600
_KEYS = ("address", "dir", "since")


class Refused(Exception):
    """text: for the person. is_temporary: it says nothing about name or password."""

    def __init__(self, text: str, *, is_temporary: bool) -> None:
        super().__init__(text)
        self.is_temporary = is_temporary


def home() -> bytes:
    return os.fsencode(settings.QMAIL_HOME)


def check_password(name: str, password: str, ip: str) -> Login:
    """The login broker's answer. Raises Refused: with the same words for an unknown name and a wrong password."""
    try:
        return unix_login.check(home(), WEBMAIL, name.encode(), password.encode(), ip.encode())
    except MailError as error:
        log.info("webmail: login refused: %r from %s: %s", name[:255], ip, error.why or error.text)
        if isinstance(error, Permanent):
            raise Refused("This address and password do not match.", is_temporary=False) from error
        raise Refused("Passwords cannot be checked at the moment. Please try again in a few minutes.", is_temporary=True) from error


def enter(request: HttpRequest, login: Login, zone: str) -> None:
    """Begin a session. zone: the browser's time zone, if it told."""
    request.session.flush()
    request.session["address"] = login.name.decode("utf-8", "replace")
    request.session["dir"] = os.fsdecode(login.dir)
    request.session["since"] = int(time.time())
    if zone in preferences.time_zones():
        request.session["zone"] = zone
    request.session.clear_expired()
    log.info("webmail: %s logged in from %s", request.session["address"], client.address(request))


def address_of(request: HttpRequest) -> str | None:
    """Whose session it is; None without one that is still good."""
    session = request.session
    if any(k not in session for k in _KEYS) or time.time() - session["since"] > LIFE_S:
        return None
    return str(session["address"])


class Visit:
    """One request of somebody who is in."""

    def __init__(self, request: HttpRequest, address: str) -> None:
        self.request = request
        self.address = address
        self.mailbox = unix.Mailbox(os.path.join(os.fsencode(request.session["dir"]), b"Maildir"))
        self._index: Index | None = None
        self._folders: list[mailboxes.Folder] | None = None

    def close(self) -> None:
        if self._index is not None:
            self._index.close()
        self.mailbox.close()

    @property
    def index(self) -> Index:
        if self._index is None:
            self._index = Index(self.mailbox)
        return self._index

    @functools.cached_property
    def preferences(self) -> preferences.Preferences:
        return preferences.load(self.mailbox)

    @functools.cached_property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.preferences.time_zone or self.request.session.get("zone") or "UTC")

    @property
    def folders(self) -> list[mailboxes.Folder]:
        if self._folders is None:
            directories = self.mailbox.folders()
            self.index.forget_folders(directories)
            self._folders = mailboxes.folders(directories)
        return self._folders

    def forget_folders(self) -> None:
        """The list of folders has changed."""
        self._folders = None

    def folder(self, slug: str) -> mailboxes.Folder:
        """Raises Http404."""
        found = mailboxes.by_slug(self.folders, slug)
        if found is None:
            raise Http404("There is no such folder.")
        return found

    def special(self, directory: bytes) -> mailboxes.Folder:
        """INBOX or one of the special folders, whether it is there or not."""
        return next(f for f in self.folders if f.directory == directory)

    def row(self, folder: mailboxes.Folder, key: str) -> Row:
        """Raises Http404."""
        found = self.index.find(folder.directory, key) if folder.is_there else None
        if found is None:
            raise Http404("This message is not here any more.")
        return found

    def open(self, folder: mailboxes.Folder, row: Row) -> mail_folder.MessageFile:
        """Raises Http404, PermissionError."""
        disk = self.mailbox.folder(folder.directory)
        try:
            return disk.open(row.entry)
        except FileNotFoundError:
            entry = disk.find(row.entry.base)  # its flags may have changed since the listing
        if entry is None:
            raise Http404("This message is not here any more.")
        return disk.open(entry)

    def frame(self, current: mailboxes.Folder | None = None) -> dict[str, object]:
        """What every page shows around its own content."""
        counted = [(f, self.index.counts(f.directory)[1] if f.is_there else 0) for f in self.folders]
        return {"visit": self, "address": self.address, "theme": self.preferences.theme, "counted_folders": counted, "current": current}


_P = ParamSpec("_P")
_View = Callable[Concatenate[HttpRequest, Visit, _P], HttpResponseBase]


def mailbox_view(view: _View[_P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
    """A screen that needs a mailbox: without a session it leads to the login, and back."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        address = address_of(request)
        if address is None:
            return to_login(request)
        try:
            visit = Visit(request, address)
        except OSError as error:
            return _trouble(request, error)
        try:
            response = view(request, visit, *args, **kwargs)
            response.headers.setdefault("Cache-Control", "private, no-store")  # no mail is left behind on a computer of many
            return response
        except OSError as error:
            return _trouble(request, error)
        finally:
            visit.close()

    return wrapped


def to_login(request: HttpRequest) -> HttpResponse:
    """A page leads to the login, and back. A form comes back with all that was written in it, to be sent again."""
    request.session.flush()
    login = reverse("webmail:login")
    if request.method == "GET":
        target = f"{login}?{urlencode({'next': request.get_full_path()})}"
        if request.headers.get("HX-Request"):  # a piece of a page was asked for: the whole page must change
            return HttpResponse(status=204, headers={"HX-Redirect": target})
        return redirect(target)
    written = [(name, value) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken" for value in values]
    return render(request, "webmail/session_over.html", {"written": written, "had_files": bool(request.FILES)}, status=401)


def _trouble(request: HttpRequest, error: OSError) -> HttpResponse:
    """The disk is full, the mailbox is gone or belongs to somebody else."""
    log.error("webmail: %s: %s", request.session.get("address"), error)
    context = {
        "title": "The mailbox cannot be used right now",
        "text": f"The server says: {error.strerror or 'input/output error'}. Nothing was lost; please try again in a moment.",
    }
    return render(request, "webmail/problem.html", context, status=503)
