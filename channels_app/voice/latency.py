"""How fast a connection answers in calls, and how its calls end: over the last 24 hours, and the last seven days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection as database
from django.db.models import Count
from django.utils import timezone

from channels_app.models import Call, Connection
from channels_app.models.call import CallOutcome, CallState
from convoship.lib.tenancy import entered_workspace_id

SPANS: Mapping[str, dt.timedelta] = {"24h": dt.timedelta(hours=24), "7d": dt.timedelta(days=7)}
LABELS: Mapping[str, str] = {"24h": "Last 24 hours", "7d": "Last 7 days"}


@dataclass(frozen=True)
class Spread:
    """The middle of what was measured, and what 95 of 100 stay below, in milliseconds; None: nothing was."""

    p50: int | None = None
    p95: int | None = None


@dataclass(frozen=True)
class Measured:
    """One span of time. `platform` is our own part of an answer's latency, `responder` its responder's.

    `first_word`: both together. `turns`: how many were measured. `outcomes` counts the calls that began in it and have
    ended, `going_on` those that have not.
    """

    span: str
    label: str
    turns: int
    platform: Spread
    responder: Spread
    first_word: Spread
    outcomes: Mapping[str, int]
    going_on: int

    @property
    def calls(self) -> int:
        """How many calls began in it."""
        return sum(self.outcomes.values()) + self.going_on

    @property
    def ended(self) -> list[tuple[str, str, int]]:
        """Each outcome that there was: its name, its words, how many."""
        return [
            (value, str(CallOutcome(value).label), count)
            for value, count in sorted(self.outcomes.items(), key=lambda one: -one[1])
        ]


# Django has no percentiles.
_SPREAD = """
SELECT count(*),
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY t.platform_ms),
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY t.responder_ms),
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY t.platform_ms + t.responder_ms)
  FROM channels_app_callturn t JOIN channels_app_call c ON c.id = t.call_id
 WHERE c.connection_id = %(connection)s AND c.workspace_id = %(workspace)s
   AND t.heard_at > %(since)s AND c.began_at > %(since)s - interval '1 day' AND t.platform_ms IS NOT NULL
"""


def of(connection: Connection) -> list[Measured]:
    """Both spans, the shorter first. Inside `tenant()`."""
    now = timezone.now()
    return [_measured(connection, span, now - length) for span, length in SPANS.items()]


def _measured(connection: Connection, span: str, since: dt.datetime) -> Measured:
    with database.cursor() as cursor:
        values: dict[str, Any] = {"connection": connection.id, "workspace": entered_workspace_id(), "since": since}
        cursor.execute(_SPREAD, values)
        turns, platform, responder, first_word = cursor.fetchone() or (0, None, None, None)
    rows = Call.objects.filter(connection=connection, began_at__gt=since)
    counted = rows.exclude(state=CallState.ENDED).count()
    ended = rows.filter(state=CallState.ENDED).order_by().values_list("outcome").annotate(count=Count("pk"))
    return Measured(
        span,
        LABELS[span],
        turns,
        _spread(platform),
        _spread(responder),
        _spread(first_word),
        dict(ended),
        counted,
    )


def _spread(found: list[float | None] | None) -> Spread:
    p50, p95 = found or (None, None)
    return Spread(None if p50 is None else round(p50), None if p95 is None else round(p95))
