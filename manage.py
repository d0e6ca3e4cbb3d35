#!/usr/bin/env python3
"""Django's door. Finds .venv by itself, so that ./manage.py works from a plain shell.

Run as root it becomes the user of its half of the web before anything else is loaded, so that no file of the database ever becomes root's.
Only the commands of KEEPS_ROOT stay root: they read the queue and never the database.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEEPS_ROOT = frozenset(("qread", "qstat", "showctl"))


def main() -> None:
    python = HERE / ".venv" / "bin" / "python"
    if not python.exists():
        sys.exit("manage.py: no .venv here yet: run `make venv` first")
    if Path(sys.prefix).resolve() != (HERE / ".venv").resolve():
        os.execv(python, [str(python), str(HERE / "manage.py"), *sys.argv[1:]])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    sys.path.insert(0, str(HERE))
    if os.geteuid() == 0 and sys.argv[1:2] not in [[name] for name in KEEPS_ROOT]:
        give_up_root(os.fsencode(Path(os.environ.get("QMAIL_HOME") or HERE / "var" / "qmail").absolute()))
    from django.core.management import execute_from_command_line

    if sys.argv[1:] in ([], ["help"], ["--help"], ["-h"]):
        print(listing())
        return
    execute_from_command_line(sys.argv)


def listing() -> str:
    """The appliance's own commands, by the first lines of their modules. Django's are still there, for those who know them."""
    import ast

    files = sorted((HERE / "webadmin/management/commands").glob("[a-z]*.py"))
    heads = ((ast.get_docstring(ast.parse(file.read_text())) or file.stem).split("\n\n")[0].replace("\n", " ") for file in files)
    rows = [f"  {head.partition('. ')[0].rstrip('.')}" for head in heads]
    return "\n".join([*rows, "", "manage.py NAME --help tells more of one. Django's own: manage.py help --commands"])


def give_up_root(home: bytes) -> None:
    """Where there is no instance yet there is nobody to become, and the settings say what to do."""
    from mta.errors import Temporary
    from mta.unix import accounts

    try:
        who = accounts.load(home)[accounts.VPOPMAIL if os.environ.get("APPLIANCE_ROLE") == "webmail" else accounts.TAWNY]
        if who.uid != 0:  # the instance of a single user may be root's own
            os.environ.setdefault("USER", "root")  # who it is in the audit log
            accounts.drop(who.uid, who.gid, accounts.groups_of(who))
    except Temporary as error:
        if os.path.isdir(home):
            sys.exit(f"manage.py: {error.text}")


if __name__ == "__main__":
    main()
