"""The form of the rules of hand-overs: as content is shown in it, as it was typed, and the content that was meant.

What was typed is kept as it is, row by row, so that a page with mistakes shows it again. `content` drops rows that were
left empty; checking is the work of `handoff_rules`, whose paths lead back to the fields.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from deployments.desks import INBOX
from deployments.handoff_rules import FORM_FIELDS, MOST_DESKS, MOST_HOLIDAYS, MOST_SPANS, whole
from deployments.opening_hours import DAYS
from deployments.responders.schema import MOST_LANGUAGES
from deployments.words import HANDOFF_STEPS

UNITS = (("hours", 3600), ("minutes", 60), ("seconds", 1))
_SIZES = dict(UNITS)
_MOST_ROWS = 200
_CLOCK = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2})?)?")


@dataclass
class Also:
    """Other words of a step: for a language, a channel, or both."""

    language: str = ""
    channel: str = ""
    text: str = ""


@dataclass
class Words:
    """The words of one step."""

    text: str = ""
    also: list[Also] = field(default_factory=list)


@dataclass
class Typed:
    """Every field of the form, as text where text can be typed."""

    on_request: bool = True
    after_failures: str = ""
    keywords: str = ""
    desks: list[str] = field(default_factory=lambda: [INBOX])
    wait: tuple[str, str] = ("5", "minutes")
    silence: tuple[str, str] = ("15", "minutes")
    has_hours: bool = False
    time_zone: str = ""
    days: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: {day: [] for day in DAYS})
    holidays: list[tuple[str, str]] = field(default_factory=list)
    when_closed: str = "wait"
    form: list[str] = field(default_factory=list)
    texts: dict[str, Words] = field(default_factory=lambda: {step: Words() for step in HANDOFF_STEPS})

    @classmethod
    def of_content(cls, rules: Mapping[str, Any]) -> Typed:
        """The form as these (checked) rules are."""
        all_of_it = whole(rules)
        hours = rules.get("hours", {})
        typed = cls(
            on_request=all_of_it["on_request"],
            after_failures=str(rules.get("after_failures", "")),
            keywords="\n".join(all_of_it["keywords"]),
            desks=list(all_of_it["desks"]),
            wait=_amount(all_of_it["longest_wait_seconds"]),
            silence=_amount(all_of_it["longest_silence_seconds"]),
            has_hours="hours" in rules,
            time_zone=hours.get("time_zone", ""),
            days={day: [(begin, end) for begin, end in hours.get("days", {}).get(day, ())] for day in DAYS},
            holidays=[(each["date"], each.get("name", "")) for each in hours.get("holidays", ())],
            when_closed=all_of_it["when_closed"],
            form=list(all_of_it["form"]),
        )
        for step, words in all_of_it["texts"].items():
            others = [
                Also(each.get("language", ""), each.get("channel", ""), each["text"]) for each in words.get("also", ())
            ]
            typed.texts[step] = Words(words["text"], others)
        return typed

    @classmethod
    def of_post(cls, data: QueryDict) -> Typed:
        """The form as it was sent."""
        order = [name for name in data.get("form_order", "").split(",") if name in FORM_FIELDS]
        asked = [name for name in dict.fromkeys([*order, *FORM_FIELDS]) if data.get(f"form_{name}")]
        typed = cls(
            on_request=bool(data.get("on_request")),
            after_failures=_said(data, "after_failures"),
            keywords=_said(data, "keywords"),
            desks=[_said(data, f"desk_{place}") for place in _places(data, "desk_{}", MOST_DESKS)],
            wait=(_said(data, "wait"), _said(data, "wait_unit")),
            silence=(_said(data, "silence"), _said(data, "silence_unit")),
            has_hours=bool(data.get("has_hours")),
            time_zone=_said(data, "time_zone"),
            when_closed="return" if data.get("when_closed") == "return" else "wait",
            form=asked,
        )
        for day in DAYS:
            places = _places(data, f"{day}_{{}}_from", MOST_SPANS)
            typed.days[day] = [(_said(data, f"{day}_{at}_from"), _said(data, f"{day}_{at}_to")) for at in places]
        places = _places(data, "holiday_{}_date", MOST_HOLIDAYS)
        typed.holidays = [(_said(data, f"holiday_{at}_date"), _said(data, f"holiday_{at}_name")) for at in places]
        for step in HANDOFF_STEPS:
            others = [
                Also(*(_said(data, f"also_{step}_{at}_{part}") for part in ("language", "channel", "text")))
                for at in _places(data, f"also_{step}_{{}}_text", MOST_LANGUAGES)
            ]
            typed.texts[step] = Words(_said(data, f"text_{step}"), others)
        return typed

    def without_empty(self) -> Typed:
        """The form without rows in which nothing was typed: what its content's paths count."""
        self.desks = [ref for ref in self.desks if ref]
        self.days = {day: [span for span in spans if any(span)] for day, spans in self.days.items()}
        self.holidays = [each for each in self.holidays if any(each)]
        for words in self.texts.values():
            words.also = [each for each in words.also if each.text or each.language or each.channel]
        return self

    def content(self) -> dict[str, Any]:
        """The rules that were meant, unchecked; call `without_empty` first."""
        content: dict[str, Any] = {
            "longest_wait_seconds": _seconds(self.wait),
            "longest_silence_seconds": _seconds(self.silence),
            "on_request": self.on_request,
            "keywords": [line.strip() for line in self.keywords.splitlines() if line.strip()],
            "when_closed": self.when_closed,
            "form": self.form,
            "texts": {step: _words(words) for step, words in self.texts.items() if words.text or words.also},
        }
        if self.desks:
            content["desks"] = self.desks
        if self.after_failures:
            content["after_failures"] = _number(self.after_failures)
        if self.has_hours:
            content["hours"] = {
                "time_zone": self.time_zone,
                "days": {day: [[clock(begin), clock(end)] for begin, end in spans] for day, spans in self.days.items()},
                "holidays": [{"date": day, **({"name": name} if name else {})} for day, name in self.holidays],
            }
        return content


