"""envdir: run a program with variables from a directory, a file for each.

Usage    envdir DIR PROGRAM [ARGUMENT ...]
Reads    DIR: every file whose name does not begin with "." sets the variable of its name to its first line, without blanks and tabs at the
         end; a NUL stands for a newline. A file of no octets takes the variable away; one of an empty line sets it to nothing
Does     becomes PROGRAM, looked for in the PATH we were given
Exits    as PROGRAM; 111 usage, DIR or a file that cannot be read, or PROGRAM cannot be run
Limits   1 MiB of a line
Source   envdir(8), envdir.c
"""

from __future__ import annotations

import os

from mta.unix import pathexec, say
from mta.unix.cwd import Kept
from mta.unix.fds import Fds

NAME = b"envdir"
_LINE_MAX = 1 << 20
_PIECE = 1 << 12


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        say.usage(fds, NAME, b"envdir dir child")
        return 111
    folder, *command = argv
    changed = dict(env)
    step = b"switch to current directory"
    try:
        with Kept():
            step = b"switch to directory " + folder
            os.chdir(folder)
            step = b"read directory " + folder
            for name in os.listdir(b"."):
                if not name.startswith(b"."):
                    step = b"read %b/%b" % (folder, name)
                    _take(name, changed)
            step = b"switch to starting directory"
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    return pathexec.chain(NAME, command, changed, fds, env.get(b"PATH"))


def _take(name: bytes, env: dict[bytes, bytes]) -> None:
    """Raises OSError."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:  # it went away since the directory was read, or is a link to nothing
        return
    try:
        data = b""
        while b"\n" not in data and len(data) < _LINE_MAX and (piece := os.read(fd, _PIECE)):
            data += piece
    finally:
        os.close(fd)
    line = data.partition(b"\n")[0].rstrip(b" \t").replace(b"\0", b"\n")
    pathexec.put(env, name, line if data else None)
