"""checkpassword as a process: who gets a program, as whom, and what everybody else is told. Cases C58, C59."""

from __future__ import annotations

import hmac
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.unix import shadow
from tests.support import unprivileged
from tests.support.call import Result, call, command
from tests.support.mail_site import PASSWORD, Server, Site, hashed
from tests.support.unprivileged import GID, IS_ROOT, UID

SHOW = [b"sh", b"-c", b"echo $USER $HOME $SHELL $KEPT; pwd; id -u; id -G"]
CHALLENGE = b"<812.1000000000@mx.example.org>"
SYSTEM = (
    "import pwd; from mta.unix import shadow; users = {users!r}; "
    "pwd.getpwnam = lambda n: pwd.struct_passwd(users[n]); shadow.crypted = {hashes!r}.get; "
)


class Machine:
    """One with its own users: joe, whose hash is in shadow; ann, whose hash is in passwd; root."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in ("joe", "ann", "shut"):
            (home / name / "Maildir").mkdir(parents=True)
        unprivileged.give(home)
        self.users = {
            "joe": ("joe", "x", UID, GID, "", str(home / "joe"), "/bin/dash"),
            "ann": ("ann", hashed(b"other").decode(), UID, GID, "", str(home / "ann"), ""),
            "gone": ("gone", "x", UID, GID, "", str(home / "gone"), "/bin/sh"),
            "root": ("root", "x", 0, 0, "", "/root", "/bin/sh"),
        }
        self.hashes = {b"joe": hashed(PASSWORD), b"root": hashed(PASSWORD), b"gone": hashed(PASSWORD)}

    def check(self, record: bytes, program: list[bytes] = SHOW, **env: str) -> Result:
        reading, writing = os.pipe()
        os.write(writing, record)
        os.close(writing)
        *words, text = command("checkpassword", os.fsencode(self.home))
        first, _, rest = text.partition("; from mta")
        text = f"{first}; {SYSTEM.format(users=self.users, hashes=self.hashes)}import os; os.dup2({reading}, 3); from mta{rest}"
        whole = {"PATH": "/usr/bin:/bin", "KEPT": "yes", **env}
        done = subprocess.run([*words, text, *program], env=whole, pass_fds=[reading], capture_output=True, check=False)
        os.close(reading)
        return Result(done.returncode, done.stdout, done.stderr)

    def password_file(self, user: str, text: bytes) -> None:
        path = self.home / user / "Maildir/.password"
        path.write_bytes(text)
        unprivileged.give(path)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with unprivileged.folder() as home:
        yield Machine(home)


def test_c58_the_program_runs_as_the_user_at_home(machine: Machine) -> None:
    home = str(machine.home / "joe")
    result = machine.check(b"joe\0" + PASSWORD + b"\0" + CHALLENGE + b"\0")
    *lines, groups = result.out.decode().splitlines()
    assert (result.code, lines, result.err) == (0, [f"joe {home} /bin/dash yes", home, str(UID)], b"")
    assert groups == str(GID) or not IS_ROOT


@pytest.mark.parametrize(
    ("why", "record", "code"),
    [
        ("right", b"joe\0" + PASSWORD + b"\0", 0),
        ("right, the hash being in passwd", b"ann\0other\0\0", 0),
        ("C58: wrong", b"joe\0wrong\0", 1),
        ("no such user", b"bo\0" + PASSWORD + b"\0", 1),
        ("no password", b"joe\0\0", 1),
        ("no name", b"\0" + PASSWORD + b"\0", 1),
        ("root is nobody's mailbox", b"root\0" + PASSWORD + b"\0", 1),
        ("a digest proves nothing to a hash", b"joe\0" + b"0" * 32 + b"\0" + CHALLENGE + b"\0", 1),
        ("too long", b"joe\0" + b"x" * 600 + b"\0", 1),
        ("C58: nothing after the password", b"joe\0" + PASSWORD, 2),
        ("one field", b"joe\0", 2),
        ("nothing", b"", 2),
        ("the home directory is not there", b"gone\0" + PASSWORD + b"\0", 111),
    ],
)
def test_c58_the_exit_code_tells(why: str, record: bytes, code: int, machine: Machine) -> None:
    assert machine.check(record, [b"true"]) == Result(code, b"", b""), why


def test_the_program_cannot_read_the_password(machine: Machine) -> None:
    assert machine.check(b"joe\0" + PASSWORD + b"\0", [b"sh", b"-c", b"cat <&3 2>/dev/null || echo closed"]).out == b"closed\n"


@pytest.mark.parametrize(("program", "code"), [([b"/none"], 111), ([b"sh", b"-c", b"exit 7"], 7)])
def test_the_exit_code_is_the_programs(program: list[bytes], code: int, machine: Machine) -> None:
    assert machine.check(b"joe\0" + PASSWORD + b"\0", program).code == code


FILE = {"CHECKPASSWORD_SOURCES": "file"}
CRAM = hmac.new(b"clear", CHALLENGE, "md5").hexdigest().encode()


@pytest.mark.parametrize(
    ("why", "text", "record", "code"),
    [
        ("the password", b"clear\n", b"joe\0clear\0" + CHALLENGE + b"\0", 0),
        ("C59: the response to a challenge", b"clear\n", b"joe\0" + CRAM + b"\0" + CHALLENGE + b"\0", 0),
        ("C59: of another", b"clear\n", b"joe\0" + CRAM + b"\0<1.2@x>\0", 1),
        ("a line without an end", b"clear", b"joe\0clear\0", 0),
        ("wrong", b"clear\n", b"joe\0other\0", 1),
        ("an empty password", b"\n", b"joe\0\0", 1),
        ("no file", None, b"joe\0clear\0", 1),
        ("no user", b"clear\n", b"bo\0clear\0", 1),
    ],
)
def test_c59_a_password_may_lie_in_a_file(why: str, text: bytes | None, record: bytes, code: int, machine: Machine) -> None:
    if text is not None:
        machine.password_file("joe", text)
    assert machine.check(record, [b"true"], **FILE) == Result(code, b"", b""), why


def test_a_password_file_is_read_as_the_user(machine: Machine) -> None:
    """And no link leads it elsewhere."""
    (machine.home / "joe/Maildir/.password").symlink_to(machine.home / "secret")
    (machine.home / "secret").write_bytes(b"clear\n")
    assert machine.check(b"joe\0clear\0", [b"true"], **FILE).code == 111


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="root's own file is only root's")
def test_a_password_file_that_the_user_cannot_read_is_trouble(machine: Machine) -> None:
    path = machine.home / "joe/Maildir/.password"
    path.write_bytes(b"clear\n")
    path.chmod(0o600)
    assert machine.check(b"joe\0clear\0", [b"true"], **FILE).code == 111


def test_the_first_source_that_knows_the_user_decides(machine: Machine) -> None:
    machine.password_file("joe", b"clear\n")
    both = {"CHECKPASSWORD_SOURCES": "file system"}
    assert machine.check(b"joe\0clear\0", [b"true"], **both).code == 0
    assert machine.check(b"joe\0" + PASSWORD + b"\0", [b"true"], **both).code == 1
    assert machine.check(b"ann\0other\0", [b"true"], **both).code == 0


@pytest.mark.parametrize("sources", ["ldap", "file ldap"])
def test_a_source_that_is_none_is_trouble(sources: str, machine: Machine) -> None:
    assert machine.check(b"bo\0x\0", [b"true"], CHECKPASSWORD_SOURCES=sources).code == 111


# -- virtual mailboxes


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with unprivileged.folder() as home:
        site = Site(home)
        site.domain("example.org")
        site.mailbox("joe@example.org")
        (home / "domains/example.org/joe").mkdir(exist_ok=True)
        unprivileged.give(home)
        yield site


@pytest.fixture(scope="module")
def broker(site: Site) -> Iterator[Server]:
    with site.running("login-broker") as server:
        yield server


def virtual(site: Site, record: bytes, **env: str) -> Result:
    reading, writing = os.pipe()
    os.write(writing, record)
    os.close(writing)
    *words, text = command("checkpassword", site.home_bytes)
    whole = {"PATH": "/usr/bin:/bin", "CHECKPASSWORD_SOURCES": "virtual", **env}
    moved = f"import os; os.dup2({reading}, 3); {text}"
    done = subprocess.run([*words, moved, *SHOW], env=whole, pass_fds=[reading], capture_output=True, check=False)
    os.close(reading)
    return Result(done.returncode, done.stdout, done.stderr)


def test_a_virtual_mailbox_is_its_owners(site: Site, broker: Server) -> None:
    home = site.home / "domains/example.org/joe"
    result = virtual(site, b"joe@example.org\0" + PASSWORD + b"\0")
    assert (result.code, result.out.splitlines()[:3]) == (0, [f"joe@example.org {home} /bin/sh".encode(), str(home).encode(), b"%d" % UID])


@pytest.mark.parametrize("record", [b"joe@example.org\0wrong\0", b"ann@example.org\0" + PASSWORD + b"\0", b"\0\0"])
def test_the_broker_lets_nobody_else_in(record: bytes, site: Site, broker: Server) -> None:
    assert virtual(site, record) == Result(1, b"", b"")


def test_without_the_broker_it_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    reading, writing = os.pipe()
    os.write(writing, b"joe@example.org\0x\0")
    os.close(writing)
    env = {b"QMAIL_HOME": os.fsencode(tmp_path), b"CHECKPASSWORD_SOURCES": b"virtual"}
    *words, text = command("checkpassword", os.fsencode(tmp_path))
    moved = f"import os; os.dup2({reading}, 3); {text}"
    done = subprocess.run([*words, moved, "true"], env=env, pass_fds=[reading], capture_output=True, check=False)
    os.close(reading)
    assert done.returncode == 111


# -- misuse


def test_it_wants_a_program() -> None:
    assert call("checkpassword", [], {}) == Result(2, b"", b"")


def test_without_descriptor_3_it_is_trouble() -> None:
    done = subprocess.run(["sh", "-c", '"$@" 3<&-', "sh", *command("checkpassword", b"/"), "true"], capture_output=True, check=False)
    assert done.returncode == 111


def test_the_shadow_database_is_asked() -> None:
    assert shadow.crypted(b"no-such-user") is None
    path = Path("/etc/shadow")
    if not os.access(path, os.R_OK):
        pytest.skip("only root may look into /etc/shadow")
    name, _, rest = path.read_bytes().partition(b":")
    assert shadow.crypted(name) == rest.partition(b":")[0]
