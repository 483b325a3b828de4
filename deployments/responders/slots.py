"""Reading an answer to a question: text, number, e-mail, phone, date, choice, yes or no.

`read` gives the value as JSON (a number, an ISO day, an E.164 number, true or false, the choice's value) and as it is
shown; `Unreadable` says in words why it can't be taken. Sources: `phonenumbers` (Google's libphonenumber),
`dateparser`, Django's validator of e-mail addresses.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dateparser
import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from rapidfuzz import fuzz

from deployments.responders.form_words import CANCEL, NO, NUMBERS, YES, language_of, words

LONGEST_ANSWER = 1000
NEAR_CHOICE, NEAR_WORD = 78, 85  # of 100, by rapidfuzz

_EMAIL = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+")
_NUMBER = re.compile(r"[-+\u2212]?\d+(?:[ \u00a0\u202f.,'\u2019]\d{3})*(?:[.,]\d+)?(?![\d.,]*\d)")
_WORDS_OF_DAY = re.compile(
    r"^(?:on|at|for|by|next|this|coming|the|am|an|ab|zum|den|der|nächsten?|kommenden?|diesen?|um)\s+", re.IGNORECASE
)
_EDGES = re.compile(r"^[\s.,;:!?\"'()]+|[\s.,;:!?\"'()]+$")
_REGIONS = {"de": "DE", "en": "US", "fr": "FR", "es": "ES", "it": "IT", "nl": "NL", "pt": "PT", "pl": "PL"}
_OF_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl")


@dataclass(frozen=True, slots=True)
class Value:
    """An answer as it is kept (`value`, JSON) and shown (`said`)."""

    value: Any
    said: str


class Unreadable(Exception):
    """The answer can't be taken; its text says why, to the visitor."""


def read(question: Mapping[str, Any], text: str, locale: str | None, now: dt.datetime) -> Value:
    """The value of an answer. `text` is what was typed, or a tapped button's payload."""
    reader: Callable[[Mapping[str, Any], str, str | None, dt.datetime], Value] = _READERS[question["kind"]]
    return reader(question, text.strip(), locale, now)


def plain(text: str) -> str:
    """A short answer without what doesn't count: case, punctuation around it, spelling variants of Unicode."""
    return " ".join(_EDGES.sub("", unicodedata.normalize("NFKC", text)).casefold().split())


def cancels(text: str, locale: str | None) -> bool:
    """Whether this is all of a wish to leave the questions."""
    return plain(text) in {*CANCEL["en"], *CANCEL[language_of(locale)]}


def _text(question: Mapping[str, Any], text: str, locale: str | None, now: dt.datetime) -> Value:
    if not text:
        raise Unreadable(words("text", locale))
    least, most = int(question.get("min", 1)), int(question.get("max", LONGEST_ANSWER))
    if len(text) < least:
        raise Unreadable(words("too_short", locale, least=str(least)))
    if len(text) > most:
        raise Unreadable(words("too_long", locale, most=str(most)))
    return Value(text, text)


def _number(question: Mapping[str, Any], text: str, locale: str | None, now: dt.datetime) -> Value:
    number = _number_in(text, locale)
    if number is None:
        raise Unreadable(words("number", locale))
    if "min" in question and number < question["min"]:
        raise Unreadable(words("too_small", locale, least=_shown(question["min"])))
    if "max" in question and number > question["max"]:
        raise Unreadable(words("too_large", locale, most=_shown(question["max"])))
    return Value(number, _shown(number))


def _number_in(text: str, locale: str | None) -> int | float | None:
    """The one number in a text, in digits or as a small word; None where there is none, or more than one."""
    found = _NUMBER.findall(text[:200])
    if len(found) == 1:
        return _parsed(found[0], decimal_comma=language_of(locale) == "de")
    if not found:
        return NUMBERS.get(plain(text))
    return None


def _parsed(digits: str, *, decimal_comma: bool) -> int | float | None:
    text = re.sub(r"[ \u00a0\u202f'\u2019]", "", digits).replace("\u2212", "-")
    mark = "," if decimal_comma else "."
    thousands = "." if decimal_comma else ","
    if mark not in text and re.fullmatch(rf"[-+]?\d+\{thousands}\d{{1,2}}", text):
        text = text.replace(thousands, mark)  # "2,5" in English, "2.5" in German: nobody groups thousands like that
    text = text.replace(thousands, "").replace(mark, ".")
    try:
        number = float(text)
    except ValueError:
        return None
    if abs(number) > 1e15:
        return None
    return int(number) if number.is_integer() else number


