"""Ids in addresses, headers and queries: a UUID in lower case, or nothing that exists."""

from __future__ import annotations

from uuid import UUID

from django.urls import register_converter
from django.urls.converters import StringConverter


def parsed_id(value: str) -> UUID | None:
    """The id in its one spelling (CONTRACT: lower case), else None."""
    try:
        parsed = UUID(value)
    except ValueError:
        return None
    return parsed if str(parsed) == value else None


class IdConverter(StringConverter):
    """`<id:name>`: takes any text, so that what isn't an id gets the very 404 of an id that doesn't exist."""


class NumberConverter(StringConverter):
    """`<number:name>`: a whole number; what isn't one is 0, which nothing has, so that it gets the very same 404."""

    def to_python(self, value: str) -> int:  # type: ignore[override]
        """The number, or 0."""
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


class Name(str):
    """A name in an address, such as a secret's key; whether there is such a one is its act's to find out."""


class NameConverter(StringConverter):
    """`<name:name>`: any text without a slash."""

    def to_python(self, value: str) -> Name:
        """The text, marked as a name."""
        return Name(value)


register_converter(NumberConverter, "number")
register_converter(NameConverter, "name")
