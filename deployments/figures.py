"""How a deployment does, in numbers. Reads only; inside `tenant()`. Tests (`is_test`) count nowhere.

A conversation counts, with all that was said in it, in the hour or day in which it began, and hours and days are UTC.
It is *over* once it has ended or nothing was said in it for `QUIET`. *Answered without a person* is the share of
conversations in which the visitor said something and that are over, where nobody asked for a person and none joined.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncDay, TruncHour
from django.utils import timezone

from deployments.models import Conversation, Deployment, RefusedOrigin
from deployments.models.conversation import Status

QUIET = dt.timedelta(hours=1)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
MOST_ORIGINS = 50


@dataclass(frozen=True)
class Period:
    """A stretch of time up to now, in hours or days of which the last one is still going on."""

    key: str
    words: str
    step: dt.timedelta
    steps: int

    @property
    def is_hourly(self) -> bool:
        """Whether its steps are hours; days otherwise."""
        return self.step == HOUR

    @property
    def length(self) -> dt.timedelta:
        """How far the period before lies back."""
        return self.step * self.steps

    def start(self, now: dt.datetime) -> dt.datetime:
        """When it began."""
        now = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
        first = now if self.is_hourly else now.replace(hour=0)
        return first - self.step * (self.steps - 1)


PERIODS = {
    period.key: period
    for period in (
        Period("24h", "24 hours", HOUR, 24),
        Period("7d", "7 days", DAY, 7),
        Period("30d", "30 days", DAY, 30),
        Period("90d", "90 days", DAY, 90),
    )
}
DEFAULT_PERIOD = PERIODS["7d"]


@dataclass(frozen=True)
class Figures:
    """What was counted of some conversations."""

    sessions: int = 0  # conversations begun
    messages: int = 0  # said in them, by both sides
    spoken: int = 0  # in which the visitor said something
    settled: int = 0  # of those: over
    alone: int = 0  # of those: without a person
    errors: int = 0  # turns that failed
    failed: int = 0  # conversations with such a turn
    ended: int = 0  # no longer active

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, it.name) + getattr(other, it.name) for it in fields(Figures)))

    @property
    def alone_share(self) -> float | None:
        """Answered without a person, 0 to 1; None where none is over yet."""
        return self.alone / self.settled if self.settled else None

    @property
    def failed_share(self) -> float | None:
        """Conversations with an error, 0 to 1; None where none has begun."""
        return self.failed / self.sessions if self.sessions else None


@dataclass(frozen=True)
class Step:
    """The figures of one hour or day."""

    at: dt.datetime
    figures: Figures


@dataclass(frozen=True)
class OfOrigin:
    """The figures of one origin ("" for programs that send none)."""

    origin: str
    figures: Figures
    last_at: dt.datetime


@dataclass(frozen=True)
class Refused:
    """Origins turned away in the period. Their page loads are counted since `since`, which may be before it."""

    origins: int = 0
    times: int = 0
    since: dt.datetime | None = None


@dataclass(frozen=True)
class Numbers:
    """A deployment's numbers of a period; `before` is the same stretch of the period before it."""

    period: Period
    starts_at: dt.datetime
    ends_at: dt.datetime
    total: Figures
    before: Figures
    steps: list[Step]
    origins: list[OfOrigin]  # the most conversations first
    more_origins: int  # further ones, which are left out
    refused: Refused


@dataclass(frozen=True)
class OfVariant:
    """The figures of one variant of a rollout, and how many visitors they are."""

    figures: Figures
    visitors: int = 0


