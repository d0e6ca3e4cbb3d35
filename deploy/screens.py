"""The pictures of the README: an instance is made and filled with made-up people and mail, looked at in Chromium, and thrown away.

Writes   docs/screens/NAME.png, 1280 by 800, light
Needs    playwright (requirements-test.txt) and /usr/bin/chromium; as root the users of the mail system (deploy/users)
Exits    0; 1 with what went wrong
Run as   python -m deploy.screens (`make screens`); about two minutes, one of which is the waiting for services that are not new any more
"""

from __future__ import annotations

import os
import poplib
import random
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.environment import CHECKOUT
from mta.formats import qmaillog, tai64n

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = CHECKOUT / "docs" / "screens"
CHROMIUM = "/usr/bin/chromium"
PORTS = ("SMTP", "SUBMISSION", "SMTPS", "POP3", "POP3S", "WEB")
DOMAIN, PASSWORD = "example.org", "not-a-secret-7"
PEOPLE = {
    "ada": "Ada Lovelace",
    "alan": "Alan Turing",
    "barbara": "Barbara Liskov",
    "donald": "Donald Knuth",
    "edsger": "Edsger Dijkstra",
    "grace": "Grace Hopper",
    "joe": "Joe Doe",
    "margaret": "Margaret Hamilton",
}
LETTERS = (  # hours ago, flags of its file (none: new), from, subject, text
    (99, "S", "Margaret Hamilton <margaret@example.org>", "Checklists for the landing", "Attached is the list we walk through once more."),
    (76, "S", "Edsger Dijkstra <edsger@example.org>", "On the cruelty of really teaching", "Twelve pages, by hand. Please return them."),
    (73, "FS", "Klara Weiß <klara@garten.example>", "Äpfel und Birnen", "Die Ernte war gut: zwei Kisten stehen für Dich bereit."),
    (51, "S", "Library <desk@library.example>", "Two books are due on Friday", "You can renew them once more from your account."),
    (47, "RS", "Alan Turing <alan@example.org>", "Re: Can machines think?", "I propose to replace the question by another."),
    (26, "S", "Barbara Liskov <barbara@example.org>", "Substitution, once more", "Where a Bird is expected, a Penguin must do."),
    (3, "", "Water works <service@water.example>", "Your meter is read next week", "Nobody needs to be at home."),
    (2, "", "Donald Knuth <donald@example.org>", "A cheque for you", "You have found an error on page 384. Thank you!"),
    (1, "", "Grace Hopper <grace@example.org>", "Nanoseconds", "A foot of wire, please: I want to show how long one is."),
)


# -- the instance ------------------------------------------------------------------------------------------------------------------


