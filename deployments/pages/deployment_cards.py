"""Deployments as the pages show them in lists: status, tokens, last use; and which of them are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from deployments import deploying, figures, rollouts, token_uses
from deployments.figures import Figures
from deployments.models import Deployment, DeploymentToken, Rollout
from deployments.token_uses import LastUse

# So many are read at a glance; more can be filtered.
MOST_AT_A_GLANCE = 3
PAGE_SIZE = 20
STATUSES = ("live", "paused", "expired")


@dataclass(frozen=True)
class Card:
    """A deployment with what the pages show of it.

    `older`: tokens that still work beside the newest. `figures`: of the last days. `rollout`: the one that runs.
    """

    deployment: Deployment
    prefix: str
    older: Sequence[DeploymentToken]
    snippet: str
    last: LastUse
    figures: Figures
    rollout: Rollout | None


def cards(deployments: Sequence[Deployment]) -> list[Card]:
    """Cards of these, in a few queries for all of them."""
    ids = [row.id for row in deployments]
    last, lately, running = token_uses.last_uses(deployments), figures.of_many(ids), rollouts.running_of(ids)
    return [_card(row, last[row.id], lately[row.id], running.get(row.id)) for row in deployments]


def _card(deployment: Deployment, last: LastUse, lately: Figures, rollout: Rollout | None) -> Card:
    tokens = sorted(deployment.tokens.all(), key=lambda token: token.created_at, reverse=True)
    return Card(
        deployment=deployment,
        prefix=tokens[0].prefix if tokens else "",
        older=[token for token in tokens[1:] if not token.is_expired],
        snippet=deploying.placeholder_snippet(deployment) if tokens else "",
        last=last,
        figures=lately,
        rollout=rollout,
    )


@dataclass(frozen=True)
class Choice:
    """One choice of a filter."""

    value: str
    words: str
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class Filters:
    """What was chosen, and what there is to choose. Nothing where there are few enough to see them all."""

    label: str
    status: str
    labels: Sequence[Choice]
    statuses: Sequence[Choice]

    def lets(self, row: Deployment) -> bool:
        """Whether the row is shown. An environment is the same in capitals and without."""
        return self.label.casefold() in {"", row.label.casefold()} and self.status in {"", row.status}


def filters(request: HttpRequest, rows: Sequence[Deployment]) -> Filters:
    """The filters of a list of deployments, the newest first; what isn't among the choices chooses nothing."""
    if len(rows) <= MOST_AT_A_GLANCE:
        return Filters("", "", (), ())
    # By what makes two the same, as the newest writes it.
    names = {row.label.casefold(): row.label for row in reversed(rows) if row.label}
    labels, found = Counter(row.label.casefold() for row in rows), Counter(row.status for row in rows)
    statuses = [status for status in STATUSES if found[status]]
    label, status = request.GET.get("label", "").casefold(), request.GET.get("status", "")
    label, status = label if label in names else "", status if status in statuses else ""
    return Filters(
        names.get(label, ""),
        status,
        [Choice(names[key], names[key], labels[key], key == label) for key in sorted(names)],
        [Choice(name, name.title(), found[name], name == status) for name in statuses]
        if len(statuses) > 1 or status
        else [],
    )


@dataclass(frozen=True)
class Page:
    """A page of a list: which are shown, whether it is the first, and the one that the next begins after."""

    ids: Sequence[UUID]
    is_first: bool
    older: UUID | None


def page(request: HttpRequest, rows: Sequence[Deployment]) -> Page:
    """The page of the list that begins after `?after=`; the first where that is none of them."""
    ids = [row.id for row in rows]
    after = next((place for place, id_ in enumerate(ids, 1) if str(id_) == request.GET.get("after", "")), 0)
    shown = ids[after : after + PAGE_SIZE]
    return Page(shown, after == 0, shown[-1] if after + PAGE_SIZE < len(ids) else None)
