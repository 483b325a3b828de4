"""How long an old token or secret goes on once there is a new one: what a page offers, and what was chosen."""

from __future__ import annotations

import re

from django.http import QueryDict

OVERLAPS = {
    "0": "ends at once",
    "3600": "goes on for an hour",
    "86400": "goes on for a day",
    "604800": "goes on for a week",
}
CUSTOM = "custom"
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
