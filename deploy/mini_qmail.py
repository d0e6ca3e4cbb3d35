"""Prepare a mini-qmail: a machine that sends mail, and has no queue, no daemon and no user of its own for it. docs/recipes/mini-qmail.md

Whatever is sent goes to a QMQP server at once, by qmail-qmqpc in qmail-queue's place. The server's answer is the program's answer: nothing
waits here, and what no server takes now is the sender's to try again. All of it may be shared by many machines but control/idhost.

Makes    bin/ with the programs that need no queue, bin/qmail-queue being a link to qmail-qmqpc; control/me, defaultdomain, plusdomain,
         idhost, qmqpservers. Doing it again brings bin/ up to date and changes no control file.
Usage    QMAIL_HOME=/var/qmail python3 -m deploy.mini_qmail NAME ADDRESS ...
         NAME is this machine's full name, the addresses those of its QMQP servers, in the order in which they are asked
Needs    Python and this checkout, no packages. Users of this machine must be able to read both.
Source   mini-qmail.html, qmail-qmqpc(8)
"""

from __future__ import annotations

import compileall
import ipaddress
import os
import sys
from pathlib import Path

from deploy import bin_file
from deploy.environment import Environment, Wrong, check_interpreter, read

PROGRAMS = (
    *("datemail", "elq", "forward", "mailsubj", "maildir2mbox", "maildirmake", "maildirwatch", "new-inject", "pinq", "predate", "qail"),
    *("qmail-inject", "qmail-qmqpc", "qmail-showctl", "qmail-smtpd", "sendmail"),
)


def prepare(e: Environment, name: str, servers: list[str]) -> None:
    """Raises Wrong."""
    check_interpreter(e)
    _check(e, name, servers)
    os.umask(0o022)
    for folder in ("bin", "control"):
        (e.home / folder).mkdir(parents=True, exist_ok=True)
    compileall.compile_dir(str(e.checkout / "mta"), quiet=2)
    _programs(e)
    for file, lines in controls(name, servers).items():
        path = e.home / "control" / file
        if not path.exists():
            path.write_text(lines)


def _check(e: Environment, name: str, servers: list[str]) -> None:
    if (e.home / "queue").exists():
        raise Wrong(f"{e.home} has a queue: that is no place for a mini-qmail")
    if "." not in name:
        raise Wrong(f"{name!r} is no full name of a machine")
    for server in servers:
        try:
            ipaddress.ip_address(server)
        except ValueError:
            raise Wrong(f"{server!r} is no IP address: qmail-qmqpc asks no name server") from None


def controls(name: str, servers: list[str]) -> dict[str, str]:
    labels = name.split(".")
    return {
        "me": f"{name}\n",
        "idhost": f"{name}\n",
        "defaultdomain": ".".join(labels[1:] if len(labels) > 2 else labels) + "\n",
        "plusdomain": ".".join(labels[-2:]) + "\n",
        "qmqpservers": "".join(f"{server}\n" for server in servers),
    }


def _programs(e: Environment) -> None:
    folder = e.home / "bin"
    for name in PROGRAMS:
        _write(folder / name, bin_file.text(name, name, checkout=e.checkout, home=e.home, python=sys.executable))
    queue = folder / "qmail-queue"
    if not queue.is_symlink():
        queue.symlink_to("qmail-qmqpc")


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def main() -> None:
    _, *words = sys.argv
    if len(words) < 2:
        sys.exit("mini_qmail: usage: QMAIL_HOME=HOME python3 -m deploy.mini_qmail NAME ADDRESS ...")
    try:
        prepare(read(os.environ), words[0], words[1:])
    except Wrong as error:
        sys.exit(f"mini_qmail: {error}")


if __name__ == "__main__":
    main()
