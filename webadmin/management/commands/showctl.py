"""showctl: explain the control files, with bin/qmail-showctl of the instance (or whatever stands in its place)."""

from __future__ import annotations

from webadmin.management.program import ProgramCommand


class Command(ProgramCommand):
    help = "Explain the control files."
    program = "qmail-showctl"
