"""Cursor pages, `{results, next, previous}`: stable while rows come and go, and as quick far down as on top."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import invalid
from workspaces.api.ids import parsed_id

DEFAULT_LIMIT = 25
LARGEST_LIMIT = 100
LARGEST_WHOLE_NUMBER = 2**31 - 1
# The query parameters of every list.
PARAMETERS = ("cursor", "limit")

Place = dt.datetime | int


@dataclass(frozen=True)
class Cursor:
    """A place between two rows, and which way to read from it."""

    place: Place
    id: UUID
    backward: bool

    def text(self) -> str:
        """As it stands in an address."""
        place = self.place.isoformat() if isinstance(self.place, dt.datetime) else self.place
        raw = json.dumps([place, str(self.id), int(self.backward)]).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True)
class Order:
    """What a list is ordered by: a column of times or of whole numbers, then the id."""

    column: str
    descending: bool = True
    of: type = dt.datetime

    def columns(self, *, reverse: bool) -> tuple[str, str]:
        """For `order_by`."""
        sign = "-" if self.descending != reverse else ""
        return f"{sign}{self.column}", f"{sign}id"

    def beyond(self, cursor: Cursor) -> Q:
        """The rows that lie past the cursor, in its direction."""
        word = "lt" if self.descending != cursor.backward else "gt"
        tie = Q(**{self.column: cursor.place, f"id__{word}": cursor.id})
        return Q(**{f"{self.column}__{word}": cursor.place}) | tie

    def cursor_at(self, row: Model, *, backward: bool) -> str:
        """The cursor of a row."""
        return Cursor(getattr(row, self.column), row.pk, backward).text()


def page(request: Request, rows: QuerySet[Any], order: Order, render: Callable[[Any], dict[str, Any]]) -> Response:
    """One page of the rows as `?cursor=` and `?limit=` want it."""
    limit = _limit(request)
    cursor = _cursor(request, order)
    backward = cursor is not None and cursor.backward
    if cursor is not None:
        rows = rows.filter(order.beyond(cursor))
    found = list(rows.order_by(*order.columns(reverse=backward))[: limit + 1])
    has_more, found = len(found) > limit, found[:limit]
    if backward:
        found.reverse()
    # Where we came from there is a page, unless it has been emptied since; that one then has no further one.
    has_next = has_more if not backward else True
    has_previous = has_more if backward else cursor is not None
    return Response(
        {
            "results": [render(row) for row in found],
            "next": _address(request, order.cursor_at(found[-1], backward=False)) if found and has_next else None,
            "previous": _address(request, order.cursor_at(found[0], backward=True)) if found and has_previous else None,
        }
    )


def _limit(request: Request) -> int:
    value = request.query_params.get("limit")
    if value is None:
        return DEFAULT_LIMIT
    if not (value.isascii() and value.isdigit() and len(value) < 5 and 1 <= int(value) <= LARGEST_LIMIT):
        raise invalid({"limit": [f"A whole number from 1 to {LARGEST_LIMIT}."]})
    return int(value)


def _cursor(request: Request, order: Order) -> Cursor | None:
    value = request.query_params.get("cursor")
    if value is None:
        return None
    try:
        return _parsed(value, order)
    except (ValueError, TypeError):
        raise invalid({"cursor": ["Not a cursor of this list: take it from `next` or `previous`."]}) from None


def _parsed(value: str, order: Order) -> Cursor:
    """The cursor, or ValueError: it comes from outside, so nothing of it is believed."""
    if len(value) > 200:
        raise ValueError("too long")
    raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    place, row_id, backward = json.loads(raw)
    parsed = parsed_id(row_id) if isinstance(row_id, str) else None
    if parsed is None or backward not in (0, 1):
        raise ValueError("no cursor")
    if order.of is int:
        if type(place) is not int or not 0 <= place <= LARGEST_WHOLE_NUMBER:
            raise ValueError("no whole number")
        return Cursor(place, parsed, bool(backward))
    moment = dt.datetime.fromisoformat(place)
    if moment.utcoffset() != dt.timedelta(0):
        raise ValueError("no moment in UTC")
    return Cursor(moment, parsed, bool(backward))


def _address(request: Request, cursor: str) -> str:
    query = {name: request.query_params[name] for name in sorted(request.query_params) if name != "cursor"}
    return f"{settings.PUBLIC_BASE_URL}{request.path}?{urlencode({**query, 'cursor': cursor})}"
