"""Who used what of models and bots, by day, visitor, origin and model. Reads only; inside `tenant()`.

Days are UTC's. A call whose end nobody has said yet counts as a message, and with no tokens.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone

from convoship.lib.amounts import money
from deployments.models import Person, Spending

MOST_DAYS = 90
DEFAULT_DAYS = 30
MOST_ROWS = 50


@dataclass(frozen=True)
class Row:
    """What one day, visitor, origin or model took. `cost` is billionths of a US dollar of what has a price."""

    key: str
    messages: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: int = 0
    unpriced: int = 0  # calls that have no price
    # What its visitor is called.
    words: str = ""

    def __add__(self, other: Row) -> Row:
        return Row(
            self.key,
            self.messages + other.messages,
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
        )

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.tokens_in + self.tokens_out

    @property
    def money(self) -> str:
        """In words; empty where nothing has a price."""
        return money(self.cost) if self.unpriced < self.calls else ""


@dataclass(frozen=True)
class Usage:
    """The usage of some days. Visitors, origins and models are those that took most, the most first."""

    since: dt.date
    total: Row
    days: Sequence[Row]
    visitors: Sequence[Row]
    origins: Sequence[Row]
    models: Sequence[Row]
    # What members took who tried an assistant, and their tests.
    tried: Row


def of(deployment_id: UUID | None = None, days: int = DEFAULT_DAYS) -> Usage:
    """The last so many days, today included, of a deployment or of the whole workspace."""
    since = timezone.now().date() - dt.timedelta(days=days - 1)
    calls = Spending.objects.filter(day__gte=since)
    if deployment_id is not None:
        calls = calls.filter(deployment=deployment_id)
    by_day = [_row(str(found["day"]), found) for found in _sums(calls.values("day")).order_by("-day")]
    total = sum(by_day, Row(""))
    return Usage(
        since,
        total,
        by_day,
        _named(_most(calls.exclude(visitor=None), "visitor")),
        _most(calls.exclude(origin=""), "origin"),
        _most(calls.exclude(model=""), "model"),
        sum((_row("", found) for found in _sums(calls.filter(visitor=None, origin="").values("day"))), Row("")),
    )


def visitors(calls: QuerySet[Spending], measure: str) -> list[Row]:
    """Who of those that can be named took most of these calls by a budget's measure, the most first."""
    rows = _most(calls.exclude(visitor=None), "visitor")
    most = {"messages": lambda row: row.messages, "tokens": lambda row: row.tokens}.get(measure, lambda row: row.cost)
    return sorted(_named(rows), key=most, reverse=True)


def _sums(groups: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    settled = Q(held_until=None)
    return groups.annotate(
        said=Sum("messages"),
        calls=Count("id"),
        read=Sum("tokens_in", filter=settled),
        written=Sum("tokens_out", filter=settled),
        price=Sum("cost", filter=settled),
        unpriced=Count("id", filter=Q(cost=None)),
    )


def _most(calls: QuerySet[Spending], field: str) -> list[Row]:
    found = _sums(calls.values(field)).order_by(F("price").desc(nulls_last=True), F("said").desc(), field)
    return [_row(str(row[field]), row) for row in found[:MOST_ROWS]]


def _row(key: str, found: dict[str, Any]) -> Row:
    def number(name: str) -> int:
        return int(found.get(name) or 0)

    return Row(
        key, number("said"), number("calls"), number("read"), number("written"), number("price"), number("unpriced")
    )


def names_of(visitors: Iterable[str]) -> dict[str, str]:
    """What visitors are called, by their ids; one who is forgotten has no name, nor has what is no id."""
    ids = [visitor for visitor in visitors if visitor]
    return {str(person.id): person.label for person in Person.objects.filter(id__in=ids)}


def _named(rows: list[Row]) -> list[Row]:
    names = names_of(row.key for row in rows)
    return [Row(**{**vars(row), "words": names.get(row.key, "")}) for row in rows]
