"""qmHandle: look at the queue, and remove messages from it.

Usage    qmHandle [-cN] OPTION ...; what they say is done in their order
         -l -L -R      list all messages, those with local recipients, with remote ones; -N numbers only, -c in colour
         -s            counts
         -mN -dN       show, delete message N
         -fADDR -F'RE' delete those from ADDR, from a sender that matches
         -xADDR -X'RE' delete those to ADDR, to a recipient that matches
         -SWORDS       delete those whose subject holds WORDS
         -h'RE' -H'RE' delete those with a header line that matches, small and capital letters being one, or not
         -b'RE' -B'RE' delete those with a line of the body that matches, likewise
         -D            delete all
         -t'RE'        try those again now that are for a recipient that matches; -a try all
         -V            version
Reads    the queue; run/qmail-send/orders
Writes   fd 1 what was asked for. Messages are deleted by qmail-send when it runs and takes orders, so that nothing changes under it; when
         none runs we keep it from starting (lock/sendmutex) and remove the files: queue states stay those of docs/queue-states.md
Exits    0; 100 usage, an expression that is none; 111 the queue is closed to us, qmail-send runs and takes no orders (the original: stop it
         first), or a message could not be deleted now, for a delivery of it is under way
Limits   expressions are Python's, on octets; 1 MiB of a header, 64 KiB of a line of a body are looked at
Runs as  root, or the one user of an instance
Source   qmHandle 1.3 (Michele Beltrame); its -t made messages live longer, ours does not
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mta.errors import Permanent, Temporary
from mta.formats.error_str import error_str
from mta.programs.queue_tools.qmhandle import choose, hands, show
from mta.unix import queue_scan, say
from mta.unix.fds import Fds
from mta.unix.queue_scan import Queued
from mta.unix.queuedir import Paths

NAME = b"qmHandle"
VERSION = b"qmHandle 1.3, as Tawny has it\n"
_WITHOUT = frozenset(b"alLRsDVcN")
_WITH = frozenset(b"mdfFxXShHbBt")
_LISTS = b"lLR"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        orders = _read(argv)
    except ValueError:
        return say.usage(fds, NAME, b"qmHandle [ -cNalLRsDV ] [ -mN ] [ -dN ] [ -fFxXShHbBt expression ]")
    handle = _Handle(Paths(env[b"QMAIL_HOME"] + b"/queue"), env[b"QMAIL_HOME"], fds, {letter for letter, _ in orders})
    try:
        for letter, value in orders:
            handle.do(letter, value)
    except re.error as error:
        say.fatal(fds, NAME, b"no expression: " + str(error).encode())
        return 100
    except (Permanent, Temporary) as failure:
        return say.fatal(fds, NAME, failure.text.encode())
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read the queue: " + error_str(error.errno).encode())
    return 111 if handle.has_failed else 0


def _read(argv: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Letters with their values; several without one may share a word. Raises ValueError."""
    found: list[tuple[bytes, bytes]] = []
    for word in argv:
        if word[:1] != b"-" or len(word) < 2:
            raise ValueError("not an option")
        if word[1] in _WITH:
            if len(word) == 2 or (word[1:2] in b"md" and not word[2:].isdigit()):
                raise ValueError("an option without its value")
            found.append((word[1:2], word[2:]))
        elif _WITHOUT.issuperset(word[1:]):
            found += [(bytes([letter]), b"") for letter in word[1:]]
        else:
            raise ValueError("no such option")
    if all(letter in b"cN" for letter, _ in found):
        raise ValueError("nothing to do")
    return found


class _Handle:
    """Raises Permanent, Temporary, OSError, re.error."""

    def __init__(self, paths: Paths, home: bytes, fds: Fds, letters: set[bytes]) -> None:
        self.has_failed = False
        self._paths = paths
        self._home = home
        self._fds = fds
        self._style = show.Style(is_coloured=b"c" in letters, is_short=b"N" in letters)

    def do(self, letter: bytes, value: bytes) -> None:
        if letter in _LISTS:
            self._list(letter)
        elif letter == b"s":
            self._say(show.counts(queue_scan.messages(self._paths), self._style))
        elif letter == b"m":
            for piece in show.whole(self._paths, self._one(int(value)).messnum):
                self._say(piece)
        elif letter == b"V":
            self._say(VERSION)
        elif letter == b"a":
            with hands.find(self._home, self._paths) as hand:
                hand.retry_all()
        elif letter == b"t":
            self._each(choose.by(letter, value, self._paths), b"Trying again", lambda hand, messnum: hand.retry(messnum))
        elif letter == b"d":
            self._remove(lambda message: message.messnum == int(value))
        elif letter not in b"cN":
            self._remove(choose.by(letter, value, self._paths))

    def _say(self, text: bytes) -> None:
        self._fds.write(1, text)

    def _one(self, messnum: int) -> Queued:
        found = queue_scan.look(self._paths, messnum)
        if found is None:
            raise Permanent(f"there is no message {messnum} in the queue")
        return found

    def _list(self, letter: bytes) -> None:
        total = {queue_scan.LOCAL: 0, queue_scan.REMOTE: 0}
        for message in queue_scan.messages(self._paths):
            total[queue_scan.LOCAL] += bool(message.local)
            total[queue_scan.REMOTE] += bool(message.remote)
            if letter == b"l" or (message.local if letter == b"L" else message.remote):
                self._say(show.entry(self._paths, message, self._style))
        if not self._style.is_short:
            self._say(show.totals(total, self._style))

    def _remove(self, is_meant: choose.Choice) -> None:
        removed = self._each(is_meant, b"Deleting", lambda hand, messnum: hand.remove(messnum))
        self._say(b"Deleted %d messages from queue\n" % removed)

    def _each(self, is_meant: choose.Choice, words: bytes, act: hands.Act) -> int:
        """-> how many it was done to. One that cannot be helped now is told of, and the others go on."""
        meant = [message.messnum for message in self._chosen(is_meant)]
        done = 0
        if meant:
            with hands.find(self._home, self._paths) as hand:
                for messnum in meant:
                    self._say(b"%b message %d...\n" % (words, messnum))
                    try:
                        act(hand, messnum)
                        done += 1
                    except (Permanent, Temporary) as failure:
                        self.has_failed = True
                        say.warning(self._fds, NAME, b"message %d: %b" % (messnum, failure.text.encode()))
        return done

    def _chosen(self, is_meant: choose.Choice) -> Iterator[Queued]:
        for message in queue_scan.messages(self._paths):
            try:
                if is_meant(message):
                    yield message
            except FileNotFoundError:  # finished while we looked
                continue
