"""How long does one wait for a page of the webmail in a mailbox of 10 000 messages? And what does reading a message for a list cost, beside
Python's email package?

The pages are asked for through the whole of Django, by its test client, in this process; the mailbox lies on a file system of its own.
"""

from __future__ import annotations

import base64
import email
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import measure
from bench.measure import Series

MESSAGES, RUNS = 10_000, 7
NAMES = ("Ada Lovelace", "Bo Diddley", "Cy Twombly", "=?utf-8?q?J=C3=BCrgen_Gro=C3=9F?=", "=?utf-8?b?5p2O5bCP6b6Z?=")
SUBJECTS = ("Lunch", "Invoice 2026", "Re: meeting", "Fwd: photos", "=?utf-8?q?Gr=C3=B6=C3=9Fe?=")


def message(rng: random.Random, number: int) -> bytes:
    """Half plain, a third with HTML beside it, some HTML alone, some with a file: 1 to 30 KB."""
    words = "words and more words " * rng.randint(5, 200)
    head = (
        "Return-Path: <x@example.net>\n"
        + "Received: from a.example (192.0.2.1) by b.example; Thu, 1 Jan 2026 00:00:00 +0000\n" * 4
        + f"From: {rng.choice(NAMES)} <u{number % 50}@example.org>\nTo: cy@example.org\nSubject: {rng.choice(SUBJECTS)} {number}\n"
        + f"Date: Sat, 3 Jan 2026 01:05:34 +0100\nMessage-ID: <{number}@example.org>\nMIME-Version: 1.0\n"
    )
    html = f"<html><head><style>p {{ color: red }}</style></head><body><p>Hello,<br>number {number}</p><p>{words * 2}</p></body></html>\n"
    kind = rng.random()
    if kind < 0.5:
        text = f"{head}Content-Type: text/plain; charset=utf-8\n\nHello, number {number}\n{words}\n"
    elif kind < 0.8:
        text = (
            f"{head}Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nHello, number {number}\n{words}\n"
            f"--b\nContent-Type: text/html; charset=utf-8\n\n{html}--b--\n"
        )
    elif kind < 0.9:
        text = f"{head}Content-Type: text/html; charset=utf-8\n\n{html}"
    else:
        file = base64.encodebytes(rng.randbytes(20_000)).decode()
        text = (
            f"{head}Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{words}\n"
            f"--b\nContent-Type: image/png; name=x.png\nContent-Transfer-Encoding: base64\n\n{file}--b--\n"
        )
    return text.encode()


def make_mailbox(path: Path) -> None:
    for part in ("cur", "new", "tmp"):
        (path / "Maildir" / part).mkdir(parents=True)
    rng = random.Random(7)  # the same mailbox each time
    for number in range(MESSAGES):
        data = message(rng, number)
        flags = "S" if rng.random() < 0.9 else ""
        (path / "Maildir" / "cur" / f"{1767225600 - number * 600}.M{number}P1.host,S={len(data)}:2,{flags}").write_bytes(data)
    past = time.time_ns() - 60_000_000_000  # as in a mailbox to which nothing came for a minute
    os.utime(path / "Maildir" / "cur", ns=(past, past))


def enter(disk: Path) -> Any:
    """A client that has logged in. The login broker's place is taken: it is not what is asked here."""
    (disk / "home" / "webmail").mkdir(parents=True)
    (disk / "home" / "webmail" / "secret-key").write_text("x" * 50)
    os.environ |= {"APPLIANCE_ROLE": "webmail", "QMAIL_HOME": str(disk / "home"), "DJANGO_SETTINGS_MODULE": "appliance.settings"}
    os.environ["APPLIANCE_DEBUG"] = "1"  # static files without a manifest; nothing else differs for these pages
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from mta.formats.login_call import Login
    from webadmin.webmail import door

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.DEBUG = False
    call_command("migrate", verbosity=0)
    setattr(door, "check_password", lambda name, password, ip: Login(name.encode(), bytes(disk / "cy"), b"", 0, 0, 0))  # noqa: B010
    client = Client()
    client.post("/mail/login", {"name": "cy@example.org", "password": "x"})
    return client


