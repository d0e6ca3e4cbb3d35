"""qmail-qfilter: run programs over a message before it is queued.

Usage    qmail-qfilter FILTER [ARGUMENT ...] [-- FILTER [ARGUMENT ...]] ...; QMAILQUEUE names a script that runs it so
Reads    fd 0 the message, fd 1 the envelope, as qmail-queue does; environment QQF_QMAILQUEUE, the program that queues (bin/qmail-queue)
Does     runs each FILTER, looked for in PATH: it reads the message on descriptor 0 and the envelope on 3, and may write another message
         on 1, another envelope on 4, and on 5 the name of a program that is to queue the message. Where it writes nothing, nothing changes.
         It is told QMAILUSER and QMAILHOST (of the sender), QMAILRCPTS (a line for each), NUMRCPTS, MSGSIZE, ENVSIZE, QMAILPPID.
         At last it becomes the program that queues
Exits    as that program; 0 when a filter exits 99: the message is dropped, and its sender hears of success; as the filter when it exits
         with any other number but 0 (31 refused, 71 not now, 82 the reason is on descriptor 6); 51 no process to be had; 53 a temporary
         file cannot be written; 54 the envelope ends early: the caller has changed its mind; 81 a filter crashed or cannot be run, or
         nothing stands before a "--"; 91 the envelope is none
Limits   QMAILRCPTS is left out when it is longer than 100 000 octets, which no program could be given; NUMRCPTS and descriptor 3 tell.
         Messages are kept as unnamed files in TMPDIR (/tmp)
Runs as  whoever runs qmail-queue
Source   qmail-qfilter(1), qmail-qfilter.c
"""

from __future__ import annotations

import errno
import os

from mta.unix import path_search
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_MESSAGE_IN, _MESSAGE_OUT, _ENVELOPE_IN, _ENVELOPE_OUT, _QUEUE_NAME = 0, 1, 3, 4, 5
DROP = 99
NO_PROCESS, WRITE_ERROR, READ_ERROR, INTERNAL, BAD_ENVELOPE = 51, 53, 54, 81, 91
_RCPTS_MAX = 100_000
_PIECE = 1 << 16


