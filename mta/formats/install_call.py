"""run/installer: what the control plane asks of the installer. Lists of formats/ask; the first word is the verb.

read control MODE [NUMBER]       -> K NUMBER (PATH KIND DATA)...     files of control/ and users/ in force, or of an older generation
read domain MODE (NAME DIR)...   -> K LIST...                        LIST of a domain: NAME K (PATH DATA)..., or NAME Z TEXT
install WHO WHY STEP...          -> K NUMBER MANIFEST                put, remove: a new generation, in force when this answers
rollback WHO WHY NUMBER          -> K NUMBER MANIFEST                the contents of an older generation as a new one
generations                      -> K NUMBER (NUMBER MANIFEST)...    first the one in force; the heads of their manifests
domain WHO NAME DIR STEP...      -> K WORD...                        steps in order, of one domain; one word for each retire: its new name
removed                          -> K NAME...                        what can be restored
begun                            -> K NAME...                        what discard has not come to the end of
discard WHO NAME                 -> K [b"more"]                      for good, what was removed a day ago or earlier; more: ask again
restore WHO NAME DIR             -> K LINE [DATA]                    back to DIR; LINE: what retire was given to keep; DATA: its .qmail
Answers  begin with K; or D TEXT: no; Z TEXT: not now (formats/ask)
MODE     b"bytes" or b"digests" (of a domain with its vpasswd.cdb)
KIND     b"text", or b"digest" for compiled and secret files, whose DATA is their SHA-256
STEP     a list: put PATH OLD DATA; remove PATH OLD; line NAME OLD LINE, of vpasswd, with its newline, b"" to take it away; make;
         mailbox DIR; retire DIR LINE; retire-domain. OLD is the SHA-256 of what must stand there now (b"" nothing, b"*" no matter): an
         edit by hand is never overwritten unseen.
PATH     b"control/me", b"users/assign"; of a domain relative to its directory: b"vpasswd", b".qmail-default", b"joe/.qmail"
Example  b"7:install,3:ada,7:control,STEP" with STEP b"3:put,14:control/locals,1:*,12:example.org\\n,"
Limits   a control file 4 MiB, vpasswd 48 MiB, any other file 1 MiB, a question 64 MiB; 100 domains a read
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from mta.formats import netstring

FOLDERS = (b"control", b"users")
USERS_FILES = frozenset((b"assign", b"include", b"exclude", b"mailnames", b"subusers", b"append"))
FILE_MAX, VPASSWD_MAX, DOMAIN_FILE_MAX = 4 << 20, 48 << 20, 1 << 20
NAME_MAX, STEM_MAX, DEPTH_MAX = 64, 128, 8
_NAME_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
DOMAINS_MAX = 100
BYTES, DIGESTS = b"bytes", b"digests"
TEXT, DIGEST = b"text", b"digest"
ABSENT, ANY = b"", b"*"
# vpopmail's octets of a mailbox name, capitals (files nobody can address, but they exist), and the colon that stands for a dot
_STEM_BYTES = frozenset(b"!#$&'*+-.:=?^_`{|}~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
COMPILED_LISTS = frozenset((b"control/morercpthosts", b"control/morebadrcptto"))


@dataclass(frozen=True, slots=True)
class Put:
    """data in place of what has the digest old."""

    path: bytes
    data: bytes
    old: bytes = ANY


@dataclass(frozen=True, slots=True)
class Remove:
    path: bytes
    old: bytes = ANY


@dataclass(frozen=True, slots=True)
class Line:
    """The line of vpasswd of that name, in place of one that has the digest old; b"": no line."""

    name: bytes
    line: bytes
    old: bytes = ANY


@dataclass(frozen=True, slots=True)
class Make:
    """The directory of a new domain."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An empty Maildir in dir (relative to the domain)."""

    dir: bytes


@dataclass(frozen=True, slots=True)
class Retire:
    """Move the mailbox's directory to removed/, and keep line beside it (its line of vpasswd, for the way back)."""

    dir: bytes
    line: bytes


