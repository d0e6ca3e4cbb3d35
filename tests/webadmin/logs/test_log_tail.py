"""The end of a service's log."""

from __future__ import annotations

from pathlib import Path

import pytest

from mta.formats import tai64n
from tests.support.browser import Browser
from webadmin.mirror import services

pytestmark = pytest.mark.django_db
URL = "/logs/services/smtpd"


@pytest.fixture(autouse=True)
def log(home: Path) -> Path:
    folder = home / "service/smtpd/log/main"
    folder.mkdir(parents=True)
    (home / "service/vmaild").mkdir()
    return folder / "current"


def lines(browser: Browser) -> list[str]:
    return [t.text for t in browser.piece(URL).all("li")]


def test_the_newest_line_comes_first_with_its_time(web: Browser, log: Path) -> None:
    log.write_bytes(
        tai64n.write(1_700_000_000 * 10**9) + b" first <b>\n" + tai64n.write(1_700_000_060 * 10**9) + b" second \xff\nno time\n"
    )
    assert lines(web) == ["no time", "2023-11-14 22:14:20second \\xff", "2023-11-14 22:13:20first <b>"]


def test_a_long_log_is_read_at_its_end_alone(web: Browser, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "TAIL_SIZE", 100)
    monkeypatch.setattr(services, "LINES_MAX", 3)
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)))
    assert lines(web) == ["line 999", "line 998", "line 997"]


@pytest.mark.parametrize(("data", "said"), [(b"", "Its log is empty"), (None, "Its log cannot be read: No such file or directory.")])
def test_a_log_with_nothing_in_it(web: Browser, log: Path, data: bytes | None, said: str) -> None:
    if data is not None:
        log.write_bytes(data)
    assert said in web.page(URL).text


def test_the_other_services_are_one_step_away(web: Browser, log: Path) -> None:
    page = web.page(URL)
    pills = [t for t in page.all("a") if (nav := t.inside("nav")) and nav.get("aria-label") == "Services"]
    assert [(t.text, t.get("aria-current")) for t in pills] == [("smtpd", "page"), ("vmaild", "")]


@pytest.mark.parametrize("name", ["nothing", "..", ".", "smtpd%00"])
def test_a_service_that_is_not_there_is_not_found(web: Browser, name: str) -> None:
    web.page(f"/logs/services/{name}", 404)