class _Trouble(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        filters = _split(argv)
        run = _Run(env, fds)
        for command in filters:
            code = run.filter_(command)
            if code:
                return 0 if code == DROP else code
        return run.queue()
    except _Trouble as trouble:
        return trouble.code


def _split(argv: list[bytes]) -> list[list[bytes]]:
    """The commands. Raises _Trouble."""
    found: list[list[bytes]] = [[]] if argv else []
    for word in argv:
        if word == b"--":
            found.append([])
        else:
            found[-1].append(word)
    if found and not found[-1]:  # "--" at the very end
        found.pop()
    if not all(found):
        raise _Trouble(INTERNAL)
    return found


class _Run:
    """The message and its envelope as they are now, and the files for what the next filter writes. Raises _Trouble."""

    __slots__ = ("_env", "_envelope", "_fds", "_folder", "_message", "_name", "_new_envelope", "_new_message")

    def __init__(self, env: dict[bytes, bytes], fds: Fds) -> None:
        self._fds = fds
        self._env = dict(env)
        self._env.pop(b"QMAILNAME", None)
        self._env[b"QMAILPPID"] = b"%d" % os.getppid()
        self._folder = env.get(b"TMPDIR") or b"/tmp"
        self._message = self._copy(fds[0])
        self._envelope = self._copy(fds[1])
        self._describe()
        if os.pread(self._envelope, 2, max(0, _size(self._envelope) - 2)) != b"\0\0":
            raise _Trouble(READ_ERROR)
        self._name, self._new_message, self._new_envelope = self._temporary(), self._temporary(), self._temporary()

    def _temporary(self) -> int:
        """An open file without a name."""
        try:
            return os.open(self._folder, os.O_TMPFILE | os.O_RDWR, 0o600)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):
                raise _Trouble(WRITE_ERROR) from error
        try:  # a file system that knows no files without names
            path = b"%b/qmail-qfilter.%d.%b" % (self._folder, os.getpid(), os.urandom(8).hex().encode())
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            os.unlink(path)
        except OSError as error:
            raise _Trouble(WRITE_ERROR) from error
        return fd

    def _copy(self, fd: int) -> int:
        """All there is to read -> a temporary file."""
        copy = self._temporary()
        try:
            while piece := os.read(fd, _PIECE):
                view = memoryview(piece)
                while view:
                    view = view[os.write(copy, view) :]
        except OSError as error:
            raise _Trouble(WRITE_ERROR) from error
        return copy

    def filter_(self, command: list[bytes]) -> int:
        """-> its exit code."""
        self._env[b"MSGSIZE"] = b"%d" % _size(self._message)
        self._env[b"ENVSIZE"] = b"%d" % _size(self._envelope)
        for fd in (self._message, self._envelope, self._name):
            os.lseek(fd, 0, os.SEEK_SET)
        try:
            pid = os.fork()
        except OSError:
            raise _Trouble(NO_PROCESS) from None
        if pid == 0:
            self._be(command)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code < 0:
            raise _Trouble(INTERNAL)
        self._take_over()
        return code

    def _be(self, command: list[bytes]) -> NoReturn:
        """In the child."""
        ends = {
            _MESSAGE_IN: self._message,
            _MESSAGE_OUT: self._new_message,
            _ENVELOPE_IN: self._envelope,
            _ENVELOPE_OUT: self._new_envelope,
            _QUEUE_NAME: self._name,
        }
        try:
            path_search.become(command, self._env, ends)
        except OSError:  # the exit code tells
            pass
        finally:
            os._exit(INTERNAL)

    def _take_over(self) -> None:
        """What a filter has written stands in the place of what it read."""
        if _size(self._new_message):
            os.close(self._message)
            self._message, self._new_message = self._new_message, self._temporary()
        if _size(self._new_envelope):
            os.close(self._envelope)
            self._envelope, self._new_envelope = self._new_envelope, self._temporary()
            self._describe()

    def _describe(self) -> None:
        """The envelope in the filter's environment."""
        sender, recipients = _read_envelope(os.pread(self._envelope, _size(self._envelope), 0))
        user, _, host = sender.rpartition(b"@") if b"@" in sender else (sender, b"", b"")
        lines = b"".join(recipient + b"\n" for recipient in recipients)
        self._env.update({b"QMAILUSER": user, b"QMAILHOST": host, b"NUMRCPTS": b"%d" % len(recipients)})
        self._env.pop(b"QMAILRCPTS", None)
        if len(lines) <= _RCPTS_MAX:
            self._env[b"QMAILRCPTS"] = lines

    def queue(self) -> int:
        """Become the program that queues. It returns only when that cannot be run."""
        name = os.pread(self._name, _size(self._name), 0).removesuffix(b"\n")
        path = name or self._env.get(b"QQF_QMAILQUEUE") or self._env[b"QMAIL_HOME"] + b"/bin/qmail-queue"
        for fd in (self._message, self._envelope):
            os.lseek(fd, 0, os.SEEK_SET)
        try:
            path_search.become([path if b"/" in path else b"./" + path], self._env, {0: self._message, 1: self._envelope})
        except (OSError, ValueError):  # ValueError: a NUL in the name
            return INTERNAL


def _read_envelope(data: bytes) -> tuple[bytes, list[bytes]]:
    """-> sender, recipients. Raises _Trouble."""
    records = data.split(b"\0")
    if len(records) < 2 or not records[0].startswith(b"F"):
        raise _Trouble(BAD_ENVELOPE)
    recipients = []
    for record in records[1:]:
        if not record.startswith(b"T"):
            break
        recipients.append(record[1:])
    return records[0][1:], recipients


def _size(fd: int) -> int:
    return os.fstat(fd).st_size
