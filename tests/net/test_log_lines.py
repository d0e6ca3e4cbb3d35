"""Lines of a server with an event loop: together and in order."""

from __future__ import annotations

import asyncio
import os

from mta.net.log_lines import LogLines


def test_lines_of_one_turn_are_written_together() -> None:
    read_end, write_end = os.pipe()
    said = []

    async def serve() -> None:
        say.open()
        for i in range(3):
            say(b"ok: %d" % i)
        await asyncio.sleep(0)
        said.append(os.read(read_end, 4096))
        say(b"ok: next turn")
        say.close()

    say = LogLines(b"smtpd", write_end)
    say(b"status: before the loop")
    said.append(os.read(read_end, 4096))
    asyncio.run(serve())
    say(b"status: after the loop")
    said.append(os.read(read_end, 4096))
    assert said == [
        b"smtpd: status: before the loop\n",
        b"smtpd: ok: 0\nsmtpd: ok: 1\nsmtpd: ok: 2\n",
        b"smtpd: ok: next turn\nsmtpd: status: after the loop\n",
    ]
    os.close(read_end)
    say(b"status: nobody listens")
    os.close(write_end)
