"""qstat: count the messages in the queue, with bin/qmail-qstat of the instance (or whatever stands in its place)."""

from __future__ import annotations

from webadmin.management.program import ProgramCommand


class Command(ProgramCommand):
    help = "Count the messages in the queue."
    program = "qmail-qstat"
