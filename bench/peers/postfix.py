"""Postfix of Debian as a peer: its own configuration and queue below a folder, virtual mailboxes in a Maildir, defaults otherwise."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from bench.measure import answers, wait_until

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.example.org
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = hash:{folder}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
mynetworks = 127.0.0.0/8
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
smtpd_recipient_limit = 100000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
relayhost = [127.0.0.1]:{sink_port}
"""


def is_there() -> bool:
    """Debian's postfix is installed, with its load generators."""
    return all(shutil.which(name) for name in ("postfix", "postmap", "smtp-source", "smtp-sink"))


class Postfix:
    name = "Postfix"

    def __init__(self, folder: Path, port: int, *, mailboxes: int = 0, sink_port: int = 25) -> None:
        """mailboxes: so many more than joe's, u0, u1 ...; sink_port: where mail for other domains goes."""
        self.folder = folder / "postfix"
        self.port = port
        self.log = self.folder / "log/maillog"
        self._mailboxes = mailboxes
        self._sink_port = sink_port
        self.maildir = self.folder / "mail" / "joe"

    def start(self) -> None:
        owner = pwd.getpwnam("vpopmail")
        for sub in ("etc", "spool", "data", "mail", "log"):
            (self.folder / sub).mkdir(parents=True)
        (self.folder / "etc/master.cf").write_text(MASTER.format(port=self.port))
        settings = MAIN.format(folder=self.folder, uid=owner.pw_uid, gid=owner.pw_gid, sink_port=self._sink_port)
        (self.folder / "etc/main.cf").write_text(settings)
        mail, names = self.folder / "mail", ("joe", *(f"u{i}" for i in range(self._mailboxes)))
        (self.folder / "etc/mailboxes").write_text("".join(f"{name}@example.org {name}/\n" for name in names))
        subprocess.run(["postmap", "-c", self.folder / "etc", f"hash:{self.folder}/etc/mailboxes"], check=True)
        for name in names:
            for sub in ("new", "cur", "tmp"):
                (mail / name / sub).mkdir(parents=True)
        for path in (mail, *mail.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        shutil.chown(self.folder / "data", "postfix")
        self._postfix("start")
        wait_until(lambda: answers(f"tcp:127.0.0.1:{self.port} 220"))

    def stop(self) -> None:
        if (self.folder / "spool/pid/master.pid").exists():
            self._postfix("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _postfix(self, word: str) -> None:
        done = subprocess.run(["postfix", "-c", self.folder / "etc", word], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"postfix {word}: {done.stderr}")
