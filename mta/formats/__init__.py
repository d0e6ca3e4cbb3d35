"""Bytes <-> records, pure: one module per on-disk or on-wire format, named as its file or man page.

Modules loaded by programs that others run per message (qmail-queue, qmail-inject, sendmail, forward) keep to builtins:
no dataclasses, typing, re or socket, which would cost more than the work (tests/test_import_budget.py watches).
"""
