"""Tree of files -> records. Everything is looked at first, and one bad file means that nothing is taken in.

Domain   an assignment "+NAME-:USER:UID:GID:DIR:-::" is a virtual domain: USER is NAME, or for an alias the real domain of the same DIR.
         Other assignments are nobody's domain and stay what they are, lines of users/assign.
Source   ecosystem 6.1 to 6.3, 6.9
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mta.formats import install_call, stale_policy, tcprules, users_assign, vpasswd
from mta.formats.users_assign import Assignment
from webadmin.mirror import plan
from webadmin.mirror.records import BadTree, DomainRecord, MailboxRecord, Problem, Records

_NUMBER_MAX = (1 << 63) - 1  # of a column
_NAME_MAX = 255


def read(tree: Mapping[bytes, bytes]) -> Records:
    """Raises BadTree with all that is wrong."""
    problems: list[Problem] = []
    files = {path.decode(): data for path, data in tree.items() if not path.startswith(b"domains/")}
    for path, data in files.items():
        problems += _text_problems(path, data)
    if "control/rcpthosts" not in files:
        text = "is missing, which makes this machine an open relay: make one, empty if it takes no mail for others"
        problems.append(Problem("control/rcpthosts", 0, text))
    domains = []
    if not problems:
        for place in places(files.get("users/assign", b".\n")):
            prefix = b"domains/%b/" % place.name.encode()
            own = {path[len(prefix) :]: data for path, data in tree.items() if path.startswith(prefix)}
            found, wrong = read_domain(place, own)
            domains.append(found)
            problems += wrong
    if problems:
        raise BadTree(problems)
    return Records(files, tuple(domains))


def _text_problems(path: str, data: bytes) -> Iterator[Problem]:
    if b"\0" in data:
        yield Problem(path, data[: data.index(0)].count(b"\n") + 1, "a NUL, which no reader expects")
    try:
        if path == "users/assign":
            users_assign.read(data)
            list(places(data))
        elif path.startswith("control/tcp."):
            tcprules.compile_(data)
    except (users_assign.BadLine, tcprules.BadLine) as error:
        yield Problem(path, error.number, str(error))
    except ValueError as error:
        yield Problem(path, 0, str(error))


def places(assign: bytes) -> list[DomainRecord]:
    """The virtual domains of users/assign, real ones first, still without their files. Raises ValueError."""
    found: dict[str, DomainRecord] = {}
    for a in users_assign.read(assign):
        if _is_domain(a):
            name, user = a.local[:-1].decode(), a.user.user.decode()
            real = None if user == name else user
            # the first of several lines is the one that is found in users/cdb
            found.setdefault(name, DomainRecord(name, real, a.user.uid, a.user.gid, a.user.home.decode()))
    real_ones = [d for d in found.values() if d.real is None]
    known = {d.name: d.directory for d in real_ones}
    return real_ones + [d for d in found.values() if d.real is not None and known.get(d.real) == d.directory]


def _is_domain(a: Assignment) -> bool:
    name = a.local.removesuffix(b"-")
    is_shaped = a.is_wildcard and name != a.local and a.user.dash == b"-" and a.user.ext == b""
    return is_shaped and plan.is_domain_name(name) and plan.is_domain_name(a.user.user) and a.user.home.startswith(b"/")


def read_domain(place: DomainRecord, files: Mapping[bytes, bytes]) -> tuple[DomainRecord, list[Problem]]:
    """place: the domain without its files. files: relative to its directory."""
    if place.real is not None:
        return place, []
    prefix = f"domains/{place.name}/"
    problems = []
    for path, data in files.items():
        if b"\0" in data:
            problems.append(
                Problem(prefix + path.decode("latin-1"), data[: data.index(0)].count(b"\n") + 1, "a NUL, which no reader expects")
            )
    stale = files.get(stale_policy.FILE_NAME)
    try:
        stale_policy.read(stale or b"")
    except ValueError as error:
        problems.append(Problem(prefix + ".stale-mail", 0, str(error)))
    mailboxes, wrong = _mailboxes(place, files)
    aliases, strange = _aliases(place, files)
    whole = DomainRecord(
        place.name,
        None,
        place.uid,
        place.gid,
        place.directory,
        files.get(b".qmail-default"),
        files.get(b".qmailadmin-limits"),
        stale,
        tuple(mailboxes),
        tuple(aliases),
    )
    return whole, problems + wrong + strange


def _aliases(place: DomainRecord, files: Mapping[bytes, bytes]) -> tuple[list[tuple[str, bytes]], list[Problem]]:
    aliases, problems = [], []
    for path, data in sorted(files.items()):
        stem = path.removeprefix(b".qmail-")
        if stem == path or stem == b"default":
            continue
        if not install_call.is_alias_stem(stem):
            problems.append(
                Problem(f"domains/{place.name}/{path.decode('latin-1')}", 0, "a name no address can have: rename or remove the file")
            )
        else:
            aliases.append((stem.decode(), data))
    return aliases, problems


def _mailboxes(place: DomainRecord, files: Mapping[bytes, bytes]) -> tuple[list[MailboxRecord], list[Problem]]:
    path = f"domains/{place.name}/vpasswd"
    data = files.get(b"vpasswd")
    if data is None:
        return [], [
            Problem(path, 0, "is missing: keep the mailboxes in vpasswd files (vconvert -m -c), or take the domain out of users/assign")
        ]
    try:
        accounts = vpasswd.read(data)
    except vpasswd.BadLine as error:
        return [], [Problem(path, error.number, str(error).partition(": ")[2])]
    found, problems, seen = [], [], set()
    for number, (account, row) in enumerate(zip(accounts, data.split(b"\n"), strict=False), 1):
        line = row + b"\n"
        if account.name in seen:
            problems.append(Problem(path, number, f"{account.name.decode('latin-1')} stands twice: remove one of the lines"))
        if max(account.uid, account.flags) > _NUMBER_MAX or max(len(account.name), len(account.quota)) > _NAME_MAX:
            problems.append(Problem(path, number, "a field is larger than any program takes"))
        seen.add(account.name)
        inside = install_call.inside(place.directory.encode(), account.dir)
        dotqmail = None if inside is None else files.get(inside + b"/.qmail")
        found.append(MailboxRecord(account, None if plan.line(account) == line else line, dotqmail))
    return found, problems
