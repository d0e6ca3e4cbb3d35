"""POP-before-SMTP: relay-ctrl-chdir, -allow, -check, -age, -send and -udp as processes. Cases C60, C61."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mta.formats import relay_ctrl
from tests.support.call import Result, call, command, process
from tests.support.process import PATIENCE_S, eventually
from tests.support.unprivileged import IS_ROOT, UID, become, folder, give

IP = b"10.1.2.3"
SHOW = [b"sh", b"-c", b'echo "${RELAYCLIENT-unset}" $USER $DOMAIN; exit 7']


@pytest.fixture
def env(tmp_path: Path) -> dict[bytes, bytes]:
    return {b"QMAIL_HOME": b"/", b"PATH": b"/usr/bin:/bin", b"TCPREMOTEIP": IP, b"RELAY_CTRL_DIR": os.fsencode(tmp_path)}


def note(folder: Path, age_s: int = 0, data: bytes = b"", name: bytes = IP) -> Path:
    path = folder / name.decode()
    path.write_bytes(data)
    then = int(time.time()) - age_s
    os.utime(path, (then, then))
    return path


# -- allow


def test_allow_notes_the_address_and_who_it_is(env: dict[bytes, bytes], tmp_path: Path) -> None:
    result = process("relay-ctrl-allow", [b"sh", b"-c", b"pwd; exit 7"], {**env, b"USER": b"joe", b"DOMAIN": b"example.org"})
    assert result == Result(7, os.fsencode(os.getcwd()) + b"\n", b"")
    assert [p.name for p in tmp_path.iterdir()] == ["10.1.2.3"]
    assert (tmp_path / "10.1.2.3").read_bytes() == b"USER=joe\0DOMAIN=example.org\0"
    assert (tmp_path / "10.1.2.3").stat().st_mode & 0o777 == 0o600


def test_allow_without_a_program_only_notes(env: dict[bytes, bytes], tmp_path: Path) -> None:
    note(tmp_path, 5000, b"old")
    assert call("relay-ctrl-allow", [], env) == Result(0, b"", b"")
    assert (tmp_path / "10.1.2.3").read_bytes() == b""
    assert time.time() - (tmp_path / "10.1.2.3").stat().st_mtime < 1000


@pytest.mark.parametrize("ip", [None, b"", b"example.org", b"../x", b"unknown"])
def test_allow_wants_an_address(ip: bytes | None, env: dict[bytes, bytes]) -> None:
    env = {name: value for name, value in {**env, b"TCPREMOTEIP": ip}.items() if value is not None}
    said = b"relay-ctrl-allow: fatal: Must be run from tcp-env or tcpserver.\n"
    assert process("relay-ctrl-allow", [b"echo", b"ran"], env) == Result(111, b"", said)


def test_allow_does_not_note_a_login_that_failed(env: dict[bytes, bytes], tmp_path: Path) -> None:
    courier = {b"AUTHUSER": b"x", b"AUTHARGV0": b"y"}
    assert process("relay-ctrl-allow", [b"echo", b"ran"], {**env, **courier}) == Result(0, b"ran\n", b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("directory", "words"),
    [
        ({b"RELAY_CTRL_DIR": b"/none"}, b"unable to open the directory: file does not exist"),
        ({b"RELAY_CTRL_DIR": b"/etc/passwd"}, b"unable to open the directory: not a directory"),
        ({b"RELAY_CTRL_DIR_FD": b"99"}, b"unable to open the directory: file descriptor not open"),
        ({b"RELAY_CTRL_DIR_FD": b"x"}, b"$RELAY_CTRL_DIR_FD is no number"),
        ({b"RELAY_CTRL_DIR_FD": b""}, b"$RELAY_CTRL_DIR_FD is no number"),
        ({b"RELAY_CTRL_DIR_FD": b"1" * 30}, b"$RELAY_CTRL_DIR_FD is no number"),
        ({b"RELAY_CTRL_DIR": None}, b"$RELAY_CTRL_DIR is not set"),
    ],
)
@pytest.mark.parametrize("name", ["relay-ctrl-allow", "relay-ctrl-check"])
def test_the_session_goes_on_whatever_the_trouble(
    name: str, directory: dict[bytes, bytes | None], words: bytes, env: dict[bytes, bytes]
) -> None:
    env = {name: value for name, value in {**env, **directory}.items() if value is not None}
    assert process(name, [b"echo", b"ran"], env) == Result(0, b"ran\n", b"%b: warning: %b\n" % (name.encode(), words))


def test_allow_leaves_no_temporary_file(env: dict[bytes, bytes], tmp_path: Path) -> None:
    (tmp_path / "10.1.2.3").mkdir()
    said = b"relay-ctrl-allow: warning: unable to note 10.1.2.3: is a directory\n"
    assert call("relay-ctrl-allow", [], env) == Result(0, b"", said)
    assert [p.name for p in tmp_path.iterdir()] == ["10.1.2.3"]


# -- check


@pytest.mark.parametrize(("age_s", "answer"), [(901, b"unset\n"), (900, b"\n"), (0, b"\n")])
def test_c60_a_login_is_good_for_a_quarter_of_an_hour(age_s: int, answer: bytes, env: dict[bytes, bytes], tmp_path: Path) -> None:
    """A second may end between the note and the look: then it is tried again."""
    for _ in range(5):
        before = int(time.time())
        path = note(tmp_path, age_s)
        result = process("relay-ctrl-check", SHOW, env)
        if int(time.time()) == before:
            break
    assert result == Result(7, answer, b"")
    assert path.exists() == (age_s != 901)


def test_check_lets_the_client_relay_and_tells_who_it_is(env: dict[bytes, bytes], tmp_path: Path) -> None:
    note(tmp_path, 100, b"USER=joe\0DOMAIN=example.org\0PATH=/none\0")
    assert process("relay-ctrl-check", SHOW, {**env, b"RELAY_CTRL_RELAYCLIENT": b"@fixup"}) == Result(7, b"@fixup joe example.org\n", b"")


@pytest.mark.parametrize(("expiry", "answer"), [(b"50", b"unset\n"), (b"200", b"\n"), (b"0", b"\n"), (b"-1", b"\n"), (b"x", b"\n")])
def test_check_uses_the_expiry_that_is_set(expiry: bytes, answer: bytes, env: dict[bytes, bytes], tmp_path: Path) -> None:
    note(tmp_path, 100)
    assert process("relay-ctrl-check", SHOW, {**env, b"RELAY_CTRL_EXPIRY": expiry}).out == answer


def test_check_knows_strangers(env: dict[bytes, bytes], tmp_path: Path) -> None:
    note(tmp_path, name=b"10.1.2.4")
    assert process("relay-ctrl-check", SHOW, env) == Result(7, b"unset\n", b"")


def test_check_looks_at_nothing_for_a_client_that_may_relay(env: dict[bytes, bytes], tmp_path: Path) -> None:
    path = note(tmp_path, 5000)
    assert process("relay-ctrl-check", SHOW, {**env, b"RELAYCLIENT": b"x"}) == Result(7, b"x\n", b"")
    assert path.exists()


@pytest.mark.parametrize(
    ("why", "age_s", "more", "lines"),
    [
        ("found", 0, {}, [b"IP 10.1.2.3 found, setting $RELAYCLIENT"]),
        ("expired", 5000, {}, [b"Expired IP 10.1.2.3 found, removing"]),
        ("a stranger", None, {}, [b"IP 10.1.2.3 not found"]),
        ("not asked", 0, {b"RELAYCLIENT": b""}, [b"$RELAYCLIENT already set, not checking IP"]),
        ("variables", 0, {b"RELAY_CTRL_LOG_ENV": b""}, [b"IP 10.1.2.3 found, setting $RELAYCLIENT", b"Setting USER=joe"]),
    ],
)
def test_check_says_what_it_found(
    why: str, age_s: int | None, more: dict[bytes, bytes], lines: list[bytes], env: dict[bytes, bytes], tmp_path: Path
) -> None:
    if age_s is not None:
        note(tmp_path, age_s, b"USER=joe\0")
    result = process("relay-ctrl-check", [b"true"], {**env, b"RELAY_CTRL_LOG_IPS": b"", **more})
    assert result == Result(0, b"", b"".join(b"relay-ctrl-check: %b\n" % line for line in lines)), why


@pytest.mark.parametrize("ip", [None, b"", b"../10.1.2.3"])
def test_check_without_an_address_lets_nobody_relay(ip: bytes | None, env: dict[bytes, bytes], tmp_path: Path) -> None:
    env = {name: value for name, value in {**env, b"TCPREMOTEIP": ip}.items() if value is not None}
    note(tmp_path)
    said = b"relay-ctrl-check: warning: $TCPREMOTEIP not set, not checking IP\n"
    assert process("relay-ctrl-check", SHOW, env) == Result(7, b"unset\n", said)


# -- chdir


def test_chdir_opens_the_directory_for_those_who_may_not(env: dict[bytes, bytes]) -> None:
    """As root opens it, and a user without rights notes a login; the program after that does not have the descriptor."""
    with folder() as home:
        (home / "private").mkdir(mode=0o700)
        directory = home / "private/allow"
        directory.mkdir()
        directory.chmod(0o777)
        env = {**env, b"RELAY_CTRL_DIR": os.fsencode(directory)}
        inner = [*command("relay-ctrl-allow", b"/"), "sh", "-c", "ls /proc/self/fd | wc -l"]
        drop = f"import os, sys; os.setgid({UID}); os.setuid({UID}); os.execv(sys.argv[1], sys.argv[1:])" if IS_ROOT else None
        words = ["/usr/bin/python3", "-c", drop, *inner] if drop else inner
        result = process("relay-ctrl-chdir", [os.fsencode(word) for word in words], env)
        assert result == Result(0, b"4\n", b"")
        (noted,) = directory.iterdir()
        assert (noted.name, noted.stat().st_mode & 0o777, noted.stat().st_uid) == ("10.1.2.3", 0o666, UID)
        checked = process("relay-ctrl-chdir", [os.fsencode(word) for word in command("relay-ctrl-check", b"/")] + SHOW, env)
        assert checked.out == b"\n"


@pytest.mark.parametrize(
    ("directory", "words"),
    [
        (b"/none", b"unable to open /none: file does not exist"),
        (b"/etc/passwd", b"unable to open /etc/passwd: not a directory"),
        (None, b"$RELAY_CTRL_DIR is not set"),
    ],
)
def test_chdir_wants_a_directory(directory: bytes | None, words: bytes, env: dict[bytes, bytes]) -> None:
    env = {name: value for name, value in {**env, b"RELAY_CTRL_DIR": directory}.items() if value is not None}
    assert process("relay-ctrl-chdir", [b"echo", b"ran"], env) == Result(111, b"", b"relay-ctrl-chdir: fatal: %b\n" % words)


# -- age


def test_age_removes_what_has_expired(env: dict[bytes, bytes], tmp_path: Path) -> None:
    for name, age_s in ((b"10.0.0.1", 1000), (b"10.0.0.2", 800), (b".1.2:3", 1000), (b"2001:db8::1", 2000)):
        note(tmp_path, age_s, name=name)
    (tmp_path / "folder").mkdir()
    os.utime(tmp_path / "folder", (0, 0))
    assert call("relay-ctrl-age", [], env) == Result(0, b"", b"")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["10.0.0.2", "folder"]
    assert call("relay-ctrl-age", [], {**env, b"RELAY_CTRL_EXPIRY": b"700"}).code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("directory", [None, b"/none"])
def test_age_wants_a_directory(directory: bytes | None) -> None:
    result = call("relay-ctrl-age", [], {} if directory is None else {b"RELAY_CTRL_DIR": directory})
    assert (result.code, result.out) == (1, b"")
    assert result.err.startswith(b"relay-ctrl-age: fatal: ")


# -- send, udp


@contextmanager
def receiver(directory: Path, **env: str) -> Iterator[int]:
    """relay-ctrl-udp on a free port."""
    whole = {"RELAY_CTRL_DIR": str(directory), "RELAY_CTRL_BIND": "127.0.0.1", **env}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    log = directory.parent / "udp.log"
    with log.open("wb") as out:
        process = subprocess.Popen([*command("relay-ctrl-udp", b"/")], env={**whole, "RELAY_CTRL_PORT": str(port)}, stderr=out)
    try:
        eventually(lambda: b"listening" in log.read_bytes(), "it does not start")
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "allow").mkdir()
    return tmp_path / "allow"


def ask(port: int, data: bytes, then: bytes = b"") -> list[bytes]:
    """The answers to data and then; the latter is an address that is answered, so that the wait has an end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(("127.0.0.1", port))
        sock.send(data)
        if then:
            sock.send(then)
        found = [sock.recv(10)]
        sock.setblocking(False)
        try:
            found.append(sock.recv(10))
        except BlockingIOError:
            pass
        return found


