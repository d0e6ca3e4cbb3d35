"""The table of services: what svscan starts below service/, as which user, and how one knows that it answers.

A run script is made from each row at every preparation, with the addresses of the environment; nothing in it is meant to be edited.
Servers that need root for a moment (to bind a port, to read the key) are started as root and give it up themselves.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.environment import DEFAULT_DELIVERY, Environment
from mta.formats import run_script as run_script_
from mta.formats.run_script import RunScript


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    does: str  # for the overview
    command: tuple[str, ...]
    user: str = ""  # started as; "": as root, or the instance's one user
    answers: str = ""  # "tcp:HOST:PORT [GREETING]", "unix:PATH", "http:PATH" or "file:PATH"
    env: tuple[tuple[str, str], ...] = ()


def table(e: Environment) -> tuple[Service, ...]:
    """Every service of an instance, in the order in which a message meets them."""
    q, binary = e.home, e.home / "bin"
    workers = str(e.workers)
    return (
        Service(
            "smtpd",
            "receives mail from the world",
            (f"{binary}/smtpd", "--listen", f"{e.bind}:{e.smtp_port}", "--workers", workers),
            answers=f"tcp:{e.probe_host}:{e.smtp_port} 220",
        ),
        Service(
            "submission",
            "receives mail from our own users",
            (f"{binary}/submission", "--listen", f"{e.bind}:{e.submission_port}", "--listen-tls", f"{e.bind}:{e.smtps_port}"),
            answers=f"tcp:{e.probe_host}:{e.submission_port} 220",
        ),
        Service("queue-writer", "puts messages into the queue", (f"{binary}/queue-writer",), answers=f"unix:{q}/run/queue-writer"),
        Service(
            "qmail-send",
            "delivers what is in the queue",
            (f"{binary}/qmail-start", e.default_delivery),
            answers=f"unix:{q}/run/qmail-send/orders",
            env=(("PATH", f"{binary}:/usr/local/bin:/usr/bin:/bin"), *((("DNSCACHEIP", e.dnscacheip),) if e.dnscacheip else ())),
        ),
        Service(
            "pop3d",
            "lets people fetch their mail",
            (f"{binary}/pop3d", "--listen", f"{e.bind}:{e.pop3_port}", "--listen-tls", f"{e.bind}:{e.pop3s_port}"),
            answers=f"tcp:{e.probe_host}:{e.pop3_port} +OK",
        ),
        Service("login-broker", "checks passwords", (f"{binary}/login-broker",), answers=f"unix-seq:{q}/run/login-broker"),
        Service(
            "vmaild",
            "knows the virtual mailboxes",
            (f"{binary}/vmaild",),
            answers=f"unix:{q}/run/vmaild",
            env=(("DEFAULT_DELIVERY", e.default_delivery),) if e.default_delivery != DEFAULT_DELIVERY else (),
        ),
        Service("installer", "installs checked configuration", (f"{binary}/installer",), answers=f"unix:{q}/run/installer"),
        Service(
            "webmail",
            "webmail for mailbox users",
            _web(e),
            user="vpopmail",
            answers=f"http:{e.probe_host}:{e.web_port}/mail/login",
            env=_web_env(e, "webmail"),
        ),
        Service(
            "webadmin",
            "administration in the browser",
            _web(e),
            user="tawny",
            answers=f"http:{e.probe_host}:{e.web_port}/login",
            env=_web_env(e, "webadmin"),
        ),
        Service(
            "web-front",
            "takes web connections",
            (f"{binary}/web-front", "--listen", f"{e.bind}:{e.web_port}", *_https(e)),
            answers=f"tcp:{e.probe_host}:{e.web_port}",
        ),
        Service(
            "celery-worker",
            "reads the logs, cleans up, when the timetable says so",
            (f"{e.venv}/bin/python", "-m", "appliance.worker"),
            user="tawny",
            answers=f"file:{q}/webadmin/celery-beat.ready",  # the last thing it does
            env=_web_env(e, "webadmin"),
        ),
    )


def _https(e: Environment) -> tuple[str, ...]:
    return ("--listen-tls", f"{e.bind}:{e.webs_port}") if e.webs_port else ()


def _web(e: Environment) -> tuple[str, ...]:
    return (f"{e.venv}/bin/python", "-m", "appliance.web")


def _web_env(e: Environment, role: str) -> tuple[tuple[str, str], ...]:
    found = [
        ("APPLIANCE_ROLE", role),
        ("QMAIL_HOME", str(e.home)),
        ("DJANGO_SETTINGS_MODULE", "appliance.settings"),
        ("PYTHONPATH", str(e.checkout)),
        ("APPLIANCE_HOSTS", e.hosts),
        ("HOME", str(e.home / role)),
        ("PATH", "/usr/bin:/bin"),
    ]
    if role == "webadmin":
        found += [(name, value) for name, value in (("DATABASE_URL", e.database_url), ("CELERY_BROKER_URL", e.broker_url)) if value]
    return tuple(found)


def run_script(service: Service, e: Environment) -> str:
    """service/NAME/run"""
    setuidgid = () if e.is_single or not service.user else (bytes(e.home / "bin/setuidgid"), service.user.encode())
    script = RunScript(
        tuple(map(os.fsencode, service.command)),
        comment=f"{service.does}. Made by the preparation of the instance: edits are lost.".encode(),
        joins=True,
        folder=bytes(e.checkout),
        setuidgid=setuidgid,
        env={os.fsencode(name): os.fsencode(value) for name, value in service.env} if service.env else None,
    )
    return os.fsdecode(run_script_.write(script))


def log_script(e: Environment) -> str:
    """service/NAME/log/run: a million octets a file, twenty files."""
    setuidgid = () if e.is_single else (bytes(e.home / "bin/setuidgid"), b"qmaill")
    script = RunScript((bytes(e.home / "bin/multilog"), b"t", b"s1000000", b"n20", b"./main"), setuidgid=setuidgid)
    return os.fsdecode(run_script_.write(script))


def folder(e: Environment, service: Service) -> Path:
    return e.home / "service" / service.name
