"""What hostile clients do, each for as many of them as are wanted. An attack raises AssertionError where the answer is not the right one,
and returns what was said to it, in words for the table."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mta.formats import netstring
from tests.crash.faults_plane import PASSWORD
from tests.pressure import world as worlds
from tests.pressure.census import own_address
from tests.pressure.raw import PATIENCE_S, Raw
from tests.pressure.world import TIMEOUT_S, Watch, World

LOGIN = b"AUTH PLAIN " + b64encode(b"\0bob@example.org\0" + PASSWORD)
TRANSACTION = b"MAIL FROM:<ada@far.example>\r\nRCPT TO:<joe@oracle.test>\r\nDATA\r\n"
SWEEP_S = 40.0  # the kernel goes on making room for a while, and the sweeper looks every five seconds


def begun(world: World, door: str) -> Raw:
    """A client past the banner, inside TLS where the door is; logged in where one must be."""
    raw = Raw(world.ports[door], is_tls=door in ("smtps", "pop3s"), source=source(door))
    raw.until(b"\n")
    if door in ("submission", "smtps"):
        if door == "submission":
            raw.ask(b"STARTTLS")
            raw.start_tls()
        assert raw.ask(LOGIN).startswith(b"235"), "the right password"
    return raw


def source(door: str) -> str:
    """Where hostile clients come from: the rules of tcpserver know them, and others are not concerned."""
    return worlds.HOSTILE if door.startswith("qm") else ""


def at_once(count: int, act: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(min(count, 32)) as pool:
        return list(pool.map(act, range(count)))


# -- replies that nobody reads -----------------------------------------------------------------------------------------------------


def unread_replies(world: World, watch: Watch, door: str, clients: int, line: bytes) -> str:
    """They ask and ask and never listen, until they cannot send any more; then they hold on until they are cut off."""
    crowd = [begun(world, door) for _ in range(clients)]
    sent = 0
    try:
        for raw in crowd:
            raw.sock.settimeout(0.2)
            with contextlib.suppress(OSError):  # full at last
                while True:
                    raw.sock.sendall(line * 2000)
                    sent += 2000 * len(line)
                    assert sent < clients * (64 << 20), "there is no end to what it takes"
        watch.measure(SERVICE[door])
        deadline = time.monotonic() + TIMEOUT_S + SWEEP_S
        while any(map(_is_there, crowd)):
            assert time.monotonic() < deadline, "clients that read nothing stay for ever"
            time.sleep(0.1)
    finally:
        for raw in crowd:
            raw.reset()
    return f"{sent // clients // 1024} KiB taken of each; cut off"


def _is_there(raw: Raw) -> bool:
    """Has the server's side of the connection not ended? Read from the kernel: the client itself reads nothing."""
    try:
        local, remote = (f"{ip_port[1]:04X}" for ip_port in (raw.sock.getsockname(), raw.sock.getpeername()))
    except OSError:  # reset by the server
        return False
    with open("/proc/net/tcp") as file:
        for text in file:
            words = text.split()
            if words[1].endswith(":" + local) and words[2].endswith(":" + remote):
                return words[3] == "01"  # established
    return False


SERVICE = {
    "smtpd": "smtpd",
    "submission": "submission",
    "smtps": "submission",
    "pop3d": "pop3d",
    "pop3s": "pop3d",
}


# -- floods ------------------------------------------------------------------------------------------------------------------------


def recipients(world: World, watch: Watch, door: str, count: int, taken: int) -> str:
    """So many RCPT of one message. taken: how many of them the server is to take."""
    with begun(world, door) as raw:
        assert raw.ask(b"MAIL FROM:<ada@far.example>").startswith(b"250")
        line = b"RCPT TO:<joe@oracle.test>\r\n"
        thread = threading.Thread(target=lambda: raw.sock.sendall(line * count), daemon=True)
        thread.start()
        answers: dict[bytes, int] = {}
        for number in range(count):
            answer = raw.until(b"\r\n")
            answers[answer[:3]] = answers.get(answer[:3], 0) + 1
            if number == count // 2 and door in SERVICE:
                watch.measure(SERVICE[door])
        thread.join()
        assert answers == {b"250": taken, b"452": count - taken}, answers
        assert raw.ask(b"DATA").startswith(b"354")
        raw.send(b"Subject: many\r\n\r\nx\r\n.\r\n")
        assert raw.until(b"\r\n").startswith(b"250")
        assert raw.ask(b"QUIT").startswith(b"221")
    world.plane.drain(120)
    return f"250 to {taken}, 452 to the rest"


def strangers(world: World, watch: Watch, door: str, count: int) -> str:
    """RCPT for domains that are not ours, one after the other without listening."""
    with begun(world, door) as raw:
        raw.ask(b"MAIL FROM:<ada@far.example>")
        with contextlib.suppress(OSError):  # closed meanwhile
            raw.send(b"RCPT TO:<joe@elsewhere.test>\r\n" * count)
        heard = raw.rest().splitlines()
    assert len(heard) <= 21 and all(line.startswith((b"553", b"421")) for line in heard), heard[-3:]
    return f"553 to {sum(line.startswith(b'553') for line in heard)}, then closed"


