"""Run a coroutine in the fastest event loop at hand: uvloop where it is installed, else asyncio's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from mta.unix.settle import settle

_run: Callable[[Coroutine[Any, Any, None]], None]
try:
    import uvloop
except ImportError:
    _run = asyncio.run
else:
    _run = uvloop.run


def run(main: Coroutine[Any, Any, None]) -> None:
    settle()
    _run(main)
