"""Parts of a URL."""

from __future__ import annotations

from django.urls import register_converter
from django.urls.converters import IntConverter, StringConverter


class DomainConverter(StringConverter):
    """The name of a domain has a dot, which no page beside it has."""

    regex = r"[^/]*\.[^/]*"


class NumberConverter(IntConverter):
    """A number that every database takes: message numbers, keys of rows."""

    regex = "[0-9]{1,18}"


class GenerationConverter(IntConverter):
    regex = "[0-9]{1,9}"


register_converter(DomainConverter, "domain")
register_converter(NumberConverter, "number")
register_converter(GenerationConverter, "generation")
