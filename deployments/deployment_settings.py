"""A deployment's settings as typed values: its limits, its languages, its label, its end, its hours."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from deployments import file_settings
from deployments.safe_text import LONGEST_TEXT, TextRefused, clean_text

LONGEST_LABEL = 30
LONGEST_HOURS = 300
MOST_LANGUAGES = 20

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")
_LABEL = re.compile(r"[\w .+/#-]*")


@dataclass(frozen=True)
class Limit:
    """One limit that a deployment may narrow: what it counts, and the values it may take."""

    name: str
    words: str
    least: int
    most: int


LIMITS = (
    Limit("sessions_per_hour", "New conversations from one address in an hour", 1, 3600),
    Limit("messages_per_minute", "Messages of one visitor in a minute", 1, 120),
    Limit("message_characters", "Characters in one message", 1, LONGEST_TEXT),
)
LIMIT_NAMES = tuple(limit.name for limit in LIMITS)


class Refused(Exception):
    """A setting that can't be taken: `errors` by path, in plain words."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


def parse_limits(value: object) -> dict[str, int]:
    """The limits that are set; one that is null or left out is the server's."""
    if not isinstance(value, Mapping):
        raise Refused({"limits": ['An object such as {"messages_per_minute": 20}.']})
    errors: dict[str, list[str]] = {}
    known = {limit.name: limit for limit in LIMITS}
    found: dict[str, int] = {}
    for name, number in value.items():
        limit = known.get(name)
        if limit is None:
            errors[f"limits.{name}"[:100]] = [f"There is no such limit. There are: {', '.join(LIMIT_NAMES)}."]
        elif number is None:
            continue
        elif isinstance(number, bool) or not isinstance(number, int) or not limit.least <= number <= limit.most:
            errors[f"limits.{name}"] = [f"A whole number from {limit.least} to {limit.most}."]
        else:
            found[name] = number
    if errors:
        raise Refused(errors)
    return found


def parse_languages(values: object) -> list[str]:
    """Language tags in their usual spelling (BCP 47, as browsers send them), the first for everybody else."""
    errors: dict[str, list[str]] = {}
    found: list[str] = []
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise Refused({"languages": ['A list such as ["en", "de"], the first for everybody else.']})
    if len(values) > MOST_LANGUAGES:
        raise Refused({"languages": [f"At most {MOST_LANGUAGES} languages."]})
    for position, value in enumerate(values):
        tag = _usual(value) if isinstance(value, str) else ""
        if not _LANGUAGE.fullmatch(tag):
            errors[f"languages[{position}]"] = ["A language tag such as en, de or pt-BR."]
        elif tag not in found:
            found.append(tag)
    if errors:
        raise Refused(errors)
    return found


def _usual(tag: str) -> str:
    """`PT_br` as `pt-BR`, `zh-hant` as `zh-Hant`."""
    first, *others = tag.strip().replace("_", "-").split("-")
    return "-".join([first.lower(), *(part.title() if len(part) == 4 else part.upper() for part in others)])


def parse_label(value: object) -> str:
    """The environment's name."""
    label = _line("label", value)
    if len(label) > LONGEST_LABEL or not _LABEL.fullmatch(label):
        raise Refused({"label": [f"At most {LONGEST_LABEL} letters and digits, such as production or staging."]})
    return label


def parse_hours(value: object) -> str:
    """When people are there, in words."""
    text = _line("hours_text", value)
    if len(text) > LONGEST_HOURS:
        raise Refused({"hours_text": [f"At most {LONGEST_HOURS} characters."]})
    return text


def _line(name: str, value: object) -> str:
    try:
        return " ".join(clean_text(value).split())
    except TextRefused as refused:
        raise Refused({name: [refused.message]}) from None


def parse_files(value: object) -> dict[str, Any]:
    """Whether visitors may send files, and which; what is left out is as `FileSettings` has it."""
    errors = file_settings.faults(value)
    if errors or not isinstance(value, Mapping):
        raise Refused(errors)
    return file_settings.parsed(value)


def parse_flag(name: str, value: object) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise Refused({name: ["true or false."]})
    return value


def parse_end(value: object, known: dt.datetime | None = None) -> dt.datetime | None:
    """The end of its time: a moment to come (ISO 8601 with an offset), the one it has already, or None for no end."""
    if value is None or value == "":
        return None
    try:
        moment = value if isinstance(value, dt.datetime) else parse_datetime(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused({"expires_at": ["A moment such as 2027-01-31T18:00:00Z, or null for no end."]})
    try:
        moment = moment.astimezone(dt.UTC)
    except OverflowError:
        raise Refused({"expires_at": ["A moment such as 2027-01-31T18:00:00Z, or null for no end."]}) from None
    if moment <= timezone.now() and moment != known:
        raise Refused({"expires_at": ["That moment is over. Choose one to come, or press Revoke to end it now."]})
    return moment


def language_for(languages: Sequence[str], asked: str) -> str:
    """The language to speak with a visitor whose browser asks for `asked`: the same, a near one, else the first."""
    if not languages:
        return asked
    tag = _usual(asked)
    if tag in languages:
        return tag
    wanted = tag
    while "-" in wanted:
        # `zh-Hant-TW` is nearer to `zh-Hant` than to `zh`.
        wanted = wanted.rpartition("-")[0]
        if wanted in languages:
            return wanted
    return next((language for language in languages if language.split("-")[0] == wanted), languages[0])


def settings_of(changes: Mapping[str, Any], ends_at: dt.datetime | None = None) -> dict[str, Any]:
    """The changes with each setting parsed; `Refused` with every one that can't be taken. `ends_at`: its end so far."""
    parsers: Mapping[str, Callable[[object], object]] = {
        "label": parse_label,
        "limits": parse_limits,
        "languages": parse_languages,
        "hours_text": parse_hours,
        "expires_at": partial(parse_end, known=ends_at),
        "files": parse_files,
        "allow_server_callers": partial(parse_flag, "allow_server_callers"),
        "identity_required": partial(parse_flag, "identity_required"),
    }
    errors: dict[str, list[str]] = {}
    parsed = dict(changes)
    for name, value in changes.items():
        if name in parsers:
            try:
                parsed[name] = parsers[name](value)
            except Refused as refused:
                errors.update(refused.errors)
    if errors:
        raise Refused(errors)
    return parsed
