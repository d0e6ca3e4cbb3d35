"""One control file: edit, see what would change, install."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from tests.support.browser import Browser, Page
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.control.acts import control_remove, control_set
from webadmin.models import AuditRow, ConfigFile, Domain

URL = "/control/file/control/rcpthosts"
WAS = b"localhost\nmail.example.org\n"


def form(page: Page, value: str | None = None, do: str = "preview") -> dict[str, str]:
    """The form of a page as it is sent, with another value."""
    fields = {name: page.value(name) for name in ("value", "charset", "seen")}
    return {**fields, "do": do} | ({} if value is None else {"value": value})


def test_a_change_is_shown_before_it_is_made(web: Browser, instance: Instance) -> None:
    page = web.page(URL)
    assert page.value("value") == WAS.decode()
    preview = web.send(URL, form(page, "localhost\nnew.example"), status=200)
    assert preview.heading == "What would change"
    assert {t.text for t in preview.all("span") if t.get("class") == "is-added"} == {"+new.example"}
    assert {t.text for t in preview.all("span") if t.get("class") == "is-removed"} == {"-mail.example.org"}
    assert "mail.example.org" in [t.text.strip() for t in preview.all("td")], "whose mail goes another way"
    assert instance.read("control/rcpthosts") == WAS
    installed = web.done(URL, form(preview, do="install"), to=URL)
    assert instance.read("control/rcpthosts") == b"localhost\nnew.example\n"
    assert "control/rcpthosts was installed as generation" in installed.text
    row = AuditRow.objects.get(act="control_set")
    assert f"/audit/{row.pk}" in installed.links(), "its history"


def test_a_compiled_file_is_previewed_by_its_keys(web: Browser, instance: Instance) -> None:
    url = "/control/file/control/tcp.smtp"
    preview = web.send(url, form(web.page(url), '192.0.2.:allow,RELAYCLIENT=""\n'), status=200)
    assert "Compiled to control/tcp.smtp.cdb" in preview.text and "comes 192.0.2." in preview.text


def test_editing_further_keeps_what_was_typed(web: Browser, instance: Instance) -> None:
    preview = web.send(URL, form(web.page(URL), " odd & <b>\n"), status=422)
    assert preview.value("value") == " odd & <b>\n"
    good = web.send(URL, form(web.page(URL), "\nfirst.example\n"), status=200)
    again = web.send(URL, form(good, do="edit"), status=200)
    assert again.value("value").replace("\r", "") == "\nfirst.example\n" and again.heading == "control/rcpthosts"


def test_nothing_would_change(web: Browser, instance: Instance) -> None:
    preview = web.send(URL, form(web.page(URL)), status=200)
    assert "Nothing: the file has these contents already." in preview.text
    assert "install" not in [t.get("value") for t in preview.all("button")]


@pytest.mark.parametrize(
    ("why", "name", "value", "said"),
    [
        ("two lines", "me", "a.example\nb.example\n", "Only the first line"),
        ("no number", "concurrencyremote", "many\n", "This must be a number"),
        ("no domain", "rcpthosts", "# x\njoe@a.example\n", "Line 2 is not a domain"),
        ("no rule", "tcp.smtp", "127.:yes\n", "Line 1 is no rule"),
    ],
)
@pytest.mark.parametrize("do", ["preview", "install"])
def test_a_value_that_cannot_be_is_said_beside_it(
    web: Browser, instance: Instance, why: str, name: str, value: str, said: str, do: str
) -> None:
    url = f"/control/file/control/{name}"
    before = instance.read(f"control/{name}")
    page = web.send(url, form(web.page(url), value, do))
    assert said in page.error("value"), why
    assert page.value("value") == value
    assert instance.read(f"control/{name}") == before


def test_a_domain_is_not_both_local_and_virtual(web: Browser, org: Domain, instance: Instance) -> None:
    url = "/control/file/control/locals"
    assert "Both in locals and in virtualdomains: example.org." in web.send(url, form(web.page(url), "example.org\n")).error("value")


@pytest.mark.parametrize("do", ["preview", "install"])
def test_what_somebody_else_has_changed_meanwhile_is_not_undone(web: Browser, instance: Instance, ada: Actor, do: str) -> None:
    page = web.page(URL)
    control_set(Actor("bo", "192.0.2.2"), "control/rcpthosts", b"bo.example\n")
    late = web.send(URL, form(page, "ada.example\n", do))
    assert "control/rcpthosts was changed by bo while you looked at it." in late.text
    assert late.value("value") == "ada.example\n"
    assert "install" not in [t.get("value") for t in web.send(URL, form(late, do=do)).all("button")], "nor when it is sent again"
    assert instance.read("control/rcpthosts") == b"bo.example\n"


def test_what_was_edited_on_the_machine_is_not_written_over(web: Browser, instance: Instance) -> None:
    page = web.page(URL)
    (instance.home / "control/rcpthosts").write_bytes(b"by.hand.example\n")
    assert "control/rcpthosts was changed by somebody else" in web.send(URL, form(page, "ada.example\n", "install")).text
    assert instance.read("control/rcpthosts") == b"by.hand.example\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("servercert.pem", "never passes through the browser"),
        ("morercpthosts.cdb", "Edit control/morercpthosts ."),
        ("tlshosts", "This is a directory."),
    ],
)
def test_some_are_not_edited_in_a_browser(web: Browser, home: Path, name: str, said: str) -> None:
    page = web.page(f"/control/file/control/{name}")
    assert said in page.text
    assert page.all("textarea") == []
    web.send(f"/control/file/control/{name}", {"value": "x", "charset": "utf-8", "seen": "", "do": "install"}, status=200)
    assert not (home / "control" / name).exists()


@pytest.mark.parametrize("path", ["queue/x", "control/..", "users/nothing", "control/a%00b", "control/" + "x" * 65])
def test_what_can_be_no_control_file_is_not_found(web: Browser, home: Path, path: str) -> None:
    web.page(f"/control/file/{path}", 404)


def test_the_help_of_a_file_says_what_holds_without_it(web: Browser, home: Path) -> None:
    text = web.page("/control/file/control/queuelifetime").text
    assert "Without it 604800" in html.unescape(text) and "Read by qmail-send" in text
    assert "not there: the default holds" in text and "Nobody has changed it here yet." in text


def test_a_stranger_changes_nothing(dee: Browser, web: Browser, instance: Instance) -> None:
    assert dee.post(URL, form(web.page(URL), "evil.example\n", "install"))["Location"] == "/login"
    assert instance.read("control/rcpthosts") == WAS


ROUTES = b":relay.example:587|joe|s3cret word|x\nexample.net:192.0.2.9\n"


def test_a_file_with_passwords_is_not_shown_nor_edited(web: Browser, instance: Instance) -> None:
    ConfigFile.objects.create(folder="control", name="smtproutes", value=ROUTES, changed_by="deploy")
    page = web.page("/control/file/control/smtproutes")
    assert "passwords, which never pass through the browser" in page.text and "textarea" not in [t.name for t in page.tags]
    listed = web.page("/control?search=smtproutes")
    assert "a list, one key:value a line" in listed.text
    assert "smtproutes" not in web.piece("/control?search=s3cret").text, "nor can it be guessed by searching"
    for source in (page.source, listed.source, web.page("/control").source):
        assert "s3cret" not in source
    sent = {"value": "x:y", "charset": "utf-8", "seen": "", "do": "install"}
    told = web.send("/control/file/control/smtproutes", sent, status=200)
    assert "s3cret" not in told.source and bytes(ConfigFile.objects.get(name="smtproutes").value) == ROUTES


def test_the_audit_log_has_no_passwords(web: Browser, instance: Instance) -> None:
    ConfigFile.objects.create(folder="control", name="smtproutes", value=ROUTES, changed_by="deploy")
    (instance.home / "control/smtproutes").write_bytes(ROUTES)
    control_remove(Actor("ada", "tests"), "control/smtproutes")
    row = AuditRow.objects.get(act="control_remove")
    assert row.before == {"value": ":relay.example:587|joe|(password)\nexample.net:192.0.2.9\n"}
    assert "s3cret" not in row.words