class Instance:
    """In a folder of its own, on free ports."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "q"
        self.ports = {name: _free_port() for name in PORTS}
        keep = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "APPLIANCE_ROLE")}
        ports = {f"{name}_PORT": str(port) for name, port in self.ports.items()}
        self.env = {**keep, **ports, "QMAIL_HOME": str(self.home), "APPLIANCE_ME": f"mail.{DOMAIN}", "APPLIANCE_BIND": "127.0.0.1"}
        self._said = folder / "up.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['WEB']}"

    @contextmanager
    def running(self) -> Iterator[str]:
        """-> the first operator's password."""
        with self._said.open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "deploy.up"], cwd=CHECKOUT, env=self.env, stdout=log, stderr=log)
        try:
            _until(lambda: "\nready:" in self._said.read_text() or process.poll() is not None, "it never was ready")
            found = re.search(r"password: (\S+)", self._said.read_text())
            if found is None:
                raise SystemExit(f"screens: {self._said.read_text()}")
            yield found[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def manage(self, *words: str) -> None:
        subprocess.run([str(CHECKOUT / "manage.py"), *words], env=self.env, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def _until(is_so: Callable[[], bool], else_: str, patience_s: float = 120) -> None:
    end = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"screens: {else_}")
        time.sleep(0.2)


# -- what is in it -----------------------------------------------------------------------------------------------------------------


def write_history(home: Path) -> None:
    """An hour of log lines, as multilog would have put them aside, for the drawings of the overview."""
    dice = random.Random(7)  # noqa: S311 - the same picture each time
    mail: list[tuple[float, bytes]] = []
    smtp: list[tuple[float, bytes]] = []
    now = time.time()
    for number in range(1, 260):
        at = now - 3600 + 3590 * number / 260 - dice.random()
        if dice.random() < 0.2:
            line = (
                b"smtpd: deny: 192.0.2.%d: from <x@spam.example>: RCPT_TO:<info@example.org>: 550_sorry,_no_mailbox_here\n"
                % dice.randrange(250)
            )
            smtp.append((at, line))
            continue
        smtp.append(
            (at, b"smtpd: ok: 192.0.2.7: qp %d from <list@far.example> bytes 2900 recipients 1 helo mx.far.example ESMTPS\n" % number)
        )
        letter = dice.choices(b"KZD", (30, 3, 1))[0]
        mail += [(at + 0.01, qmaillog.new_msg(number)), (at + 0.02, qmaillog.info_msg(number, 2900, b"list@far.example", number, 64011))]
        mail += [(at + 0.03, qmaillog.starting(number, number, b"local", b"example.org-joe@example.org"))]
        mail += [(at + 0.5, qmaillog.delivery(number, bytes([letter]), b"did_0+0+1/")), (at + 0.6, qmaillog.end_msg(number))]
    for service, lines in (("qmail-send", mail), ("smtpd", smtp)):
        folder = home / "service" / service / "log/main"
        path = folder / f"{tai64n.write(int((now - 1) * 1e9)).decode()}.s"
        path.write_bytes(b"".join(tai64n.write(int(at * 1e9)) + b" " + line for at, line in sorted(lines)))
        path.chmod(0o744)
        os.chown(path, folder.stat().st_uid, folder.stat().st_gid)


def add_people(instance: Instance) -> None:
    for name in (DOMAIN, "garden-club.example", "xn--bcher-kva.example"):
        instance.manage("vadddomain", name, PASSWORD)
    instance.manage("vaddaliasdomain", DOMAIN, "example.net")
    for name, person in PEOPLE.items():
        quota = "NOQUOTA" if name == "ada" else "6M" if name == "donald" else "50M"
        instance.manage("vadduser", "-q", quota, "-c", person, f"{name}@{DOMAIN}", PASSWORD)


def send_mail(instance: Instance) -> None:
    for hours, _, sender, subject, text in LETTERS:
        _send(instance, sender, f"Joe Doe <joe@{DOMAIN}>", subject, text, hours)
    for name, size in (("donald", 3_300_000), ("grace", 900_000), ("barbara", 4_200_000), ("alan", 160_000)):
        _send(instance, "Library <desk@library.example>", f"{name}@{DOMAIN}", "Scans", "The pages you asked for.", 5, size)
    for name in ("ann", "bob", "carla"):  # they wait: nobody listens where their mail is routed
        _send(instance, f"Joe Doe <joe@{DOMAIN}>", f"{name}@far.example", "See you on Sunday", "At three?", 0)


def age_mail(home: Path) -> None:
    """Joe's mail, as if it had come over some days and been read in part: a file of a Maildir begins with the time of its arrival."""
    maildir = home / "domains" / DOMAIN / "joe" / "Maildir"
    _until(lambda: len(list((maildir / "new").iterdir())) == len(LETTERS), "Joe's mail never came")
    known = {subject: (hours, flags) for hours, flags, _, subject, _ in LETTERS}
    for path in (maildir / "new").iterdir():
        hours, flags = known[message_from_bytes(path.read_bytes(), policy=policy.default)["Subject"]]
        arrived, _, rest = path.name.partition(".")
        name = f"{int(arrived) - hours * 3600 - hours * 97}.{rest}"
        path.rename(maildir / "cur" / f"{name}:2,{flags}" if flags else maildir / "new" / name)


def _send(instance: Instance, sender: str, recipient: str, subject: str, text: str, hours: float, size: int = 0) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message["Date"] = format_datetime(datetime.now(UTC) - timedelta(hours=hours))
    message.set_content(text + "\n")
    if size:
        message.add_attachment(b"%PDF-1.4\n" + b"0" * size, maintype="application", subtype="pdf", filename="scan.pdf")
    is_ours = recipient.endswith((DOMAIN, f"{DOMAIN}>"))
    with smtplib.SMTP(
        "127.0.0.1", instance.ports["SMTP" if is_ours else "SUBMISSION"], local_hostname="mx.far.example", timeout=60
    ) as smtp:
        if not is_ours:
            smtp.starttls(context=_trusting())
            smtp.login(f"joe@{DOMAIN}", PASSWORD)
        smtp.send_message(message)


def log_in_by_pop3(instance: Instance) -> None:
    for name in ("ada", "alan", "donald", "grace", "joe"):
        box = poplib.POP3_SSL("127.0.0.1", instance.ports["POP3S"], timeout=60, context=_trusting())
        box.user(f"{name}@{DOMAIN}")
        box.pass_(PASSWORD)
        box.quit()


def _trusting() -> ssl.SSLContext:
    """The certificate is the instance's own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


# -- the browser -------------------------------------------------------------------------------------------------------------------


def log_in(page: Page, name: str, password: str) -> None:
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "login" not in url)


def set_up_by_hand(page: Page) -> None:
    """What has no command: a route, a forward, restrictions, an alias."""
    page.goto("/control/file/control/smtproutes")
    page.fill("[name=value]", "far.example:127.0.0.1:1\n")
    page.click("[value=preview]")
    page.click("[value=install]")
    page.goto(f"/domains/{DOMAIN}/mailboxes/edsger")
    page.fill("[name=forward-targets]", "edsger@university.example")
    page.get_by_role("button", name="Save the forwarding").click()
    page.goto(f"/domains/{DOMAIN}/mailboxes/margaret")
    page.uncheck("[name=details-may_pop]")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"/domains/{DOMAIN}/add-alias")
    page.fill("[name=name]", "sales")
    page.fill("[name=targets]", f"joe@{DOMAIN}\nada@{DOMAIN}")
    page.get_by_role("button", name="Add the alias").click()


def shoot(page: Page, name: str, home: Path) -> None:
    """The folder of two minutes reads as that of an installation."""
    page.wait_for_load_state("networkidle")
    page.evaluate(
        """home => {
          const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(home, "/var/qmail");
        }""",
        str(home),
    )
    page.screenshot(path=FOLDER / f"{name}.png")
    print(f"docs/screens/{name}.png: {_smaller(FOLDER / f'{name}.png')} octets")


def _smaller(path: Path) -> int:
    """A picture of 256 colours, where Pillow is at hand."""
    try:
        from PIL import Image  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return path.stat().st_size
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
    return path.stat().st_size


def take(instance: Instance, password: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        admin = browser.new_page(base_url=instance.url, viewport={"width": 1280, "height": 800}, color_scheme="light")
        admin.goto("/")
        log_in(admin, "operator", password)
        set_up_by_hand(admin)
        send_mail(instance)
        age_mail(instance.home)
        log_in_by_pop3(instance)
        for words in (["analyse_logs"], ["drift"], ["stale_cleanup"]):
            instance.manage(*words)
        admin.goto(f"/domains/{DOMAIN}/mailboxes")
        shoot(admin, "mailboxes", instance.home)
        admin.goto(f"/explain?address=joe@{DOMAIN}")
        shoot(admin, "explain", instance.home)
        joe = browser.new_page(base_url=instance.url, viewport={"width": 1280, "height": 800}, color_scheme="light")
        joe.goto("/mail/")
        log_in(joe, f"joe@{DOMAIN}", PASSWORD)
        shoot(joe, "webmail", instance.home)
        admin.goto("/")
        _until(lambda: bool(admin.reload()) and "just started" not in admin.content(), "the services never grew older")
        shoot(admin, "overview", instance.home)
        browser.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="screens-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        instance = Instance(folder)
        subprocess.run([sys.executable, "-m", "deploy.prepare"], cwd=CHECKOUT, env=instance.env, check=True, stdout=subprocess.DEVNULL)
        write_history(instance.home)
        with instance.running() as password:
            add_people(instance)
            take(instance, password)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
