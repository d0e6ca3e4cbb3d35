"""docs/examples/mail-to-news.md, run; and newsgate.py, with servers that answer in all the ways there are."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.recipes.conftest import World
from tests.recipes.nntp_sink import NntpSink
from tests.recipes.page import age, pattern_of
from tests.support.call import command
from tests.support.process import PATIENCE_S, free_port

GATE = ROOT / "docs/examples/newsgate.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("newsgate", GATE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


newsgate = load()


def test_mail_to_news(world: World) -> None:
    m = world.m
    m.start("queue-writer", "qmail-send")
    (world.folder / "local").mkdir()
    page = world.page("../examples/mail-to-news.md")

    def later(_: list[str]) -> None:
        age(m.home / "alias/newsdir", b"To: local.test@", b"To: No/Such/Group@", b"To: local.closed@")

    with NntpSink(groups={b"local.test"}) as news:
        page.places |= {
            "docs/examples/newsgate.py": str(GATE),
            "/usr/local/bin": f"{world.folder}/local",
            "127.0.0.1 119": f"127.0.0.1 {news.port}",
            " 345600 ": f" {10**9} ",  # what the hook above has made of their times is no reason to give up
        }

        def article(_: list[str]) -> None:
            wanted = page.text.rpartition("<!-- article -->\n\n```\n")[2].partition("```")[0]
            (posted,) = news.articles
            assert pattern_of(wanted).fullmatch(posted.decode().replace("\r\n", "\n")), posted

        page.run({"later": later, "article": article})


# -- one message ---------------------------------------------------------------------------------------------------------------------

HEAD = b"Return-Path: <joe@x.y>\nDelivered-To: alias-news-local.test@news\n"


def article(header: bytes, body: bytes = b"b\n", is_stale: bool = False) -> bytes:
    made: bytes = newsgate.article(HEAD + header + b"\n" + body, b"alias-news-", 0, is_stale)
    return made


@pytest.mark.parametrize(
    ("why", "header", "has", "has_not"),
    [
        ("the way it came", b"Received: by a\n\twith b\n", [], [b"Received", b"with b", b"Return-Path", b"Delivered-To"]),
        ("an order to servers", b"CONTROL: cancel <1@x>\nsupersedes: <1@x>\nApproved: me\n", [], [b"cancel", b"1@x", b"me"]),
        ("another group", b"Newsgroups: local.other\n", [b"Newsgroups: local.test"], [b"local.other"]),
        ("to whom", b"To: a@b,\n c@d\nCc: e@f\n", [b"X-To: a@b,\n c@d", b"X-Cc: e@f"], [b"\nTo:", b"\nCc:"]),
        ("no From", b"Subject: s\n", [b"From: nobody@localhost (", b"Subject: s"], [b"(none)"]),
        ("two of what may stand once", b"Subject: s\nSubject: t\n", [b"\nSubject: s\n", b"\nX-Subject: t"], [b"\nSubject: t"]),
        ("an empty field", b"Organization:\n", [], [b"Organization"]),
        ("what is no field", b"From joe\nno colon here\n: nor a name\n", [], [b"From joe", b"no colon", b"nor a"]),
        ("an answer", b"In-Reply-To: your mail <2@y> of today\n", [b"\nReferences: <2@y>\n"], []),
        ("no date", b"", [b"Date: Thu, 01 Jan 1970 00:00:00 -0000"], []),
    ],
)
def test_the_header_becomes_that_of_an_article(why: str, header: bytes, has: list[bytes], has_not: list[bytes]) -> None:
    head = article(header).partition(b"\n\n")[0] + b"\n"
    assert [text for text in has if text not in head] == [], why
    assert [text for text in has_not if text in head] == [], why


def test_an_old_date_gives_way_where_it_is_asked_to() -> None:
    date = b"Date: Thu, 01 Jan 1998 00:00:00 -0000"
    assert b"\n%b\n" % date in article(date + b"\n")
    made = article(date + b"\n", is_stale=True)
    assert b"\nX-%b\n" % date in made and len(re.findall(rb"(?m)^Date: ", made)) == 1


def test_the_same_mail_has_the_same_message_id_and_another_mail_another() -> None:
    names = [re.findall(rb"(?m)^Message-ID: (.*)$", article(b"", body)) for body in (b"b\n", b"b\n", b"c\n")]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("why", "body", "text"),
    [
        ("nothing", b"", b"(no text)\n"),
        ("blanks", b" \n\n", b"(no text)\n"),
        ("no last newline", b"a", b"a\n"),
        ("CRs", b"a\r\nb\r", b"a\nb\n"),
        ("too long", b"x\n" * 3000, b"x\n" * 2000 + b"[cut here by the gateway]\n"),
    ],
)
def test_the_text(why: str, body: bytes, text: bytes) -> None:
    assert article(b"", body).partition(b"\n\n")[2] == text, why


@pytest.mark.parametrize(
    "address", [b"alias-news-@news", b"alias-news-a..b@news", b"alias-news-a,b@news", b"alias-news-a\xff@news", b"joe@news"]
)
def test_what_is_no_group_is_no_article(address: bytes) -> None:
    with pytest.raises(newsgate.Never):
        newsgate.article(b"Return-Path: <>\nDelivered-To: " + address + b"\n\nb\n", b"alias-news-", 0)


@given(st.binary(max_size=300))
def test_no_mail_can_say_where_it_is_posted_nor_order_anything(mail: bytes) -> None:
    head = article(mail).partition(b"\n\n")[0]
    assert re.findall(rb"(?im)^(?:newsgroups|control|approved|supersedes):.*$", head) == [b"Newsgroups: local.test"]
    assert b"\0" not in head or b"\0" in mail


# -- the server ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def maildir(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "new").mkdir()
    for n in (1, 2):
        (tmp_path / f"new/{n}").write_bytes(HEAD + b"Subject: %d\n\nb\n" % n)
    yield tmp_path


def run(maildir: Path, port: int) -> tuple[int, bytes, bytes]:
    """-> exit code, answers, complaints."""
    client = [*command("tcpclient", None), "-RHl0", "127.0.0.1", str(port), sys.executable, GATE, "alias-news-"]
    done = subprocess.run(client, input=b"new/1\0new/2\0", cwd=maildir, capture_output=True, timeout=PATIENCE_S, check=False)
    return done.returncode, done.stdout, done.stderr


def test_each_message_gets_its_answer(maildir: Path) -> None:
    (maildir / "new/2").write_bytes(HEAD.replace(b"local.test", b"local.other") + b"\nb\n")
    with NntpSink(groups={b"local.test"}) as news:
        assert run(maildir, news.port) == (0, b"new/1\0K240 article posted\nnew/2\0D441 no such group\n", b"")
        assert run(maildir, news.port)[1].startswith(b"new/1\0K441 435 duplicate\n")


def test_what_the_server_did_not_answer_is_known_to_it_the_next_time(maildir: Path) -> None:
    with NntpSink(groups={b"local.test"}, dies_after=1) as news:
        assert run(maildir, news.port) == (111, b"", b"newsgate: fatal: connection died\n")
        assert run(maildir, news.port) == (0, b"new/1\0K441 435 duplicate\nnew/2\0K240 article posted\n", b"")
        assert [re.findall(rb"Subject: (\d)", a) for a in news.articles] == [[b"1"], [b"2"]]


def test_dots_are_doubled(maildir: Path) -> None:
    (maildir / "new/1").write_bytes(HEAD + b"\n.\n..x\n")
    with NntpSink(groups={b"local.test"}) as news:
        assert run(maildir, news.port)[0] == 0
    assert news.articles[0].endswith(b"\r\n\r\n.\r\n..x\r\n")


@pytest.mark.parametrize("greeting", [b"400 overloaded", b"201 no posting", b"502 who are you?"])
def test_a_server_that_takes_nothing_now_is_asked_again_later(maildir: Path, greeting: bytes) -> None:
    with NntpSink(groups=set(), greeting=greeting) as news:
        assert run(maildir, news.port) == (111, b"", b"newsgate: fatal: " + greeting + b"\n")


def test_a_file_that_has_gone_stops_nobody(maildir: Path) -> None:
    (maildir / "new/1").unlink()
    with NntpSink(groups={b"local.test"}) as news:
        code, answers, _ = run(maildir, news.port)
    assert (code, answers) == (0, b"new/1\0Zunable to read it: No such file or directory\nnew/2\0K240 article posted\n")


def test_no_server(maildir: Path) -> None:
    assert run(maildir, free_port())[0] == 111
