"""What a domain's owner should publish in the DNS, as lines of a zone file. Pure.

Source   RFC 5321 5 (MX), RFC 7208 (SPF), RFC 7489 (DMARC), RFC 6186 and 8314 (SRV: how mail programs find the servers)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """why: one sentence for the person who has to publish it."""

    line: str
    why: str


def records(domain: str, host: str) -> list[Record]:
    """host: this server's name (control/me). Without one nothing can be said."""
    if not host:
        return []
    return [
        Record(f"{domain}. 3600 IN MX 10 {host}.", "Other servers bring the domain's mail here. Without it nothing arrives."),
        Record(f'{domain}. 3600 IN TXT "v=spf1 mx ~all"', "Mail of the domain comes from this server: others trust it more."),
        Record(
            f'_dmarc.{domain}. 3600 IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"',
            "Others report to the postmaster what they get in the domain's name.",
        ),
        Record(f"_submissions._tcp.{domain}. 3600 IN SRV 0 1 465 {host}.", "Mail programs find the server they send by."),
        Record(f"_pop3s._tcp.{domain}. 3600 IN SRV 0 1 995 {host}.", "Mail programs find the server they fetch mail from."),
    ]
