"""What the page of the rules of hand-overs draws: its fields, each with what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from deployments import desks
from deployments.desks import Choice
from deployments.handoff_outline import DAY_NAMES, FORM_NAMES, STEP_TITLES
from deployments.handoff_rules import FORM_FIELDS, MOST_DESKS, MOST_HOLIDAYS, MOST_SPANS, VALUES_OF_STEPS
from deployments.pages.rules_typed import UNITS, Typed, Words
from deployments.responders.schema import CHANNELS, MOST_LANGUAGES
from deployments.words import HANDOFF_STEPS, say

Errors = Mapping[str, list[str]]

_LENGTHS = {
    "longest_wait_seconds": "A whole number: 30 seconds at least, and 24 hours at most.",
    "longest_silence_seconds": "A whole number: 60 seconds at least, and 24 hours at most.",
    "after_failures": "A whole number from 1 to 10, or nothing.",
}
CHANNEL_NAMES = {"web": "Web", "whatsapp": "WhatsApp", "sms": "SMS", "voice": "Phone", "webhook": "Webhook"}


@dataclass(frozen=True)
class Row:
    """A row of a list in the form: its number and values, and what is wrong with them."""

    number: int
    values: Sequence[str]
    errors: Sequence[str] = ()
    is_gone: bool = False

    @property
    def number_text(self) -> str:
        """Its number, for a name in the form."""
        return str(self.number)


@dataclass(frozen=True)
class Day:
    """The hours of one day."""

    key: str
    name: str
    rows: Sequence[Row]
    errors: Sequence[str]
    has_room: bool


@dataclass(frozen=True)
class Step:
    """The words of one step."""

    key: str
    title: str
    text: str
    placeholder: str
    values: Sequence[str]
    errors: Sequence[str]
    others: Sequence[Row]
    has_room: bool

    @property
    def is_own(self) -> bool:
        """Whether it has words of its own."""
        return bool(self.text or self.others)


@dataclass
class Drawn:
    """The form as it is drawn."""

    typed: Typed
    errors: Errors = field(default_factory=dict)

    def _at(self, *paths: str) -> list[str]:
        """What is wrong at these paths, or below them; each message once."""
        found = [
            said
            for path, each in self.errors.items()
            if any(path == wanted or path.startswith((f"{wanted}.", f"{wanted}[")) for wanted in paths)
            for said in each
        ]
        return list(dict.fromkeys(found))

    @property
    def count(self) -> int:
        """How many things are wrong."""
        return sum(len(each) for each in self.errors.values())

    @property
    def rest(self) -> list[str]:
        """What is wrong and has no field."""
        return self.errors.get("", [])

    @property
    def after_failures_errors(self) -> list[str]:
        """What is wrong with the count."""
        return [_LENGTHS["after_failures"]] if self._at("after_failures") else []

    @property
    def wait_errors(self) -> list[str]:
        """What is wrong with the longest wait."""
        return [_LENGTHS["longest_wait_seconds"]] if self._at("longest_wait_seconds") else []

    @property
    def silence_errors(self) -> list[str]:
        """What is wrong with the longest silence."""
        return [_LENGTHS["longest_silence_seconds"]] if self._at("longest_silence_seconds") else []

    @property
    def keyword_errors(self) -> list[str]:
        """What is wrong with the words, each with the word."""
        words = [line.strip() for line in self.typed.keywords.splitlines() if line.strip()]
        found = []
        for path, said in self.errors.items():
            which = re.fullmatch(r"keywords\[([0-9]+)\]", path)
            named = f"“{words[int(which[1])][:40]}”: " if which and int(which[1]) < len(words) else ""
            found += [f"{named}{each}" for each in said if path.startswith("keywords")]
        return found

    @property
    def time_zone_errors(self) -> list[str]:
        """What is wrong with the time zone."""
        if not self._at("hours.time_zone"):
            return []
        return self._at("hours.time_zone") if self.typed.time_zone else ["Choose the time zone of these hours."]

    @property
    def desks(self) -> list[Row]:
        """The desks, in order."""
        known = {choice.ref for choice in self.choices}
        return [
            Row(place, [ref], self._at(f"desks[{place}]"), bool(ref) and ref not in known)
            for place, ref in enumerate(self.typed.desks or [""])
        ]

    @property
    def desk_errors(self) -> list[str]:
        """What is wrong with the list."""
        return self.errors.get("desks", [])

    @property
    def choices(self) -> list[Choice]:
        """The desks that there are."""
        return desks.choices()

    @property
    def rehearsals(self) -> list[Choice]:
        """Those of the named desks behind which nobody real is, in order."""
        played = {choice.ref: choice for choice in self.choices if choice.is_rehearsal}
        return [played[ref] for ref in dict.fromkeys(self.typed.desks) if ref in played]

    @property
    def has_room_for_desk(self) -> bool:
        """Whether another desk can be named: there is one, and room for it."""
        return len(self.typed.desks) < min(MOST_DESKS, len(self.choices))

    @property
    def days(self) -> list[Day]:
        """The week."""
        return [self._day(key, name) for key, name in DAY_NAMES.items()]

    def _day(self, key: str, name: str) -> Day:
        spans = self.typed.days[key] or [("", "")]
        path = f"hours.days.{key}"
        rows = [Row(place, span, self._at(f"{path}[{place}]")) for place, span in enumerate(spans)]
        return Day(key, name, rows, self.errors.get(path, []), len(spans) < MOST_SPANS)

    @property
    def holidays(self) -> list[Row]:
        """The days without hours."""
        return [
            Row(place, each, self._at(f"hours.holidays[{place}]")) for place, each in enumerate(self.typed.holidays)
        ]

    @property
    def holiday_errors(self) -> list[str]:
        """What is wrong with the list, and with what was to be taken into it."""
        return self.errors.get("hours.holidays", [])

    @property
    def has_room_for_holiday(self) -> bool:
        """Whether another day can be named."""
        return len(self.typed.holidays) < MOST_HOLIDAYS

    @property
    def form_fields(self) -> list[tuple[str, str, bool]]:
        """What may be asked before: key, name, whether it is."""
        order = dict.fromkeys([*self.typed.form, *FORM_FIELDS])
        return [(name, FORM_NAMES[name], name in self.typed.form) for name in order]

    @property
    def steps(self) -> list[Step]:
        """The words of each step."""
        return [self._step(key, self.typed.texts[key]) for key in HANDOFF_STEPS]

    def _step(self, key: str, words: Words) -> Step:
        path = f"texts.{key}"
        others = [
            Row(place, (each.language, each.channel, each.text), self._at(f"{path}.also[{place}]"))
            for place, each in enumerate(words.also)
        ]
        values = sorted(VALUES_OF_STEPS.get(key, ()))
        default = f"{key}_at" if "opens_at" in values and self.typed.has_hours else key
        placeholder = say(default, "en", **{name: f"{{{{{name}}}}}" for name in values})
        errors = self._at(f"{path}.text")
        if errors and not words.text:
            errors = ["Write what everybody else is told, beside the other words."]
        room = len(words.also) < MOST_LANGUAGES
        return Step(key, STEP_TITLES[key], words.text, placeholder, values, errors, others, room)

    @property
    def units(self) -> list[str]:
        """The units of a length of time."""
        return [unit for unit, _ in UNITS]

    @property
    def channels(self) -> list[tuple[str, str]]:
        """The channels that words may be for."""
        return [(channel, CHANNEL_NAMES[channel]) for channel in CHANNELS]


def time_zones() -> list[str]:
    """The names that one chooses from: places, and UTC."""
    return ["UTC", *sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))]
