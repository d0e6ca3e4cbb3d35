"""The full name of a host, and the domains that go with it in a new control directory.

Name     labels parted by dots, none of them empty; letters, digits, "-" and "_"
Domains  defaultdomain is the name without its first label if it has three or more; plusdomain is its last two labels
Example  b"mail.example.org" -> b"example.org", b"example.org"
Limits   253 octets, 63 a label
Source   config-fast.sh; RFC 1035 2.3.1
"""

from __future__ import annotations

_LABEL_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_NAME_MAX, _LABEL_MAX = 253, 63


def is_name(text: bytes) -> bool:
    return len(text) <= _NAME_MAX and all(0 < len(p) <= _LABEL_MAX and _LABEL_BYTES.issuperset(p) for p in text.split(b"."))


def default_domain(name: bytes) -> bytes:
    labels = name.split(b".")
    return b".".join(labels[1:]) if len(labels) > 2 else name


def plus_domain(name: bytes) -> bytes:
    return b".".join(name.split(b".")[-2:])
