"""A delivery by somebody else's qmail-remote: a process of its own, with the original's arguments and descriptors.

Source   qmail-rspawn.c spawn
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from mta.decisions import spawn_report
from mta.errors import TEMPORARY
from mta.formats.spawn import Command

OUTPUT_MAX = 1 << 20  # what is longer is read, and forgotten
_PIECE = 1 << 16


async def run(program: bytes, command: Command, message: int, *, env: Mapping[bytes, bytes], folder: bytes) -> tuple[bytes, bytes]:
    """program: a path, or a name looked for on PATH. folder: its working directory -> letter and text of the report."""
    host = command.recipient.rpartition(b"@")[2]
    try:
        child = await asyncio.create_subprocess_exec(
            program,
            host,
            command.sender,
            command.recipient,
            stdin=message,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=env,
            cwd=folder,
        )
    except OSError:  # mail waits until the program is there; the original bounces it when the name is wrong
        return TEMPORARY, b"Unable to run qmail-remote.\n"
    assert child.stdout is not None
    output = b""
    while piece := await child.stdout.read(_PIECE):
        output += piece[: OUTPUT_MAX - len(output)]
    return spawn_report.remote(await child.wait(), output)
