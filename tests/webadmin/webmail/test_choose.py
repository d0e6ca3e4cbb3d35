from __future__ import annotations

import pytest

from mta.formats.mime import structure
from mta.formats.mime.source import Bytes
from webadmin.webmail import choose


def part(kind: str, *fields: str) -> str:
    return "\n".join([f"Content-Type: {kind}", *fields, "", f"({kind})"])


def multi(kind: str, *parts: str, boundary: str) -> str:
    inner = "".join(f"--{boundary}\n{p}\n" for p in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{inner}--{boundary}--"


ATTACHED = "Content-Disposition: attachment; filename=f"
NAMED = "Content-Disposition: inline; filename=f"
CID = "Content-ID: <a@b>"
BOTH = multi("alternative", part("text/plain"), part("text/html"), boundary="i")


T, H = part("text/plain"), part("text/html")
M = "m"


@pytest.mark.parametrize(
    ("why", "message", "texts", "attached", "pictures"),
    [
        ("plain", T, "T", [], []),
        ("the richer of two", BOTH, "H", [], []),
        ("a file", multi("mixed", BOTH, part("a/b", ATTACHED), boundary=M), "H", ["a/b"], []),
        ("an attached text", multi("mixed", T, part("text/plain", ATTACHED), boundary=M), "T", ["text/plain"], []),
        ("a named text", multi("mixed", T, part("text/plain", NAMED), boundary=M), "T", ["text/plain"], []),
        ("a first text with a name", part("text/plain", NAMED), "T", [], []),
        ("text around a picture", multi("mixed", T, part("image/png"), T, boundary=M), "TT", ["image/png"], []),
        ("pictures of the text", multi("related", H, part("image/png", CID), boundary=M), "H", [], ["image/png"]),
        ("an SVG is no picture", multi("related", H, part("image/svg+xml", CID), boundary=M), "H", ["image/svg+xml"], []),
        ("no id, no picture", multi("related", H, part("image/png"), boundary=M), "H", ["image/png"], []),
        ("a calendar beside texts", multi("alternative", T, part("text/calendar"), boundary=M), "T", ["text/calendar"], []),
        ("nothing but a file", part("application/pdf", ATTACHED), "", ["application/pdf"], []),
        ("an attached page alone", part("text/html", ATTACHED), "", ["text/html"], []),
        ("a message within", multi("mixed", T, "Content-Type: message/rfc822\n\n" + H, boundary=M), "T", ["message/rfc822"], []),
        (
            "a file within the richer side",
            multi("alternative", T, multi("mixed", H, part("a/b", ATTACHED), boundary="i"), boundary=M),
            "H",
            ["a/b"],
            [],
        ),
    ],
)
def test_it_chooses(why: str, message: str, texts: str, attached: list[str], pictures: list[str]) -> None:
    found = structure.scan(Bytes(message.encode()))
    chosen = choose.choose(found)

    def kinds(indices: tuple[int, ...]) -> list[str]:
        return [found.parts[i].kind.decode() for i in indices]

    wanted = [{"T": "text/plain", "H": "text/html"}[letter] for letter in texts]
    assert (kinds(chosen.texts), kinds(chosen.attached), kinds(chosen.pictures)) == (wanted, attached, pictures), why


def test_one_may_prefer_plain_text() -> None:
    found = structure.scan(Bytes(BOTH.encode()))
    assert [found.parts[i].kind for i in choose.choose(found, wants_html=False).texts] == [b"text/plain"]
    assert choose.choose(found).has_html
    assert choose.choose(found).has_plain


def test_a_message_within_is_chosen_from_by_itself() -> None:
    inner = multi("mixed", part("text/plain"), part("a/b", ATTACHED), boundary="x")
    found = structure.scan(
        Bytes(multi("mixed", part("text/html"), "Content-Type: message/rfc822\n\n" + inner, part("c/d"), boundary="m").encode())
    )
    root = next(p.index for p in found.parts if p.kind == b"message/rfc822")
    chosen = choose.choose(found, root)
    assert [found.parts[i].kind for i in chosen.texts + chosen.attached] == [b"text/plain", b"a/b"]


def test_of_very_many_texts_the_first_are_shown() -> None:
    found = structure.scan(Bytes(multi("mixed", *[H] * 200, boundary=M).encode()))
    chosen = choose.choose(found)
    assert (len(chosen.texts), len(chosen.attached)) == (choose.TEXTS_MAX, 200 - choose.TEXTS_MAX)
