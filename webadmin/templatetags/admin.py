"""Template tags of the administration: the menu, heads of columns, times, bars, differences.

No inline styles: the policy of the pages allows none. A bar is a drawing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django import template
from django.forms import BoundField
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from mta.formats.address_list import Entry
from webadmin.domains import names
from webadmin.models import TaskRun
from webadmin.pages import Sort, as_sentence
from webadmin.templatetags.ui import icon
from webadmin.webmail.senders import person

register = template.Library()


@register.simple_tag(takes_context=True)
def menu(context: dict[str, Any], name: str, image: str, label: str) -> SafeString:
    """One entry of the menu: the page of that name, and all below it."""
    request: HttpRequest = context["request"]
    url = reverse(name)
    is_here = request.path == url or (url != "/" and request.path.startswith(url + "/"))
    here = format_html(' aria-current="{}"', "page") if is_here else ""
    return format_html('<a href="{}"{}>{}<span>{}</span></a>', url, here, icon(image), label)


@register.simple_tag(takes_context=True)
def tab(
    context: dict[str, Any], label: str, name: str, *args: Any, count: int | None = None, also: str = "", is_alone: bool = False
) -> SafeString:
    """One tab: a page, and all below it, unless it is_alone. also: the name of a page that belongs to it, too."""
    request: HttpRequest = context["request"]
    url = reverse(name, args=args)
    is_below = (request.path.startswith(url + "/") and not is_alone) or (also and request.path == reverse(also, args=args))
    word = "page" if request.path == url else "true" if is_below else ""
    here = format_html(' aria-current="{}"', word) if word else ""
    number = "" if count is None else format_html(' <span class="count">{}</span>', f"{count:,}")
    return format_html('<a href="{}"{}>{}{}</a>', url, here, label, number)


@register.simple_tag(takes_context=True)
def sort_head(context: dict[str, Any], key: str, label: str, classes: str = "") -> SafeString:
    """The head of a column that can be sorted by."""
    request: HttpRequest = context["request"]
    sort: Sort = context["sort"]
    is_here = sort.key == key
    state = ("descending" if sort.is_down else "ascending") if is_here else "none"
    query = request.GET.copy()
    query.pop("page", None)
    query["sort"] = f"-{key}" if is_here and not sort.is_down else key
    return format_html('<th scope="col" class="{}" aria-sort="{}"><a href="?{}">{}</a></th>', classes, state, query.urlencode(), label)


@register.inclusion_tag("parts/field.html")
def quiet_field(bound: BoundField) -> dict[str, Any]:
    """A field that may stay empty, where its label or help says what that means."""
    return {"field": bound, "is_check": False, "is_quiet": True}


@register.filter
def domain(name: str) -> SafeString:
    """A domain as it stands in the files, which cannot be made to look like another, and beside it in its own script."""
    own = names.shown(name)
    if own == name:
        return format_html("{}", name)
    if person(Entry(b"", b"postmaster@" + name.encode(), False)).warnings:
        return format_html('{} <span class="badge is-plain is-warn">imitates {}</span>', name, own)
    return format_html('{} <span class="muted">({})</span>', name, own)


@register.filter
def address(text: str) -> SafeString:
    """An address that may be broken behind its "@" rather than anywhere."""
    name, at, domain = text.rpartition("@")
    return format_html("{}@<wbr>{}", name, domain) if at else format_html("{}", text)


@register.filter
def when(time: datetime | float | None) -> SafeString:
    """A time, or seconds since 1970: how long ago for the eye, exactly for whoever asks."""
    if not time:
        return SafeString("")
    exact = time if isinstance(time, datetime) else datetime.fromtimestamp(time, UTC)
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S}", _words(exact))


def _words(time: datetime) -> str:
    now = timezone.now()
    if abs((now - time).total_seconds()) < 60:
        return "just now" if time <= now else "in a moment"
    return f"{_span(time, now)} ago" if time <= now else f"in {_span(now, time)}"


def _span(begin: datetime, end: datetime) -> str:
    return timesince(begin, end, depth=1).replace("\xa0", " ")


@register.filter
def span(time: datetime) -> SafeString:
    """How long since then: "3 hours"."""
    return format_html(
        '<time datetime="{}" title="since {} UTC">{}</time>', time.isoformat(), f"{time:%Y-%m-%d %H:%M:%S}", _span(time, timezone.now())
    )


@register.filter
def clock(time: datetime | float | None) -> SafeString:
    """A time to the second."""
    if not time:
        return SafeString("")
    exact = time if isinstance(time, datetime) else datetime.fromtimestamp(time, UTC)
    return format_html('<time datetime="{}">{}</time>', exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S}")


@register.filter
def sentence(text: str) -> str:
    return as_sentence(text)


@register.filter
def unlogged(text: str) -> str:
    """Words of a log line, in which "_" stands for a blank and "/" for the end of a line -> readable again, nearly."""
    return text.replace("_", " ").replace("/", " ").strip()


@register.simple_tag
def bar(percent: int | None, label: str = "") -> SafeString:
    """How full something is; red from 90 on."""
    if percent is None:
        return SafeString("")
    width = max(0, min(100, percent))
    return format_html(
        '<svg class="meter{}" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="meter-ground" width="100" height="8"/><rect width="{}" height="8"/></svg>',
        " is-bad" if percent >= 90 else "",
        label or f"{percent} % full",
        width,
    )


@register.simple_tag
def swatch(kind: str) -> SafeString:
    """The colour of a count in the drawings."""
    return format_html(
        '<svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect class="is-{}" width="8" height="8" rx="2"/></svg>', kind
    )


@register.simple_tag
def progress(percent: int) -> SafeString:
    """How far something is."""
    width = max(0, min(100, percent))
    return format_html(
        '<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="progressbar" aria-valuenow="{0}" aria-valuemin="0" '
        'aria-valuemax="100" aria-label="{0} % done"><rect class="meter-ground" width="100" height="8"/>'
        '<rect width="{0}" height="8"/></svg>',
        width,
    )


@register.filter
def took(run: TaskRun) -> str:
    """How long a run took, or has taken up to now."""
    seconds = ((run.finished_at or timezone.now()) - run.started_at).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds >= 0.1 else "under 0.1 s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


@register.filter
def marked(diff: str) -> Iterator[tuple[str, str]]:
    """(class, line) of a unified diff, its two lines of names left out."""
    for line in diff.split("\n"):
        if line.startswith(("--- ", "+++ ")):
            continue
        yield {"+": "is-added", "-": "is-removed", "@": "is-place"}.get(line[:1], ""), line


_ACTS = {
    "aliasdomain_add": "Other name added",
    "alias_write": "Alias edited line by line",
    "catchall_set": "Catch-all set",
    "control_set": "Control file set",
    "control_remove": "Control file removed",
    "details_set": "Mailbox changed",
    "drift_adopt": "Files taken over",
    "drift_overwrite": "Files written again",
    "flags_set": "Restrictions set",
    "forward_set": "Forwarding set",
    "gecos_set": "Person named",
    "import_tree": "Files taken in",
    "login": "Logged in",
    "operator_password": "Operator’s password set",
    "password_set": "Password set",
    "queue_bounce": "Message sent back",
    "queue_delete": "Message deleted",
    "queue_read": "Message read",
    "queue_retry": "Delivery tried again",
    "quota_set": "Quota set",
    "rollback": "Generation gone back to",
    "stale_set": "Old mail policy set",
    "task_start": "Task started",
    "old_mail_remove": "Old mail deleted",
}
_VERBS = {"add": "added", "set": "changed", "remove": "deleted", "restore": "restored"}


@register.filter
def act_words(act: str) -> str:
    """ "mailbox_add" -> "Mailbox added"."""
    if act in _ACTS:
        return _ACTS[act]
    what, _, verb = act.rpartition("_")
    return f"{what.replace('_', ' ').capitalize()} {_VERBS[verb]}" if what and verb in _VERBS else act.replace("_", " ").capitalize()
