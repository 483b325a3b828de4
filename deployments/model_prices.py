"""What a model costs: the workspace's own rows, then a small table of public prices, each with its page and its day.

The table holds what a provider's own page was seen to say, and nothing else; whoever finds another price there says so
in a row of their workspace, which goes first. A name is found by the longest entry that fits it; an entry ends in `*`
where it is the beginning of names. Of several of the workspace's own, the one that holds on the day counts. What
nothing fits has no price.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from convoship.lib import rows
from convoship.lib.tenancy import entered_workspace_id
from deployments.responders.base import Usage

_TABLE = Path(__file__).with_suffix(".json")
# From US dollars for a million tokens to billionths of a dollar for one.
_NANO_A_TOKEN = 1000
# US dollars for a million tokens: what is dearer was mistyped.
DEAREST = Decimal(100_000)


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens, read and written. `is_own`: the workspace said so."""

    model: str
    price_in: Decimal
    price_out: Decimal
    valid_from: dt.date
    is_own: bool

    def of(self, usage: Usage) -> int:
        """Billionths of a dollar, rounded up."""
        return cost(usage, self.price_in, self.price_out)


def cost(usage: Usage, price_in: Decimal, price_out: Decimal) -> int:
    """Billionths of a dollar for so many tokens at these prices, rounded up."""
    exact = (usage.tokens_in * price_in + usage.tokens_out * price_out) * _NANO_A_TOKEN
    return int(exact.to_integral_value(ROUND_CEILING))


@dataclass(frozen=True)
class Listed:
    """What one provider's page (`source`) said on a day."""

    provider: str
    source: str
    as_of: dt.date
    prices: tuple[Price, ...]


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    """As it is committed: {about, currency, providers: [{provider, source, as_of, prices: [{models, in, out}]}]}."""
    whole: dict[str, Any] = json.loads(_TABLE.read_text())
    return whole


@lru_cache(maxsize=1)
def listed() -> tuple[Listed, ...]:
    """The product's own prices, by whose page they stand on."""
    return tuple(_listed(each) for each in _table()["providers"])


def _listed(each: dict[str, Any]) -> Listed:
    as_of = dt.date.fromisoformat(each["as_of"])
    prices = tuple(
        Price(name, Decimal(row["in"]), Decimal(row["out"]), as_of, is_own=False)
        for row in each["prices"]
        for name in row["models"]
    )
    return Listed(each["provider"], each["source"], as_of, prices)


@lru_cache(maxsize=1)
def defaults() -> tuple[Price, ...]:
    """The product's own prices, one a name."""
    return tuple(price for each in listed() for price in each.prices)


def about() -> str:
    """What the product's prices are, and on which pages they stand."""
    pages = ", ".join(f"{each.provider} ({each.source}, {each.as_of.isoformat()})" for each in listed())
    return f"{_table()['about']} Read at {pages}."


def own() -> list[Price]:
    """The workspace's rows, the newest first. Inside `tenant()`."""
    found = rows.every(
        "SELECT model, price_in, price_out, valid_from FROM deployments_modelprice"
        " WHERE workspace_id = %s ORDER BY valid_from DESC, model",
        [entered_workspace_id()],
    )
    return [Price(model, price_in, price_out, since, is_own=True) for model, price_in, price_out, since in found]


def price_of(model: str, day: dt.date) -> Price | None:
    """What a model costs on a day, None where nobody says. Inside `tenant()`."""
    if not model:
        return None
    mine = [price for price in own() if price.valid_from <= day]
    return _best(model, mine) or _default(model)


@lru_cache(maxsize=256)
def _default(model: str) -> Price | None:
    """The product's own price, of a name that is asked for with every call."""
    return _best(model, defaults())


def _best(model: str, prices: list[Price] | tuple[Price, ...]) -> Price | None:
    fitting = [price for price in prices if _fits(price.model, model)]
    return max(fitting, key=lambda price: (len(price.model.rstrip("*")), price.valid_from), default=None)


def _fits(entry: str, model: str) -> bool:
    entry, model = entry.casefold(), model.casefold()
    return model.startswith(entry[:-1]) if entry.endswith("*") else entry == model
