"""A news server on loopback for tests: takes articles by POST, knows a few groups, and which Message-IDs it has.

with NntpSink(groups={b"local.test"}) as news:
    ... post to 127.0.0.1, news.port ...
    news.articles                                  # each with CRLF, dots taken off
greeting: another one. dies_after: articles after which it hangs up without an answer, once."""

from __future__ import annotations

import re
import socket
import threading


class NntpSink:
    def __init__(self, groups: set[bytes], greeting: bytes = b"200 welcome", dies_after: int | None = None) -> None:
        self.articles: list[bytes] = []
        self._groups, self._greeting, self._dies_after = groups, greeting, dies_after
        self._known: set[bytes] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> NntpSink:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as file:
                file.write(self._greeting + b"\r\n")
                file.flush()
                while line := file.readline():
                    if line == b"POST\r\n":
                        file.write(b"340 go on\r\n")
                        file.flush()
                        answer = self._take(b"".join(iter(file.readline, b".\r\n")))
                        if answer is None:
                            break
                    else:
                        answer = {b"MODE READER\r\n": b"200 you may post", b"QUIT\r\n": b"205 bye"}.get(line, b"500 what?")
                    file.write(answer + b"\r\n")
                    file.flush()

    def _take(self, data: bytes) -> bytes | None:
        """-> the answer; None: it hangs up."""
        article = re.sub(rb"(?m)^\.", b"", data)
        name, group = (re.search(rb"(?m)^%b: (\S+)\r$" % field, article) for field in (b"Message-ID", b"Newsgroups"))
        assert name is not None and group is not None
        if group[1] not in self._groups:
            return b"441 no such group"
        if name[1] in self._known:
            return b"441 435 duplicate"
        self._known.add(name[1])
        self.articles.append(article)
        if self._dies_after == len(self.articles):
            self._dies_after = None
            return None
        return b"240 article posted"
