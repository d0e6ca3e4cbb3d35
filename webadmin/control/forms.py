"""A control file as it is typed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from mta.formats.install_call import digest
from webadmin import octets

_TYPED = {"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}
EDIT_MAX = 1 << 20  # octets: what a browser edits without trouble, and a form may bring


class FileForm(forms.Form):
    """seen: which value the person had before the eyes, so that a change of somebody else is never undone unseen."""

    value = forms.CharField(
        label="Contents",
        required=False,
        strip=False,
        max_length=EDIT_MAX,
        widget=forms.Textarea(attrs={"rows": 12, "class": "mono", "wrap": "off", **_TYPED}),
    )
    charset = octets.CharsetField()
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any, value: bytes | None) -> None:
        text, charset = octets.editable(value or b"") if self.fits(value) else ("", "utf-8")
        super().__init__(data, initial={"value": text, "charset": charset, "seen": digest(value).decode()})

    @staticmethod
    def fits(value: bytes | None) -> bool:
        return len(value or b"") <= EDIT_MAX

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if "value" in found and "charset" in found:
            try:
                found["octets"] = octets.typed(found["value"], found["charset"])
            except ValidationError as error:
                self.add_error("value", error)
        return found


class RemoveForm(forms.Form):
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)


class NewFileForm(forms.Form):
    name = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        label="Another control file",
        help_text="For a program of your own that reads control/NAME.",
        error_messages={"invalid": "Use letters, digits, dots, hyphens and underscores, 64 at most."},
        widget=forms.TextInput(attrs=_TYPED),
    )