def test_c61_a_datagram_is_noted_and_answered(directory: Path) -> None:
    note(directory, 5000, b"USER=joe\0")
    with receiver(directory) as port:
        assert ask(port, IP) == [b"\1"]
        assert (directory / "10.1.2.3").read_bytes() == b""
        assert time.time() - (directory / "10.1.2.3").stat().st_mtime < 1000
        assert ask(port, b"10.1.2.3x", then=b"10.1.2.9") == [b"\1"]
    assert sorted(p.name for p in directory.iterdir()) == ["10.1.2.3", "10.1.2.9"]
    assert b"relay-ctrl-udp: warning: invalid IP from 127.0.0.1\n" in (directory.parent / "udp.log").read_bytes()


def test_with_a_secret_strangers_are_not_believed(directory: Path) -> None:
    with receiver(directory, RELAY_CTRL_SECRET="s3cret") as port:
        good = relay_ctrl.datagram(b"10.1.2.9", b"s3cret", int(time.time()))
        assert ask(port, IP, then=good) == [b"\1"]
    assert [p.name for p in directory.iterdir()] == ["10.1.2.9"]
    assert b"is not set" not in (directory.parent / "udp.log").read_bytes()


@pytest.mark.parametrize("secret", [{}, {b"RELAY_CTRL_SECRET": b"s3cret"}])
def test_send_tells_the_others(secret: dict[bytes, bytes], directory: Path, env: dict[bytes, bytes]) -> None:
    with receiver(directory, **{name.decode(): value.decode() for name, value in secret.items()}) as port:
        told = {b"RELAY_CTRL_REMOTES": b"127.0.0.1", b"RELAY_CTRL_PORT": b"%d" % port, **secret}
        assert process("relay-ctrl-send", [b"sh", b"-c", b"exit 7"], {**env, **told}) == Result(7, b"", b"")
        eventually((directory / "10.1.2.3").exists, "it was not told")


