"""fastforward: forward the message by a database of aliases.

Usage    fastforward [-nNpPdD] DATA.cdb, as a command in a dot-qmail file: |fastforward -d /etc/aliases.cdb
         -n show what would be done, on fd 2; -N do it (default)
         -d the address is DEFAULT@HOST, or EXT@HOST where DEFAULT is not set; -D it is RECIPIENT (default)
         -p leave an address that is not in the database to the next line; -P refuse it (default)
Reads    DATA.cdb (formats/forwards) and the lists it names (formats/maillist), which must be readable for all; fd 0 the message; SENDER,
         DTLINE, and for commands that begin with "!", which preline runs, UFLINE and RPLINE, as qmail-local sets them
Writes   DTLINE and the message to the queue, once, to all addresses; "fastforward: qp N" to fd 2. Commands get the message on their fd 0
         before that, and not at all if something cannot be read (decisions/fastforward).
Exits    0 forwarded, or with -p: no such address; 99 forwarded, with -p: the rest of the dot-qmail file is left out; 100 no such address,
         usage, a command that says so, or the queue will never take it; 111 try again: a file cannot be read, a command failed
Limits   instructions of 900 octets. Each address and each list is looked at once, so that aliases that name each other come to an end
Runs as  the user whose dot-qmail file it is
Source   fastforward(1)
"""

from __future__ import annotations

import os

from mta import runner
from mta.decisions import fastforward
from mta.errors import MailError, Permanent, Temporary
from mta.formats import cdb, maillist
from mta.formats.error_str import error_str
from mta.formats.forwards import PRELINE
from mta.formats.sgetopt import BadOption, Options
from mta.unix import inner, pass_on
from mta.unix.fds import Fds

_USAGE = b"fastforward: usage: fastforward [ -nNpPdD ] data.cdb\n"
_NOT_HERE = b"Sorry, no mailbox here by that name. (#5.1.1)\n"
_NO_SENDER = b"original envelope sender"  # what -n shows where nobody said
_DONE, _FORWARDED = 0, 99
_FOR_GOOD = frozenset((64, 65, 70, 76, 77, 78, 100, 112))
_FOR_ALL = 0o444
_PLAIN = bytes(c if 32 <= c < 128 else ord("_") for c in range(256))


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    switches = {b"n": False, b"p": False, b"d": False}
    options = Options(argv, "nNpPdD")
    try:
        for letter, _ in options:
            switches[letter.lower()] = letter.islower()
    except BadOption as error:
        fds.say(b"fastforward: %b\n%b" % (error.text, _USAGE))
        return Permanent.exit
    if not options.operands:
        fds.say(_USAGE)
        return Permanent.exit
    try:
        plan = _plan(options.operands[0], _recipient(env, is_default=switches[b"d"]), env.get(b"SENDER", _NO_SENDER))
        if plan is not None:
            code = _show(plan, fds) if switches[b"n"] else _do(plan, env, fds)
            return _FORWARDED if code == _DONE and switches[b"p"] else code
    except MailError as error:
        fds.say(b"fastforward: fatal: %b\n" % error.text.encode("latin-1", "replace"))
        return error.exit
    if not switches[b"p"]:
        fds.say(_NOT_HERE)
    return _DONE if switches[b"p"] else Permanent.exit


def _recipient(env: dict[bytes, bytes], *, is_default: bool) -> bytes:
    """Raises Permanent: qmail-local did not start us."""
    if not is_default:
        return _set(env, b"RECIPIENT", "$RECIPIENT")
    local = env[b"DEFAULT"] if b"DEFAULT" in env else _set(env, b"EXT", "$DEFAULT or $EXT")
    return b"%b@%b" % (local, _set(env, b"HOST", "$HOST"))


def _set(env: dict[bytes, bytes], name: bytes, words: str) -> bytes:
    if name not in env:
        raise Permanent(f"{words} must be set")
    return env[name]


def _plan(path: bytes, address: bytes, sender: bytes) -> fastforward.Plan | None:
    """Raises Temporary."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            reader = cdb.Reader(lambda length, offset: os.pread(fd, length, offset))
            return fastforward.plan(reader.get, _read_list, address, sender)
        finally:
            os.close(fd)
    except OSError as error:
        raise _unreadable(path, error_str(error.errno)) from error
    except ValueError as error:
        raise _unreadable(path, str(error)) from error


def _read_list(path: bytes) -> list[bytes]:
    """Raises Temporary."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & _FOR_ALL != _FOR_ALL:
                raise Temporary(f"{path.decode('latin-1')} is not world-readable")
            return maillist.read(file.read())
    except OSError as error:
        raise _unreadable(path, error_str(error.errno)) from error


def _unreadable(path: bytes, why: str) -> Temporary:
    return Temporary(f"unable to read {path.decode('latin-1')}: {why}")


def _show(plan: fastforward.Plan, fds: Fds) -> int:
    lines = [b"run " + command for command in plan.commands]
    if plan.recipients:
        lines += [b"from <%b>" % plan.sender, *(b"to <%b>" % address for address in plan.recipients)]
    else:
        lines.append(b"no forwarding")
    fds.say(b"".join(line.translate(_PLAIN) + b"\n" for line in lines))
    return _DONE


def _do(plan: fastforward.Plan, env: dict[bytes, bytes], fds: Fds) -> int:
    """Exit code. Raises Permanent, Temporary."""
    for command in plan.commands:
        code = _run(command, env, fds)
        if code != _DONE:
            return Permanent.exit if code in _FOR_GOOD else Temporary.exit
    if plan.recipients:
        qp = pass_on.send({b"DTLINE": b"", **env}, fds[0], plan.sender, plan.recipients)
        fds.say(b"fastforward: qp %d\n" % qp)
    return _DONE


def _run(command: bytes, env: dict[bytes, bytes], fds: Fds) -> int:
    """Exit code of a command. Raises Temporary."""
    shell = [b"sh", b"-c", command[1:]]
    code = runner.call("preline", shell, env, fds) if command.startswith(PRELINE) else inner.run(shell, env, fds)
    try:
        os.lseek(fds[0], 0, os.SEEK_SET)
    except OSError as error:
        raise Temporary(f"unable to rewind input: {error_str(error.errno)}") from error
    return code
