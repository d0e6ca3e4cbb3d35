"""What people type about mailboxes. What it may be is decided by the acts."""

from __future__ import annotations

from typing import Any

from django import forms

from mta.formats import vpasswd
from webadmin.accounts.acts import maildir
from webadmin.accounts.shown import SWITCHES, quota_words
from webadmin.aliases import lines
from webadmin.domains.forms import NAME, NEW_PASSWORD, PASSWORD_MIN
from webadmin.models import Mailbox

_PASSWORD_HELP = f"At least {PASSWORD_MIN} characters. Leave this empty and a good one is made up, and shown once."
_QUOTA_HELP = "Such as 500M or 2G; 500M,10000C limits the number of messages, too. Leave this empty for no limit."


def _person() -> forms.CharField:
    return forms.CharField(
        label="Name of the person", required=False, max_length=128, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


def _quota() -> forms.CharField:
    return forms.CharField(
        label="Quota", required=False, max_length=100, help_text=_QUOTA_HELP, widget=forms.TextInput(attrs=NAME | {"inputmode": "text"})
    )


def _password() -> forms.CharField:
    return forms.CharField(
        required=False,
        strip=False,
        min_length=PASSWORD_MIN,
        max_length=128,
        help_text=_PASSWORD_HELP,
        widget=forms.PasswordInput(attrs=NEW_PASSWORD),
    )


class AddMailboxForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=255, help_text='What stands before the "@".', widget=forms.TextInput(attrs=NAME | {"inputmode": "text"})
    )
    gecos = _person()
    password = _password()
    quota = _quota()


class DetailsForm(forms.Form):
    """prefix "details". The switches say what a mailbox may do; vpasswd says what it may not."""

    gecos = _person()
    quota = _quota()
    may_pop = forms.BooleanField(label=SWITCHES["may_pop"][1], required=False)
    may_imap = forms.BooleanField(label=SWITCHES["may_imap"][1], required=False)
    may_webmail = forms.BooleanField(label=SWITCHES["may_webmail"][1], required=False)
    may_send = forms.BooleanField(label=SWITCHES["may_send"][1], required=False)
    may_change = forms.BooleanField(label=SWITCHES["may_change"][1], required=False)
    bounce = forms.BooleanField(label="Refuse all mail for it: senders are told that it takes none", required=False)

    def __init__(self, data: Any, mailbox: Mailbox) -> None:
        initial: dict[str, object] = {name: not mailbox.flags & bit for name, (bit, _) in SWITCHES.items()}
        initial |= {"gecos": mailbox.gecos, "quota": quota_words(mailbox.quota), "bounce": bool(mailbox.flags & vpasswd.BOUNCE_MAIL)}
        super().__init__(data, prefix="details", initial=initial)
        self._flags = mailbox.flags

    def switches(self) -> list[forms.BoundField]:
        return [self[name] for name in SWITCHES]

    def flags(self) -> int:
        """The other bits stay what they are."""
        found = self._flags
        for name, (bit, _) in SWITCHES.items():
            found = found & ~bit if self.cleaned_data[name] else found | bit
        bounce = vpasswd.BOUNCE_MAIL
        return found | bounce if self.cleaned_data["bounce"] else found & ~bounce


class PasswordForm(forms.Form):
    password = _password()

    def __init__(self, data: Any) -> None:
        super().__init__(data, prefix="password")


class ForwardForm(forms.Form):
    targets = forms.CharField(
        label="Forward to",
        required=False,
        max_length=20_000,
        help_text="Addresses, one a line. Leave this empty for no forwarding.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "none"}),
    )
    keep_copy = forms.BooleanField(label="Keep a copy in this mailbox", required=False)

    def __init__(self, data: Any, mailbox: Mailbox) -> None:
        initial = {
            "targets": "\n".join(lines.forwards(mailbox.dotqmail)),
            "keep_copy": lines.keeps_copy(mailbox.dotqmail, maildir(mailbox)),
        }
        super().__init__(data, prefix="forward", initial=initial)


class DeleteMailboxForm(forms.Form):
    forward_to = forms.CharField(
        label="Send its future mail to",
        required=False,
        max_length=1024,
        help_text="Makes an alias of the same name. Leave this empty, and its mail is treated as that for an unknown address.",
        widget=forms.TextInput(attrs=NAME | {"inputmode": "email"}),
    )
