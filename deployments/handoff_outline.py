"""The rules of hand-overs as a person reads them, line by line: for versions, comparisons and the rules' own page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployments.desks import INBOX
from deployments.words import language_of

STEP_TITLES: Mapping[str, str] = {
    "waiting": "A person is asked for",
    "closed": "Nobody is there, and the assistant goes on",
    "closed_wait": "Nobody is there, and the conversation waits",
    "ask_name": "Asking for the name",
    "ask_email": "Asking for the e-mail address",
    "ask_question": "Asking for the question",
    "form_done": "All is answered",
    "accepted": "Somebody will come",
    "joined": "Somebody has joined",
    "changed": "Somebody else goes on",
    "gone": "Who was there is gone",
    "nobody_came": "Nobody came in time",
    "returned": "Back to the assistant",
    "resolved": "Closed by a person",
}
DAY_NAMES: Mapping[str, str] = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
FORM_NAMES: Mapping[str, str] = {"name": "Name", "email": "E-mail address", "question": "Question"}
_SIZES = (86_400, 3600, 60, 1)
# Of each size: one, and several. In German as after "innerhalb von".
_UNITS: Mapping[str, Sequence[tuple[str, str]]] = {
    "en": (("day", "days"), ("hour", "hours"), ("minute", "minutes"), ("second", "seconds")),
    "de": (("Tag", "Tagen"), ("Stunde", "Stunden"), ("Minute", "Minuten"), ("Sekunde", "Sekunden")),
}
_AND: Mapping[str, str] = {"en": " ", "de": " und "}

# (slot, label, text), as `outline.Line` has them.
Told = tuple[str, str, str]


def lines(rules: Mapping[str, Any]) -> Iterator[Told]:
    """What these rules say beside what holds anyway."""
    if "desks" in rules:
        yield "desks", "Where to", ", then ".join(desk_words(ref) for ref in rules["desks"])
    for name, label in (("longest_wait_seconds", "Longest wait"), ("longest_silence_seconds", "Longest silence")):
        if name in rules:
            yield name, label, duration(rules[name])
    if "on_request" in rules:
        yield "on_request", "Visitors may ask for a person", "Yes" if rules["on_request"] else "No"
    if "after_failures" in rules:
        count = rules["after_failures"]
        yield "after_failures", "After failures", f"{count} in a row" if count > 1 else "The first"
    yield from (("keyword", "Words that ask for a person", word) for word in rules.get("keywords", ()))
    if "hours" in rules:
        yield from _hours(rules["hours"])
    if "when_closed" in rules:
        goes_on = rules["when_closed"] == "return"
        yield "when_closed", "Out of hours", "The assistant goes on" if goes_on else "The conversation waits"
    if "form" in rules:
        yield "form", "Asked before", ", ".join(FORM_NAMES[name] for name in rules["form"])
    for step, words in rules.get("texts", {}).items():
        yield from _words(step, words)


def _hours(hours: Mapping[str, Any]) -> Iterator[Told]:
    yield "time_zone", "Time zone", hours["time_zone"]
    for day, name in DAY_NAMES.items():
        spans = hours["days"].get(day)
        if spans:
            yield f"day/{day}", name, ", ".join(f"{begin} to {end}" for begin, end in spans)
    for holiday in hours.get("holidays", ()):
        yield "holiday", "Holidays", " ".join([holiday["date"], holiday.get("name", "")]).strip()


def _words(step: str, words: Mapping[str, Any]) -> Iterator[Told]:
    yield f"text/{step}", STEP_TITLES[step], words["text"]
    for other in words.get("also", ()):
        language, channel = other.get("language", ""), other.get("channel", "")
        where = " ".join([f"in {language}"] * bool(language) + [f"on {channel}"] * bool(channel))
        yield f"text/{step}/{language}/{channel}", f"{STEP_TITLES[step]}, {where}", other["text"]


def desk_words(ref: str) -> str:
    """A desk, where its name can't be asked for."""
    return "Inbox" if ref == INBOX else f"connection {ref[:8]}"


def duration(seconds: int, locale: str = "en") -> str:
    """`1 hour 30 minutes`, in the closest language there is."""
    language = language_of(locale)
    said: list[str] = []
    for size, (one, several) in zip(_SIZES, _UNITS[language], strict=True):
        count, seconds = divmod(seconds, size)
        if count:
            said.append(f"{count} {several if count > 1 else one}")
    return _AND[language].join(said)
