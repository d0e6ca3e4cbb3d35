"""Take a whole instance into rows: at the first start, and when the database is made again from the files."""

from __future__ import annotations

from django.db import transaction

from webadmin.access import Actor
from webadmin.audit.record import record
from webadmin.mirror import import_, install, rows
from webadmin.mirror.records import BadTree, Problem, Records
from webadmin.models import ConfigFile


def read_tree() -> dict[bytes, bytes]:
    """Every file of the mirror, from the installer. Raises BadTree for a domain that cannot be read, Temporary."""
    tree = install.read_control().texts
    try:
        places = import_.places(tree.get(b"users/assign", b".\n"))
    except ValueError:  # read() names the line
        return tree
    problems = []
    for name, files in install.read_domains([(d.name, d.directory) for d in places if d.real is None]):
        if isinstance(files, str):
            problems.append(Problem(f"domains/{name}", 0, files))
        else:
            tree |= {b"domains/%b/%b" % (name.encode(), path): data for path, data in files.items()}
    if problems:
        raise BadTree(problems)
    return tree


@transaction.atomic
def import_instance(who: Actor) -> Records:
    """All or nothing. Raises BadTree, Temporary."""
    records = import_.read(read_tree())
    rows.save_all(records, who.name)
    install.generations()
    facts = {"files": len(records.files), "domains": len(records.domains), "mailboxes": sum(len(d.mailboxes) for d in records.domains)}
    record(who, "import_tree", "instance", "files", None, facts)
    return records


def is_empty() -> bool:
    """Nothing was taken in yet."""
    return not ConfigFile.objects.exists()
