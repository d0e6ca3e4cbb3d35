"""Limits of this process (setrlimit(2))."""

from __future__ import annotations

import resource


def raise_descriptors() -> None:
    """As many open descriptors as the hard limit allows: a server's connections are descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptors() -> int:
    """How many may be open at a time. One call of the kernel."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
