"""Limits of this process (setrlimit(2))."""

from __future__ import annotations

import resource


def raise_descriptors() -> None:
    """As many open descriptors as the hard limit allows: a server's connections are descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
