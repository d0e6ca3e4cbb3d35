"""Become a program that is named without its folder, as execvp(3) does.

A name without a slash is looked for in the folders of PATH, of the environment the program is to get; a folder that does not have it, or
where it may not be run, is passed over. A file that is neither a program nor a script with "#!" is handed to /bin/sh.
Loaded by programs that run per message: builtins only.
Source   execvp(3), execve(2)
"""

from __future__ import annotations

import errno
import os

from mta.unix import signals, warm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

SHELL = b"/bin/sh"
DEFAULT_PATH = b"/bin:/usr/bin"
_ELSEWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ETIMEDOUT, errno.ESTALE)


def become(argv: list[bytes], env: Mapping[bytes, bytes], fds: Mapping[int, int]) -> NoReturn:
    """argv: the name first. fds: as for exec_.become. Raises OSError when it cannot be run; descriptors have been moved and signals reset
    then."""
    if fds:
        warm.rewire(fds)
    signals.to_default()
    trouble = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in candidates(argv[0], env):
        try:
            _execute(path, argv, env)
        except OSError as error:
            if error.errno == errno.EACCES:
                trouble = error
            elif error.errno not in _ELSEWHERE:
                raise
    raise trouble


def candidates(name: bytes, env: Mapping[bytes, bytes]) -> list[bytes]:
    """Where a program of this name may lie, in order."""
    if not name:
        return []
    if b"/" in name:
        return [name]
    return [os.path.join(folder or b".", name) for folder in env.get(b"PATH", DEFAULT_PATH).split(b":")]


def _execute(path: bytes, argv: list[bytes], env: Mapping[bytes, bytes]) -> NoReturn:
    try:
        os.execve(path, argv, env)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    os.execve(SHELL, [SHELL, path, *argv[1:]], env)
