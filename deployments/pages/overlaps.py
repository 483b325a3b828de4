"""How long an old token or secret goes on once there is a new one: what a page offers, and what was chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.http import QueryDict

OVERLAPS = {
    "0": "ends at once",
    "3600": "goes on for an hour",
    "86400": "goes on for a day",
    "604800": "goes on for a week",
}
CUSTOM = "custom"
USUAL = "86400"
# What no act takes, so that the act says in its words what it does take.
_NOT_A_TIME = -1


def seconds_of(data: QueryDict) -> int:
    """The seconds that were chosen: one of `OVERLAPS`, or `hours` of one's own."""
    chosen = data.get("overlap", "")
    if chosen in OVERLAPS:
        return int(chosen)
    hours = data.get("hours", "").strip()
    if chosen != CUSTOM or not re.fullmatch(r"[0-9]{1,4}", hours):
        return _NOT_A_TIME
    return int(hours) * 3600


@dataclass(frozen=True)
class Typed:
    """A form that rotates, as it was sent: `chosen` of `OVERLAPS` or `CUSTOM`, and what is wrong, if anything is."""

    chosen: str = USUAL
    hours: str = ""
    error: str = ""

    @classmethod
    def refused(cls, data: QueryDict) -> Typed:
        """The form with why it was refused."""
        if data.get("overlap", "") != CUSTOM:
            return cls(error="Choose how long the old one goes on.")
        return cls(
            CUSTOM, data.get("hours", "").replace("\x00", "")[:20], "For how many hours? A whole number from 0 to 720."
        )
