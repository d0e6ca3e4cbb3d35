"""Django's test client as a person uses a browser: pages as text, forms that are sent, the sentence that comes after."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

from django.test import Client

_SPACE = re.compile(r"\s+")
_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Tag:
    """One element: its name, its attributes, and the text in it."""

    def __init__(self, name: str, attributes: dict[str, str | None], parents: tuple[Tag, ...]) -> None:
        self.name, self.attributes, self.parents = name, attributes, parents
        self.text = ""

    def get(self, name: str) -> str:
        return self.attributes.get(name) or ""

    def inside(self, name: str) -> Tag | None:
        return next((p for p in reversed(self.parents) if p.name == name), None)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[Tag] = []
        self.open: list[Tag] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.wrong.append(f"<{tag}> has an attribute twice")
        found = Tag(tag, dict(attrs), tuple(self.open))
        self.tags.append(found)
        if tag not in _VOID:
            self.open.append(found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1].name != tag:
            self.wrong.append(f"</{tag}> closes {self.open[-1].name if self.open else 'nothing'}")
        if tag in [t.name for t in self.open]:
            while self.open.pop().name != tag:
                pass

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            tag.text += data


class Page:
    """The answer to a request. wrong: tags that are not closed as they were opened."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status = response.status_code
        self.source = response.content.decode()
        parser = _Parser()
        parser.feed(self.source)
        parser.close()
        self.tags, self.wrong = parser.tags, parser.wrong

    @property
    def text(self) -> str:
        """What an eye reads, blanks as one."""
        body = re.sub(r"<(script|style)\b.*?</\1>", "", self.source, flags=re.DOTALL)
        return _SPACE.sub(
            " ", html.unescape(re.sub(r"<wbr>", "", re.sub(r"<[^>]*>", lambda m: "" if m[0] == "<wbr>" else " ", body)))
        ).strip()

    def all(self, name: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.name == name]

    def one(self, name: str) -> Tag:
        (found,) = self.all(name)
        return found

    @property
    def heading(self) -> str:
        return _SPACE.sub(" ", self.one("h1").text).strip()

    def value(self, name: str) -> str:
        """Of the field with that name, as a browser would send it."""
        for tag in self.tags:
            if tag.get("name") == name and tag.name == "textarea":
                return tag.text.removeprefix("\n")
            if tag.get("name") == name and tag.name == "input":
                return tag.get("value")
            if tag.get("name") == name and tag.name == "select":
                chosen = [t.get("value") for t in self.all("option") if t.inside("select") is tag and "selected" in t.attributes]
                return chosen[0] if chosen else ""
        raise AssertionError(f"no field {name}")

    def error(self, name: str) -> str:
        """What is said beside the field with that name; it must be tied to it, and marked."""
        field = next(t for t in self.tags if t.get("name") == name and t.name in ("input", "textarea", "select"))
        assert field.get("aria-invalid") == "true", f"{name} is not marked as wrong"
        said = next(t for t in self.tags if t.get("id") == f"{field.get('id')}_error")
        return _SPACE.sub(" ", said.text).strip()

    def links(self) -> list[str]:
        return [tag.get("href") for tag in self.all("a")]


class Browser(Client):
    def page(self, url: str, status: int = 200, **more: Any) -> Page:
        found = Page(self.get(url, **more))
        assert found.status == status, f"{url}: {found.status}\n{found.text[:600]}"
        return found

    def piece(self, url: str, status: int = 200) -> Page:
        """As htmx asks."""
        return self.page(url, status, headers={"HX-Request": "true"})

    def send(self, url: str, data: dict[str, Any] | None = None, status: int = 422) -> Page:
        """A form that is refused: the page with it."""
        found = Page(self.post(url, data or {}))
        assert found.status == status, f"{url}: {found.status}\n{found.text[:600]}"
        return found

    def done(self, url: str, data: dict[str, Any] | None = None, to: str | None = None) -> Page:
        """A form that is taken: the page after it. to: where that is."""
        answer = self.post(url, data or {})
        assert answer.status_code == 303, f"{url}: {answer.status_code}\n{Page(answer).text[:600]}"
        if to is not None:
            assert answer["Location"].partition("?")[0] == to
        return self.page(answer["Location"])
