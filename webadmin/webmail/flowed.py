"""Lines of plain text as people type them, and as mail carries them: format=flowed.

unflow()  a line that ends in a blank goes on with the next one of the same quote depth; "-- " stands alone; one leading blank is stuffing.
flow()    paragraphs are cut into lines of at most 72, each but the last ending in a blank; quoted lines are cut at their depth.
quote()   "> " before each line, ">" before one that is quoted already.
Source    RFC 3676
"""

from __future__ import annotations

WIDTH = 72
_SIGNATURE = "-- "


def unflow(text: str, *, del_sp: bool = False) -> str:
    out: list[str] = []
    open_depth = -1  # quote depth of the paragraph under way; -1: none
    for line in text.split("\n"):
        depth, rest = _split(line)
        is_soft = rest.endswith(" ") and rest != _SIGNATURE
        if is_soft and del_sp:
            rest = rest[:-1]
        if depth == open_depth and rest != _SIGNATURE:
            out[-1] += rest
        else:
            out.append((">" * depth + " " if depth else "") + rest)
        open_depth = depth if is_soft else -1
    return "\n".join(out)


def _split(line: str) -> tuple[int, str]:
    """-> (quote depth, the rest without stuffing)"""
    rest = line.lstrip(">")
    return len(line) - len(rest), rest.removeprefix(" ")


def flow(text: str) -> str:
    out: list[str] = []
    for line in text.split("\n"):
        if line == _SIGNATURE:
            out.append(line)
            continue
        depth, rest = _split(line) if line.startswith(">") else (0, line)
        prefix = ">" * depth + " " if depth else ""
        out += [_stuffed(prefix + piece, depth) for piece in _cut(rest.rstrip(" "), WIDTH - len(prefix))]
    return "\n".join(out)


def _stuffed(line: str, depth: int) -> str:
    return " " + line if not depth and line.startswith((" ", ">", "From ")) else line


def _cut(text: str, width: int) -> list[str]:
    """At blanks, which stay at the end of their line; a word longer than the line is not cut."""
    pieces = []
    while len(text) > width:
        at = text.rfind(" ", 0, width)
        if at <= 0 or not text[:at].strip():
            at = text.find(" ", width)
        if at < 0:
            break
        pieces.append(text[: at + 1])
        text = text[at + 1 :]
    return [*pieces, text]


def quote(text: str) -> str:
    return "\n".join((">" if line.startswith(">") else "> " if line else ">") + line for line in text.split("\n"))
