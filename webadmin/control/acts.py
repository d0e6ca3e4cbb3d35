"""Acts on control files: each validates, changes rows, writes one audit row, installs files (mirror/write tells the order and why).

All raise ValidationError (what the person can mend) and mta.errors.Temporary (the installer is away).
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from mta.formats import control
from webadmin.access import Actor
from webadmin.audit.record import record, shown
from webadmin.control import validate
from webadmin.mirror import import_, install, masks, rows, write
from webadmin.mirror.records import DomainRecord
from webadmin.models import Domain, Generation

_STAYS = {
    "control/rcpthosts": "Without control/rcpthosts this machine would be an open relay. An empty file refuses all mail from outside.",
    "control/me": "Without control/me nothing starts: it is this machine's name.",
    "users/assign": "users/assign holds the virtual domains. Remove those under Domains; the file itself stays.",
}


@transaction.atomic
def control_set(who: Actor, path: str, value: bytes) -> Generation:
    """path: "control/me", "users/assign". The value is taken as it is; a last line without its newline gets one."""
    value = checked(path, value)
    before = write.files(path)[path]
    record(who, "control_set", "file", path, {"value": _words(path, before)}, {"value": _words(path, value)})
    return write.control(who, f"control_set {path}", {path: value})


def _words(path: str, value: bytes | None) -> str | None:
    """For the audit log."""
    return shown(None if value is None else masks.masked(path, value))


def checked(path: str, value: bytes) -> bytes:
    """-> the value as it would be installed. Raises ValidationError."""
    if value and not value.endswith(b"\n"):
        value += b"\n"
    validate.check(path, value)
    _check_beside(path, value)
    return value


def _check_beside(path: str, value: bytes) -> None:
    """What other files and the domains say of this one. Raises ValidationError."""
    if path == "users/assign":
        _check_domains(value)
    if path in ("control/locals", "control/virtualdomains"):
        files = {**write.files("control/locals", "control/virtualdomains", is_locked=False), path: value}
        local = control.set_(control.lines(files["control/locals"] or b""))
        both = sorted(local & control.map_(control.lines(files["control/virtualdomains"] or b"")).keys())
        if both:
            names = ", ".join(name.decode("utf-8", "replace") for name in both)
            raise ValidationError(
                f"Both in locals and in virtualdomains: {names}. Local wins, so the other line would do nothing.", code="control"
            )


def _check_domains(assign: bytes) -> None:
    """Domains come and go with their directories, so not by an edit of this file."""
    wanted = {(d.name, d.real, d.uid, d.gid, d.directory) for d in import_.places(assign)}
    fields = ("name", "real__name", "uid", "gid", "directory")
    changed = wanted ^ set(Domain.objects.values_list(*fields))
    if changed:
        names = ", ".join(sorted({str(name) for name, *_ in changed}))
        raise ValidationError(
            f"The lines of virtual domains must stay as they are ({names}). Add and remove domains under Domains.", code="control"
        )


@transaction.atomic
def control_remove(who: Actor, path: str) -> Generation:
    """The default holds again."""
    check_remove(path)
    before = write.files(path)[path]
    if before is None:
        raise ValidationError(f"There is no {path}.", code="control")
    record(who, "control_remove", "file", path, {"value": _words(path, before)}, None)
    return write.control(who, f"control_remove {path}", {path: None})


def check_remove(path: str) -> None:
    """Raises ValidationError for a file that no instance can be without."""
    if path in _STAYS:
        raise ValidationError(_STAYS[path], code="control")


@transaction.atomic
def rollback(who: Actor, number: int) -> Generation:
    """control/ and users/ as they were in generation number, as a new generation. Keys of certificates stay those of today.
    Domains added since lose their lines, and keep their directories; a domain removed since must be restored first."""
    in_force, _ = install.generations()
    texts = {path.decode(): data for path, data in install.read_control(number).texts.items()}
    places = import_.places(texts.get("users/assign", b".\n"))
    fresh = _come_back(places)
    gone = sorted(Domain.objects.exclude(name__in=[d.name for d in places]).values_list("name", flat=True))
    rows.save_files(texts, who.name)
    rows.save_places(places)
    for domain in fresh:
        rows.save_domain(domain)
    after = {"domains back": [d.name for d in fresh], "domains without lines": gone}
    record(who, "rollback", "generation", str(number), {"in force": in_force}, after)
    return install.rollback(who.name, f"rollback to generation {number}", number)


def _come_back(places: list[DomainRecord]) -> list[DomainRecord]:
    """Domains of the older generation that are not here now, with their files. Raises ValidationError."""
    known = set(Domain.objects.values_list("name", flat=True))
    missing = {d.name: d for d in places if d.name not in known}
    found = [d for d in missing.values() if d.real is not None]
    real_ones = [(d.name, d.directory) for d in missing.values() if d.real is None]
    for name, files in install.read_domains(real_ones):
        if isinstance(files, str):
            raise ValidationError(f"{name} was removed since then ({files}). Restore it first, then go back.", code="removed")
        whole, problems = import_.read_domain(missing[name], files)
        if problems:
            raise ValidationError(list(map(str, problems)), code="removed")
        found.append(whole)
    return found
