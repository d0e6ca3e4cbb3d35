"""Rows: mirrors of the files of an instance, and what the files cannot tell (who changed what, and when)."""

from __future__ import annotations

from webadmin.models.accounts import Mailbox
from webadmin.models.aliases import Alias
from webadmin.models.audit import AuditRow
from webadmin.models.control import ConfigFile, Generation
from webadmin.models.domains import Domain
from webadmin.models.login import LoginFailure
from webadmin.models.logs import Accepted, Delivery, HourCount, Login, LogPosition, Message, Notice, Refused
from webadmin.models.tasks import TaskLock, TaskRun

__all__ = [
    "Accepted",
    "Alias",
    "AuditRow",
    "ConfigFile",
    "Delivery",
    "Domain",
    "Generation",
    "HourCount",
    "LogPosition",
    "Login",
    "LoginFailure",
    "Mailbox",
    "Message",
    "Notice",
    "Refused",
    "TaskLock",
    "TaskRun",
]
