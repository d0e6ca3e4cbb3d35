"""Runs a program: calls its main(argv, env, fds) and turns what comes back, or goes wrong, into an exit code and one line.

The catch-all of the mail system is here and nowhere else: what nobody foresaw exits 111, so that mail waits.
Loaded by programs that run per message: builtins only.
"""

from __future__ import annotations

import os
import sys

from mta import board
from mta.errors import MailError
from mta.unix.fds import Fds, occupy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    Main = Callable[[list[bytes], dict[bytes, bytes], Fds], int]


def load(name: str) -> Main:
    """The main function of a program. Raises KeyError for an unknown name."""
    return _room(name).main  # type: ignore[no-any-return, attr-defined]


def is_loaded(name: str) -> bool:
    """Load a program for later, with those it starts as forks. False: that is not possible; whoever starts it will hear why."""
    try:
        for program in (name, *board.STARTS.get(name, ())):
            load(program)
    except Exception:  # noqa: BLE001 - as in call(): one program that cannot be loaded must not end those that can
        return False
    return True


def _room(name: str) -> object:
    return __import__(board.module(name), fromlist=["main"])


def call(name: str, argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """Exit code of the program. argv without its own name."""
    try:
        return load(name)(argv, env, fds)
    except MailError as error:
        why = f": {error.why}" if error.why else ""
        fds.say(f"{name}: fatal: {error.text}{why}\n".encode())
        return error.exit
    except KeyboardInterrupt:
        return 111
    except Exception as error:  # noqa: BLE001 - the runner's catch-all, see above
        fds.say(_trace(name, error))
        return 111


def _trace(name: str, error: BaseException) -> bytes:
    """One line: the error and the innermost places it came from."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{name}: fatal: {type(error).__name__}: {error} ({' '.join(places[-4:])})\n".encode("utf-8", "replace")


_COERCED = b"LC_CTYPE"


def given_environment() -> dict[bytes, bytes]:
    """The environment we were started with. In a C locale the interpreter sets LC_CTYPE to a UTF-8 one before anything of ours runs
    (PEP 538); the programs we become must not see that."""
    env = dict(os.environb)
    if env.get(_COERCED) in (b"C.UTF-8", b"C.utf8", b"UTF-8"):
        try:
            with open("/proc/self/environ", "rb") as file:
                if not any(item.startswith(_COERCED + b"=") for item in file.read().split(b"\0")):
                    del env[_COERCED]
        except OSError:  # no /proc: then it stays
            pass
    return env


def run(name: str, home: bytes | None = None, argv0: bytes | None = None) -> NoReturn:
    """Be the program: take arguments and environment from the process, and exit. home: the instance bin/NAME belongs to; argv0: the
    name it was called by, where that is another."""
    occupy()
    env = given_environment()
    if home is not None:
        env[b"QMAIL_HOME"] = home
    if argv0 is not None:
        env[b"QMAIL_ARGV0"] = argv0
    be(name, [os.fsencode(a) for a in sys.argv[1:]], env)


def be(name: str, argv: list[bytes], env: dict[bytes, bytes]) -> NoReturn:
    """Be the program, in a process that is nobody else's any more, and exit."""
    guard = getattr(_room(name), "guard", None)  # what a program does to a process of its own only: signals, alarms
    if guard is not None:
        guard()
    code = call(name, argv, env, Fds())
    if sys.stdout is not None:  # descriptor 1 may have been closed when we were started
        sys.stdout.flush()
    os._exit(code)  # no clean-up at exit: descriptors are all a program leaves behind
