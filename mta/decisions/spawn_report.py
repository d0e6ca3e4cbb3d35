"""What a finished delivery means to qmail-send: exit code and output of qmail-local or qmail-remote -> letter and text.

Source   qmail-lspawn.c report, qmail-rspawn.c report, spawn.c
"""

from __future__ import annotations

from mta.errors import DONE, PERMANENT, TEMPORARY

LOCAL_MAX = 3000  # octets of output qmail-lspawn passes on
_LOCAL_CUT = 2966
_LOCAL_CUT_TEXT = b"\nError report too long, sorry.\n"

# Exit codes of the child that became (or failed to become) qmail-local.
_LSPAWN_TEXTS = {
    117: (TEMPORARY, b"Trouble reading users/cdb in qmail-lspawn.\n"),
    119: (TEMPORARY, b"Out of memory in qmail-lspawn.\n"),
    118: (TEMPORARY, b"Temporary failure in qmail-lspawn.\n"),
    116: (TEMPORARY, b"Unable to find alias user!\n"),
    113: (TEMPORARY, b"Not allowed to perform deliveries as root.\n"),
    112: (TEMPORARY, b"Internal qmail-lspawn bug.\n"),
    115: (TEMPORARY, b"NFS failure in qmail-local.\n"),
    126: (PERMANENT, b"Unable to run qmail-local.\n"),
    120: (TEMPORARY, b"Unable to run qmail-local.\n"),
    121: (TEMPORARY, b"Unable to run qmail-getpw.\n"),
}
LOCAL_CRASHED = (TEMPORARY, b"qmail-local crashed.\n")
REMOTE_CRASHED = (TEMPORARY, b"qmail-remote crashed.\n")
_LOCAL_TEMPORARY = (111, 71, 74, 75)


def local(exit_: int, output: bytes) -> tuple[bytes, bytes]:
    """exit_: of qmail-local, negative when a signal killed it."""
    if exit_ < 0:
        return LOCAL_CRASHED
    if exit_ in _LSPAWN_TEXTS:
        return _LSPAWN_TEXTS[exit_]
    if len(output) > LOCAL_MAX:
        output = output[:_LOCAL_CUT] + _LOCAL_CUT_TEXT
    text = output.split(b"\0", 1)[0]
    if exit_ == 0:
        return DONE, text
    return (TEMPORARY if exit_ in _LOCAL_TEMPORARY else PERMANENT), text


_RANK = {DONE: 1, TEMPORARY: 0, PERMANENT: -1}
_LETTER = {1: DONE, 0: TEMPORARY, -1: PERMANENT}


def remote(exit_: int, output: bytes) -> tuple[bytes, bytes]:
    """Reports of qmail-remote for one recipient (r, h or s ..., then K, Z or D ..., each ended by NUL) -> one letter and text."""
    if exit_ < 0:
        return REMOTE_CRASHED
    if exit_:
        return (TEMPORARY if exit_ == 111 else PERMANENT), b"Unable to run qmail-remote.\n"
    if not output:
        return TEMPORARY, b"qmail-remote produced no output.\n"
    reports = output.split(b"\0")[:-1]
    result = next((_RANK[r[:1]] for r in reports if r[:1] in _RANK), -1)
    # The recipient's own refusal outranks what became of the message.
    own = {b"s": 0, b"h": -1}.get(output[:1], result)
    text = reports[0][1:] if reports else b""
    if result <= own and len(reports) > 1 and reports[1][:1] in _RANK:
        text += reports[1][1:]
    return _LETTER[own], text
