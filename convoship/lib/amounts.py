"""Numbers as people read them."""

from __future__ import annotations


def whole(value: int) -> str:
    """1,234."""
    return f"{value:,}"


def percent(share: float | None) -> str:
    """A share of 0 to 1 as `83 %`; never 0 or 100 for what is not quite; a dash where there is none."""
    if share is None:
        return "–"
    if 0 < share < 0.01:
        return "under 1\N{NO-BREAK SPACE}%"
    if 0.99 < share < 1:
        return "over 99\N{NO-BREAK SPACE}%"
    return f"{round(share * 100)}\N{NO-BREAK SPACE}%"
