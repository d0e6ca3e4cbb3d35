"""The pages of isoqlog: plain HTML that needs nothing else, for any web server, or for none.

Tree     index.html; for each domain, and for all together in general/: index.html (years), YYYY/index.html (months), YYYY/MM/index.html
         (days), YYYY/MM/DD.html: who sent and received most
Safety   what stands in a log was written by strangers: it is text, never markup
Written  by isoqlog.   Read by browsers.
Source   isoqlog: Html.c, htmltemp/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mta.formats.isoqlog_figures import GENERAL, Count, Numbered, Rows, total

MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_STYLE = (
    b":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    b"table{border-collapse:collapse;margin:1rem 0 2rem}caption{text-align:left;font-weight:600}th,td{padding:.2rem .8rem;text-align:right;"
    b"border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent)}th:first-child,td:first-child{text-align:left;"
    b"overflow-wrap:anywhere}tfoot td{font-weight:600;border:0}"
)
_UNSAFE = {ord("&"): b"&amp;", ord("<"): b"&lt;", ord(">"): b"&gt;", ord('"'): b"&quot;", ord("'"): b"&#39;"}
_COLUMNS = (b"Sent", b"Received", b"Total", b"Size")
_PREFIXES = (b"B", b"KB", b"MB", b"GB", b"TB")


def escape(text: bytes) -> bytes:
    """As text of a page; bytes that are not printable become "?"."""
    return b"".join(_UNSAFE.get(byte, b"%c" % byte if 32 <= byte <= 126 else b"?") for byte in text)


def index(pages: Sequence[bytes], hostname: bytes, created: bytes) -> bytes:
    """pages: GENERAL, and domains."""
    rows = b"".join(b'<li><a href="%b/">%b</a></li>\n' % (page, _name(page)) for page in pages)
    return _page(b"Mail of " + hostname if hostname else b"Mail", b"<ul>\n%b</ul>\n" % rows, created, None)


def years(page: bytes, figures: Numbered, created: bytes) -> bytes:
    return _numbered(page, b"Years", b"Year", figures, created, lambda n: (b"%04d/" % n, b"%d" % n))


def months(page: bytes, year: int, figures: Numbered, created: bytes) -> bytes:
    return _numbered(page, b"%d" % year, b"Month", figures, created, lambda n: (b"%02d/" % n, MONTHS[n - 1]))


def days(page: bytes, year: int, month: int, figures: Numbered, created: bytes) -> bytes:
    title = b"%b %d" % (MONTHS[month - 1], year)
    return _numbered(page, title, b"Day", figures, created, lambda n: (b"%02d.html" % n, b"%d" % n))


def day(page: bytes, date: tuple[int, int, int], rows: Rows, lengths: Sequence[int], created: bytes) -> bytes:
    """lengths: of the lists of senders, receivers, sizes, totals."""
    year, month, number = date
    title = b"%b: %d %b %d" % (_name(page), number, MONTHS[month - 1], year)
    orders: tuple[tuple[bytes, Callable[[Count], int]], ...] = (
        (b"Sender", lambda c: c.sent),
        (b"Receiver", lambda c: c.received),
        (b"Size", lambda c: c.size),
        (b"Total", lambda c: c.total),
    )
    tables = [_top(what, order, rows, length) for (what, order), length in zip(orders, lengths, strict=True)]
    link = b'<p><a href="%02d.csv">All of it, for a spreadsheet</a></p>\n' % number
    return _page(title, b"".join(tables) + link, created, b"./")


def _top(what: bytes, order: Callable[[Count], int], rows: Rows, length: int) -> bytes:
    found = sorted(((who, c) for who, c in rows.items() if order(c)), key=lambda item: (-order(item[1]), item[0]))
    body = b"".join(_row(escape(who), c) for who, c in found[:length])
    return _table(b"Top %d %b" % (length, what), b"Who", body, b"")


def _numbered(
    page: bytes, title: bytes, unit: bytes, figures: Numbered, created: bytes, link: Callable[[int], tuple[bytes, bytes]]
) -> bytes:
    body = b"".join(_row(b'<a href="%b">%b</a>' % link(number), count) for number, count in sorted(figures.items()))
    sum_ = total(figures)
    many = max(len(figures), 1)
    average = Count(sum_.sent // many, sum_.received // many, sum_.size // many)
    return _page(
        b"%b: %b" % (_name(page), title), _table(b"", unit, body, _row(b"Total", sum_) + _row(b"Average", average)), created, b"../"
    )


def _table(caption: bytes, first: bytes, body: bytes, foot: bytes) -> bytes:
    head = b"".join(b"<th>%b</th>" % column for column in (first, *_COLUMNS))
    above = b"<caption>%b</caption>\n" % caption if caption else b""
    below = b"<tfoot>\n%b</tfoot>\n" % foot if foot else b""
    return b"<table>\n%b<thead><tr>%b</tr></thead>\n<tbody>\n%b</tbody>\n%b</table>\n" % (above, head, body, below)


def _row(first: bytes, count: Count) -> bytes:
    cells: Iterable[bytes] = (first, b"%d" % count.sent, b"%d" % count.received, b"%d" % count.total, size(count.size))
    return b"<tr>%b</tr>\n" % b"".join(b"<td>%b</td>" % cell for cell in cells)


def size(octets: int) -> bytes:
    """For people: b"1.5 MB"."""
    value, step = float(octets), 0
    while value >= 1024 and step < len(_PREFIXES) - 1:
        value, step = value / 1024, step + 1
    return b"%d B" % octets if not step else b"%.1f %b" % (value, _PREFIXES[step])


def _name(page: bytes) -> bytes:
    return b"General" if page == GENERAL else page


def _page(title: bytes, body: bytes, created: bytes, up: bytes | None) -> bytes:
    link = b'<p><a href="%b">up</a></p>\n' % up if up is not None else b""
    safe = escape(title)
    return (
        b'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        b"<title>%b</title>\n<style>%b</style>\n</head>\n<body>\n%b<h1>%b</h1>\n%b<p>Created %b</p>\n</body>\n</html>\n"
        % (safe, _STYLE, link, safe, body, escape(created))
    )  # fmt: skip
