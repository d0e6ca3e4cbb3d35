"""Commands that are a program of the instance."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webadmin.mirror.install import home


class ProgramCommand(BaseCommand):
    """Runs bin/PROGRAM and exits as it does."""

    program = ""
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        path = os.path.join(os.fsdecode(home()), "bin", self.program)
        try:
            code = subprocess.run([path], env={**os.environ, "QMAIL_HOME": os.fsdecode(home())}, check=False).returncode
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}. Run `make prepare` first.") from error
        sys.exit(code if code >= 0 else 111)