def test_send_tries_again_and_then_says_who_does_not_answer(env: dict[bytes, bytes], tmp_path: Path) -> None:
    """The program is not held up, and the client's connection is not kept."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.settimeout(PATIENCE_S)
        told = {"RELAY_CTRL_REMOTES": "127.0.0.1,x", "RELAY_CTRL_PORT": str(deaf.getsockname()[1]), "RELAY_CTRL_TRIES": "2"}
        near, far = socket.socketpair()
        log = tmp_path / "log"
        with near, log.open("wb") as err:
            words = [*command("relay-ctrl-send", b"/"), "true"]
            whole = {name.decode(): value.decode() for name, value in env.items()} | told
            assert subprocess.run(words, stdin=far, stdout=far, stderr=err, env=whole, check=False).returncode == 0
            far.close()
            assert near.recv(1) == b""
        assert [deaf.recv(100), deaf.recv(100)] == [IP, IP]
        said = b"relay-ctrl-send: warning: timed out waiting for response from 127.0.0.1\n"
        eventually(lambda: said in log.read_bytes(), "it does not say so")
        assert b"relay-ctrl-send: warning: no IP address: x\n" in log.read_bytes()


def test_send_does_not_tell_of_a_login_that_failed(env: dict[bytes, bytes]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        told = {b"RELAY_CTRL_REMOTES": b"127.0.0.1", b"RELAY_CTRL_PORT": b"%d" % sock.getsockname()[1]}
        courier = {b"AUTHUSER": b"x", b"AUTHARGV0": b"y"}
        assert process("relay-ctrl-send", [b"true"], {**env, **told, **courier}) == Result(0, b"", b"")
        assert process("relay-ctrl-send", [b"true"], {**env, **told, b"TCPREMOTEIP": b"10.9.9.9"}).code == 0
        sock.settimeout(PATIENCE_S)
        assert sock.recv(100) == b"10.9.9.9"


def test_send_without_others_says_so(env: dict[bytes, bytes]) -> None:
    said = b"relay-ctrl-send: warning: $RELAY_CTRL_REMOTES is not set.\n"
    assert process("relay-ctrl-send", [b"echo", b"ran"], env) == Result(0, b"ran\n", said)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({b"RELAY_CTRL_DIR": b"/none"}, b"unable to open the directory: file does not exist"),
        ({b"RELAY_CTRL_BIND": b"x"}, b"no IP address: x"),
        ({b"RELAY_CTRL_BIND": b"192.0.2.1"}, b"unable to bind: address not available"),
    ],
)
def test_udp_says_why_it_does_not_start(more: dict[bytes, bytes], words: bytes, env: dict[bytes, bytes]) -> None:
    assert call("relay-ctrl-udp", [], {**env, **more}) == Result(111, b"", b"relay-ctrl-udp: fatal: %b\n" % words)


# -- all of them


@pytest.mark.parametrize(
    ("name", "code", "usage"),
    [
        ("relay-ctrl-chdir", 1, b"relay-ctrl-chdir program [arguments]"),
        ("relay-ctrl-check", 1, b"relay-ctrl-check program [arguments]"),
        ("relay-ctrl-send", 111, b"relay-ctrl-send program [args ...]"),
    ],
)
def test_they_want_a_program(name: str, code: int, usage: bytes) -> None:
    assert call(name, [], {}) == Result(code, b"", b"%b: usage: %b\n" % (name.encode(), usage))


@pytest.mark.parametrize("name", ["relay-ctrl-chdir", "relay-ctrl-allow", "relay-ctrl-check", "relay-ctrl-send"])
def test_they_say_what_they_cannot_run(name: str, env: dict[bytes, bytes]) -> None:
    result = process(name, [b"/none"], {**env, b"RELAY_CTRL_REMOTES": b""})
    assert result == Result(111, b"", b"%b: fatal: unable to run /none: file does not exist\n" % name.encode())


def test_a_directory_of_somebody_else_is_trouble_and_no_more(env: dict[bytes, bytes]) -> None:
    with folder() as home:
        shut = home / "shut"
        shut.mkdir()
        give(home)
        shut.chmod(0o500)
        words = [*command("relay-ctrl-allow", b"/"), "echo", "ran"]
        whole = {**env, b"RELAY_CTRL_DIR": os.fsencode(shut)}
        done = subprocess.run(words, env=whole, capture_output=True, check=False, **become())  # type: ignore[call-overload]
        assert (done.returncode, done.stdout) == (0, b"ran\n")
        assert done.stderr == b"relay-ctrl-allow: warning: unable to note 10.1.2.3: access denied\n"
