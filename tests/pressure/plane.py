"""The mail plane under pressure: the crash tests' Plane with the names that the recorded hostile inputs use, and a way to tell whether it
took harm.

Domain    oracle.test beside example.org, with the same mailboxes; u and joe-list are aliases of joe's
Away      what is for any other domain goes to one server (the sink): what arrives there was relayed, or is a bounce
Harm      a process that is not the one it was, or a line in a log that no healthy server writes
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mta.unix import accounts
from tests.crash.faults_plane import DOMAIN, SERVICES, Plane
from tests.crash.storm import role
from tests.pressure import census
from tests.pressure.census import Use
from tests.support.process import eventually

ORACLE = "oracle.test"
AMONG_THEMSELVES = 8  # connections that a service's processes keep to other services once they needed them
ALIASES = {"u": f"&joe@{DOMAIN}", "joe-list": f"&joe@{DOMAIN}"}
_HARM = re.compile(r"Traceback|exception|Error\b|unhandled|fatal|alert|never (?:awaited|retrieved)", re.IGNORECASE)
_LIVING = ("smtpd", "submission", "queue-writer", "qmail-start", "qmail-send", "pop3d", "login-broker", "vmaild", "supervise", "multilog")


class PressurePlane(Plane):
    """sink_port: of the server for everything that is not ours. keeps_logs: more of them than is usual, for harm() to look at."""

    def __init__(self, home: Path, sink_port: int, broken: str = "", *, keeps_logs: bool = True) -> None:
        super().__init__(home, broken=broken)
        self._sink_port = sink_port
        self._keeps_logs = keeps_logs

    def prepare(self) -> None:
        super().prepare()
        for service in self.table if self._keeps_logs else ():
            run = self.home / "service" / service.name / "log/run"
            run.write_text(run.read_text().replace("s1000000 n20", "s16000000 n100"))

    def _domain(self, owner: accounts.Account) -> None:
        super()._domain(owner)
        for name, text in ALIASES.items():
            path = self.home / "domains" / DOMAIN / f".qmail-{name}"
            path.write_text(text + "\n")
            path.chmod(0o600)
            os.chown(path, owner.uid, owner.gid)

    def _controls(self) -> None:
        super()._controls()
        self.control("virtualdomains", f"{DOMAIN}:{DOMAIN}\n{ORACLE}:{DOMAIN}")
        self.control("rcpthosts", f"mx.example.net\n{DOMAIN}\n{ORACLE}")
        self.control("smtproutes", f":127.0.0.1:{self._sink_port}")

    def uses(self) -> dict[str, Use]:
        return census.by_role(self.pids())

    def settled(self, before: dict[str, Use], what: str) -> dict[str, Use]:
        """Until services have no more descriptors open than before, but for connections among themselves -> what they use then. Other
        processes come and go with their work."""

        def is_back() -> bool:
            now = self.uses()
            return all(
                now.get(name, Use()).descriptors <= before[name].descriptors + AMONG_THEMSELVES for name in SERVICES if name in before
            )

        eventually(is_back, f"descriptors stay open {what}")
        return self.uses()

    def living(self) -> dict[int, str]:
        """The processes that are to be there all the time, by id."""
        return {pid: name for pid in self.pids() if (name := role(pid)) in _LIVING}

    def harm(self, before: dict[int, str]) -> list[str]:
        """before: living() of then -> what went wrong since."""
        now = self.living()
        found = [f"{name} ({pid}) has ended" for pid, name in before.items() if pid not in now]
        found += [f"{name} ({pid}) is new" for pid, name in now.items() if pid not in before]
        for service in self.table:
            lines = self.log(service.name).splitlines()
            found += [f"{service.name}: {line}" for line in lines if _HARM.search(line) and ": deny: " not in line]
        return found

    def stored(self, mailbox: str = "joe") -> list[Path]:
        """What lies in a mailbox, in order of delivery."""
        folder = self.maildir(mailbox)
        files = [path for part in ("new", "cur") for path in (folder / part).iterdir()]
        return sorted(files, key=lambda path: path.stat().st_mtime_ns)

    def empty(self) -> None:
        """Throw away what all mailboxes hold."""
        for folder in (self.home / "domains" / DOMAIN).glob("*/Maildir"):
            for part in ("new", "cur"):
                for path in (folder / part).iterdir():
                    path.unlink()
