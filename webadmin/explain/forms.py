"""One address."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

from webadmin.domains.names import domain_name


class ExplainForm(forms.Form):
    """Whatever a stranger could write into RCPT TO is a question worth asking; umlauts in a domain are put as they would travel."""

    address = forms.CharField(
        label="Address",
        max_length=1000,
        widget=forms.TextInput(
            attrs={
                "type": "search",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "inputmode": "email",
                "placeholder": "joe@example.org",
            }
        ),
    )

    def clean_address(self) -> str:
        typed: str = self.cleaned_data["address"]
        name, at, domain = typed.rpartition("@")
        if at and not (name and domain):
            raise ValidationError("This is not an address: it needs a name, an @ and a domain, as in joe@example.org.")
        if not at or domain.isascii():
            return typed
        try:
            return f"{name}@{domain_name(domain)}"
        except ValidationError as error:
            raise ValidationError(error.messages) from error
