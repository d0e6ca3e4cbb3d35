"""argv0: run a program under another name.

Usage    argv0 REALNAME PROGRAM [ARGUMENT ...]
Does     becomes REALNAME, looked for in PATH; PROGRAM is the name it is told it has
Exits    as REALNAME; 100 usage; 111 it cannot be run
Source   argv0(1), argv0.c
"""

from __future__ import annotations

from mta.unix import pathexec, say
from mta.unix.fds import Fds

NAME = b"argv0"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        return say.usage(fds, NAME, b"argv0 realname program [ arg ... ]")
    real, *words = argv
    return pathexec.chain(NAME, words, env, fds, env.get(b"PATH"), file=real)
