"""Take away, or only list, the old mail of the domains that have a policy for it. vmaild looks and deletes; it alone may see mailboxes.

Writes   for each domain something was deleted of: one audit row, how much of each mailbox
Result   JSON for the page of the run: is_dry; troubles; domains, each with name, messages, size_bytes, by_mailbox, by_reason, troubles, and
         sample: [mailbox, folder, file, reason, octets] of the first messages
Bugs     when this process is killed while vmaild deletes, what it has deleted of that one domain stands in no audit row
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from mta.errors import MailError, Temporary
from webadmin.access import Actor
from webadmin.audit.record import record
from webadmin.mirror import servers
from webadmin.models import Domain
from webadmin.runs import Run

ANSWER_S = 1800.0  # reading a hundred thousand mailboxes takes its time
SAMPLE_MAX = 2000  # messages named in a result
MAILBOXES_MAX = 2000  # ... and mailboxes of a domain, those with the most messages
OTHERS = "(others)"


@dataclass(slots=True)
class Cleanup:
    is_dry: bool
    domains: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def messages(self) -> int:
        return sum(domain["messages"] for domain in self.domains)

    @property
    def size_bytes(self) -> int:
        return sum(domain["size_bytes"] for domain in self.domains)

    def __str__(self) -> str:
        verb = "would be deleted" if self.is_dry else "deleted"
        messages, octets, domains = (
            f"{count} {noun}" if count == 1 else f"{count} {noun}s"
            for count, noun in ((self.messages, "message"), (self.size_bytes, "octet"), (len(self.domains), "domain"))
        )
        text = f"{messages} ({octets}) of {domains} {verb}"
        return "; ".join((text, *self.troubles))

    def details(self) -> dict[str, Any]:
        return {"is_dry": self.is_dry, "domains": self.domains, "troubles": self.troubles}


def cleanup(who: Actor, *, is_dry: bool, domain: str = "", run: Run | None = None) -> Cleanup:
    """domain "": all that have a policy. A domain that cannot be looked into does not keep the others from it.
    Raises ValidationError: this domain has no policy; Temporary: none of them could be looked into."""
    found, names = Cleanup(is_dry), _names(domain)
    if run is not None and not names:
        run.summary = "no domain has a policy for old mail"
    for number, name in enumerate(names):
        try:
            _sweep(who, name, found)
        except MailError as error:
            found.troubles.append(f"{name}: {error.text}")
        if run is not None:
            run.summary, run.details = str(found), found.details()
            run.progress(number + 1, len(names))
    if names and not found.domains:
        raise Temporary(str(found))
    return found


def _names(domain: str) -> list[str]:
    policies = Domain.objects.filter(kind=Domain.Kind.VIRTUAL, stale_mail__isnull=False)
    if not domain:
        return list(policies.values_list("name", flat=True))
    name = domain.strip().lower()
    if not policies.filter(name=name).exists():
        raise ValidationError(f"{name} has no policy for old mail.", code="no_policy")
    return [name]


def _sweep(who: Actor, name: str, found: Cleanup) -> None:
    """Raises MailError."""
    report = servers.vmaild(b"stale", name.encode(), b"dry" if found.is_dry else b"delete", timeout_s=ANSWER_S)
    room = max(0, SAMPLE_MAX - sum(len(domain["sample"]) for domain in found.domains))
    mailboxes = _most(report["by_mailbox"])
    found.domains.append({"name": name, **report, "by_mailbox": mailboxes, "sample": report["sample"][:room]})
    found.troubles += [f"{name}: {trouble}" for trouble in report["troubles"]]
    if not found.is_dry and report["messages"]:
        facts = {key: report[key] for key in ("messages", "size_bytes", "by_reason")}
        record(who, "old_mail_remove", "domain", name, {**facts, "by_mailbox": mailboxes}, None)


def _most(by_mailbox: dict[str, int]) -> dict[str, int]:
    """The others together."""
    ordered = sorted(by_mailbox.items(), key=lambda pair: (-pair[1], pair[0]))
    rest = sum(number for _, number in ordered[MAILBOXES_MAX:])
    return dict(ordered[:MAILBOXES_MAX]) | ({OTHERS: rest} if rest else {})
