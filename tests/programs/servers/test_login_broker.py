"""The login broker as a real process: who is let in, and what strangers can tell."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.errors import Permanent, Temporary
from mta.formats import login_call, vpasswd
from mta.formats.login_call import Login, Request
from mta.unix import login
from tests.support import unprivileged
from tests.support.mail_site import PASSWORD, Server, Site, hashed


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with unprivileged.folder() as home:
        site = Site(home)
        site.domain("example.org")
        site.domain("alias.example", real="example.org")
        site.domain("broken.example")
        site.mailbox("joe@example.org", quota=b"3000S")
        site.mailbox("locked@example.org", b"")
        site.mailbox("prefixed@example.org", b"{SHA512-CRYPT}" + hashed(PASSWORD))
        for name, flag in (
            ("no-pop", vpasswd.NO_POP),
            ("no-smtp", vpasswd.NO_SMTP),
            ("no-imap", vpasswd.NO_IMAP),
            ("no-web", vpasswd.NO_WEBMAIL),
        ):
            site.mailbox(f"{name}@example.org", flags=flag)
        yield site


@pytest.fixture(scope="module")
def broker(site: Site) -> Iterator[Server]:
    with site.running("login-broker") as server:
        yield server


def check(site: Site, name: bytes, password: bytes = PASSWORD, service: bytes = b"smtp", ip: bytes = b"") -> Login:
    return login.check(site.home_bytes, service, name, password, ip)


@pytest.mark.parametrize(
    ("why", "name"),
    [
        ("its address", b"joe@example.org"),
        ("for clients without an @ key", b"joe%example.org"),
        ("and without a % key", b"joe/example.org"),
        ("case does not matter", b"Joe@EXAMPLE.org"),
        ("at an alias of its domain", b"joe@alias.example"),
        ("the domain control/me lies in is the default", b"joe"),
    ],
)
def test_it_knows_a_mailbox_by(site: Site, broker: Server, why: str, name: bytes) -> None:
    directory = os.fsencode(site.home / "domains/example.org/joe")
    assert check(site, name) == Login(b"joe@example.org", directory, b"3000S", 0, unprivileged.UID, unprivileged.GID)


def test_control_defaultdomain_decides_for_bare_names(site: Site, broker: Server) -> None:
    site.control(defaultdomain="broken.example")
    try:
        with pytest.raises(Temporary):  # of that domain the passwords cannot be read
            check(site, b"joe")
    finally:
        (site.home / "control/defaultdomain").unlink()


@pytest.mark.parametrize(
    ("why", "name", "password"),
    [
        ("wrong password", b"joe@example.org", b"wrong"),
        ("right up to its end", b"joe@example.org", PASSWORD + b" "),
        ("no such user", b"ann@example.org", PASSWORD),
        ("no such domain", b"joe@example.com", PASSWORD),
        ("a part of a domain's name", b"joe@example", PASSWORD),
        ("no mailbox at all", b"@example.org", PASSWORD),
        ("a path", b"../ann@example.org", PASSWORD),
        ("a path in the domain", b"joe@../example.org", PASSWORD),
        ("locked", b"locked@example.org", PASSWORD),
        ("255 octets", b"x" * 255, b"y" * 256),
        ("bytes that are no text", b"\xff\xfe@example.org", b"\xff"),
    ],
)
def test_whoever_is_refused_hears_the_same_words(site: Site, broker: Server, why: str, name: bytes, password: bytes) -> None:
    with pytest.raises(Permanent) as caught:
        check(site, name, password)
    assert caught.value.text == login_call.FAILED


@pytest.mark.parametrize(
    ("why", "name", "password"), [("NUL", b"joe\0x@example.org", PASSWORD), ("100 kB", b"joe@example.org", b"x" * 100_000)]
)
def test_what_no_account_can_be_is_refused_before_it_travels(site: Site, why: str, name: bytes, password: bytes) -> None:
    with pytest.raises(Permanent, match=login_call.FAILED):
        check(site, name, password)


@pytest.mark.parametrize(("name", "refused"), [(b"no-pop", b"pop3"), (b"no-smtp", b"smtp"), (b"no-imap", b"imap"), (b"no-web", b"webmail")])
def test_a_service_that_is_switched_off_looks_like_a_wrong_password(site: Site, broker: Server, name: bytes, refused: bytes) -> None:
    for service in sorted(login_call.SERVICES):
        if service == refused:
            with pytest.raises(Permanent, match=login_call.FAILED):
                check(site, name + b"@example.org", service=service)
        else:
            assert check(site, name + b"@example.org", service=service).name == name + b"@example.org"


def test_hashes_of_other_systems_are_understood(site: Site, broker: Server) -> None:
    assert check(site, b"prefixed@example.org").name == b"prefixed@example.org"


def test_trouble_with_a_domain_is_not_a_wrong_password(site: Site, broker: Server) -> None:
    with pytest.raises(Temporary):
        check(site, b"joe@broken.example")
    broker.wait_for(b"vpasswd.cdb is missing")


def test_a_damaged_database_is_temporary(site: Site, broker: Server) -> None:
    path = site.home / "domains/broken.example/vpasswd.cdb"
    path.write_bytes(b"x" * 2048)
    unprivileged.give(path)
    try:
        with pytest.raises(Temporary):
            check(site, b"joe@broken.example")
    finally:
        path.unlink()


def test_a_login_is_noted_with_its_address(site: Site, broker: Server) -> None:
    check(site, b"joe@example.org", ip=b"192.0.2.77")
    path = site.home / "domains/example.org/joe/lastauth"
    assert path.read_bytes() == b"192.0.2.77"
    os.utime(path, (1, 1))
    with pytest.raises(Permanent):
        check(site, b"joe@example.org", b"wrong", ip=b"192.0.2.78")
    assert (path.read_bytes(), path.stat().st_mtime) == (b"192.0.2.77", 1)


@pytest.mark.parametrize("in_the_way", ["link", "fifo"])
def test_something_else_in_the_place_of_lastauth_does_no_harm(site: Site, broker: Server, in_the_way: str) -> None:
    directory = site.mailbox(f"{in_the_way}@example.org")
    if in_the_way == "link":
        (directory / "lastauth").symlink_to(directory / "elsewhere")
    else:
        os.mkfifo(directory / "lastauth")
    unprivileged.give(directory)
    assert check(site, in_the_way.encode() + b"@example.org").dir == os.fsencode(directory)
    assert not (directory / "elsewhere").exists()


def test_every_login_is_one_line_without_the_password(site: Site, broker: Server) -> None:
    check(site, b"joe%alias.example", ip=b"192.0.2.1")
    assert broker.wait_for(b"192.0.2.1\n") == b"login-broker: ok smtp joe@example.org 192.0.2.1\n"
    with pytest.raises(Permanent):
        check(site, b"joe\r\nok smtp root x", b"hunter2", ip=b"192.0.2.2")
    assert broker.wait_for(b"192.0.2.2\n") == b"login-broker: deny smtp joe??ok_smtp_root_x 192.0.2.2\n"
    assert not any(b"hunter2" in line or PASSWORD in line for line in broker.log)


def connected(site: Site) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(20)
    sock.connect(os.path.join(site.home_bytes, login_call.SOCKET))
    return sock


@pytest.mark.parametrize(
    ("why", "record"),
    [
        ("nothing of ours", b"hello"),
        ("another version", b"9\0pop3\0joe@example.org\0x\0\0"),
        ("too long", login_call.write_request(Request(b"pop3", b"joe@example.org", b"x", b"", b"u" * 400)) + b"u" * 1000),
        ("two NULs in a row", b"1\0pop3\0\0\0\0"),
    ],
)
def test_a_peer_that_breaks_the_rules_gets_no_answer(site: Site, broker: Server, why: str, record: bytes) -> None:
    with connected(site) as sock:
        sock.send(record)
        assert sock.recv(100) == b""
    assert check(site, b"joe@example.org").name == b"joe@example.org"


def test_more_than_one_descriptor_is_against_the_rules(site: Site, broker: Server) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, connected(site) as sock:
        socket.send_fds(sock, [login_call.write_request(Request(b"pop3", b"joe@example.org", PASSWORD, b""))], [theirs.fileno()] * 2)
        assert sock.recv(100) == b""


def test_a_session_is_served_on_the_connection_that_came_along(site: Site, broker: Server) -> None:
    directory = site.home / "domains/example.org/joe"
    site.put(directory, "new/1.h", b"S: 1\n\nhello\n")
    ours, theirs = socket.socketpair()
    with ours, connected(site) as sock:
        record = login_call.write_request(Request(b"pop3", b"joe@example.org", PASSWORD, b"", b"STAT\r\nRE"))
        socket.send_fds(sock, [record], [theirs.fileno()])
        theirs.close()
        assert login_call.read_answer(sock.recv(1024)).name == b"joe@example.org"
        ours.settimeout(20)
        ours.sendall(b"TR 1\r\nDELE 1\r\nQUIT\r\n")
        with ours.makefile("rb") as reader:
            assert reader.read() == b"+OK \r\n+OK 1 15\r\n+OK \r\nS: 1\r\n\r\nhello\r\n.\r\n+OK \r\n+OK \r\n"
    assert os.listdir(directory / "Maildir/new") == os.listdir(directory / "Maildir/cur") == []


def test_sessions_of_other_services_are_not_served_here(site: Site, broker: Server) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, connected(site) as sock:
        socket.send_fds(sock, [login_call.write_request(Request(b"imap", b"joe@example.org", PASSWORD, b""))], [theirs.fileno()])
        with pytest.raises(Temporary):
            login_call.read_answer(sock.recv(1024))


def test_a_mailbox_that_never_had_mail_gets_its_maildir(site: Site, broker: Server) -> None:
    directory = site.mailbox("young@example.org", has_maildir=False)
    ours, theirs = socket.socketpair()
    with ours, connected(site) as sock:
        socket.send_fds(
            sock, [login_call.write_request(Request(b"pop3", b"young@example.org", PASSWORD, b"", b"STAT\r\nQUIT\r\n"))], [theirs.fileno()]
        )
        theirs.close()
        login_call.read_answer(sock.recv(1024))
        with ours.makefile("rb") as reader:
            assert reader.read() == b"+OK \r\n+OK 0 0\r\n+OK \r\n"
    assert sorted(os.listdir(directory / "Maildir"))[:2] == ["cur", "new"]
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_session_holds_nothing_of_other_clients() -> None:
    """Two sessions run and a third front has connected: each child has its own descriptors and no other."""
    with unprivileged.folder() as home:
        other = Site(home)
        other.domain("example.org")
        other.mailbox("joe@example.org")
        pairs = [socket.socketpair() for _ in range(2)]
        with other.running("login-broker") as server, connected(other) as idle:
            for _, theirs in pairs:
                with theirs, connected(other) as sock:
                    socket.send_fds(
                        sock, [login_call.write_request(Request(b"pop3", b"joe@example.org", PASSWORD, b""))], [theirs.fileno()]
                    )
                    login_call.read_answer(sock.recv(1024))
            for ours, _ in pairs:
                ours.settimeout(20)
                assert ours.recv(100) == b"+OK \r\n"  # the child is past its beginning
            children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
            # 0 1 2, the client, the broker
            assert [len(os.listdir(f"/proc/{child}/fd")) for child in children] == [5, 5]
            idle.close()
            for ours, _ in pairs:
                ours.close()


def test_a_mailbox_has_so_many_sessions_and_no_more(site: Site, broker: Server) -> None:
    opened = []
    record = login_call.write_request(Request(b"pop3", b"joe@example.org", PASSWORD, b""))

    def session() -> Login:
        ours, theirs = socket.socketpair()
        opened.append(ours)
        with theirs, connected(site) as sock:
            socket.send_fds(sock, [record], [theirs.fileno()])
            return login_call.read_answer(sock.recv(1024))

    try:
        for _ in range(20):
            session()
        with pytest.raises(Temporary, match="too many sessions"):
            session()
        assert check(site, b"joe@example.org").name == b"joe@example.org", "a check is no session"
        gone = opened.pop(0)
        gone.sendall(b"QUIT\r\n")
        with gone, gone.makefile("rb") as reader:
            reader.read()
        for _ in range(1000):  # the broker hears of the end a moment after the client
            try:
                session()
            except Temporary:
                continue
            return
        raise AssertionError("no room after a session ended")
    finally:
        for sock in opened:
            sock.close()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="two users are wanted, and only root can be both")
def test_only_our_own_fronts_may_ask(site: Site, broker: Server) -> None:
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            os.setgroups([])
            os.setresgid(65533, 65533, 65533)
            os.setresuid(65533, 65533, 65533)
            with connected(site) as sock:
                code = 0 if sock.recv(10) == b"" else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    broker.wait_for(b"uid 65533 is none of our fronts")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="two users are wanted, and only root can be both")
def test_a_child_of_root_becomes_the_owner_of_the_domain_before_it_looks_at_anything_of_it() -> None:
    with unprivileged.folder() as home:
        other = Site(home)
        unprivileged.give(home, uid=0)
        for n, domain in enumerate(("one.example", "two.example")):
            other.domain(domain, uid=65_530 + n)
            directory = other.mailbox(f"joe@{domain}")
            other.put(directory, "new/1.h", b"S: 1\n")
        other.domain("root.example", uid=0)
        other.mailbox("joe@root.example")
        with other.running("login-broker", as_root=True) as server:
            for n, domain in enumerate((b"one.example", b"two.example")):
                ours, theirs = socket.socketpair()
                with ours, connected(other) as sock:
                    record = login_call.write_request(Request(b"pop3", b"joe@" + domain, PASSWORD, b"192.0.2.7", b"STAT\r\n"))
                    socket.send_fds(sock, [record], [theirs.fileno()])
                    theirs.close()
                    assert login_call.read_answer(sock.recv(1024)).uid == 65_530 + n
                    ours.settimeout(20)
                    with ours.makefile("rb") as reader:
                        assert [reader.readline(), reader.readline()] == [b"+OK \r\n", b"+OK 1 6\r\n"]
                        child = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[-1]
                        status = Path(f"/proc/{child}/status").read_text()
                        for kind in ("Uid", "Gid"):
                            assert f"{kind}:" + f"\t{65_530 + n}" * 4 in status
                        assert f"Groups:\t{65_530 + n} \n" in status
                        ours.sendall(b"DELE 1\r\nQUIT\r\n")
                        reader.read()
                directory = home / "domains" / domain.decode() / "joe"
                assert os.listdir(directory / "Maildir/cur") == []
                assert {p.stat().st_uid for p in directory.rglob("*")} == {65_530 + n}
            with pytest.raises(Temporary):  # nobody's mail is served by root
                check(other, b"joe@root.example")


def test_it_ends_when_told_to_and_sessions_go_on(site: Site) -> None:
    with unprivileged.folder() as home:
        other = Site(home)
        other.domain("example.org")
        other.mailbox("joe@example.org")
        ours, theirs = socket.socketpair()
        with ours, other.running("login-broker") as server:
            with theirs, connected(other) as sock:
                socket.send_fds(sock, [login_call.write_request(Request(b"pop3", b"joe@example.org", PASSWORD, b""))], [theirs.fileno()])
                login_call.read_answer(sock.recv(1024))
            server.process.terminate()
            assert server.process.wait() == 0
            with pytest.raises(Temporary):
                check(other, b"joe@example.org")
            ours.settimeout(20)
            ours.sendall(b"NOOP\r\nQUIT\r\n")
            with ours.makefile("rb") as reader:
                assert reader.read() == b"+OK \r\n" * 3


def test_without_a_broker_nothing_is_a_wrong_password(tmp_path: object) -> None:
    with pytest.raises(Temporary):
        login.check(os.fsencode(str(tmp_path)), b"smtp", b"joe@example.org", PASSWORD, b"")
