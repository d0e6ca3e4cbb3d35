#!/usr/bin/env python3
"""Django's door. Finds .venv by itself, so that ./manage.py works from a plain shell."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    python = HERE / ".venv" / "bin" / "python"
    if not python.exists():
        sys.exit("manage.py: no .venv here yet: run `make venv` first")
    if Path(sys.prefix).resolve() != (HERE / ".venv").resolve():
        os.execv(python, [str(python), str(HERE / "manage.py"), *sys.argv[1:]])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    sys.path.insert(0, str(HERE))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
