"""Is this value fit for that control file? Stricter than the programs, which take whatever they find and go on with a default.

A file from before us may hold anything (mirror/import_); what a person writes here is checked by the kind of the file
(formats/control_files).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.core.exceptions import ValidationError

from mta.formats import control, install_call, smtproutes, tcprules, users_assign
from mta.formats.control_files import BY_NAME, Kind

_HOST = re.compile(rb"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
# lines that hold a host name: those for which control/me stands in, but for the greeting, which may say more
_HOSTS = frozenset(f.name for f in BY_NAME.values() if f.kind is Kind.LINE and f.is_me) - {"smtpgreeting"} | {"me"}
_DOMAIN_LISTS = frozenset(("locals", "rcpthosts", "morercpthosts", "percenthack", "badhelo"))
_ADDRESS_LISTS = frozenset(("badmailfrom", "badrcptto", "morebadrcptto"))
_MAY_BE_EMPTY = frozenset(("doublebounceto",))  # an empty one throws double bounces away, and is documented to
_NOT_HERE = {
    Kind.CDB: "is made from {source} whenever that is saved: edit {source}.",
    Kind.PEM: "holds a key, which never passes through the browser: replace it on the machine itself.",
    Kind.SECRET: "holds passwords, which never pass through the browser: replace it on the machine itself.",
    Kind.FOLDER: "is a directory: put files into it on the machine itself.",
}


def check(path: str, value: bytes) -> None:
    """Raises ValidationError with one sentence for each line that is wrong."""
    wrong = list(_complaints(path, value))
    if wrong:
        raise ValidationError([ValidationError(sentence, code="control") for sentence in wrong[:20]])


def _complaints(path: str, value: bytes) -> Iterator[str]:
    folder, _, name = path.partition("/")
    file = BY_NAME.get(name) if folder == "control" else None
    if file is not None and file.kind in _NOT_HERE:
        yield f"control/{name} " + _NOT_HERE[file.kind].format(source=name.removesuffix(".cdb"))
        return
    if not install_call.is_text_path(path.encode("utf-8", "replace")):
        yield f"{path} is not a name of a control file: use letters, digits, dots, hyphens and underscores."
        return
    if len(value) > install_call.FILE_MAX:
        yield f"{path} would be larger than {install_call.FILE_MAX >> 20} MiB."
        return
    yield from _octets(value)
    if path == "users/assign":
        yield from _assign(value)
    elif file is not None:
        yield from _by_kind(name, file.kind, value)


def _octets(value: bytes) -> Iterator[str]:
    for number, row in enumerate(value.split(b"\n"), 1):
        if b"\0" in row:
            yield f"Line {number} holds a NUL, which no program expects."
        if row.endswith(b"\r"):
            yield f"Line {number} ends in a carriage return, which would become part of its last word."


def _by_kind(name: str, kind: Kind, value: bytes) -> Iterator[str]:
    if kind is Kind.LINE:
        yield from _line(name, value)
    elif kind is Kind.INTEGER:
        if not control.line(value).isdigit():
            yield "This must be a number: digits and nothing else. Anything else counts as if the file were missing."
    elif kind is Kind.LIST:
        yield from _list(name, value)
    elif kind is Kind.MAP:
        yield from _map(name, value)
    elif kind is Kind.RULES:
        try:
            tcprules.read(value)
        except tcprules.BadLine as error:
            yield f'Line {error.number} is no rule. Write ADDRESS:allow or ADDRESS:deny, then ,NAME="value" for each variable.'


def _line(name: str, value: bytes) -> Iterator[str]:
    found = control.line(value)
    if any(row.strip() for row in value.split(b"\n")[1:]):
        yield "Only the first line is read: leave one line."
    if not found and name not in _MAY_BE_EMPTY:
        yield "The file would be empty, and an empty name is used as it is. Remove the file to get the default."
    elif name in _HOSTS and found and not _HOST.fullmatch(found):
        yield "This is not a host name: letters, digits and hyphens between dots, as in mail.example.org."


def _entries(value: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that count, with their numbers."""
    for number, row in enumerate(value.split(b"\n"), 1):
        line = row.rstrip(b" \t")
        if line and not line.startswith(b"#"):
            yield number, line


def _list(name: str, value: bytes) -> Iterator[str]:
    for number, line in _entries(value):
        if line[:1].isspace():
            yield f"Line {number} begins with a blank, which would become part of the name."
        elif name in _DOMAIN_LISTS and not _HOST.fullmatch(line.removeprefix(b".")):
            yield f"Line {number} is not a domain such as example.org, or .example.org for all names below it."
        elif name in _ADDRESS_LISTS and b"@" not in line:
            yield f"Line {number} is neither an address nor @domain."


def _map(name: str, value: bytes) -> Iterator[str]:
    for number, line in _entries(value):
        key, colon, _ = line.partition(b":")
        if not colon:
            yield f"Line {number} has no colon, so it says nothing."
        elif line[:1].isspace():
            yield f"Line {number} begins with a blank, which would become part of the name."
        elif name == "smtproutes" and b"|" in line:
            yield f"Line {number} holds a login, and passwords never pass through the browser: write it on the machine itself."
        elif name == "smtproutes":
            route = smtproutes.find(control.map_([line]), key or b"any.example")
            if route is None or not route.port:
                yield f"Line {number} does not end in a port from 1 to 65535."


def _assign(value: bytes) -> Iterator[str]:
    try:
        users_assign.read(value)
    except users_assign.BadLine as error:
        if error.number:
            yield f"Line {error.number} is no assignment. Write =local:user:uid:gid:home:dash:ext: (or + for all that begin so)."
        else:
            yield "The last line must be a single dot."
