"""Prepare an instance: folders, users, control files, a certificate, programs, services, databases. Doing it again changes nothing that an
administrator has changed.

Steps    1 the interpreter can be read by all who need it  2 users  3 folders (hier)  4 first control files, certificate, ~alias
         5 generation 1  6 bin/  7 service/  8 secret keys, databases, static files  9 the files' domains into the database
Run as   python -m deploy.prepare; as root the users of DESIGN 4 are used, else everything is the caller's
"""

from __future__ import annotations

import compileall
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy import bin_file, certificate, hier, services
from deploy.environment import Environment, Wrong, check_interpreter, read
from mta import board
from mta.unix import accounts
from mta.unix.generations import Generations, Why

OTHER_NAMES = {"mailq": "sendmail"}  # programs that go by more than one name
FIRST_ALIASES = {"postmaster": "./Maildir/\n", "mailer-daemon": "&postmaster\n", "root": "&postmaster\n", "abuse": "&postmaster\n"}


def prepare(e: Environment) -> State:
    """Raises Wrong."""
    mail(e)
    supervised(e, services.table(e))
    return _web(e)


def mail(e: Environment) -> None:
    """Steps 1 to 6: all that mail needs but its services. Raises Wrong."""
    check_interpreter(e)
    _users(e)
    os.umask(0o022)
    hier.make(e.home, hier.TABLE, is_single=e.is_single)
    _control_files(e)
    _aliases(e)
    Generations(os.fsencode(e.home)).adopt(Why(b"deploy", b"first configuration"))
    compileall.compile_dir(str(e.checkout / "mta"), quiet=2)
    programs(e)


# -- users -------------------------------------------------------------------------------------------------------------------------


def _users(e: Environment) -> None:
    if e.is_single:
        return
    missing = accounts.missing()
    if missing and e.may_create_users:
        subprocess.run([str(e.checkout / "deploy/users"), str(e.home)], check=True)
    elif missing:
        raise Wrong(
            f"started as root, and these users or groups are missing: {', '.join(missing)}. Make them with `deploy/users {e.home}` "
            "(or let this do it: APPLIANCE_CREATE_USERS=1 make run), or start as an ordinary user"
        )


# -- control files -----------------------------------------------------------------------------------------------------------------


def first_controls(me: str) -> dict[str, str]:
    """What a new instance begins with: config-fast's files, and ours. Nothing is relayed and no domain is received for but our own name."""
    labels = me.split(".")
    return {
        "me": me,
        "defaultdomain": ".".join(labels[1:]) if len(labels) > 2 else me,
        "plusdomain": ".".join(labels[-2:]),
        "locals": me,
        "rcpthosts": me,
        "concurrencylocal": "100",
        "concurrencyremote": "60",
        "databytes": "52428800",
        "tcp.smtp": '# who may do what on port 25: see the manual of tcprules; 192.0.2.:allow,RELAYCLIENT="" lets a network relay\n:allow',
    }


def _control_files(e: Environment) -> None:
    control = e.home / "control"
    if not control.exists():
        control.mkdir()
        me = e.me or _full_name()
        for name, text in first_controls(me).items():
            (control / name).write_text(text + "\n")
        (e.home / "users").mkdir(exist_ok=True)
        (e.home / "users/assign").write_text(".\n")
        _compile(e)
    pem = control / "servercert.pem"
    if not pem.exists():
        me = (control / "me").read_text().split("\n", 1)[0].strip()
        certificate.make(pem, me)


def _full_name() -> str:
    name = socket.getfqdn()
    return name if "." in name and not name.startswith("localhost") else f"{socket.gethostname()}.localdomain"


def _compile(e: Environment) -> None:
    from mta.formats import tcprules, users_assign

    (e.home / "users/cdb").write_bytes(users_assign.compile_((e.home / "users/assign").read_bytes()))
    rules = (e.home / "control/tcp.smtp").read_bytes()
    (e.home / "control/tcp.smtp.cdb").write_bytes(tcprules.compile_(rules))


def _aliases(e: Environment) -> None:
    """Mail for this host's own postmaster has a place to go from the first minute on."""
    alias = e.home / "alias"
    if any(alias.iterdir()):
        return
    for name, text in FIRST_ALIASES.items():
        path = alias / f".qmail-{name}"
        path.write_text(text)
        _give(e, path, "alias", "qmail")
    for folder in ("Maildir", "Maildir/new", "Maildir/cur", "Maildir/tmp"):
        (alias / folder).mkdir(mode=0o700)
        _give(e, alias / folder, "alias", "qmail")


