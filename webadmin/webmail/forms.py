"""The forms of the webmail. What a field refuses is said beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from mta.formats import folder_name
from webadmin.webmail import drafts, preferences, recipients
from webadmin.webmail.recipients import RECIPIENTS_MAX, Recipient

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LIST_MAX = 20_000
BODY_MAX = 2_000_000


def no_controls(value: str) -> None:
    """A validator: a field of one line holds no line end, NUL or other control."""
    if _CONTROL.search(value):
        raise forms.ValidationError("Line breaks and control characters are not possible here.", code="control")


class LoginForm(forms.Form):
    name = forms.CharField(
        label="Email address",
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none", "inputmode": "email"}),
    )
    password = forms.CharField(
        label="Password", max_length=256, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-time-zone": ""}))
    next = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput)


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True
    template_name = "django/forms/widgets/file.html"


class FilesField(forms.FileField):
    """Any number of files."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, Iterable) and not isinstance(data, UploadedFile) else [data]
        return [super(FilesField, self).clean(one, initial) for one in given if one is not None]


class PeopleField(forms.CharField):
    """Addresses, as a list of Recipient. lenient: nothing is refused but control characters (a draft)."""

    def __init__(self, *, lenient: bool = False, **kwargs: Any) -> None:
        super().__init__(max_length=_LIST_MAX, validators=[no_controls], required=False, **kwargs)
        self.lenient = lenient

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if self.lenient:
            return recipients.lenient(text)
        found, wrong = recipients.read(text)
        if wrong:
            raise forms.ValidationError(wrong[:5])
        return found


def _people(label: str) -> PeopleField:
    attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "inputmode": "email"}
    return PeopleField(label=label, widget=forms.TextInput(attrs=attrs))


class ComposeForm(forms.Form):
    """is_sending: else it is a draft, which may lack and hold anything."""

    to = _people("To")
    cc = _people("Cc")
    bcc = _people("Bcc")
    subject = forms.CharField(required=False, max_length=500, validators=[no_controls])
    body = forms.CharField(label="Message", required=False, max_length=BODY_MAX, strip=False, widget=forms.Textarea(attrs={"rows": 16}))
    attachments = FilesField(label="Attach files", required=False, help_text="25 MB in all.")
    mark = forms.RegexField(drafts.MARK, widget=forms.HiddenInput)
    original = forms.CharField(required=False, max_length=700, widget=forms.HiddenInput)
    draft = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)

    def __init__(self, *args: Any, is_sending: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_sending = is_sending
        for name in ("to", "cc", "bcc"):
            field = self.fields[name]
            assert isinstance(field, PeopleField)
            field.lenient = not is_sending

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        everybody: list[Recipient] = [r for name in ("to", "cc", "bcc") for r in data.get(name, [])]
        if self.is_sending and not self.errors and not everybody:
            self.add_error("to", "Please say to whom the message should go.")
        if self.is_sending and len(everybody) > RECIPIENTS_MAX:
            self.add_error("to", f"A message may go to {RECIPIENTS_MAX} recipients at most; this one would go to {len(everybody)}.")
        return data


class FolderForm(forms.Form):
    """parent: slug of the folder it goes below, or nothing."""

    name = forms.CharField(label="Name of the new folder", max_length=120, validators=[no_controls])
    parent = forms.ChoiceField(label="Below", required=False)

    def __init__(self, *args: Any, parents: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = self.fields["parent"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [("", "(top level)"), *parents]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if "." in name or "/" in name:
            raise forms.ValidationError(
                "A folder's name cannot contain a dot or a slash. To make a folder within a folder, choose “Below”."
            )
        if name.casefold() == "inbox":
            raise forms.ValidationError("This name is taken: every mailbox has one inbox.")
        try:
            folder_name.write((name.encode(),))
        except ValueError as error:
            raise forms.ValidationError("A folder cannot have this name.") from error
        return name


class PreferencesForm(forms.Form):
    display_name = forms.CharField(
        label="Your name",
        required=False,
        max_length=preferences.DISPLAY_NAME_MAX,
        validators=[no_controls],
        help_text="Stands before your address in the messages you send.",
    )
    signature = forms.CharField(
        required=False,
        max_length=preferences.SIGNATURE_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Put below every new message.",
    )
    page_size = forms.TypedChoiceField(label="Messages per page", coerce=int, choices=[(n, str(n)) for n in preferences.PAGE_SIZES])
    theme = forms.ChoiceField(
        label="Appearance", choices=[("auto", "Like my device"), ("light", "Light"), ("dark", "Dark")], help_text="Takes effect at once."
    )
    time_zone = forms.ChoiceField(label="Time zone", required=False)

    def clean_signature(self) -> str:
        return str(self.cleaned_data["signature"]).replace("\r\n", "\n")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = self.fields["time_zone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [("", "That of my browser"), *((z, z.replace("_", " ")) for z in preferences.time_zones())]
