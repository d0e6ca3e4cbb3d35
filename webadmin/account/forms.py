"""A new password for oneself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from webadmin.access import Actor
from webadmin.domains.forms import NEW_PASSWORD
from webadmin.login.acts import TooMany, is_own_password


class PasswordForm(forms.Form):
    old = forms.CharField(
        label="Your password now", strip=False, max_length=1024, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    new = forms.CharField(
        label="New password",
        strip=False,
        max_length=1024,
        help_text="At least 10 characters, and nothing that is easy to guess.",
        widget=forms.PasswordInput(attrs=NEW_PASSWORD),
    )
    again = forms.CharField(label="New password again", strip=False, max_length=1024, widget=forms.PasswordInput(attrs=NEW_PASSWORD))

    def __init__(self, data: Any, who: Actor, user: User) -> None:
        super().__init__(data)
        self._who, self._user = who, user

    def clean_old(self) -> str:
        old: str = self.cleaned_data["old"]
        try:
            is_right = is_own_password(self._who, self._user, old)
        except TooMany as error:
            raise ValidationError(f"Too many wrong passwords. Wait {error.wait_s} seconds, then try again.") from error
        if not is_right:
            raise ValidationError("This is not your password.")
        return old

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("new", again):
            raise ValidationError("The two are not the same.")
        return again
