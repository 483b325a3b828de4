"""Deployments as the pages show them in lists: status, tokens, last use; and which of them are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from deployments import deploying, figures, rollouts, token_uses
from deployments.figures import Figures
from deployments.models import Deployment, DeploymentToken, Rollout
from deployments.token_uses import LastUse

# So many are read at a glance; more can be filtered.
MOST_AT_A_GLANCE = 3
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
        """Whether the row is shown."""
        return self.label in {"", row.label} and self.status in {"", row.status}


def filters(request: HttpRequest, rows: Sequence[Deployment]) -> Filters:
    """The filters of a list of deployments; what isn't among the choices chooses nothing."""
    if len(rows) <= MOST_AT_A_GLANCE:
        return Filters("", "", (), ())
    labels = sorted({row.label for row in rows if row.label})
    statuses = [status for status in STATUSES if any(row.status == status for row in rows)]
    label, status = request.GET.get("label", ""), request.GET.get("status", "")
    label, status = label if label in labels else "", status if status in statuses else ""
    return Filters(
        label,
        status,
        [Choice(name, name, sum(row.label == name for row in rows), name == label) for name in labels],
        [Choice(name, name.title(), sum(row.status == name for row in rows), name == status) for name in statuses]
        if len(statuses) > 1 or status
        else [],
    )
