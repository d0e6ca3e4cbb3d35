"""What every page of one domain shows around its own content: its name, its tabs and how many of each there are."""

from __future__ import annotations

from typing import Any

from webadmin.models import Domain


def frame(domain: Domain, **more: Any) -> dict[str, Any]:
    """Three queries for a domain with mailboxes, none for another name of one."""
    counts = {}
    if not domain.is_alias:
        counts = {"mailboxes": domain.mailboxes.count(), "aliases": domain.aliases.count(), "names": domain.aliases_of.count()}
    return {"domain": domain, "counts": counts, **more}
