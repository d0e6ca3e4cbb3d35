"""qread: list the messages in the queue, with bin/qmail-qread of the instance (or whatever stands in its place)."""

from __future__ import annotations

from webadmin.management.program import ProgramCommand


class Command(ProgramCommand):
    help = "List the messages in the queue."
    program = "qmail-qread"