def _give(e: Environment, path: Path, user: str, group: str) -> None:
    if not e.is_single:
        shutil.chown(path, user, group)


# -- programs and services ---------------------------------------------------------------------------------------------------------


def programs(e: Environment) -> None:
    """bin/, every program under its own name."""
    wanted = {**{name: name for name in board.PROGRAMS}, **OTHER_NAMES}
    for name, real in wanted.items():
        text = bin_file.text(name, real, checkout=e.checkout, home=e.home, python=f"{e.venv}/bin/python")
        _write_executable(e.home / "bin" / name, text, is_ours="from mta import runner")


def _write_executable(path: Path, text: str, is_ours: str = "") -> None:
    """Leaves alone what somebody put in our program's place: another program, or a link, behind which a program of ours may lie."""
    if is_ours and path.is_symlink():
        return
    if path.exists():
        old = path.read_bytes()
        if old == text.encode() or (is_ours and is_ours.encode() not in old[:4096]):
            return
    path.write_text(text)
    path.chmod(0o755)


def supervised(e: Environment, rows: tuple[services.Service, ...]) -> None:
    """Step 7."""
    for service in rows:
        hier.make(e.home, hier.service_entries(service.name, has_log=True), is_single=e.is_single)
        folder = services.folder(e, service)
        _write_executable(folder / "run", services.run_script(service, e))
        _write_executable(folder / "log/run", services.log_script(e))


# -- the web -----------------------------------------------------------------------------------------------------------------------


_USERS = {"webadmin": ("tawny", "tawny"), "webmail": ("vpopmail", "vchkpw")}  # user and group of each half


@dataclass(frozen=True, slots=True)
class State:
    """Of the control plane's database. is_empty: no files were ever taken into it."""

    operators: int
    is_empty: bool


def _web(e: Environment) -> State:
    for role, (user, group) in _USERS.items():
        key = e.home / role / "secret-key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_text(secrets.token_urlsafe(48) + "\n")
            _give(e, key, user, group)
    with Manage(e, "webmail", ["prepare"]) as webmail, Manage(e, "webadmin", ["prepare"]) as webadmin:
        webmail.result()
        operators, filled = webadmin.result().split()
    return State(int(operators), filled == "empty")


class Manage:
    """manage.py as the role's user, in the background. words: the command and its arguments; given: what it reads."""

    def __init__(self, e: Environment, role: str, words: list[str], *, given: str = "") -> None:
        self._words = words
        self._given = given
        who = None if e.is_single else pwd.getpwnam(_USERS[role][0])
        self._process = subprocess.Popen(
            [str(e.venv / "bin/python"), str(e.checkout / "manage.py"), *words],
            env=_manage_env(e, role),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=e.checkout,
            user=who.pw_uid if who else None,
            group=who.pw_gid if who else None,
            extra_groups=[] if who else None,
        )

    def __enter__(self) -> Manage:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # if it still runs, nobody waits for it any more
        self._process.communicate()

    def result(self) -> str:
        """What it printed. Raises Wrong with its last words."""
        out, err = self._process.communicate(self._given)
        if self._process.returncode:
            raise Wrong(f"manage.py {self._words[0]} failed: {(err or out).strip()[-2000:]}")
        return out


def _manage_env(e: Environment, role: str) -> dict[str, str]:
    urls = {"DATABASE_URL": e.database_url, "CELERY_BROKER_URL": e.broker_url} if role == "webadmin" else {}
    return {
        "APPLIANCE_ROLE": role,
        "QMAIL_HOME": str(e.home),
        "PATH": "/usr/bin:/bin",
        "APPLIANCE_HOSTS": e.hosts,
        "HOME": str(e.home / role),
        **{name: url for name, url in urls.items() if url},
    }


def manage(e: Environment, role: str, words: list[str], *, given: str = "") -> str:
    """Run manage.py -> what it printed. Raises Wrong with its last words."""
    with Manage(e, role, words, given=given) as process:
        return process.result()


def main() -> None:
    try:
        prepare(read(os.environ))
    except Wrong as error:
        sys.exit(f"prepare: {error}")


if __name__ == "__main__":
    main()
