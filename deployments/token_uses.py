"""Who uses which token of a deployment: by origin, as `tallies` counts them. Inside `tenant()`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from deployments.models import Deployment, DeploymentToken, TokenUse

MOST_TOKENS = 50
# Ending a token that was used within this time takes a second thought.
LATELY = dt.timedelta(days=1)


@dataclass(frozen=True)
class TokenInUse:
    """A token that opens sessions now, with its uses by origin, the last one first.

    `since`: when the newest token was made. An older token's uses after that are pages that lack the new one.
    """

    token: DeploymentToken
    is_current: bool
    since: dt.datetime
    uses: Sequence[TokenUse]

    @property
    def last(self) -> TokenUse | None:
        """Its last use."""
        return self.uses[0] if self.uses else None

    @property
    def remaining(self) -> list[TokenUse]:
        """Where an older token was still used after there was a newer one."""
        return [use for use in self.uses if use.last_used_at > self.since]

    @property
    def unused_since(self) -> dt.datetime:
        """For an older token that nobody uses any more: since when."""
        return self.last.last_used_at if self.last else self.token.created_at

    @property
    def was_used_lately(self) -> bool:
        """Whether somebody used it in the last day."""
        return self.last is not None and self.last.last_used_at > timezone.now() - LATELY


def in_use(deployment: Deployment) -> list[TokenInUse]:
    """The tokens that open sessions now, the newest first."""
    tokens = sorted(deployment.tokens.all(), key=lambda token: token.created_at, reverse=True)
    live = [token for token in tokens if not token.is_expired][:MOST_TOKENS]
    uses: dict[UUID, list[TokenUse]] = {token.id: [] for token in live}
    for use in TokenUse.objects.filter(token__in=live).order_by("-last_used_at"):
        uses[use.token_id].append(use)
    return [TokenInUse(token, token is tokens[0], tokens[0].created_at, uses[token.id]) for token in live]


@dataclass(frozen=True)
class LastUse:
    """When and where a deployment was used last ("" is a program), and how much it was used in all."""

    at: dt.datetime | None = None
    origin: str = ""
    loads: int = 0
    sessions: int = 0


def last_uses(deployments: Iterable[Deployment]) -> dict[UUID, LastUse]:
    """The last use of each, in two queries for all of them."""
    rows = list(deployments)
    uses = TokenUse.objects.filter(deployment__in=rows)
    sums = {
        found["deployment_id"]: (int(found["loads"]), int(found["sessions"]))
        for found in uses.values("deployment_id").annotate(loads=Sum("loads"), sessions=Sum("sessions"))
    }
    latest = {
        use.deployment_id: use for use in uses.order_by("deployment_id", "-last_used_at").distinct("deployment_id")
    }
    return {row.id: _last_use(row, latest.get(row.id), sums.get(row.id, (0, 0))) for row in rows}


def _last_use(row: Deployment, use: TokenUse | None, sums: tuple[int, int]) -> LastUse:
    at, origin = row.last_used_at, row.last_used_origin
    # Session starts are noted at once but once a minute; the tallies know page loads too, seconds later.
    if use is not None and (at is None or use.last_used_at > at):
        at, origin = use.last_used_at, use.origin
    return LastUse(at, origin, *sums)