def _said(data: QueryDict, name: str) -> str:
    return data.get(name, "").replace("\r\n", "\n").strip()


def _places(data: QueryDict, name: str, most: int) -> Sequence[int]:
    """The rows that were sent: their numbers, without holes up to the first that is missing."""
    count = 0
    while name.format(count) in data and count <= min(most, _MOST_ROWS):
        count += 1
    return range(count)


def _words(words: Words) -> dict[str, Any]:
    others = [{key: value for key, value in vars(each).items() if value or key == "text"} for each in words.also]
    return {"text": words.text, **({"also": others} if others else {})}


def _amount(seconds: int) -> tuple[str, str]:
    return next((str(seconds // size), unit) for unit, size in UNITS if seconds % size == 0)


def _seconds(amount: tuple[str, str]) -> object:
    number = _number(amount[0])
    return number * _SIZES.get(amount[1], 60) if isinstance(number, int) else number


def _number(typed: str) -> object:
    """A number where digits were typed; anything else is refused in the rule's own words."""
    return int(typed) if re.fullmatch(r"[0-9]{1,9}", typed, re.ASCII) else typed


def clock(typed: str) -> str:
    """`9`, `9.30` and `9h30` as `09:00` and `09:30`; anything else as it is, to be refused."""
    found = _CLOCK.fullmatch(typed)
    return f"{int(found[1]):02d}:{found[2] or '00'}" if found else typed


# --- Rows, by buttons that send the form --------------------------------------------------------------------------


def changed_rows(typed: Typed, op: str) -> bool:
    """Do what a button of the form's rows says; whether it was one of those."""
    what, _, rest = op.partition("-")
    act = _ACTS.get(what)
    if act is None:
        return False
    act(typed, rest)
    return True


def _move_desk(typed: Typed, place: str) -> None:
    at = _at(place, typed.desks)
    if at:
        typed.desks[at - 1], typed.desks[at] = typed.desks[at], typed.desks[at - 1]


def _remove_desk(typed: Typed, place: str) -> None:
    at = _at(place, typed.desks)
    if at is not None and len(typed.desks) > 1:
        del typed.desks[at]


def _add_desk(typed: Typed, rest: str) -> None:
    if len(typed.desks) < MOST_DESKS:
        typed.desks.append("")


def _add_span(typed: Typed, day: str) -> None:
    if day in typed.days and len(typed.days[day]) < MOST_SPANS:
        # The first row is always drawn, so a second one is asked for.
        typed.days[day] = [*(typed.days[day] or [("", "")]), ("", "")]


def _copy_monday(typed: Typed, rest: str) -> None:
    for day in DAYS[1:5]:
        typed.days[day] = list(typed.days["mon"])


def _add_holiday(typed: Typed, rest: str) -> None:
    if len(typed.holidays) < MOST_HOLIDAYS:
        typed.holidays.append(("", ""))


def _remove_holiday(typed: Typed, place: str) -> None:
    at = _at(place, typed.holidays)
    if at is not None:
        del typed.holidays[at]


def _add_also(typed: Typed, step: str) -> None:
    words = typed.texts.get(step)
    if words is not None and len(words.also) < MOST_LANGUAGES:
        words.also.append(Also())


def _remove_also(typed: Typed, rest: str) -> None:
    step, _, place = rest.partition("-")
    words = typed.texts.get(step)
    at = _at(place, words.also) if words is not None else None
    if words is not None and at is not None:
        del words.also[at]


def _at(place: str, rows: Sequence[object]) -> int | None:
    at = int(place) if re.fullmatch(r"[0-9]{1,3}", place, re.ASCII) else -1
    return at if 0 <= at < len(rows) else None


_ACTS = {
    "deskup": _move_desk,
    "deskout": _remove_desk,
    "deskadd": _add_desk,
    "spanadd": _add_span,
    "copymonday": _copy_monday,
    "holidayadd": _add_holiday,
    "holidayout": _remove_holiday,
    "alsoadd": _add_also,
    "alsoout": _remove_also,
}


def take_holidays(typed: Typed, found: Sequence[tuple[dt.date, str]]) -> tuple[int, int]:
    """Put these days into the list, in order: how many came, and how many found no place."""
    typed.holidays = [each for each in typed.holidays if any(each)]
    there = {day for day, _ in typed.holidays}
    new = [(day.isoformat(), name[:80]) for day, name in found if day.isoformat() not in there]
    fit = new[: max(0, MOST_HOLIDAYS - len(typed.holidays))]
    typed.holidays = sorted([*typed.holidays, *fit])
    return len(fit), len(new) - len(fit)