@dataclass(frozen=True, slots=True)
class RetireDomain:
    """Move the whole directory of the domain to removed/."""


Step = Put | Remove | Line | Make | Mailbox | Retire | RetireDomain


def digest(data: bytes | None) -> bytes:
    """SHA-256 in hexadecimal; None, a missing file, is ABSENT."""
    return ABSENT if data is None else sha256(data).hexdigest().encode()


def is_met(old: bytes, data: bytes | None) -> bool:
    """Is what stands there now what the asker thought?"""
    return old in (ANY, digest(data))


def is_control_path(path: bytes) -> bool:
    """b"control/me", b"users/assign": one of the two folders and a plain name in it."""
    folder, slash, name = path.partition(b"/")
    return bool(slash) and folder in FOLDERS and 0 < len(name) <= NAME_MAX and _NAME_BYTES.issuperset(name) and name[:1] not in b".-"


def is_text_path(path: bytes) -> bool:
    """One of those that people write: no compiled file, no left-over."""
    if not is_control_path(path) or path.endswith((b".cdb", b".tmp", b".lock")):
        return False
    return not path.startswith(b"users/") or path[6:] in USERS_FILES


def compiled_path(path: bytes) -> bytes | None:
    """What a text is compiled to: users/assign, COMPILED_LISTS, control/tcp.SERVICE."""
    if path == b"users/assign":
        return b"users/cdb"
    return path + b".cdb" if path in COMPILED_LISTS or path.startswith(b"control/tcp.") else None


def is_relative(path: bytes) -> bool:
    """A path that only goes down: no empty part, none that begins with a dot, no NUL."""
    parts = path.split(b"/")
    return len(parts) <= DEPTH_MAX and b"\0" not in path and all(p and not p.startswith(b".") and len(p) <= 255 for p in parts)


def is_alias_stem(stem: bytes) -> bool:
    """What may follow ".qmail-" in the name of a file."""
    return 0 < len(stem) <= STEM_MAX and _STEM_BYTES.issuperset(stem)


def inside(directory: bytes, path: bytes) -> bytes | None:
    """A mailbox's directory relative to its domain's; None: it lies elsewhere."""
    rel = path.rstrip(b"/").removeprefix(directory.rstrip(b"/") + b"/")
    return rel if rel != path.rstrip(b"/") and is_relative(rel) else None


def write_step(step: Step) -> bytes:
    return b"".join(map(netstring.write, _words(step)))


def _words(step: Step) -> list[bytes]:
    match step:
        case Put(path, data, old):
            return [b"put", path, old, data]
        case Remove(path, old):
            return [b"remove", path, old]
        case Line(name, line, old):
            return [b"line", name, old, line]
        case Make():
            return [b"make"]
        case Mailbox(dir):
            return [b"mailbox", dir]
        case Retire(dir, line):
            return [b"retire", dir, line]
        case RetireDomain():
            return [b"retire-domain"]


def read_step(data: bytes) -> Step:
    """Raises ValueError for any step we did not write."""
    match netstring.read_all(data):
        case [b"put", path, old, data]:
            return Put(path, data, old)
        case [b"remove", path, old]:
            return Remove(path, old)
        case [b"line", name, old, line]:
            return Line(name, line, old)
        case [b"make"]:
            return Make()
        case [b"mailbox", dir]:
            return Mailbox(dir)
        case [b"retire", dir, line]:
            return Retire(dir, line)
        case [b"retire-domain"]:
            return RetireDomain()
    raise ValueError("not a step of an installation")


def install(who: bytes, why: bytes, steps: list[Put | Remove]) -> list[bytes]:
    return [b"install", who, why, *map(write_step, steps)]


def domain(who: bytes, name: bytes, dir: bytes, steps: list[Step]) -> list[bytes]:
    return [b"domain", who, name, dir, *map(write_step, steps)]


def write_list(words: list[bytes]) -> bytes:
    """A list within a list."""
    return b"".join(map(netstring.write, words))


def read_list(data: bytes) -> list[bytes]:
    """Raises ValueError."""
    return netstring.read_all(data)