def of(deployment: Deployment, period: Period = DEFAULT_PERIOD, most_origins: int | None = MOST_ORIGINS) -> Numbers:
    """The numbers of a deployment, in four queries; `most_origins` None: all of them."""
    now = timezone.now()
    start = period.start(now)
    real = Conversation.objects.filter(deployment=deployment, is_test=False)
    within = real.filter(started_at__gte=start, started_at__lt=now)
    before = real.filter(started_at__gte=start - period.length, started_at__lt=now - period.length)
    steps = _steps(within, period, start)
    origins = _origins(within)
    shown = origins[:most_origins]
    return Numbers(
        period=period,
        starts_at=start,
        ends_at=now,
        total=sum((step.figures for step in steps), Figures()),
        before=_figures(before.aggregate(**_counts())),
        steps=steps,
        origins=shown,
        more_origins=len(origins) - len(shown),
        refused=_refused(deployment, start),
    )


def of_many(deployment_ids: Iterable[UUID], period: Period = DEFAULT_PERIOD) -> Mapping[UUID, Figures]:
    """The figures of several deployments in one query: for a line on each one's card."""
    ids, now = list(deployment_ids), timezone.now()
    rows = Conversation.objects.filter(deployment_id__in=ids, is_test=False, started_at__gte=period.start(now))
    found = {row["deployment_id"]: _figures(row) for row in rows.values("deployment_id").annotate(**_counts())}
    return {deployment_id: found.get(deployment_id, Figures()) for deployment_id in ids}


def of_rollouts(rollout_ids: Iterable[UUID]) -> Mapping[UUID, Mapping[str, OfVariant]]:
    """The figures of both variants of each rollout, in one query."""
    ids = list(rollout_ids)
    rows = (
        Conversation.objects.filter(rollout_id__in=ids, is_test=False)
        .values("rollout_id", "variant")
        .annotate(visitors=Count("person_id", distinct=True), **_counts())
    )
    found: dict[UUID, dict[str, OfVariant]] = {id_: {name: OfVariant(Figures()) for name in "ab"} for id_ in ids}
    for row in rows:
        found[row["rollout_id"]][row["variant"]] = OfVariant(_figures(row), row["visitors"])
    return found


# --- Parts --------------------------------------------------------------------------------------------------------


def _counts() -> dict[str, Any]:
    """The aggregates behind `Figures`."""
    spoken = Q(visitor_messages__gt=0)
    settled = spoken & (~Q(status=Status.ACTIVE) | Q(last_activity_at__lt=timezone.now() - QUIET))
    return {
        "sessions": Count("id"),
        "messages": Coalesce(Sum("head_seq"), 0),
        "spoken": Count("id", filter=spoken),
        "settled": Count("id", filter=settled),
        "alone": Count("id", filter=settled & Q(person_wanted_at=None)),
        "errors": Coalesce(Sum("failures"), 0),
        "failed": Count("id", filter=Q(failures__gt=0)),
        "ended": Count("id", filter=~Q(status=Status.ACTIVE)),
    }


def _figures(row: Mapping[str, Any]) -> Figures:
    return Figures(*(row[it.name] for it in fields(Figures)))


def _steps(within: QuerySet[Conversation], period: Period, start: dt.datetime) -> list[Step]:
    """Every hour or day of the period, the empty ones too."""
    cut = TruncHour if period.is_hourly else TruncDay
    rows = within.annotate(at=cut("started_at", tzinfo=dt.UTC)).values("at").annotate(**_counts())
    found = {row["at"]: _figures(row) for row in rows}
    moments = (start + period.step * place for place in range(period.steps))
    return [Step(at, found.get(at, Figures())) for at in moments]


def _origins(within: QuerySet[Conversation]) -> list[OfOrigin]:
    rows = within.values("origin").annotate(last_at=Max("last_activity_at"), **_counts())
    found = [OfOrigin(row["origin"], _figures(row), row["last_at"]) for row in rows]
    return sorted(found, key=lambda it: (-it.figures.sessions, it.origin))


def _refused(deployment: Deployment, start: dt.datetime) -> Refused:
    rows = RefusedOrigin.objects.filter(deployment=deployment, last_seen_at__gte=start)
    return Refused(**rows.aggregate(origins=Count("id"), times=Coalesce(Sum("count"), 0), since=Min("first_seen_at")))
