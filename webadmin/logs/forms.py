"""What is looked for in the logs. What cannot be understood filters nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from webadmin.models import Delivery, Login

DAY, WEEK = "day", "week"
PERIODS = (("hour", "the last hour"), (DAY, "the last day"), (WEEK, "the last week"), ("all", "all there is"), ("days", "these days:"))
_SPANS = {"hour": timedelta(hours=1), DAY: timedelta(days=1), WEEK: timedelta(days=7)}
_BOX = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "type": "search"}


def _box(label: str, placeholder: str = "") -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=200, widget=forms.TextInput(attrs=_BOX | {"placeholder": placeholder}))


class PeriodForm(forms.Form):
    """The last day unless another time is asked for: most questions are about today, and few days are found fast."""

    period = forms.ChoiceField(label="When", choices=PERIODS, required=False)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Any) -> None:
        super().__init__({"period": DAY, **{name: data[name] for name in data}})
        self.is_valid()

    @property
    def has_days(self) -> bool:
        return self.word("period") == "days"

    @property
    def begin(self) -> datetime | None:
        if self.has_days:
            return _at(self.cleaned_data.get("since"), time.min)
        span = _SPANS.get(self.word("period"))
        return timezone.now() - span if span else None

    @property
    def end(self) -> datetime | None:
        return _at(self.cleaned_data.get("until"), time.max) if self.has_days else None

    def word(self, name: str) -> str:
        return str(self.cleaned_data.get(name, ""))


def _at(day: date | None, clock: time) -> datetime | None:
    return None if day is None else datetime.combine(day, clock, UTC)


class DeliveryForm(PeriodForm):
    sender = _box("From", "@example.org")
    recipient = _box("To", "@example.net")
    text = _box("Words", "any text")
    outcome = forms.ChoiceField(label="Outcome", choices=[("", "any"), *Delivery.Outcome.choices], required=False)


class RefusedForm(PeriodForm):
    text = _box("Words", "address, IP address or reply")


class LoginForm(PeriodForm):
    text = _box("Name or IP address")
    outcome = forms.ChoiceField(label="Outcome", choices=[("", "any"), *Login.Outcome.choices], required=False)
