"""Dovecot of Debian as a peer for POP3: its own configuration and sockets below a folder, one virtual mailbox, defaults otherwise."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from bench.measure import answers, wait_until

PROGRAM = "/usr/sbin/dovecot"
CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = bench
protocols = pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
pop3_uidl_format = %g
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


def is_there() -> bool:
    """Debian's dovecot-pop3d is installed."""
    return os.access(PROGRAM, os.X_OK) and os.access("/usr/lib/dovecot/pop3", os.X_OK)


class Dovecot:
    """hashed: the password of joe@example.org, as crypt(3) has it."""

    name = "Dovecot"

    def __init__(self, folder: Path, port: int, hashed: str) -> None:
        self.folder = folder / "dovecot"
        self.port = port
        self.mailbox = self.folder / "mail/joe"
        self.maildir = self.mailbox / "Maildir"
        self._hashed = hashed
        self._master: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        owner = pwd.getpwnam("vpopmail")
        for sub in ("run", "state", "mail/joe/Maildir/new", "mail/joe/Maildir/cur", "mail/joe/Maildir/tmp"):
            (self.folder / sub).mkdir(parents=True)
        (self.folder / "dovecot.conf").write_text(CONFIGURATION.format(folder=self.folder, port=self.port))
        (self.folder / "users").write_text(f"joe@example.org:{{CRYPT}}{self._hashed}:{owner.pw_uid}:{owner.pw_gid}::{self.mailbox}::\n")
        for path in (self.mailbox, *self.mailbox.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def start(self) -> None:
        self._master = subprocess.Popen([PROGRAM, "-F", "-c", self.folder / "dovecot.conf"], stderr=subprocess.DEVNULL)
        wait_until(lambda: answers(f"tcp:127.0.0.1:{self.port} +OK"))

    def forget(self) -> None:
        """What it knows of the mailbox beside the messages."""
        for path in self.maildir.glob("dovecot*"):
            path.unlink()

    def stop(self) -> None:
        assert self._master is not None
        self._master.send_signal(signal.SIGTERM)
        self._master.wait(20)
        shutil.rmtree(self.folder)
