"""Telephone numbers: in which form they are kept, and which country each is in."""

from __future__ import annotations

import phonenumbers
from django import forms

# In the numbering plan of +1 a sender of either writes to both as at home.
_NEIGHBOURS = frozenset({"US", "CA"})
COUNTRIES: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)


def e164(text: str) -> str:
    """A phone number in E.164 (+14155552671); ValidationError with words for anything else."""
    text = text.strip()
    if not text.startswith("+"):
        raise forms.ValidationError(
            "Write the number with + and the country's code: +14155552671. "
            "A short code is used through a messaging service."
        )
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise forms.ValidationError("This is no phone number. One looks like +14155552671.") from None
    # Ranges are opened faster than the library's tables tell, so a possible number will do.
    if not phonenumbers.is_possible_number(number):
        raise forms.ValidationError("No number of that country is so long or so short.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


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
