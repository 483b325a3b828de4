"""The Numbers tab of a deployment: how it does, now and before, over time and by origin; and its tables as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from convoship.lib.amounts import percent, whole
from convoship.lib.times import moment
from deployments import figures
from deployments.figures import Figures, Numbers, Period
from deployments.pages import bars, queries
from deployments.pages.bars import Bars
from workspaces.access import WorkspaceRequest, workspace_page

_COLUMNS = ("conversations", "messages", "over", "without_a_person", "without_a_person_percent", "errors")


@dataclass(frozen=True)
class Tile:
    """One number with its course: `change` says how it was before."""

    name: str
    value: str
    change: str
    chart: Bars


@require_safe
@workspace_page("deployments.read")
def numbers(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """The numbers of a period."""
    row = queries.deployment(deployment_id)
    found = figures.of(row, _period(request))
    context = {
        "deployment": row,
        "assistant": row.assistant,
        "periods": figures.PERIODS.values(),
        "numbers": found,
        "tiles": tiles(found),
        "is_empty": not (found.total.sessions or found.before.sessions),
    }
    return render(request, "deployments/numbers.html", context)


def _period(request: WorkspaceRequest) -> Period:
    """The period that was asked for; the usual one where it was asked for badly."""
    return figures.PERIODS.get(request.GET.get("period", ""), figures.DEFAULT_PERIOD)


def tiles(found: Numbers) -> list[Tile]:
    """The four numbers that are shown large."""
    return [
        _count(found, "Conversations", lambda it: it.sessions),
        _count(found, "Messages", lambda it: it.messages),
        _share(found),
        _count(found, "Errors", lambda it: it.errors),
    ]


def _count(found: Numbers, name: str, of: Callable[[Figures], int]) -> Tile:
    now, before = of(found.total), of(found.before)
    chart = bars.drawn(
        name,
        [(step.at, of(step.figures), whole(of(step.figures))) for step in found.steps],
        hourly=found.period.is_hourly,
    )
    return Tile(name, whole(now), count_change(now, before, found.period), chart)


def _share(found: Numbers) -> Tile:
    now, before = found.total.alone_share, found.before.alone_share
    name = "Answered without a person"
    chart = bars.drawn(
        name,
        [(step.at, step.figures.alone_share, percent(step.figures.alone_share)) for step in found.steps],
        hourly=found.period.is_hourly,
        top=1,
    )
    return Tile(name, percent(now), share_change(now, before, found.period), chart)


def count_change(now: int, before: int, period: Period) -> str:
    """How a count compares with the period before, in words."""
    if not before:
        return f"none in the {period.words} before" if now else f"as in the {period.words} before"
    if now == before:
        return f"as many as in the {period.words} before"
    word = "more" if now > before else "fewer"
    much = percent(abs(now - before) / before) if abs(now - before) < 10 * before else f"{round(now / before)} times"
    return f"{much} {word} than the {whole(before)} in the {period.words} before".replace("times more than", "times")


def share_change(now: float | None, before: float | None, period: Period) -> str:
    """How a share compares with the period before, in words."""
    if before is None:
        return f"no conversation to compare in the {period.words} before"
    if now is None:
        return f"{percent(before)} in the {period.words} before"
    points = round(now * 100) - round(before * 100)
    if not points:
        return f"as in the {period.words} before"
    unit = "point" if abs(points) == 1 else "points"
    return f"{abs(points)} {unit} {'up' if points > 0 else 'down'} from the {period.words} before"


@require_safe
@workspace_page("deployments.read")
def numbers_csv(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """The table by time or by origin as a file. Times are UTC."""
    row, period = queries.deployment(deployment_id), _period(request)
    table = _TABLES.get(request.GET.get("table", "time"))
    if table is None:
        raise Http404
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"numbers-{row.id.hex[:8]}-{period.key}-by-{request.GET.get('table', 'time')}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    csv.writer(answer).writerows(table(figures.of(row, period, most_origins=None)))
    return answer


def _by_time(found: Numbers) -> Iterator[tuple[object, ...]]:
    yield ("from", *_COLUMNS)
    for step in found.steps:
        yield (moment(step.at), *_cells(step.figures))


def _by_origin(found: Numbers) -> Iterator[tuple[object, ...]]:
    yield ("origin", *_COLUMNS, "last")
    for each in found.origins:
        yield (each.origin or "(programs)", *_cells(each.figures), moment(each.last_at))


def _cells(it: Figures) -> tuple[object, ...]:
    share = "" if it.alone_share is None else f"{it.alone_share * 100:.1f}"
    return (it.sessions, it.messages, it.settled, it.alone, share, it.errors)


_TABLES = {"time": _by_time, "origin": _by_origin}
