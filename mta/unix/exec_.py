"""Become another program: put its descriptors where it expects them, then exec.

Every other descriptor of ours is closed by the exec (Python opens them so); nothing of the environment is passed on but what is given.
Loaded by programs that run per message: builtins only.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn


def become(path: bytes, argv: list[bytes], env: Mapping[bytes, bytes], fds: Mapping[int, int]) -> NoReturn:
    """fds: {descriptor of the program: descriptor of ours}; those not named stay as they are. argv with the program's own name.
    Raises OSError when the program cannot be run; descriptors have been moved then."""
    highest = max(fds, default=0)
    # first out of the way of every target, then into place
    spare = {target: _above(fd, highest) for target, fd in fds.items()}
    for target, fd in spare.items():
        os.dup2(fd, target, inheritable=True)
    os.execve(path, argv, env)


def _above(fd: int, limit: int) -> int:
    """The same file on a new descriptor above limit."""
    below = []
    while (fd := os.dup(fd)) <= limit:
        below.append(fd)
    for other in below:
        os.close(other)
    return fd
