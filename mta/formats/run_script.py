"""service/NAME/run and service/NAME/log/run as the preparation of an instance writes them: what to start, as whom, where, in what
environment.

Lines    "#!/bin/sh", then at most once each and in this order "# COMMENT", "exec 2>&1", "cd FOLDER", and last
         "exec [SETUIDGID ACCOUNT] [env -i NAME=VALUE ...] PROGRAM [ARGUMENT ...]"
Words    letters, digits and %+,-./:=@_ stand as they are, other words between single quotes, a quote among them as '"'"'
Example  b"#!/bin/sh\\n# receives mail.\\nexec 2>&1\\ncd /opt/tawny\\nexec /var/qmail/bin/smtpd --listen '*:25'\\n"
Written  by deploy/services.   Read by sh; by svscan and supervise, who do what it says themselves. What this cannot read sh still can.
Source   supervise(8), svscan(8), sh(1)
Loaded by supervise, of which many run: a plain class, as dataclasses would load a megabyte more.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SHELL = b"#!/bin/sh\n"
_JOIN = b"exec 2>&1\n"
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_")
_A_QUOTE = b"""'"'"'"""
_EMPTY_ENV = [b"env", b"-i"]


class RunScript:
    """command: the program, by its full path, and its arguments. setuidgid: the path of that program and an account, or (). env: all there
    is, or None for what supervise has. joins: descriptor 2 becomes what 1 is."""

    __slots__ = ("command", "comment", "env", "folder", "joins", "setuidgid")

    def __init__(
        self,
        command: tuple[bytes, ...],
        *,
        comment: bytes = b"",
        joins: bool = False,
        folder: bytes = b"",
        setuidgid: tuple[bytes, ...] = (),
        env: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.command = command
        self.comment = comment
        self.joins = joins
        self.folder = folder
        self.setuidgid = setuidgid
        self.env = env

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunScript) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    __hash__ = None  # type: ignore[assignment]


def write(r: RunScript) -> bytes:
    lines = [_SHELL]
    if r.comment:
        lines.append(b"# %b\n" % r.comment)
    if r.joins:
        lines.append(_JOIN)
    if r.folder:
        lines.append(b"cd %b\n" % _word(r.folder))
    env = [] if r.env is None else [*_EMPTY_ENV, *(name + b"=" + value for name, value in r.env.items())]
    lines.append(b"exec %b\n" % b" ".join(map(_word, (*r.setuidgid, *env, *r.command))))
    return b"".join(lines)


def _word(word: bytes) -> bytes:
    return word if word and _PLAIN.issuperset(word) else b"'%b'" % word.replace(b"'", _A_QUOTE)


def read(data: bytes) -> RunScript:
    """Raises ValueError for any script but one of these."""
    rest = _after(_SHELL, data)
    comment, rest = _line(b"# ", rest)
    joins = rest.startswith(_JOIN)
    cd, rest = _line(b"cd ", rest.removeprefix(_JOIN))
    last, end = _line(b"exec ", rest)
    words = _words(last)
    setuidgid: tuple[bytes, ...] = ()
    if words[0].endswith(b"/setuidgid"):
        setuidgid, words = tuple(words[:2]), words[2:]
    env = None
    if words[:2] == _EMPTY_ENV:
        values = 2
        while values < len(words) and b"=" in words[values]:
            values += 1
        env, words = {name: value for name, _, value in (w.partition(b"=") for w in words[2:values])}, words[values:]
    folder = _words(cd) if cd else [b""]
    found = RunScript(tuple(words), comment=comment, joins=joins, folder=folder[0], setuidgid=setuidgid, env=env)
    if end or not words or not words[0].startswith(b"/") or write(found) != data:
        raise ValueError("not a run script of ours")
    return found


def _after(start: bytes, data: bytes) -> bytes:
    if not data.startswith(start):
        raise ValueError("not a run script of ours")
    return data[len(start) :]


def _line(start: bytes, data: bytes) -> tuple[bytes, bytes]:
    """-> (what stands in the first line behind start, or b"" if it does not begin so; the rest)."""
    if not data.startswith(start):
        return b"", data
    line, newline, rest = data.partition(b"\n")
    return _after(start, line), rest if newline else line


def _words(text: bytes) -> list[bytes]:
    """Words of a line. What stands between quotes that are not as we write them comes out wrong, and then write() gives another line."""
    words, word, is_quoted = [], bytearray(), False
    for piece in text.replace(_A_QUOTE, b"\0").split(b"'"):
        if is_quoted:
            word += piece
        else:
            *ended, last = piece.split(b" ")
            for part in ended:
                words.append(bytes(word + part))
                word = bytearray()
            word += last
        is_quoted = not is_quoted
    return [w.replace(b"\0", b"'") for w in (*words, bytes(word))]
