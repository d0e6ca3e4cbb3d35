"""A child that is not to outlive its parent, however that ends: the kernel sends it a signal. A worker that went on alone would hold its
server's address, and nobody would ever stop it.

Source   prctl(2) PR_SET_PDEATHSIG: forgotten when the process changes its user, so to be asked for afterwards
"""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def end_with(parent: int, number: int) -> None:
    """In a child, after its fork and before anything else: signal number when parent is gone; at once when it is gone already."""
    _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(number))
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
