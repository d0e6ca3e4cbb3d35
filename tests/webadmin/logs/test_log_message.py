"""One message, from its arrival to its end, and its lines in the log files."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser
from tests.webadmin.logs.conftest import Logs
from webadmin.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(logs: Logs) -> str:
    logs.write("smtpd", "smtpd: ok: 192.0.2.7: qp 77 from <joe@x.example> bytes 295 recipients 1 helo mx.x.example ESMTPS")
    logs.mail("new msg 5", "info msg 5: bytes 900 from <joe@x.example> qp 77 uid 64011")
    logs.mail("starting delivery 1: msg 5 to remote b@y.example", "delivery 1: deferral: 450_<script>alert(1)</script>/")
    logs.analyse()
    return f"/logs/messages/{Message.objects.get().pk}"


def test_it_tells_what_happened_and_what_comes_next(web: Browser, url: str) -> None:
    page = web.page(url)
    assert page.heading == "Message 5"
    assert "From joe@x.example. 900 B. It is in the queue." in page.text and "/queue/5" in page.links()
    steps = [" ".join(t.text.split()) for t in page.all("p") if t.inside("ol") and t.get("class") == "break"]
    assert steps == [
        "smtpd took it from 192.0.2.7 (mx.x.example, ESMTPS) for 1 recipient.",
        "qmail-send took it from the queue: 900 octets from <joe@x.example>, qp 77, uid 64011.",
        "Not delivered to b@y.example (remote) yet: 450 <script>alert(1)< script>.",
        "To be tried again: b@y.example (remote).",
    ]


def test_its_bounce_is_one_step_away(web: Browser, url: str, logs: Logs) -> None:
    logs.mail("starting delivery 2: msg 5 to remote b@y.example", "delivery 2: failure: 550_no/", "bounce msg 5 qp 78", "end msg 5")
    logs.mail("new msg 6", "info msg 6: bytes 2000 from <> qp 78 uid 64013")
    logs.analyse()
    page = web.page(url)
    assert "It left the queue" in page.text and "/queue/5" not in page.links()
    (bounce,) = [link for link in page.links() if link.startswith("/logs/messages/")]
    back = web.page(bounce)
    assert "A bounce." in back.text and url in back.links()


def test_the_lines_are_read_when_asked_for(web: Browser, url: str) -> None:
    assert "?lines=1#lines" in web.page(url).links()
    page = web.page(url + "?lines=1")
    lines = [t.text for t in page.all("li") if (o := t.inside("ol")) and o.get("class") == "log"]
    assert [line[19:].split(": ")[0] for line in lines] == [
        "smtpd/ smtpd",
        "new msg 5",
        "info msg 5",
        "starting delivery 1",
        "delivery 1",
    ]


def test_log_files_that_are_gone(web: Browser, url: str, logs: Logs) -> None:
    for service in ("smtpd", "qmail-send"):
        (logs.folder(service) / "current").unlink()
    assert "The log files do not go back that far." in web.page(url + "?lines=1").text


def test_a_message_nobody_knows_is_not_found(web: Browser) -> None:
    web.page("/logs/messages/1", 404)
