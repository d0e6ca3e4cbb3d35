"""Files that are not what their rows say: edited by hand, by vpopmail's programs, or left so by a failed commit.

find_*   -> differences, with what changed; nothing is touched
adopt    rows follow the files, and what is compiled follows its text          overwrite    files follow the rows
Scope    CONTROL (control/ and users/, and so which domains there are), or the name of one domain
Limits   passwords are not shown (masks)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from mta.formats import install_call, rcpthosts, tcprules, users_assign, vpasswd
from mta.formats.install_call import DIGESTS, DOMAINS_MAX, Put, digest
from webadmin.access import Actor
from webadmin.audit.record import record
from webadmin.mirror import import_, install, masks, plan, rows
from webadmin.mirror.records import BadTree
from webadmin.models import Domain

CONTROL = "control"
_DIFF_MAX = 500  # lines shown of one file
_CDB = b"vpasswd.cdb"


@dataclass(frozen=True, slots=True)
class Difference:
    """kind: changed, added (no row has it), removed (only rows have it), stale (a compiled file is not made from its text), unreadable."""

    scope: str
    path: str
    kind: str
    diff: str


def find() -> list[Difference]:
    """Everything. One question, and one for each hundred domains."""
    return [*find_control(), *find_domains(list(Domain.objects.filter(kind=Domain.Kind.VIRTUAL)))]


def find_control() -> list[Difference]:
    installed = install.read_control()
    wanted = _texts()
    return [*_compare(CONTROL, wanted, installed.texts, b""), *_stale_control(installed)]


def _stale_control(installed: install.Installed) -> Iterator[Difference]:
    for path, data in installed.texts.items():
        target = install_call.compiled_path(path)
        if target is None or (target == b"users/cdb" and data == b".\n" and target not in installed.digests):
            continue
        try:
            compiled = _compiled(path, data)
        except ValueError as error:
            yield Difference(CONTROL, path.decode(), "unreadable", str(error))
            continue
        if installed.digests.get(target) != digest(compiled):
            yield Difference(CONTROL, target.decode(), "stale", f"{target.decode()} is not what {path.decode()} compiles to")


def _compiled(path: bytes, data: bytes) -> bytes:
    """As the installer does it. Raises ValueError."""
    if path == b"users/assign":
        return users_assign.compile_(data)
    return rcpthosts.compile_more(data) if path in install_call.COMPILED_LISTS else tcprules.compile_(data)


def find_domains(domains: list[Domain]) -> list[Difference]:
    """Two queries and a question for each hundred."""
    found: list[Difference] = []
    for start in range(0, len(domains), DOMAINS_MAX):
        found += _hundred(domains[start : start + DOMAINS_MAX])
    return found


def _hundred(domains: list[Domain]) -> list[Difference]:
    by_name = {d.name: d for d in domains}
    records = rows.load_domains(domains)
    found: list[Difference] = []
    for name, digests in install.read_domains([(d.name, d.directory) for d in domains], DIGESTS):
        if isinstance(digests, str):
            found.append(Difference(name, f"domains/{name}", "unreadable", digests))
            continue
        wanted = plan.domain_files(records[name])
        if {path: value for path, value in digests.items() if path != _CDB} != {path: digest(data) for path, data in wanted.items()}:
            found += _compare(name, wanted, _read(by_name[name]), b"domains/%b/" % name.encode())
        elif digests.get(_CDB) != digest(vpasswd.compile_(wanted[b"vpasswd"])):
            text = "vpasswd.cdb is not what vpasswd compiles to"
            found.append(Difference(name, f"domains/{name}/vpasswd.cdb", "stale", text))
    return found


def _read(domain: Domain) -> dict[bytes, bytes]:
    """The files of one domain. Raises ValidationError."""
    files = dict(install.read_domains([(domain.name, domain.directory)]))[domain.name]
    if isinstance(files, str):
        raise ValidationError(f"The directory of {domain.name} cannot be read: {files}", code="refused")
    return files


def _compare(scope: str, wanted: Mapping[bytes, bytes], installed: Mapping[bytes, bytes], prefix: bytes) -> Iterator[Difference]:
    for path in sorted({*wanted, *installed}):
        row, file = wanted.get(path), installed.get(path)
        if row != file:
            kind = "changed" if row is not None and file is not None else "added" if row is None else "removed"
            shown = (prefix + path).decode("utf-8", "replace")
            yield Difference(scope, shown, kind, _diff(path, row or b"", file or b""))


def _diff(path: bytes, row: bytes, file: bytes) -> str:
    """Unified, from the row to the file."""
    before, after = _lines(path, row), _lines(path, file)
    lines = list(difflib.unified_diff(before, after, "database", "installed", lineterm="", n=2))
    if len(lines) > _DIFF_MAX:
        lines = [*lines[:_DIFF_MAX], f"... and {len(lines) - _DIFF_MAX} lines more"]
    return "\n".join(lines) or ("only a password is another" if before else "")


def _lines(path: bytes, data: bytes) -> list[str]:
    rows_ = masks.masked(path.decode("utf-8", "replace"), data).split(b"\n")
    if rows_[-1] == b"":
        rows_.pop()
    elif data:
        rows_[-1] += b" (no newline at the end)"
    return [row.decode("utf-8", "backslashreplace") for row in rows_]


@transaction.atomic
def adopt(who: Actor, scope: str) -> list[Difference]:
    """Rows follow the files. -> what was different. Raises ValidationError, Temporary."""
    if scope == CONTROL:
        found = find_control()
        _adopt_control(who)
    else:
        domain = Domain.objects.select_for_update().get(name=scope, kind=Domain.Kind.VIRTUAL)
        found = find_domains([domain])
        _adopt_domain(domain)
    record(who, "drift_adopt", "files", scope, None, {"paths": [f"{d.path} {d.kind}" for d in found]})
    _compile(who, scope)
    return found


def _compile(who: Actor, scope: str) -> None:
    """Once more the compiled files that are stale. Their texts are what the rows have."""
    if scope == CONTROL:
        steps = _again(find_control(), _texts())
        if steps:
            install.control(who.name, "drift_adopt", [*steps])
        return
    domain = Domain.objects.get(name=scope)
    if any(d.kind == "stale" for d in find_domains([domain])):
        install.domain(who.name, domain.name, domain.directory, [_vpasswd_again(domain)])


def _texts() -> dict[bytes, bytes]:
    return {path.encode(): data for path, data in rows.load_files().items()}


def _vpasswd_again(domain: Domain) -> Put:
    """The same vpasswd, which has its cdb made."""
    data = plan.domain_files(rows.load_domain(domain))[b"vpasswd"]
    return Put(b"vpasswd", data, digest(data))


def _adopt_control(who: Actor) -> None:
    files = {path.decode(): data for path, data in install.read_control().texts.items()}
    try:
        import_.read({path.encode(): data for path, data in files.items() if path != "users/assign"})
        places = import_.places(files.get("users/assign", b".\n"))
    except BadTree as error:
        raise ValidationError(list(map(str, error.problems)), code="bad_tree") from error
    except ValueError as error:
        raise ValidationError(str(error), code="bad_tree") from error
    known = set(Domain.objects.values_list("name", flat=True))
    rows.save_files(files, who.name)
    rows.save_places(places)
    for domain in Domain.objects.filter(name__in=[d.name for d in places if d.name not in known], kind=Domain.Kind.VIRTUAL):
        _adopt_domain(domain)


def _adopt_domain(domain: Domain) -> None:
    place = rows.load_place(domain)
    whole, problems = import_.read_domain(place, _read(domain))
    if problems:
        raise ValidationError(list(map(str, problems)), code="bad_tree")
    rows.save_domain(whole)


@transaction.atomic
def overwrite(who: Actor, scope: str) -> list[Difference]:
    """Files follow the rows. -> what was different. Raises ValidationError, Temporary."""
    if scope == CONTROL:
        found = find_control()
        record(who, "drift_overwrite", "files", scope, {"paths": [f"{d.path} {d.kind}" for d in found]}, None)
        wanted = _texts()
        install.control(who.name, "drift_overwrite", [*plan.steps(install.read_control().texts, wanted), *_again(found, wanted)])
        return found
    domain = Domain.objects.select_for_update().get(name=scope, kind=Domain.Kind.VIRTUAL)
    found = find_domains([domain])
    record(who, "drift_overwrite", "files", scope, {"paths": [f"{d.path} {d.kind}" for d in found]}, None)
    files = plan.domain_files(rows.load_domain(domain))
    steps = plan.steps(_read(domain), files)
    if not any(step.path == b"vpasswd" for step in steps):
        steps.append(_vpasswd_again(domain))
    install.domain(who.name, domain.name, domain.directory, [*steps])
    return found


def _again(found: list[Difference], wanted: Mapping[bytes, bytes]) -> list[Put]:
    """Texts whose compiled file is stale are installed once more as they are."""
    stale = {d.path.encode() for d in found if d.kind == "stale"}
    changed = {d.path.encode() for d in found if d.kind != "stale"}
    return [Put(p, data, digest(data)) for p, data in wanted.items() if p not in changed and install_call.compiled_path(p) in stale]
