"""Telephone numbers: which country each is in."""

from __future__ import annotations

import phonenumbers

# In the numbering plan of +1 a sender of either writes to both as at home.
_NEIGHBOURS = frozenset({"US", "CA"})
COUNTRIES: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)


def country_of(number: str) -> str | None:
    """The ISO 3166 code of the country that a number in E.164 is in; None where it is in none, or nobody knows.

    Satellite and other numbers of no country (+881, +882, ...) have none. Of a range that the library doesn't know yet
    the country is the main one of its code; islands that share a code have ranges of their own, which it knows.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    found = phonenumbers.region_code_for_number(parsed)
    if found is None:
        found = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return str(found) if found in COUNTRIES else None


def at_home(number: str) -> frozenset[str]:
    """The countries that a sender with this number writes to unless it is told otherwise."""
    country = country_of(number)
    if country is None:
        return frozenset()
    return _NEIGHBOURS if country in _NEIGHBOURS else frozenset({country})
