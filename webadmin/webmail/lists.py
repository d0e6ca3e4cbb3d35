"""The words of a list's URL: which page, order, filter and search; read, checked, and written again into links.

Query    sort (date, from, subject, size), up=1 (ascending), show (unread, flagged), q, page
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from django.http import QueryDict

from webadmin.webmail.index import ORDERS, View

SEARCH_MAX = 200
PAGE_MAX = 100_000


def read(query: QueryDict) -> View:
    """What is not one of ours is the default."""
    order = query.get("sort", "date")
    show = query.get("show", "")
    search = "".join(c if c.isprintable() else " " for c in query.get("q", ""))[:SEARCH_MAX]
    return View(
        order=order if order in ORDERS else "date",
        is_ascending=query.get("up") == "1",
        filter=show if show in ("unread", "flagged") else "",
        search=" ".join(search.split()),
    )


def page_of(query: QueryDict) -> int:
    text = query.get("page", "1")
    return max(1, min(int(text), PAGE_MAX)) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def write(view: View, page: int = 1) -> str:
    """With its "?"; "" for the default."""
    words = {
        "sort": view.order if view.order != "date" else "",
        "up": "1" if view.is_ascending else "",
        "show": view.filter,
        "q": view.search,
        "page": str(page) if page > 1 else "",
    }
    query = urlencode({k: v for k, v in words.items() if v})
    return f"?{query}" if query else ""


def sorted_by(view: View, order: str) -> View:
    """The view a click on the head of a column leads to: the other way round if it is sorted by that, else as one expects it."""
    if view.order == order:
        return replace(view, is_ascending=not view.is_ascending)
    return replace(view, order=order, is_ascending=order in ("from", "subject"))
