"""Which mailboxes may a login name mean? "user@domain", and for clients that cannot type an "@" "user%domain" and "user/domain"; a bare
name means a mailbox of a default domain.

Source   vpopmail parse_email, vchkpw
"""

from __future__ import annotations

from mta.formats import control, vpasswd

SEPARATORS = (b"@", b"%", b"/")
DOMAIN_MAX = 96
_DOMAIN_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-.")


def candidates(name: bytes, default_domains: list[bytes]) -> list[tuple[bytes, bytes]]:
    """-> (user, domain), in the order in which they are to be looked for; the first domain that exists decides."""
    name = control.lower(name)
    for separator in SEPARATORS:
        user, found, domain = name.partition(separator)
        if found:
            domains = [domain]
            break
    else:
        user, domains = name, [control.lower(domain) for domain in default_domains]
    if not vpasswd.valid_name(user):
        return []
    return [(user, domain) for domain in domains if _is_domain(domain)]


def is_bare(name: bytes) -> bool:
    """Does it need a default domain?"""
    return not any(separator in name for separator in SEPARATORS)


def _is_domain(domain: bytes) -> bool:
    """May it be a key of users/cdb? A dot is wanted, so that no system user's wildcard is taken for a domain."""
    return b"." in domain and len(domain) <= DOMAIN_MAX and _DOMAIN_BYTES.issuperset(domain) and not domain.startswith((b".", b"-"))


def same(name: bytes) -> bytes:
    """One form for all the ways of writing a name: failures are counted under it."""
    name = control.lower(name)
    for separator in SEPARATORS[1:]:
        name = name.replace(separator, SEPARATORS[0])
    return name
