"""Puts messages into a queue through one program of a home: swap_inject.py HOME PROGRAM COUNT [USER ...]. Run inside the site's namespace.

Which recipients a message has goes by its number; ten in a row make one of each kind. With users all are for these.
"""

from __future__ import annotations

import os
import subprocess
import sys

HOST = "host.example.org"
SENDER = f"a@{HOST}"
KINDS = [
    [f"joe@{HOST}"],  # a user of the system
    [f"JOE@{HOST}"],
    [f"bo@{HOST}"],  # of users/assign
    ["x@virt.test"],  # a virtual domain
    [f"joe-list@{HOST}"],  # forwarded
    ["r@dest.test"],  # remote
    [f"joe@{HOST}", "r@dest.test", f"bo@{HOST}"],
    [f"joe-prog@{HOST}"],  # forwarded by a program
    [f"joe-fail@{HOST}"],  # refused here
    ["bad@dest.test"],  # refused there
]
NETWORK = {"TCPREMOTEIP": "127.0.0.1", "TCPLOCALHOST": HOST, "RELAYCLIENT": "", "PROTO": "TCP"}


def message(number: int) -> bytes:
    return b"Subject: %d\nFrom: a@host.example.org\nDate: 20 Nov 2026 20:20:20 -0000\nMessage-ID: <%d@x>\n\nbody\n.dot\n" % (number, number)


def recipients(number: int) -> list[str]:
    return KINDS[number % len(KINDS)]


def netstring(data: bytes) -> bytes:
    return b"%d:%b," % (len(data), data)


def envelope(to: list[str]) -> bytes:
    return b"F%b\0" % SENDER.encode() + b"".join(b"T%b\0" % r.encode() for r in to) + b"\0"


def addresses(to: list[str]) -> bytes:
    return b"".join(netstring(r.encode()) for r in to)


def through_descriptors(program: str, number: int) -> None:
    """qmail-queue, and qmail-qmqpc in its place."""
    read_end, write_end = os.pipe()
    os.write(write_end, envelope(recipients(number)))
    os.close(write_end)
    subprocess.run([program], input=message(number), stdout=read_end, check=True)
    os.close(read_end)


def by_hand(program: str, number: int) -> None:
    """qmail-inject, sendmail."""
    subprocess.run([program, "-f", SENDER, *recipients(number)], input=message(number), check=True)


def asked(program: str, said: bytes, answered: bytes, times: int) -> None:
    done = subprocess.run([program], input=said, stdout=subprocess.PIPE, env={**os.environ, **NETWORK}, check=True)
    assert done.stdout.count(answered) == times, done.stdout


def smtp(program: str, count: int) -> None:
    said = b"EHLO me\r\n"
    for number in range(count):
        to = b"".join(b"RCPT TO:<%b>\r\n" % r.encode() for r in recipients(number))
        text = message(number).replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
        said += b"MAIL FROM:<%b>\r\n%bDATA\r\n%b.\r\n" % (SENDER.encode(), to, text)
    asked(program, said + b"QUIT\r\n", b" qp ", count)


def qmtp(program: str, count: int) -> None:
    said = b"".join(netstring(b"\n" + message(n)) + netstring(SENDER.encode()) + netstring(addresses(recipients(n))) for n in range(count))
    asked(program, said, b":Kok ", sum(len(recipients(n)) for n in range(count)))


def qmqp(program: str, number: int) -> None:
    inner = netstring(message(number)) + netstring(SENDER.encode()) + addresses(recipients(number))
    asked(program, netstring(inner), b":Kok ", 1)


ONE_EACH = {"qmail-queue": through_descriptors, "qmail-qmqpc": through_descriptors, "qmail-inject": by_hand, "sendmail": by_hand}
ONE_EACH["qmail-qmqpd"] = qmqp
ALL_AT_ONCE = {"qmail-smtpd": smtp, "qmail-qmtpd": qmtp}


def main(home: str, name: str, count: int) -> None:
    program = f"{home}/bin/{name}"
    if name in ALL_AT_ONCE:
        ALL_AT_ONCE[name](program, count)
        return
    for number in range(count):
        ONE_EACH[name](program, number)


if __name__ == "__main__":
    if sys.argv[4:]:
        KINDS[:] = [[f"{user}@{HOST}" for user in sys.argv[4:]]]
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
