"""Names of mailboxes and aliases, addresses, quotas: what a person types -> as it stands in the files. All raise ValidationError.

Source   ecosystem 6.3 (octets of a name), 6.6 (quotas)
"""

from __future__ import annotations

from django.core.exceptions import ValidationError

from mta.formats import address as address_format
from mta.formats import maildirsize, vpasswd
from webadmin.domains.names import domain_name

_RESERVED = ("vpasswd", "default")  # would stand where the domain's own files stand


def local_name(text: str) -> str:
    """What stands before the "@" of a mailbox or alias: stored in lower case."""
    name = text.strip().lower()
    if not name:
        raise ValidationError('Give a name: what stands before the "@".', code="local_name")
    if len(name) > vpasswd.NAME_MAX:
        raise ValidationError(f"A name may have {vpasswd.NAME_MAX} characters at most.", code="local_too_long")
    if not name.isascii() or not vpasswd.valid_name(name.encode()):
        sentence = "This cannot be a name here. Use letters, digits, dots, hyphens and underscores, and begin with a letter or a digit."
        raise ValidationError(sentence, code="local_name")
    if name.startswith(_RESERVED[0]) or name == _RESERVED[1]:
        raise ValidationError(f"“{name}” is the name of a file that every domain has. Choose another.", code="local_name")
    return name


def split_address(text: str) -> tuple[str, str]:
    """-> (name, domain) of one of our own mailboxes or aliases."""
    name, at, domain = text.strip().rpartition("@")
    if not at:
        raise ValidationError("Give the whole address, as in joe@example.org.", code="address")
    return local_name(name), domain_name(domain)


def target(text: str) -> str:
    """An address mail is forwarded to; anybody's."""
    typed = text.strip()
    box, at, domain = typed.rpartition("@")
    if not at or not box:
        raise ValidationError(f"“{typed}” is not a whole address. Write it as in joe@example.org.", code="target")
    address = f"{box}@{domain_name(domain)}"
    is_plain = all(c.isprintable() and c != " " for c in box) and box[0] not in "&|./#+"
    try:
        address_format.check(address.encode())
    except ValueError:
        is_plain = False
    if not is_plain:
        raise ValidationError(
            f"“{typed}” cannot be forwarded to: spaces and control characters do not belong in an address.", code="target"
        )
    return address


def quota(text: str) -> str:
    """ "10M", "5MS,100C", "500m,1000c", "NOQUOTA", "" -> the canonical form."""
    typed = text.strip()
    if typed.upper() in ("", "NOQUOTA"):
        return "NOQUOTA"
    try:
        found = maildirsize.read_quota(typed.upper().encode())
    except ValueError:
        found = maildirsize.Quota()
    if found == maildirsize.Quota():
        raise ValidationError("This is not a quota. Write 500M, 2G, 500M,10000C (octets, messages), or NOQUOTA.", code="quota")
    canonical = maildirsize.write_quota(found).decode()
    if len(canonical) > vpasswd.QUOTA_MAX:
        raise ValidationError("This quota is too large to be written down. Use NOQUOTA for no limit.", code="quota_too_long")
    return canonical


def gecos(text: str) -> str:
    """The person's name. It stands in a line whose fields end in a colon."""
    name = text.strip()
    if ":" in name or not all(c.isprintable() for c in name):
        raise ValidationError("A person's name cannot hold a colon or control characters.", code="gecos")
    if len(name.encode()) > vpasswd.GECOS_MAX:
        raise ValidationError(f"A person's name may have {vpasswd.GECOS_MAX} octets at most.", code="gecos_too_long")
    return name
