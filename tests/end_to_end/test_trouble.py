"""Mail goes on when the web does not, and what hostile people send neither gets lost nor stops a reader."""

from __future__ import annotations

import poplib
import re
import smtplib
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar

import pytest

from mta.formats import supervise_status
from tests.end_to_end.conftest import World
from tests.support.process import eventually
from tests.support.smtp_client import Dialog

DOMAIN, PASSWORD = "trouble.example", "through-thick-and-thin-7"
ADDRESS = f"sam@{DOMAIN}"
CONTROL_PLANE = ("webadmin", "webmail", "celery-worker")


@pytest.fixture(scope="module")
def mail(world: World) -> World:
    world.a.manage("vadddomain", DOMAIN, PASSWORD)
    world.a.manage("vadduser", ADDRESS, PASSWORD)
    return world


def is_up(world: World, service: str) -> bool:
    data = (world.a.home / "service" / service / "supervise/status").read_bytes()
    return bool(supervise_status.read(data).pid)


def switch(world: World, letters: bytes, *, up: bool) -> None:
    for service in CONTROL_PLANE:
        world.a.send(letters, service)
    eventually(lambda: all(is_up(world, service) == up for service in CONTROL_PLANE), world.a.logs())


@pytest.fixture
def no_control_plane(mail: World) -> Iterator[World]:
    """The web and Celery are stopped, and their databases are not there."""
    switch(mail, b"d", up=False)
    hidden = [path.rename(f"{path}.hidden") for role in ("webadmin", "webmail") for path in (mail.a.home / role).glob("*.sqlite3*")]
    assert hidden
    yield mail
    for path in hidden:
        path.rename(str(path).removesuffix(".hidden"))
    switch(mail, b"u", up=True)
    eventually(lambda: is_served(mail), "the web never came back: " + mail.a.logs())


def is_served(world: World) -> bool:
    try:
        with urllib.request.urlopen(f"{world.a.url}/login") as response:
            return bool(response.status == 200)
    except OSError:
        return False


def send(world: World, data: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", world.a.ports["SMTP"]) as smtp:
        smtp.ehlo()
        assert smtp.docmd("MAIL", "FROM:<x@far.example>")[0] == 250
        assert smtp.docmd("RCPT", f"TO:<{ADDRESS}>")[0] == 250
        assert smtp.docmd("DATA")[0] == 354
        smtp.send(data + b".\r\n")
        assert smtp.getreply()[0] == 250


def fetch(world: World, text: bytes) -> bytes:
    """The message that holds text as POP3 gives it, once it is there."""
    found: list[bytes] = []

    def is_there() -> bool:
        box = poplib.POP3("127.0.0.1", world.a.ports["POP3"])
        box.user(ADDRESS)
        box.pass_(PASSWORD)
        for number in range(1, box.stat()[0] + 1):
            found.append(b"\r\n".join(box.retr(number)[1]))
        box.quit()
        return any(text in message for message in found)

    eventually(is_there, f"{text!r} never came: {world.a.logs()}")
    return next(message for message in found if text in message)


def test_mail_goes_on_without_the_web_and_its_databases(no_control_plane: World) -> None:
    with smtplib.SMTP("127.0.0.1", no_control_plane.a.ports["SUBMISSION"]) as smtp:
        smtp.starttls()
        smtp.login(ADDRESS, PASSWORD)
        smtp.sendmail(ADDRESS, [ADDRESS, "friend@far.example"], b"Subject: by ourselves\r\n\r\nwe manage\r\n")
    assert b"we manage" in fetch(no_control_plane, b"Subject: by ourselves")
    eventually(lambda: any(b"by ourselves" in m.data for m in no_control_plane.far.messages), no_control_plane.a.logs())


def nested(depth: int) -> bytes:
    return b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (i, i) for i in range(depth)) + b"\r\ndeep\r\n"


BODIES = {
    "a line of a megabyte": b"Subject: long line\r\n\r\n" + b"x" * (1 << 20) + b"\r\n",
    "NULs": b"Subject: with nuls\r\n\r\na\0b\0\0c\r\n\0\r\n",
    "five thousand parts within parts": b"Subject: matryoshka\r\n" + nested(5000),
    "no header": b"\r\nSubject: not one\r\n",
}


@pytest.mark.parametrize("why", BODIES)
def test_what_is_taken_is_kept_to_the_byte_and_can_be_read(why: str, mail: World) -> None:
    body = BODIES[why]
    subject = body[body.index(b"Subject: ") :].partition(b"\r\n")[0]
    send(mail, body)
    eventually(lambda: any(subject in m for m in mail.a.messages(DOMAIN, "sam")), mail.a.logs())
    stored = next(m for m in mail.a.messages(DOMAIN, "sam") if subject in m)
    assert stored.endswith(body.replace(b"\r\n", b"\n"))
    page = Reader(mail).message(subject.partition(b" ")[2].decode())
    assert "</html>" in page and "Traceback" not in page


@pytest.mark.parametrize(
    ("why", "data"), [("a bare LF", b"Subject: x\n\r\nhi\r\n"), ("a smuggled end", b"Subject: x\r\n\r\nhi\n.\r\nMAIL FROM:<>\r\n")]
)
def test_what_has_two_readings_is_refused(why: str, data: bytes, mail: World) -> None:
    before = len(mail.a.messages(DOMAIN, "sam"))
    with Dialog(mail.a.ports["SMTP"]) as smtp:
        smtp.say("HELO x")
        smtp.say("MAIL FROM:<x@far.example>")
        smtp.say(f"RCPT TO:<{ADDRESS}>")
        smtp.say("DATA")
        smtp.send(data + b"\r\n.\r\n")
        assert smtp.reply() == b"451 See https://cr.yp.to/docs/smtplf.html.\r\n", why
    assert len(mail.a.messages(DOMAIN, "sam")) == before


class Reader:
    """A browser without script."""

    def __init__(self, world: World) -> None:
        self._url = world.a.url
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', self._get("/mail/login"))
        assert token
        form = {"csrfmiddlewaretoken": token[1], "name": ADDRESS, "password": PASSWORD}
        headers = {"Referer": self._url + "/mail/login", "Origin": self._url}
        request = urllib.request.Request(self._url + "/mail/login", urllib.parse.urlencode(form).encode(), headers)
        self._folder: str = self._open(request).read().decode()

    def _get(self, path: str) -> str:
        text: str = self._open(self._url + path).read().decode()
        return text

    def message(self, subject: str) -> str:
        """The page of the newest message with that subject, or of the newest of all where none is shown."""
        links: list[tuple[str, str]] = re.findall(r'<a[^>]+href="(/mail/f/[^"/]+/[^"/]+/)[^"]*"[^>]*>(.*?)</a>', self._folder, re.DOTALL)
        chosen = [href for href, text in links if subject in text] or [href for href, _ in links]
        return self._get(chosen[0])
