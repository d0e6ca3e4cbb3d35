"""The environment a start is told by: names, defaults, and one clear line for a wrong value. Scripts rely on these names.

QMAIL_HOME ./var/qmail   APPLIANCE_BIND 127.0.0.1   SMTP_PORT 2525   SUBMISSION_PORT 2587   SMTPS_PORT 2465   POP3_PORT 2110
POP3S_PORT 2995   WEB_PORT 8000   WEBS_PORT none (https)   DATABASE_URL   CELERY_BROKER_URL
APPLIANCE_HOSTS names the web is reached under   APPLIANCE_ME this host's full name, for control/me of a new instance
APPLIANCE_CREATE_USERS=1 lets root make missing users   DNSCACHEIP name servers instead of those in /etc/resolv.conf
DEFAULT_DELIVERY ./Maildir/ what an empty or missing .qmail file means; lines, as in such a file
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_DELIVERY = "./Maildir/"
PORTS = {"SMTP": 2525, "SUBMISSION": 2587, "SMTPS": 2465, "POP3": 2110, "POP3S": 2995, "WEB": 8000}


class Wrong(Exception):
    """The start cannot go on; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    checkout: Path
    home: Path
    bind: str
    smtp_port: int
    submission_port: int
    smtps_port: int
    pop3_port: int
    pop3s_port: int
    web_port: int
    webs_port: int  # 0: no TLS of our own
    database_url: str
    broker_url: str
    dnscacheip: str
    hosts: str
    me: str
    may_create_users: bool
    is_single: bool  # not root: one user for everything
    default_delivery: str = DEFAULT_DELIVERY
    workers: int = 2

    @property
    def venv(self) -> Path:
        return self.checkout / ".venv"

    @property
    def probe_host(self) -> str:
        """Where to reach our own servers."""
        return {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(self.bind, self.bind)  # noqa: S104

    @property
    def url(self) -> str:
        return f"http://{self.probe_host}:{self.web_port}/"


def read(env: Mapping[str, str], *, is_root: bool | None = None) -> Environment:
    """Raises Wrong."""
    bind = env.get("APPLIANCE_BIND", "127.0.0.1")
    hosts = env.get("APPLIANCE_HOSTS", "")
    ports = {name: _port(env, f"{name}_PORT", default) for name, default in PORTS.items()}
    return Environment(
        checkout=CHECKOUT,
        home=Path(env.get("QMAIL_HOME") or CHECKOUT / "var" / "qmail").absolute(),
        bind=bind,
        smtp_port=ports["SMTP"],
        submission_port=ports["SUBMISSION"],
        smtps_port=ports["SMTPS"],
        pop3_port=ports["POP3"],
        pop3s_port=ports["POP3S"],
        web_port=ports["WEB"],
        webs_port=_port(env, "WEBS_PORT", 0) if env.get("WEBS_PORT") else 0,
        database_url=env.get("DATABASE_URL", ""),
        broker_url=env.get("CELERY_BROKER_URL", ""),
        dnscacheip=env.get("DNSCACHEIP", ""),
        hosts=hosts or ",".join(dict.fromkeys(("localhost", "127.0.0.1", "[::1]", bind.strip("*") or "localhost", socket.gethostname()))),
        me=env.get("APPLIANCE_ME", ""),
        may_create_users=env.get("APPLIANCE_CREATE_USERS") == "1",
        is_single=not (os.geteuid() == 0 if is_root is None else is_root),
        default_delivery=env.get("DEFAULT_DELIVERY") or DEFAULT_DELIVERY,
        workers=max(1, os.cpu_count() or 1),
    )


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Wrong(f"{name} is {text!r}: set it to a port number from 1 to 65535")
    return int(text)


def check_interpreter(e: Environment) -> None:
    """Processes that give up root must still find Python, the packages and this checkout. Raises Wrong, naming the first closed folder."""
    if e.is_single:
        return
    for path in (Path(sys.executable), Path(sys.executable).resolve(), Path(os.__file__), e.checkout / "mta"):
        for part in (path, *path.parents):
            if not part.stat().st_mode & 0o001 and part.is_dir():
                raise Wrong(
                    f"other users cannot enter {part}, where {path} lies: put the checkout where all can read it, and make .venv with "
                    "/usr/bin/python3 (rm -r .venv; make run)"
                )