def long_command(world: World, watch: Watch, door: str, size: int) -> str:
    """A command line of so many octets; the next command works."""
    with begun(world, door) as raw:
        raw.send(b"NOOP ")
        for _ in range(size // 65536):
            raw.send(b"x" * 65536)
        watch.measure(SERVICE[door])
        answer = raw.ask(b"")
        assert answer.startswith((b"500", b"-ERR")), answer
        assert raw.ask(b"QUIT").startswith((b"221", b"+OK"))
    return answer.decode().strip()


def long_header(world: World, watch: Watch, door: str, size: int) -> str:
    """A message with a header line of so many octets is stored as it came."""
    world.plane.empty()
    line = b"X-Long: " + b"h" * size
    with begun(world, door) as raw:
        raw.send(TRANSACTION)
        for _ in range(3):
            raw.until(b"\r\n")
        raw.send(line + b"\r\nSubject: long\r\n\r\nbody " + b"\0" * 100 + b"\r\n.\r\n")
        watch.measure(*([SERVICE[door]] if door in SERVICE else []))
        assert raw.until(b"\r\n").startswith(b"250")
    world.drain()
    (path,) = world.plane.stored()
    stored = path.read_bytes()
    assert stored.endswith(b"\n" + line + b"\nSubject: long\n\nbody " + b"\0" * 100 + b"\n")
    world.plane.empty()
    return "250, stored byte for byte, NULs of the body as well"


def commands(world: World, watch: Watch, door: str, clients: int, count: int) -> str:
    """So many short commands in one go, by several clients at a time."""

    def one(_number: int) -> None:
        with begun(world, door) as raw:
            thread = threading.Thread(target=lambda: raw.sock.sendall(b"RSET\r\n" * count), daemon=True)
            thread.start()
            for _ in range(count):
                assert raw.until(b"\r\n") == b"250 flushed\r\n"
            thread.join()

    at_once(clients, one)
    return "250 to each"


# -- STARTTLS ----------------------------------------------------------------------------------------------------------------------


def injection(world: World, watch: Watch, door: str, apart: bool) -> str:
    """What is said in clear behind STARTTLS, in the same packet or in one of its own, is not said inside TLS."""
    is_pop = door == "pop3d"
    injected = b"USER joe@example.org\r\n" if is_pop else b"NOOP\r\nMAIL FROM:<injected@far.example>\r\n"
    start = b"STLS\r\n" if is_pop else b"STARTTLS\r\n"
    with Raw(world.ports[door]) as raw:
        raw.until(b"\n")
        if not is_pop:
            raw.ask(b"HELO clear")
            raw.ask(b"MAIL FROM:<before@far.example>")
        raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if apart:
            raw.send(start)
            raw.send(injected)
        else:
            raw.send(start + injected)
        assert raw.until(b"\r\n").startswith((b"220", b"+OK begin TLS"))
        try:
            raw.start_tls()
        except (ssl.SSLError, ConnectionError):  # it came too late to be dropped, and is no handshake
            assert apart
            return "the handshake fails"
        assert raw.heard == b""
        if is_pop:
            assert raw.ask(b"PASS " + PASSWORD).startswith(b"-ERR"), "USER came in clear"
        else:
            first = raw.ask(b"RCPT TO:<joe@oracle.test>")
            assert first == b"503 MAIL first (#5.5.1)\r\n", first
            assert raw.ask(b"STARTTLS").startswith(b"502"), "a second time"
        assert raw.heard == b"", "an answer nobody asked for inside TLS"
    return "dropped; what was said before is forgotten"


# -- AUTH --------------------------------------------------------------------------------------------------------------------------


def wrong_passwords(world: World, watch: Watch, door: str, count: int) -> str:
    """Guesses from many connections at a time; then somebody else logs in from another address."""
    seen: dict[bytes, int] = {}
    lock = threading.Lock()

    def guess(number: int) -> None:
        with Raw(world.ports[door]) as raw:
            raw.until(b"\n")
            raw.sock.settimeout(3)
            with contextlib.suppress(TimeoutError):  # made to wait: that is what the throttle is for
                answer = raw.ask(b"AUTH PLAIN " + b64encode(b"\0sue@example.org\0guess%d" % number))
                with lock:
                    seen[answer[:3]] = seen.get(answer[:3], 0) + 1

    at_once(count, guess)
    elsewhere = own_address()
    if elsewhere:
        with Raw(world.ports[door], source=elsewhere) as raw:
            raw.until(b"\n")
            raw.ask(b"STARTTLS")
            raw.start_tls()
            assert raw.ask(LOGIN).startswith(b"235"), "somebody else, from elsewhere"
    assert set(seen) <= {b"535", b"454"}, seen
    told = ", ".join(f"{code.decode()} to {number}" for code, number in sorted(seen.items()))
    return f"{told}, {count - sum(seen.values())} made to wait"


def half_an_auth(world: World, watch: Watch, door: str, count: int) -> str:
    """They begin AUTH LOGIN, send a response as long as it may be, and never end it."""
    crowd = [Raw(world.ports[door]) for _ in range(count)]
    for raw in crowd:
        raw.until(b"\n")
        assert raw.ask(b"AUTH LOGIN").startswith(b"334")
        raw.send(b"QUFB" * 3000)
    watch.measure("submission")
    for raw in crowd:
        assert raw.until(b"\r\n") == b"451 timeout (#4.4.2)\r\n"
        assert raw.rest() == b""
        raw.sock.close()
    return "451 timeout, closed"


# -- connections that are none -----------------------------------------------------------------------------------------------------


def resets(world: World, watch: Watch, door: str, count: int) -> str:
    """RST at once, after the banner, within a command, within a message, and while the answer to the last dot is on its way."""
    stages: list[Callable[[Raw], object]] = [
        lambda raw: None,
        lambda raw: raw.until(b"\n"),
        lambda raw: raw.send(b"EHLO "),
        lambda raw: (raw.send(b"EHLO x\r\n" + TRANSACTION), raw.until(b"354"), raw.send(b"Subject: half\r\n\r\n" + b"x" * 5000)),
        lambda raw: raw.send(b"EHLO x\r\n" + TRANSACTION + b"Subject: reset\r\n\r\nx\r\n.\r\n"),
    ]

    def one(number: int) -> None:
        with contextlib.suppress(OSError), Raw(world.ports[door], source=source(door)) as raw:
            stages[number % len(stages)](raw)
            raw.reset()

    at_once(count, one)
    world.drain()
    whole = [path for path in world.plane.stored() if b"\nSubject: reset\n\nx\n" in path.read_bytes()]
    assert len(whole) == len(world.plane.stored()), "half a message was delivered"
    world.plane.empty()
    return f"{len(whole)} messages that were whole were delivered, and no other"


def half_open(world: World, watch: Watch, door: str, count: int) -> str:
    """They say nothing at all, or have closed their half, and stay."""
    crowd = [Raw(world.ports[door]) for _ in range(count)]
    for number, raw in enumerate(crowd):
        if number % 2:
            raw.sock.shutdown(socket.SHUT_WR)
    watch.measure(SERVICE[door])
    for raw in crowd:
        assert raw.rest().splitlines()[-1:] != []
        raw.sock.close()
    return "closed, after the time-out or at once"


def handshakes(world: World, watch: Watch, door: str, count: int) -> str:
    """The beginning of a TLS handshake, or what is none, and then silence or RST; the others may have TLS."""
    hello = bytes.fromhex("160301020001000 1fc0303".replace(" ", "")) + b"\0" * 40
    crowd = [Raw(world.ports[door]) for _ in range(count)]
    for number, raw in enumerate(crowd):
        if door == "smtpd":
            raw.until(b"\n")
            raw.ask(b"STARTTLS")
        raw.send((hello, b"EHLO in clear\r\n", b"\x16\x03\x01\xff\xff")[number % 3])
    watch.measure(SERVICE[door])
    with Raw(world.ports["smtps"], is_tls=True) as other:
        assert other.until(b"\n").startswith(b"220") and other.ask(b"NOOP").startswith(b"250")
    for number, raw in enumerate(crowd):
        if number % 3 == 1:
            assert not re.search(rb"^[2-5]\d\d", raw.rest()), "an answer in clear"
            raw.sock.close()
        else:
            raw.reset()
    return "closed; no word in clear"


# -- QMTP, QMQP --------------------------------------------------------------------------------------------------------------------


def netstrings(world: World, watch: Watch, door: str, data: bytes, answers: list[bytes]) -> str:
    """One message -> an answer for each recipient."""
    with Raw(world.ports[door]) as raw:
        raw.send(data)
        raw.sock.shutdown(socket.SHUT_WR)
        heard = netstring.read_all(raw.rest())
    assert [answer[:1] for answer in heard] == answers, heard
    return ", ".join(answer.decode() for answer in heard)


def unread_qmtp(world: World, watch: Watch, door: str, count: int) -> str:
    """Message after message in one connection, no answer read; afterwards all answers are there, each for a message that is."""
    world.plane.empty()
    one = qmtp(b"Subject: unread\n\nx\n", b"ada@far.example", b"joe@oracle.test")
    with Raw(world.ports[door]) as raw:
        thread = threading.Thread(target=lambda: (raw.sock.sendall(one * count), raw.sock.shutdown(socket.SHUT_WR)), daemon=True)
        thread.start()
        thread.join(PATIENCE_S)
        heard = netstring.read_all(raw.rest())
    assert [answer[:1] for answer in heard] == [b"K"] * count
    world.drain()
    assert len(world.plane.stored()) == count
    world.plane.empty()
    return f"{count} times K, {count} messages"


def qmtp(text: bytes, sender: bytes, *recipients_: bytes) -> bytes:
    return netstring.write(b"\n" + text) + netstring.write(sender) + netstring.write(b"".join(map(netstring.write, recipients_)))


def qmqp(text: bytes, sender: bytes, *recipients_: bytes) -> bytes:
    return netstring.write(netstring.write(text) + netstring.write(sender) + b"".join(map(netstring.write, recipients_)))
