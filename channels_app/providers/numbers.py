"""Telephone numbers: in which form they are kept, and which country each is in."""

from __future__ import annotations

from collections.abc import Collection

import phonenumbers
from django import forms
from phonenumbers import PhoneNumberType

from convoship.lib import same_number

# In the numbering plan of +1 a sender of either writes to both as at home.
_NEIGHBOURS = frozenset({"US", "CA"})
_COSTLY = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.UAN: "a number for universal access",
    PhoneNumberType.PERSONAL_NUMBER: "a personal number, which leads anywhere",
    PhoneNumberType.PAGER: "a pager's number",
    PhoneNumberType.VOICEMAIL: "a voicemail's number",
}
COUNTRIES: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)


def e164(text: str, *, or_else: str = "") -> str:
    """A phone number in E.164 (+14155552671); ValidationError with words for anything else.

    `or_else`: what is said beside, to who gives what has no country's code.
    """
    text = text.strip()
    if not text.startswith("+"):
        raise forms.ValidationError(f"Write the number with + and the country's code: +14155552671. {or_else}".rstrip())
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise forms.ValidationError("This is no phone number. One looks like +14155552671.") from None
    written = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    # Ranges are opened faster than the library's tables tell, so a possible number will do.
    if not phonenumbers.is_possible_number(number):
        # One that WhatsApp still shows in a form that is no longer dialled.
        dialled = same_number.key(written)
        if dialled == written:
            raise forms.ValidationError("No number of that country is so long or so short.")
        return dialled
    return written


def costly(number: str) -> str:
    """What a number is whose owner has a share in what it costs to reach, in words; "" for any other.

    To those that nobody knows the price of lead premium, shared-cost, universal-access, personal, paging and voicemail
    ranges, by libphonenumber's tables.
    """
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ""
    return _COSTLY.get(kind, "")


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


def example_of(country: str) -> str:
    """A number of this country as people there write theirs to others abroad; "" where the library knows none."""
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        found = phonenumbers.example_number_for_type(country, kind)
        if found is not None:
            written = str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164))
            # Some islands' examples are those of the country that they share a code with.
            if country_of(written) == country:
                return written
    return ""


def example_near(number: str, countries: Collection[str] = ()) -> str:
    """A number that a sender with this one reaches: of its own country, or of one that it is allowed."""
    own = country_of(number) if number else None
    allowed = sorted(countries or at_home(number))
    if own and (own in allowed or not allowed):
        return example_of(own)
    return example_of(allowed[0]) if allowed else ""


def at_home(number: str) -> frozenset[str]:
    """The countries that a sender with this number writes to unless it is told otherwise."""
    country = country_of(number)
    if country is None:
        return frozenset()
    return _NEIGHBOURS if country in _NEIGHBOURS else frozenset({country})
