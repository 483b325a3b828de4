"""When people are there: weekly hours with holidays in a time zone. Pure.

`{time_zone, days: {mon: [["09:00", "17:00"], ...], ...}, holidays: [{date, name?}]}`: times are the wall clock's in
`time_zone` (an IANA name), `24:00` ends a day; a day that is left out, and a holiday, has no hours. They apply to
people only, never to the assistant.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import formats, translation

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# So far ahead is looked for the next opening: beyond it there is none that a visitor would wait for.
LOOKED_AHEAD = 60

Span = tuple[int, int]


@dataclass(frozen=True)
class OpeningHours:
    """Hours of a week: minutes of the day from and to, by weekday (0 = Monday), and the days without any."""

    zone: ZoneInfo
    week: Mapping[int, Sequence[Span]]
    holidays: frozenset[dt.date]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> OpeningHours:
        """The hours that this (checked) content says."""
        return cls(
            zone=ZoneInfo(content["time_zone"]),
            week={
                DAYS.index(day): tuple((minutes(begin), minutes(end)) for begin, end in spans)
                for day, spans in content.get("days", {}).items()
            },
            holidays=frozenset(dt.date.fromisoformat(one["date"]) for one in content.get("holidays", ())),
        )

    def is_open(self, at: dt.datetime) -> bool:
        """Whether somebody is there at this moment."""
        return any(begin <= at < end for begin, end in self._spans_of(at.astimezone(self.zone).date()))

    def opens_at(self, at: dt.datetime) -> dt.datetime | None:
        """The next moment at which the hours begin, or `at` where they run; None within the days looked ahead."""
        if self.is_open(at):
            return at
        today = at.astimezone(self.zone).date()
        for days in range(LOOKED_AHEAD + 1):
            for begin, end in self._spans_of(today + dt.timedelta(days=days)):
                if end > at and begin >= at:
                    return begin
        return None

    def closes_at(self, at: dt.datetime) -> dt.datetime | None:
        """Until when the hours that run at this moment go on; None where none run, or they don't end within a week."""
        if not self.is_open(at):
            return None
        # What ends at midnight and begins again then goes on.
        today, end = at.astimezone(self.zone).date(), at
        for days in range(8):
            for begin, until in self._spans_of(today + dt.timedelta(days=days)):
                if begin <= end < until:
                    end = until
        return end if end - at < dt.timedelta(days=7) else None

    def _spans_of(self, day: dt.date) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        if day in self.holidays:
            return
        for begin, end in sorted(self.week.get(day.weekday(), ())):
            yield self._moment(day, begin), self._moment(day, end)

    def _moment(self, day: dt.date, minute: int) -> dt.datetime:
        """The wall clock's moment in UTC: sums of moments in one zone ignore that clocks are put forward and back."""
        whole, rest = divmod(minute, 24 * 60)
        at = dt.datetime.combine(day + dt.timedelta(days=whole), dt.time(*divmod(rest, 60)), self.zone)
        return at.astimezone(dt.UTC)

    def words_of(self, moment: dt.datetime, locale: str) -> str:
        """A moment as a visitor reads it: weekday, day and time on the clock of these hours, with its zone."""
        local = moment.astimezone(self.zone)
        language = (locale or "en").replace("_", "-").split("-")[0].lower()
        with translation.override(language if translation.check_for_language(language) else "en"):
            day = formats.date_format(local, "l, j F")
            return f"{day}, {local:%H:%M} ({local:%Z})"


def minutes(clock: str) -> int:
    """`"09:30"` as minutes of the day."""
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


def faults(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a schema can't say about hours of the right shape: path -> messages in plain words."""
    found: dict[str, list[str]] = {}
    try:
        ZoneInfo(content["time_zone"])
    except (ValueError, OSError, KeyError):
        found["time_zone"] = ["There is no such time zone. Use a name such as Europe/Berlin or America/New_York."]
    for day, spans in content.get("days", {}).items():
        told = [(minutes(begin), minutes(end)) for begin, end in spans]
        for index, (begin, end) in enumerate(told):
            if begin >= end:
                found[f"days.{day}[{index}]"] = [
                    "This ends before it begins. Hours over midnight are two: until 24:00, and from 00:00."
                ]
        ordered = sorted(told)
        if any(later[0] < earlier[1] for earlier, later in pairwise(ordered)):
            found.setdefault(f"days.{day}", ["Two of these overlap. Make one of them."])
    for index, one in enumerate(content.get("holidays", ())):
        try:
            dt.date.fromisoformat(one["date"])
        except ValueError:
            found[f"holidays[{index}].date"] = ["There is no such day. Write it as 2027-12-25."]
    return found
