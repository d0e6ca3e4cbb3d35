"""The services whose logs can be read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mta.formats import supervise_status
from tests.support.browser import Browser

pytestmark = pytest.mark.django_db
HOUR_NS = 3600 * 10**9


def service(home: Path, name: str, **status: object) -> None:
    folder = home / "service" / name
    (folder / "supervise").mkdir(parents=True)
    (folder / "run").write_text(f"#!/bin/sh\n# does what {name} does. Made by deploy\n")
    if status:
        found = {"when_ns": time.time_ns() - 3 * HOUR_NS, "pid": os.getpid(), "is_paused": False, "want": b"u", **status}
        (folder / "supervise/status").write_bytes(supervise_status.write(supervise_status.Status(**found)))  # type: ignore[arg-type]


def rows(browser: Browser) -> list[str]:
    return [" ".join(t.text.split()) for t in browser.page("/logs/services").all("tr")[1:]]


def test_each_says_what_it_is_doing(web: Browser, home: Path) -> None:
    service(home, "running", pid=os.getpid())
    service(home, "paused", is_paused=True)
    service(home, "down", pid=0)
    service(home, "stopped", pid=0, want=b"d")
    service(home, "never")
    assert rows(web) == [
        "down does what down does down 3 hours ago",
        "never does what never does not supervised",
        "paused does what paused does paused",
        "running does what running does up for 3 hours",
        "stopped does what stopped does stopped on purpose, 3 hours ago",
    ]
    assert "/logs/services/down" in web.page("/logs/services").links()


def test_without_services_it_says_how_to_make_them(web: Browser, home: Path) -> None:
    assert "No services are set up" in web.page("/logs/services").text
