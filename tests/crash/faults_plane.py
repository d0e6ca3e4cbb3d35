"""The half of the appliance that moves mail, as it is installed: every service under svscan, no database and no web, ready in a second.

    with Plane(folder / "q", routes={"far.example": sink.port}) as plane:   # prepared, started, answering
        Dialog(plane.smtp_port) ...
        plane.kill()             # SIGKILL to every process of it at once
        plane.start()            # on the same files
        plane.drain()            # until nothing is left in the queue

Domain    example.org with the mailboxes of MAILBOXES (PASSWORD is everybody's), to-far (an alias, forwarded to friend@far.example) and
          sure-loss, whose deliveries fail for good
Users     as root those of the mail system, else the caller alone; or one user for everything (uid), which no root is needed to be. The
          instance's home may be a mount, and so may parts of it
Broken    replaces words of the storage layer by nothing (BROKEN): variants that a crash test must catch, or it proves nothing
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from deploy import environment, hier, prepare, probe, services, up
from mta.formats import supervise_status, tcprules, users_assign, vpasswd
from mta.unix import accounts
from mta.unix.generations import Generations, Why
from mta.unix.queuedir import SPLIT
from tests.crash.ledger import Copy, maildir
from tests.support.appliance import PORTS
from tests.support.certificate import make as make_certificate
from tests.support.mail_site import hashed
from tests.support.process import lasting_port

DOMAIN = "example.org"
MAILBOXES = ("joe", "sue", "ann", "bob")
PASSWORD = b"correct-horse-7"
SERVICES = ("smtpd", "submission", "queue-writer", "qmail-send", "pop3d", "login-broker", "vmaild")
READY_S, DRAIN_S = 30.0, 60.0
_CGROUPS = Path("/sys/fs/cgroup/unified")

BROKEN = {
    "no fsync": "from mta.unix.disk import Disk\nDisk.fsync = Disk.syncfs = staticmethod(lambda fd: None)\n",
    "no directory fsync": "from mta.unix.disk import Disk\nDisk.sync_dir = lambda self, path: None\n"
    "import os as _os, stat as _stat\n"
    "Disk.fsync = staticmethod(lambda fd: None if _stat.S_ISDIR(_os.fstat(fd).st_mode) else _os.fsync(fd))\n"
    "from mta.unix import queuedir, maildir\nfrom mta.programs.qmail.qmail_send import todo\n"
    "queuedir.SYNCFS_FROM = maildir.SYNCFS_FROM = todo.SYNCFS_FROM = 1 << 30\n",
    "believes its clock": "if __file__.endswith('/qmail-start'):\n"
    "    from mta.programs.qmail.qmail_send import jumps\n"
    "    jumps.Watch.look = lambda self, now_s, steady_s: 0\n",
    "trouble with names is their absence": "if __file__.endswith('/qmail-start'):\n"
    "    from mta.errors import Temporary\n"
    "    from mta.net import resolver\n"
    "    ask = resolver.Resolver._ask\n"
    "    async def _ask(self, name, kind):\n"
    "        try:\n"
    "            return await ask(self, name, kind)\n"
    "        except Temporary:\n"
    "            raise resolver._not_found(name) from None\n"
    "    resolver.Resolver._ask = _ask\n",
    "a failed fsync is asked again": "import os\nfrom mta.unix.disk import Disk\n"
    "def _again(fd):\n"
    "    try:\n"
    "        os.fsync(fd)\n"
    "    except OSError:\n"
    "        os.fsync(fd)\n"
    "Disk.fsync = staticmethod(_again)\n",
    "a failed fsync is none": "import os\nfrom mta.unix.disk import Disk\n"
    "def _never_mind(fd):\n"
    "    try:\n"
    "        os.fsync(fd)\n"
    "    except OSError:\n"
    "        pass\n"
    "Disk.fsync = staticmethod(_never_mind)\n",
    "files of a configuration one after the other": "if __file__.endswith('/installer'):\n"
    "    import os, time\n"
    "    from mta.unix.generations import Generations\n"
    "    def install(self, changes, why):\n"
    "        for path, data in changes.items():\n"
    "            with open(os.path.join(self.path(self.current()), path), 'wb') as file:\n"
    "                file.write(data or b'')\n"
    "            time.sleep(0.05)\n"
    "        return self.current()\n"
    "    Generations.install = install\n",
    "a disk that takes nothing fails a delivery for good": "if __file__.endswith('/qmail-start'):\n"
    "    from mta.errors import Permanent\n"
    "    from mta.unix import maildir\n"
    "    maildir.Temporary = Permanent\n",
    "what the disk does not take counts as written": "if __file__.endswith('/queue-writer'):\n"
    "    from mta.unix.disk import Disk\n"
    "    def quietly(call):\n"
    "        def made(*given):\n"
    "            try:\n"
    "                call(*given)\n"
    "            except OSError:\n"
    "                pass\n"
    "        return staticmethod(made)\n"
    "    for name in ('writev', 'write', 'fsync', 'syncfs', 'link_unnamed'):\n"
    "        setattr(Disk, name, quietly(getattr(Disk, name)))\n",
}


class Stuck(AssertionError):
    """Messages stay in the queue that nobody delivers."""


def why_not() -> str | None:
    """Why it cannot be started here, or None."""
    if os.geteuid() == 0 and accounts.missing():
        return "as root the users of the mail system are needed: run deploy/users"
    return None


class Plane:
    """home: an absolute path in a folder() of its own."""

    def __init__(
        self, home: Path, *, routes: Mapping[str, int] | None = None, dnscacheip: str = "", broken: str = "", uid: int | None = None
    ) -> None:
        self.home = home
        self._uid = uid
        self.routes = dict(routes or {})
        self.ports = {name: lasting_port() for name in PORTS}
        env = {"QMAIL_HOME": str(home), "APPLIANCE_ME": "mx.example.net", "DNSCACHEIP": dnscacheip}
        ports = {f"{name}_PORT": str(port) for name, port in self.ports.items()}
        self.environment = environment.read({**env, **ports}, is_root=None if uid is None else False)
        self.broken = broken
        self.variables: dict[str, str] = {}  # of svscan's environment, besides our own
        self.limits: Callable[[], None] | None = None  # runs in svscan's process before it begins
        self._svscan: subprocess.Popen[bytes] | None = None
        self._cgroup = _CGROUPS / f"{_group_prefix(home.parent)}-{self.ports['SMTP']}"

    def __enter__(self) -> Plane:
        self.prepare()
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        deadline = time.monotonic() + 20
        while self._cgroup.exists():
            try:
                self._cgroup.rmdir()
            except OSError:  # who died a moment ago is still counted
                assert time.monotonic() < deadline, f"{self._cgroup} stays in use"
                time.sleep(0.01)

    @property
    def smtp_port(self) -> int:
        return self.ports["SMTP"]

    @property
    def pop3_port(self) -> int:
        return self.ports["POP3"]

    @property
    def queue(self) -> Path:
        return self.home / "queue"

    @property
    def table(self) -> list[services.Service]:
        return [s for s in services.table(self.environment) if s.name in SERVICES]

    # -- preparation ---------------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """What deploy.prepare does, but for the web; and the domain as the control plane installs it."""
        e = self.environment
        os.umask(0o022)
        hier.make(self.home, hier.TABLE, is_single=e.is_single)
        self._give()
        owner = accounts.load(os.fsencode(self.home))[accounts.VPOPMAIL]
        prepare._control_files(e)
        prepare._aliases(e)
        self._domain(owner)
        self._users(owner)
        self._controls()
        Generations(os.fsencode(self.home)).adopt(Why(b"tests", b"the first one"))
        prepare.programs(e)
        self._break()
        for service in self.table:
            hier.make(self.home, hier.service_entries(service.name, has_log=True), is_single=e.is_single)
            folder = services.folder(e, service)
            prepare._write_executable(folder / "run", services.run_script(service, e))
            prepare._write_executable(folder / "log/run", services.log_script(e))
        self._give()

    def _give(self) -> None:
        """All of it to the one user, if there is to be one."""
        if self._uid is not None and os.geteuid() == 0:
            for path in (self.home, *self.home.rglob("*")):
                os.chown(path, self._uid, self._uid, follow_symlinks=False)

    def _domain(self, owner: accounts.Account) -> None:
        folder = self.home / "domains" / DOMAIN
        folder.mkdir(mode=0o700, exist_ok=True)
        rows = []
        for name in MAILBOXES:
            for part in ("tmp", "new", "cur"):
                (folder / name / "Maildir" / part).mkdir(parents=True, exist_ok=True)
            rows.append(vpasswd.Account(name.encode(), hashed(PASSWORD), 1, 0, b"", os.fsencode(folder / name), b"NOQUOTA"))
        (folder / "vpasswd").write_bytes(vpasswd.write(rows))
        (folder / "vpasswd.cdb").write_bytes(vpasswd.compile_(vpasswd.write(rows)))
        for name, text in (
            ("default", f"|{self.home}/bin/vdelivermail '' bounce-no-mailbox"),
            ("to-far", "&friend@far.example"),
            ("sure-loss", "|exit 100"),
        ):
            (folder / f".qmail-{name}").write_text(text + "\n")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
            os.chown(path, owner.uid, owner.gid)

    def _controls(self) -> None:
        controls = {
            "virtualdomains": f"{DOMAIN}:{DOMAIN}",
            "rcpthosts": f"mx.example.net\n{DOMAIN}\n" + "\n".join(self.routes),
            "smtproutes": "\n".join(f"{host}:127.0.0.1:{port}" for host, port in self.routes.items()),
            "timeoutconnect": "5",
        }
        for name, text in controls.items():
            (self.home / "control" / name).write_text(text.strip() + "\n")

    def _users(self, owner: accounts.Account) -> None:
        user = users_assign.User(DOMAIN.encode(), owner.uid, owner.gid, os.fsencode(self.home / "domains" / DOMAIN), b"-", b"")
        assign = users_assign.write([users_assign.Assignment(True, DOMAIN.encode() + b"-", user)])
        (self.home / "users/assign").write_bytes(assign)
        (self.home / "users/cdb").write_bytes(users_assign.compile_(assign))

    def _break(self) -> None:
        """Every program begins with the replacement, but for svscan: what looks like svscan's own it starts as a fork (unix/warm_start)."""
        if not self.broken:
            return
        for path in (self.home / "bin").iterdir():
            text = path.read_text()
            before, marker, after = text.partition("from mta import runner\n")
            if marker and path.name != "svscan" and BROKEN[self.broken] not in text:
                path.write_text(before + marker + BROKEN[self.broken] + after)

    # -- life and death ------------------------------------------------------------------------------------------------------------

    def start(self, ready_s: float = READY_S) -> None:
        """Until every service answers."""
        has_group = self._make_group()

        def enter() -> None:
            if has_group:
                (self._cgroup / "cgroup.procs").write_text("0")
            if self.limits is not None:
                self.limits()

        log = self.home.parent / f"{self.home.name}.svscan.log"
        with log.open("ab") as file:
            self._svscan = subprocess.Popen(
                [str(self.home / "bin/svscan"), str(self.home / "service")],
                cwd="/",
                stdout=file,
                stderr=file,
                start_new_session=True,
                env={**os.environ, **self.variables},
                preexec_fn=enter,
            )
        (self.home.parent / f"{self.home.name}.svscan.pid").write_text(f"{self._svscan.pid}\n")
        deadline = time.monotonic() + ready_s
        while waiting := [s.name for s in self.table if not probe.answers(s)]:
            assert time.monotonic() < deadline, f"{waiting} do not answer: {self.logs()}"
            time.sleep(0.02)

    def _make_group(self) -> bool:
        """A control group of our own makes the kill one act. Without root, or without it, the session is the group."""
        try:
            self._cgroup.mkdir(exist_ok=True)
            return (self._cgroup / "cgroup.kill").exists()
        except OSError:
            return False

    def kill(self) -> None:
        """Every process at once, and nothing left of them afterwards."""
        if self._svscan is None:
            return
        if (self._cgroup / "cgroup.kill").exists():
            (self._cgroup / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + 20
        while pids := self.pids():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if self._svscan.poll() is None:
                self._svscan.wait(20)
            assert time.monotonic() < deadline, f"{pids} do not die"
            time.sleep(0.002)
        self._svscan.wait(20)
        self._svscan = None

    def stop(self) -> None:
        """In order, as `make stop` does."""
        if self._svscan is not None:
            up.stop(self.environment, self._svscan)
            self.kill()

    def pids(self) -> list[int]:
        """Every living process of it."""
        assert self._svscan is not None
        if (self._cgroup / "cgroup.procs").exists():
            return [int(pid) for pid in (self._cgroup / "cgroup.procs").read_text().split() if _is_alive(int(pid))]
        session = self._svscan.pid
        return [pid for pid in _all_pids() if _session(pid) == session]

    @property
    def svscan_pid(self) -> int:
        return self._svscan.pid if self._svscan is not None else 0

    def pid(self, service: str) -> int:
        """Of the service's own process, 0 while it is down."""
        return supervise_status.read((self.home / "service" / service / "supervise/status").read_bytes()).pid

    def processes(self, name: str) -> list[int]:
        """A helper of qmail-send by its own name, or the processes of a service."""
        pids = self.pids()
        named = [pid for pid in pids if _name(pid) == name[:15]]
        top = self.pid(name) if (self.home / "service" / name).exists() else 0
        return named or [pid for pid in pids if pid == top or _parent(pid) == top]

    def order(self, service: str, letters: bytes) -> None:
        """svc."""
        assert probe.order(self.home / "service" / service, letters), f"{service} is not supervised"

    def answers(self, service: str) -> bool:
        return probe.answers(next(s for s in self.table if s.name == service))

    # -- what it does --------------------------------------------------------------------------------------------------------------

    def retry(self) -> None:
        """ALRM for qmail-send: everything is due now."""
        self.order("qmail-send", b"a")

    def waiting(self) -> set[int]:
        """Messages queued or being delivered: S4 and S5. Looked at twice: a bounce comes into todo/ after that was found empty, before its
        reason leaves info/."""
        folders = [self.queue / "todo", *(self.queue / "info" / str(i) for i in range(SPLIT))] * 2
        return {int(name) for folder in folders for name in os.listdir(folder) if name.isdigit()}

    def drain(self, drain_s: float = DRAIN_S) -> None:
        """Until nothing is queued; what was deferred is tried again at once. Raises Stuck."""
        deadline = time.monotonic() + drain_s
        last_retry = time.monotonic()
        while waiting := self.waiting():
            if time.monotonic() > deadline:
                raise Stuck(f"{len(waiting)} messages stay in the queue: {self.logs()}")
            if time.monotonic() - last_retry > 1:
                self.retry()
                last_retry = time.monotonic()
            time.sleep(0.02)

    def maildir(self, mailbox: str) -> Path:
        return self.home / "domains" / DOMAIN / mailbox / "Maildir"

    def copies(self) -> Iterator[Copy]:
        """Every message in every mailbox."""
        for name in MAILBOXES:
            yield from maildir(self.maildir(name), f"{name}@{DOMAIN}".encode())

    def log(self, service: str) -> str:
        """All of it that is still there."""
        folder = self.home / "service" / service / "log/main"
        files = [*sorted(folder.glob("@*")), folder / "current"]
        return "".join(path.read_text(errors="replace") for path in files if path.exists())

    def logs(self) -> str:
        """The end of every log, for the message of a failed assert."""
        svscan = self.home.parent / f"{self.home.name}.svscan.log"
        ends = [f"\n== {s.name}\n{self.log(s.name)[-1200:]}" for s in self.table]
        return "".join(ends) + f"\n== svscan\n{svscan.read_text(errors='replace')[-1500:] if svscan.exists() else ''}"

    def control(self, name: str, text: str) -> None:
        path = self.home / "control" / name
        path.write_text(text + "\n")

    def rules(self, text: bytes) -> None:
        """control/tcp.smtp, compiled."""
        (self.home / "control/tcp.smtp").write_bytes(text)
        (self.home / "control/tcp.smtp.cdb").write_bytes(tcprules.compile_(text))

    def certificate(self) -> None:
        make_certificate(self.home / "control/servercert.pem", "mx.example.net")


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in b"ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _session(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()[3]) if _is_alive(pid) else 0
    except (FileNotFoundError, ProcessLookupError):
        return 0


# -- the folder everything lies in, and who clears up ------------------------------------------------------------------------------

# Waits for the test's end, whatever it is; then nothing of it may run, be mounted or lie around.
_GUARDIAN = """
read -r _
for pid in $(cat "$1"/*.svscan.pid 2>/dev/null); do kill -9 -- "-$pid" 2>/dev/null; done
for group in /sys/fs/cgroup/unified/"$2"-*; do [ -d "$group" ] && echo 1 >"$group/cgroup.kill"; done
for turn in 1 2 3 4 5 6 7 8 9 10; do
  for where in $(awk '{ print $5 }' /proc/self/mountinfo | grep "^$1/" | tac); do umount "$where" 2>/dev/null; done
  grep -q " $1/" /proc/self/mountinfo || break
  sleep 0.2
done
grep -q " $1/" /proc/self/mountinfo || rm -rf "$1"
for group in /sys/fs/cgroup/unified/"$2"-*; do [ -d "$group" ] && rmdir "$group"; done
exit 0
"""


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder that every user may enter, gone afterwards, with all that ran or was mounted there: even if the test is killed."""
    path = Path(tempfile.mkdtemp(prefix="tawny-crash-", dir="/var/tmp"))
    path.chmod(0o755)
    words = ["sh", "-c", _GUARDIAN, "guardian", str(path), _group_prefix(path)]
    guardian = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/")
    assert guardian.stdin is not None
    try:
        yield path
    finally:
        guardian.stdin.close()
        guardian.wait()


def _group_prefix(path: Path) -> str:
    """Of the control groups of what runs below a folder."""
    return f"tawny-test-{path.name}"
