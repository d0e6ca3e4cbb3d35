"""Where a request comes from.

Our peer is web-front, or nginx in its place, on a Unix socket, which has no address: then the last word of X-Forwarded-For is the one our
peer wrote, and those before it are what the browser claimed. A peer that has an address speaks for itself, and the field is not believed.
"""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest


def address(request: HttpRequest) -> str:
    """The browser's IP address; "" when nobody can tell."""
    peer: str = request.META.get("REMOTE_ADDR", "")
    if peer:
        return peer
    last = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return ""
