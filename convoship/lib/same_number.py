"""One telephone, written in several ways: which addresses are the same one's.

WhatsApp knows people by the number that they signed up with, in the form that it had then, and never changes it:
Brazil's mobile numbers mostly lack the ninth digit that came later, Mexico's keep the 1 that was dialled before mobile
numbers until 2019, and Argentina's have the 9 that is left out where texts are sent
(support.whapi.cloud/help-desk/faq/specifics-of-sending-messages-to-numbers-of-different-countries; Twilio's `From` has
them, too: github.com/chatwoot/chatwoot/pull/14174; landlines of Brazil never got a ninth digit:
github.com/devlikeapro/waha/pull/1976). libphonenumber takes the forms for different numbers, and Brazil's and Mexico's
old ones for no numbers at all.

So whatever holds of a person's number is asked by all its forms (`forms`), and locked and counted by one (`key`). What
is sent goes to the address that was given, as WhatsApp answers at that one only.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

# +55, the area, and what the subscriber has: landlines begin with 2 to 5, and have always had eight digits.
_BRAZIL_OLD = re.compile(r"\+55([1-9][0-9])([6-9][0-9]{7})", re.ASCII)
_BRAZIL = re.compile(r"\+55([1-9][0-9])9([6-9][0-9]{7})", re.ASCII)
_MEXICO_OLD = re.compile(r"\+521([0-9]{10})", re.ASCII)
_MEXICO = re.compile(r"\+52([0-9]{10})", re.ASCII)
_ARGENTINA_MOBILE = re.compile(r"\+549([0-9]{10})", re.ASCII)
_ARGENTINA = re.compile(r"\+54([0-9]{10})", re.ASCII)

# (a form, the key of it, the other forms that have the same key)
_KEYS = ((_BRAZIL_OLD, r"+55\g<1>9\g<2>"), (_MEXICO_OLD, r"+52\g<1>"), (_ARGENTINA_MOBILE, r"+54\g<1>"))
_OTHERS = ((_BRAZIL, r"+55\g<1>\g<2>"), (_MEXICO, r"+521\g<1>"), (_ARGENTINA, r"+549\g<1>"))


@lru_cache(maxsize=4096)
def key(address: str) -> str:
    """The one form by which an address is locked and counted; of what is no phone number, itself."""
    number = plain(address)
    for form, one in _KEYS:
        if form.fullmatch(number):
            return form.sub(one, number)
    return number


@lru_cache(maxsize=4096)
def forms(address: str) -> tuple[str, ...]:
    """Every form in which an address may be written down, its own first: one at least, its key among them."""
    one = key(address)
    others = (form.sub(other, one) for form, other in _OTHERS if form.fullmatch(one))
    return tuple(dict.fromkeys((address, one, *others)))


def plain(address: str) -> str:
    """In E.164, without a trunk's 0 (+49 0151 ...); anything else as it is."""
    if not address.startswith("+") or not address.isascii() or not address[1:].isdigit():
        return address
    try:
        number = phonenumbers.parse(address)
    except phonenumbers.NumberParseException:
        return address
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
