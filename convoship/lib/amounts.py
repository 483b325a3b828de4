"""Numbers as people read them."""

from __future__ import annotations

from decimal import Decimal

# Money is counted in whole billionths of a US dollar: a token of the cheapest models takes more than one.
NANO = 1_000_000_000


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


def money(nano: int) -> str:
    """Billionths of a US dollar as `0.0025 USD`: two places at least, and no more than there are."""
    whole_part, _, rest = f"{Decimal(nano) / NANO:.9f}".partition(".")
    return f"{whole_part}.{rest[:2]}{rest[2:].rstrip('0')} USD"
