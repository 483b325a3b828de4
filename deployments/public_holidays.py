"""The public holidays of countries, from the `holidays` package: no network, no account."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache

import holidays
from holidays.registry import COUNTRIES

YEARS_AHEAD = 5
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[a-z])(?=And[A-Z])")


class NoSuchPlace(Exception):
    """Names a country or a part of one that isn't known. `field`: `country` or `subdivision`."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


@cache
def countries() -> list[tuple[str, str]]:
    """(ISO 3166-1 code, English name) of every country that is known, by name."""
    found = {code: _BETWEEN_WORDS.sub(" ", name).replace(" And ", " and ") for name, code, *_ in COUNTRIES.values()}
    return sorted(found.items(), key=lambda each: each[1])


def of(country: str, subdivision: str, year: int) -> list[tuple[dt.date, str]]:
    """The public holidays of a year, in order, with their names in English where there are any."""
    if country not in dict(countries()):
        raise NoSuchPlace("country", "Choose a country.")
    part = _subdivision(country, subdivision)
    kind = getattr(holidays, _class_of(country))
    language = "en_US" if "en_US" in kind.supported_languages else None
    found = holidays.country_holidays(country, subdiv=part, years=year, language=language)
    return sorted((day, name) for day, name in found.items() if day.year == year)


def _class_of(country: str) -> str:
    return next(name for name, code, *_ in COUNTRIES.values() if code == country)


def _subdivision(country: str, typed: str) -> str | None:
    """The part by its code (BY) or its name (Bavaria); None for the whole country."""
    wanted = typed.strip().casefold()
    if not wanted:
        return None
    kind = getattr(holidays, _class_of(country))
    known = {code.casefold(): code for code in kind.subdivisions}
    known |= {name.casefold(): code for name, code in kind.subdivisions_aliases.items()}
    if wanted in known:
        return known[wanted]
    if not kind.subdivisions:
        raise NoSuchPlace("subdivision", "Holidays are the same all over this country: leave it empty.")
    raise NoSuchPlace("subdivision", f"Known here: {', '.join(kind.subdivisions)}. Empty: the whole country.")
