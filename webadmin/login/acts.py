"""Log an operator in. A name nobody has costs the same time as a wrong password, and gets the same answer.

Throttle   decisions/throttle, for the name and for the address (of IPv6 the first 64 bits): after ten failures a further try has to wait up
           to 30 seconds from the last one on. A waiting try is turned away rather than kept: a thread that sleeps serves nobody.
Order      a try counts as a failure before the password is looked at, and is forgiven afterwards: many tries at once are counted as many.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
import time

from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from mta.decisions import throttle
from mta.decisions.throttle import Failures, Throttle
from webadmin import client
from webadmin.access import Actor
from webadmin.audit.record import record
from webadmin.models import LoginFailure

_LOG = logging.getLogger(__name__)
# A check takes 100 MB for some tenths of a second.
_CHECKS = threading.BoundedSemaphore(2)


class TooMany(Exception):
    """wait_s: until another try is looked at."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


def log_in(request: HttpRequest, name: str, password: str) -> bool:
    """False: this name and password do not belong together. Raises TooMany."""
    origin = client.address(request)
    keys = _keys(name, origin)
    _count(keys, int(time.time()))
    with _CHECKS:
        user = authenticate(request, username=name, password=password)
    if not isinstance(user, User) or not user.is_superuser:
        _LOG.warning("login of %r from %s refused", name, origin)
        return False
    _forgive(keys)
    login(request, user)
    record(Actor(user.get_username(), origin), "login", "operator", user.get_username())
    return True


def is_own_password(who: Actor, user: User, password: str) -> bool:
    """Does somebody who is logged in know the password, too? Guessing is held back as at the login. Raises TooMany."""
    keys = _keys(user.get_username(), who.origin)
    _count(keys, int(time.time()))
    with _CHECKS:
        is_right = user.check_password(password)
    if is_right:
        _forgive(keys)
    return is_right


def _keys(name: str, origin: str) -> tuple[str, ...]:
    """The name first: a success forgives it, and not the address."""
    return f"name {name.casefold()[:150]}", f"ip {_network(origin)}"


def _network(origin: str) -> str:
    try:
        found = ipaddress.ip_address(origin)
    except ValueError:
        return origin
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else origin


@transaction.atomic
def _count(keys: tuple[str, ...], now_s: int) -> None:
    """One failure more for each key. Raises TooMany, counting nothing."""
    LoginFailure.objects.filter(last_s__lt=now_s - throttle.FORGET_S).delete()
    rows = {row.key: row for row in LoginFailure.objects.select_for_update().filter(key__in=keys).order_by("key")}
    known = {key: Failures(row.count, row.last_s) for key, row in rows.items()}
    memory = Throttle({key.encode(): found for key, found in known.items()})
    for key in keys:
        wait_s = known[key].last_s + memory.delay_s((key.encode(),), now_s) - now_s if key in known else 0
        if wait_s > 0:
            raise TooMany(wait_s)
    memory.failed(tuple(key.encode() for key in keys), now_s)
    for key in keys:
        count = memory.by_key[key.encode()].count
        LoginFailure.objects.update_or_create(key=key, defaults={"count": count, "last_s": now_s})


@transaction.atomic
def _forgive(keys: tuple[str, ...]) -> None:
    """The name has no failures any more, the address one less: those of other tries stay."""
    name, origin = keys
    LoginFailure.objects.filter(key=name).delete()
    LoginFailure.objects.filter(key=origin, count__gt=0).update(count=F("count") - 1)
