"""Quiet hours: when nobody is sent what they did not ask for, by the clock where their number is. Pure.

A number tells its time zone, or several: of a mobile number of a large country, say. Then it is quiet as long as it is
in any of them; and where that would be for ever (numbers of a whole continent), as it is in the one in the middle.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import timezone as zones

_FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*[-\u2013]\s*([01]\d|2[0-3]):([0-5]\d)")
STEP, AHEAD = dt.timedelta(minutes=5), dt.timedelta(days=1)
CODE = "quiet_hours"


@dataclass(frozen=True)
class QuietHours:
    """From when until when; over midnight where it ends before it begins."""

    begins: dt.time
    ends: dt.time

    @classmethod
    def of(cls, text: str) -> QuietHours | None:
        """Of `21:00-08:00`; None where there are none. ValueError with words for anything else."""
        if not text.strip():
            return None
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise ValueError("Write from when until when, such as 21:00-08:00.")
        begins, ends = dt.time(int(found[1]), int(found[2])), dt.time(int(found[3]), int(found[4]))
        if begins == ends:
            raise ValueError("These hours begin when they end. Leave them empty for none.")
        return cls(begins, ends)

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"

    def holds(self, at: dt.datetime) -> bool:
        """Whether it is quiet at this moment of its own clock."""
        clock = at.time()
        if self.begins < self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends


@dataclass(frozen=True)
class Quiet:
    """It is quiet where they are, until then; `there` is the clock of the zone that was asked."""

    until: dt.datetime
    there: dt.datetime

    @property
    def clock(self) -> str:
        """What time it is there: `13:06`."""
        return f"{self.there:%H:%M}"

    @property
    def ends_there(self) -> str:
        """Until when it is quiet, by the same clock: `08:00`."""
        return f"{self.until.astimezone(self.there.tzinfo):%H:%M}"


def now_at(number: str, hours: QuietHours | None, now: dt.datetime) -> Quiet | None:
    """Whether it is quiet where this number is; None where it isn't, or nobody knows where that is."""
    known = zones_of(number)
    if hours is None or not known:
        return None
    ends = _ends(known, hours, now)
    if ends is None:
        known = [sorted(known, key=lambda zone: now.astimezone(zone).utcoffset() or dt.timedelta())[len(known) // 2]]
        ends = _ends(known, hours, now)
    quiet = next((zone for zone in known if hours.holds(now.astimezone(zone))), None)
    return Quiet(ends, now.astimezone(quiet)) if quiet is not None and ends is not None else None


def _ends(known: list[ZoneInfo], hours: QuietHours, now: dt.datetime) -> dt.datetime | None:
    """From when on it is quiet in none of them; None where that is not within a day."""
    at = now
    while at <= now + AHEAD:
        if not any(hours.holds(at.astimezone(zone)) for zone in known):
            return at
        # On the next whole step of the clock.
        at = dt.datetime.fromtimestamp((at.timestamp() // STEP.total_seconds() + 1) * STEP.total_seconds(), dt.UTC)
    return None


def zones_of(number: str) -> list[ZoneInfo]:
    """The time zones that a number in E.164 may be in."""
    try:
        names = zones.time_zones_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return []
    found = []
    for name in names:
        try:
            found.append(ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError):
            continue  # Etc/Unknown, and what this machine has no table of
    return found
