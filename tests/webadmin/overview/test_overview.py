"""The overview: is all well, and what happened in the last hour?"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from mta.formats import supervise_status
from tests.support.answering import Answering
from tests.support.browser import Browser, Page
from webadmin.models import Accepted, LogPosition, Message, Refused, TaskRun

pytestmark = pytest.mark.django_db


def numbers(page: Page) -> dict[str, str]:
    stats = [" ".join(t.text.split()) for t in page.all("a") if t.get("class") == "stat"]
    return {
        label.strip(): value for value, label in ((s[: len(s) - len(s.lstrip("0123456789?,"))], s.lstrip("0123456789?,")) for s in stats)
    }


def alerts(page: Page) -> str:
    return " ".join(" ".join(t.text.split()) for t in page.tags if t.get("role") == "alert")


def service(home: Path, name: str, pid: int, want: bytes = b"u") -> None:
    (home / "service" / name / "supervise").mkdir(parents=True)
    (home / "service" / name / "run").write_text(f"#!/bin/sh\n# does {name}. Made by deploy\n")
    status = supervise_status.Status(time.time_ns() - 10**13, pid, False, want)
    (home / "service" / name / "supervise/status").write_bytes(supervise_status.write(status))


def test_on_a_quiet_day_nothing_alarms(web: Browser, queue: Answering, home: Path) -> None:
    service(home, "smtpd", os.getpid())
    service(home, "pop3d", 0, want=b"d")
    page = web.page("/")
    assert alerts(page) == ""
    assert numbers(page) == {
        **dict.fromkeys(("accepted", "refused", "delivered", "deferred", "failed", "bounced"), "0"),
        "in the queue": "1",
    }
    assert "the logs were not read yet" in page.text and "stopped on purpose" in page.text


def test_the_last_hour_is_counted_and_drawn(web: Browser, queue: Answering) -> None:
    now = timezone.now()
    LogPosition.objects.create(service="smtpd", newest_at=now)
    for minutes in (1, 2, 90):
        Accepted.objects.create(
            service="smtpd", at=now - timedelta(minutes=minutes), ip="192.0.2.7", qp=1, size_bytes=1, recipients=1, protocol="ESMTP"
        )
    Refused.objects.create(service="smtpd", at=now, ip="192.0.2.7")
    message = Message.objects.create(messnum=1, born_at=now, bounced_at=now)
    for number, outcome in enumerate(("success", "deferral", "deferral", "failure")):
        message.deliveries.create(number=number, started_at=now, finished_at=now, outcome=outcome, delay_s=1, xdelay_s=1)
    page = web.page("/")
    assert numbers(page) == {
        "in the queue": "1",
        "accepted": "2",
        "refused": "1",
        "delivered": "1",
        "deferred": "2",
        "failed": "1",
        "bounced": "1",
    }
    labels = [t.get("aria-label") for t in page.all("svg") if t.get("role") == "img"]
    assert "In: 2 accepted, 1 refused" in labels and "Deliveries: 1 delivered, 2 deferred, 1 failed" in labels
    assert "logs read up to just now" in page.text


def test_each_number_leads_to_its_list(web: Browser, queue: Answering) -> None:
    page = web.page("/")
    for link in [t.get("href") for t in page.all("a") if t.get("class") == "stat"]:
        web.page(link)


def test_a_service_that_is_down_is_named_with_its_log(web: Browser, queue: Answering, home: Path) -> None:
    service(home, "smtpd", 0)
    page = web.page("/")
    assert alerts(page) == "smtpd is down (does smtpd). Its log says why."
    assert "/logs/services/smtpd" in page.links()


def test_without_qmail_send_it_says_that_mail_waits(web: Browser, home: Path) -> None:
    page = web.page("/")
    assert numbers(page)["in the queue"] == "?"
    assert "qmail-send does not answer: mail is still taken in, and waits." in alerts(page)


def test_drift_and_failed_tasks_are_told(web: Browser, queue: Answering) -> None:
    then = timezone.now() - timedelta(hours=3)
    TaskRun.objects.create(name="drift_check", state="done", started_at=then, finished_at=then, details={"number": 1})
    failed = TaskRun.objects.create(name="analyse_logs", state="failed", started_at=then, finished_at=then, summary="no such directory")
    page = web.page("/")
    assert "1 file is not as the database has it" in page.text and "/control/drift" in page.links()
    assert "failed 3 hours ago no such directory" in page.text and f"/tasks/runs/{failed.pk}" in page.links()


def test_the_disk_is_measured_where_the_mail_lies(web: Browser, queue: Answering, home: Path) -> None:
    assert "for the queue, mailboxes, configuration and logs" in web.page("/").text
    for name in ("queue", "domains", "service"):
        (home / name).rename(home / f"{name}.away")
    assert "the instance’s directories cannot be read" in web.page("/").text


def test_it_follows_by_itself(web: Browser, queue: Answering) -> None:
    (live,) = [t for t in web.page("/").tags if t.get("hx-trigger") == "every 15s"]
    assert (live.get("id"), web.piece("/").tags[0].get("id")) == ("overview", "overview")
