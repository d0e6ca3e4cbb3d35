"""Every message of the corpora through the screens: no exception, nothing lost, and no page that takes long."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from django.test import Client

from tests.conftest import CORPORA
from tests.webadmin.webmail.conftest import Box

TOPS = ("mime", "spam", "bounce", "hostile/mime-bombs")
FILES = {top: sorted(p for p in (CORPORA / top).rglob("*") if p.is_file()) for top in TOPS}
PORTIONS = [(top, files[at : at + 80]) for top, files in FILES.items() for at in range(0, len(files), 80)]
HANG_S = 20  # far above what any page takes; what grows with the square of its input takes longer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PORTIONS, reason="the corpora of real and hostile messages are not beside this checkout"),
]


def ids(portion: tuple[str, list[Path]]) -> str:
    return f"{portion[0].replace('/', '-')}-{portion[1][0].stem}"


@pytest.mark.parametrize("portion", PORTIONS, ids=ids)
def test_every_message_is_listed_read_and_answered(cy: Client, box: Box, portion: tuple[str, list[Path]]) -> None:
    for path in portion[1]:
        data = path.read_bytes()
        key = box.put(data, flags="S")
        pages = [
            f"/mail/f/INBOX/{key}/",
            f"/mail/f/INBOX/{key}/?view=text&headers=all",
            f"/mail/f/INBOX/{key}/source",
            f"/mail/compose?mode=all&folder=INBOX&key={key}",
            f"/mail/compose?mode=forward&folder=INBOX&key={key}",
        ]
        texts = [get(cy, url, path) for url in pages]
        for link in sorted(set(re.findall(rf'(?:href|src)="(/mail/f/INBOX/{key}/[^"]+)"', texts[0])))[:12]:
            get(cy, link.replace("&amp;", "&"), path)
        assert cy.get(f"/mail/f/INBOX/{key}/source?download=1").getvalue() == data, path
        for text in texts:
            assert not re.search(r"<script(?! src=\"/static/)", text), path
            assert "\0" not in text, path
    listing = cy.get("/mail/f/INBOX/?sort=subject&q=").text
    assert listing.count('class="mail-subject"') == min(50, len(portion[1]))


def get(cy: Client, url: str, path: Path) -> str:
    begun = time.monotonic()
    answer = cy.get(url)
    content = answer.getvalue()
    assert answer.status_code == 200, (path, url)
    assert time.monotonic() - begun < HANG_S, (path, url)
    return content.decode("utf-8", "replace")
