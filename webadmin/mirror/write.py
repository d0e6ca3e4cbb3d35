"""Rows, then files, then commit: what acts call inside their transaction, as the last thing they do.

Rows are changed first and are not visible to anybody yet; the files follow; when the installer refuses, its exception undoes the rows, and
nothing has changed. When the commit itself fails, the files are already in force: mail works by files, so they stay, and drift shows the
difference, to be adopted or overwritten. The same holds for a crash between the two. (Putting the files back was the other choice. It can
fail as well, and it would undo a change that mail is already handled by.)
A file that was edited by hand since its row was written is never overwritten here: the installer compares, and refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mta.formats.install_call import Step
from webadmin.access import Actor
from webadmin.mirror import install, plan, rows
from webadmin.models import ConfigFile, Domain, Generation


def files(*paths: str, is_locked: bool = True) -> dict[str, bytes | None]:
    """The control files as rows have them; is_locked: until the end of the transaction."""
    found: dict[str, bytes | None] = dict.fromkeys(paths)
    if is_locked:  # and read afterwards: a file that another act has made meanwhile is not in the statement that waited for it
        list(ConfigFile.objects.select_for_update().values_list("pk"))
    for row in ConfigFile.objects.all():
        if row.path in found:
            found[row.path] = row.value
    return found


def control(who: Actor, why: str, changes: Mapping[str, bytes | None]) -> Generation:
    """None: without this file. Raises ValidationError, Temporary."""
    before = files(*changes)
    for path, value in changes.items():
        folder, _, name = path.partition("/")
        if value is None:
            ConfigFile.objects.filter(folder=folder, name=name).delete()
        elif value != before[path]:
            ConfigFile.objects.update_or_create(folder=folder, name=name, defaults={"value": value, "changed_by": who.name})
    return install.control(who.name, why, plan.steps(_tree(before), _tree(changes)))


def _tree(files: Mapping[str, bytes | None]) -> dict[bytes, bytes]:
    return {path.encode(): value for path, value in files.items() if value is not None}


class DomainEdit:
    """The files of one domain before and after its rows are changed; of its mailboxes those of one at most. Make it before, install()
    after. mailbox: its name. It costs the same however many there are: of vpasswd only its line is compared and sent."""

    def __init__(self, domain: Domain, mailbox: str = "") -> None:
        self.domain = Domain.objects.select_for_update().get(pk=domain.pk)
        self._mailbox = mailbox
        self._before, self._line_before = self._now()

    def _now(self) -> tuple[dict[bytes, bytes], bytes]:
        """-> (the files without vpasswd, the line of the mailbox)."""
        files = plan.domain_files(rows.load_domain(self.domain, self._mailbox))
        line = files.pop(b"vpasswd", b"")
        return files, line

    def install(self, who: Actor, first: Sequence[Step] = (), last: Sequence[Step] = (), but: Sequence[bytes] = ()) -> list[str]:
        """first, then what changed, then last. but: paths that go with what last moves away. -> new names of what was retired.
        Raises ValidationError, Temporary."""
        after, line = self._now()
        steps: list[Step] = [step for step in plan.steps(self._before, after) if step.path not in but]
        steps += plan.line_steps(self._line_before, line, self._mailbox.encode())
        if not steps and not first and not last:
            return []
        return install.domain(who.name, self.domain.name, self.domain.directory, [*first, *steps, *last])
