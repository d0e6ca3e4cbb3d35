"""A server of formats/ask played by the test: qmail-send's orders, vmaild. Notes what it was asked."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mta.formats import ask as ask_format
from mta.unix import ask

Answer = Callable[[list[bytes]], Any]


class Answering:
    """answer: words of a question -> what JSON can hold, or bytes, or the words of an answer that is no "K". Tests replace it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[list[bytes]] = []

    def words(self, question: list[bytes]) -> list[bytes]:
        self.asked.append(question)
        found = self.answer(question)
        if isinstance(found, list) and found and found[0] in (ask_format.NO, ask_format.NOT_NOW):
            return found
        return [ask_format.YES, found if isinstance(found, bytes) else json.dumps(found).encode()]


@contextmanager
def answering(path: Path, answer: Answer) -> Iterator[Answering]:
    """Listens on path until the block ends."""
    found = Answering(answer)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            for question in ask.lists(self.request):
                self.request.sendall(ask_format.write(found.words(question)))

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Server(os.fspath(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
            path.unlink(missing_ok=True)
