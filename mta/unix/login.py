"""Ask the login broker whether a password is right, and wait for the answer: for programs that do one thing at a time."""

from __future__ import annotations

import os
import socket

from mta.errors import Permanent, Temporary
from mta.formats import login_call

TIMEOUT_S = 120.0  # longer than the throttle may hold an answer back


def check(home: bytes, service: bytes, name: bytes, password: bytes, ip: bytes) -> login_call.Login:
    """home: the instance. Raises Permanent (no, in words for strangers) or Temporary."""
    try:
        record = login_call.write_request(login_call.Request(service, name, password, ip))
    except ValueError as error:
        raise Permanent(login_call.FAILED, str(error)) from error
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(TIMEOUT_S)
        try:
            sock.connect(os.path.join(home, login_call.SOCKET))
            sock.sendall(record)
            answer = sock.recv(login_call.RECORD_MAX + 1)
        except OSError as error:
            raise Temporary("login broker does not answer", str(error)) from error
    return read(answer)


def read(answer: bytes) -> login_call.Login:
    """The broker's record -> Login; no record is no answer. Raises Permanent, Temporary."""
    try:
        return login_call.read_answer(answer)
    except ValueError as error:
        raise Temporary("login broker does not answer", str(error)) from error