def _shown(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _email(question: Mapping[str, Any], text: str, locale: str | None, now: dt.datetime) -> Value:
    found = {_EDGES.sub("", match) for match in _EMAIL.findall(text[:LONGEST_ANSWER])}
    if len(found) == 1:
        address = found.pop()
        try:
            validate_email(address)
        except ValidationError:
            pass
        else:
            if len(address) <= 254:
                return Value(address, address)
    raise Unreadable(words("email", locale))


def _phone(question: Mapping[str, Any], text: str, locale: str | None, now: dt.datetime) -> Value:
    tag = (locale or "").replace("_", "-").split("-")
    region = tag[-1].upper() if len(tag) > 1 and len(tag[-1]) == 2 else _REGIONS.get(tag[0].lower())
    found = {match.number.national_number: match.number for match in _phones(text[:LONGEST_ANSWER], region)}
    if len(found) != 1:
        raise Unreadable(words("phone", locale))
    number = next(iter(found.values()))
    return Value(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
    )


def _phones(text: str, region: str | None) -> Sequence[Any]:
    return list(phonenumbers.PhoneNumberMatcher(text, region, max_tries=20))


def _date(question: Mapping[str, Any], text: str, locale: str | None, now: dt.datetime) -> Value:
    day = _day_in(text[:100], locale, now)
    if day is None:
        raise Unreadable(words("date", locale))
    least, most = _bound(question.get("min"), now), _bound(question.get("max"), now)
    if least is not None and day < least:
        raise Unreadable(words("too_early", locale, least=_shown_day(least, locale)))
    if most is not None and day > most:
        raise Unreadable(words("too_late", locale, most=_shown_day(most, locale)))
    return Value(day.isoformat(), _shown_day(day, locale))


def _day_in(text: str, locale: str | None, now: dt.datetime) -> dt.date | None:
    wanted = _EDGES.sub("", text)
    try:
        return dt.date.fromisoformat(wanted)
    except ValueError:
        pass
    language = (locale or "en").replace("_", "-").split("-")[0].lower()
    languages = list(dict.fromkeys([language, "en"])) if language in _OF_LANGUAGES else ["en"]
    is_american = (locale or "").replace("_", "-").lower() in {"en-us", "en"}
    order = "MDY" if is_american else "DMY"
    base = now.replace(tzinfo=None)
    for _ in range(3):
        if not wanted:
            return None
        found = _parse(wanted, languages, base, order, REQUIRE_PARTS=["day"])
        if found is not None:
            return found
        # A weekday names a day as well, unlike a month or a time: it stays the same weekday whatever day is today.
        found = _parse(wanted, languages, base, order)
        tomorrows = _parse(wanted, languages, base + dt.timedelta(days=1), order)
        if found is not None and tomorrows is not None and found.weekday() == tomorrows.weekday():
            return found
        shorter = _WORDS_OF_DAY.sub("", wanted)
        if shorter == wanted:
            return None
        wanted = shorter
    return None


def _parse(text: str, languages: list[str], base: dt.datetime, order: str, **more: Any) -> dt.date | None:
    settings: Any = {
        "RELATIVE_BASE": base,
        "PREFER_DATES_FROM": "future",
        "DATE_ORDER": order,
        "RETURN_AS_TIMEZONE_AWARE": False,
        **more,
    }
    found = dateparser.parse(text, languages=languages, settings=settings)
    return found.date() if found is not None else None


def _bound(value: Any, now: dt.datetime) -> dt.date | None:
    if value is None:
        return None
    return now.date() if value == "today" else dt.date.fromisoformat(value)


def _shown_day(day: dt.date, locale: str | None) -> str:
    if language_of(locale) == "de":
        return f"{day:%d.%m.%Y}"
    return f"{day.day} {day:%B %Y}" if (locale or "en").lower().startswith("en") else day.isoformat()


def _choice(question: Mapping[str, Any], text: str, locale: str | None, now: dt.datetime) -> Value:
    said, choices = plain(text), question["choices"]
    for choice in choices:
        if said in {plain(word) for word in (choice["label"], choice.get("value", ""), *choice.get("synonyms", ()))}:
            return _chosen(choice)
    if said.isdecimal() and 1 <= int(said[:3]) <= len(choices):
        return _chosen(choices[int(said) - 1])
    scores = sorted(((_nearness(choice, said), place) for place, choice in enumerate(choices)), reverse=True)
    if said and scores[0][0] >= NEAR_CHOICE and scores[0][0] > scores[1][0]:
        return _chosen(choices[scores[0][1]])
    raise Unreadable(words("choice", locale, choices=", ".join(choice["label"] for choice in choices)))


def _nearness(choice: Mapping[str, Any], said: str) -> float:
    """How near an answer is to a choice: the whole with slips, or a longer answer that holds one of its words."""
    names = [plain(word) for word in (choice["label"], *choice.get("synonyms", ()))]
    held = [100.0 + len(name) for name in names if f" {name} " in f" {said} "]  # the longest name that is in it wins
    return max([*held, *(fuzz.ratio(said, name) for name in names)])


def _chosen(choice: Mapping[str, Any]) -> Value:
    return Value(choice.get("value", choice["label"]), choice["label"])


def _yes_no(question: Mapping[str, Any], text: str, locale: str | None, now: dt.datetime) -> Value:
    said, language = plain(text), language_of(locale)
    yes = _near(said, (*YES["en"], *YES[language], "true"))
    no = _near(said, (*NO["en"], *NO[language], "false"))
    if yes == no:
        raise Unreadable(words("yes_no", locale))
    return Value(yes > no, words("yes" if yes > no else "no", locale))


def _near(said: str, known: Sequence[str]) -> float:
    best = max(fuzz.ratio(said, word) for word in known)
    first = said.split(" ")[0].strip(",.!")
    if first in known:
        best = max(best, 90.0)
    return best if best >= (NEAR_WORD if len(said) > 3 else 100) or first in known else 0.0


_READERS: Mapping[str, Any] = {
    "text": _text,
    "number": _number,
    "email": _email,
    "phone": _phone,
    "date": _date,
    "choice": _choice,
    "yes_no": _yes_no,
}
