"""What people type about domains. What it may be is decided by the acts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from mta.formats import qmailadmin_limits, stale_policy
from webadmin.domains import names, removed
from webadmin.domains.catchall import CatchAll, Kind
from webadmin.models import Domain

PASSWORD_MIN = 8
NAME = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "inputmode": "url"}
NEW_PASSWORD = {"autocomplete": "new-password", "spellcheck": "false", "autocapitalize": "none"}


class AddDomainForm(forms.Form):
    name = forms.CharField(
        label="Name of the domain",
        max_length=1024,
        help_text="Such as example.org. Umlauts are welcome.",
        widget=forms.TextInput(attrs=NAME),
    )
    real = forms.CharField(
        label="Another name of",
        required=False,
        max_length=1024,
        help_text="The domain whose people get its mail. Leave this empty for a domain with mailboxes of its own.",
        widget=forms.TextInput(attrs=NAME),
    )
    password = forms.CharField(
        label="Password of its postmaster",
        required=False,
        strip=False,
        min_length=PASSWORD_MIN,
        max_length=128,
        help_text="Leave this empty and a good one is made up, and shown once.",
        widget=forms.PasswordInput(attrs=NEW_PASSWORD),
    )


class AddNameForm(forms.Form):
    name = forms.CharField(label="Other name", max_length=1024, help_text="Such as example.net.", widget=forms.TextInput(attrs=NAME))


class CatchAllForm(forms.Form):
    KINDS = (
        (Kind.BOUNCE.value, "Refuse it: the sender is told that there is nobody of this name"),
        (Kind.MAILBOX.value, "Collect it in one mailbox of this domain"),
        (Kind.FORWARD.value, "Forward it to one address"),
        (Kind.DELETE.value, "Take it and throw it away: nobody is told"),
    )
    kind = forms.ChoiceField(label="Mail for an address that nobody has", choices=KINDS, widget=forms.RadioSelect)
    mailbox = forms.CharField(
        required=False, max_length=255, help_text='Its name: what stands before the "@".', widget=forms.TextInput(attrs=NAME)
    )
    address = forms.CharField(
        required=False, max_length=1024, label="Forward to", widget=forms.TextInput(attrs={**NAME, "inputmode": "email"})
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        kind = found.get("kind")
        if kind == Kind.MAILBOX.value and not found.get("mailbox"):
            self.add_error("mailbox", "Give the name of a mailbox.")
        if kind == Kind.FORWARD.value and not found.get("address"):
            self.add_error("address", "Give an address.")
        return found

    def wanted(self) -> CatchAll:
        kind = Kind(self.cleaned_data["kind"])
        value = {Kind.MAILBOX: "mailbox", Kind.FORWARD: "address"}.get(kind)
        return CatchAll(kind, self.cleaned_data[value] if value else "")


def _days(label: str, text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=1,
        max_value=stale_policy.DAYS_MAX,
        help_text=text,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "never"}),
    )


class StaleForm(forms.Form):
    unread = _days("Unread mail: days", "Counted from its arrival.")
    read = _days("Read mail: days", "Counted from its arrival, too.")
    trash = _days("Mail in the Trash: days", "Counted from when it was moved there, or marked as deleted.")


def _limit(label: str, text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=0,
        max_value=qmailadmin_limits.NUMBER_MAX,
        help_text=text,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "no limit"}),
    )


class LimitsForm(forms.Form):
    """Fields are named as in the file."""

    maxpopaccounts = _limit("Mailboxes", "The postmaster's counts, too.")
    maxaliases = _limit("Aliases", "Addresses that reach somebody in this domain.")
    maxforwards = _limit("Forwards", "Addresses that send mail elsewhere.")
    maxautoresponders = _limit("Autoresponders")
    maxmailinglists = _limit("Mailing lists")
    quota = _limit("All mailboxes together: MB", "Their quotas together may be no more; 0 is no limit.")
    maxmsgcount = _limit("All mailboxes together: messages", "The same for the number of messages.")
    default_quota = _limit("A new mailbox: octets", "Its quota when nothing else is said; 0 is no limit.")
    default_maxmsgcount = _limit("A new mailbox: messages")


class DeleteDomainForm(forms.Form):
    name = forms.CharField(label="Type the name of the domain to confirm", max_length=1024, widget=forms.TextInput(attrs=NAME))

    def __init__(self, data: Any, domain: Domain) -> None:
        super().__init__(data)
        self._domain = domain

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        try:
            is_meant = names.domain_name(typed) == self._domain.name
        except ValidationError:
            is_meant = False
        if not is_meant:
            raise ValidationError(f"This is not {self._domain.name}. Nothing was deleted.")
        return self._domain.name


class KeepForm(forms.Form):
    days = forms.IntegerField(
        label="Days",
        required=False,
        min_value=1,
        max_value=removed.DAYS_MAX,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "for ever"}),
    )


class RestoreForm(forms.Form):
    removed = forms.CharField(max_length=300, widget=forms.HiddenInput)