def forget_index(disk: Path) -> None:
    for path in (disk / "cy" / "Maildir").glob("tawny-webmail.index*"):
        path.unlink()


def main() -> None:
    with measure.file_system() as disk:
        make_mailbox(disk / "cy")
        client = enter(disk)
        found: dict[tuple[str, str, str], Series] = {}

        def note(who: str, what: str, unit: str, figure: float) -> None:
            found.setdefault((who, what, unit), Series(who, what, unit)).runs.append(figure)

        def page(what: str, url: str) -> str:
            begun = time.perf_counter()
            answer = client.get(url)
            content = answer.getvalue()
            note("Tawny", what, "ms", (time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200, url
            return str(content.decode())

        client.get("/mail/f/INBOX/")  # templates and modules are loaded once in the life of a worker
        for _ in range(RUNS):
            forget_index(disk)
            first = page("first page, no index yet", "/mail/f/INBOX/")
            begun = time.perf_counter()
            while "still being read" in client.get("/mail/f/INBOX/?sort=subject").text:
                pass
            note("Tawny", f"index of {MESSAGES} messages", "s", time.perf_counter() - begun)
            page("first page", "/mail/f/INBOX/")
            page("page 100", "/mail/f/INBOX/?page=100")
            page("sorted by subject", "/mail/f/INBOX/?sort=subject&up=1&page=50")
            page("search", "/mail/f/INBOX/?q=meeting+99")
            link = re.search(r'href="(/mail/f/INBOX/[0-9a-f]{24}/)"', first)
            assert link is not None
            text = page("one message", link[1])
            frame = re.search(r'src="(/mail/f/INBOX/[^"]*/html/\d+)"', text) or re.search(r'src="([^"]*/html/\d+)"', _with_html(client))
            if frame is not None:
                page("its HTML, washed in a process of its own", frame[1])
        _beside_email(disk, note)
        _leave()
    measure.save(
        "webmail",
        f"Pages of the webmail in a mailbox of {MESSAGES} messages",
        list(found.values()),
        f"Median of {RUNS}. Whole pages through Django's test client in one process; files in the page cache.",
    )


def _leave() -> None:
    """Nothing on the file system may stay open."""
    from django.db import connections

    connections.close_all()


def _with_html(client: Any) -> str:
    """A message that has HTML."""
    for link in re.findall(r'href="(/mail/f/INBOX/[0-9a-f]{24}/)"', client.get("/mail/f/INBOX/").text):
        text = str(client.get(link).text)
        if "/html/" in text:
            return text
    return ""


def _beside_email(disk: Path, note: Callable[[str, str, str, float], None]) -> None:
    """What a list shows of a message: read by us, and by the email package (parsed, subject and sender decoded, text of the first part)."""
    from email import policy

    from mta.formats.mime.source import Bytes
    from webadmin.webmail import summary

    messages = [p.read_bytes() for p in sorted((disk / "cy" / "Maildir" / "cur").iterdir())[:1000]]

    def ours(data: bytes) -> None:
        summary.read(Bytes(data), is_own=False)

    def theirs(data: bytes) -> None:
        parsed = email.message_from_bytes(data, policy=policy.default)
        _ = parsed["subject"], parsed["from"].addresses
        body = parsed.get_body(("plain", "html"))  # type: ignore[attr-defined]
        _ = body.get_content()[:2000] if body is not None else ""

    for _ in range(RUNS):
        for who, read in (("Tawny", ours), ("Python's email package", theirs)):
            begun = time.perf_counter()
            for data in messages:
                read(data)
            note(who, "one message read for a list", "ms", (time.perf_counter() - begun) * 1000 / len(messages))


if __name__ == "__main__":
    main()
