"""Acts on operators' logins. Each writes one audit row; no file of the mail system is touched."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from webadmin.access import Actor
from webadmin.audit.record import record


@transaction.atomic
def operator_set(who: Actor, name: str, password: str) -> bool:
    """Make an operator, or give one another password. -> is it a new one? Raises ValidationError."""
    name = name.strip()
    user = User.objects.filter(username=name).first()
    is_new = user is None
    if user is None:
        user = User(username=name)
    user.is_active = user.is_staff = user.is_superuser = True
    validate_password(password, user)
    user.set_password(password)
    try:
        user.full_clean()
    except ValidationError as error:
        sentence = "This name cannot be a login. Use letters, digits and @ . + - _, 150 at most."
        raise ValidationError(sentence, code="operator") from error
    user.save()
    record(who, "operator_add" if is_new else "operator_password", "operator", name, None, {"password": "set"})
    return is_new


def operator_count() -> int:
    return User.objects.filter(is_superuser=True, is_active=True).count()
