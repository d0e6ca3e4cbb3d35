"""An instance with one of everything, for tests that walk over all pages: rows, files, and servers that answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.support.answering import Answering, answering
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts.acts import mailbox_add, mailbox_remove
from webadmin.aliases.acts import alias_add
from webadmin.control.acts import control_set
from webadmin.domains.acts import aliasdomain_add, domain_add
from webadmin.models import Alias, AuditRow, Delivery, Domain, Login, Mailbox, Message, Refused, TaskRun

MESSNUM = 4711
HOSTILE = "\"><svg/onload=alert(1)>'{{7*7}}"
NOW = int(time.time())

SUMMARY = {
    "messnum": MESSNUM,
    "birth": NOW - 3600,
    "sender": f"{HOSTILE}@far.example",
    "size": 2048,
    "recipients": 2,
    "left": 1,
    "first": f"{HOSTILE}@example.org",
    "next": NOW + 600,
    "is_active": False,
    "is_bouncing": True,
    "expires": NOW + 86400,
}
_RECIPIENT = {
    "channel": "remote",
    "address": f"{HOSTILE}@far.example",
    "is_done": False,
    "is_under_way": False,
    "report": HOSTILE,
    "reported": NOW,
}
CHANNEL = {"running": 1, "limit": 20, "scheduled": 1, "is_alive": True}
STATUS = {"messages": 1, "waiting": 0, "is_exiting": False, "local": CHANNEL, "remote": CHANNEL}


def queue_answer(words: list[bytes]) -> Any:
    match words:
        case [b"status"]:
            return STATUS
        case [b"list", _, _]:
            return {"total": 1, "messages": [SUMMARY]}
        case [b"show", b"4711"]:
            return {**SUMMARY, "all_recipients": [_RECIPIENT, {**_RECIPIENT, "is_done": True}], "next_by_channel": {}}
        case [b"head", b"4711"]:
            return b"Subject: " + HOSTILE.encode() + b"\n\n\xff\x00body\n"
        case [b"retry" | b"bounce" | b"delete", b"4711" | b"all"]:
            return {}
    return [b"D", b"there is no such message in the queue any more"]


def vmaild_answer(words: list[bytes]) -> Any:
    match words:
        case [b"usage", _]:
            return {"mailboxes": {"joe": {"size_bytes": 9 << 20, "messages": 12, "last_login": NOW, "last_ip": "192.0.2.1\n"}}}
        case [b"explain", address]:
            steps = [{"level": 0, "title": "SMTP", "text": HOSTILE, "source": "control/rcpthosts:1"}]
            return {"address": address.decode("utf-8", "replace"), "outcome": HOSTILE, "ends": [HOSTILE, HOSTILE], "steps": steps}
    return [b"D", b"vmaild does not know that question"]


class Town:
    """One of everything, and the keys that URLs need."""

    def __init__(self, instance: Instance, queue: Answering, vmaild: Answering) -> None:
        self.instance, self.queue, self.vmaild = instance, queue, vmaild
        who = Actor("ada", "192.0.2.1")
        domain = domain_add(who, "example.org", password="geheim7890")
        self.joe = mailbox_add(who, domain, "joe", "geheim7890", gecos=HOSTILE, quota="10M")
        mailbox_remove(who, mailbox_add(who, domain, "gone", "geheim7890"))
        self.alias = alias_add(who, domain, "sales.dept", ["joe@far.example"])
        aliasdomain_add(who, domain, "old.example")
        control_set(who, "control/smtproutes", b"far.example:relay.example\n")
        self.removed = next(path.name for path in (instance.home / "removed").iterdir())
        now = timezone.now()
        self.message = Message.objects.create(
            messnum=MESSNUM,
            born_at=now - timedelta(hours=1),
            size_bytes=2048,
            sender=f"{HOSTILE}@far.example",
            sender_domain="far.example",
            qp=1,
            uid=2,
        )
        for number, outcome in enumerate(Delivery.Outcome.values, 1):
            Delivery.objects.create(
                message=self.message, number=number, channel="remote", recipient=f"{HOSTILE}@far.example", domain="far.example",
                started_at=now - timedelta(minutes=9), finished_at=now - timedelta(minutes=8), outcome=outcome,
                delay_s=1, xdelay_s=1, report=HOSTILE,
            )  # fmt: skip
        Refused.objects.create(
            service="smtpd", at=now, ip="192.0.2.9", sender=HOSTILE, recipient=HOSTILE, command=HOSTILE, reply=HOSTILE, why=HOSTILE
        )
        Login.objects.create(at=now, outcome="deny", service="pop3", name=HOSTILE, ip="192.0.2.9", why=HOSTILE)
        sample = ["joe", ".Trash", f"1.{HOSTILE}", "trash", 2048]
        found = {
            "name": "example.org",
            "messages": 1,
            "size_bytes": 2048,
            "by_mailbox": {"joe": 1},
            "by_reason": {"trash": 1},
            "sample": [sample],
        }
        details = {"is_dry": True, "troubles": [HOSTILE], "domains": [{**found, "troubles": []}]}
        self.run = TaskRun.objects.create(
            name="stale_cleanup", who=HOSTILE, state="done", started_at=now, finished_at=now, summary=HOSTILE, details=details
        )
        TaskRun.objects.create(name="drift_check", state="done", started_at=now, finished_at=now, summary="2", details={"number": 2})
        self.audit = AuditRow.objects.create(
            who=HOSTILE,
            origin=HOSTILE,
            act=HOSTILE,
            kind=HOSTILE,
            name=HOSTILE,
            words="",
            before={HOSTILE: f"{HOSTILE}\n1"},
            after={HOSTILE: 2},
        )
        log = instance.home / "service/smtpd/log/main"
        log.mkdir(parents=True, exist_ok=True)
        (log / "current").write_bytes(b"@400000006b01000000000000 " + HOSTILE.encode() + b"\n\xff\xfe no time\n")


@contextmanager
def town(instance: Instance) -> Iterator[Town]:
    with (
        answering(instance.home / "run/qmail-send/orders", queue_answer) as queue,
        answering(instance.home / "run/vmaild", vmaild_answer) as vmaild,
    ):
        yield Town(instance, queue, vmaild)


# -- rows without files, for lists ---------------------------------------------------------------------------------------------------


def domain_row(name: str = "example.org", **more: Any) -> Domain:
    return Domain.objects.create(**{"name": name, "uid": 1, "gid": 1, "directory": f"/home/domains/{name}", **more})


def mailbox_row(domain: Domain, name: str, **more: Any) -> Mailbox:
    place = f"{domain.directory}/{name}"
    return Mailbox.objects.create(**{"domain": domain, "name": name, "crypt": "x", "directory": place, "position": 1, **more})


def alias_row(domain: Domain, name: str, body: bytes) -> Alias:
    """name: as in the file's name."""
    return Alias.objects.create(domain=domain, name=name, body=body)


def other_name(domain: Domain, name: str) -> Domain:
    return domain_row(name, kind=Domain.Kind.ALIAS, real=domain, directory=domain.directory)
