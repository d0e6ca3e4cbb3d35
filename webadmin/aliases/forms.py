"""What people type about aliases. What it may be is decided by the acts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from webadmin import octets
from webadmin.aliases import lines
from webadmin.domains.forms import NAME
from webadmin.models import Alias

_TARGETS = {"rows": 5, "spellcheck": "false", "autocapitalize": "none"}


class AddAliasForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=255, help_text='What stands before the "@".', widget=forms.TextInput(attrs=NAME | {"inputmode": "text"})
    )
    targets = forms.CharField(
        label="Its mail goes to", max_length=200_000, help_text="Addresses, one a line.", widget=forms.Textarea(attrs=_TARGETS)
    )


class TargetsForm(forms.Form):
    targets = forms.CharField(
        label="Its mail goes to",
        required=False,
        max_length=200_000,
        help_text="Addresses, one a line.",
        widget=forms.Textarea(attrs=_TARGETS),
    )

    def __init__(self, data: Any, alias: Alias) -> None:
        super().__init__(data, prefix="targets", initial={"targets": "\n".join(lines.forwards(alias.body))})


class LinesForm(forms.Form):
    """The whole file. What is no UTF-8 is shown, and taken back, as Latin-1."""

    body = forms.CharField(
        label="Lines of the file",
        required=False,
        strip=False,
        max_length=1_000_000,
        help_text="See dot-qmail(5): &address forwards, |command runs a program, /path/ is a Maildir, # begins a comment.",
        widget=forms.Textarea(attrs={"rows": 10, "class": "mono", "wrap": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    charset = octets.CharsetField()

    def __init__(self, data: Any, alias: Alias) -> None:
        text, charset = octets.editable(alias.body)
        super().__init__(data, prefix="lines", initial={"body": text, "charset": charset})

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "body" in found and "charset" in found:
            try:
                found["octets"] = octets.typed(found["body"], found["charset"])
            except ValidationError as error:
                self.add_error("body", error)
        return found
