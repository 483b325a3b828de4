"""Moments as JSON has them."""

from __future__ import annotations

import datetime as dt


def moment(value: dt.datetime) -> str:
    """ISO 8601 UTC with milliseconds: `2026-11-22T10:00:00.123Z`."""
    return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe_moment(value: dt.datetime | None) -> str | None:
    """The same, and None for a moment that has not come."""
    return moment(value) if value else None
