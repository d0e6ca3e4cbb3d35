"""Octets of log lines -> what text columns take: no NUL, not too long, addresses and domains in small letters."""

from __future__ import annotations

from functools import lru_cache

from webadmin.models.logs import ADDRESS_MAX, DOMAIN_MAX, TEXT_MAX

NO_DOMAIN = "-"  # of the null sender, and of names without "@"


def text(data: bytes, most: int = TEXT_MAX) -> str:
    return data[:most].decode("utf-8", "replace").replace("\0", "?")


@lru_cache(maxsize=1 << 16)
def address(data: bytes) -> tuple[str, str]:
    """-> address, its domain."""
    whole = text(data, ADDRESS_MAX).lower()
    return whole, domain_of(whole)


@lru_cache(maxsize=1 << 16)
def recipient(channel: bytes, data: bytes) -> tuple[str, str]:
    """A local recipient as the world knows it: virtualdomains puts the domain and "-" before the mailboxes of a virtual domain."""
    whole, domain = address(data)
    return (whole.removeprefix(domain + "-") if channel == b"local" else whole), domain


def domain_of(whole: str) -> str:
    return whole.rpartition("@")[2][:DOMAIN_MAX] if "@" in whole else NO_DOMAIN
