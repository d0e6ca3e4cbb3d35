"""What a program tells the operator on descriptor 2, as all of daemontools and ucspi-tcp put it: who, how bad, what, why.

Example  b"svscan: warning: unable to stat dangling: file does not exist\\n"
The functions return the exit code that belongs to the line, so that main can say and leave in one go.
"""

from __future__ import annotations

from mta.formats.error_str import error_str

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.unix.fds import Fds


def fatal(fds: Fds, program: bytes, text: bytes, error: OSError | None = None) -> int:
    """We give up; trying again may help."""
    _say(fds, program, b"fatal", text, error)
    return 111


def warning(fds: Fds, program: bytes, text: bytes, error: OSError | None = None) -> None:
    """We go on."""
    _say(fds, program, b"warning", text, error)


def usage(fds: Fds, program: bytes, words: bytes) -> int:
    """words: how the program wants to be called, with its name."""
    _say(fds, program, b"usage", words, None)
    return 100


def _say(fds: Fds, program: bytes, class_: bytes, text: bytes, error: OSError | None) -> None:
    why = b"" if error is None else b": " + error_str(error.errno).encode()
    fds.say(b"%b: %b: %b%b\n" % (program, class_, text, why))
