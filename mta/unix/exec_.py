"""Become another program: put its descriptors where it expects them and its signals to what they are by default, then exec.

Every other descriptor of ours is closed by the exec (Python opens them so); nothing of the environment is passed on but what is given.
Loaded by programs that run per message: builtins only.
"""

from __future__ import annotations

import os

from mta.unix import signals, warm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn


def become(path: bytes, argv: list[bytes], env: Mapping[bytes, bytes], fds: Mapping[int, int]) -> NoReturn:
    """fds: {descriptor of the program: descriptor of ours}; those not named stay as they are. argv with the program's own name.
    Raises OSError when the program cannot be run; descriptors have been moved and signals reset then."""
    if fds:
        warm.rewire(fds)
    signals.to_default()
    os.execve(path, argv, env)
